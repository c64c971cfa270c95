"""The images of a copy, spread over workers when that is worth it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from iqf_core.components.executor import Task
from iqf_core.execution.spreading import POOL_FROM_S, TRIAL_S, Spread, one_thread
from iqf_core.modification.batch import Item, Job, Outcome, modify_items

if TYPE_CHECKING:
    from iqf_core.components.executor import Executor
    from iqf_core.components.modifier import Modifier
    from iqf_core.progress import Bar

#: What decoding, a light modifier and encoding cost at least, in seconds per sample (measured on
#: photographs: 640 x 480 x 3 take about 8 ms).
_SECONDS_PER_SAMPLE = 8e-9


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
        if left * _SECONDS_PER_SAMPLE < POOL_FROM_S:
            begun, done = time.perf_counter(), 0
            for index, item in enumerate(items):
                yield from self._here([item])
                done += self._samples[item.old_name]
                left -= self._samples[item.old_name]
                spent = time.perf_counter() - begun
                if spent > TRIAL_S and spent / done * left > POOL_FROM_S:
                    items = items[index + 1 :]
                    break
            else:
                return
        yield from self._spread().elsewhere(items, executor, self._bar)

    def _here(self, items: Sequence[Item]) -> Iterator[Outcome]:
        # For images one after another, starting more threads costs more.
        with one_thread() if len(items) > 1 else nullcontext():
            yield from modify_items(self._job, items, self._modifiers, self._bar.advance)

    def _spread(self) -> Spread[Item, Outcome]:
        job = self._job.to_json()

        def task(batch: Sequence[Item]) -> Task:
            return Task(
                "iqf_core.modification.batch:modify_batch",
                {"job": job, "items": [list(item) for item in batch]},
                name=f"{self._job.copy}: images from {batch[0].old_name}",
            )

        return Spread(
            size=lambda item: self._samples[item.old_name],
            here=self._here,
            task=task,
            read=_outcome,
        )


def _outcome(value: dict[str, Any]) -> Outcome:
    return Outcome(**{**value, "shape": tuple(value["shape"]), "notes": tuple(value["notes"])})
