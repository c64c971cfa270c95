"""The images of a copy, spread over workers when that is worth it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, as_completed
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from iqf_core.components.executor import Task
from iqf_core.modification.batch import Item, Job, Outcome, modify_items

if TYPE_CHECKING:
    from iqf_core.components.executor import Executor
    from iqf_core.components.modifier import Modifier
    from iqf_core.progress import Bar

#: What decoding, a light modifier and encoding cost at least, in seconds per sample (measured on
#: photographs: 640 x 480 x 3 take about 8 ms).
_SECONDS_PER_SAMPLE = 8e-9

#: Less remaining work than this is done here: a worker takes about half a second to start.
_POOL_FROM_S = 1.5

#: How long images are modified here before the rest is estimated from them.
_TRIAL_S = 0.3

# A batch takes some tenths of a second, so that workers finish together and progress shows.
_BATCH_SAMPLES = 24_000_000
_BATCH_IMAGES = 64


class Work:
    """The images that are still to be made.

    Parameters
    ----------
    job, items, modifiers
        What to make.
    samples
        Height x width x bands of every image, by old name.
    bar
        Advanced by one for each image.
    """

    def __init__(
        self,
        job: Job,
        items: Sequence[Item],
        modifiers: Sequence[Modifier],
        samples: Mapping[str, int],
        bar: Bar,
    ) -> None:
        self._job, self._items, self._modifiers = job, items, modifiers
        self._samples, self._bar = samples, bar

    def outcomes(self, executor: Executor | None) -> Iterator[Outcome]:
        """Make the images and yield what became of each, in any order.

        Small work is done in this process, whatever the executor: what the first images take
        decides about the rest.
        """
        items = list(self._items)
        if executor is None or executor.workers < 2 or len(items) < 2:
            yield from self._here(items)
            return
        left = sum(self._samples[item.old_name] for item in items)
        if left * _SECONDS_PER_SAMPLE < _POOL_FROM_S:
            begun, done = time.perf_counter(), 0
            for index, item in enumerate(items):
                yield from self._here([item])
                done += self._samples[item.old_name]
                left -= self._samples[item.old_name]
                spent = time.perf_counter() - begun
                if spent > _TRIAL_S and spent / done * left > _POOL_FROM_S:
                    items = items[index + 1 :]
                    break
            else:
                return
        yield from self._spread(items, executor)

    def _here(self, items: Sequence[Item]) -> Iterator[Outcome]:
        with _one_thread(len(items) > 1):
            yield from modify_items(self._job, items, self._modifiers, self._bar.advance)

    def _spread(self, items: Sequence[Item], executor: Executor) -> Iterator[Outcome]:
        job = self._job.to_json()
        futures: list[Future[Any]] = []
        with ExitStack() as stack:
            stack.callback(lambda: [future.cancel() for future in futures])
            for batch in self._batches(items, executor.workers):
                arguments = {"job": job, "items": [list(item) for item in batch]}
                futures.append(
                    executor.submit(
                        Task(
                            "iqf_core.modification.batch:modify_batch",
                            arguments,
                            name=f"{self._job.copy}: images from {batch[0].old_name}",
                        )
                    )
                )
            for future in as_completed(futures):
                outcomes = [_outcome(value) for value in future.result()]
                self._bar.advance(len(outcomes))
                yield from outcomes

    def _batches(self, items: Sequence[Item], workers: int) -> Iterator[list[Item]]:
        total = sum(self._samples[item.old_name] for item in items)
        most = min(_BATCH_SAMPLES, total // (4 * workers) + 1)
        batch: list[Item] = []
        size = 0
        for item in items:
            batch.append(item)
            size += self._samples[item.old_name]
            if size >= most or len(batch) >= _BATCH_IMAGES:
                yield batch
                batch, size = [], 0
        if batch:
            yield batch


def _outcome(value: dict[str, Any]) -> Outcome:
    return Outcome(**{**value, "shape": tuple(value["shape"]), "notes": tuple(value["notes"])})


@contextmanager
def _one_thread(wanted: bool) -> Iterator[None]:
    """Keep OpenCV to one thread: for images one after another, starting more costs more."""
    import cv2

    before = cv2.getNumThreads()
    if wanted:
        cv2.setNumThreads(1)
    try:
        yield
    finally:
        if wanted:
            cv2.setNumThreads(before)
