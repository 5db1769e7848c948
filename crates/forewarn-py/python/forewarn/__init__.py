"""Which assets fail next, how sure that is, and why: forewarn for analysts.

Tables go in as files or as anything that hands its rows over as Arrow, and come out the same way; in between works the
program's own engine, so that every number is the nightly run's.

>>> import datetime as dt
>>> import polars as pl
>>> start = dt.datetime(2025, 1, 1)
>>> days = [start + dt.timedelta(days=d) for d in range(60)]
>>> telemetry = pl.DataFrame({
...     "asset_id": ["a"] * 60 + ["b"] * 60,
...     "ts": days * 2,
...     "temperature": [20.0 + d / 10 for d in range(60)] + [20.0] * 60,
... })
>>> fleet = Fleet(telemetry=telemetry)
>>> fleet.as_of
datetime.date(2025, 3, 2)
>>> features = fleet.features(["2025-02-01", "2025-03-01"]).to_polars()
>>> features.select("cutoff", "asset_id", "temperature.last").rows()[0]
(datetime.datetime(2025, 2, 1, 0, 0), 'a', 23.0)
"""

from forewarn import steps
from forewarn._config import Config
from forewarn._errors import (
    ForewarnError,
    InputError,
    MismatchError,
    NoRoomError,
    SettingsError,
    TooLittleData,
)
from forewarn._fleet import Fleet, run
from forewarn._forewarn import __version__
from forewarn._frame import ArrowStream, Frame
from forewarn._model import RiskModel
from forewarn._progress import Progress, Step
from forewarn._results import Backtest, Run
from forewarn._sources import Date, Source, TableLike

__all__ = [
    "ArrowStream",
    "Backtest",
    "Config",
    "Date",
    "Fleet",
    "ForewarnError",
    "Frame",
    "InputError",
    "MismatchError",
    "NoRoomError",
    "Progress",
    "RiskModel",
    "Run",
    "SettingsError",
    "Source",
    "Step",
    "TableLike",
    "TooLittleData",
    "__version__",
    "run",
    "steps",
]
