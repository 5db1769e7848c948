"""Tables that come out: Arrow inside, whatever the analyst likes outside."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from forewarn._errors import InputError
from forewarn._forewarn import Table

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

__all__ = ["ArrowStream", "Frame"]

_SHOWN = 20
_CELL = 120


@runtime_checkable
class ArrowStream(Protocol):
    """Anything that hands its rows over as Arrow: a Polars or pandas frame, a PyArrow table or reader, a DuckDB relation."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...


def _needs(name: str, why: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f"{why} needs `{name}`, which is not installed (`pip install {name}`)") from error


class Frame:
    """Rows and named columns. Anything that reads Arrow takes it as it is (``polars.DataFrame(frame)``,
    ``pyarrow.table(frame)``, ``duckdb.sql("from frame")``); numbers and times cross without a copy.

    Times are UTC without a zone, in microseconds.

    >>> import polars as pl
    >>> frame = Frame.of(pl.DataFrame({"asset_id": ["a", "b"], "risk": [0.25, None]}))
    >>> len(frame), frame.columns
    (2, ['asset_id', 'risk'])
    >>> frame.to_dicts()
    [{'asset_id': 'a', 'risk': 0.25}, {'asset_id': 'b', 'risk': None}]
    >>> frame.to_polars()["risk"].sum()
    0.25
    """

    __slots__ = ("_table",)

    def __init__(self, table: Table) -> None:
        self._table = table

    @classmethod
    def of(cls, data: ArrowStream) -> Frame:
        """A frame of anything that hands its rows over as Arrow.

        Raises:
            InputError: it hands over something else than a table.
        """
        if not hasattr(data, "__arrow_c_stream__"):
            raise InputError(
                f"found {type(data).__name__}, expected an object with `__arrow_c_stream__`",
                hints=["a Polars, pandas (2.2 or later) or PyArrow table, or a DuckDB relation"],
            )
        return cls(Table.of(data))

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)

    def __len__(self) -> int:
        return len(self._table)

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return self._table.columns

    @property
    def dtypes(self) -> dict[str, str]:
        """The type of each column, as Polars names it."""
        return dict(zip(self._table.columns, self._table.dtypes, strict=True))

    def head(self, n: int = 5) -> Frame:
        """The first ``n`` rows."""
        return Frame(self._table.head(n))

    def to_polars(self) -> polars.DataFrame:
        """As a Polars frame.

        Raises:
            ImportError: Polars is not installed.
        """
        frame: polars.DataFrame = _needs("polars", "to_polars()").DataFrame(self)
        return frame

    def to_arrow(self) -> pyarrow.Table:
        """As a PyArrow table.

        Raises:
            ImportError: PyArrow is not installed.
        """
        return _needs("pyarrow", "to_arrow()").table(self)

    def to_pandas(self) -> pandas.DataFrame:
        """As a pandas frame. Whole numbers with gaps become floats there, as pandas has it.

        Raises:
            ImportError: pandas or PyArrow is not installed.
        """
        _needs("pandas", "to_pandas()")
        frame: pandas.DataFrame = _needs("pyarrow", "to_pandas()").table(self).to_pandas()
        return frame

    def to_dicts(self) -> list[dict[str, Any]]:
        """As one dict a row, without any other package; times are text. Numbers are those of the frame, to the last bit."""
        rows: list[dict[str, Any]] = json.loads(self._table.json())
        return rows

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.to_dicts())

    def write_csv(self, path: str | PathLike[str]) -> None:
        """Writes CSV that is safe in a spreadsheet: no cell is a formula there.

        Raises:
            OSError: the file cannot be written.
        """
        Path(path).write_bytes(self._table.bytes("csv"))

    def write_parquet(self, path: str | PathLike[str]) -> None:
        """Writes Parquet.

        Raises:
            OSError: the file cannot be written.
        """
        Path(path).write_bytes(self._table.bytes("parquet"))

    def equals(self, other: Frame) -> bool:
        """Whether both have the same columns, types and cells, to the last bit; a missing cell equals a missing one.

        >>> import polars as pl
        >>> a = Frame.of(pl.DataFrame({"x": [0.1 + 0.2]}))
        >>> a.equals(a), a.equals(Frame.of(pl.DataFrame({"x": [0.3]})))
        (True, False)
        """
        return self._table.same(other._table)

    def __repr__(self) -> str:
        n = len(self)
        shown = self._table.head(_SHOWN).text().rstrip("\n")
        more = f"\n… {n - _SHOWN} more" if n > _SHOWN else ""
        return f"{shown}{more}\n[{n} rows × {len(self.columns)} columns]"

    def _repr_html_(self) -> str:
        rows = self.head(_SHOWN).to_dicts()
        head = "".join(f'<th scope="col">{html.escape(c)}</th>' for c in self.columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{_cell(row.get(c))}</td>" for c in self.columns) + "</tr>" for row in rows
        )
        note = f"{len(self)} rows × {len(self.columns)} columns"
        if len(self) > _SHOWN:
            note += f", the first {_SHOWN} are shown"
        return f"<table><caption>{note}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cell(value: object) -> str:
    if value is None:
        return ""
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    if len(text) > _CELL:
        text = text[: _CELL - 1] + "…"
    return html.escape(text)
