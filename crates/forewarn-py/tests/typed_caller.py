"""A caller with types, which mypy reads: what the package promises must be what is used here. It is not run."""

from __future__ import annotations

from datetime import date

import pandas as pd
import polars as pl
from typing_extensions import assert_type

import forewarn


def nightly(tickets: pl.DataFrame, telemetry: pd.DataFrame) -> pl.DataFrame:
    fleet = forewarn.Fleet(
        "forewarn.toml",
        tickets=forewarn.Source(tickets, preset="servicenow", columns={"asset_id": "cmdb_ci"}),
        telemetry=[telemetry, "smart/*.parquet"],
        horizons_days=[7, 30],
        as_of=date(2025, 12, 31),
    )
    assert_type(fleet.as_of, date)
    model = forewarn.RiskModel(rank_by_days=30).fit(fleet, progress=lambda step: print(step.stage))
    assert_type(model.predict(as_of="2025-12-31"), forewarn.Frame)
    assert_type(model.explain("SRV-1").to_pandas(), pd.DataFrame)
    assert_type(fleet.backtest(horizons=30, task="risk").metrics, forewarn.Frame)
    assert_type(forewarn.RiskModel.from_bytes(model.to_bytes()).horizons, dict[int, str])
    return fleet.run().ranking.to_polars()


def wrong() -> None:
    forewarn.Fleet(tickets=7)  # type: ignore[arg-type]
    forewarn.Fleet(tickets="t.csv", horizon_days=[7])  # type: ignore[call-arg]
    forewarn.RiskModel().fit("forewarn.toml")  # type: ignore[arg-type]
