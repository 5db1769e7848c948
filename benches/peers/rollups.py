"""Daily rollups of telemetry in DuckDB: per asset, UTC day and metric what a later step needs instead of the readings.

    python benches/peers/rollups.py DIR [--memory 8GB] [--threads 2] [--slope] [--changes] [--out FILE]

DIR holds telemetry/*.parquet with asset_id, ts and one column a metric. One group by gives count, mean, variance, minimum,
maximum, first and last by time; `--slope` adds the straight line through the day, `--changes` how often the value changed
and by how much a counter rose since the reading before, which takes windows over all rows in time order. The result is
sorted by asset and day and written to Parquet, as whoever reads it needs it. It does not check its input.
"""

import argparse
import pathlib
import resource
import tempfile
import time

import duckdb


def query(metrics, files, slope, changes):
    """One row an asset and day; the metrics stand side by side, as in the input."""
    source = f"read_parquet({files!r})"
    if changes:
        # `ignore nulls`: a missing reading is no change, and the one before it counts.
        before = ", ".join(f'lag("{m}" ignore nulls) over w as "{m}_before"' for m in metrics)
        source = f"(select *, {before} from {source} window w as (partition by asset_id order by ts))"
    columns = []
    for m in metrics:
        c, before = f'"{m}"', f'"{m}_before"'
        columns += [
            f'count({c}) as "{m}_n"', f'avg({c}) as "{m}_mean"', f'var_pop({c}) as "{m}_variance"',
            f'min({c}) as "{m}_min"', f'max({c}) as "{m}_max"',
            f'arg_min({c}, ts) as "{m}_first"', f'arg_max({c}, ts) as "{m}_last"',
        ]
        if slope:
            columns.append(f'regr_slope({c}, epoch(ts) % 86400) as "{m}_slope"')
        if changes:
            columns.append(f'count(*) filter ({c} <> {before}) as "{m}_changes"')
            columns.append(f'sum(case when {c} >= {before} then {c} - {before} when {c} < {before} then {c} end) as "{m}_increase"')
    return f"select asset_id, cast(ts at time zone 'UTC' as date) as day, {', '.join(columns)} from {source} group by all order by asset_id, day"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("dir", type=pathlib.Path)
    p.add_argument("--memory", default="8GB", help="what DuckDB may hold; beyond it goes to disk")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--slope", action="store_true")
    p.add_argument("--changes", action="store_true")
    p.add_argument("--out", type=pathlib.Path, help="default: a temporary file")
    a = p.parse_args()
    files = str(a.dir / "telemetry" / "*.parquet")
    with tempfile.TemporaryDirectory(dir=a.out.parent if a.out else None) as spill:
        out = a.out or pathlib.Path(spill) / "rollups.parquet"
        start = time.time()
        db = duckdb.connect()
        db.execute(f"set threads={a.threads}; set memory_limit='{a.memory}'; set temp_directory='{spill}'; set preserve_insertion_order=false; set timezone='UTC'")
        metrics = [r[0] for r in db.execute(f"describe select * exclude (asset_id, ts) from read_parquet({files!r})").fetchall()]
        db.execute(f"copy ({query(metrics, files, a.slope, a.changes)}) to '{out}' (format parquet, compression zstd)")
        seconds, worked = time.time() - start, time.process_time()
        rows, days = (db.execute(f"select count(*) from read_parquet('{f}')").fetchone()[0] for f in (files, out))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"duckdb {duckdb.__version__}: {rows:,} rows of {len(metrics)} metrics to {days:,} asset-days in {seconds:.1f} s ({worked:.1f} s of processors), peak {peak:,} MiB")


if __name__ == "__main__":
    main()
