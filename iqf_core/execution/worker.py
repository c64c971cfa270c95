"""The main loop of a local worker: one request after another, until its driver is gone.

Requests and responses are frames (8 bytes of length, then JSON) on two pipes of their own, so
whatever a task prints goes to the driver's standard error and never between them.
"""

from __future__ import annotations

import contextlib
import json
import os
import struct
import sys
from pathlib import Path

from iqf_core.execution.call import execute

LENGTH = struct.Struct("!Q")
#: What a worker says once it runs, before the first request.
READY = b"ready"


def frame(content: bytes) -> bytes:
    """Return `content` with its length before it."""
    return LENGTH.pack(len(content)) + content


def main(request_descriptor: int, response_descriptor: int) -> None:
    """Serve requests until the driver closes its end."""
    # What tasks start must not hold the pipes open.
    os.set_inheritable(request_descriptor, False)
    os.set_inheritable(response_descriptor, False)
    _flush_soon()
    with open(request_descriptor, "rb") as requests, open(response_descriptor, "wb") as responses:
        responses.write(frame(READY))
        responses.flush()
        while header := requests.read(LENGTH.size):
            (length,) = LENGTH.unpack(header)
            responses.write(frame(_serve(requests.read(length))))
            responses.flush()


def _flush_soon() -> None:
    """Let lines that tasks print appear when they are printed, and show where a worker crashed."""
    import faulthandler

    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    with contextlib.suppress(OSError):  # no usable standard error
        faulthandler.enable()


def _serve(request: bytes) -> bytes:
    """Run one task in its environment, and put environment and working folder back afterwards."""
    environment, folder = dict(os.environ), Path.cwd()
    os.environ.update(json.loads(request)["environment"])
    try:
        return execute(request)
    finally:
        if dict(os.environ) != environment:
            os.environ.clear()
            os.environ.update(environment)
        with contextlib.suppress(OSError):
            os.chdir(folder)
