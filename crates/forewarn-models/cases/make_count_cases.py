"""Writes counts.json: what scipy says of the negative binomial, and statsforecast of Croston's method and SBA.

pip install scipy statsforecast; python make_count_cases.py
"""
import json, warnings
import numpy as np
from scipy.stats import nbinom, poisson
from statsforecast.models import CrostonClassic, CrostonSBA

warnings.filterwarnings("ignore")
levels = [0.05, 0.1, 0.2, 0.5, 0.8, 0.9, 0.95]
law = lambda m, s: poisson(m) if s == 0 else nbinom(1 / s, 1 / (1 + s * m))
pairs = [(0.02, 0.0), (0.3, 5.0), (1.0, 0.0), (2.5, 0.4), (9.0, 1.7), (40.0, 0.05), (120.0, 0.0), (350.0, 0.2)]
cdf = [[float(y), m, s, float(law(m, s).cdf(y))] for m, s in pairs for y in (0, 1, 3, 20, 150)]
quantiles = [[m, s, *[float(v) for v in law(m, s).ppf(levels)]] for m, s in pairs]
rng = np.random.default_rng(4)
series = [[0, 3, 0, 0, 1, 0, 2, 0, 0, 0, 4, 0], [2, 2, 2, 2, 2, 2], [float(v) for v in rng.poisson(0.4, 40)], [0, 0, 0, 0, 7]]
rates = [
    {"series": [float(v) for v in y], "croston": float(CrostonClassic().forecast(np.array(y, float), 1)["mean"][0]),
     "sba": float(CrostonSBA().forecast(np.array(y, float), 1)["mean"][0])}
    for y in series
]
json.dump({"cdf": cdf, "quantiles": quantiles, "rates": rates}, open("counts.json", "w"), indent=1)
