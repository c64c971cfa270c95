"""Many small pieces of work: done here when they are few, else in batches by workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from iqf_core.components.executor import Executor, Task
    from iqf_core.progress import Bar

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")

#: Less remaining work than this is done here: a worker takes about half a second to start.
POOL_FROM_S = 1.5

#: How long work is done here before the rest is estimated from it.
TRIAL_S = 0.3

# A batch takes some tenths of a second, so that workers finish together and progress shows.
_BATCH_SAMPLES = 24_000_000
_BATCH_ITEMS = 64


@dataclass(frozen=True)
class Spread(Generic[Item, Outcome]):
    """How pieces of work are done, here and elsewhere.

    Attributes
    ----------
    size
        Height x width x bands of an item: what its work is in proportion to.
    here
        Does items in this process.
    task
        The task that does a batch in a worker.
    read
        Turns one element of that task's result into an outcome.
    """

    size: Callable[[Item], int]
    here: Callable[[Sequence[Item]], Iterator[Outcome]]
    task: Callable[[Sequence[Item]], Task]
    read: Callable[[Any], Outcome]

    def outcomes(
        self, items: Sequence[Item], executor: Executor | None, bar: Bar
    ) -> Iterator[Outcome]:
        """Do `items` and yield the outcomes, in any order.

        Small work is done in this process, whatever the executor: what the first items take
        decides about the rest. `bar` is advanced by one for each item.
        """
        left = list(items)
        if executor is None or executor.workers < 2 or len(left) < 2:
            for item in left:
                yield from self._one(item, bar)
            return
        begun, done = time.perf_counter(), 0
        samples = sum(self.size(item) for item in left)
        while left:
            item = left.pop(0)
            yield from self._one(item, bar)
            done += self.size(item)
            spent = time.perf_counter() - begun
            if spent > TRIAL_S and spent / done * (samples - done) > POOL_FROM_S:
                break
        yield from self.elsewhere(left, executor, bar)

    def _one(self, item: Item, bar: Bar) -> Iterator[Outcome]:
        with one_thread():
            outcomes = list(self.here([item]))
        bar.advance()
        yield from outcomes

    def elsewhere(self, items: Sequence[Item], executor: Executor, bar: Bar) -> Iterator[Outcome]:
        """Have `items` done in batches by workers, and yield the outcomes in any order."""
        futures: list[Future[Any]] = []
        with ExitStack() as stack:
            stack.callback(lambda: [future.cancel() for future in futures])
            for batch in self._batches(items, executor.workers):
                futures.append(executor.submit(self.task(batch)))
            for future in as_completed(futures):
                outcomes = [self.read(value) for value in future.result()]
                bar.advance(len(outcomes))
                yield from outcomes

    def _batches(self, items: Sequence[Item], workers: int) -> Iterator[list[Item]]:
        total = sum(self.size(item) for item in items)
        most = min(_BATCH_SAMPLES, total // (4 * workers) + 1)
        batch: list[Item] = []
        size = 0
        for item in items:
            batch.append(item)
            size += self.size(item)
            if size >= most or len(batch) >= _BATCH_ITEMS:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep OpenCV to one thread, as in a worker: sums of floats depend on how they are split."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
