"""What goes in: frames of every kind, and what is said of those that cannot be used."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import forewarn

DAYS = [dt.datetime(2025, 1, 1) + dt.timedelta(days=d) for d in range(40)]
TICKETS = pl.DataFrame(
    {
        "ticket_id": [f"T{i}" for i in range(40)],
        "opened_at": DAYS,
        "asset_id": ["a", "b"] * 20,
        "priority": [1, 2, 3, 4] * 10,
    }
)
TELEMETRY = pl.DataFrame(
    {"asset_id": ["a"] * 40 + ["b"] * 40, "ts": DAYS * 2, "temperature": [float(i % 7) for i in range(80)]}
)
# The middle of the readings is out of order: these assets are read a second time.
SHUFFLED = TELEMETRY.sample(fraction=1.0, shuffle=True, seed=1)


def features(**tables: Any) -> pl.DataFrame:
    return forewarn.Fleet(**tables).features("2025-02-01").to_polars()


KINDS: dict[str, Callable[[pl.DataFrame], Any]] = {
    "polars": lambda df: df,
    "polars in chunks": lambda df: pl.concat([df.slice(i, 7) for i in range(0, len(df), 7)], rechunk=False),
    "pandas": lambda df: df.to_pandas(),
    "pyarrow": lambda df: df.to_arrow(),
    "pyarrow, old text": lambda df: df.to_arrow(compat_level=pl.CompatLevel.oldest()),
    "pyarrow, dictionary": lambda df: (
        (t := df.to_arrow(compat_level=pl.CompatLevel.oldest())).set_column(
            t.column_names.index("asset_id"), "asset_id", t["asset_id"].cast(pa.string()).dictionary_encode()
        )
    ),
    "polars, categories": lambda df: df.with_columns(pl.col("asset_id").cast(pl.Categorical)),
    "polars, milliseconds": lambda df: df.with_columns(pl.col(pl.Datetime).cast(pl.Datetime("ms"))),
    "polars, nanoseconds": lambda df: df.with_columns(pl.col(pl.Datetime).cast(pl.Datetime("ns"))),
    "polars, aware": lambda df: df.with_columns(pl.col(pl.Datetime).dt.replace_time_zone("UTC")),
    "polars, another zone": lambda df: df.with_columns(
        pl.col(pl.Datetime).dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin")
    ),
    "duckdb": lambda df: duckdb.connect().from_arrow(df.to_arrow(compat_level=pl.CompatLevel.oldest())),
    "a frame of ours": lambda df: forewarn.Frame.of(df),
    "a reader of batches": lambda df: df.to_arrow().to_reader(7),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_frame_gives_the_same(kind: str) -> None:
    as_kind = KINDS[kind]
    want = features(tickets=TICKETS, telemetry=TELEMETRY, failure={"from": "tickets"})
    found = features(tickets=as_kind(TICKETS), telemetry=as_kind(TELEMETRY), failure={"from": "tickets"})
    assert found.equals(want)
    assert want["temperature.last"].null_count() == 0


def test_rows_may_come_in_any_order() -> None:
    assert features(telemetry=SHUFFLED).equals(features(telemetry=TELEMETRY))
    assert features(telemetry=SHUFFLED.to_arrow()).equals(features(telemetry=TELEMETRY))


def test_a_file_and_a_frame_give_the_same(tmp_path: Path) -> None:
    TELEMETRY.write_parquet(tmp_path / "t.parquet")
    assert features(telemetry=tmp_path / "t.parquet").equals(features(telemetry=TELEMETRY))
    assert features(telemetry=[str(tmp_path / "*.parquet")]).equals(features(telemetry=[TELEMETRY]))


def test_columns_presets_and_conditions_hold_for_frames() -> None:
    raw = TICKETS.rename({"ticket_id": "number", "asset_id": "cmdb_ci"}).with_columns(
        pl.col("opened_at").dt.strftime("%d/%m/%Y %H:%M"), pl.col("priority").cast(pl.String) + " - Level"
    )
    source = forewarn.Source(raw, preset="servicenow", day_first=True, where="priority <= 2")
    fleet = forewarn.Fleet(tickets=source)
    assert fleet.rows["tickets"] == 20
    assert fleet.as_of == dt.date(2025, 2, 8), "the last ticket of that priority is of 7 February"
    long = TELEMETRY.unpivot(index=["asset_id", "ts"], variable_name="metric", value_name="value")
    named = {"path": long.rename({"asset_id": "host"}), "layout": "long", "columns": {"asset_id": "host"}}
    assert features(telemetry=named).equals(features(telemetry=TELEMETRY))


def refused(what: Callable[[], object], error: type[forewarn.ForewarnError], *texts: str) -> None:
    """It is refused by that error, whose text has each of these texts."""
    with pytest.raises(error) as caught:
        what()
    assert type(caught.value) is error
    for text in texts:
        assert text in str(caught.value), f"{text!r} is not in {caught.value}"


INPUT = forewarn.InputError
SETTINGS = forewarn.SettingsError
naive_and_aware = pd.DataFrame(
    {
        "ticket_id": ["T1", "T2"],
        "opened_at": [dt.datetime(2025, 1, 1), dt.datetime(2025, 1, 2, tzinfo=dt.timezone.utc)],
    }
)

BAD: dict[str, tuple[Callable[[], object], type[forewarn.ForewarnError], tuple[str, ...]]] = {
    "no needed column": (
        lambda: forewarn.Fleet(tickets=TICKETS.drop("opened_at")),
        INPUT,
        ("<tickets>", "`opened_at`", "`ticket_id`", "hint: map a source column"),
    ),
    "a column map to nothing": (
        lambda: forewarn.Fleet(tickets=forewarn.Source(TICKETS, columns={"title": "txt", "asset_id": "ass_id"})),
        INPUT,
        ("<tickets>", "`ass_id`"),
    ),
    "no rows": (lambda: forewarn.Fleet(tickets=TICKETS.clear()), INPUT, ("<tickets>", "no data rows")),
    "no columns": (lambda: forewarn.Fleet(tickets=pl.DataFrame()), INPUT, ("<tickets>", "no columns")),
    "no time can be read": (
        lambda: forewarn.Fleet(tickets=TICKETS.with_columns(opened_at=pl.lit("soon"))),
        INPUT,
        ("<tickets>", "opened_at", "4 characters"),
    ),
    "times of a wrong type": (
        lambda: forewarn.Fleet(tickets=TICKETS.with_columns(opened_at=pl.lit(True))),
        INPUT,
        ("<tickets>", "opened_at"),
    ),
    "naive and aware times": (
        lambda: forewarn.Fleet(tickets=naive_and_aware),
        INPUT,
        ("<tickets>", "`opened_at`", "2025-01-01 00:00:00", "utc=True"),
    ),
    "a stream of no table": (
        lambda: forewarn.Fleet(tickets=pl.Series("x", [1, 2])),
        INPUT,
        ("<tickets>", "is no table"),
    ),
    "no table at all": (lambda: forewarn.Fleet(tickets=7), INPUT, ("tickets: found int",)),
    "a list of rows": (lambda: forewarn.Fleet(telemetry=[[1, 2]]), INPUT, ("telemetry[0]: found int",)),
    "a file that is not there": (lambda: forewarn.Fleet(tickets="no-such.csv"), INPUT, ("no-such.csv",)),
    "a reader once too often": (
        lambda: forewarn.Fleet(telemetry=SHUFFLED.to_arrow().to_reader(7)),
        INPUT,
        ("<telemetry[0]>", "out of order", "sort it by `asset_id` and `ts`"),
    ),
    "nothing": (lambda: forewarn.Fleet(), SETTINGS, ("nothing to read",)),
    "an unknown key": (
        lambda: forewarn.Fleet(tickets={"path": TICKETS, "presett": "jira"}),
        SETTINGS,
        ("unknown key `presett`", "a similar key exists: `preset`"),
    ),
    "an unknown preset": (
        lambda: forewarn.Fleet(tickets=forewarn.Source(TICKETS, preset="jra")),
        SETTINGS,
        ("tickets.preset", "jra"),
    ),
    "a horizon of no days": (lambda: forewarn.Fleet(tickets=TICKETS, horizons_days=[0]), SETTINGS, ("found 0",)),
    "no date": (lambda: forewarn.Fleet(tickets=TICKETS, as_of="soon"), SETTINGS, ("run.as_of", "`soon`")),
    "a date in a day": (
        lambda: forewarn.Fleet(tickets=TICKETS, as_of=dt.datetime(2025, 1, 1, 12)),
        SETTINGS,
        ("`as_of`", "2025-01-01T12:00:00"),
    ),
    "several at once": (
        lambda: forewarn.Config(horizons_days=[7], rank_by_days=9, cutoff_every="often"),
        SETTINGS,
        ("2 settings are invalid", "rank_by_days", "`often`"),
    ),
    "a wrong type": (lambda: forewarn.Config(horizons_days="7"), SETTINGS, ("horizons_days", "invalid type")),
    "cutoffs that are none": (
        lambda: forewarn.Fleet(tickets=TICKETS).features(["2025-13-01"]),
        SETTINGS,
        ("`cutoffs`", "2025-13-01"),
    ),
    "a task that is none": (
        lambda: forewarn.Fleet(tickets=TICKETS).backtest(task="luck"),
        SETTINGS,
        ("`task`", "`luck`", "`degradation`"),
    ),
    "cutoffs after the records": (
        lambda: forewarn.Fleet(tickets=TICKETS).backtest(start="2030-01-01", horizons=7),
        SETTINGS,
        ("no cutoff to judge",),
    ),
    "too little to learn from": (
        lambda: forewarn.RiskModel().fit(forewarn.Fleet(tickets=TICKETS, failure={"from": "tickets"})),
        forewarn.TooLittleData,
        ("training cutoff", "hint: give more history"),
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_used_is_refused_in_words(case: str) -> None:
    what, error, texts = BAD[case]
    refused(what, error, *texts)


def found(fleet: forewarn.Fleet, check: str) -> tuple[int, list[str]]:
    """How many rows a finding counts, and its sample."""
    rows = [f for f in fleet.check().to_dicts() if f["check"] == check]
    assert len(rows) == 1, f"{check}: {fleet.check()}"
    return rows[0]["n_rows"], rows[0]["sample"]


def test_bad_rows_are_findings_with_their_numbers() -> None:
    text = TICKETS.with_columns(pl.col("opened_at").dt.to_string("%Y-%m-%d"))
    bad = text.with_columns(opened_at=pl.when(pl.col("ticket_id") == "T3").then(pl.lit("?-?")).otherwise("opened_at"))
    n, sample = found(forewarn.Fleet(tickets=bad), "unparseable_times")
    assert (n, sample) == (1, ['<tickets>, row 3: "?-?"'])
    twice = pl.concat([TICKETS, TICKETS.head(2)])
    fleet = forewarn.Fleet(tickets=twice)
    assert fleet.rows["tickets"] == 40
    assert found(fleet, "duplicate_ids")[0] == 2


def test_one_bad_row_in_a_million_is_named() -> None:
    n = 1_000_000
    bad = 765_432
    ids = pl.Series("asset_id", [f"a{i // 1000:03}" for i in range(n)])
    start = dt.datetime(2025, 1, 1)
    ts = pl.datetime_range(start, start + dt.timedelta(minutes=999), "1m", eager=True)
    text = pl.concat([ts.dt.to_string("%Y-%m-%d %H:%M")] * 1000).scatter([bad], ["2025-01-32 00:00"])
    frame = pl.DataFrame({"asset_id": ids, "ts": text, "load": pl.Series(range(n)).cast(pl.Float64)})
    fleet = forewarn.Fleet(telemetry=frame)
    assert found(fleet, "unparseable_times") == (1, [f'<telemetry[0]>, row {bad}: "2025-01-32 00:00"'])
    assert fleet.rows["telemetry"] == n - 1


BASE = pl.DataFrame(
    {
        "ticket_id": ["T1", "T2", "T3"],
        "asset_id": ["a", "b", "b"],
        "priority": ["1", "2", "3"],
        "opened_at": ["2025-01-03 10:00", "2025-02-03 11:00", "2025-02-20 12:00"],
    }
)
URGENT = {"from": "tickets", "where": "priority <= 2"}


def test_categories_are_their_words() -> None:
    plain = forewarn.Fleet(tickets=BASE, failure=URGENT)
    assert plain.rows["failures"] == 2
    for coded in (
        BASE.to_pandas().astype({"priority": "category", "opened_at": "category", "asset_id": "category"}),
        BASE.cast({"priority": pl.Categorical, "opened_at": pl.Categorical, "asset_id": pl.Enum(["a", "b"])}),
    ):
        found = forewarn.Fleet(tickets=coded, failure=URGENT)
        assert found.tables["tickets"].equals(plain.tables["tickets"])
        assert found.tables["failures"].equals(plain.tables["failures"])


def test_whole_numbers_with_gaps_are_ids() -> None:
    tickets = BASE.to_pandas().assign(asset_id=[101, 102, None], rack=[7, 8, None])
    columns = {"asset_id": "R{rack:02}-{asset_id:04}"}
    assert forewarn.Fleet(tickets=tickets).asset_ids == ["101", "102"]
    assert forewarn.Fleet(tickets=forewarn.Source(tickets, columns=columns)).asset_ids == ["R07-0101", "R08-0102"]
    assert forewarn.Fleet(tickets=tickets.assign(asset_id=[1.5, 2.0, None])).asset_ids == ["1.5", "2.0"]


def test_a_frame_keeps_the_keys_of_the_entry_at_its_place(tmp_path: Path) -> None:
    rows = pl.DataFrame({"box": ["a", "a"], "at": ["2025-01-01", "2025-01-05"], "level": [1.0, 2.0]})
    rows.write_csv(tmp_path / "t.csv")
    columns = 'columns = { asset_id = "box", ts = "at" }'
    (tmp_path / "c.toml").write_text(
        f'[[telemetry]]\npath = "t.csv"\non_change = true\n{columns}\n[[events]]\npath = "t.csv"\nkind = "patch"\n{columns}\n'
    )
    from_files = forewarn.Fleet(tmp_path / "c.toml")
    given = forewarn.Fleet(tmp_path / "c.toml", telemetry=rows, events=rows)
    assert given.settings["telemetry"][0]["on_change"] is True
    cutoff = "2025-01-06"
    assert given.features(cutoff).equals(from_files.features(cutoff))
    assert given.tables["events"].equals(from_files.tables["events"])


def test_a_column_that_cannot_be_read_is_left_out() -> None:
    odd = duckdb.sql("select 'a' asset_id, timestamp '2025-01-01' ts, 1.5 heat, interval 1 day how_long")
    fleet = forewarn.Fleet(telemetry=odd)
    assert fleet.metrics == ["heat"]
    with pytest.raises(forewarn.InputError, match=r"column `how_long` is of a type that cannot be read"):
        forewarn.Frame.of(odd)


def test_days_and_decimals_show_as_they_are() -> None:
    frame = forewarn.Frame.of(pl.DataFrame({"day": [dt.date(2025, 4, 3)], "cost": ["1.5"]}).cast({"cost": pl.Decimal(10, 2)}))
    assert frame.to_dicts() == [{"day": "2025-04-03", "cost": 1.5}]
    late = forewarn.Frame.of(pa.table({"day": pa.array([2**31 - 1], pa.date32())}))
    with pytest.raises(forewarn.ForewarnError, match="a cell is none that can be written"):
        late.write_csv("/dev/null")


WRONG: list[tuple[Callable[[forewarn.Fleet], Any], type[Exception], str]] = [
    (lambda f: forewarn.Fleet(BASE), forewarn.InputError, r"`config`: found DataFrame(.|\n)*Fleet\(tickets=…\)"),
    (lambda f: forewarn.Fleet(tickets=BASE.lazy()), forewarn.InputError, r"collect it first"),
    (lambda f: forewarn.Fleet(tickets=[BASE, BASE]), forewarn.InputError, r"one under the other"),
    (lambda f: f.outcomes("2025-02-01", horizons="30"), forewarn.SettingsError, "found '30', expected whole numbers"),
    (lambda f: f.outcomes("2025-02-01", horizons=[0]), forewarn.SettingsError, "found `0`, expected whole numbers from 1"),
    (lambda f: f.outcomes("2025-02-01", horizons=2**70), forewarn.SettingsError, "found 1180591620717411303424"),
    (lambda f: f.features(pd.NaT), forewarn.SettingsError, "found NaT"),
    (lambda f: f.features("2031-01-01"), forewarn.SettingsError, "the records end at 2025-02-21"),
    (lambda f: f.exposure(at="2031-01-01"), forewarn.SettingsError, "the records end at 2025-02-21"),
    (lambda f: f.daily("heat"), forewarn.SettingsError, "found `heat`, expected one of none"),
    (lambda f: f.run(ledger=BASE), forewarn.InputError, "`ledger`: (.|\n)*table `ledger` of an earlier run"),
    (lambda f: f.problems(earlier=BASE), forewarn.InputError, "table `problems` of an earlier run"),
    (lambda f: forewarn.RiskModel().fit("c.toml"), forewarn.InputError, "found str, expected a `forewarn.Fleet`"),
    (lambda f: forewarn.RiskModel().fit(forewarn.Fleet(tickets=BASE)), forewarn.TooLittleData, "no failure in the records"),
    (lambda f: forewarn.RiskModel.from_bytes("x"), forewarn.InputError, "found str, expected the bytes of a model"),
    (lambda f: forewarn.Config(cost={"visit": float("nan")}), forewarn.SettingsError, "`cost.visit`: found nan"),
    (lambda f: forewarn.Config(capacity=3), forewarn.SettingsError, "expected a table"),
]


@pytest.mark.parametrize(("call", "error", "words"), WRONG)
def test_wrong_arguments_are_named(call: Callable[[forewarn.Fleet], Any], error: type[Exception], words: str) -> None:
    fleet = forewarn.Fleet(tickets=BASE, failure=URGENT, progress=False)
    with pytest.raises(error, match=words):
        call(fleet)


def test_numbers_of_numpy_are_numbers() -> None:
    import numpy as np

    fleet = forewarn.Fleet(tickets=BASE, failure=URGENT, horizons_days=np.array([7, 30]), rank_by_days=np.int64(7))
    assert fleet.settings["risk"]["horizons_days"] == [7, 30]
    assert len(fleet.outcomes(np.datetime64("2025-02-01"), horizons=np.int64(7))) == 1
