"""What larger work comes to: the nightly run in memory, and a backtest."""

from __future__ import annotations

import html
import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from forewarn import _forewarn
from forewarn._frame import Frame
from forewarn._sources import Path

if TYPE_CHECKING:
    from forewarn._model import RiskModel

__all__ = ["Backtest", "Run"]


def _table(tables: Mapping[str, Frame], name: str) -> Frame:
    if name not in tables:
        raise KeyError(f"no table {name!r}; there are {', '.join(tables)}")
    return tables[name]


class Run:
    """The nightly run in memory: every table of a run folder, with the same content, and the report.

    What is kept between nights (the ledger of what was said, orders, retention) is the program's; a ledger can be handed
    in, see :meth:`forewarn.Fleet.run`.
    """

    __slots__ = ("_run", "_tables")

    def __init__(self, run: _forewarn.Run) -> None:
        self._run = run
        self._tables = {name: Frame(table) for name, table in run.tables()}

    @property
    def tables(self) -> Mapping[str, Frame]:
        """Every table by the name of its file in a run folder: ``ranking``, ``risk``, ``degradations``, …"""
        return self._tables

    def __getitem__(self, name: str) -> Frame:
        return _table(self._tables, name)

    @property
    def ranking(self) -> Frame:
        """One row an asset, what is most worth doing first: ``rank, asset_id, …, probability, …, reasons``."""
        return self._tables["ranking"]

    @property
    def plan(self) -> Frame:
        """What to do: assets that need the same at the same place together."""
        return self._tables["plan"]

    @property
    def risk(self) -> Frame:
        """Every asset and horizon: ``asset_id, horizon_days, probability, probability_low, probability_high, status``."""
        return self._tables["risk"]

    @property
    def metrics(self) -> Frame:
        """The backtest of every model and baseline, with intervals."""
        return self._tables["metrics"]

    @property
    def findings(self) -> Frame:
        """What the data checks and the engine found amiss."""
        return self._tables["findings"]

    @property
    def facts(self) -> dict[str, Any]:
        """The facts of the run: ``as_of``, ``chosen_model``, ``chosen_because``, ``beats_baseline``, …"""
        facts: dict[str, Any] = json.loads(self._run.facts())
        return facts

    @property
    def model(self) -> RiskModel:
        """The model that made the ranking."""
        from forewarn._model import RiskModel

        return RiskModel._of(self._run.model())

    def report_html(self) -> str:
        """The report: one page that asks for nothing and runs from a file."""
        return self._run.html()

    def save(self, folder: Path) -> None:
        """Writes the files of a run folder (tables, exports, ``model.json``, ``report.html``) into ``folder``, which is made
        where it is missing. The manifest and the log, which say where and when, are the program's alone.

        Raises:
            ForewarnError: a file cannot be written.
        """
        self._run.save(os.fspath(folder))

    def __repr__(self) -> str:
        facts = self.facts
        return f"<Run as of {facts['as_of']}: {facts['n_assets']} assets ranked by `{facts['chosen_model']}`>"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self)[1:-1])}</p>{self.ranking._repr_html_()}"


class Backtest:
    """Predictions at past dates, each made with what was known then, against what came."""

    __slots__ = ("_tables", "task")

    def __init__(self, task: str, tables: Mapping[str, Frame]) -> None:
        self.task = task
        """What was judged."""
        self._tables = dict(tables)

    @property
    def tables(self) -> Mapping[str, Frame]:
        """Every table by name: of ``risk`` ``predictions``, ``candidates`` and ``calibration``; of ``recurrence``,
        ``degradation`` and ``counts`` one table; and ``metrics`` and ``findings``."""
        return self._tables

    def __getitem__(self, name: str) -> Frame:
        return _table(self._tables, name)

    @property
    def predictions(self) -> Frame:
        """What was predicted and what came, of whichever task: the first table."""
        return next(iter(self._tables.values()))

    @property
    def metrics(self) -> Frame:
        """How well it went, with intervals."""
        return self._tables["metrics"]

    def __repr__(self) -> str:
        return f"<Backtest of {self.task}: {len(self.predictions)} predictions>"

    def _repr_html_(self) -> str:
        return f"<p>{html.escape(repr(self)[1:-1])}</p>{self.metrics._repr_html_()}"
