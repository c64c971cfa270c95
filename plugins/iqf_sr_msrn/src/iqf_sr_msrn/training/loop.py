"""The training loop: steps, validation, best checkpoint, resumable state."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from iqf_core.api import ExecutionError
from iqf_sr_msrn.model_file import ModelConfiguration, save_model
from iqf_sr_msrn.training.log import StepLog
from iqf_sr_msrn.training.state import STATE, MovingWeights, load_state, save_state
from iqf_sr_msrn.training.validation import LAST

if TYPE_CHECKING:
    from torch import nn

    from iqf_core.progress import Bar
    from iqf_sr_msrn.mixture import LossMixture, Mixed
    from iqf_sr_msrn.training.configuration import TrainingConfiguration
    from iqf_sr_msrn.training.patches import PatchSource

#: Memory of the running gradient norm that clipping is relative to.
_NORM_MEMORY = 0.98


@dataclass
class Outcome:
    """How a run ended.

    Attributes
    ----------
    best_step, best
        Step of the kept checkpoint, and its validation measures.
    history
        (step, CPU seconds, measures) of every validation.
    """

    best_step: int
    best: dict[str, float]
    history: list[tuple[int, float, dict[str, float]]]


@dataclass
class Parts:
    """What the loop works with.

    Attributes
    ----------
    network, average
        What is trained, and a second one for the averaged weights.
    mixture
        The losses.
    source
        The patches.
    validate
        Returns the measures of a network.
    criterion, sign
        Which measure chooses the checkpoint, 1 when higher is better.
    description
        What the model file says.
    bfloat16
        Whether the network's arithmetic is in bfloat16.
    """

    network: nn.Module
    average: nn.Module
    mixture: LossMixture
    source: PatchSource
    validate: Callable[[nn.Module], dict[str, float]]
    criterion: str
    sign: int
    description: ModelConfiguration
    bfloat16: bool


class TrainingRun:
    """A run in a folder: ``model.safetensors`` (the best), ``state.pt``, logs.

    Parameters
    ----------
    settings
        Its configuration.
    parts
        What it works with.
    resume
        Continue from the saved state.
    """

    def __init__(
        self, settings: TrainingConfiguration, parts: Parts, *, resume: bool = False
    ) -> None:
        self.settings, self.parts = settings, parts
        self.folder: Path = settings.out
        self.optimizer = torch.optim.AdamW(
            parts.network.parameters(),
            lr=settings.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=settings.weight_decay,
        )
        self.weights = MovingWeights(parts.network, parts.average, settings.ema)
        self.step, self.seconds, self.norm = 0, 0.0, 0.0
        self.best_step, self.best = 0, dict[str, float]()
        if resume:
            self._restore(load_state(self.folder / STATE))
        self.log = StepLog(self.folder / "log.csv", self.step)
        self.validations = StepLog(self.folder / "validation.csv", self.step)

    def run(self, bar: Bar) -> Outcome:
        """Train to the last step.

        Raises
        ------
        ExecutionError
            If a loss or a gradient is not finite; the best checkpoint so far is kept.
        """
        settings = self.settings
        last = time.process_time()
        if self.step == 0:
            self._validate()
        while self.step < settings.steps:
            mixed = self._one()
            now = time.process_time()
            self.seconds, last = self.seconds + now - last, now
            if self.step % settings.log_every == 0 or self.step == settings.steps:
                self._log(mixed)
                told = ", ".join(f"{name} {value:.4g}" for name, value in mixed.values.items())
                known = self.best.get(self.parts.criterion)
                bar.describe(told if known is None else f"{told}; best {known:.3f}")
            if self.step % settings.validate_every == 0 or self.step == settings.steps:
                self._validate()
                now = time.process_time()
                self.seconds, last = self.seconds + now - last, now
                self._save()
            bar.advance()
        history = [
            (int(row["step"]), float(row["cpu_s"]), {k: float(row[k]) for k in self.best})
            for row in self.validations.rows
        ]
        return Outcome(self.best_step, self.best, history)

    def rate(self) -> float:
        """Return the learning rate of the next step: linear warm-up, then a half cosine to 1 %."""
        settings = self.settings
        warm = round(settings.warmup * settings.steps)
        if self.step < warm:
            return settings.learning_rate * (self.step + 1) / warm
        share = (self.step - warm) / max(1, settings.steps - warm)
        return settings.learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * share)) / 2)

    def _one(self) -> Mixed:
        parts = self.parts
        low, high = parts.source.batch(self.step)
        device = next(parts.network.parameters()).device
        low = low.to(device, memory_format=torch.channels_last)
        high = high.to(device)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate()
        parts.network.train()
        self.optimizer.zero_grad(set_to_none=True)
        with self._arithmetic(device.type):
            prediction = parts.network(low)
        prediction = prediction.float()
        mixed = parts.mixture(prediction, high)
        self._check(mixed.total, mixed)
        prediction.backward(mixed.gradient)
        self._check(self._clipped(), mixed)
        self.optimizer.step()
        self.step += 1
        self.weights.update(self.step)
        return mixed

    def _arithmetic(self, device: str) -> AbstractContextManager[Any]:
        return torch.autocast(device, torch.bfloat16, enabled=self.parts.bfloat16)

    def _clipped(self) -> float:
        """Clip the gradient at a multiple of its running norm; return the norm it had."""
        parameters = list(self.parts.network.parameters())
        limit = self.settings.clip * self.norm * 2 if self.norm and self.settings.clip else math.inf
        norm = float(torch.nn.utils.clip_grad_norm_(parameters, limit))
        if math.isfinite(norm):
            seen = min(norm, limit)
            self.norm = _NORM_MEMORY * self.norm + (1 - _NORM_MEMORY) * seen if self.norm else seen
        return norm

    def _check(self, value: float, mixed: Mixed) -> None:
        if math.isfinite(value):
            return
        told = ", ".join(f"{name} {number:.4g}" for name, number in mixed.values.items())
        raise ExecutionError(
            f"step {self.step + 1}: the loss or its gradient is not finite ({told}); stopped. The "
            f"best checkpoint, of step {self.best_step}, is kept in {self.folder}; a lower "
            "learning_rate, another weight or precision=float32 may help"
        )

    def _log(self, mixed: Mixed) -> None:
        values = {"cpu_s": self.seconds, "learning_rate": self.rate(), "total": mixed.total}
        values |= {f"loss.{name}": value for name, value in mixed.values.items()}
        values |= {f"weight.{name}": value for name, value in mixed.weights.items()}
        self.log.add(self.step, values)
        self.log.write()

    def _validate(self) -> None:
        measures = self.parts.validate(self.parts.average)
        self.validations.add(self.step, {"cpu_s": self.seconds, **measures})
        self.validations.write()
        if self._better(measures):
            self.best_step, self.best = self.step, measures
            training = {**self.parts.description.training, "step": self.step, "measures": measures}
            save_model(
                self.folder, self.parts.average, replace(self.parts.description, training=training)
            )

    def _better(self, measures: Mapping[str, float]) -> bool:
        criterion, sign = self.parts.criterion, self.parts.sign
        if criterion == LAST or not self.best:
            return True
        return sign * measures[criterion] > sign * self.best[criterion]

    def _save(self) -> None:
        save_state(
            self.folder / STATE,
            {
                "configuration": self.settings.model_dump_json(),
                "step": self.step,
                "seconds": self.seconds,
                "norm": self.norm,
                "best_step": self.best_step,
                "best": self.best,
                "mixture": self.parts.mixture.state(),
                "network": self.parts.network.state_dict(),
                "average": self.parts.average.state_dict(),
                "optimizer": self.optimizer.state_dict(),
            },
        )

    def _restore(self, state: dict[str, Any]) -> None:
        self.step, self.seconds, self.norm = state["step"], state["seconds"], state["norm"]
        self.best_step, self.best = state["best_step"], dict(state["best"])
        self.parts.mixture.load_state(state["mixture"])
        self.parts.network.load_state_dict(state["network"])
        self.parts.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
