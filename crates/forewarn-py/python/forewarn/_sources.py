"""What goes in: files and frames, each with how its columns are to be read. It becomes the tables of the config."""

from __future__ import annotations

import operator
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

from forewarn._errors import InputError, SettingsError
from forewarn._frame import ArrowStream

__all__ = ["Date", "Path", "Source", "TableLike"]

Path = str | os.PathLike[str]
"""A file, or a pattern like ``"exports/*.csv"``."""

Date = str | date
"""A day: ``"2025-12-31"`` or a ``date``. It stands for the midnight (UTC) at which the day begins."""


@dataclass(frozen=True, eq=False)
class Source:
    """A file, files or a frame, and how its columns are to be read. Every key is one of the config, where it is documented.

    >>> import polars as pl
    >>> df = pl.DataFrame({"number": ["INC1"], "opened_at": ["2025-01-31 13:45"], "cmdb_ci": ["srv1"]})
    >>> tickets = Source(df, preset="servicenow", time_zone="Europe/Berlin")
    """

    data: Path | Sequence[Path] | ArrowStream | None = None
    """A path, a pattern, a list of them, or a frame."""
    preset: str | None = None
    """Known column names of a product: ``servicenow``, ``jira``, ``backblaze``, …"""
    columns: Mapping[str, Any] = field(default_factory=dict)
    """Canonical column to source: a column, a template, ``{"sql": "…"}`` or ``{"value": "…"}``."""
    where: str | None = None
    """Only rows for which this SQL condition holds."""
    time_zone: str | None = None
    """The zone of times without an offset. Times of a frame without a zone are UTC unless this is set."""
    day_first: bool | None = None
    """Whether ``3/4/2025`` is the third of April."""
    delimiter: str | None = None
    """What separates fields in CSV."""
    known_late: Sequence[str] | None = None
    """Tickets: columns that count as known only once a ticket is resolved."""
    layout: str | None = None
    """Telemetry: ``wide`` (one column a metric) or ``long`` (``metric``, ``value``)."""
    on_change: bool | None = None
    """Telemetry: a row comes only when a value changes, and holds until the next."""
    counters: Sequence[str] | None = None
    """Telemetry: metrics that only count up."""
    metrics: Sequence[str] | None = None
    """Telemetry: the metrics to read."""
    ignore: Sequence[str] | None = None
    """Telemetry: columns that are no metrics."""
    kind: str | None = None
    """Events: the kind of every event of this source."""
    from_table: str | None = None
    """Assets: takes them from another table, ``telemetry``."""

    def _options(self) -> dict[str, Any]:
        names = {f: f for f in self.__dataclass_fields__} | {"data": "path", "from_table": "from"}
        given = {names[f]: getattr(self, f) for f in names}
        given["columns"] = dict(self.columns) or None
        return {key: value for key, value in given.items() if value is not None}


TableLike = Path | ArrowStream | Source | Mapping[str, Any]
"""A path, a frame, a :class:`Source`, or a mapping with the keys of the config, whose ``path`` may be a frame."""


def day(name: str, value: Date) -> str:
    """The day as text."""
    if value != value:  # not a time, as pandas has it
        raise SettingsError(f"invalid `{name}`: found {value!r}, expected a date like `2025-12-31`")
    if isinstance(value, datetime):
        if value.time() != time(0) or value.utcoffset():
            raise SettingsError(
                f"invalid `{name}`: found {value.isoformat()}, expected a midnight in UTC",
                hints=["a cutoff is the midnight at which a day begins; give a `date`"],
            )
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return value
    # Dates of NumPy say themselves as ISO text.
    text = str(value)
    if type(value).__name__ == "datetime64" and (len(text) == 10 or set(text[10:]) <= set("T:0.")):
        return text[:10]
    raise SettingsError(f"invalid `{name}`: found {value!r}, expected a date like `2025-12-31`")


def whole_numbers(name: str, value: object) -> list[int]:
    """One whole number, or several; none of ``None``."""
    if value is None:
        return []
    many = hasattr(value, "__iter__") and not isinstance(value, str)
    try:
        numbers = [operator.index(one) for one in (value if many else [value])]  # type: ignore[attr-defined]
    except TypeError:
        raise SettingsError(f"invalid `{name}`: found {value!r}, expected whole numbers of days") from None
    for one in numbers:
        # No more fits where they go.
        if not -(2**63) <= one < 2**63:
            raise SettingsError(f"invalid `{name}`: found {one}, expected whole numbers of days")
    return numbers


def names(name: str, value: object) -> list[str]:
    """Several names."""
    try:
        out: list[Any] = list(value)  # type: ignore[call-overload]
    except TypeError:
        out = [value]
    for one in out:
        if not isinstance(one, str):
            raise SettingsError(f"invalid `{name}`: found {one!r}, expected text")
    return out


Handed = list[tuple[str, object]]
"""Frames by the names that stand for them among the paths."""


def _file(name: str, path: object) -> str:
    if not isinstance(path, str | os.PathLike):
        hints = ["a path, a pattern, a list of them, or an object with `__arrow_c_stream__`"]
        if type(path).__name__ == "LazyFrame":
            hints = ["collect it first: `frame.collect()`"]
        elif hasattr(path, "__arrow_c_stream__"):
            hints = ["one source is one frame: put them one under the other (`polars.concat`); `telemetry` and `events` take a list of sources"]
        if type(path).__module__.split(".")[0] == "pandas":
            hints = ["pandas hands its frames over from version 2.2 on, with PyArrow installed"]
        raise InputError(f"{name}: found {type(path).__name__}, expected a table", hints=hints)
    return os.path.abspath(os.fspath(path))


def _no_mixed_times(name: str, data: Any) -> None:
    """pandas hands times over as UTC where some of a column have a zone; what the others meant is lost then."""
    if type(data).__module__.split(".")[0] != "pandas":
        return
    from pandas.api.types import infer_dtype

    for column, dtype in data.dtypes.items():
        if dtype == object and infer_dtype(data[column], skipna=True) == "datetime":
            without = data[column].dropna().map(lambda at: at.tzinfo is None)
            if without.any() and not without.all():
                i = int(without.to_numpy().argmax())
                raise InputError(
                    f"<{name}>: column `{column}` has times with a zone and times without one, such as {data[column].dropna().iloc[i]}",
                    hints=["give all of them a zone, as with `pandas.to_datetime(…, utc=True)`, or none"],
                )


def _data(name: str, data: object, handed: Handed) -> str | list[str]:
    if hasattr(data, "__arrow_c_stream__"):
        _no_mixed_times(name, data)
        handed.append((f"<{name}>", data))
        return f"<{name}>"
    if isinstance(data, Sequence) and not isinstance(data, str):
        return [_file(name, one) for one in data]
    return _file(name, data)


def options(name: str, table: object, handed: Handed) -> dict[str, Any]:
    """The config's table of a source; frames in it are added to ``handed``."""
    if isinstance(table, Source):
        out = table._options()
    elif isinstance(table, Mapping):
        out = dict(table)
    else:
        out = {"path": table}
    if "path" in out:
        out["path"] = _data(name, out["path"], handed)
    return out


def laid(
    over: Mapping[str, Any],
    *,
    telemetry: object = None,
    events: object = None,
    failures: object = None,
    **named: object,
) -> tuple[dict[str, Any], Handed]:
    """Tables laid over the sections of a config, and the frames among them."""
    out, handed = dict(over), Handed()
    for name, table in named.items():
        if table is not None:
            out[name] = options(name, table, handed)
    for name, sources in (("telemetry", telemetry), ("events", events)):
        if sources is not None:
            out[name] = several(name, sources, handed)
    if failures is not None:
        out["failure"] = out.get("failure", {}) | {"failures": options("failures", failures, handed)}
    return out, handed


def several(name: str, tables: object, handed: Handed) -> list[dict[str, Any]]:
    """The same of one source or a list of them."""
    many = isinstance(tables, Sequence) and not isinstance(tables, str)
    all_tables: Sequence[object] = tables if many else [tables]  # type: ignore[assignment]
    return [options(f"{name}[{i}]", table, handed) for i, table in enumerate(all_tables)]
