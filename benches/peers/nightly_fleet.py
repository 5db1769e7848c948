"""Makes a fleet as large as a nightly job meets: telemetry in Parquet, tickets, inventory and changes, with a fixed seed.

    python benches/peers/nightly_fleet.py --assets 10000 --days 365 --every 1h --metrics 8 --tickets 50000 --seed 1 --out DIR
    python benches/peers/nightly_fleet.py --one-more-day --out DIR      # what the exports hold a night later

One file a day, rows by time and then asset, as an exporter writes them; `--layout assets` writes a few large files by asset
and then time instead. `--assets` are in service on any day: one that retires is replaced by a new one. Each asset is healthy, worn or
failing; wear comes with age, heat, model and a weak battery, and shows in temperature, latency, errors and complaints before
the failure does. Memory holds one day of readings (all of them for `--layout assets`). It does not know who reads it, and
takes no care that a failure is exactly as likely as a published truth says; datasets/fleet has that.
"""

import argparse
import datetime as dt
import json
import os
import pathlib
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import polars as pl

from nightly_words import CATEGORIES, CONFIG, FAILED, GROUPS, KINDS, LEVELS, MODELS, PRIORITIES, SERVICES, SITES, TEXTS

START = dt.datetime(2024, 1, 1)
DAY_US = 86_400_000_000
SPARE_DAYS = 31  # how many nights can be added with --one-more-day
METRICS = {  # name: decimals
    "cpu_percent": 1,
    "temperature_c": 1,
    "disk_used_percent": 1,
    "errors_total": 0,
    "battery_capacity_percent": 1,
    "memory_percent": 1,
    "latency_ms": 1,
    "fan_rpm": 0,
}


def draw(*key):
    return np.random.default_rng(key)


def inventory(a):
    """Everything about the assets that does not change from day to day, one array a property. Days count from START."""
    rng = draw(a.seed, 0)
    leaves = rng.exponential(365 / 0.05, a.assets).astype(int) + 20
    end = a.days_first + SPARE_DAYS
    left = np.flatnonzero(leaves < end)
    left = left[np.argsort(leaves[left], kind="stable")]
    n = a.assets + len(left)
    slot = np.concatenate([np.arange(a.assets), left])
    kind = rng.choice(len(KINDS), a.assets, p=[k[2] for k in KINDS])[slot]
    model = np.zeros(n, int)
    for k in range(len(KINDS)):
        choices = [i for i, m in enumerate(MODELS) if m[0] == k]
        here = np.flatnonzero(kind == k)
        model[here] = rng.choice(choices, len(here))
    f = dict(
        kind=kind, model=model,
        site=rng.choice(len(SITES), n, p=np.arange(14, 2, -1) / 102),
        service=rng.choice(len(SERVICES), n, p=np.arange(14, 2, -1) / 102),
        start=np.concatenate([np.zeros(a.assets, int), leaves[left]]),
        end=np.concatenate([leaves, np.full(len(left), 10**6)]),
        criticality=rng.choice([1, 2, 3, 4], n, p=[0.1, 0.3, 0.4, 0.2]),
        warranty_years=rng.choice([3, 5], n),
        cpu=rng.beta(2, 4, n) * 70 + 5,
        heat=rng.normal(38, 3, n),
        disk=rng.uniform(20, 80, n),
        disk_slope=rng.lognormal(-3.2, 1.0, n),
        memory=rng.uniform(25, 80, n),
        latency=rng.lognormal(1.5, 0.8, n),
        errors=rng.lognormal(-1.5, 1.2, n),
        noise=np.where(rng.random(n) < 0.2, 2.5, 1.0),
        battery=rng.uniform(70, 100, n),
        battery_decay=rng.lognormal(-3.6, 0.5, n),
        errors_start=rng.integers(0, 5000, n),
        complains=rng.gamma(0.8, 1.0, n) + 0.1,
        serial=rng.integers(16**7, 16**8, n),
    )
    f["installed"] = np.where(f["start"] > 0, f["start"], -rng.integers(1, 6 * 365, n))
    prefix = np.array([k[1] for k in KINDS])[kind]
    f["id"] = np.array([f"{p}-{i + 1:06}" for i, p in enumerate(prefix)], dtype=object)
    f["wear"] = np.array([k[3] for k in KINDS])[kind] * np.array([m[3] for m in MODELS])[model]
    return f


class State:
    """What changes from day to day: wear, levels, counters, and the tickets and changes that come of it."""

    def __init__(self, a, f):
        n = len(f["kind"])
        self.a, self.f, self.n = a, f, n
        rng = draw(a.seed, 1)
        self.wear = np.where(rng.random(n) < 0.03, 1, 0)
        self.severity = 0.4 * self.wear
        self.disk, self.battery = f["disk"].copy(), f["battery"].copy()
        self.errors = f["errors_start"].astype(np.int64)
        self.silent_until = np.zeros(n, int)
        self.tickets, self.changes = [], []
        per_day = a.tickets / a.days_first
        # So many failures for each ticket as 5,000 of 50,000, at the rates below; the other tickets make up the rest.
        self.pace = np.clip(per_day / a.assets / (50_000 / 3.65e6), 0.1, 4.0)
        self.others = per_day * 0.9

    def step(self, day):
        """One day: who wears, fails, is visited and complains. Rates are a day."""
        f, rng = self.f, draw(self.a.seed, 2, day)
        active = (f["start"] <= day) & (day < f["end"])
        age = np.maximum(day - f["installed"], 0) / 365
        season = 1 + 0.3 * np.sin(2 * np.pi * (day - 100) / 365)
        wears = 0.00042 * self.pace * f["wear"] * (1 + age / 3) * np.exp(0.08 * (f["heat"] - 38)) * season * np.where(self.battery < 65, 2.5, 1.0)
        u = rng.random(self.n)
        self.wear = np.where((self.wear == 0) & (u < wears), 1, np.where((self.wear == 1) & (u < 0.035), 2, self.wear))
        self.severity += 0.12 * (np.array([0.0, 0.55, 1.0])[self.wear] - self.severity)
        fails = np.array([0.0003 * self.pace, 0.006, 0.055])[self.wear]
        failed = np.flatnonzero(active & (rng.random(self.n) < fails))
        mended = failed[rng.random(len(failed)) < 0.88]
        changed = mended[rng.random(len(mended)) < 0.5]
        at = day * DAY_US
        # Visits find wear in three cases of four; they go where complaints are a little more often.
        weight = np.cumsum(active * (1 + 2 * self.severity))
        visits = np.unique(np.searchsorted(weight, rng.random(rng.poisson(0.0003 * self.a.assets)) * weight[-1]))
        found = visits[rng.random(len(visits)) < 0.75]
        self.change(day, visits, "visit", "", "", "Preventive maintenance / Wartungsbesuch")
        weak = np.flatnonzero(active & (self.battery < 58) & (rng.random(self.n) < 0.03))
        self.change(day, weak, "replacement", "battery", "", "Battery replaced")
        self.change(day + 1, changed, "replacement", "mainboard", "", "Mainboard replaced")
        if day % 28 == 15:
            patched = np.flatnonzero(active & (f["kind"] <= 1) & (rng.random(self.n) < 0.3))
            self.change(day, patched, "patch", "os", f"KB{5000 + day // 28}", "Monthly patch")
        self.open(day, at, rng, active, failed)
        back = np.concatenate([mended, found])
        self.wear[back], self.severity[back] = 0, 0.0
        # Levels move.
        self.disk += f["disk_slope"] * rng.gamma(1.0, 1.0, self.n)
        full = np.flatnonzero((self.disk > 96) | (rng.random(self.n) < 0.001))
        self.disk[full] = np.minimum(self.disk[full], rng.uniform(40, 65, len(full)))
        self.battery -= f["battery_decay"] * (1 + 2 * self.severity) * rng.gamma(1.0, 1.0, self.n)
        self.battery[weak] = rng.uniform(97, 100, len(weak))
        self.battery = np.maximum(self.battery, 20)
        self.silent_until = np.where((rng.random(self.n) < 0.0004), day + rng.geometric(0.2, self.n), self.silent_until)
        self.errors[changed] = 0

    def change(self, day, assets, kind, component, version, text):
        self.changes += [(day, int(i), kind, component, version, text) for i in assets]

    def open(self, day, at, rng, active, failed):
        """The day's tickets with all that ever becomes of them; the export shows what is known by then."""
        f = self.f
        week = [1.3, 1.2, 1.15, 1.1, 1.05, 0.35, 0.25][(START + dt.timedelta(days=day)).weekday()] * 7 / 6.4
        rates = np.array([c[1] for c in CATEGORIES]) * self.others * week * rng.gamma(20, 1 / 20, len(CATEGORIES))
        rates *= 1 + 0.3 * np.sin(np.arange(len(CATEGORIES)) + day / 58)
        n = rng.poisson(rates)
        category = np.repeat(np.arange(len(CATEGORIES)), n)
        hit = rng.random() < 0.02  # a service is disturbed
        service_hit = rng.integers(len(SERVICES))
        asset = np.full(len(category), -1)
        for c in range(len(CATEGORIES)):
            here = np.flatnonzero(category == c)
            weight = np.cumsum(active * f["complains"] * (1 + CATEGORIES[c][2] * self.severity) * np.where(hit & (f["service"] == service_hit), 3, 1))
            asset[here] = np.searchsorted(weight, rng.random(len(here)) * weight[-1])
        asset[rng.random(len(asset)) < 0.15] = -1
        first = np.cumsum([0] + [len(c[4]) for c in CATEGORIES])
        sizes = np.diff(first)
        text = first[category] + (rng.random(len(category)) * sizes[category]).astype(int)
        priority = rng.choice([2, 3, 4, 5], len(category), p=[0.06, 0.3, 0.42, 0.22])
        # A complaint about hardware is no failure.
        priority = np.where(category == 0, np.maximum(priority, 3), priority)
        seconds = (6.5 * 3600 + rng.beta(2, 2.2, len(category)) * 12 * 3600).astype(int)
        k = len(failed)
        category = np.concatenate([category, np.zeros(k, int)])
        asset = np.concatenate([asset, failed])
        text = np.concatenate([text, first[-1] + rng.integers(0, len(FAILED), k)])
        priority = np.concatenate([priority, rng.choice([1, 2], k, p=[0.3, 0.7])])
        seconds = np.concatenate([seconds, rng.integers(0, 86400, k)])
        m = len(category)
        hours = np.array([0, 5, 11, 28, 60, 110])[priority] * rng.lognormal(0, 0.9, m)
        known = asset >= 0
        t = pl.DataFrame(dict(
            opened=at + seconds * 1_000_000,
            took=(hours * 3600).astype(np.int64) * 1_000_000,
            asset=asset, category=category, text=text, priority=priority,
            failure=np.arange(m) >= m - k,
            service=np.where(known, f["service"][asset], rng.integers(0, len(SERVICES), m)),
            site=np.where(known, f["site"][asset], rng.integers(0, len(SITES), m)),
            group=rng.random(m), user=rng.integers(1, 4 * self.a.assets, m), code=rng.integers(0, 60, m),
            room=rng.integers(1, 400, m), number=rng.integers(1, 60, m),
            reassigned=rng.poisson(0.4, m), reopened=rng.poisson(0.05, m), csat=rng.integers(0, 15, m),
        ))
        self.tickets.append(t.sort("opened", "asset", "text", "room", maintain_order=True))

    def readings(self, day):
        """The day's readings: which rows exist, and each metric as an array (times, assets in service)."""
        a, f = self.a, self.f
        rng, steady = draw(a.seed, 3, day), draw(a.seed, 4, day)
        active = np.flatnonzero((f["start"] <= day) & (day < f["end"]))
        k, n = a.per_day, len(active)
        hour = (np.arange(k)[:, None] + 0.5) * 24 / k
        get = lambda name: f[name][active].astype(np.float32)
        severity, noise = self.severity[active].astype(np.float32), get("noise")
        normal = lambda: rng.standard_normal((k, n), dtype=np.float32)
        work = np.exp(-(((hour - 13) / 5) ** 2)).astype(np.float32) * np.float32(1.0 if day % 7 < 5 else 0.3)
        before = self.errors[active]
        rate = get("errors") * (1 + 9 * severity) / k
        self.errors[active] = before + (up := np.cumsum(steady.poisson(rate, (k, n)), axis=0))[-1]
        if day < a.write_from:
            return None
        out = {}
        cpu = np.clip(get("cpu") * (0.6 + 0.8 * work) + 6 * normal(), 0, 100)
        heat = get("heat") + 0.08 * cpu + np.float32(4 * np.sin(2 * np.pi * (day - 110) / 365)) + 5 * severity + 0.8 * noise * normal()
        for name in a.names:
            if name == "cpu_percent":
                x = cpu
            elif name == "temperature_c":
                x = heat
            elif name == "disk_used_percent":
                x = np.clip(self.disk[active].astype(np.float32) + 0.1 * normal() + hour.astype(np.float32) / 24 * get("disk_slope"), 0, 100)
            elif name == "errors_total":
                out[name] = (before + up).astype(np.int64)
                continue
            elif name == "battery_capacity_percent":
                x = np.broadcast_to(self.battery[active].astype(np.float32), (k, n))
            elif name == "memory_percent":
                x = np.clip(get("memory") + 5 * work + (day % 14) * 0.6 + 2 * normal(), 0, 100)
            elif name == "latency_ms":
                x = get("latency") * (1 + 0.8 * severity) * np.exp(0.12 * noise * normal()) + 0.02 * cpu
            else:
                x = np.clip(1800 + 60 * (heat - 35) + 300 * severity + 60 * normal(), 600, 6000)
                out[name] = (np.rint(x / 30) * 30).astype(np.int64)
                continue
            out[name] = np.rint(x * 10).astype(np.int32) / 10.0
            # Single cells are missing.
            out[name].reshape(-1)[rng.integers(0, k * n, k * n // 400)] = np.nan
        there = np.broadcast_to(self.silent_until[active] <= day, (k, n)).copy()
        there.reshape(-1)[rng.integers(0, k * n, k * n // 400)] = False
        return active, there, out


def replace(path, write):
    """Writes beside and renames, so that a hard link elsewhere keeps what it had."""
    part = path.with_name(path.name + ".part")
    write(part)
    os.replace(part, path)


def write_csv(path, table):
    """An export leaves a cell without content empty."""
    replace(path, table.with_columns(pl.col(pl.String).replace("", None)).write_csv)


def telemetry_frame(a, ids, ts, keep, columns):
    frame = pl.DataFrame({"asset_id": ids, "ts": ts, **columns})
    frame = frame.with_columns(pl.col("ts").cast(pl.Datetime("us", "UTC")), pl.col(pl.Float64).fill_nan(None))
    return frame if keep is None else frame.filter(pl.Series(keep))


def write_days(a, f, state, pool):
    """One file a day, written while the next day is drawn."""
    folder = a.out / "telemetry"
    folder.mkdir(parents=True, exist_ok=True)
    step = DAY_US // a.per_day
    epoch = int(START.replace(tzinfo=dt.timezone.utc).timestamp()) * 1_000_000
    pending, rows = None, 0
    ids, ids_of = None, None
    for day in range(a.days):
        state.step(day)
        drawn = state.readings(day)
        if drawn is None:
            continue
        active, there, out = drawn
        if ids_of is None or not np.array_equal(active, ids_of):
            ids, ids_of = pl.concat([pl.Series(f["id"][active].astype(str))] * a.per_day), active
        ts = np.repeat(epoch + day * DAY_US + np.arange(a.per_day) * step, len(active))
        frame = telemetry_frame(a, ids, ts, there.reshape(-1), {m: x.reshape(-1) for m, x in out.items()})
        path = folder / f"{(START + dt.timedelta(days=day)).date()}.parquet"
        rows += frame.height
        if pending:
            pending.result()
        pending = pool.submit(replace, path, lambda p, x=frame: x.write_parquet(p, compression="zstd", compression_level=1))
    if pending:
        pending.result()
    return rows


def write_assets(a, f, state):
    """A few large files, by asset and then time."""
    folder = a.out / "telemetry"
    folder.mkdir(parents=True, exist_ok=True)
    k, n, total = a.per_day, state.n, a.days * a.per_day
    kept = {m: np.full((n, total), np.nan, np.float32 if METRICS[m] else np.float64) for m in a.names}
    there = np.zeros((n, total), bool)
    for day in range(a.days):
        state.step(day)
        active, here, out = state.readings(day)
        there[active, day * k : (day + 1) * k] = here.T
        for m, x in out.items():
            kept[m][active, day * k : (day + 1) * k] = x.T
    epoch = int(START.replace(tzinfo=dt.timezone.utc).timestamp()) * 1_000_000
    ts = epoch + np.arange(total, dtype=np.int64) * (DAY_US // k)
    block, rows = -(-n // 8), 0
    # A file holds whole assets in the order of their ids.
    order = np.argsort(f["id"].astype(str), kind="stable")
    for b in range(0, n, block):
        parts = []
        for i in order[b : b + block]:
            columns = {m: np.rint(x[i].astype(np.float64) * 10) / 10 if METRICS[m] else x[i] for m, x in kept.items()}
            frame = telemetry_frame(a, pl.repeat(f["id"][i], total, eager=True), ts, there[i], columns)
            parts.append(frame.with_columns(pl.col(m).cast(pl.Int64) for m in a.names if METRICS[m] == 0))
        frame = pl.concat(parts)
        rows += frame.height
        replace(folder / f"part-{b // block}.parquet", lambda p: frame.write_parquet(p, compression="zstd", compression_level=1, row_group_size=1_000_000))
    return rows


def write_tables(a, f, state):
    """The inventory, tickets and changes as an export at the end of the last day shows them."""
    day0 = np.datetime64(START.date())
    date = lambda days: pl.Series(day0 + np.asarray(days).astype("timedelta64[D]"))
    now, epoch = a.days * DAY_US, int(START.replace(tzinfo=dt.timezone.utc).timestamp()) * 1_000_000
    take = np.flatnonzero(f["start"] < a.days)
    g = {k: v[take] for k, v in f.items()}
    retired = g["end"] < a.days
    pick = lambda names, i: pl.Series([names[j] for j in i])
    kind = np.array([k[0] for k in KINDS])[g["kind"]]
    rank = np.array(["", "1 - most critical", "2 - somewhat critical", "3 - less critical", "4 - not critical"])
    is_server, is_laptop = g["kind"] == 0, g["kind"] == 1
    cmdb = pl.DataFrame({
        "name": g["id"].astype(str), "sys_class_name": kind,
        "model_id": pick([m[2] for m in MODELS], g["model"]), "manufacturer": pick([m[1] for m in MODELS], g["model"]),
        "serial_number": [f"{s:08X}" for s in g["serial"]], "install_date": date(g["installed"]),
        "retired": pl.select(pl.when(pl.Series(retired)).then(date(np.minimum(g["end"], 10**5)))).to_series(),
        "location": pick(SITES, g["site"]), "assigned_to": "", "owned_by": np.where(is_laptop, "Workplace", "Infrastructure"),
        "business_service": pick(SERVICES, g["service"]), "business_criticality": rank[g["criticality"]],
        "warranty_expiration": date(g["installed"] + 365 * g["warranty_years"]),
        "os": np.where(is_server, "Debian GNU/Linux", np.where(is_laptop, "Windows 11", "")),
        "os_version": np.where(is_server, "6.1.0-18", np.where(is_laptop, "23H2", "")),
        "firmware_version": [f"{1 + m % 5}.{int(s) % 4}" for m, s in zip(g["model"], g["serial"])],
        "operational_status": np.where(retired, "Retired", "Operational"),
    })
    write_csv(a.out / "cmdb.csv", cmdb)

    t = pl.concat(state.tickets).with_row_index("row").filter(pl.col("opened") < now)
    done, closed = pl.col("opened") + pl.col("took"), pl.col("opened") + pl.col("took") + 5 * DAY_US
    stamp = lambda e: (e + epoch).cast(pl.Datetime("us")).dt.strftime("%Y-%m-%d %H:%M:%S")
    shown = lambda e: pl.when(e < now).then(stamp(e))
    groups = [kind[3] for kind in CATEGORIES]
    title, description, sub = [], [], []
    when = ["yesterday", "Monday", "the update", "this morning", "last week"]
    for text, asset, service, user, code, room, number in t.select("text", "asset", "service", "user", "code", "room", "number").iter_rows():
        s, head, body = TEXTS[text][1]
        words = dict(host=f["id"][asset] if asset >= 0 else "the device", service=SERVICES[service], user=f"user{user:05}", code=f"0x{0xA000 + 37 * code:04X}", room=room, n=number, when=when[number % 5])
        sub.append(s)
        title.append(head.format(**words))
        description.append(body.format(**words) if room % 4 else "")
    ids = pl.Series([f["id"][i] if i >= 0 else "" for i in t["asset"]])
    group = pl.Series([GROUPS[groups[c][int(u * len(groups[c]))]] for c, u in t.select("category", "group").iter_rows()])
    over = done < now
    incidents = t.select(
        number=pl.format("INC{}", (pl.col("row") + 10_001).cast(pl.String).str.zfill(7)),
        opened_at=stamp(pl.col("opened")), resolved_at=shown(done), closed_at=shown(closed),
        sys_updated_on=stamp(pl.when(closed < now).then(closed).when(over).then(done).otherwise(pl.col("opened"))),
        state=pl.when(closed < now).then(pl.lit("Closed")).when(over).then(pl.lit("Resolved")).otherwise(pl.lit("In Progress")),
        priority=pl.col("priority").replace_strict(range(1, 6), PRIORITIES),
        impact=pl.col("priority").replace_strict(range(1, 6), [LEVELS[i] for i in (0, 1, 1, 2, 2)]),
        urgency=pl.col("priority").replace_strict(range(1, 6), [LEVELS[i] for i in (0, 0, 1, 1, 2)]),
        category=pl.col("category").replace_strict(range(len(CATEGORIES)), [c[0] for c in CATEGORIES]),
        subcategory=pl.Series(sub), short_description=pl.Series(title), description=pl.Series(description),
        assignment_group=group, cmdb_ci=ids,
        business_service=pl.col("service").replace_strict(range(len(SERVICES)), SERVICES),
        location=pl.col("site").replace_strict(range(len(SITES)), SITES),
        caller_id=pl.format("user{}", pl.col("user").cast(pl.String).str.zfill(5)),
        close_code=pl.when(over).then(pl.when("failure").then(pl.lit("Hardware replaced")).when(pl.col("code") % 2 == 0).then(pl.lit("Solved (Permanently)")).otherwise(pl.lit("Solved (Workaround)"))),
        reassignment_count="reassigned", reopen_count="reopened",
        u_downtime_minutes=pl.when(over & pl.col("failure")).then(pl.col("took") // 60_000_000),
        u_csat=pl.when(over & pl.col("csat").is_between(1, 5)).then(pl.col("csat")),
    )
    write_csv(a.out / "incidents.csv", incidents)

    rows = [c for c in state.changes if c[0] < a.days]
    rows.sort(key=lambda c: c[0])
    changes = pl.DataFrame({
        "number": [f"CHG{30_001 + i:07}" for i in range(len(rows))], "cmdb_ci": [f["id"][c[1]] for c in rows],
        "date": [str(START + dt.timedelta(days=c[0], hours=14)) for c in rows],
        "type": [c[2] for c in rows], "component": [c[3] for c in rows], "version": [c[4] for c in rows], "text": [c[5] for c in rows],
    })
    write_csv(a.out / "changes.csv", changes)
    config = CONFIG.format(visits=max(20, a.assets // 100), counters='["errors_total"]' if "errors_total" in a.names else "[]")
    replace(a.out / "forewarn.toml", lambda p: p.write_text(config))
    return incidents.height, int(t["failure"].sum()), len(rows), cmdb.height


def arguments():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--assets", type=int, default=10_000)
    p.add_argument("--days", type=int, default=365)
    p.add_argument("--every", choices=["5min", "1h", "1d"], default="1h")
    p.add_argument("--metrics", type=int, choices=range(1, len(METRICS) + 1), default=8)
    p.add_argument("--tickets", type=int, default=50_000)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--layout", choices=["days", "assets"], default="days")
    p.add_argument("--out", type=pathlib.Path, required=True)
    p.add_argument("--one-more-day", action="store_true", help="add a day to the fleet in --out, made with the settings kept there")
    a = p.parse_args()
    kept = a.out / "fleet.json"
    if a.one_more_day:
        past = json.loads(kept.read_text())
        for name in ["assets", "every", "metrics", "tickets", "seed", "layout", "days_first"]:
            setattr(a, name, past[name])
        a.days = past["days"] + 1
        if a.layout != "days" or a.days > a.days_first + SPARE_DAYS:
            p.error(f"a day can be added to files by day, {SPARE_DAYS} times")
    else:
        a.days_first = a.days
    a.write_from = a.days - 1 if a.one_more_day else 0
    a.per_day = {"5min": 288, "1h": 24, "1d": 1}[a.every]
    a.names = list(METRICS)[: a.metrics]
    return a


def main():
    a, start = arguments(), time.time()
    a.out.mkdir(parents=True, exist_ok=True)
    f = inventory(a)
    state = State(a, f)
    if a.layout == "days":
        with ThreadPoolExecutor(1) as pool:
            rows = write_days(a, f, state, pool)
    else:
        rows = write_assets(a, f, state)
    incidents, failures, changes, assets = write_tables(a, f, state)
    past = {n: getattr(a, n) for n in ["assets", "every", "metrics", "tickets", "seed", "layout", "days_first", "days"]}
    replace(a.out / "fleet.json", lambda p: p.write_text(json.dumps(past) + "\n"))
    print(f"{rows:,} rows of telemetry, {incidents:,} tickets ({failures:,} failures), {changes:,} changes, {assets:,} assets in {time.time() - start:.1f} s")


if __name__ == "__main__":
    main()
