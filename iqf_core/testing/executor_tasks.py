"""What the tasks of :class:`~iqf_core.testing.executor.ExecutorConformance` do.

Workers import this module, so it imports next to nothing.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from iqf_core.errors import ConfigurationError, ImageError, Problem


def echo(**arguments: Any) -> dict[str, Any]:
    """Return the arguments."""
    return arguments


def process_id() -> int:
    """Return the id of the process it runs in."""
    return os.getpid()


def loaded(names: list[str]) -> list[str]:
    """Return which of the modules called `names` are imported."""
    return [name for name in names if name in sys.modules]


def sleep(seconds: float) -> float:
    """Sleep."""
    time.sleep(seconds)
    return seconds


def environment(name: str) -> str | None:
    """Return the value of an environment variable."""
    return os.environ.get(name)


def threads() -> dict[str, Any]:
    """Return the thread limits that numerical libraries see."""
    import cv2

    return {"omp": os.environ.get("OMP_NUM_THREADS"), "cv2": cv2.getNumThreads()}


def print_much(lines: int) -> int:
    """Print to standard output, also past Python's buffer."""
    for line in range(lines):
        print(f"line {line}: " + '{"result": "forged"}')
    os.write(1, b"\x00\x00\x00\x00\x00\x00\x00\x02{}")
    return lines


def change_surroundings(folder: str) -> None:
    """Change the environment and the working folder, and leave them so."""
    os.environ["IQF_TEST_LEFT_BEHIND"] = "1"
    os.chdir(folder)


def fail(message: str) -> None:
    """Raise an error that is not IQF's."""
    raise ValueError(message)


def fail_clearly(path: str) -> None:
    """Raise an IQFError with arguments of its own."""
    raise ImageError(path, "is truncated")


def fail_twice() -> None:
    """Raise an IQFError with structured arguments."""
    raise ConfigurationError([Problem("a", "is wrong"), Problem("b", "is missing")])


def leave(code: int) -> None:
    """Call ``sys.exit``."""
    sys.exit(code)


def not_json() -> object:
    """Return what is not JSON."""
    return {"value": object()}


def die(counter: str, times: int) -> int:
    """Kill the own process on the first `times` calls; return how often it was called before."""
    path = Path(counter)
    calls = path.stat().st_size if path.exists() else 0
    with path.open("ab") as file:
        file.write(b".")
    if calls < times:
        os.kill(os.getpid(), signal.SIGKILL)
    return calls


def start_sleepers(mark: str, started: str, wait_s: float = 60) -> None:
    """Start processes that outsleep everybody, one in a session of its own, and wait with them.

    `mark` shows in their command lines; the file `started` appears when they run.
    """
    program = [sys.executable, "-S", "-c", f"import time; time.sleep(600)  # {mark}"]
    subprocess.Popen(program)
    # A daemon: its parent is gone, its session and process group are its own.
    launcher = f"import subprocess; subprocess.Popen({program!r}, start_new_session=True)"
    subprocess.run([sys.executable, "-S", "-c", launcher], check=True)
    Path(started).touch()
    time.sleep(wait_s)
