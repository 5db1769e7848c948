"""The risk model: fitted on a fleet, kept as bytes, asked at any later date."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from forewarn import _forewarn
from forewarn._config import sections
from forewarn._errors import ForewarnError, InputError, MismatchError
from forewarn._frame import Frame
from forewarn._progress import Progress, telling
from forewarn._sources import Date, day, names

if TYPE_CHECKING:
    from forewarn._fleet import Fleet

__all__ = ["RiskModel"]


class RiskModel:
    """P(failure within a horizon) for every asset: calibrated, with intervals and reasons, chosen among candidates from dumb
    to strong on held-out rows. What is not given is as the fleet's settings have it.

    Horizons are learned together, on the same sample of rows, and held to rise with the horizon: a model of 30 days alone says
    a little otherwise of 30 days than one of 7, 30 and 90.

    >>> model = RiskModel(horizons_days=[30], rank_by_days=30)
    >>> model
    RiskModel(not fitted)
    >>> model.predict(None)
    Traceback (most recent call last):
        ...
    forewarn._errors.MismatchError: the model is not fitted
    <BLANKLINE>
    hint: fit it on a fleet: `model.fit(fleet)`
    """

    __slots__ = ("_fleet", "_model", "_over")

    def __init__(
        self,
        *,
        horizons_days: Sequence[int] | None = None,
        rank_by_days: int | None = None,
        cutoff_every: str | None = None,
        refit_every: str | None = None,
        train_from: Date | None = None,
        leave_out: Sequence[str] | None = None,
        keep: Sequence[str] | None = None,
        seed: int | None = None,
    ) -> None:
        """A model to be fitted; see :class:`forewarn.Config` for the arguments."""
        given = dict(locals())
        given.pop("self")
        self._over = sections(**given)
        self._model: _forewarn.Model | None = None
        self._fleet: Fleet | None = None

    @classmethod
    def _of(cls, model: _forewarn.Model) -> RiskModel:
        out = cls()
        out._model = model
        return out

    @classmethod
    def from_bytes(cls, data: bytes | bytearray | memoryview) -> RiskModel:
        """Reads what :meth:`to_bytes` gave, or the ``model.json`` of a run folder.

        Raises:
            InputError: the bytes are no model, are damaged, or of a later version.

        >>> RiskModel.from_bytes(b"no model")
        Traceback (most recent call last):
            ...
        forewarn._errors.InputError: the model is no model file: found "no model" at its start, expected `{"format":"forewarn-risk",…`
        <BLANKLINE>
        hint: take the bytes of `to_bytes()`, or `model.json` of a run folder
        """
        if not isinstance(data, bytes | bytearray | memoryview):
            raise InputError(f"found {type(data).__name__}, expected the bytes of a model")
        return cls._of(_forewarn.Model.from_bytes(bytes(data)))

    def to_bytes(self) -> bytes:
        """The model as data, no code in it: what a run folder keeps as ``model.json``.

        Raises:
            MismatchError: it is not fitted.
        """
        return self._ready().to_bytes()

    def _ready(self) -> _forewarn.Model:
        if self._model is None:
            raise MismatchError("the model is not fitted", hints=["fit it on a fleet: `model.fit(fleet)`"])
        return self._model

    def fit(self, fleet: Fleet, *, progress: Progress = None) -> RiskModel:
        """Learns as the nightly run does, on its calendar, so that the predictions are its own; gives itself back.

        Raises:
            TooLittleData: the records hold too little to learn from: no failure, or too short a time.
            SettingsError: a setting is none of what is allowed.
        """
        _a_fleet(fleet)
        with telling(progress) as tell:
            self._model = fleet._native.fit(json.dumps(self._over), tell)
        self._fleet = fleet
        return self

    @property
    def fitted_at(self) -> date:
        """The date at which it was fitted: it knows what came before."""
        return date.fromisoformat(self._ready().fitted_at)

    @property
    def horizons(self) -> dict[int, str]:
        """The horizons, days, each with the candidate that is used for it."""
        return {days: name for days, name, _ in self._ready().horizons}

    @property
    def because(self) -> dict[int, str | None]:
        """Why that candidate, in one sentence; ``None`` for a model that was read from bytes, which keep no words."""
        return {days: why for days, _, why in self._ready().horizons}

    @property
    def findings(self) -> Frame:
        """What was found amiss with the data's columns while fitting, such as a column that knows the future."""
        return Frame(self._ready().findings())

    def predict(self, fleet: Fleet | None = None, *, as_of: Date | None = None, progress: Progress = None) -> Frame:
        """The risk of every asset in service: one row an asset and horizon, ``asset_id, horizon_days, probability,
        probability_low, probability_high, status``.

        Probabilities are from 0 to 1 and never fall as the horizon grows; the interval covers 80 %. An asset of which too
        little was seen has the status ``unknown`` and its cohort's probability.

        Args:
            fleet: whose assets; default: the fleet that it was fitted on.
            as_of: the cutoff; default: the end of the fleet's records.

        Raises:
            MismatchError: the cutoff is before the day of fitting or after the records, or the fleet has other features
                than the model learned from.
        """
        model, fleet = self._ready(), self._with(fleet)
        with telling(progress) as tell:
            return Frame(fleet._native.predict(model, _at(as_of), tell))

    def explain(
        self,
        asset_id: str | Sequence[str],
        fleet: Fleet | None = None,
        *,
        as_of: Date | None = None,
        progress: Progress = None,
    ) -> Frame:
        """Why assets stand where they stand, as the ranking says it: ``asset_id, feature, value, unit, contribution, text``.
        Contributions are log odds before calibration, and add up with those of ``other`` and ``base``. Ask for several
        assets at once: what gets worse in the telemetry is looked for anew in each call.

        Raises:
            MismatchError: an asset is not in service at the cutoff; or as :meth:`predict`.
        """
        assets = [asset_id] if isinstance(asset_id, str) else names("asset_id", asset_id)
        model, fleet = self._ready(), self._with(fleet)
        with telling(progress) as tell:
            return Frame(fleet._native.explain(model, assets, _at(as_of), tell))

    def _with(self, fleet: Fleet | None) -> Fleet:
        if fleet is None:
            fleet = self._fleet
        if fleet is None:
            raise MismatchError("the model has no fleet to predict", hints=["name one: `model.predict(fleet)`"])
        return _a_fleet(fleet)

    def __repr__(self) -> str:
        if self._model is None:
            return "RiskModel(not fitted)"
        used = ", ".join(f"{days} days: {name}" for days, name in self.horizons.items())
        return f"RiskModel(fitted at {self.fitted_at}; {used})"

    def _repr_html_(self) -> str:
        if self._model is None:
            return "<p>RiskModel, not fitted</p>"
        rows = "".join(
            f"<tr><td>{days}</td><td>{html.escape(name)}</td><td>{html.escape(why or '')}</td></tr>"
            for days, name, why in self._model.horizons
        )
        head = "".join(f'<th scope="col">{name}</th>' for name in ("horizon, days", "model", "because"))
        caption = f"RiskModel, fitted at {self.fitted_at}"
        return f"<table><caption>{caption}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"

    def __reduce__(self) -> tuple[object, tuple[bytes]]:
        if self._model is None:
            raise ForewarnError("a model that is not fitted cannot be pickled")
        return RiskModel.from_bytes, (self.to_bytes(),)


def _a_fleet(fleet: Fleet) -> Fleet:
    if not hasattr(fleet, "_native"):
        hints = ["read it first: `forewarn.Fleet(config)`, or `forewarn.Fleet(tickets=…)`"]
        raise InputError(f"found {type(fleet).__name__}, expected a `forewarn.Fleet`", hints=hints)
    return fleet


def _at(value: Date | None, name: str = "as_of") -> str | None:
    return None if value is None else day(name, value)
