"""How far long work is, shown on a terminal or told to a function."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

__all__ = ["Progress", "Step"]


@dataclass(frozen=True)
class Step:
    """A sign of life of long work.

    >>> Step("training", 1, 4)
    Step(stage='training', done=1, total=4, detail='')
    """

    stage: str
    """What is done at the moment: ``reading``, ``features``, ``training``, …"""
    done: int
    """Steps of it that are finished."""
    total: int
    """All its steps; 0 where they are not counted."""
    detail: str = ""
    """What is read at the moment, where something is."""


Progress = bool | Callable[[Step], object] | None
"""``None``: a bar on standard error where that is a terminal; a bool: always or never; a function: told each step, on the
calling thread. What it raises stops the work."""

_WIDTH = 24


class _Bar:
    def __init__(self) -> None:
        self.began = time.monotonic()
        self.shown = 0

    def __call__(self, step: Step) -> None:
        if step.total > 0:
            full = _WIDTH * step.done // step.total
            state = f"[{'=' * full}{' ' * (_WIDTH - full)}] {step.done}/{step.total}"
        else:
            state = step.detail
        text = f"{step.stage} {state} {time.monotonic() - self.began:.0f} s"
        # What stands in a file's name must not move the cursor.
        text = "".join(c if c.isprintable() else "?" for c in text)[:100]
        sys.stderr.write("\r" + text.ljust(self.shown))
        sys.stderr.flush()
        self.shown = len(text)

    def clear(self) -> None:
        if self.shown:
            sys.stderr.write("\r" + " " * self.shown + "\r")
            sys.stderr.flush()


@contextmanager
def telling(progress: Progress) -> Iterator[Callable[[str, int, int, str], object] | None]:
    """The function that the native half tells, while the work goes on."""
    if progress is None:
        progress = sys.stderr is not None and sys.stderr.isatty()
    if progress is False:
        yield None
        return
    bar = _Bar() if progress is True else None
    hear: Callable[[Step], object] = bar if bar is not None else progress  # type: ignore[assignment]
    try:
        yield lambda stage, done, total, detail: hear(Step(stage, done, total, detail))
    finally:
        if bar is not None:
            bar.clear()
