"""The C-MAPSS FD001 engines as a fleet that forewarn reads: one cycle a day.

    python benches/peers/cmapss_fleet.py DATA/cmapss OUT [--test]

The training engines start on days drawn over a year and a half, so that on any day some have failed and some still run.
With --test, the test engines are added: each is seen until the last day of the records. It does not know what is made of it.
"""

import argparse
import pathlib
import random

import polars as pl

COLUMNS = ["unit", "cycle", "op1", "op2", "op3", *(f"s{i:02}" for i in range(1, 22))]
FIRST = pl.date(2020, 1, 1)


def read(path):
    rows = [line.split() for line in path.read_text().splitlines() if line.strip()]
    table = pl.DataFrame(rows, schema=COLUMNS, orient="row")
    return table.with_columns(pl.col("unit", "cycle").cast(pl.Int64), pl.col(COLUMNS[2:]).cast(pl.Float64))


def main():
    args = argparse.ArgumentParser()
    args.add_argument("data", type=pathlib.Path)
    args.add_argument("out", type=pathlib.Path)
    args.add_argument("--test", action="store_true")
    args = args.parse_args()
    draw = random.Random(1)
    train = read(args.data / "train_FD001.txt")
    lives = dict(train.group_by("unit").agg(pl.col("cycle").max()).iter_rows())
    starts = {u: draw.randrange(540) for u in sorted(lives)}
    end = max(starts[u] + n for u, n in lives.items()) + 1

    def dated(table, name, start):
        day = pl.col("cycle") - 1 + pl.col("unit").replace_strict(start, return_dtype=pl.Int64)
        return table.select(
            asset_id=pl.format(f"{name}-{{}}", pl.col("unit").cast(pl.String).str.zfill(3)),
            ts=FIRST.cast(pl.Datetime) + pl.duration(days=day, hours=12),
            *[pl.col(c) for c in COLUMNS[2:]],
        )

    telemetry = dated(train, "train", starts)
    failures = telemetry.group_by("asset_id").agg(failed_at=pl.col("ts").max())
    if args.test:
        test = read(args.data / "test_FD001.txt")
        lengths = dict(test.group_by("unit").agg(pl.col("cycle").max()).iter_rows())
        telemetry = pl.concat([telemetry, dated(test, "test", {u: end - n for u, n in lengths.items()})])
    assets = telemetry.group_by("asset_id").agg(in_service_at=pl.col("ts").min().dt.truncate("1d"))
    assets = assets.with_columns(kind=pl.lit("turbofan"))
    args.out.mkdir(parents=True, exist_ok=True)
    telemetry.sort("asset_id", "ts").write_parquet(args.out / "telemetry.parquet")
    failures.sort("asset_id").write_csv(args.out / "failures.csv")
    assets.sort("asset_id").write_csv(args.out / "assets.csv")


main()
