"""The serial executor: one task after another, in the calling thread."""

from __future__ import annotations

import contextlib
import sys
import threading
from concurrent.futures import Future, wait
from typing import Any

from iqf_core.components.executor import Executor, Resources, Task
from iqf_core.errors import ExecutionError
from iqf_core.execution.call import decode_response, encode_request, execute, task_name
from iqf_core.execution.local import LocalExecutor


class SerialExecutor(Executor):
    """Runs each task before :meth:`submit` returns; for small jobs and for debugging.

    A task runs in this very process, where nothing limits its threads and a debugger sees it. One
    that asks for what only a process of its own can give (a timeout, retries, an environment,
    other resources than one core) runs in a worker process, like those of the local pool. What
    tasks print goes to standard error, as in the local pool.
    """

    workers = 1

    def __init__(self, params: Any = None) -> None:
        super().__init__(params)
        self._turn = threading.RLock()  # a task may itself submit tasks
        self._isolated: LocalExecutor | None = None
        self._closed = False

    def submit(self, task: Task) -> Future[Any]:
        """Run `task` and return its future, which is done."""
        with self._turn:
            if self._closed:
                raise ExecutionError(
                    f"task {task_name(task)!r}: the executor has been shut down; submit earlier"
                )
            if _needs_a_process(task):
                return self._run_isolated(task)
            future: Future[Any] = Future()
            future.set_running_or_notify_cancel()
            try:
                with contextlib.redirect_stdout(sys.stderr):
                    response = execute(encode_request(task))
                future.set_result(decode_response(response))
            except Exception as error:
                future.set_exception(error)
            return future

    def shutdown(self, *, cancel: bool = False) -> None:
        """End the worker process, if there is one."""
        self._closed = True
        if self._isolated is not None:
            self._isolated.shutdown(cancel=cancel)

    def _run_isolated(self, task: Task) -> Future[Any]:
        if self._isolated is None:
            self._isolated = LocalExecutor(LocalExecutor.Params(workers=1))
        future = self._isolated.submit(task)
        wait([future])
        return future


def _needs_a_process(task: Task) -> bool:
    return bool(
        task.timeout_s is not None
        or task.retries
        or task.environment
        or task.resources != Resources(memory_mb=task.resources.memory_mb)
    )
