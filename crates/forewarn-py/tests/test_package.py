"""The package as such: what comes out, progress, Ctrl-C, models as bytes, settings."""

from __future__ import annotations

import _thread
import datetime as dt
import pickle
import subprocess
import sys
import threading
import time
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import forewarn
from conftest import CONFIG


def test_a_frame_crosses_to_every_reader(fleet: forewarn.Fleet) -> None:
    frame = fleet.recurrences()
    n = len(frame)
    assert n > 100
    assert frame.to_polars().shape == (n, len(frame.columns))
    assert frame.to_arrow().column_names == frame.columns
    assert list(frame.to_pandas().columns) == frame.columns
    assert len(frame.to_dicts()) == n
    assert pl.DataFrame(frame).equals(frame.to_polars())
    assert pa.table(frame).num_rows == n
    assert duckdb.sql("select count(*) from frame").fetchall() == [(n,)]
    assert forewarn.Frame.of(frame.to_pandas()).columns == frame.columns
    assert set(frame.dtypes) == set(frame.columns)
    assert isinstance(frame.to_pandas(), pd.DataFrame)


def test_numbers_cross_without_a_copy(fleet: forewarn.Fleet) -> None:
    frame = fleet.recurrences()
    first, again = (pa.table(frame)["exposure_days"].chunk(0).buffers()[1].address for _ in range(2))
    assert first == again


def test_frames_are_shown_whole_and_harmless() -> None:
    frame = forewarn.Frame.of(pl.DataFrame({"<b>": ["<script>alert(1)</script>", None], "x": [1.5, 2.5]}))
    page = frame._repr_html_()
    assert "<script>" not in page and "&lt;script&gt;" in page and "<th scope=" in page
    assert "2 rows × 2 columns" in page and "2 rows × 2 columns" in repr(frame)
    assert "the first 20 are shown" in forewarn.Frame.of(pl.DataFrame({"x": range(99)}))._repr_html_()


def test_objects_show_themselves(fleet: forewarn.Fleet, model: forewarn.RiskModel, run: forewarn.Run) -> None:
    for thing, text in [
        (fleet, "2026-01-01"),
        (model, "30"),
        (run, "ranked by"),
        (forewarn.RiskModel(), "not fitted"),
        (forewarn.Config(as_of="2025-01-01"), "2025-01-01"),
    ]:
        assert text in thing._repr_html_(), thing  # type: ignore[attr-defined]
        assert repr(thing)


def test_files_can_be_written(fleet: forewarn.Fleet, tmp_path: Path) -> None:
    frame = fleet.exposure()
    frame.write_parquet(tmp_path / "e.parquet")
    frame.write_csv(tmp_path / "e.csv")
    assert forewarn.Frame.of(pl.read_parquet(tmp_path / "e.parquet")).equals(frame)
    assert pl.read_csv(tmp_path / "e.csv", infer_schema_length=0).columns == frame.columns


def test_features_are_those_of_the_catalog(fleet: forewarn.Fleet) -> None:
    catalog = fleet.catalog(at="2025-12-01").to_polars()
    features = fleet.features(["2025-12-01", "2025-11-01", "2025-12-01"]).to_polars()
    assert set(catalog["feature"]) <= set(features.columns)
    assert features.columns[:2] == ["cutoff", "asset_id"]
    assert features["cutoff"].n_unique() == 2 and features["cutoff"].is_sorted()
    assert features.select("cutoff", "asset_id").is_unique().all()
    earlier = forewarn.Fleet(CONFIG, as_of="2025-12-01").features("2025-11-01").to_polars()
    same = features.filter(pl.col("cutoff") == pl.col("cutoff").min())
    assert same.select("asset_id", "tickets.n_30d").equals(earlier.select("asset_id", "tickets.n_30d"))


def test_a_model_is_the_same_from_its_bytes(fleet: forewarn.Fleet, model: forewarn.RiskModel) -> None:
    again = forewarn.RiskModel.from_bytes(model.to_bytes())
    assert again.fitted_at == model.fitted_at and again.horizons == model.horizons
    assert again.predict(fleet).equals(model.predict())
    assert pickle.loads(pickle.dumps(model)).predict(fleet).equals(model.predict())
    with pytest.raises(forewarn.MismatchError, match="has no fleet"):
        again = forewarn.RiskModel.from_bytes(model.to_bytes())
        again.predict()
    damaged = bytearray(model.to_bytes())
    damaged[len(damaged) // 2] ^= 1
    with pytest.raises(forewarn.InputError, match="damaged"):
        forewarn.RiskModel.from_bytes(bytes(damaged))


def test_a_model_predicts_only_what_it_can(fleet: forewarn.Fleet, model: forewarn.RiskModel) -> None:
    with pytest.raises(forewarn.MismatchError, match="is earlier"):
        model.predict(as_of="2025-01-01")
    with pytest.raises(forewarn.MismatchError, match="the records end"):
        model.predict(as_of="2027-01-01")
    with pytest.raises(forewarn.MismatchError, match="`no-such` is not in service"):
        model.explain("no-such")
    other = forewarn.Fleet(CONFIG, telemetry=[])
    with pytest.raises(forewarn.MismatchError, match="missing: "):
        model.predict(other)


def test_settings_of_a_model_stand_over_the_fleets(fleet: forewarn.Fleet) -> None:
    model = forewarn.RiskModel(horizons_days=[30], rank_by_days=30, cutoff_every="1mo").fit(fleet)
    risk = model.predict().to_polars()
    assert list(model.horizons) == [30] and risk["horizon_days"].unique().to_list() == [30]
    assert model.because[30]
    assert risk["probability"].is_between(0, 1, closed="none").all()


def test_keywords_stand_over_the_file() -> None:
    config = forewarn.Config(file=CONFIG, rank_by_days=7)
    assert config.settings["risk"] == forewarn.Config.load(CONFIG).settings["risk"] | {"rank_by_days": 7}


def test_progress_is_told(fleet: forewarn.Fleet) -> None:
    steps: list[forewarn.Step] = []
    days = [f"2025-{m:02}-01" for m in range(1, 13)]
    fleet.features(days, progress=steps.append)
    assert steps and {s.stage for s in steps} == {"features"} and all(s.total == 12 for s in steps)


def test_what_progress_raises_stops_the_work(fleet: forewarn.Fleet) -> None:
    def stop(step: forewarn.Step) -> None:
        raise LookupError("enough")

    with pytest.raises(LookupError, match="enough"):
        forewarn.RiskModel().fit(fleet, progress=stop)


def test_ctrl_c_stops_the_work(fleet: forewarn.Fleet) -> None:
    timer = threading.Timer(0.5, _thread.interrupt_main)
    timer.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        fleet.backtest(every="1w", start="2024-06-01")
    assert time.monotonic() - began < 5


def working() -> set[str]:
    """The numbers of the threads that do long work."""
    found = set()
    for task in Path("/proc/self/task").iterdir():
        try:
            if (task / "comm").read_text().strip() == "forewarn":
                found.add(task.name)
        except OSError:
            continue
    return found


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are counted by /proc")
def test_ctrl_c_leaves_nobody_reading(tmp_path: Path) -> None:
    minutes = pl.datetime_range(dt.datetime(2020, 1, 1), dt.datetime(2028, 1, 1), "1m", eager=True)
    rows = pl.DataFrame({"asset_id": "a", "ts": minutes, "heat": 1.5})
    rows.write_csv(tmp_path / "heat.csv")
    # What an earlier test left may still be on its way to its end.
    before = working()
    threading.Timer(0.5, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        forewarn.Fleet(telemetry=tmp_path / "heat.csv", as_of="2028-01-01")
    began = time.monotonic()
    while working() - before:
        assert time.monotonic() - began < 3, "somebody still reads"
        time.sleep(0.05)


def test_other_threads_go_on_meanwhile(fleet: forewarn.Fleet) -> None:
    ticks = 0
    done = threading.Event()

    def tick() -> None:
        nonlocal ticks
        while not done.is_set():
            ticks += 1
            time.sleep(0.005)

    thread = threading.Thread(target=tick)
    thread.start()
    began = time.monotonic()
    fleet.forecast()
    took = time.monotonic() - began
    done.set()
    thread.join()
    assert ticks > 20 * took, f"{ticks} in {took:.1f} s"


def test_a_terminal_is_not_needed() -> None:
    code = "import forewarn, sys; sys.stderr = None; print(forewarn.Config(as_of='2025-01-01'))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Config(") and done.stderr == ""


def test_a_fleet_without_assets_is_no_missing_fleet(model: forewarn.RiskModel) -> None:
    nobody = pl.DataFrame({"ticket_id": ["a"], "opened_at": ["2026-01-01"], "asset_id": [None]})
    empty = forewarn.Fleet(tickets=nobody, failure={"from": "tickets"}, as_of="2026-01-03")
    assert len(empty) == 0
    with pytest.raises(forewarn.MismatchError):
        model.predict(empty)
