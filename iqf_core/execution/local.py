"""The local pool: tasks on the cores of this machine, each worker a process of its own."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from iqf_core.components.executor import Executor, Task
from iqf_core.components.parameters import Params, parameter
from iqf_core.errors import ExecutionError, IQFError, TaskTimeoutError
from iqf_core.execution.call import decode_response, encode_request, task_name
from iqf_core.execution.capacity import GpuShares, usable_cores, visible_gpus
from iqf_core.execution.environment import worker_environment
from iqf_core.execution.worker_process import WorkerDiedError, WorkerProcess, WorkerTimeoutError

#: Variables of a task that only a new process takes note of: libraries read them when they load.
_READ_AT_START = (
    *("OMP_", "MKL_", "OPENBLAS_", "NUMEXPR_", "VECLIB_", "GDAL_", "OPENCV_", "CUDA_"),
    *("PYTHON", "LD_", "DYLD_"),
)


@dataclass(eq=False)
class _Job:
    """A submitted task; `gpus` are those it was given."""

    task: Task
    request: bytes
    future: Future[Any] = field(default_factory=Future)
    gpus: tuple[str, ...] = ()

    def worker_environment(self) -> dict[str, str]:
        """Return what its worker must have been started with."""
        at_start = {
            name: value
            for name, value in self.task.environment.items()
            if name.startswith(_READ_AT_START)
        }
        if self.gpus:
            at_start.setdefault("CUDA_VISIBLE_DEVICES", ",".join(self.gpus))
        return worker_environment(self.task.resources.cpus, at_start)


class LocalExecutor(Executor):
    """Runs tasks in a pool of worker processes on this machine.

    Workers are fresh interpreters (no fork, the running script is not imported again), started
    when there is work for them and used for one task after another. A task runs in a worker
    started for as many cores as it asks for and for those of its variables that libraries read
    when they load; its other variables are set for its duration. `workers` tasks run at once,
    whatever number of cores each asks for; GPUs are assigned, whole or in shares, and tasks wait
    for them; `memory_mb` is not looked at. What tasks print goes to the driver's standard error.

    However the driver ends, its workers and everything they started end with it.
    """

    class Params(Params):
        """Parameters of the local pool."""

        workers: int | None = parameter(
            None,
            ge=1,
            description="tasks run at once; by default one per usable core",
            example=2,
        )

    def __init__(self, params: Params | None = None) -> None:
        super().__init__(params)
        self.workers = self.params.workers or usable_cores()
        self._changed = threading.Condition()
        self._queue: deque[_Job] = deque()
        self._unfinished = 0
        self._threads: list[threading.Thread] = []
        self._processes: set[WorkerProcess] = set()
        self._gpus = GpuShares(visible_gpus())
        self._closed = False
        self._cancelled = False

    def submit(self, task: Task) -> Future[Any]:
        """Start `task` as soon as a worker is free."""
        try:
            job = _Job(task, encode_request(task))
            if task.resources.gpus and (problem := self._gpus.problem(task.resources.gpus)):
                raise ExecutionError(f"task {task_name(task)!r} {problem}")
        except ExecutionError as error:
            refused: Future[Any] = Future()
            refused.set_exception(error)
            return refused
        with self._changed:
            if self._closed:
                raise ExecutionError(
                    f"task {task_name(task)!r}: the executor has been shut down; submit earlier"
                )
            self._queue.append(job)
            self._unfinished += 1
            if len(self._threads) < min(self.workers, self._unfinished):
                # A daemon: a driver that ends without shutdown() is not held up.
                thread = threading.Thread(target=self._serve, name="iqf-worker", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._changed.notify()
        return job.future

    def shutdown(self, *, cancel: bool = False) -> None:
        """Finish what was submitted and end all workers; with `cancel`, kill them at once."""
        try:
            with self._changed:
                self._closed = True
                if cancel:
                    self._cancel()
                self._changed.notify_all()
            for thread in self._threads:
                if thread is not threading.current_thread():
                    thread.join()
        except BaseException:  # Ctrl-C while waiting
            with self._changed:
                self._cancel()
                self._changed.notify_all()
            raise

    def _cancel(self) -> None:
        self._cancelled = True
        while self._queue:
            job = self._queue.popleft()
            self._unfinished -= 1
            if job.future.cancel():
                job.future.set_running_or_notify_cancel()
        for process in self._processes:
            process.stop()

    def _serve(self) -> None:
        """Run jobs one after another: the life of one of the pool's threads."""
        worker: _Worker = _Worker(self)
        while (job := self._next()) is not None:
            result, error = None, None
            try:
                result = decode_response(worker.run(job))
            except IQFError as raised:
                error = raised
            except Exception as raised:
                error = ExecutionError(f"task {task_name(job.task)!r} could not be run: {raised!r}")
                error.__cause__ = raised
            with self._changed:
                self._unfinished -= 1
                if job.gpus:
                    self._gpus.give_back(job.gpus, job.task.resources.gpus)
                    self._changed.notify_all()
            if error is None:
                job.future.set_result(result)
            else:
                job.future.set_exception(error)
        worker.close()

    def _next(self) -> _Job | None:
        """Wait for a job that can start now; None once there will be no more."""
        with self._changed:
            while True:
                for job in self._queue:
                    if not job.task.resources.gpus:
                        break
                    if gpus := self._gpus.take(job.task.resources.gpus):
                        job.gpus = gpus
                        break
                else:
                    if self._closed and not self._queue:
                        return None
                    self._changed.wait()
                    continue
                self._queue.remove(job)
                if job.future.set_running_or_notify_cancel():
                    return job
                self._unfinished -= 1
                if job.gpus:
                    self._gpus.give_back(job.gpus, job.task.resources.gpus)

    def _start_worker(self, environment: dict[str, str]) -> WorkerProcess:
        process = WorkerProcess(environment)
        with self._changed:
            self._processes.add(process)
            if self._cancelled:
                process.stop()
        return process

    def _forget_worker(self, process: WorkerProcess) -> None:
        with self._changed:
            self._processes.discard(process)


class _Worker:
    """A thread's worker process, replaced when it dies or when a task needs another one."""

    def __init__(self, pool: LocalExecutor) -> None:
        self._pool = pool
        self._process: WorkerProcess | None = None
        self._environment: dict[str, str] = {}
        self._started = False

    def run(self, job: _Job) -> bytes:
        """Run `job`, again after a lost worker as often as its task allows."""
        task, name = job.task, task_name(job.task)
        environment = job.worker_environment()
        for attempt in range(task.retries + 1):
            try:
                return self._ready(environment).call(job.request, task.timeout_s)
            except WorkerTimeoutError:
                self._drop()
                raise TaskTimeoutError(
                    f"task {name!r} was killed: it did not end within {task.timeout_s:g} s"
                ) from None
            except WorkerDiedError as death:
                self._drop()
                if self._pool._cancelled or attempt == task.retries:
                    raise ExecutionError(self._why(name, death, attempt + 1)) from None
        raise AssertionError

    def _why(self, name: str, death: WorkerDiedError, attempts: int) -> str:
        if self._pool._cancelled:
            return f"task {name!r} was stopped with its executor"
        if not self._started:
            return f"task {name!r}: no worker could be started, it {death}; see standard error"
        times = f", in each of {attempts} attempts" if attempts > 1 else ""
        return f"task {name!r}: its worker {death}{times}"

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.close()
            self._drop()

    def _ready(self, environment: dict[str, str]) -> WorkerProcess:
        if self._process is not None and self._environment != environment:
            self.close()
        if self._process is None:
            self._process = self._pool._start_worker(environment)
            self._environment = environment
            self._started = False
            self._process.await_ready()
            self._started = True
        return self._process

    def _drop(self) -> None:
        if self._process is not None:
            self._pool._forget_worker(self._process)
            self._process = None
