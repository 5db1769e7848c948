"""Scoring in steps: seven partitions, put together, are the program's run; bytes that do not belong together are refused."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import CONFIG

import forewarn
from forewarn import steps

PARTS = 7
DATA = CONFIG.parent


def part_of(asset: str, n: int = PARTS) -> int:
    return zlib.crc32(asset.encode()) % n


def of_part(table: pa.Table, p: int) -> pa.Table:
    # By Polars: PyArrow cannot filter every kind of text that it reads.
    df = pl.DataFrame(table)
    mine = [id is not None and part_of(id) == p for id in df["asset_id"]]
    return df.filter(pl.Series(mine, dtype=pl.Boolean)).to_arrow()


def odd(table: pa.Table, rows: int) -> list[pa.RecordBatch]:
    """Odd batches, the last one first."""
    return list(reversed(table.combine_chunks().to_batches(max_chunksize=rows)))


@pytest.fixture(scope="module")
def found(folder: Path) -> steps.Records:
    return steps.records(CONFIG)


@pytest.fixture(scope="module")
def model(folder: Path) -> bytes:
    return (folder / "model.json").read_bytes()


@pytest.fixture(scope="module")
def rollups() -> list[forewarn.Frame]:
    sources = [pq.read_table(DATA / f"telemetry_{name}.parquet") for name in ("daily", "hourly")]
    return [steps.rollup(*(odd(of_part(s, p), 9973) for s in sources), threads=1 + p % 2) for p in range(PARTS)]


@pytest.fixture(scope="module")
def state(found: steps.Records, rollups: list[forewarn.Frame], model: bytes) -> bytes:
    return steps.cohort_state(found, steps.merge(rollups), model, config=CONFIG)


def scored(
    found: steps.Records, rollups: list[forewarn.Frame], model: bytes, state: bytes
) -> Iterator[tuple[forewarn.Frame, list[forewarn.Frame]]]:
    for p, rollup in enumerate(rollups):
        tables = {name: of_part(pa.table(table), p) for name, table in found.tables().items()}
        table = steps.features(state, model, rollup=rollup, **tables)
        yield table, [steps.predict(model, batch) for batch in odd(pa.table(table), 31)]


def test_seven_partitions_are_the_programs_run(
    found: steps.Records, rollups: list[forewarn.Frame], model: bytes, state: bytes, folder: Path
) -> None:
    rows = [frame.to_polars() for _, said in scored(found, rollups, model, state) for frame in said]
    risk = pl.concat(rows).sort("asset_id", "horizon_days")
    want = forewarn.Frame.of(pl.read_parquet(folder / "risk.parquet"))
    assert len(want) > 1000
    assert forewarn.Frame.of(risk).equals(want)


def test_features_do_not_depend_on_partitions(
    found: steps.Records, rollups: list[forewarn.Frame], model: bytes, state: bytes
) -> None:
    one = steps.features(state, model, rollup=steps.merge(rollups), **found.tables())
    parts = [table.to_polars() for table, _ in scored(found, rollups, model, state)]
    assert forewarn.Frame.of(pl.concat(parts).sort("asset_id")).equals(one)


def test_what_does_not_belong_together_is_refused(
    found: steps.Records, rollups: list[forewarn.Frame], model: bytes, state: bytes
) -> None:
    with pytest.raises(forewarn.InputError, match="is not as it was written"):
        steps.features(state[:-40] + bytes([state[-40] ^ 1]) + state[-39:], model)
    with pytest.raises(forewarn.InputError, match=r"column `ts`: missing"):
        steps.rollup(pl.DataFrame({"asset_id": ["a"]}))
    with pytest.raises(forewarn.InputError, match=r"is in two of the parts"):
        steps.merge([rollups[0], rollups[0]])
    with pytest.raises(forewarn.MismatchError, match=r"is in service, and is none of the"):
        steps.features(state, model, assets=pl.DataFrame({"asset_id": ["unheard of"]}))
    with pytest.raises(forewarn.MismatchError, match=r"is not between"):
        steps.cohort_state(found, None, model, config=CONFIG, at="2024-02-01")
    with pytest.raises(forewarn.InputError, match=r"`is_unknown`: missing"):
        steps.predict(model, pl.DataFrame({"asset_id": ["a"]}))


def test_what_stands_in_telemetry_is_handed_in(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("asset_id,ts,model,failure\na,2025-01-01,X,0\nb,2025-01-01,Y,0\na,2025-01-02,X,1\n")
    (tmp_path / "c.toml").write_text(
        '[assets]\nfrom = "telemetry"\n[[telemetry]]\npath = "d.csv"\n[failure]\nfrom = "telemetry"\nwhere = "failure = 1"\n'
    )
    assets = pl.DataFrame({"asset_id": ["a", "b"], "model": ["X", "Y"]})
    failures = pl.DataFrame({"asset_id": ["a"], "failed_at": ["2025-01-02"]})
    with pytest.raises(forewarn.InputError, match=r"there are no assets(.|\n)*`records\(config, assets=…\)`"):
        steps.records(tmp_path / "c.toml", failures=failures)
    with pytest.raises(forewarn.InputError, match=r"there are no failures"):
        steps.records(tmp_path / "c.toml", assets=assets)
    found = steps.records(tmp_path / "c.toml", assets=assets, failures=failures)
    fleet = forewarn.Fleet(tmp_path / "c.toml")
    assert found.failures.to_polars().select("asset_id", "failed_at").equals(
        forewarn.Fleet(tmp_path / "c.toml", failures=failures).outcomes("2025-01-02", horizons=1)
        .to_polars().filter("outcome").select("asset_id", "failed_at")
    )
    # Failures that take the place of derived ones are as final as those were.
    assert not found.terminal and found.as_of == fleet.as_of
    assert steps.records(tmp_path / "c.toml", assets=assets, failures=failures).assets is not None
