"""The package gives the program's numbers, to the last bit: every table of a run folder, and each part by itself."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import polars as pl
import pytest
from conftest import CONFIG
from polars.testing import assert_frame_equal

import forewarn

TABLES = [
    "calibration",
    "cards",
    "degradations",
    "drift",
    "exposure",
    "features",
    "forecasts",
    "labels",
    "ledger",
    "listed",
    "measures",
    "orders",
    "plan",
    "plot_series",
    "problems",
    "ranking",
    "recurrences",
    "risk",
    "service",
    "track_record",
    "workload",
]


def saved(folder: Path, name: str) -> forewarn.Frame:
    return forewarn.Frame.of(pl.read_parquet(folder / f"{name}.parquet"))


def check(found: forewarn.Frame, folder: Path, name: str) -> None:
    want = saved(folder, name)
    assert len(want) > 0 or name in ("drift", "listed", "track_record"), f"{name} is empty: nothing is compared"
    # Floats are compared by their bits: a difference in the last one would be told here, in words.
    assert_frame_equal(found.to_polars(), want.to_polars(), check_exact=True)
    assert forewarn.Frame.of(found.to_polars()).equals(want), name


def test_every_table_of_a_run_is_the_programs(run: forewarn.Run, folder: Path) -> None:
    on_disk = {file.stem for file in folder.glob("*.parquet")}
    assert on_disk == set(TABLES)
    assert set(run.tables) == on_disk | {"findings", "metrics"}
    for name in TABLES:
        check(run[name], folder, name)


def test_findings_facts_report_and_model_are_the_programs(run: forewarn.Run, folder: Path) -> None:
    assert run.findings.to_dicts() == json.loads((folder / "findings.json").read_text())
    assert run.facts == json.loads((folder / "manifest.json").read_text())["facts"]
    assert run.report_html().encode() == (folder / "report.html").read_bytes()
    assert run.model.to_bytes() == (folder / "model.json").read_bytes()


def test_saved_files_are_those_of_a_run_folder(run: forewarn.Run, folder: Path, tmp_path: Path) -> None:
    run.save(tmp_path / "new")
    files = {f.relative_to(tmp_path / "new"): f for f in (tmp_path / "new").rglob("*") if f.is_file()}
    theirs = {f.relative_to(folder) for f in folder.rglob("*") if f.is_file()}
    assert theirs - set(files) == {Path("manifest.json"), Path("run-log.json")}
    assert set(files) <= theirs
    for name, file in files.items():
        assert file.read_bytes() == (folder / name).read_bytes(), name


def test_each_part_by_itself_is_that_of_the_run(
    fleet: forewarn.Fleet, model: forewarn.RiskModel, folder: Path
) -> None:
    check(model.predict(), folder, "risk")
    check(fleet.degradations(model=model), folder, "degradations")
    check(fleet.forecast(), folder, "forecasts")
    check(fleet.workload(), folder, "workload")
    check(fleet.recurrences(), folder, "recurrences")
    check(fleet.measures(), folder, "measures")
    check(fleet.exposure(), folder, "exposure")
    check(fleet.problems(), folder, "problems")


def test_without_a_model_the_same_degradations_come_in_another_order(fleet: forewarn.Fleet, folder: Path) -> None:
    key = ["asset_id", "metric", "kind", "since", "value"]
    found = fleet.degradations().to_polars().sort(key)
    assert_frame_equal(found, pl.read_parquet(folder / "degradations.parquet").sort(key), check_exact=True)


def test_reasons_are_those_of_the_ranking(model: forewarn.RiskModel, run: forewarn.Run) -> None:
    ranking = run.ranking.to_polars()
    ids = ranking["asset_id"].head(3).to_list()
    told = model.explain(ids).to_polars()
    for row in ranking.head(3).iter_rows(named=True):
        mine = told.filter(pl.col("asset_id") == row["asset_id"]).drop("asset_id").to_dicts()
        assert mine == row["reasons"], row["asset_id"]


@pytest.mark.parametrize(
    ("task", "horizon", "refit"),
    [("counts", 28, "every"), ("recurrence", 30, "every"), ("risk", 30, "once"), ("degradation", 30, "once")],
)
def test_a_backtest_is_the_programs(fleet: forewarn.Fleet, task: str, horizon: int, refit: str, tmp_path: Path) -> None:
    program, out = os.environ["FOREWARN_PROGRAM"], tmp_path / "b"
    when = ["--from", "2025-10-01", "--to", "2025-11-01", "--h", str(horizon), "--refit", refit]
    command = [program, "backtest", "--quiet", "-c", CONFIG, "--task", task, *when, "--out", out]
    subprocess.run(command, check=True, capture_output=True)
    made = fleet.backtest(task=task, start="2025-10-01", end="2025-11-01", horizons=horizon, refit=refit)
    names = [name for name in made.tables if name not in ("metrics", "findings")]
    assert set(names) == {file.stem for file in out.glob("*.parquet")}
    for name in names:
        check(made[name], out, name)
    if task == "risk":
        said = made.predictions.to_polars().select("cutoff", "asset_id", "horizon_days", "outcome")
        came = fleet.outcomes(["2025-10-01", "2025-11-01"], horizons=30).to_polars()
        assert_frame_equal(said, came.drop("failed_at"), check_row_order=False)
        assert came.filter("outcome")["failed_at"].null_count() == 0 and came["outcome"].sum() > 10


def test_frames_give_the_numbers_of_their_files(fleet: forewarn.Fleet, run: forewarn.Run) -> None:
    """The same fleet, handed in as frames of four kinds instead of files."""
    import duckdb
    import pandas as pd
    import pyarrow.parquet as pq

    data = CONFIG.parent
    assets = pd.read_csv(data / "cmdb.csv", dtype=str, keep_default_na=False)
    tickets = pl.read_csv(data / "incidents.csv", infer_schema_length=0)
    daily = pq.read_table(data / "telemetry_daily.parquet")
    connection = duckdb.connect()
    hourly = connection.sql(f"from '{data / 'telemetry_hourly.parquet'}'")
    # The keys of the config hold where it names the table as well, for a frame in place of its files.
    framed = forewarn.Fleet(CONFIG, assets=assets, tickets=tickets, telemetry=[daily, hourly])
    assert framed.rows == fleet.rows and framed.asset_ids == fleet.asset_ids
    cutoffs = ["2025-03-01", "2025-09-01", "2026-01-01"]
    assert framed.features(cutoffs).equals(fleet.features(cutoffs))
    assert run.model.predict(framed).equals(run.risk)
    assert framed.recurrences().equals(run["recurrences"])
    assert framed.problems().equals(run["problems"])
    assert framed.forecast().equals(run["forecasts"])
