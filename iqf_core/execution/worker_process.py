"""The driver's side of one local worker."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from iqf_core.execution.supervision import Outcome, SupervisedProcess
from iqf_core.execution.worker import LENGTH, READY, frame

#: How long a worker may take to end by itself (its exit handlers) before it is killed.
_FAREWELL_S = 2.0


class WorkerDiedError(Exception):
    """The worker ended before it answered.

    Attributes
    ----------
    outcome
        How it ended.
    """

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(str(outcome))
        self.outcome = outcome


class WorkerTimeoutError(Exception):
    """The worker did not answer in time; it has been killed with its children."""


class WorkerProcess:
    """A freshly started interpreter that runs tasks; one call at a time, from one thread.

    Parameters
    ----------
    environment
        Variables added to the driver's before anything is imported.

    Raises
    ------
    ExecutionError
        If the interpreter cannot be started.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        request_read, self._request = os.pipe()
        self._response, response_write = os.pipe()
        self._closed = False
        self._buffer = bytearray()
        try:
            self._process = SupervisedProcess(
                [sys.executable, "-c", _program(request_read, response_write)],
                folder=Path.cwd(),
                environment={**os.environ, **environment},
                pass_fds=(request_read, response_write),
            )
        except BaseException:
            os.close(self._request)
            os.close(self._response)
            raise
        finally:
            os.close(request_read)
            os.close(response_write)
        self._poller = select.poll()
        self._poller.register(self._response, select.POLLIN)
        self._poller.register(self._process, select.POLLIN)

    def await_ready(self) -> None:
        """Wait until the interpreter runs; raise WorkerDiedError when it ends instead."""
        answer = self._receive(None)
        assert answer == READY

    def call(self, request: bytes, timeout_s: float | None) -> bytes:
        """Send `request` and return the response.

        Raises
        ------
        WorkerDiedError, WorkerTimeoutError
            The worker is then closed, and no descendant of it is left.
        """
        try:
            _write(self._request, frame(request))
        except BrokenPipeError:
            raise WorkerDiedError(self._end()) from None
        return self._receive(timeout_s)

    def stop(self) -> None:
        """Kill it with its children, from any thread; the call in progress raises WorkerDied."""
        self._process.stop(at_once=True)

    def close(self) -> None:
        """End it: let it leave by itself, then kill it and what its tasks left running."""
        if not self._closed:
            os.close(self._request)
            self._request = -1
            if self._process.wait(_FAREWELL_S) is None:
                self.stop()
                self._process.wait()
            self._forget()

    def _receive(self, timeout_s: float | None) -> bytes:
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            ready = dict(self._poller.poll(None if left is None else left * 1000 + 1))
            if self._response in ready and (data := os.read(self._response, 1 << 20)):
                self._buffer += data
                if (content := self._take_frame()) is not None:
                    return content
            elif ready:
                raise WorkerDiedError(self._end())
            elif deadline is not None and time.monotonic() >= deadline:
                self.stop()
                self._end()
                raise WorkerTimeoutError

    def _take_frame(self) -> bytes | None:
        if len(self._buffer) < LENGTH.size:
            return None
        end = LENGTH.size + LENGTH.unpack_from(self._buffer)[0]
        if len(self._buffer) < end:
            return None
        content = bytes(self._buffer[LENGTH.size : end])
        del self._buffer[:end]
        return content

    def _end(self) -> Outcome:
        outcome = self._process.wait(_FAREWELL_S)
        if outcome is None:  # it closed its pipe and lives on
            self.stop()
            outcome = self._process.wait()
        self._forget()
        assert outcome is not None
        return outcome

    def _forget(self) -> None:
        self._closed = True
        if self._request >= 0:
            os.close(self._request)
        os.close(self._response)


def _program(request: int, response: int) -> str:
    # The driver's search path, so that workers find what the driver finds.
    path = [str(Path(entry).absolute()) for entry in sys.path]
    return (
        f"import sys; sys.path[:] = {path!r}; "
        f"from iqf_core.execution.worker import main; main({request}, {response})"
    )


def _write(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
