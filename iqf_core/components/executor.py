"""Executors: where jobs run. A task is the only thing that crosses the border."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ClassVar, Self

from iqf_core.components.base import BaseComponent


@dataclass(frozen=True)
class Resources:
    """What a task needs.

    Attributes
    ----------
    cpus
        Processor cores; numerical libraries are limited to as many threads.
    gpus
        GPUs; the task sees only those assigned to it.
    memory_mb
        Expected memory in MiB, for executors that place tasks; None means unknown.
    """

    cpus: int = 1
    gpus: float = 0
    memory_mb: int | None = None


@dataclass(frozen=True)
class Task:
    """A call of an importable function with JSON arguments.

    Attributes
    ----------
    function
        ``"package.module:function"``; called as ``function(**arguments)``; its result is JSON.
    arguments
        JSON-serialisable keyword arguments.
    name
        What messages call it.
    resources
        What it needs.
    retries
        How often it is tried again after its worker died (not after it raised).
    timeout_s
        Seconds after which its worker is killed with its children, None for no limit; every
        attempt has as many.
    environment
        Variables set for it, and only for it.
    """

    function: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    resources: Resources = Resources()
    retries: int = 0
    timeout_s: float | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


class Executor(BaseComponent):
    """Where tasks run; used as a context manager, whose exit leaves nothing running.

    A normal exit finishes what was submitted; one with an exception (Ctrl-C) kills it at once.
    However the driver ends, by ``kill -9`` too, its workers and all they started end with it.
    Tasks may be submitted from several threads.

    A handle is a :class:`concurrent.futures.Future`, so :func:`concurrent.futures.wait` and
    :func:`~concurrent.futures.as_completed` work on every executor. Whatever goes wrong with a
    task, its future raises it: an :class:`~iqf_core.errors.IQFError` of the task as itself,
    anything else as :class:`~iqf_core.errors.ExecutionError`, one line, with the remote traceback
    as its cause. A function that cannot be found, arguments or a result that are not JSON and a
    worker that died give ``ExecutionError`` too, a task that ran out of time
    :class:`~iqf_core.errors.TaskTimeoutError`.

    Executors share :mod:`iqf_core.execution.call`; what is said here is tested by
    :class:`iqf_core.testing.executor.ExecutorConformance`.

    Attributes
    ----------
    workers
        How many tasks run at once.
    """

    kind: ClassVar[str] = "executor"
    workers: int = 1

    def submit(self, task: Task) -> Future[Any]:
        """Start `task` as soon as a worker is free; cancelling the future of a queued task works.

        Raises
        ------
        ExecutionError
            If the executor has been shut down.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement submit()")

    def shutdown(self, *, cancel: bool = False) -> None:
        """Finish what was submitted and end all workers.

        With `cancel`, queued tasks are cancelled, and running ones killed at once with their
        children: their futures raise ``ExecutionError``. No process is left when it returns.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement shutdown()")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.shutdown(cancel=error is not None)
