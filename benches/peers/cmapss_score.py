"""Scores the remaining lives of a run over the test engines that cmapss_fleet.py laid out.

    python benches/peers/cmapss_score.py DATA/cmapss RUN_DIR

Lives and truth are capped at 125 cycles, as published figures are. An end of the interval that is missing lies beyond the
longest horizon, 90 days. It does not know how the lives were foretold.
"""

import pathlib
import sys

import polars as pl

CAP, LONGEST = 125, 90


def main():
    data, run = map(pathlib.Path, sys.argv[1:])
    left = [int(line) for line in (data / "RUL_FD001.txt").read_text().split()]
    truth = pl.DataFrame({"asset_id": [f"test-{i:03}" for i in range(1, len(left) + 1)], "left": left})
    life = pl.read_parquet(run / "ranking.parquet").select("asset_id", "^remaining_life_.*$")
    both = truth.join(life, on="asset_id")
    median = pl.col("remaining_life_days").fill_null(CAP).clip(0, CAP)
    low = pl.col("remaining_life_low").fill_null(LONGEST)
    high = pl.col("remaining_life_high").fill_null(float("inf"))
    error = median - pl.col("left").clip(0, CAP)
    print(
        both.select(
            engines=pl.len(),
            rmse=(error**2).mean().sqrt().round(2),
            bias=error.mean().round(2),
            within=pl.col("left").is_between(low, high).mean(),
            earlier=(pl.col("left") < low).mean(),
            later=(pl.col("left") > high).mean(),
        )
    )


main()
