"""Groups texts as an experienced scikit-learn user would: TF-IDF, truncated SVD, k-means; V-measure against classes.

python text_groups.py TEXTS.csv TEXT_COLUMN CLASS_COLUMN K

TF-IDF with sublinear term frequencies, words of at least 5 texts and at most half of them; 100 directions and rows of
length 1, as scikit-learn's own text clustering example has it; k-means with 5 starts. The best of the seeds tried is not
taken: each is printed, with its time from the texts to the labels.
"""
import sys
import time

import pandas as pd
from sklearn.cluster import KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import v_measure_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer


def main():
    path, text, klass, k = sys.argv[1:5]
    df = pd.read_csv(path)
    texts, classes = df[text].fillna(""), df[klass]
    for seed in range(3):
        start = time.time()
        x = TfidfVectorizer(sublinear_tf=True, min_df=5, max_df=0.5, stop_words="english").fit_transform(texts)
        x = make_pipeline(TruncatedSVD(100, random_state=seed), Normalizer(copy=False)).fit_transform(x)
        labels = KMeans(int(k), n_init=5, random_state=seed).fit_predict(x)
        seconds = time.time() - start
        print(f"k {k} seed {seed} V-measure {v_measure_score(classes, labels):.4f} seconds {seconds:.1f}")


if __name__ == "__main__":
    main()
