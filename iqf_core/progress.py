"""Progress of long work: a bar on a terminal, a quiet line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

#: Seconds between two lines in a log.
_LOG_INTERVAL_S = 15.0


class Bar(Protocol):
    """What long work reports to."""

    def advance(self, amount: float = 1) -> None:
        """Say that `amount` more is done."""

    def describe(self, text: str) -> None:
        """Say what is being done now."""


class _Silent:
    def advance(self, amount: float = 1) -> None:
        pass

    def describe(self, text: str) -> None:
        pass


class _Lines:
    def __init__(self, description: str, total: float | None) -> None:
        self._description = description
        self._total = total
        self._done = 0.0
        self._last = time.monotonic()

    def advance(self, amount: float = 1) -> None:
        self._done += amount
        now = time.monotonic()
        if now - self._last >= _LOG_INTERVAL_S:
            self._last = now
            of = f"/{self._total:g}" if self._total else ""
            print(
                f"{self._description}: {round(self._done, 2):.10g}{of}", file=sys.stderr, flush=True
            )

    def describe(self, text: str) -> None:
        self._description = text


@contextmanager
def progress(description: str, total: float | None = None, *, quiet: bool = False) -> Iterator[Bar]:
    """Report the progress of a loop on standard error.

    Parameters
    ----------
    description
        What is being done.
    total
        How many steps; None when unknown.
    quiet
        Report nothing.

    Yields
    ------
    Bar
        Call ``advance()`` after every step.
    """
    if quiet:
        yield _Silent()
    elif not sys.stderr.isatty():
        yield _Lines(description, total)
    else:
        with _terminal_bar(description, total) as bar:
            yield bar


@contextmanager
def _terminal_bar(description: str, total: float | None) -> Iterator[Bar]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task(description, total=total)

    class Terminal:
        def advance(self, amount: float = 1) -> None:
            bar.advance(task, amount)

        def describe(self, text: str) -> None:
            bar.update(task, description=text)

    with bar:
        yield Terminal()
