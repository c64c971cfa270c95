"""The process between the driver and a program; it outlives the driver just long enough to tidy up.

Run by its path with ``python -I -S`` (it imports nothing of IQF, so it starts in about 15 ms)::

    supervisor.py DRIVER_PID TIMEOUT_S GRACE_S PASSED_FDS PROGRAM [ARGUMENT ...]

* Standard input carries orders, one byte each: ``t`` ends the program politely, ``k`` at once. Its
  end, or the death of the driver, kills the program and every descendant.
* Standard output carries reports, one line each: ``started PID``, ``failed ERRNO``,
  ``ended WAIT_STATUS TIMED_OUT DURATION_S PEAK_BYTES``. The last comes when no descendant is left.
* Standard error becomes the program's output.

On Linux it is the reaper of all descendants, so those that left for a session of their own are
found too, and the program dies with it should it be killed itself. Elsewhere it reaches the
program's process group.
"""

# pathlib alone would take longer to import than all the rest.
# ruff: noqa: PTH123, PTH208

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time

LINUX = sys.platform == "linux"
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
#: What a program leaves running may still end by itself for as long: the helpers of Python's
#: multiprocessing remove shared memory after their program has gone.
_SETTLE_S = 0.5
#: How long processes that do not die of SIGKILL (stuck in the kernel) are waited for.
_KILL_PATIENCE_S = 10.0


class Supervisor:
    """One program, its descendants and the orders of the driver."""

    def __init__(self, driver: int, timeout_s: float | None, grace_s: float) -> None:
        self.driver = driver
        self.timeout_s = timeout_s
        self.grace_s = grace_s
        self.program = 0
        self.status: int | None = None
        self.ended = 0.0
        self.peak_bytes = 0
        self.timed_out = False
        self.poller = select.poll()
        self.wake, self.wake_write = os.pipe()

    def start(self, arguments: list[str], passed: list[int]) -> int:
        """Start the program; return 0, or the error number that says why it cannot run."""
        prctl(_PR_SET_CHILD_SUBREAPER, 1)
        read_error, write_error = os.pipe()
        self.started = time.monotonic()
        supervisor = os.getpid()
        self.program = os.fork()
        if self.program == 0:
            self._become(arguments, supervisor, write_error)
        os.close(write_error)
        for descriptor in passed:
            os.close(descriptor)
        code = os.read(read_error, 16)
        os.close(read_error)
        return int(code) if code else 0

    def _become(self, arguments: list[str], supervisor: int, write_error: int) -> None:
        try:
            os.setsid()
            prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != supervisor:
                os._exit(127)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(2, 1)
            # Python ignores these, and what is ignored stays so in the program.
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            os.execvp(arguments[0], arguments)
        except OSError as error:
            os.write(write_error, str(error.errno).encode())
        finally:
            os._exit(127)

    def watch(self) -> None:
        """Wait for the program's end, an order, the timeout or the driver's death."""
        os.set_blocking(self.wake_write, False)
        signal.set_wakeup_fd(self.wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        driver = self._open_driver()
        for descriptor in (0, self.wake, driver):
            if descriptor is not None:
                self.poller.register(descriptor, select.POLLIN)
        deadline = None if self.timeout_s is None else self.started + self.timeout_s
        dying = False
        while True:
            self.reap()
            if self.status is not None:
                self.settle()
                return
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            ready = dict(self.poller.poll(None if left is None else left * 1000 + 1))
            order = b""
            if 0 in ready:
                order = os.read(0, 16) or b"k"
            if driver in ready or (self.wake in ready and self._told_to_die()):
                order = b"k"
            if deadline is not None and time.monotonic() >= deadline:
                order += b"k" if dying else b"t"
                self.timed_out = self.timed_out or not dying
            if b"k" in order:
                return
            if b"t" in order and not dying:
                dying = True
                deadline = time.monotonic() + self.grace_s
                with contextlib.suppress(OSError):
                    os.killpg(self.program, signal.SIGTERM)

    def _open_driver(self) -> int | None:
        """Return a descriptor that becomes readable when the driver dies, where there is one.

        The end of standard input says the same, but not while another process holds a copy of the
        other end: a driver that forks without ``exec`` hands out such copies.
        """
        if not hasattr(os, "pidfd_open"):
            return None
        try:
            descriptor = os.pidfd_open(self.driver)
        except OSError:
            return None
        if os.getppid() != self.driver:
            self.kill_descendants()
            os._exit(1)
        return descriptor

    def _told_to_die(self) -> bool:
        numbers = os.read(self.wake, 512)
        return any(number != signal.SIGCHLD for number in numbers)

    def reap(self) -> bool:
        """Collect dead children; return whether living ones are left."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self.program:
                self.status = status
                self.ended = time.monotonic()
                self.peak_bytes = usage.ru_maxrss * (1024 if LINUX else 1)

    def settle(self) -> None:
        """Give what is left after the program's own end a moment to end too."""
        give_up = self.ended + _SETTLE_S
        while self.reap() and time.monotonic() < give_up:
            time.sleep(0.01)

    def kill_descendants(self) -> None:
        """Kill everything that is left, and wait until it is gone."""
        if not LINUX:
            with contextlib.suppress(OSError):
                os.killpg(self.program, signal.SIGKILL)
        give_up = time.monotonic() + _KILL_PATIENCE_S
        pause = 0.001
        # Orphans are handed to this process, so no child left means no descendant left.
        while self.reap() and time.monotonic() < give_up:
            for pid in _descendants(os.getpid()) if LINUX else [self.program]:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(pause)
            pause = min(2 * pause, 0.05)

    def report_end(self) -> None:
        """Tell the driver how it ended."""
        status = signal.SIGKILL if self.status is None else self.status
        duration = (self.ended or time.monotonic()) - self.started
        report(f"ended {int(status)} {int(self.timed_out)} {duration:.6f} {self.peak_bytes}")


def prctl(option: int, value: int) -> None:
    """Set an attribute of this process, on Linux."""
    if LINUX:
        import ctypes

        ctypes.CDLL(None).prctl(option, value)


def _descendants(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                with open(f"/proc/{name}/stat", "rb") as file:
                    # The name in parentheses may hold anything; the parent is the second after it.
                    parent = int(file.read().rpartition(b")")[2].split()[1])
                children.setdefault(parent, []).append(int(name))
    found = list(children.get(root, []))
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def report(line: str) -> None:
    """Write one line to the driver, which may be gone."""
    with contextlib.suppress(OSError):
        os.write(1, line.encode() + b"\n")


def main(arguments: list[str]) -> None:
    """Run the program that `arguments` (without the script's name) describe."""
    driver, timeout, grace, passed, *program = arguments
    supervisor = Supervisor(int(driver), float(timeout) if timeout else None, float(grace))
    error = supervisor.start(program, [int(number) for number in passed.split(",") if number])
    if error:
        report(f"failed {error}")
        return
    report(f"started {supervisor.program}")
    supervisor.watch()
    supervisor.kill_descendants()
    supervisor.report_end()


if __name__ == "__main__":
    main(sys.argv[1:])
