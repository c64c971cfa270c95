"""The contract of every executor, as tests.

An executor's author subclasses it::

    class TestMyExecutor(ExecutorConformance):
        def make_executor(self, workers):
            return MyExecutor(MyExecutor.Params(workers=workers))
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import as_completed, wait
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from iqf_core.components.executor import Executor, Resources, Task
from iqf_core.errors import ConfigurationError, ExecutionError, ImageError, TaskTimeoutError

_TASKS = "iqf_core.testing.executor_tasks"


def task(function: str, /, **arguments: Any) -> Task:
    """Return a task of :mod:`iqf_core.testing.executor_tasks`."""
    return Task(f"{_TASKS}:{function}", arguments)


def processes_with(mark: str) -> list[int]:
    """Return the living processes of this machine whose command line contains `mark`."""
    import psutil

    return [
        process.pid
        for process in psutil.process_iter(["cmdline", "status"])
        if process.info["status"] != psutil.STATUS_ZOMBIE
        and any(mark in part for part in process.info["cmdline"] or ())
    ]


def eventually(condition: Callable[[], bool], within_s: float = 10) -> bool:
    """Return whether `condition` comes true in time."""
    give_up = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.02)
    return True


class ExecutorConformance:
    """What every executor does alike; subclass it and implement :meth:`make_executor`.

    Attributes
    ----------
    concurrent
        Whether two tasks run at once with two workers.
    """

    concurrent: bool = True

    def make_executor(self, workers: int) -> Executor:
        """Return a new executor that runs up to `workers` tasks at once."""
        raise NotImplementedError(f"{type(self).__name__} does not implement make_executor()")

    @pytest.fixture
    def executor(self) -> Iterator[Executor]:
        """Give an executor of two workers, and end it at once after the test."""
        made = self.make_executor(2)
        yield made
        made.shutdown(cancel=True)

    def test_returns_results(self, executor: Executor) -> None:
        arguments = {"text": "ä # %", "list": [1, 2.5, None, True], "nested": {"a": {"b": []}}}
        assert executor.submit(task("echo", **arguments)).result(60) == arguments

    def test_passes_long_arguments_and_results(self, executor: Executor) -> None:
        text = "long " * 500_000
        assert executor.submit(task("echo", text=text)).result(60) == {"text": text}

    def test_works_with_the_standard_library(self, executor: Executor) -> None:
        futures = {executor.submit(task("echo", number=number)): number for number in range(20)}
        results = {futures[done]: done.result()["number"] for done in as_completed(futures, 60)}
        assert results == {number: number for number in range(20)}

    def test_many_tiny_tasks_take_little_time(self, executor: Executor) -> None:
        executor.submit(task("process_id")).result(60)
        start = time.monotonic()
        futures = [executor.submit(task("echo", number=number)) for number in range(200)]
        assert [done.result(60)["number"] for done in futures] == list(range(200))
        assert time.monotonic() - start < 5

    def test_takes_tasks_from_several_threads(self, executor: Executor) -> None:
        results: list[int] = []

        def submit(first: int) -> None:
            futures = [executor.submit(task("echo", n=n)) for n in range(first, first + 10)]
            results.extend(done.result(60)["n"] for done in futures)

        threads = [Thread(target=submit, args=(10 * index,)) for index in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results) == list(range(40))

    def test_workers_says_how_many_tasks_run_at_once(self) -> None:
        with self.make_executor(2) as executor:
            assert executor.workers == (2 if self.concurrent else 1)
            wait([executor.submit(task("sleep", seconds=0.01)) for _ in range(2)])
            start = time.monotonic()
            wait([executor.submit(task("sleep", seconds=0.5)) for _ in range(2)])
            assert (time.monotonic() - start < 0.95) == self.concurrent

    def test_what_a_task_prints_disturbs_nothing(
        self, executor: Executor, capfd: pytest.CaptureFixture[str]
    ) -> None:
        isolated = Task(f"{_TASKS}:print_much", {"lines": 2000}, timeout_s=60)
        futures = [executor.submit(isolated) for _ in range(2)]
        assert [done.result(60) for done in futures] == [2000, 2000]
        assert executor.submit(task("echo", after=1)).result(60) == {"after": 1}
        assert "forged" not in capfd.readouterr().out

    # Errors

    def test_an_error_of_iqf_arrives_as_itself(self, executor: Executor) -> None:
        with pytest.raises(ImageError, match=r"^a/b\.png: is truncated$") as caught:
            executor.submit(task("fail_clearly", path="a/b.png")).result(60)
        assert caught.value.path == Path("a/b.png")
        with pytest.raises(ConfigurationError) as several:
            executor.submit(task("fail_twice")).result(60)
        assert [problem.where for problem in several.value.problems] == ["a", "b"]

    def test_another_error_is_one_line_with_the_remote_traceback(self, executor: Executor) -> None:
        failing = Task(f"{_TASKS}:fail", {"message": "no such thing"}, name="seventh")
        with pytest.raises(ExecutionError) as caught:
            executor.submit(failing).result(60)
        assert str(caught.value) == "task 'seventh' raised ValueError: no such thing"
        assert "in fail\n" in str(caught.value.__cause__)

    def test_leaving_the_interpreter_is_an_error(self, executor: Executor) -> None:
        with pytest.raises(ExecutionError, match="SystemExit: 3"):
            executor.submit(task("leave", code=3)).result(60)
        assert executor.submit(task("echo", n=1)).result(60) == {"n": 1}

    @pytest.mark.parametrize(
        ("function", "said"),
        [
            ("no_such_package.module:f", "no module 'no_such_package'"),
            (f"{_TASKS}:ecko", "no function 'ecko'.*did you mean 'echo'"),
            (f"{_TASKS}.echo", "expected 'package.module:function'"),
            (f"{_TASKS}:Any.nothing", "no function"),
        ],
    )
    def test_an_unknown_function_is_one_clear_line(
        self, executor: Executor, function: str, said: str
    ) -> None:
        with pytest.raises(ExecutionError, match=said) as caught:
            executor.submit(Task(function, name="first")).result(60)
        assert "'first'" in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_arguments_and_results_must_be_json(self, executor: Executor) -> None:
        with pytest.raises(ExecutionError, match="argument 'path' is not JSON"):
            executor.submit(task("echo", path=Path("a"))).result(60)
        with pytest.raises(ExecutionError, match="returned what is not JSON"):
            executor.submit(task("not_json")).result(60)
        with pytest.raises(ExecutionError, match="variable 'IQF_SEED'; expected text"):
            numeric: Any = {"IQF_SEED": 3}
            executor.submit(Task(f"{_TASKS}:echo", environment=numeric)).result(60)

    # Resources and environment

    def test_the_environment_is_that_of_one_task(self, executor: Executor) -> None:
        look = {"name": "IQF_TEST_A"}
        here = Task(f"{_TASKS}:environment", look, environment={"IQF_TEST_A": "1"})
        there = Task(f"{_TASKS}:environment", look, timeout_s=60)
        assert executor.submit(here).result(60) == "1"
        assert [executor.submit(there).result(60) for _ in range(4)] == [None] * 4

    def test_what_a_task_changes_does_not_reach_the_next(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        change = Task(f"{_TASKS}:change_surroundings", {"folder": str(tmp_path)}, timeout_s=60)
        look = {"name": "IQF_TEST_LEFT_BEHIND"}
        assert executor.submit(change).result(60) is None
        for _ in range(4):
            after = executor.submit(Task(f"{_TASKS}:environment", look, timeout_s=60))
            assert after.result(60) is None

    @pytest.mark.parametrize("cpus", [2, 3])
    def test_libraries_use_as_many_threads_as_there_are_cpus(
        self, executor: Executor, cpus: int
    ) -> None:
        counted = Task(f"{_TASKS}:threads", resources=Resources(cpus=cpus))
        assert executor.submit(counted).result(60) == {"omp": str(cpus), "cv2": cpus}

    # Time, death and the end

    def test_a_task_out_of_time_is_killed(self, executor: Executor) -> None:
        slow = Task(f"{_TASKS}:sleep", {"seconds": 60}, name="slow", timeout_s=0.3)
        start = time.monotonic()
        with pytest.raises(TaskTimeoutError, match=r"'slow'.*0\.3 s"):
            executor.submit(slow).result(30)
        assert time.monotonic() - start < 20
        assert executor.submit(task("echo", n=1)).result(60) == {"n": 1}

    def test_time_runs_from_the_start_of_the_task(self, executor: Executor) -> None:
        slow = Task(f"{_TASKS}:sleep", {"seconds": 0.25}, timeout_s=0.7)
        futures = [executor.submit(slow) for _ in range(6)]
        assert [done.result(60) for done in futures] == [0.25] * 6

    def test_a_lost_worker_is_an_error(self, executor: Executor, tmp_path: Path) -> None:
        arguments = {"counter": str(tmp_path / "calls"), "times": 9}
        lost = Task(f"{_TASKS}:die", arguments, name="mortal", timeout_s=60)
        with pytest.raises(ExecutionError, match=r"'mortal'.*SIGKILL"):
            executor.submit(lost).result(60)
        assert executor.submit(task("echo", n=1)).result(60) == {"n": 1}

    def test_a_lost_worker_is_replaced_as_often_as_the_task_allows(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        once = {"counter": str(tmp_path / "once"), "times": 1}
        assert executor.submit(Task(f"{_TASKS}:die", once, retries=1)).result(60) == 1
        thrice = {"counter": str(tmp_path / "thrice"), "times": 3}
        with pytest.raises(ExecutionError, match="SIGKILL"):
            executor.submit(Task(f"{_TASKS}:die", thrice, retries=1)).result(60)
        assert (tmp_path / "thrice").stat().st_size == 2

    def test_a_task_that_raises_is_not_tried_again(self, executor: Executor) -> None:
        with pytest.raises(ExecutionError, match=r"raised ValueError: once$"):
            executor.submit(Task(f"{_TASKS}:fail", {"message": "once"}, retries=2)).result(60)

    def test_a_timeout_kills_everything_the_task_started(
        self, executor: Executor, tmp_path: Path
    ) -> None:
        mark = uuid.uuid4().hex
        arguments = {"mark": mark, "started": str(tmp_path / "started")}
        future = executor.submit(Task(f"{_TASKS}:start_sleepers", arguments, timeout_s=1.2))
        with pytest.raises(TaskTimeoutError):
            future.result(30)
        assert (tmp_path / "started").exists()
        assert eventually(lambda: not processes_with(mark))

    def test_a_normal_end_finishes_what_was_submitted(self) -> None:
        with self.make_executor(2) as executor:
            futures = [executor.submit(task("sleep", seconds=0.05)) for _ in range(6)]
        assert [done.result(0) for done in futures] == [0.05] * 6
        executor.shutdown()
        with pytest.raises(ExecutionError, match="shut down"):
            executor.submit(task("process_id"))

    def test_an_unused_executor_ends_at_once(self) -> None:
        self.make_executor(2).shutdown()
        self.make_executor(2).shutdown(cancel=True)
