"""What can go wrong, each with what to try. The native half makes these; it knows them by name."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "ForewarnError",
    "InputError",
    "MismatchError",
    "NoRoomError",
    "SettingsError",
    "TooLittleData",
]


class ForewarnError(Exception):
    """Anything that forewarn could not do. Raised as it stands only for a bug of ours.

    >>> error = ForewarnError("no such column", ["found `a`"], ["map it with `columns`"])
    >>> print(error)
    no such column
      Cause: found `a`
    <BLANKLINE>
    hint: map it with `columns`
    >>> error.hint
    'map it with `columns`'
    """

    message: str
    """What happened."""
    causes: list[str]
    """What led to it, the nearest first."""
    hints: list[str]
    """What to try, which may be nothing."""

    def __init__(self, message: str, causes: Sequence[str] = (), hints: Sequence[str] = ()) -> None:
        super().__init__(message, list(causes), list(hints))
        self.message = message
        self.causes = list(causes)
        self.hints = list(hints)

    @property
    def hint(self) -> str | None:
        """What to try; ``None`` where there is no advice."""
        return "\n".join(self.hints) or None

    def __str__(self) -> str:
        text = "\n".join([self.message, *(f"  Cause: {cause}" for cause in self.causes)])
        hints = "\n".join(f"hint: {hint}" for hint in self.hints)
        return f"{text}\n\n{hints}" if hints else text


class InputError(ForewarnError, ValueError):
    """Data that cannot be used: a frame without a needed column, a file that is none, no usable row."""


class SettingsError(ForewarnError, ValueError):
    """A setting or argument that is none of what is allowed; all that are wrong are named at once."""


class TooLittleData(ForewarnError, ValueError):
    """There is too little to learn from; the text says what was found and what is needed."""


class MismatchError(ForewarnError, ValueError):
    """Things that do not fit together: a model and the records of another fleet, a date outside the records."""


class NoRoomError(ForewarnError):
    """The disk is full, or there is too little memory."""
