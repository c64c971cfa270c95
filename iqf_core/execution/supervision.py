"""Programs that never outlive their driver: they run under a supervisor that kills them."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from iqf_core.errors import ExecutionError

#: Seconds between the polite SIGTERM and SIGKILL.
GRACE_S = 2.0
_SUPERVISOR = str(Path(__file__).with_name("supervisor.py"))
#: Names the supervision a process belongs to; descendants inherit it.
_MARK = "IQF_SUPERVISION"


@dataclass(frozen=True)
class Outcome:
    """How a program ended.

    Attributes
    ----------
    exit_code
        Its exit code, None when a signal killed it.
    signal
        The number of the signal that killed it, None when it exited.
    timed_out
        Whether it was ended because its time was up.
    cancelled
        Whether it was ended because the driver asked for it.
    duration_s
        Seconds from its start to its end.
    peak_memory_bytes
        Largest resident memory of the program or of one of its children that it waited for; None
        when unknown. Never below the 10 MB or so of the supervisor it is forked from.
    """

    exit_code: int | None
    signal: int | None
    timed_out: bool
    cancelled: bool
    duration_s: float
    peak_memory_bytes: int | None

    @property
    def succeeded(self) -> bool:
        """Whether it came to its end by itself with exit code 0."""
        return self.exit_code == 0 and not self.timed_out and not self.cancelled

    @property
    def signal_name(self) -> str | None:
        """The signal's name (``SIGKILL``), None when no signal killed it."""
        if self.signal is None:
            return None
        try:
            return signal.Signals(self.signal).name
        except ValueError:  # a real-time signal
            return f"signal {self.signal}"

    def __str__(self) -> str:
        if self.timed_out:
            return f"was killed at its timeout, after {self.duration_s:.1f} s"
        if self.cancelled:
            return f"was cancelled after {self.duration_s:.1f} s"
        if self.signal is not None:
            hint = " (out of memory?)" if self.signal == signal.SIGKILL else ""
            return f"was killed by {self.signal_name}{hint}"
        return f"ended with exit code {self.exit_code}"


class SupervisedProcess:
    """A running program with its supervisor; the driver's end of the pipes between them.

    Parameters
    ----------
    arguments
        Program and arguments; no shell.
    folder
        Its working folder.
    environment
        Its whole environment.
    output
        Where its standard output and error go; None means the driver's standard error.
    timeout_s
        Seconds after which it is ended.
    pass_fds
        Descriptors it inherits.

    Raises
    ------
    ExecutionError
        If the program or the folder does not exist, or may not be run.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        output: IO[bytes] | None = None,
        timeout_s: float | None = None,
        pass_fds: Sequence[int] = (),
    ) -> None:
        self._token = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._cancelled = False
        self._buffer = b""
        self._outcome: Outcome | None = None
        self._started = time.monotonic()
        if not folder.is_dir():
            raise ExecutionError(f"cannot run {arguments[0]!r}: no folder {str(folder)!r}")
        try:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", _SUPERVISOR, str(os.getpid())),
                    *("" if timeout_s is None else str(timeout_s), str(GRACE_S)),
                    *(",".join(map(str, pass_fds)), *arguments),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=output,
                bufsize=0,
                cwd=folder,
                env={**environment, _MARK: self._token},
                pass_fds=pass_fds,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:  # arguments too long, a null byte in one
            raise ExecutionError(f"cannot run {arguments[0]!r}: {error}") from None
        assert self._process.stdin is not None and self._process.stdout is not None
        self._orders, self._reports = self._process.stdin, self._process.stdout
        word, *rest = self._read_report() or ["failed", "0"]
        if word == "failed":
            self._close()
            raise ExecutionError(_cannot_run(arguments[0], folder, int(rest[0])))
        #: Process id of the program, and of its process group and session.
        self.pid = int(rest[0])

    def fileno(self) -> int:
        """Return the descriptor that becomes readable when the program has ended."""
        return self._reports.fileno()

    def stop(self, *, at_once: bool = False) -> None:
        """End the program and its descendants: politely with a grace of 2 s, or `at_once`."""
        with self._lock:
            if not self._orders.closed:
                self._cancelled = True
                with contextlib.suppress(OSError):
                    self._orders.write(b"k" if at_once else b"t")

    def wait(self, timeout_s: float | None = None) -> Outcome | None:
        """Wait for the end; return None when it has not come within `timeout_s`.

        No descendant is left when it has.
        """
        if self._outcome is not None:
            return self._outcome
        if timeout_s is not None:
            poller = select.poll()
            poller.register(self._reports, select.POLLIN)
            if not poller.poll(timeout_s * 1000):
                return None
        report = self._read_report()
        self._outcome = self._read_outcome(report) if report else self._after_lost_supervisor()
        self._close()
        return self._outcome

    def _read_outcome(self, report: list[str]) -> Outcome:
        status, timed_out, duration, peak = report[1:]
        code = os.waitstatus_to_exitcode(int(status))
        return Outcome(
            exit_code=code if code >= 0 else None,
            signal=-code if code < 0 else None,
            timed_out=timed_out == "1",
            cancelled=self._cancelled and timed_out != "1",
            duration_s=float(duration),
            peak_memory_bytes=int(peak) or None,
        )

    def _read_report(self) -> list[str] | None:
        while b"\n" not in self._buffer:
            data = self._reports.read(256)
            if not data:
                return None
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.decode().split()

    def _close(self) -> None:
        with self._lock:
            self._orders.close()
        self._reports.close()
        self._process.wait()

    def _after_lost_supervisor(self) -> Outcome:
        """Tidy up in the place of a supervisor that was killed; the program died with it."""
        duration = time.monotonic() - self._started
        with contextlib.suppress(OSError):
            os.killpg(self.pid, signal.SIGKILL)
        give_up = time.monotonic() + GRACE_S
        while (left := _marked(self._token)) and time.monotonic() < give_up:
            for pid in left:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)
        return Outcome(None, int(signal.SIGKILL), False, self._cancelled, duration, None)


def _cannot_run(program: str, folder: Path, number: int) -> str:
    if number == 0:
        return f"cannot run {program!r}: its supervisor died"
    where = f"in {str(folder)!r}" if "/" in program else "on PATH"
    reason = f"no such program {where}" if number == 2 else os.strerror(number).lower()
    return f"cannot run {program!r}: {reason}"


def _marked(token: str) -> list[int]:
    """Return the living processes that inherited `token`, where ``/proc`` shows it."""
    needle = f"{_MARK}={token}".encode()
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if needle in environ.read_bytes():
                found.append(int(environ.parent.name))
    return found


def run_supervised(
    arguments: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str] | None = None,
    log_path: Path,
    timeout_s: float | None = None,
    on_started: Callable[[int], None] | None = None,
    cancel: threading.Event | None = None,
) -> Outcome:
    """Run a program to its end; whatever happens, none of its descendants outlives the call.

    It runs in a session of its own with an empty standard input. At the timeout its process group
    gets SIGTERM and, 2 s later, every descendant SIGKILL. When the calling process dies, by
    ``kill -9`` too, all are killed at once. What the program leaves running when it exits is
    killed half a second later.

    Parameters
    ----------
    arguments
        Program and arguments; no shell. A program without ``/`` is looked up on PATH, a relative
        one starts at `folder`.
    folder
        Its working folder.
    environment
        Variables added to the driver's own.
    log_path
        The file that gets its standard output and error; overwritten.
    timeout_s
        Seconds after which it is ended; None for no limit.
    on_started
        Called with its process id once it runs.
    cancel
        Once set, the program is ended as at a timeout.

    Returns
    -------
    Outcome
        Exit code or signal, duration and peak memory.

    Raises
    ------
    ExecutionError
        If the program or the folder does not exist, or may not be run.
    """
    with log_path.open("wb") as log:
        process = SupervisedProcess(
            arguments,
            folder=folder,
            environment={**os.environ, **(environment or {})},
            output=log,
            timeout_s=timeout_s,
        )
    try:
        if on_started is not None:
            on_started(process.pid)
        return _wait(process, cancel)
    except BaseException:
        process.stop(at_once=True)
        process.wait()
        raise


def _wait(process: SupervisedProcess, cancel: threading.Event | None) -> Outcome:
    pause = 0.02
    while True:
        outcome = process.wait(None if cancel is None else pause)
        if outcome is not None:
            return outcome
        # A long run is looked after four times a second, which costs next to nothing.
        pause = min(1.5 * pause, 0.25)
        if cancel is not None and cancel.is_set():
            process.stop()
            cancel = None
