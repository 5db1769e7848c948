"""How long ten million rows of telemetry take to cross from Polars, beside what follows: rolling them up by day, and the
features of every asset at the firsts of months. Run it with the package installed: ``python hand_over.py [ROWS]``."""

from __future__ import annotations

import datetime as dt
import resource
import statistics
import sys
import time
from collections.abc import Callable

import polars as pl

import forewarn
from forewarn import _forewarn

ASSETS = 1_000
METRICS = 3


def frame(rows: int) -> pl.DataFrame:
    """Hourly readings, by asset and time; the values are made of whole numbers, so that they are the same everywhere."""
    each = rows // ASSETS
    start = dt.datetime(2024, 11, 11)
    ts = pl.datetime_range(start, start + dt.timedelta(hours=each - 1), "1h", eager=True)
    one = pl.DataFrame({"ts": ts, "i": pl.int_range(each, eager=True)})
    ids = pl.DataFrame({"asset_id": [f"asset-{a:05}" for a in range(ASSETS)], "a": range(ASSETS)})
    metrics = [((pl.col("i") * (m + 3) + pl.col("a") * 7) % 997 / 10.0).alias(f"m{m}") for m in range(METRICS)]
    return ids.join(one, how="cross").select("asset_id", "ts", *metrics).sort("asset_id", "ts").rechunk()


def timed(what: Callable[[], object], n: int = 5) -> float:
    """The median of some runs, seconds."""
    took = []
    for _ in range(n):
        began = time.perf_counter()
        what()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000
    df = frame(rows)
    print(f"{df.height:,} rows, {ASSETS:,} assets, {METRICS} metrics, {df.estimated_size() / 1e6:.0f} MB in Polars")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    hand_over = timed(lambda: _forewarn.drain(df))
    began = time.perf_counter()
    fleet = forewarn.Fleet(telemetry=df, progress=False)
    read = time.perf_counter() - began
    assert fleet.rows["telemetry"] == df.height, fleet.rows
    cutoffs = [dt.date(2025, month, 1) for month in range(1, 13)]
    features = timed(lambda: fleet.features(cutoffs, progress=False), 3)
    assert len(fleet.features(cutoffs, progress=False)) == len(cutoffs) * ASSETS
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    share = 100 * hand_over / features
    print(f"handing over                   {1000 * hand_over:9.2f} ms, {share:.3f} % of the features")
    print(f"reading: handing over, mapping,\n  checking and rolling up by day {1000 * read:9.0f} ms")
    print(f"features at {len(cutoffs)} cutoffs          {1000 * features:9.0f} ms")
    print(f"peak of memory                 {peak / 1e6:9.2f} GB, {(peak - before) / 1e6:.2f} GB above the frame")


if __name__ == "__main__":
    main()
