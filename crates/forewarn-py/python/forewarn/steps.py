"""Scoring in pure steps over Arrow, for a fleet that is split among machines by asset.

1. Each partition: its readings, all of each asset, in any order and in any batches: :func:`rollup`.
2. One machine: :func:`merge` of the rollups, :func:`records` of everything else, and :func:`cohort_state` of both.
3. Each partition: its rows of the records, its rollup and the state: :func:`features`, then :func:`predict`.

Whatever the partitions and batches, the rows of all partitions put together are those of one machine, to the last bit, and so
the table ``risk`` of the nightly run. A step reads its arguments and nothing else; bytes and Arrow are all that crosses.

>>> import polars as pl
>>> readings = pl.DataFrame({"asset_id": ["a", "a", "b"], "ts": [0, 3600_000_000, 0], "heat": [20.0, 22.0, 30.0]})
>>> readings = readings.with_columns(pl.col("ts").cast(pl.Datetime("us")))
>>> a, b = (rollup(readings.filter(asset_id=id)) for id in "ab")
>>> merge([b, a]).equals(rollup([readings[2:], readings[:1], readings[1:2]]))
True
>>> merge([a, b]).to_polars().select("asset_id", "metric", "n", "mean").rows()
[('a', 'heat', 2, 21.0), ('b', 'heat', 1, 30.0)]

An asset belongs to one partition:

>>> merge([a, a])
Traceback (most recent call last):
    ...
forewarn._errors.InputError: table `rollup`, column `asset_id`: asset `a` is in two of the parts; the readings of an asset must all be rolled up together
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from forewarn import _forewarn
from forewarn._config import Config
from forewarn._frame import ArrowStream, Frame
from forewarn._model import RiskModel
from forewarn._sources import Date, Path, TableLike, day, laid

__all__ = ["Readings", "Records", "cohort_state", "features", "merge", "predict", "records", "rollup"]


@dataclass(frozen=True, eq=False)
class Readings:
    """The readings of one source of telemetry: ``asset_id, ts`` (UTC), ``received_at`` where there is one, and a column a
    metric. Batches of one source need not have the same metrics."""

    batches: ArrowStream | Iterable[ArrowStream]
    """A table, a record batch, or any number of them."""
    on_change: bool = False
    """A row comes only when a value changes, and holds until the next."""
    counters: Sequence[str] = ()
    """Metrics that only count up, of any source: say the same in every partition."""


@dataclass(frozen=True, eq=False)
class Records:
    """Everything but telemetry, mapped and valid, one row a ticket; and what must be known of all of it together."""

    assets: Frame | None
    asset_history: Frame | None
    tickets: Frame | None
    events: Frame | None
    failures: Frame
    known_late: tuple[str, ...]
    """Ticket columns that are known only once a ticket is resolved."""
    terminal: bool
    """Whether a failed asset leaves the fleet."""
    as_of: date
    """Where observation ends."""

    def tables(self) -> dict[str, Frame]:
        """The tables that there are, by name: what is to be split by ``asset_id``."""
        names = ("assets", "asset_history", "tickets", "events", "failures")
        return {name: table for name in names if (table := getattr(self, name)) is not None}


def _batches(given: ArrowStream | Iterable[ArrowStream]) -> list[object]:
    return [given] if isinstance(given, ArrowStream) else list(given)


def rollup(*sources: Readings | ArrowStream | Iterable[ArrowStream], threads: int = 1) -> Frame:
    """The daily rollup of some assets: ``asset_id, metric, day, on_change, counter, n, mean, m2, min, max, last, increase,
    changes, resets, first_at``, by asset, metric and day. All rows of an asset, of every source, must be among them.

    Raises:
        InputError: a batch is no table of readings; every fault is named.
    """
    given = [s if isinstance(s, Readings) else Readings(s) for s in sources]
    native = [(_batches(r.batches), r.on_change, list(r.counters)) for r in given]
    return Frame(_forewarn.steps_rollup(native, threads))


def merge(parts: Iterable[ArrowStream]) -> Frame:
    """Rollups of disjoint assets as one, whatever the order of the parts.

    Raises:
        InputError: a part is no rollup, or an asset is in two of them.
    """
    return Frame(_forewarn.steps_merge(_batches(parts)))


def _config(config: Config | Path | None) -> tuple[str | None, dict[str, Any], str | None]:
    given = config if isinstance(config, Config) else Config(file=config)
    return given._file, given._over, given._data


def records(
    config: Config | Path,
    *,
    assets: TableLike | None = None,
    tickets: TableLike | None = None,
    asset_history: TableLike | None = None,
    events: TableLike | Sequence[TableLike] | None = None,
    failures: TableLike | None = None,
) -> Records:
    """The records of a config but its telemetry, for one machine to read and to split; a table that is given takes the place
    of the config's, as in :class:`forewarn.Fleet`. Without telemetry the newest ticket says where observation ends, unless
    the config does (``as_of``). Where the config takes failures or assets from telemetry, they must be given: telemetry is
    not read.

    Raises:
        InputError: a table cannot be read or used, or stands in telemetry and was not given.
        SettingsError: a setting is none of what is allowed.
    """
    file, over, data = _config(config)
    named = {"assets": assets, "tickets": tickets, "asset_history": asset_history}
    laid_over, handed = laid(over, events=events, failures=failures, **named)
    tables, known_late, terminal, as_of = _forewarn.steps_records(file, json.dumps(laid_over), data, handed)
    found = {name: Frame(table) for name, table in tables}
    return Records(
        assets=found.get("assets"),
        asset_history=found.get("asset_history"),
        tickets=found.get("tickets"),
        events=found.get("events"),
        failures=found["failures"],
        known_late=tuple(known_late),
        terminal=terminal,
        as_of=date.fromisoformat(as_of),
    )


def _bytes(model: RiskModel | bytes) -> bytes:
    return model if isinstance(model, bytes) else model.to_bytes()


def cohort_state(
    records: Records,
    rollup: ArrowStream | None,
    model: RiskModel | bytes,
    *,
    config: Config | Path | None = None,
    at: Date | None = None,
    threads: int = 1,
) -> bytes:
    """What the features of an asset need of the whole fleet at a date (default: the end of the records), as bytes that go
    to every partition: which features there are, failure rates of cohorts, ranks among peers. ``config`` is the one that the
    model was fitted by.

    Raises:
        MismatchError: the date is before the model's fitting or after the end of the records, or these have other features
            than the model learned from.
        InputError: the model is none, or a table is not what it must be.
    """
    named: list[tuple[str, object]] = [*records.tables().items()]
    if rollup is not None:
        named.append(("rollup", rollup))
    when = records.as_of.isoformat() if at is None else day("at", at)
    file, over, data = _config(config)
    known = (list(records.known_late), records.terminal, records.as_of.isoformat())
    return _forewarn.steps_cohort_state((file, json.dumps(over), data), named, known, _bytes(model), when, threads)


def features(
    state: bytes,
    model: RiskModel | bytes,
    *,
    rollup: ArrowStream | None = None,
    assets: ArrowStream | None = None,
    asset_history: ArrowStream | None = None,
    tickets: ArrowStream | None = None,
    events: ArrowStream | None = None,
    failures: ArrowStream | None = None,
    threads: int = 1,
) -> Frame:
    """The features of one partition's assets in service at the date of the state: ``cutoff, asset_id, is_unknown``, a number
    a feature and a text a category, by asset. The tables hold every row of its assets, as :func:`records` has them.

    Raises:
        MismatchError: the state was made with another model, or does not know an asset in service.
        InputError: the state or the model is none, or a table is not what it must be.

    >>> features(b"no state", b"no model")
    Traceback (most recent call last):
        ...
    forewarn._errors.InputError: the state is no state of a cohort: found "no state" at its start, expected `{"format":"forewarn-state",…`
    """
    given = {
        "rollup": rollup,
        "assets": assets,
        "asset_history": asset_history,
        "tickets": tickets,
        "events": events,
        "failures": failures,
    }
    named: list[tuple[str, object]] = [(name, table) for name, table in given.items() if table is not None]
    return Frame(_forewarn.steps_features(state, _bytes(model), named, threads))


def predict(model: RiskModel | bytes, features: ArrowStream, *, threads: int = 1) -> Frame:
    """What the model says of each row of :func:`features`: ``asset_id, horizon_days, probability, probability_low,
    probability_high, status``, by row, then horizon. A row is judged by itself: the table may be cut at will.

    Raises:
        InputError: the model is none, or the table lacks a column of it.
    """
    return Frame(_forewarn.steps_predict(_bytes(model), features, threads))
