"""Settings: a config file, keyword arguments over it, and what they come to."""

from __future__ import annotations

import html
import json
import math
import os
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from forewarn import _forewarn
from forewarn._errors import SettingsError
from forewarn._sources import Date, Path, day

__all__ = ["Config"]

_RISK = ("horizons_days", "rank_by_days", "cutoff_every", "refit_every", "leave_out", "keep")


def plain(name: str, value: Any) -> Any:
    """The value of a setting as JSON knows it; keys without a value are left out."""
    if isinstance(value, Mapping):
        return {str(k): plain(f"{name}.{k}", v) for k, v in value.items() if v is not None}
    if isinstance(value, date):
        return day(name, value)
    if isinstance(value, float) and not math.isfinite(value):
        raise SettingsError(f"invalid `{name}`: found {value}, expected a number")
    if isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    # Numbers and arrays of NumPy, and columns of frames, know themselves as plain ones.
    for own in ("tolist", "to_list"):
        if hasattr(value, own):
            return plain(name, getattr(value, own)())
    if isinstance(value, Sequence | set | frozenset):
        return [plain(name, v) for v in value]
    raise SettingsError(f"invalid `{name}`: found {type(value).__name__}, expected text, numbers, lists or dicts")


def sections(
    *,
    as_of: Date | None = None,
    history_from: Date | None = None,
    time_zone: str | None = None,
    seed: int | None = None,
    train_from: Date | None = None,
    privacy: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Keyword arguments as the tables of the config."""
    run = {
        "as_of": day("as_of", as_of) if as_of is not None else None,
        "history_from": day("history_from", history_from) if history_from is not None else None,
        "time_zone": time_zone,
        "seed": seed,
    }
    risk = {name: more.pop(name, None) for name in _RISK}
    risk["train_from"] = day("train_from", train_from) if train_from is not None else None
    tables = {
        "run": run,
        "risk": risk,
        "failure": more.pop("failure", None),
        "capacity": more.pop("capacity", None),
        "cost": more.pop("cost", None),
        "measure": more.pop("measures", None),
        "counts": more.pop("counts", None),
        "checks": more.pop("checks", None),
        "limits": more.pop("limits", None),
        "threshold": more.pop("thresholds", None),
        "privacy": {"text": privacy} if privacy is not None else None,
    }
    out = {name: plain(name, table) for name, table in tables.items() if table is not None}
    return {name: table for name, table in out.items() if table != {}}


class Config:
    """What is read and how it is judged: a config file as the program has it, keyword arguments, or both.

    Keyword arguments are the keys of the config, without their section where the name says enough.

    >>> config = Config(horizons_days=[7, 30], rank_by_days=7, as_of="2025-12-31")
    >>> config.settings["risk"]["horizons_days"]
    [7, 30]
    >>> Config(horizons_days=[0])
    Traceback (most recent call last):
        ...
    forewarn._errors.SettingsError: invalid `risk.horizons_days` in `keyword arguments`: found 0, expected whole numbers from 1 to 3650
    """

    __slots__ = ("_data", "_file", "_over", "_settings")

    def __init__(
        self,
        *,
        as_of: Date | None = None,
        history_from: Date | None = None,
        time_zone: str | None = None,
        seed: int | None = None,
        horizons_days: Sequence[int] | None = None,
        rank_by_days: int | None = None,
        cutoff_every: str | None = None,
        refit_every: str | None = None,
        train_from: Date | None = None,
        leave_out: Sequence[str] | None = None,
        keep: Sequence[str] | None = None,
        failure: Mapping[str, Any] | None = None,
        capacity: Mapping[str, int] | None = None,
        cost: Mapping[str, Any] | None = None,
        measures: Sequence[Mapping[str, Any]] | None = None,
        counts: Sequence[Mapping[str, Any]] | None = None,
        checks: Mapping[str, Any] | None = None,
        limits: Mapping[str, Any] | None = None,
        thresholds: Sequence[Mapping[str, Any]] | None = None,
        privacy: str | None = None,
        file: Path | None = None,
        data: Path | None = None,
    ) -> None:
        """Settings by keyword, over those of ``file`` where one is given.

        Args:
            as_of: where observation ends; default: the midnight after the newest record.
            history_from: older records are ignored.
            time_zone: the zone of times without an offset in text; default UTC. Times of a frame or a Parquet file are UTC
                unless their own source has a ``time_zone``.
            seed: of everything random; default 0.
            horizons_days: the horizons, 1 to 3650 days each; default 7, 30, 90.
            rank_by_days: the horizon of the ranking, one of them; default 30 where it is one.
            cutoff_every, refit_every: steps like ``"1w"``, ``"1mo"``.
            train_from: the first training cutoff.
            leave_out, keep: columns and features that are not learned from, or not suspected.
            failure: what counts as failure: ``{"from": "tickets", "where": "priority <= 2"}``.
            capacity: ``{"visits": 20, "per_days": 7}``.
            cost: ``{"downtime_hour": 200.0, "visit": 80.0, "currency": "EUR"}``.
            measures, counts, thresholds: one mapping each entry, as in the config.
            checks, limits: as in the config.
            privacy: how much of ticket text is shown: ``none``, ``titles`` or ``full``.
            file: a config file; paths in it are relative to it.
            data: the folder that paths of the file start from instead.

        Raises:
            SettingsError: a value is none of what is allowed; all that are wrong are named at once.
        """
        given = dict(locals())
        for name in ("self", "file", "data"):
            given.pop(name)
        self._file = None if file is None else os.fspath(file)
        self._data = None if data is None else os.fspath(data)
        self._over = sections(**given)
        # A config that lacks only its tables is no wrong one: those may be frames.
        checked = {k: v for k, v in self._over.items() if k != "failure"} if file is None else self._over
        self._settings = _forewarn.settings_of(self._file, json.dumps(checked), self._data)

    @classmethod
    def load(cls, path: Path, *, data: Path | None = None) -> Config:
        """Reads a config file, and checks all of it but the data.

        Args:
            path: the file, as ``forewarn init`` writes it.
            data: the folder that paths in it start from; default: that of the file.

        Raises:
            SettingsError: it is not there, is no TOML, or holds a value that is not allowed.

        >>> Config.load("no-such.toml")
        Traceback (most recent call last):
            ...
        forewarn._errors.SettingsError: config file not found: `no-such.toml`
        <BLANKLINE>
        hint: write one with `forewarn init`, or name it with `--config`
        """
        return cls(file=path, data=data)

    @property
    def settings(self) -> dict[str, Any]:
        """What it comes to, defaults included, by the sections of the config."""
        settings: dict[str, Any] = json.loads(self._settings)
        return settings

    def __repr__(self) -> str:
        where = f"file={self._file!r}" if self._file is not None else ""
        over = ", ".join(f"{section}={table!r}" for section, table in self._over.items())
        return f"Config({', '.join(part for part in (where, over) if part)})"

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(json.dumps(self.settings, indent=2))}</pre>"
