"""The fleet: everything that is known of the assets, read once, and asked in many ways."""

from __future__ import annotations

import difflib
import html
import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from forewarn import _forewarn
from forewarn._config import Config, sections
from forewarn._errors import InputError, SettingsError
from forewarn._frame import ArrowStream, Frame
from forewarn._model import RiskModel, _at
from forewarn._progress import Progress, telling
from forewarn._results import Backtest, Run
from forewarn._sources import Date, Path, TableLike, day, laid, whole_numbers

__all__ = ["Fleet", "run"]


class Fleet:
    """Tickets, telemetry, inventory and events of a fleet, mapped, checked and indexed.

    A table is a path, a pattern, a frame (anything with ``__arrow_c_stream__``), a :class:`forewarn.Source` that says how
    its columns are to be read, or a mapping with the keys of the config. Where a config names a table as well, the keys of
    both hold, and a frame takes the place of its files. Telemetry is read batch by batch and never held as a whole.

    >>> import polars as pl
    >>> tickets = pl.DataFrame({
    ...     "ticket_id": ["T1", "T2", "T3"],
    ...     "opened_at": ["2025-01-03 10:00", "2025-02-03 11:00", "2025-02-30 12:00"],
    ...     "asset_id": ["a", "b", "b"],
    ... })
    >>> fleet = Fleet(tickets=tickets, failure={"from": "tickets"})
    >>> fleet.as_of, fleet.rows["tickets"]
    (datetime.date(2025, 2, 4), 2)
    >>> [(f["check"], f["n_rows"], f["sample"]) for f in fleet.check() if f["table"] == "tickets"][0]
    ('unparseable_times', 1, ['<tickets>, row 2: "2025-02-30 12:00"'])

    A table without a needed column is no table:

    >>> Fleet(tickets=tickets.drop("opened_at"))
    Traceback (most recent call last):
        ...
    forewarn._errors.InputError: `<tickets>`: table `tickets` needs `opened_at`, which no column of the file is mapped to; it has `ticket_id`, `asset_id`
    <BLANKLINE>
    hint: map a source column to it: `columns = { opened_at = "…" }` in `tickets`
    """

    def __init__(
        self,
        config: Config | Path | None = None,
        *,
        assets: TableLike | None = None,
        tickets: TableLike | None = None,
        telemetry: TableLike | Sequence[TableLike] | None = None,
        events: TableLike | Sequence[TableLike] | None = None,
        asset_history: TableLike | None = None,
        failures: TableLike | None = None,
        actions: TableLike | None = None,
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
        progress: Progress = None,
    ) -> None:
        """Reads and checks everything.

        Args:
            config: a config file or a :class:`forewarn.Config`; keyword arguments stand over it.
            assets: the inventory: ``asset_id`` and what is known of it.
            tickets: ``ticket_id, opened_at`` and more.
            telemetry: ``asset_id, ts`` and one column a metric; one source, or a list of several.
            events: ``asset_id, ts, kind``: changes, patches, replacements; one source, or a list of several.
            asset_history: ``asset_id, attribute, value, valid_from``.
            failures: ``asset_id, failed_at``, in place of those that ``failure`` derives.
            actions: what readers of the list reported as done.
            progress: see :data:`forewarn.Progress`.

        Every other argument is one of :class:`forewarn.Config`.

        Raises:
            InputError: a table cannot be read or used.
            SettingsError: a setting is none of what is allowed.
        """
        given = dict(locals())
        tables = ("assets", "tickets", "telemetry", "events", "asset_history", "failures", "actions")
        for name in ("self", "config", "progress", *tables):
            given.pop(name)
        if not isinstance(config, Config):
            if hasattr(config, "__arrow_c_stream__"):
                hints = ["say which table it is: `Fleet(tickets=…)`, `Fleet(telemetry=…)`"]
                raise InputError(f"`config`: found {type(config).__name__}, expected a config file", hints=hints)
            config = Config(file=config)
        over = config._over | {}
        for section, value in sections(**given).items():
            under = over.get(section)
            over[section] = under | value if isinstance(under, dict) and isinstance(value, dict) else value
        named = {"assets": assets, "tickets": tickets, "asset_history": asset_history, "actions": actions}
        over, handed = laid(over, telemetry=telemetry, events=events, failures=failures, **named)
        if config._file is None and not any(name in over for name in (*named, "telemetry", "events", "failure")):
            raise SettingsError(
                "there is nothing to read", hints=["name a config file, or give `tickets`, `telemetry` or `events`"]
            )
        with telling(progress) as tell:
            self._native = _forewarn.Fleet(config._file, json.dumps(over), config._data, handed, tell)
        self._run: Run | None = None

    @property
    def as_of(self) -> date:
        """Where observation ends: the midnight (UTC) at which this day begins. What comes later has not happened yet."""
        return date.fromisoformat(self._native.as_of)

    @property
    def asset_ids(self) -> list[str]:
        """The assets that the records name, sorted."""
        return self._native.asset_ids

    @property
    def rows(self) -> dict[str, int]:
        """How many rows of each table are used."""
        return dict(self._native.rows)

    @property
    def tables(self) -> dict[str, Frame]:
        """The records as they are used, mapped and valid, by name: ``assets``, ``asset_history``, ``tickets``, ``events``,
        ``failures``, those that there are. Failures and assets that are derived are among them.

        >>> import polars as pl
        >>> tickets = pl.DataFrame({"ticket_id": ["T1", "T2"], "opened_at": ["2025-01-03", "2025-01-04"], "asset_id": ["a", "b"],
        ...     "priority": ["1 - High", "3 - Low"]})
        >>> fleet = Fleet(tickets=tickets, failure={"from": "tickets", "where": "priority <= 2"})
        >>> fleet.tables["failures"].to_polars().select("asset_id", "failed_at").rows()
        [('a', datetime.datetime(2025, 1, 3, 0, 0))]
        """
        return {name: Frame(table) for name, table in self._native.tables()}

    @property
    def metrics(self) -> list[str]:
        """The metrics of the telemetry, sorted."""
        return self._native.metrics

    def daily(self, metric: str) -> Frame:
        """A metric by asset and day (UTC), which is all that is kept of telemetry: ``asset_id, metric, day, n, mean, m2, min,
        max, last, cum_increase, cum_changes, cum_resets``. ``m2`` is the sum of squared deviations from the day's mean; what
        begins with ``cum_`` counts since the asset's first reading.

        Raises:
            SettingsError: there is no such metric.
        """
        table = self._native.daily(metric) if isinstance(metric, str) else None
        if table is None:
            near = difflib.get_close_matches(metric, self.metrics, 1)
            known = ", ".join(f"`{m}`" for m in self.metrics[:20]) or "none"
            hints = [f"did you mean `{near[0]}`?"] if near else []
            raise SettingsError(f"invalid `metric`: found `{metric}`, expected one of {known}", hints=hints)
        return Frame(table)

    @property
    def settings(self) -> dict[str, Any]:
        """What it is read and judged by, defaults included, by the sections of the config."""
        settings: dict[str, Any] = json.loads(self._native.settings())
        return settings

    def check(self) -> Frame:
        """What the data checks found, the gravest first: ``check, severity, table, column, n_rows, sample, message, hint``."""
        return Frame(self._native.check())

    def catalog(self, *, at: Date | None = None) -> Frame:
        """Which features there are at a date (default: the end of the records), and what each means: ``feature, unit,
        window_days, source, meaning``."""
        return Frame(self._native.catalog(_at(at)))

    def features(self, cutoffs: Date | Sequence[Date], *, progress: Progress = None) -> Frame:
        """The features of every asset in service at each cutoff, from what was known strictly before it: ``cutoff,
        asset_id`` and one column a feature of the catalog. Which there are is decided by the latest cutoff.

        Raises:
            SettingsError: a cutoff is no date, or after the end of the records.
        """
        with telling(progress) as tell:
            return Frame(self._native.features(_days(cutoffs), tell))

    def outcomes(
        self,
        cutoffs: Date | Sequence[Date],
        *,
        horizons: int | Sequence[int] | None = None,
        progress: Progress = None,
    ) -> Frame:
        """What came of every asset in service at each cutoff: ``cutoff, asset_id, horizon_days, outcome, failed_at``, with
        the rows of :meth:`features` for each horizon (days; default: those of the settings).

        ``outcome`` says whether it failed within the horizon, and is null where that was not seen: the window is still open
        at the end of the records, or the asset left it unfailed. ``failed_at`` is when it first did. These are labels: who
        learns from a window that was open on the day of learning has looked into the future.

        Raises:
            SettingsError: a cutoff is no date or after the end of the records, or a horizon is not 1 to 3650 days.

        >>> import polars as pl
        >>> failures = pl.DataFrame({"asset_id": ["a", "b", "a"], "failed_at": ["2025-01-03", "2025-01-05", "2025-03-01"]})
        >>> fleet = Fleet(failures=failures, failure={"terminal": False})
        >>> fleet.outcomes("2025-01-04", horizons=[7, 90]).to_polars().select("asset_id", "horizon_days", "outcome").rows()
        [('a', 7, False), ('a', 90, None)]
        """
        with telling(progress) as tell:
            return Frame(self._native.outcomes(_days(cutoffs), whole_numbers("horizons", horizons), tell))

    def backtest(
        self,
        *,
        start: Date | None = None,
        end: Date | None = None,
        every: str = "1mo",
        horizons: int | Sequence[int] | None = None,
        refit: str | int = "every",
        task: str = "risk",
        train_from: Date | None = None,
        progress: Progress = None,
    ) -> Backtest:
        """Predictions at past dates, each made with what was known then, against what came.

        Args:
            start, end: the first and the last cutoff, both included; default: the last six whose windows are closed.
            every: the step between them: ``1mo``, ``8w``, ``1d``.
            horizons: days; default: those of the settings. Of ``counts``, one number of periods.
            refit: when to train: ``once``, ``every`` (cutoff), or a number n: at every n-th.
            task: ``risk``, ``recurrence``, ``counts`` or ``degradation``.
            train_from: the first training cutoff.

        Raises:
            TooLittleData: there is too little to learn from before the first cutoff.
            SettingsError: no cutoff lies in the records, or an argument is none of what is allowed.
        """
        days = whole_numbers("horizons", horizons)
        over = json.dumps(sections(train_from=train_from))
        asked = (task, _at(start, "start"), _at(end, "end"), every, days, str(refit), over)
        with telling(progress) as tell:
            made = self._native.backtest(*asked, tell)
        return Backtest(task, {name: Frame(table) for name, table in made})

    def forecast(self, *, counts: Sequence[Mapping[str, Any]] | None = None, progress: Progress = None) -> Frame:
        """How many incidents come: ``series_id, level, ds, mean, q05 … q95, model``, by the columns that ``counts`` names
        (default: as the settings have it, else chosen from the data): ``[{"by": "group", "every": "1w", "horizon": 8}]``.

        Raises:
            SettingsError: an entry of ``counts`` is none of what is allowed.
        """
        return self._counted("forecasts", counts, progress)

    def workload(self, *, counts: Sequence[Mapping[str, Any]] | None = None, progress: Progress = None) -> Frame:
        """How much of that comes in the next 7 and 28 days against what is usual, with a verdict."""
        return self._counted("workload", counts, progress)

    def _counted(self, name: str, counts: Sequence[Mapping[str, Any]] | None, progress: Progress) -> Frame:
        with telling(progress) as tell:
            made = dict(self._native.forecast(json.dumps(sections(counts=counts)), tell))
        return Frame(made[name])

    def degradations(self, *, model: RiskModel | None = None, progress: Progress = None) -> Frame:
        """What gets worse in the telemetry: trends, thresholds ahead, changes, anomalies, and what stands apart from its
        peers. Findings alike in time and reach come by the risk of their assets where a ``model`` says it, as in a run."""
        native = None if model is None else model._ready()
        with telling(progress) as tell:
            return Frame(self._native.degradations(native, tell))

    def recurrences(self, *, progress: Progress = None) -> Frame:
        """Which incidents come again: expected in the next 30 days with an interval, and whether they come faster."""
        with telling(progress) as tell:
            return Frame(self._native.recurrences(tell))

    def measures(self, *, progress: Progress = None) -> Frame:
        """What past measures did: rates before and after, against matched assets that had none."""
        with telling(progress) as tell:
            return Frame(self._native.measures(tell))

    def exposure(self, *, at: Date | None = None) -> Frame:
        """What makes assets vulnerable at a date (default: the end of the records)."""
        return Frame(self._native.exposure(_at(at)))

    def problems(self, *, earlier: ArrowStream | None = None, progress: Progress = None) -> Frame:
        """Tickets that say the same: size, assets, growth. ``earlier`` is the same table of an earlier night, from which ids
        are handed on."""
        with telling(progress) as tell:
            return Frame(self._native.problems(earlier, tell))

    def run(
        self,
        *,
        ledger: ArrowStream | None = None,
        problems: ArrowStream | None = None,
        progress: Progress = None,
    ) -> Run:
        """Everything of the nightly run, with the program's own numbers.

        Args:
            ledger: what was said on earlier nights (``run["ledger"]`` of each, one under the other), which is judged.
            problems: the table of an earlier night, from which ids are handed on.

        Raises:
            TooLittleData: the records hold too little to learn from.
        """
        if ledger is None and problems is None and self._run is not None:
            return self._run
        with telling(progress) as tell:
            made = Run(self._native.run(ledger, problems, tell))
        if ledger is None and problems is None:
            self._run = made
        return made

    def ranking(self, *, progress: Progress = None) -> Frame:
        """The ranking of the nightly run, which is made once and kept: see :meth:`run`."""
        return self.run(progress=progress).ranking

    def __len__(self) -> int:
        return len(self.asset_ids)

    def __repr__(self) -> str:
        rows = ", ".join(f"{n} {name}" for name, n in self.rows.items() if n)
        return f"<Fleet as of {self.as_of}: {len(self)} assets seen; rows: {rows or 'none'}>"

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><td>{name}</td><td>{n}</td></tr>" for name, n in self.rows.items() if n)
        findings: dict[str, int] = {}
        for f in self.check():
            findings[f["severity"]] = findings.get(f["severity"], 0) + 1
        found = ", ".join(f"{n} {html.escape(severity)}" for severity, n in findings.items()) or "none"
        caption = f"Fleet as of {self.as_of}: {len(self)} assets seen; findings: {found}"
        head = '<th scope="col">table</th><th scope="col">rows used</th>'
        return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _days(cutoffs: Date | Sequence[Date]) -> list[str]:
    one = isinstance(cutoffs, str | date) or not hasattr(cutoffs, "__iter__")
    wanted = [cutoffs] if one else list(cutoffs)  # type: ignore[arg-type]
    return [day("cutoffs", c) for c in wanted]  # type: ignore[arg-type]


def run(config: Config | Path, *, progress: Progress = None, **tables: Any) -> Run:
    """The nightly run of a config in memory: the same tables and report as ``forewarn run`` makes on its first night.
    Further arguments are those of :class:`Fleet`. :meth:`Run.save` writes the files of a run folder.

    Raises:
        InputError: a table cannot be read or used.
        SettingsError: a setting is none of what is allowed.
        TooLittleData: the records hold too little to learn from.
    """
    return Fleet(config, progress=progress, **tables).run(progress=progress)
