"""What only the local pool does."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import CancelledError, Future, wait
from pathlib import Path
from typing import Any

import psutil
import pytest

from iqf_core.components.executor import Resources, Task
from iqf_core.components.parameters import validate
from iqf_core.errors import ConfigurationError, ExecutionError
from iqf_core.execution.capacity import usable_cores
from iqf_core.execution.local import LocalExecutor
from iqf_core.testing.executor import eventually, processes_with, task

TASKS = "iqf_core.testing.executor_tasks"


def pool(workers: int) -> LocalExecutor:
    return LocalExecutor(LocalExecutor.Params(workers=workers))


def children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


def test_one_worker_per_usable_core_by_default() -> None:
    assert LocalExecutor().workers == usable_cores()


def test_no_worker_at_all_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'workers' is 0"):
        validate(LocalExecutor.Params, {"workers": 0}, "executor/local")


def test_tasks_run_in_other_processes_and_share_them() -> None:
    with pool(2) as executor:
        futures = [executor.submit(task("process_id")) for _ in range(20)]
        ids = {done.result(20) for done in futures}
    assert os.getpid() not in ids
    assert 1 <= len(ids) <= 2


def test_no_more_processes_than_tasks() -> None:
    with pool(8) as executor:
        assert not children()
        for _ in range(5):  # one after another: one worker does
            executor.submit(task("echo")).result(20)
        assert len(children()) == 2  # the worker and its supervisor


def test_two_pools_at_once() -> None:
    with pool(1) as first, pool(1) as second:
        futures = [each.submit(task("process_id")) for _ in range(5) for each in (first, second)]
        assert len({done.result(20) for done in futures}) == 2


def test_nothing_is_left_after_shutdown() -> None:
    descriptors = psutil.Process().num_fds()
    with pool(2) as executor:
        wait([executor.submit(task("echo")) for _ in range(4)])
    assert not children()
    assert psutil.Process().num_fds() == descriptors
    assert not [each for each in threading.enumerate() if each.name == "iqf-worker"]


def test_cancelling_shutdown_kills_at_once_and_reports_every_task(tmp_path: Path) -> None:
    mark, executor = uuid.uuid4().hex, pool(2)
    running = [
        executor.submit(task("start_sleepers", mark=mark, started=str(tmp_path / str(n))))
        for n in range(2)
    ]
    queued = [executor.submit(task("echo")) for _ in range(3)]
    assert eventually(lambda: len(list(tmp_path.iterdir())) == 2)
    begin = time.monotonic()
    executor.shutdown(cancel=True)
    assert time.monotonic() - begin < 3
    assert not processes_with(mark)
    assert not children()
    for done in running:
        with pytest.raises(ExecutionError, match="stopped with its executor"):
            done.result(0)
    assert wait([*running, *queued], 1).not_done == set()
    for done in queued:
        with pytest.raises(CancelledError):
            done.result(0)


def test_an_exception_in_the_driver_kills_at_once() -> None:
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt), pool(1) as executor:
        executor.submit(task("sleep", seconds=60))
        time.sleep(0.3)
        raise KeyboardInterrupt
    assert time.monotonic() - begin < 5
    assert not children()


def test_a_queued_task_can_be_cancelled() -> None:
    with pool(1) as executor:
        first = executor.submit(task("sleep", seconds=0.4))
        second = executor.submit(task("echo"))
        third = executor.submit(task("echo", n=3))
        assert second.cancel()
        assert third.result(20) == {"n": 3}
        assert first.result(0) == 0.4
    assert second.cancelled()


def test_a_callback_may_submit_and_may_shut_down() -> None:
    executor, done = pool(1), threading.Event()
    results: list[Any] = []

    def again(future: Future[Any]) -> None:
        second = executor.submit(task("echo", n=2))
        second.add_done_callback(lambda last: (results.append(last.result()), done.set()))
        executor.shutdown()

    executor.submit(task("echo", n=1)).add_done_callback(again)
    assert done.wait(20)
    assert results == [{"n": 2}]
    executor.shutdown()
    assert not children()


def test_a_worker_closed_from_outside_between_tasks_is_replaced() -> None:
    with pool(1) as executor:
        worker = executor.submit(task("process_id")).result(20)
        os.kill(worker, 9)
        eventually(lambda: not psutil.pid_exists(worker))
        patient = Task(f"{TASKS}:process_id", retries=1)
        assert executor.submit(patient).result(20) != worker


def test_variables_that_libraries_read_when_they_load_need_another_worker() -> None:
    with pool(1) as executor:
        usual = executor.submit(task("process_id")).result(20)
        plain = Task(f"{TASKS}:process_id", environment={"IQF_SEED": "3"})
        assert executor.submit(plain).result(20) == usual
        early = Task(f"{TASKS}:process_id", environment={"GDAL_CACHEMAX": "64"})
        assert executor.submit(early).result(20) != usual
        name = {"name": "GDAL_CACHEMAX"}
        asked = Task(f"{TASKS}:environment", name, environment={"GDAL_CACHEMAX": "64"})
        assert executor.submit(asked).result(20) == "64"
        assert executor.submit(Task(f"{TASKS}:environment", name)).result(20) == "128"


def test_a_worker_imports_only_what_its_tasks_need() -> None:
    heavy = ["numpy", "pydantic", "yaml", "rich", "pluggy", "cv2", "pandas", "mlflow"]
    with pool(1) as executor:
        assert executor.submit(task("loaded", names=[*heavy, "json"])).result(20) == ["json"]


def test_one_core_means_one_thread() -> None:
    with pool(1) as executor:
        assert executor.submit(task("threads")).result(20) == {"omp": "1", "cv2": 1}


def test_workers_find_what_the_driver_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my_own_tasks.py").write_text("def answer():\n    return 42\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pool(1) as executor:
        assert executor.submit(Task("my_own_tasks:answer")).result(20) == 42


def test_the_running_script_is_not_run_again(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "print('script runs', flush=True)\n"
        "from iqf_core.components.executor import Task\n"
        "from iqf_core.execution.local import LocalExecutor\n"
        "with LocalExecutor(LocalExecutor.Params(workers=1)) as executor:\n"
        "    executor.submit(Task('iqf_core.testing.executor_tasks:process_id')).result()\n"
        "    print(executor.submit(Task('__main__:f')).exception())\n"
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert done.stdout.count("script runs") == 1
    assert "move the function into a module" in done.stdout


def test_what_a_module_raises_at_import_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "needs_more.py").write_text("import no_such_library\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pool(1) as executor, pytest.raises(ExecutionError, match="No module named 'no_such_l"):
        executor.submit(Task("needs_more:f")).result(20)


def test_gpus_are_assigned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    look = {"name": "CUDA_VISIBLE_DEVICES"}
    with pool(3) as executor:
        both = Task(f"{TASKS}:environment", look, resources=Resources(gpus=2))
        assert executor.submit(both).result(20) == "4,7"
        half = Task(f"{TASKS}:environment", look, resources=Resources(gpus=0.5))
        assert {executor.submit(half).result(20) for _ in range(3)} == {"4"}
        one = Task(f"{TASKS}:environment", look, resources=Resources(gpus=1))
        futures = [executor.submit(one) for _ in range(6)]
        assert {done.result(20) for done in futures} <= {"4", "7"}
        assert executor.submit(task("environment", **look)).result(20) == "4,7"
        with pytest.raises(ExecutionError, match="asks for 3 GPUs; this machine has 2"):
            executor.submit(Task(f"{TASKS}:echo", resources=Resources(gpus=3))).result(0)
        with pytest.raises(ExecutionError, match="whole number or a share"):
            executor.submit(Task(f"{TASKS}:echo", resources=Resources(gpus=1.5))).result(0)
