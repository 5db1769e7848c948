"""The steps on Spark's `mapInArrow`, on two workers of which one is killed in the middle."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from conftest import CONFIG

import forewarn
from forewarn import steps

pyspark = pytest.importorskip("pyspark", reason="pyspark is not installed: pip install -r requirements-spark.txt")

PARTS = 7
DATA = CONFIG.parent


def java() -> str | None:
    """Why Spark cannot start."""
    if shutil.which("java") is None:
        return "Java is not installed: Spark needs Java 17"
    said = subprocess.run(["java", "-version"], capture_output=True, text=True).stderr
    major = said.split('"')[1].split(".")[0] if '"' in said else "0"
    return None if int(major) >= 17 else f"Spark needs Java 17, and found {said.splitlines()[0]}"


pytestmark = pytest.mark.skipif(java() is not None, reason=java() or "")


def part_of(asset: str) -> int:
    return zlib.crc32(asset.encode()) % PARTS


def plain(table: pa.Table) -> pa.Table:
    """Without dictionaries and large types, which the readers of some versions of Spark do not know."""
    small = {pa.large_string(): pa.string(), pa.string_view(): pa.string()}
    fields = [f.with_type(small.get(f.type, f.type)) for f in table.schema]
    return table.cast(pa.schema(fields))


def below(pid: int, ancestor: int) -> bool:
    """Whether one process was started by the other, or by one that it started."""
    while pid > 1:
        if pid == ancestor:
            return True
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
        except OSError:
            return False
    return False


def workers() -> list[int]:
    """The executors that this process started."""
    out = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        if b"executor.CoarseGrainedExecutorBackend" in words and below(int(entry.name), os.getpid()):
            out.append(int(entry.name))
    return sorted(out)


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    path = os.pathsep.join(p for p in sys.path if p)
    builder = (
        SparkSession.builder.master("local-cluster[2,1,1024]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.memory", "2g")
        # The tables of the partitions are handed to the workers with their tasks.
        .config("spark.rpc.message.maxSize", 1024)
        .config("spark.executorEnv.PYTHONPATH", path)
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", PARTS)
        .config("spark.sql.adaptive.enabled", "false")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", 9973)
        .config("spark.sql.execution.arrow.pyspark.enabled", "true")
    )
    session = builder.getOrCreate()
    yield session
    session.stop()


ROLLUP = (
    "asset_id string, metric string, day date, on_change boolean, counter boolean, n bigint, mean double, m2 double, "
    "min double, max double, last double, increase double, changes bigint, resets bigint, first_at timestamp_ntz"
)
RISK = (
    "asset_id string, horizon_days bigint, probability double, probability_low double, probability_high double, "
    "status string"
)


def test_spark_says_what_the_program_says_though_a_worker_is_killed(spark: Any, folder: Path, tmp_path: Path) -> None:
    from pyspark.sql import functions as F

    model = (folder / "model.json").read_bytes()
    found = steps.records(CONFIG)

    # Readings of both sources as one table, all of an asset in one partition.
    sources = {name: spark.read.parquet(str(DATA / f"telemetry_{name}.parquet")) for name in ("daily", "hourly")}
    columns = {name: source.columns for name, source in sources.items()}
    daily, hourly = (source.withColumn("source", F.lit(name)) for name, source in sources.items())
    readings = daily.unionByName(hourly, allowMissingColumns=True)
    part = F.pmod(F.crc32("asset_id"), F.lit(PARTS))

    def roll(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow.compute as pc

        if rows := list(batches):
            table = pa.Table.from_batches(rows)
            of = [table.filter(pc.equal(table["source"], name)).select(names) for name, names in columns.items()]
            yield from plain(pa.table(steps.rollup(*(source.to_batches() for source in of)))).to_batches()

    rolled = readings.repartition(PARTS, part).mapInArrow(roll, ROLLUP)
    merged = steps.merge([rolled.toArrow()])
    state = steps.cohort_state(found, merged, model, config=CONFIG)

    # The tables of a partition, each as one row of bytes: what a cluster would read from its own files.
    packed = []
    for name, frame in {**found.tables(), "rollup": merged}.items():
        table = plain(pa.table(frame))
        ids = table["asset_id"].to_pylist()
        for p in range(PARTS):
            mine = table.filter(pa.array([id is not None and part_of(id) == p for id in ids]))
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, table.schema) as writer:
                writer.write_table(mine)
            packed.append((p, name, bytearray(sink.getvalue().to_pybytes())))
    parts = spark.createDataFrame(packed, "part int, name string, rows binary").repartition(PARTS, "part")
    started = tmp_path / "started"

    def score(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        rows = [row for batch in batches for row in batch.to_pylist()]
        for p in sorted({row["part"] for row in rows}):
            given = {row["name"]: pa.ipc.open_stream(row["rows"]).read_all() for row in rows if row["part"] == p}
            table = pa.table(steps.features(state, model, **given))
            for batch in table.to_batches(max_chunksize=31):
                yield from plain(pa.table(steps.predict(model, batch))).to_batches()
            try:
                file = os.open(started, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            except FileExistsError:
                continue
            # The first to come here has given rows already, and waits to be killed.
            os.write(file, str(os.getpid()).encode())
            os.close(file)
            time.sleep(300)

    before = workers()
    assert len(before) == 2
    killed: list[int] = []

    def kill() -> None:
        while not (started.exists() and started.read_text()):
            time.sleep(0.1)
        pid = int(started.read_text())
        killed.extend(worker for worker in before if below(pid, worker))
        for worker in killed:
            os.kill(worker, signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    risk = pl.DataFrame(parts.mapInArrow(score, RISK).toArrow()).sort("asset_id", "horizon_days")
    killer.join()
    assert len(killed) == 1 and killed[0] not in workers()
    want = forewarn.Frame.of(pl.read_parquet(folder / "risk.parquet"))
    assert forewarn.Frame.of(risk).equals(want)
