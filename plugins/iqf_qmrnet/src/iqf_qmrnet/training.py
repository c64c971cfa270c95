"""The training loop: resumable, timed, the same for the same seed."""

from __future__ import annotations

import copy
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from iqf_core.api import Context, IQFError, atomic_write_bytes, progress
from iqf_qmrnet.checkpoint import Model, save_model
from iqf_qmrnet.crops import Group, TrainingCrops, no_crop, validation_crops
from iqf_qmrnet.degradation import Degrader, Source, resolve_head
from iqf_qmrnet.grid import parse_heads
from iqf_qmrnet.networks import build_network
from iqf_qmrnet.objective import objective
from iqf_qmrnet.sources import manifest
from iqf_qmrnet.validation import calibrate, predict, results
from iqf_qmrnet.variants import with_variants

if TYPE_CHECKING:
    from torch import Tensor

    from iqf_qmrnet.config import TrainingConfig
    from iqf_qmrnet.grid import Head
    from iqf_qmrnet.networks.heads import QMRNet

#: The state that an interrupted training continues from, in the model's folder.
STATE = "training.pt"

#: What may change when a training is resumed: its length, and with it the rate from there on.
_LENGTH = ("crops", "cpu_minutes", "validate_every")

#: Seconds between two saved states.
_SAVE_EVERY_S = 60.0

#: Called with (crops so far, values).
Report = Callable[[int, Mapping[str, float]], None]


@dataclass
class Run:
    """How a training is carried out; nothing here changes what is learned, but for rounding.

    Attributes
    ----------
    out
        The model's folder.
    workers
        Processes that make crops; 0 makes them in this one.
    device
        ``"cpu"``, ``"cuda"`` …
    precision
        ``"bf16"``, ``"fp32"``, or ``"auto"``: bf16 for convolutional backbones where the device
        computes with it.
    threads
        Of torch on the CPU. One is the fastest for small networks, whose steps are too short to
        share.
    compile
        Use ``torch.compile``.
    resume
        Continue from the state in `out`.
    states
        A folder that outlives `out`: the state lies there under the training's hash, and a
        training that finds its own continues from it, whatever `resume` says.
    quiet
        Show no progress.
    report
        Called with (crops so far, values) now and then.
    """

    out: Path
    workers: int = 0
    device: str = "cpu"
    precision: Literal["auto", "bf16", "fp32"] = "auto"
    threads: int = 1
    compile: bool = False
    resume: bool = False
    states: Path | None = None
    quiet: bool = False
    report: Report = field(default=lambda step, values: None)


def train(
    config: TrainingConfig,
    training: Sequence[Source],
    validation: Sequence[Source],
    context: Context,
    run: Run,
) -> Model:
    """Train a network and write it to ``run.out``.

    Raises
    ------
    IQFError
        If a parameter's modifier is missing or does not take the range, no image is left, no
        validation image can be used, weights do not fit, or there is no state to resume from or it
        is another training's.
    """
    import torch

    torch.set_num_threads(run.threads)
    if run.workers:
        _one_thread(0)  # OpenCV's threads would be missing in the processes forked from this one
    heads = tuple(
        resolve_head(head, context) for head in parse_heads(config.parameters, ends=config.ends)
    )
    crops = _degraders(heads, training, config, context)
    held = [Degrader(head, validation, config.crop, context) for head in heads]
    for head, degrader in zip(heads, held, strict=True):
        if next(validation_crops(head, degrader, config), None) is None:
            raise IQFError(no_crop(head))
    torch.manual_seed(config.seed)
    network = build_network(config.network, heads, config.weights).to(run.device)
    source = TrainingCrops(heads, crops, config, network.bands)
    loop = _Loop(config, network, heads, source, run)
    model = Model(
        network=loop.averaged,
        heads=heads,
        config=config.model_dump(mode="json"),
        crop=config.crop,
        manifest={"training": manifest(training), "validation": manifest(validation)},
    )
    run.out.mkdir(parents=True, exist_ok=True)
    identity = {"config": model.config, "manifest": model.manifest}
    state = run.out / STATE
    if run.states is not None:
        run.states.mkdir(parents=True, exist_ok=True)
        state = run.states / f"{_hash(identity)}.pt"
    loop.state = state
    if run.resume or (run.states is not None and state.is_file()):
        loop.restore(state, identity)

    def validate() -> dict[str, dict[str, Any]]:
        found, calibration = {}, {}
        for head, degrader in zip(heads, held, strict=True):
            logits, values, names = predict(loop.averaged, head, degrader, config, run.device)
            found[head.name] = results(head, logits, values, names)
            calibration[head.name] = calibrate(head, logits, values)
        model.calibration = calibration
        return found

    loop.run(validate, identity)
    final = validate()
    model.metrics = {
        name: {**each, "train_crops": loop.seen, "cpu_seconds": round(loop.cpu_s(), 2)}
        for name, each in final.items()
    }
    run.report(loop.seen, flat(final))
    save_model(model, run.out)
    state.unlink(missing_ok=True)
    return model


def _degraders(
    heads: Sequence[Head], training: Sequence[Source], config: TrainingConfig, context: Context
) -> list[Degrader]:
    """Return what degrades training crops, for every head.

    Modifiers that look at the whole image first, such as those that measure its sharpness, see no
    variants: what they would find in them is nothing that a camera makes, and finding it takes
    long.
    """
    made = [Degrader(head, training, config.crop, context) for head in heads]
    if not config.variants:
        return made
    varied = with_variants(training, config.crop)
    return [
        each if each.measures_images else Degrader(each.head, varied, config.crop, context)
        for each in made
    ]


def _hash(identity: Mapping[str, Any]) -> str:
    text = json.dumps(identity, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def flat(found: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Return ``<head>.<name>`` -> value."""
    return {
        f"{head}.{key}": float(value) for head, each in found.items() for key, value in each.items()
    }


class _Loop:
    """State and steps of one training."""

    def __init__(
        self,
        config: TrainingConfig,
        network: QMRNet,
        heads: Sequence[Any],
        source: TrainingCrops,
        run: Run,
    ) -> None:
        import torch

        self.config, self.network, self.heads = config, network, heads
        self.source, self.run_ = source, run
        self.groups = max(1, config.batch // config.group)
        self.steps = max(1, math.ceil(config.crops / (self.groups * config.group)))
        self.state = run.out / STATE
        self.step = 0
        self.averaged = copy.deepcopy(network).eval()
        fused = run.device != "cpu"
        self.optimiser = torch.optim.AdamW(
            network.parameters(), config.lr, weight_decay=config.weight_decay, fused=fused
        )
        self._begun = time.process_time()
        self._spent = 0.0
        self.bf16 = _uses_bf16(config, run)
        self.forward: Any = network
        if config.backbone != "spectral":
            network.to(memory_format=torch.channels_last)
        if run.compile:
            self.forward = torch.compile(network)

    @property
    def seen(self) -> int:
        """Training crops so far."""
        return self.step * self.groups * self.config.group

    def cpu_s(self) -> float:
        """CPU seconds of this process, those before an interruption included."""
        return self._spent + time.process_time() - self._begun

    def fraction(self) -> float:
        """How much of the training is over, by steps or by CPU time."""
        done = self.step / self.steps
        if self.config.cpu_minutes is not None:
            done = max(done, self.cpu_s() / (60 * self.config.cpu_minutes))
        return min(done, 1.0)

    def run(
        self, validate: Callable[[], dict[str, dict[str, Any]]], identity: Mapping[str, Any]
    ) -> None:
        """Train to the end."""
        config, run = self.config, self.run_
        size = self.groups * config.group
        saved = reported = time.monotonic()
        begun, first = time.monotonic(), self.seen
        average = 0.0
        next_validation = self.seen + config.validate_every
        with progress("training crops", self.steps * size, quiet=run.quiet) as bar:
            bar.advance(self.seen)
            for images, values, which in self._batches():
                fraction = self.fraction()
                if fraction >= 1:
                    break
                loss = self._update(images, values, which, fraction)
                average = loss if not average else 0.98 * average + 0.02 * loss
                self.step += 1
                bar.advance(size)
                now = time.monotonic()
                if now - reported > 2:
                    reported = now
                    rate = (self.seen - first) / (now - begun)
                    bar.describe(f"training crops, {rate:.0f}/s, loss {average:.3f}")
                    run.report(self.seen, {"loss": average, "crops_per_s": rate})
                if now - saved > _SAVE_EVERY_S:
                    self.save(self.state, identity)
                    saved = now
                if config.validate_every and self.seen >= next_validation:
                    next_validation += config.validate_every
                    run.report(self.seen, flat(validate()))

    def _update(self, images: Tensor, values: Tensor, which: Tensor, fraction: float) -> float:
        import torch

        config = self.config
        warm = fraction / config.warm_up if config.warm_up else 1.0
        for group in self.optimiser.param_groups:
            group["lr"] = (
                config.lr * min(1.0, warm + 0.01) * (0.5 + 0.5 * math.cos(math.pi * fraction))
            )
        self.network.train()
        device = self.run_.device
        if config.backbone != "spectral":
            images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast(torch.device(device).type, torch.bfloat16, enabled=self.bf16):
            logits = self.forward(images.to(device))
        loss = objective(logits, values.to(device), which.to(device), self.heads, config)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), config.clip)
        self.optimiser.step()
        decay = min(config.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            own, new = self.averaged.state_dict(), self.network.state_dict()
            for key, value in own.items():
                if value.is_floating_point():
                    value.lerp_(new[key], 1 - decay)
                else:
                    value.copy_(new[key])
        return float(loss.detach())

    def _batches(self) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        import torch
        from torch.utils.data import DataLoader

        first, last = self.step * self.groups, self.steps * self.groups
        loader: DataLoader[Any] = DataLoader(
            _Groups(self.source, first, last),  # type: ignore[arg-type]
            batch_size=self.groups,
            num_workers=self.run_.workers,
            collate_fn=_collate,
            worker_init_fn=_one_thread,
            generator=torch.Generator().manual_seed(self.config.seed),
            prefetch_factor=4 if self.run_.workers else None,
        )
        yield from loader

    def save(self, path: Path, identity: Mapping[str, Any]) -> None:
        """Write everything that the rest of the training depends on."""
        import io

        import torch

        buffer = io.BytesIO()
        torch.save(
            {
                "identity": dict(identity),
                "step": self.step,
                "cpu_s": self.cpu_s(),
                "network": self.network.state_dict(),
                "averaged": self.averaged.state_dict(),
                "optimiser": self.optimiser.state_dict(),
                "rng": torch.get_rng_state(),
            },
            buffer,
        )
        atomic_write_bytes(path, buffer.getvalue())

    def restore(self, path: Path, identity: Mapping[str, Any]) -> None:
        """Continue where :meth:`save` was called; the rate follows from the step.

        Raises
        ------
        IQFError
            If there is no state, it is damaged, or it is that of another training.
        """
        import torch

        if not path.is_file():
            raise IQFError(f"{path}: nothing to resume: no interrupted training in that folder")
        try:
            state = torch.load(path, map_location=self.run_.device, weights_only=True)
            other = state["identity"]
        except Exception as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise IQFError(f"{path}: truncated or no state of a training ({reason})") from None
        for part in ("config", "manifest"):
            mine = identity[part]
            keys = [key for key in mine if key not in _LENGTH and mine[key] != other[part].get(key)]
            if keys:
                raise IQFError(
                    f"{path}: the interrupted training had another {', '.join(keys)}; train into "
                    "another folder, or repeat its configuration and images"
                )
        self.network.load_state_dict(state["network"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["rng"].cpu())
        self.step, self._spent = state["step"], state["cpu_s"]
        self._begun = time.process_time()


class _Groups:
    """Groups `first` to `last`, by index, for a ``DataLoader``."""

    def __init__(self, source: TrainingCrops, first: int, last: int) -> None:
        self._source, self._first, self._last = source, first, last

    def __len__(self) -> int:
        return self._last - self._first

    def __getitem__(self, index: int) -> Group:
        return self._source.group(self._first + index)


def _collate(groups: Sequence[Group]) -> tuple[Tensor, Tensor, Tensor]:
    import numpy as np
    import torch

    which = np.repeat([each.head for each in groups], [len(each.values) for each in groups])
    return (
        torch.from_numpy(np.concatenate([each.images for each in groups])),
        torch.from_numpy(np.concatenate([each.values for each in groups])),
        torch.from_numpy(which),
    )


def _one_thread(worker: int) -> None:
    import cv2

    cv2.setNumThreads(1)


def _uses_bf16(config: TrainingConfig, run: Run) -> bool:
    """Return whether to compute with bf16: spectra need 32 bits, convolutions gain by it."""
    import torch

    if run.precision != "auto":
        return run.precision == "bf16"
    if config.backbone == "spectral":
        return False
    if run.device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported())
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())
