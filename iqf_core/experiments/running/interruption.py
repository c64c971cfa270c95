"""Steps that Ctrl-C does not cut in two."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

_Handler = Callable[[int, FrameType | None], Any]


@contextlib.contextmanager
def undivided() -> Iterator[None]:
    """Hold back what asks the program to stop until the block is done.

    The first SIGINT or SIGTERM within the block is delivered at its end, a second one at once: who
    presses Ctrl-C twice does not want to wait. Outside the main thread, which gets the signals,
    nothing is held back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    handlers: dict[int, _Handler] = {}

    def hold(number: int, frame: FrameType | None) -> None:
        held.append(number)
        if len(held) > 1:
            handlers[number](number, frame)

    for request in (signal.SIGINT, signal.SIGTERM):
        handler = signal.getsignal(request)
        if callable(handler):  # neither ignored nor the system's own, which ends us anyway
            handlers[request] = handler
            signal.signal(request, hold)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if len(held) == 1:
            handlers[held[0]](held[0], None)
