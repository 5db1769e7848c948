"""Makes cases.json: results of scikit-learn and scipy that the unit tests compare with.

python make_cases.py > cases.json    (made with scikit-learn 1.9.1 and scipy 1.17.1)
"""
import json
import warnings

import numpy as np
from scipy import special, stats
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score
from sklearn.preprocessing import StandardScaler

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
}
print(json.dumps(cases, default=lambda v: v.tolist()))
