"""CPU time of ``iqf plugins list`` against bare discovery, with the installed and 100 more plugins.

    .venv/bin/python benchmarks/startup.py

Goal: at most 1.5 times ``import click, importlib.metadata; entry_points()``; with 100 fake plugins
at most twice that again.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from iqf_core.testing.fake_plugins import FakePlugin, FakeSite

RUNS = 20
BARE = [sys.executable, "-c", "import click, importlib.metadata as m; m.entry_points()"]
LIST = [str(Path(sys.executable).with_name("iqf")), "plugins", "list"]


def cpu_seconds(command: list[str], environment: dict[str, str]) -> float:
    """Return user + system time of one run of `command`."""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0, command
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Measure in turn and print medians and the median of the ratios."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:
        site = FakeSite(Path(folder))
        for number in range(100):
            site.write(FakePlugin(f"fake{number:03d}", requires=("iqf-core>=0.1,<1", "numpy>=2")))
        many = {**environment, "PYTHONPATH": folder}
        for command, settings in ((BARE, environment), (LIST, environment), (LIST, many)):
            cpu_seconds(command, settings)
        rows = [
            (
                cpu_seconds(BARE, environment),
                cpu_seconds(LIST, environment),
                cpu_seconds(LIST, many),
            )
            for _ in range(RUNS)
        ]
    bare, listed, hundred = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"bare discovery            {1000 * bare:6.1f} ms CPU (median of {RUNS})")
    print(f"iqf plugins list          {1000 * listed:6.1f} ms, ratio {ratio(rows, 1):.2f}")
    print(f"  with 100 fake plugins   {1000 * hundred:6.1f} ms, ratio {ratio(rows, 2):.2f}")


def ratio(rows: list[tuple[float, float, float]], column: int) -> float:
    """Return the median over the rounds of one command's time over the bare one's."""
    return statistics.median(row[column] / row[0] for row in rows)


if __name__ == "__main__":
    main()
