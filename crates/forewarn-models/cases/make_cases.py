"""Makes cases.json: results of public libraries that the unit tests compare with.

python make_cases.py > all.json     all topics
python make_cases.py cases.json     adds the topics that cases.json does not hold yet

Made with scikit-learn 1.9.1, scipy 1.17.1, numpy 2.4.6, lifelines 0.30.3 and scikit-survival 0.28.0. The last digits of
a logistic regression differ between processors, so stored topics are kept as they stand, byte for byte. Each topic from
`metrics_extreme` on has a generator of its own; a new one comes last.
"""
import json
import sys
import warnings

import numpy as np
from lifelines import KaplanMeierFitter
from lifelines.utils import concordance_index
from scipy import special, stats
from sklearn.calibration import calibration_curve
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (average_precision_score, brier_score_loss, d2_brier_score, log_loss, precision_score,
                             recall_score, roc_auc_score)
from sklearn.preprocessing import StandardScaler
from sksurv.metrics import brier_score, concordance_index_censored, cumulative_dynamic_auc
from sksurv.nonparametric import CensoringDistributionEstimator
from sksurv.util import Surv

warnings.simplefilter("ignore")
rng = np.random.default_rng(20240607)


def ece(y, p, bins=20):
    b = (np.argsort(np.argsort(p, kind="stable"), kind="stable") * bins // len(p)).astype(int)
    n = np.bincount(b, minlength=bins)
    return np.abs(np.bincount(b, p, bins) - np.bincount(b, y, bins)).sum() / n.sum()


def metric_case(n, rate, decimals, weighted):
    score = np.round(1 / (1 + np.exp(-rng.normal(-2, 1.5, n))), decimals)
    y = (rng.random(n) < np.clip(score * rate, 0, 1)).astype(float)
    y[0], y[1] = 1.0, 0.0
    w = np.round(rng.exponential(2.0, n) * (rng.random(n) < 0.9), 3) if weighted else np.ones(n)
    w[:2] = 1.0
    base = np.average(y, weights=w)
    return {
        "outcome": y, "score": score, "weight": w,
        "average_precision": average_precision_score(y, score, sample_weight=w),
        "roc_auc": roc_auc_score(y, score, sample_weight=w),
        "brier": brier_score_loss(y, score, sample_weight=w),
        "brier_skill": 1 - np.average((score - y) ** 2, weights=w) / np.average((y - base) ** 2, weights=w),
        "log_loss": log_loss(y, np.clip(score, 1e-12, 1 - 1e-12), sample_weight=w),
        "ece": None if weighted else ece(y, score),
    }


def logistic_case(n, p, c):
    x = rng.normal(size=(n, p)) * np.array([1.0, 10.0, 0.1, 3.0][:p]) + np.array([0.0, 5.0, 1.0, -2.0][:p])
    z = 3.0 + x @ (np.array([0.8, 0.1, -5.0, 0.0][:p]))
    y = (rng.random(n) < 1 / (1 + np.exp(-z))).astype(float)
    w = np.round(rng.uniform(0.5, 20.0, n), 2)
    x = np.round(x, 4)
    scaled = StandardScaler().fit(x, sample_weight=w).transform(x)
    fit = LogisticRegression(C=c, tol=1e-14, max_iter=10000, solver="newton-cholesky").fit(scaled, y, sample_weight=w)
    return {"columns": x.T, "outcome": y, "weight": w, "ridge": 1 / c, "coefficients": fit.coef_[0], "intercept": fit.intercept_[0],
            "log_odds": fit.decision_function(scaled)}


def isotonic_case(n):
    x = np.round(rng.normal(size=n), 1)
    y = (rng.random(n) < 1 / (1 + np.exp(-x))).astype(float)
    w = np.round(rng.uniform(0.5, 5.0, n), 2)
    fit = IsotonicRegression(out_of_bounds="clip").fit(x, y, sample_weight=w)
    at = np.round(np.linspace(-4, 4, 41), 3)
    return {"log_odds": x, "outcome": y, "weight": w, "at": at, "probability": fit.predict(at)}


def ece_weighted(y, p, w, bins=20):
    """By rank, ties in the caller's order; a row is in the bin in which its weight begins."""
    o = np.argsort(p, kind="stable")
    before = np.cumsum(w[o]) - w[o]
    b = np.minimum(np.floor(before * bins / w.sum()), bins - 1).astype(int)
    return np.abs(np.bincount(b, (w * (p - y))[o], bins)).sum() / w.sum()


def extreme_case(y, score, w):
    """Weights are multiples of a power of two, so that their sums are exact and no row is on the wrong side of a bin."""
    return {
        "outcome": y, "score": score, "weight": w,
        "average_precision": average_precision_score(y, score, sample_weight=w),
        "roc_auc": roc_auc_score(y, score, sample_weight=w),
        "brier": brier_score_loss(y, score, sample_weight=w),
        "brier_skill": d2_brier_score(y, score, sample_weight=w),
        "log_loss": log_loss(y, np.clip(score, 1e-12, 1 - 1e-12), sample_weight=w),
        "ece": ece_weighted(y, score, w),
    }


def extreme_cases():
    rng = np.random.default_rng([20240607, 1])
    coin = lambda n: np.r_[1.0, 0.0, (rng.random(n - 2) < 0.4).astype(float)]
    eighths = lambda n: np.r_[1.0, 1.0, np.round(8 * rng.exponential(2.0, n - 2) * (rng.random(n - 2) < 0.8)) / 8]
    # Certain and wrong on both sides, with ties.
    certain = lambda n: rng.choice([0.0, 1e-15, 1e-9, 0.2, 0.5, 0.8, 1 - 1e-9, 1.0], n, p=[0.2, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2])
    plain = extreme_case(coin(90), certain(90), np.ones(90))
    weighted = extreme_case(coin(90), certain(90), eighths(90))
    only = extreme_case(coin(30), rng.choice([0.0, 1.0], 30), eighths(30))
    one_score = extreme_case(coin(24), np.full(24, 0.25), eighths(24))
    tied = extreme_case(coin(120), np.round(rng.beta(0.4, 1.5, 120), 1), eighths(120))
    wide = extreme_case(coin(80), np.round(rng.beta(0.4, 1.5, 80), 4), 2.0 ** rng.integers(-20, 21, 80))
    # Distinct scores in 20 equal bins: scikit-learn's calibration curve gives the same error.
    y, p = coin(100), rng.permutation(np.round((np.arange(100) + 0.5) / 100 * 0.9, 4))
    distinct = extreme_case(y, p, np.ones(100))
    true, predicted = calibration_curve(y, p, n_bins=20, strategy="quantile")
    assert len(true) == 20 and abs(distinct["ece"] - np.abs(true - predicted).mean()) < 1e-12
    distinct["ece"] = np.abs(true - predicted).mean()
    return [plain, weighted, only, one_score, tied, wide, distinct]


def top_k_case(rng, n, n_groups, decimals, rate, weighted, lengths):
    """Weights are whole numbers: scikit-learn and numpy see each row so many times."""
    score = np.round(rng.random(n), decimals)
    y = (rng.random(n) < rate * (0.3 + score)).astype(float)
    w = rng.integers(0, 4, n) if weighted else np.ones(n, dtype=int)
    group = rng.permutation(np.r_[np.arange(n_groups), np.sort(rng.integers(0, n_groups, n - n_groups) // 2 * 2)])
    if n_groups > 2:
        y[group == 1] = 0.0
        w[group == 3] = 0
    days = np.round(30 * rng.random(n), 1)

    def listed(k):
        precision, recall, base, hit_days = [], [], [], []
        for g in range(n_groups):
            rows = np.repeat(np.flatnonzero(group == g), w[group == g])
            if len(rows) == 0:
                continue
            on = np.zeros(len(rows))
            on[np.argsort(-score[rows], kind="stable")[:k]] = 1.0
            precision.append(precision_score(y[rows], on))
            base.append(y[rows].mean())
            if y[rows].any():
                recall.append(recall_score(y[rows], on))
            hit_days.extend(days[rows][(on > 0) & (y[rows] > 0)])
        q = np.quantile(hit_days, [0.25, 0.5, 0.75]) if hit_days else [None] * 3
        return {
            "k": k, "precision": np.mean(precision), "recall": np.mean(recall) if recall else None,
            "lift": np.mean(precision) / np.mean(base) if np.mean(base) > 0 else None,
            "n_hits": len(hit_days) or None, "q25_days": q[0], "median_days": q[1], "q75_days": q[2],
        }

    return {"outcome": y, "score": score, "weight": w, "group": group, "days": days, "lists": [listed(k) for k in lengths]}


def top_k_cases():
    rng = np.random.default_rng([20240607, 2])
    return [
        top_k_case(rng, 60, 1, 6, 0.3, False, [1, 5, 20, 60, 100]),
        top_k_case(rng, 60, 1, 1, 0.3, False, [1, 2, 3, 10, 25]),
        top_k_case(rng, 40, 1, 1, 0.4, True, [1, 4, 11, 30]),
        top_k_case(rng, 90, 6, 1, 0.3, False, [1, 2, 5, 15]),
        top_k_case(rng, 90, 6, 1, 0.4, True, [1, 3, 10, 40]),
        top_k_case(rng, 12, 1, 2, 0.0, False, [1, 5]),
    ]


def censored_case(name, days, failed, score, fit=None, shift=0.0, windows=(), at=()):
    """`shift` moves censorings behind the failures of the same day (which scikit-survival's scores do not do by themselves)
    before the libraries see them: whole days, so half a day changes nothing else."""
    own = fit is None
    fit_days, fit_failed = (days, failed) if own else fit
    broken = lambda d, f: d + np.where(f, 0.0, shift)
    rows, base = Surv.from_arrays(failed, broken(days, failed)), Surv.from_arrays(fit_failed, broken(fit_days, fit_failed))
    # The estimate of G itself has the convention, so it sees the days as they are.
    g = CensoringDistributionEstimator().fit(Surv.from_arrays(fit_failed, fit_days))
    life = KaplanMeierFitter().fit(broken(fit_days, fit_failed), ~fit_failed)
    # Days have three decimals at most; scikit-survival takes the next smaller number for the same.
    before = lambda t: np.asarray(t, dtype=float) - 1e-6

    def window(h, closed):
        t = h + shift if closed else before(h)
        auc, _ = cumulative_dynamic_auc(base, rows, score, [t])
        _, brier = brier_score(base, rows, 1 - score.reshape(-1, 1), [t])
        return {"days": h, "closed": closed, "auc": auc[0], "brier": brier[0]}

    return {
        "name": name, "own_curve": own, "days": days, "failed": failed.astype(float), "score": score,
        "fit_days": fit_days, "fit_failed": fit_failed.astype(float),
        "at_days": at, "beyond": g.predict_proba(at), "up_to": g.predict_proba(before(at)),
        "beyond_lifelines": life.survival_function_at_times(np.asarray(at) + shift).to_numpy(),
        "concordance_sksurv": concordance_index_censored(failed, days, score)[0],
        "concordance_lifelines": concordance_index(days, -score, failed),
        "windows": [window(h, c) for h in windows for c in (False, True)],
    }


def censored_cases():
    rng = np.random.default_rng([20240607, 3])

    def sample(n, censored_after):
        score = np.round(rng.beta(0.6, 1.2, n), 2)
        life, watch = rng.exponential(60 * (1.3 - score)), rng.uniform(0, censored_after, n)
        return np.minimum(life, watch), life <= watch, score

    def whole(days):
        return np.floor(days)

    cases = []
    d, f, s = sample(70, 90)
    d = np.round(d, 3)
    at = [0.5, 3.0, float(np.median(d)), float(d[~f][0]), float(d[f][0]), float(d.max())]
    inside = [float(v) for v in (sorted(d[~f])[10], sorted(d[f])[20])]
    cases.append(censored_case("real days", d, f, s, windows=[7.0, 30.0, *inside], at=at))
    d, f, s = sample(80, 60)
    d = 2 * whole(d / 4) + ~f
    at = [float(v) for v in np.unique(d) if v > 1] + [5.5]
    cases.append(censored_case("failures on even, censorings on odd days", d, f, s, windows=[4.0, 7.0, 14.0], at=at))
    d, f, s = sample(90, 40)
    d = 1 + whole(d / 3)
    at = [float(v) for v in np.unique(d)] + [2.5, 0.0]
    cases.append(censored_case("failures and censorings on the same whole days", d, f, s, shift=0.5, windows=[2.0, 3.0, 7.0], at=at))
    d, f, s = sample(60, 50)
    fd, ff, _ = sample(100, 100)
    cases.append(censored_case("a curve from other rows", np.round(d, 3), f, s, fit=(np.round(fd, 3), ff), windows=[7.0, 30.0],
                               at=[1.0, 10.0, 40.0]))
    d, f, s = sample(50, 25)
    fd, ff, _ = sample(70, 60)
    d, fd = 1 + whole(d / 2), 1 + whole(fd / 2)
    cases.append(censored_case("a curve from other rows on the same whole days", d, f, s, fit=(fd, ff), shift=0.5,
                               windows=[3.0, 6.0], at=[1.0, 4.0, 9.0]))
    d, f, s = sample(40, 1e9)
    cases.append(censored_case("nothing censored", 1 + whole(d), f, s, windows=[7.0, 30.0], at=[1.0, 20.0]))
    return cases


def boosting_case(n):
    """Two trees of LightGBM on all rows and columns, with missing values. In its third it passes over the split that gains most:
    it does not look again at every column in every leaf."""
    import lightgbm

    r = np.random.default_rng(5)
    x = np.round(r.normal(size=(n, 3)), 3)
    x[r.random((n, 3)) < 0.08] = np.nan
    x[:, 2] = r.integers(0, 4, n)
    z = -1.0 + 1.2 * np.nan_to_num(x[:, 0], nan=1.0) + 0.7 * (x[:, 2] == 2)
    y = (r.random(n) < 1 / (1 + np.exp(-z))).astype(float)
    w = np.where(y == 1, 1.0, np.round(r.uniform(1, 3, n), 2))
    base = float(np.log((w * y).sum() / (w * (1 - y)).sum()))
    settings = dict(objective="binary", num_leaves=5, max_depth=4, learning_rate=0.3, lambda_l2=2.0,
                    min_sum_hessian_in_leaf=1.5, min_data_in_leaf=1, min_data_in_bin=1, max_bin=250,
                    boost_from_average=False, verbose=-1, feature_pre_filter=False, deterministic=True,
                    num_threads=1, force_col_wise=True)
    rows = lightgbm.Dataset(x, label=y, weight=w, init_score=np.full(n, base))
    model = lightgbm.train(settings, rows, num_boost_round=2)
    return {"x": [[None if np.isnan(v) else v for v in column] for column in x.T.tolist()], "y": y, "weight": w,
            "log_odds": model.predict(x, raw_score=True) + base}


g = [(0.1, 0.01), (0.5, 0.5), (2.5, 1.0), (2.5, 9.0), (40.0, 35.0), (1000.0, 1040.0), (0.02, 1e-9)]
gq = [(0.1, 0.5, 1.0), (0.9, 0.5, 100.0), (0.5, 3.2, 0.01), (0.1, 250.0, 400.0), (0.999, 12.0, 2.0), (0.1, 0.05, 3.0)]
b = [(0.5, 0.5, 0.3), (2.0, 5.0, 0.1), (0.5, 400.5, 0.001), (30.0, 3000.0, 0.012), (12.0, 0.7, 0.99)]
bq = [(0.1, 0.5, 400.5), (0.9, 0.5, 400.5), (0.1, 3.0, 7.0), (0.9, 200.0, 12.0), (0.5, 0.5, 0.5), (0.1, 30.5, 30000.5)]
cases = {
    "special": {
        "gamma_p": [[*v, special.gammainc(*v)] for v in g],
        "gamma_quantile": [[*v, stats.gamma.ppf(v[0], v[1], scale=1 / v[2])] for v in gq],
        "beta_p": [[*v, special.betainc(*v)] for v in b],
        "beta_quantile": [[*v, stats.beta.ppf(*v)] for v in bq],
        "ln_gamma": [[v, special.gammaln(v)] for v in (0.01, 0.3, 0.5, 1.5, 3.0, 11.3, 250.0, 1e5)],
    },
    "metrics": [metric_case(150, 1.2, 1, False), metric_case(201, 0.6, 3, False), metric_case(150, 1.0, 1, True), metric_case(60, 1.0, 6, True)],
    "logistic": [logistic_case(120, 4, 1.0), logistic_case(80, 3, 0.05)],
    "isotonic": [isotonic_case(80), isotonic_case(200)],
    "metrics_extreme": extreme_cases(),
    "top_k": top_k_cases(),
    "censored": censored_cases(),
    "boosting": [boosting_case(240)],
}
if len(sys.argv) > 1:
    with open(sys.argv[1]) as file:
        stored = json.load(file)
    cases = {**stored, **{topic: v for topic, v in cases.items() if topic not in stored}}
out = open(sys.argv[1], "w") if len(sys.argv) > 1 else sys.stdout
print(json.dumps(cases, default=lambda v: v.tolist()), file=out)
