"""The nightly job as an experienced Python user would write it: Polars, NumPy, LightGBM and statsforecast.

    python benches/peers/nightly.py DIR OUT [--rollups files|stream] [--others N] [--threads 2]

DIR is a fleet of nightly_fleet.py. Telemetry is rolled up by day; features as of weekly cutoffs come from running sums over
a grid of assets and days; one LightGBM a horizon is fitted on what was closed before six monthly cutoffs and judged there,
then fitted on everything and asked about today; every series of tickets gets AutoETS with conformal intervals from four
origins. Writes ranking.parquet, backtest.parquet and forecasts.parquet, and prints the seconds of each stage. It reads its
data with no check, explains nothing, and keeps nothing for the next night.
"""

import argparse
import multiprocessing
import os
import pathlib
import resource
import time
import warnings

HORIZONS, RANK_BY = [7, 30, 90], 30
WARM_UP, AHEAD, LEAST = 60, 28, 20
ROLLED = ["n", "mean", "std", "min", "max", "first", "last"]
MADE_COUNTERS = ("_total",)  # by the naming rule of Prometheus


def rollups(folder, how):
    """One row an asset and day. A file holds whole days, so each can be rolled up for itself: faster than one streaming
    query over all files, and in a fraction of its memory. `stream` is that query."""
    files = sorted((folder / "telemetry").glob("*.parquet"))
    metrics = [c for c in pl.read_parquet_schema(files[0]) if c not in ("asset_id", "ts")]

    def rolled(lazy):
        aggregates = []
        for m in metrics:
            c = pl.col(m)
            each = [c.count(), c.mean(), c.std(), c.min(), c.max(), c.first(ignore_nulls=True), c.last(ignore_nulls=True)]
            aggregates += [e.alias(f"{m}:{name}") for e, name in zip(each, ROLLED)]
        return lazy.group_by("asset_id", pl.col("ts").dt.date().alias("day")).agg(aggregates)

    if how == "stream":
        return metrics, rolled(pl.scan_parquet(files)).collect(engine="streaming")
    return metrics, pl.concat([rolled(pl.read_parquet(f)) for f in files])


class Fleet:
    """Assets, tickets, events and rollups as arrays over assets and days; column 0 is the first day of telemetry."""

    def __init__(self, folder, metrics, daily):
        self.metrics = metrics
        first, last = daily["day"].min(), daily["day"].max()
        self.first, self.n_days = first, (last - first).days + 1
        self.assets = pl.read_csv(folder / "cmdb.csv", try_parse_dates=True).rename({"name": "asset_id"}).sort("asset_id").with_row_index("code")
        self.n = self.assets.height
        day = lambda c: (pl.col(c).cast(pl.Date) - pl.lit(first)).dt.total_days()
        self.installed = self.assets.select(day("install_date")).to_series().to_numpy()
        self.retired = self.assets.select(day("retired").fill_null(10**6)).to_series().to_numpy()
        codes = self.assets.select("asset_id", "code")
        at = daily.select("asset_id", day=day("day")).join(codes, on="asset_id", how="left", maintain_order="left")
        # Readings of assets that the inventory does not know are left out.
        known = at["code"].is_not_null()
        at, self.daily = at.filter(known), daily.filter(known)
        self.where = (at["code"].to_numpy(), at["day"].to_numpy())
        tickets = pl.read_csv(folder / "incidents.csv", infer_schema=False)
        tickets = tickets.with_columns(pl.col("opened_at", "resolved_at").str.to_datetime("%Y-%m-%d %H:%M:%S"))
        self.all_tickets = tickets.with_columns(day=day("opened_at"), resolved=day("resolved_at"))
        self.tickets = self.all_tickets.join(codes, left_on="cmdb_ci", right_on="asset_id").sort("opened_at")
        events = pl.read_csv(folder / "changes.csv", infer_schema=False).with_columns(pl.col("date").str.to_datetime("%Y-%m-%d %H:%M:%S"))
        self.events = events.with_columns(day=day("date")).join(codes, left_on="cmdb_ci", right_on="asset_id")
        failed = pl.col("category").eq("Hardware") & pl.col("priority").str.slice(0, 1).is_in(["1", "2"])
        self.failures = self.tickets.filter(failed)

    def grid(self, metric, what):
        out = np.full((self.n, self.n_days), np.nan, np.float32)
        out[self.where] = self.daily[f"{metric}:{what}"].cast(pl.Float32).to_numpy()
        return out

    def counted(self, rows, weight=None, by="day"):
        """Running sums over days, exclusive: column c is what was before day c."""
        out = np.zeros((self.n, self.n_days + 1), np.float32)
        rows = rows.filter(pl.col(by).is_between(0, self.n_days - 1))
        np.add.at(out, (rows["code"].to_numpy(), rows[by].to_numpy() + 1), 1 if weight is None else rows[weight].to_numpy())
        return np.cumsum(out, axis=1)


def running(x):
    out = np.zeros((x.shape[0], x.shape[1] + 1))
    np.cumsum(x, axis=1, out=out[:, 1:])
    return out


def latest(days, valid):
    """For each cell the column of the newest valid cell up to it, or -1."""
    return np.maximum.accumulate(np.where(valid, np.arange(days), -1), axis=1)


def back(cutoff, days):
    return max(cutoff - days, 0)


def telemetry_features(fleet, cutoffs):
    """Columns by name, each (cutoffs, assets)."""
    out = {}
    for m in fleet.metrics:
        last = fleet.grid(m, "last")
        newest = latest(fleet.n_days, ~np.isnan(last))
        filled = np.where(newest >= 0, np.take_along_axis(last, np.maximum(newest, 0), axis=1), np.nan)
        n, mean = np.nan_to_num(fleet.grid(m, "n")), np.nan_to_num(fleet.grid(m, "mean"))
        total, readings = running(n * mean), running(n)
        days, level, square = running(n > 0), running(mean), running(mean.astype(float) ** 2)
        spread = running(np.nan_to_num(fleet.grid(m, "std")))
        low, high = fleet.grid(m, "min"), fleet.grid(m, "max")
        step = np.diff(filled, axis=1, prepend=np.nan)
        changes = running(np.nan_to_num(step) != 0)
        counter = m.endswith(MADE_COUNTERS)
        # A fall is a reset, after which the value itself is the increase.
        increase = running(np.where(np.isnan(step), 0, np.where(step >= 0, step, filled))) if counter else None
        shown = {k: [] for k in ["last", "silent", "d7", "d30", "d90", "mean7", "mean30", "mean90", "std30", "min30", "max30", "z", "changes30"]}
        if counter:
            shown |= {f"increase{w}": [] for w in (7, 30, 90)}
        with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            for c in cutoffs:
                window = lambda sums, w: sums[:, c] - sums[:, back(c, w)]
                now = filled[:, c - 1]
                shown["last"].append(now)
                shown["silent"].append(np.where(newest[:, c - 1] >= 0, c - newest[:, c - 1], np.nan))
                for w in (7, 30, 90):
                    shown[f"d{w}"].append(now - filled[:, c - 1 - w] if c > w else np.full(fleet.n, np.nan))
                    shown[f"mean{w}"].append(window(total, w) / window(readings, w))
                    if counter:
                        shown[f"increase{w}"].append(window(increase, w))
                seen = window(days, 90)
                usual = window(level, 90) / seen
                deviation = np.sqrt(np.maximum(window(square, 90) / seen - usual**2, 0))
                shown["z"].append((shown["mean7"][-1] - usual) / (deviation + 1e-6))
                shown["std30"].append(window(spread, 30) / window(days, 30))
                shown["min30"].append(np.fmin.reduce(low[:, back(c, 30) : c], axis=1))
                shown["max30"].append(np.fmax.reduce(high[:, back(c, 30) : c], axis=1))
                shown["changes30"].append(window(changes, 30))
        out |= {f"{m}.{k}": np.array(v, np.float32) for k, v in shown.items()}
    return out


def since(rows, fleet, cutoffs):
    """Days since the newest of the rows before each cutoff; rows hold code and day."""
    seen = np.zeros((fleet.n, fleet.n_days), bool)
    rows = rows.filter(pl.col("day").is_between(0, fleet.n_days - 1))
    seen[rows["code"].to_numpy(), rows["day"].to_numpy()] = True
    newest = latest(fleet.n_days, seen)
    return np.array([np.where(newest[:, c - 1] >= 0, c - newest[:, c - 1], np.nan) for c in cutoffs], np.float32)


def ticket_features(fleet, cutoffs):
    out = {}
    counts, failures = fleet.counted(fleet.tickets), fleet.counted(fleet.failures)
    closed = fleet.tickets.filter(pl.col("resolved").is_not_null()).with_columns(
        hours=(pl.col("resolved_at") - pl.col("opened_at")).dt.total_seconds() / 3600
    )
    done, hours = fleet.counted(closed, by="resolved"), fleet.counted(closed, "hours", by="resolved")
    windows = lambda sums, w: np.array([sums[:, c] - sums[:, back(c, w)] for c in cutoffs], np.float32)
    for w in (7, 14, 30, 60, 90, 180, 365):
        out[f"tickets.{w}"] = windows(counts, w)
    for w in (90, 365):
        out[f"failures.{w}"] = windows(failures, w)
    out["tickets.since"] = since(fleet.tickets, fleet, cutoffs)
    out["failures.since"] = since(fleet.failures, fleet, cutoffs)
    out["tickets.open"] = np.array([counts[:, c] - done[:, c] for c in cutoffs], np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        out["tickets.hours_to_resolve"] = windows(hours, 365) / windows(done, 365)
    for name in fleet.tickets["category"].value_counts(sort=True)["category"].head(10):
        out[f"tickets.{name}.90"] = windows(fleet.counted(fleet.tickets.filter(pl.col("category") == name)), 90)
    for (kind,), rows in fleet.events.group_by("type", maintain_order=True):
        out[f"events.{kind}.since"] = since(rows, fleet, cutoffs)
    # Rates of like assets: failures and tickets of the last 90 days by asset, over those in service.
    here = np.array([(fleet.installed < c) & (fleet.retired >= c) for c in cutoffs])
    for column in ("model_id", "location", "business_service"):
        codes = fleet.assets[column].fill_null("").rank("dense").to_numpy() - 1
        for what, sums in (("failures", failures), ("tickets", counts)):
            w = windows(sums, 90)
            rate = [np.bincount(codes, x * h) / np.maximum(np.bincount(codes, h), 1) for x, h in zip(w, here)]
            out[f"{column}.{what}.90"] = np.array([r[codes] for r in rate], np.float32)
    return out


def asset_features(fleet, cutoffs):
    out, words = {}, []
    for column in ("sys_class_name", "model_id", "manufacturer", "location", "business_service", "firmware_version"):
        codes = fleet.assets[column].cast(pl.String).fill_null("").rank("dense").to_numpy() - 1
        out[column] = np.tile(codes.astype(np.float32), (len(cutoffs), 1))
        words.append(column)
    criticality = fleet.assets["business_criticality"].str.slice(0, 1).cast(pl.Float32).to_numpy()
    out["criticality"] = np.tile(criticality, (len(cutoffs), 1))
    c = np.array(cutoffs)[:, None]
    out["age_days"] = (c - fleet.installed).astype(np.float32)
    warranty = fleet.assets.select((pl.col("warranty_expiration") - pl.lit(fleet.first)).dt.total_days()).to_series().to_numpy()
    out["warranty_days"] = (warranty - c).astype(np.float32)
    return out, words


def table(fleet, cutoffs):
    """The matrix, its names, and which assets are in service at each cutoff."""
    statics, words = asset_features(fleet, cutoffs)
    columns = telemetry_features(fleet, cutoffs) | ticket_features(fleet, cutoffs) | statics
    here = np.array([(fleet.installed < c) & (fleet.retired >= c) for c in cutoffs])
    x = np.empty((int(here.sum()), len(columns)), np.float32)
    for i, name in enumerate(list(columns)):
        x[:, i] = columns[name][here]
    return x, list(columns), words, here


def outcomes(fleet, cutoffs, here, horizon):
    """1 failed, 0 did not, NaN where the window is not closed or the asset left within it."""
    sums, out = fleet.counted(fleet.failures), []
    for c, h in zip(cutoffs, here):
        if c + horizon > fleet.n_days:
            out.append(np.full(h.sum(), np.nan))
            continue
        failed = sums[:, c + horizon] > sums[:, c]
        gone = ~failed & (fleet.retired < c + horizon)
        out.append(np.where(gone, np.nan, failed)[h])
    return np.concatenate(out)


def train(x, y, names, words, threads, others):
    """LightGBM with the settings of the other peers. With `others`, so many rows without failure, weighted up."""
    weight = None
    if others and (y == 0).sum() > others:
        rng, zero = np.random.default_rng(1), np.flatnonzero(y == 0)
        rows = np.sort(np.concatenate([np.flatnonzero(y == 1), rng.choice(zero, others, replace=False)]))
        x, y = x[rows], y[rows]
        weight = np.where(y == 0, len(zero) / others, 1.0)
    settings = dict(
        objective="binary", verbose=-1, num_threads=threads, seed=1, num_leaves=31, learning_rate=0.03, min_data_in_leaf=100,
        feature_fraction=0.6, bagging_fraction=0.8, bagging_freq=1, lambda_l2=5,
    )
    data = lgb.Dataset(x, y, weight=weight, feature_name=[n.replace(" ", "_") for n in names], categorical_feature=[names.index(w) for w in words])
    return lgb.train(settings, data, 400)


def risk(fleet, a, stage):
    """The ranking of today and the backtest."""
    today = fleet.n_days
    weekly = list(range(today - 7, WARM_UP - 1, -7))[::-1]
    months = [c for c in range(WARM_UP, today + 1) if (fleet.first + dt.timedelta(days=c)).day == 1 and c + RANK_BY <= today][-6:]
    if not months or months[0] - max(HORIZONS) < WARM_UP or months[0] + max(HORIZONS) > today:
        raise SystemExit("too few days to judge the longest horizon: give a year")
    cutoffs = sorted({*weekly, *months, today})
    x, names, words, here = table(fleet, cutoffs)
    cutoff = np.repeat(cutoffs, here.sum(axis=1))
    ids = np.concatenate([np.flatnonzero(h) for h in here])
    stage("features", f"{x.shape[0]:,} rows of {x.shape[1]} features at {len(cutoffs)} cutoffs")
    now, tested = cutoff == today, np.isin(cutoff, months)
    taught = np.isin(cutoff, weekly)
    asset = fleet.assets["asset_id"]
    ranking = pl.DataFrame({"asset_id": asset.gather(ids[now])})
    judged = []
    for h in HORIZONS:
        y = outcomes(fleet, cutoffs, here, h)
        closed = taught & ~np.isnan(y)
        past = closed & (cutoff + h <= months[0])
        model = train(x[past], y[past], names, words, a.threads, a.others)
        told = tested & ~np.isnan(y)
        said, came = model.predict(x[told], num_threads=a.threads), y[told]
        rate, at = came.mean(), cutoff[told]
        hits = [came[at == c][np.argsort(-said[at == c])[:100]].mean() for c in np.unique(at)]
        skill = 1 - np.mean((said - came) ** 2) / (rate * (1 - rate))
        scores = f"AP {average_precision_score(came, said):.3f} at a rate of {rate:.4f}, P@100 {np.mean(hits):.3f}, Brier skill {skill:.3f}"
        stage(f"backtest {h} days", f"trained on {past.sum():,} rows ({int(y[past].sum()):,} failed); {told.sum():,} judged, {scores}")
        judged.append(pl.DataFrame({"cutoff": cutoff[told], "asset_id": asset.gather(ids[told]), "horizon_days": h, "probability": said, "outcome": came == 1}))
        judged[-1] = judged[-1].with_columns(cutoff=pl.lit(fleet.first) + pl.duration(days="cutoff"))
        # What the six months show of the level is given on to today.
        level = LogisticRegression(C=1e6).fit(logit(said)[:, None], came)
        model = train(x[closed], y[closed], names, words, a.threads, a.others)
        p = level.predict_proba(logit(model.predict(x[now], num_threads=a.threads))[:, None])[:, 1]
        ranking = ranking.with_columns(pl.Series(f"probability_{h}", p))
        stage(f"today {h} days", f"trained on {closed.sum():,} rows")
    ranking = ranking.sort(f"probability_{RANK_BY}", "asset_id", descending=[True, False]).with_row_index("rank", offset=1)
    return ranking, pl.concat(judged)


def logit(p):
    p = np.clip(p, 1e-6, 1 - 1e-6)
    return np.log(p / (1 - p))


def forecasts(fleet, threads):
    """Every group, category, service and site with enough tickets, and the total."""
    levels = {"group": "assignment_group", "category": "category", "service": "business_service", "site": "location"}
    days = pl.DataFrame({"day": np.arange(fleet.n_days)})
    series = [fleet.all_tickets.select(pl.lit("total").alias("unique_id"), "day")]
    for level, column in levels.items():
        rows = fleet.all_tickets.filter(pl.col(column).is_not_null())
        series.append(rows.filter(pl.len().over(column) >= LEAST).select(pl.format("{}={}", pl.lit(level), column).alias("unique_id"), "day"))
    n = pl.concat(series).group_by("unique_id", "day").agg(pl.len().cast(pl.Float64).alias("y"))
    y = n.select("unique_id").unique().join(days, how="cross").join(n.with_columns(pl.col("day").cast(pl.Int64)), on=["unique_id", "day"], how="left")
    y = y.with_columns(pl.col("y").fill_null(0.0), ds=pl.lit(fleet.first).cast(pl.Datetime("us")) + pl.duration(days="day")).sort("unique_id", "ds")
    model = AutoETS(season_length=7, prediction_intervals=ConformalIntervals(h=AHEAD, n_windows=4))
    made = StatsForecast(models=[model], freq="D", n_jobs=threads)
    out = made.forecast(df=y.select("unique_id", "ds", "y").to_pandas(), h=AHEAD, level=[60, 80, 90])
    out = pl.from_pandas(out.reset_index(drop=True))
    return out.with_columns(pl.exclude("unique_id", "ds").clip(0)), y["unique_id"].n_unique()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("dir", type=pathlib.Path)
    p.add_argument("out", type=pathlib.Path)
    p.add_argument("--rollups", choices=["files", "stream"], default="files")
    p.add_argument("--others", type=int, help="train on so many rows without failure at most, default: all")
    p.add_argument("--threads", type=int, default=2)
    a = p.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    start = mark = time.time()
    worked = time.process_time()

    def stage(name, note=""):
        nonlocal mark, worked
        now, work = time.time(), time.process_time()
        print(f"{name:18} {now - mark:7.1f} s {work - worked:7.1f} s of processors  {note}", flush=True)
        mark, worked = now, work

    metrics, daily = rollups(a.dir, a.rollups)
    stage("rollups", f"{daily.height:,} asset-days of {len(metrics)} metrics")
    fleet = Fleet(a.dir, metrics, daily)
    stage("tables", f"{fleet.n:,} assets, {fleet.all_tickets.height:,} tickets, {fleet.failures.height:,} failures")
    ranking, judged = risk(fleet, a, stage)
    ahead, n = forecasts(fleet, a.threads)
    stage("forecasts", f"{n} series")
    ranking.write_parquet(a.out / "ranking.parquet")
    judged.write_parquet(a.out / "backtest.parquet")
    ahead.write_parquet(a.out / "forecasts.parquet")
    stage("written")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"total {time.time() - start:.1f} s, peak {peak:,} MiB; time and memory of the forecasts' workers are not in the figures of processors and memory")


if __name__ == "__main__":
    # Polars takes its thread count when it is first imported, and its threads do not outlive a fork.
    os.environ.setdefault("POLARS_MAX_THREADS", "2")
    multiprocessing.set_start_method("forkserver")

import datetime as dt  # noqa: E402

import lightgbm as lgb  # noqa: E402
import numpy as np  # noqa: E402
import polars as pl  # noqa: E402
from sklearn.linear_model import LogisticRegression  # noqa: E402
from sklearn.metrics import average_precision_score  # noqa: E402
from statsforecast import StatsForecast  # noqa: E402
from statsforecast.models import AutoETS  # noqa: E402
from statsforecast.utils import ConformalIntervals  # noqa: E402

if __name__ == "__main__":
    main()
