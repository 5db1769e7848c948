"""Runs the nightly job of forewarn and what stands beside it in turn, and prints medians, ratios and peak memory.

    python benches/peers/nightly_compare.py --bin target/release/forewarn --data /tmp/nightly --repeats 3 --rollups-command '…'
    python benches/peers/nightly_compare.py --bin target/debug/forewarn --data /tmp/nightly_small --small --repeats 1 --rows full,next,scale

| row | what forewarn does | beside it |
|---|---|---|
| rollups | reads and rolls up 50 million wide rows (`--rollups-command`) | DuckDB's group by of the same aggregates |
| full | a whole night: 10,000 assets, a year, hourly, 8 metrics, 50,000 tickets | nightly.py |
| next | two nights after, in the same output folder: on the first of a month, when models are due, and on the second | forewarn's full run |
| scale | 100,000 assets, daily, two years | forewarn with 10,000 assets |

Fleets that --data does not hold yet are made by nightly_fleet.py. A run's memory is the largest resident set of its
processes together, looked at ten times a second, or what the kernel kept as the peak of its main process where that is more.
Whether anything else runs on the machine it does not know; it prints the load that it found. On a machine with other work
LightGBM's waiting threads take the processors from each other: set OMP_WAIT_POLICY=PASSIVE there, in the peer's favor.
"""

import argparse
import json
import os
import pathlib
import platform
import shlex
import shutil
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROWS = ["rollups", "full", "next", "scale"]
FLEETS = {  # name: settings of nightly_fleet.py at full size, and what is smaller in a smoke test
    "rollups50m": (dict(assets=500, days=350, every="5min", metrics=4, tickets=2500, seed=3, layout="assets"), dict(assets=8, days=30, tickets=200)),
    "full": (dict(assets=10_000, days=365, every="1h", metrics=8, tickets=50_000, seed=1), dict(assets=60, tickets=1500)),
    "daily10k": (dict(assets=10_000, days=731, every="1d", metrics=4, tickets=50_000, seed=2), dict(assets=50, tickets=500)),
    "daily100k": (dict(assets=100_000, days=731, every="1d", metrics=4, tickets=500_000, seed=2), dict(assets=500, tickets=5000)),
}
# The fleet of a night after, and that of the night before it. A year from the first of January 2024 ends on the 30th of December,
# so the first of them is the first of a month, when models are learned anew.
NEXT = {"full_next": "full", "full_next2": "full_next"}


def resident(root):
    """Resident memory of a process and all below it, in MiB."""
    pages = 0
    todo = [root]
    while todo:
        pid = todo.pop()
        try:
            pages += int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
            todo += [int(c) for task in os.listdir(f"/proc/{pid}/task") for c in pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split()]
        except OSError:
            continue  # it ended meanwhile
    return pages * os.sysconf("SC_PAGE_SIZE") // 2**20


def measure(name, command, log, good=(0,)):
    """Runs a command; seconds by the clock, seconds of processors, MiB at the peak."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as words:
        start, peak = time.time(), 0
        child = subprocess.Popen([str(c) for c in command], stdout=words, stderr=subprocess.STDOUT)
        while True:
            pid, status, used = os.wait4(child.pid, os.WNOHANG)
            if pid:
                break
            peak = max(peak, resident(child.pid))
            time.sleep(0.1)
        seconds = time.time() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in good:
        raise SystemExit(f"{shlex.join(map(str, command))}: exit code {child.returncode}\n{log.read_text()[-3000:]}")
    one = dict(seconds=seconds, processors=used.ru_utime + used.ru_stime, mib=max(peak, used.ru_maxrss // 1024))
    print(f"  {name}: {one['seconds']:.1f} s, {one['processors']:.1f} s of processors in the main process, {one['mib']:,} MiB", flush=True)
    return one


def make(a, name):
    """The fleet of a name, made where it lacks."""
    folder = a.data / name
    if name in NEXT:
        if not folder.exists():
            shutil.copytree(make(a, NEXT[name]), folder, copy_function=os.link)
            subprocess.run([sys.executable, HERE / "nightly_fleet.py", "--one-more-day", "--out", folder], check=True)
        return folder
    settings, small = FLEETS[name]
    settings = settings | small if a.small else settings
    if not (folder / "fleet.json").exists():
        options = [o for k, v in settings.items() for o in (f"--{k}", str(v))]
        subprocess.run([sys.executable, HERE / "nightly_fleet.py", *options, "--out", folder], check=True)
    made = json.loads((folder / "fleet.json").read_text())
    if made["assets"] != settings["assets"] or made["days"] != settings["days"]:
        raise SystemExit(f"{folder} holds a fleet of another size; name another --data")
    return folder


def read_once(folder):
    """So that no run pays for a cold disk."""
    for f in sorted(folder.rglob("*.parquet")):
        f.read_bytes()


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--bin", type=pathlib.Path, required=True, help="the forewarn binary")
    p.add_argument("--data", type=pathlib.Path, required=True, help="where the fleets are or will be")
    p.add_argument("--repeats", type=int, default=3)
    p.add_argument("--rows", default=",".join(ROWS), help="of rollups, full, next, scale")
    p.add_argument("--rollups-command", help="what reads and rolls up a folder, for the row rollups; {bin}, {dir}, {out}, {threads} are filled in")
    p.add_argument("--duckdb", default="", help="further options of rollups.py, e.g. '--changes --slope'")
    p.add_argument("--peer", default="", help="further options of nightly.py, e.g. '--others 150000'")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--small", action="store_true", help="sizes of a smoke test")
    a = p.parse_args()
    rows, a.data = a.rows.split(","), a.data.resolve()
    if unknown := set(rows) - set(ROWS):
        p.error(f"no such rows: {', '.join(sorted(unknown))}")
    # `forewarn check` reads and checks but rolls nothing up, so it would be no fair figure.
    if "rollups" in rows and not a.rollups_command:
        p.error("the row rollups needs --rollups-command; or name other --rows")
    binary, work = a.bin.resolve(), a.data / "work"
    done = {}

    def took(what, one):
        done.setdefault(what, []).append(one)

    def forewarn(name, folder, out):
        command = [binary, "run", "--quiet", "--threads", a.threads, "-c", folder / "forewarn.toml", "--out", out]
        # 1: done, but a data check failed.
        return measure(name, command, work / f"{name.replace(' ', '_')}.log", good=(0, 1))

    def fresh(path):
        shutil.rmtree(path, ignore_errors=True)
        return path

    print(f"{platform.machine()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, {a.threads} threads")
    os.environ["POLARS_MAX_THREADS"] = str(a.threads)
    for name in ["rollups50m"] * ("rollups" in rows) + ["full"] * bool({"full", "next"} & set(rows)) + list(NEXT) * ("next" in rows) + ["daily10k", "daily100k"] * ("scale" in rows):
        read_once(make(a, name))

    for i in range(a.repeats):
        print(f"repeat {i + 1} of {a.repeats}", flush=True)
        if "rollups" in rows:
            folder, out = a.data / "rollups50m", fresh(work / "rollups")
            out.mkdir(parents=True)
            command = [sys.executable, HERE / "rollups.py", folder, "--threads", a.threads, "--out", out / "duckdb.parquet", *shlex.split(a.duckdb)]
            took("duckdb", measure("DuckDB rollups", command, work / "duckdb.log"))
            command = a.rollups_command.format(bin=shlex.quote(str(binary)), dir=shlex.quote(str(folder)), out=shlex.quote(str(out / "forewarn")), threads=a.threads)
            took("rollups", measure("forewarn rollups", shlex.split(command), work / "rollups.log", good=(0, 1)))
        if "full" in rows:
            command = [sys.executable, HERE / "nightly.py", a.data / "full", fresh(work / "peer"), "--threads", a.threads, *shlex.split(a.peer)]
            took("peer", measure("Python night", command, work / "peer.log"))
        if {"full", "next"} & set(rows):
            # A copy by links, in which the next day's export can take the place of this one's.
            night, out = fresh(work / "night"), fresh(work / "night_out")
            shutil.copytree(a.data / "full", night, copy_function=os.link)
            took("full", forewarn("forewarn night", night, out))
        for name, what in zip(NEXT, ["due", "next"]) if "next" in rows else []:
            came = a.data / name
            for f in sorted(f for f in came.rglob("*") if f.is_file()):
                old = night / f.relative_to(came)
                if not old.exists() or not os.path.samefile(f, old):
                    part = old.with_name(old.name + ".part")
                    shutil.copy2(f, part)
                    os.replace(part, old)
            took(what, forewarn(f"forewarn night after, {what}", night, out))
        if "scale" in rows:
            for name in ["daily10k", "daily100k"]:
                took(name, forewarn(f"forewarn {name}", a.data / name, fresh(work / f"{name}_out")))

    names = {"rollups": ("rollups", "duckdb", "DuckDB"), "full": ("full", "peer", "Python"), "due": ("due", "full", "the full run"), "next": ("next", "full", "the full run"), "scale": ("daily100k", "daily10k", "a tenth of the assets")}
    middle = lambda what, key: statistics.median(one[key] for one in done[what])
    print("\n| row | beside it | forewarn, s | beside it, s | ratio (of each repeat) | forewarn, MiB | beside it, MiB |\n|---|---|---|---|---|---|---|")
    for row in [r for row in rows for r in (["due", "next"] if row == "next" else [row])]:
        ours, other, words = names[row]
        ratios = [x["seconds"] / y["seconds"] for x, y in zip(done[ours], done[other])]
        each = ", ".join(f"{r:.2f}" for r in ratios)
        print(f"| {row} | {words} | {middle(ours, 'seconds'):.1f} | {middle(other, 'seconds'):.1f} | {statistics.median(ratios):.2f} ({each}) | {max(o['mib'] for o in done[ours]):,} | {max(o['mib'] for o in done[other]):,} |")
    print("\nSeconds and ratios are medians, MiB the largest of the repeats.")


if __name__ == "__main__":
    main()
