"""However a driver dies, nothing it started lives on."""

from __future__ import annotations

import signal
import subprocess
import sys
import uuid
from pathlib import Path

import psutil
import pytest

from iqf_core.testing.executor import eventually, processes_with

POOL = """
from iqf_core.components.executor import Task
from iqf_core.execution.local import LocalExecutor
executor = LocalExecutor(LocalExecutor.Params(workers=2))
sleepers = "iqf_core.testing.executor_tasks:start_sleepers"
for number in (0, 1):
    future = executor.submit(Task(sleepers, {"mark": MARK, "started": FILE + str(number)}))
"""

AWAIT_START = """
import pathlib, time
while len(list(pathlib.Path(FOLDER).glob("started[0-9]"))) < 2: time.sleep(0.02)
"""

PROGRAM = """
import sys
from pathlib import Path
from iqf_core.execution.supervision import run_supervised
code = (
    "from iqf_core.testing.executor_tasks import start_sleepers;"
    f"start_sleepers({MARK!r}, {FILE!r} + '0'); "
)
run_supervised([sys.executable, "-c", code], folder=Path(FILE).parent, log_path=Path(FILE + ".log"))
"""

# A run inside a task inside a pool, as a study does it.
NESTED = """
from iqf_core.components.executor import Task
from iqf_core.execution.local import LocalExecutor
import sys
executor = LocalExecutor(LocalExecutor.Params(workers=1))
sys.path.insert(0, str(FOLDER))
executor.submit(Task("nested_program:main", {})).result()
"""


def start(code: str, mark: str, file: Path) -> subprocess.Popen[bytes]:
    head = f"MARK, FILE, FOLDER = {mark!r}, {str(file)!r}, {str(file.parent)!r}\n"
    script = file.with_name("driver.py")
    script.write_text(head + code)
    return subprocess.Popen([sys.executable, script], start_new_session=True)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("code", "expected"),
    [(POOL + "future.result()", 2), (PROGRAM, 1)],
    ids=["pool", "program"],
)
def test_a_killed_driver_leaves_no_process(
    tmp_path: Path, code: str, expected: int, number: signal.Signals
) -> None:
    mark, file = uuid.uuid4().hex, tmp_path / "started"
    driver = start(code, mark, file)
    assert eventually(lambda: len(list(tmp_path.glob("started[0-9]"))) == expected)
    assert len(processes_with(mark)) >= 2 * expected
    driver.send_signal(number)
    driver.wait(10)
    assert eventually(lambda: not processes_with(mark), 3)
    assert eventually(lambda: not processes_with(str(tmp_path)), 3)


def test_a_driver_that_forgets_to_shut_down_ends_and_leaves_no_process(tmp_path: Path) -> None:
    mark, file = uuid.uuid4().hex, tmp_path / "started"
    driver = start(POOL + AWAIT_START, mark, file)
    assert driver.wait(20) == 0
    assert eventually(lambda: not processes_with(mark), 3)


def test_a_program_run_by_a_task_dies_with_the_driver(tmp_path: Path) -> None:
    mark, file = uuid.uuid4().hex, tmp_path / "started"
    body = "".join(f"    {line}\n" for line in PROGRAM.strip().splitlines())
    (tmp_path / "nested_program.py").write_text(
        f"MARK, FILE = {mark!r}, {str(file)!r}\ndef main():\n{body}"
    )
    driver = start(NESTED, mark, file)
    assert eventually(lambda: Path(f"{file}0").exists())
    driver.kill()
    driver.wait(10)
    assert eventually(lambda: not processes_with(mark), 3)


def test_a_driver_that_forked_does_not_hide_its_death(tmp_path: Path) -> None:
    """The forked child holds copies of the driver's pipes and lives on."""
    mark, file = uuid.uuid4().hex, tmp_path / "started"
    fork = "import os\nif os.fork() == 0: time.sleep(6); os._exit(0)\n"
    ready = f"{AWAIT_START}{fork}pathlib.Path(FILE + '.forked').touch(); future.result()"
    driver = start(POOL + ready, mark, file)
    assert eventually(lambda: Path(f"{file}.forked").exists())
    driver.kill()
    driver.wait(10)
    assert eventually(lambda: not processes_with(mark), 3)


def test_a_program_dies_with_its_supervisor_when_no_driver_can_help(tmp_path: Path) -> None:
    mark, file = uuid.uuid4().hex, tmp_path / "started"
    driver = start(PROGRAM, mark, file)
    assert eventually(lambda: Path(f"{file}0").exists())
    driver.send_signal(signal.SIGSTOP)
    (supervisor,) = psutil.Process(driver.pid).children()
    program = min(supervisor.children(), key=lambda child: child.create_time())
    supervisor.kill()
    gone = eventually(lambda: not program.is_running())
    driver.send_signal(signal.SIGCONT)
    assert gone
    # Continued, the driver tidies up the rest.
    assert driver.wait(10) == 0
    assert not processes_with(mark)
