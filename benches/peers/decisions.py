"""Simulated fleets: do lists catch as many failures as the report says, and does the ranking by costs save more?

For each seed a fleet is made, the nightly run is made one month before its end, and what came in that month is compared
with what was said. It needs the binaries `forewarn` and `forewarn-dataset` in one folder, and polars.

    python benches/peers/decisions.py --bin target/release --seeds 101-200 --assets 400 --work /tmp/decisions
"""

import argparse
import json
import pathlib
import subprocess
import tomllib

import polars as pl

AS_OF = "2025-12-01"
DAYS = 30
LENGTHS = [5, 10, 20, 40]
CRITICALITY = {1: 2.0, 2: 1.5, 3: 1.0, 4: 0.75, 5: 0.5}
HERE = pathlib.Path(__file__).resolve().parents[2]


def run(seed, args):
    folder = pathlib.Path(args.work) / f"s{seed}"
    data, out = folder / "data", folder / "out"
    binary = pathlib.Path(args.bin)
    if not (out / AS_OF / "manifest.json").exists():
        folder.mkdir(parents=True, exist_ok=True)
        make = [binary / "forewarn-dataset", "--assets", str(args.assets), "--seed", str(seed), "--hourly-servers", "0", "--out", data]
        subprocess.run(make, check=True, capture_output=True)
        config = (HERE / "datasets/fleet/forewarn.toml").read_text()
        config = config.replace('[[telemetry]]\npath = "telemetry_hourly.parquet"\n', "")
        (data / "forewarn.toml").write_text(config + '\n[export]\ntables = []\ntickets = "none"\n')
        command = [binary / "forewarn", "run", "-c", data / "forewarn.toml", "--as-of", AS_OF, "--out", out, "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode not in (0, 1):
            raise SystemExit(f"seed {seed}: {done.stderr[-2000:]}")
    return data, out / AS_OF


def judge(seed, args):
    data, folder = run(seed, args)
    settings = tomllib.loads((data / "forewarn.toml").read_text())
    cost, visits = settings["cost"], settings["capacity"]["visits"]
    facts = json.loads((folder / "manifest.json").read_text())["facts"]
    ranking = pl.read_parquet(folder / "ranking.parquet")
    # What came: the first failure of each asset in the month, by the tickets as they stand at the end.
    tickets = pl.read_csv(data / "incidents.csv", infer_schema=False)
    local = pl.col("opened_at").str.to_datetime("%Y-%m-%d %H:%M:%S").dt.replace_time_zone("Europe/Berlin", ambiguous="earliest", non_existent="null")
    opened = local.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    from_ = pl.lit(AS_OF).str.to_datetime()
    came = (
        tickets.with_columns(opened.alias("opened"))
        .filter(pl.col("category") == "Hardware", pl.col("priority").str.slice(0, 1).is_in(["1", "2"]))
        .filter(pl.col("opened") >= from_, pl.col("opened") < from_ + pl.duration(days=DAYS))
        .sort("opened", "number")
        .group_by("cmdb_ci", maintain_order=True)
        .agg(pl.col("u_downtime_minutes").cast(pl.Float64, strict=False).drop_nulls().first().alias("minutes"))
        .rename({"cmdb_ci": "asset_id"})
    )
    factor = pl.col("criticality").replace_strict(CRITICALITY, default=1.0, return_dtype=pl.Float64)
    repair = pl.when(pl.col("warranty_ends_at") > from_).then(0.0).otherwise(cost["repair"])
    ranking = ranking.join(came.with_columns(failed=pl.lit(True)), on="asset_id", how="left").with_columns(
        failed=pl.col("failed").fill_null(False),
        lost=pl.when(pl.col("failed")).then(pl.col("minutes").fill_null(0.0) / 60 * cost["downtime_hour"] * factor + repair).otherwise(0.0),
    )
    truth = pl.read_parquet(data / "truth.parquet").filter(
        pl.col("cutoff").dt.replace_time_zone(None) == from_, pl.col("horizon_days") == DAYS
    ).select("asset_id", true_probability="probability")
    ranking = ranking.join(truth, on="asset_id", how="left").sort("rank")
    # What a failure costs on average, as the run has it.
    ranking = ranking.with_columns(
        true_cost=pl.col("true_probability").fill_null(0.0) * pl.col("expected_cost") / pl.col("probability")
    )
    by_cost = ranking.head(visits)
    row = {
        "seed": seed,
        "caught": by_cost["failed"].sum(),
        "said": facts["caught"],
        "low": facts["caught_low"],
        "high": facts["caught_high"],
        "promised": by_cost["probability"].sum(),
        "expected_failures": facts["expected_failures"],
        "failures": ranking["failed"].sum(),
        "lost": ranking["lost"].sum(),
    }
    by_risk = ranking.sort("probability", descending=True, maintain_order=True)
    for k in LENGTHS:
        for what in ["lost", "true_cost"]:
            row[f"{what}_by_saving_{k}"] = ranking.head(k)[what].sum()
            row[f"{what}_by_probability_{k}"] = by_risk.head(k)[what].sum()
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--seeds", required=True)
    parser.add_argument("--assets", type=int, default=400)
    parser.add_argument("--work", required=True)
    args = parser.parse_args()
    first, last = (int(s) for s in args.seeds.split("-"))
    rows = []
    for seed in range(first, last + 1):
        rows.append(judge(seed, args))
        print(json.dumps({k: round(v, 3) if isinstance(v, float) else v for k, v in rows[-1].items()}), flush=True)
    df = pl.DataFrame(rows)
    held = df.filter((pl.col("low") <= pl.col("caught")) & (pl.col("caught") <= pl.col("high"))).height
    print(f"\n{df.height} fleets of {args.assets} assets, as of {AS_OF}")
    print(f"interval of failures caught held {held} times; said {df['said'].mean():.2f}, caught {df['caught'].mean():.2f}, promised {df['promised'].mean():.2f}")
    print(f"failures of all assets: expected {df['expected_failures'].mean():.2f}, came {df['failures'].mean():.2f}")
    print("cost of the listed assets' failures, mean of a fleet: by saving, by probability, difference (its standard errors), fleets with more, with less")
    for k in LENGTHS:
        for what in ["lost", "true_cost"]:
            a, b = df[f"{what}_by_saving_{k}"], df[f"{what}_by_probability_{k}"]
            d = a - b
            errors = d.mean() / (d.std() / len(d) ** 0.5)
            name = "as it came" if what == "lost" else "by true probabilities"
            print(f"{k:>3} visits, {name}: {a.mean():.0f}, {b.mean():.0f}, {a.sum() / b.sum() - 1:+.1%} ({errors:+.1f}), {(d > 0).sum()}, {(d < 0).sum()}")


if __name__ == "__main__":
    main()
