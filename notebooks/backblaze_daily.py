"""Lays readings that were kept only when a value changed out again as the daily files that Backblaze publishes. It does
not know what is learned from them.

    backblaze_daily.write("../../shared/data/backblaze", "somewhere", ["ST3000DM001"], date(2014, 9, 30))

A value holds until the next one of its drive. Hours of power go on by 24 a day, as they do between any two readings
that were kept. What was not kept (normalized values, other attributes) is not there.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl


def capacity_bytes(terabytes: pl.Expr) -> pl.Expr:
    """What drives of so many terabytes say of themselves: how many sectors that is was agreed upon (IDEMA LBA1-03)."""
    sectors = 97_696_368 + 1_953_504 * ((terabytes * 1000).round().cast(pl.Int64) - 50)
    return 512 * sectors


def days(kept: str | Path, models: Sequence[str], until: date) -> pl.DataFrame:
    """One row a drive and day, in the columns and the order of the published files.

    Args:
        kept: the folder with `assets`, `failures` and `telemetry`.
        models: of which drives.
        until: the last day.
    """
    folder = Path(kept)
    lives = (
        pl.read_parquet(folder / "assets.parquet")
        .filter(pl.col("model").is_in(models))
        .join(pl.read_parquet(folder / "failures.parquet"), on="asset_id", how="left")
        # The last row is that of the day of failure, or of the day before the one from which the drive is missing.
        .with_columns(
            first=pl.col("in_service_at").cast(pl.Date),
            last=pl.min_horizontal(
                pl.col("failed_at").cast(pl.Date), pl.col("retired_at").cast(pl.Date).dt.offset_by("-1d"), until
            ),
        )
        .filter(pl.col("first") <= pl.col("last"))
    )
    ran = pl.date_ranges("first", "last")
    grid = (
        lives.select("asset_id", "model", "capacity_tb", date=ran, failed=pl.col("failed_at").cast(pl.Date))
        .explode("date")
        .sort("date")
    )
    readings = (
        pl.read_parquet(folder / "telemetry.parquet")
        .filter(pl.col("asset_id").is_in(lives["asset_id"].implode()))
        # Clocks are some hours off: a reading is that of the nearest midnight, and of two at one the later stays.
        .with_columns(date=pl.col("ts").dt.round("1d").cast(pl.Date))
        .sort("ts", maintain_order=True)
        .unique(["asset_id", "date"], keep="last")
        .with_columns(read=pl.col("date"))
        .sort("date")
    )
    attributes = sorted((c for c in readings.columns if c.startswith("smart_")), key=lambda c: int(c[6:]))
    hours = pl.col("power_on_hours") + 24 * (pl.col("date") - pl.col("read")).dt.total_days()
    raw = {9: hours} | {int(c[6:]): pl.col(c).cast(pl.Int64) for c in attributes}
    filled = grid.join_asof(readings, on="date", by="asset_id", check_sortedness=False)
    return filled.select(
        "date",
        pl.col("asset_id").alias("serial_number"),
        "model",
        capacity_bytes(pl.col("capacity_tb")).alias("capacity_bytes"),
        (pl.col("date") == pl.col("failed")).fill_null(False).cast(pl.Int8).alias("failure"),
        *(raw[n].alias(f"smart_{n}_raw") for n in sorted(raw)),
    ).sort("date", "serial_number")


def write(kept: str | Path, to: str | Path, models: Sequence[str], until: date) -> None:
    """Writes one file a day, named like `2014-01-31.csv`; the arguments are those of `days`, and the folder `to`."""
    for (day,), rows in days(kept, models, until).group_by("date", maintain_order=True):
        rows.write_csv(Path(to) / f"{day}.csv")
