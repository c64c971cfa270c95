"""From a configuration to a training run: data, network, losses, and what may be wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from iqf_core.api import (
    ConfigurationError,
    Context,
    DatasetError,
    atomic_write_text,
    open_dataset,
)
from iqf_sr_msrn.degradation import Degradation, default_chain
from iqf_sr_msrn.mixture import LossMixture
from iqf_sr_msrn.model_file import (
    CONFIGURATION,
    ModelConfiguration,
    load_weights,
    network_component,
    read_configuration,
    weights_path,
)
from iqf_sr_msrn.networks.official import load_official, read_tensors
from iqf_sr_msrn.training.configuration import TrainingConfiguration
from iqf_sr_msrn.training.loop import Outcome, Parts, TrainingRun
from iqf_sr_msrn.training.patches import PatchSource, check_images
from iqf_sr_msrn.training.state import STATE, load_state
from iqf_sr_msrn.training.validation import Criterion, Validation

if TYPE_CHECKING:
    from torch import nn

    from iqf_core.api import Dataset
    from iqf_core.plugins.registry import Registry
    from iqf_core.progress import Bar

#: What a resumed run may say otherwise: nothing that changes a step.
_FREE = ("log_every",)


def train(
    settings: TrainingConfiguration, registry: Registry, bar: Bar, *, resume: bool = False
) -> Outcome:
    """Train a network as `settings` say.

    Raises
    ------
    IQFError
        If settings, images or files do not fit, or the loss becomes NaN.
    """
    settings = resolved(settings)
    _check_folder(settings, resume)
    run = prepare(settings, registry, resume=resume)
    write_configuration(settings)
    return run.run(bar)


def resolved(settings: TrainingConfiguration) -> TrainingConfiguration:
    """Return the settings with the degradation of the scale, where none is named."""
    chain = settings.degradation or list(default_chain(settings.scale))
    return settings.model_copy(update={"degradation": chain})


def prepare(
    settings: TrainingConfiguration, registry: Registry, *, resume: bool = False
) -> TrainingRun:
    """Build everything that a run needs."""
    context = Context(registry=registry, seed=settings.seed, device=_device(settings.device))
    degradation = Degradation.of(settings.degradation, settings.scale, context)
    training, names, validation, held_out = _split(settings, registry)
    bands = check_images(training, names, settings.patch_px)
    check_same_bands(validation, held_out, bands)
    if settings.channels == "y" and bands not in (1, 3):
        raise ConfigurationError(
            f"channels=y takes images of 3 bands (red, green, blue) or 1, not of {bands}"
        )
    component = network_component(settings.model, context)
    description = ModelConfiguration(
        settings.model, settings.scale, bands, settings.channels, _told(settings, names, held_out)
    )
    # Weights come from torch's global generator: the seed is set where they are drawn.
    torch.manual_seed(settings.seed)
    networks = [
        component.build(context, scale=settings.scale, bands=description.network_bands).to(
            memory_format=torch.channels_last
        )
        for _ in range(2)
    ]
    if settings.start is not None:
        start_from(networks[0], settings.start, description)
    criterion = Criterion.of(settings.best, context)
    check = Validation(validation, held_out, degradation, criterion, context)
    halo = component.halo()
    parts = Parts(
        network=networks[0],
        average=networks[1],
        mixture=LossMixture.of(settings.loss, settings.balance, context),
        source=PatchSource(
            training,
            names,
            degradation,
            patch_px=settings.patch_px,
            batch=settings.batch,
            seed=settings.seed,
            augment=settings.augment,
            channels=settings.channels,
        ),
        validate=lambda network: check(network, settings.channels, halo),
        criterion=criterion.name,
        sign=criterion.sign,
        description=description,
        bfloat16=use_bfloat16(settings.precision, settings.device),
    )
    return TrainingRun(settings, parts, resume=resume)


def use_bfloat16(precision: str, device: str) -> bool:
    """Return whether the network computes in bfloat16: as asked, or where the machine does it fast.

    On processors that is where the instruction set has it (AVX-512 BF16 or AMX): measured there,
    a step takes half the time.
    """
    if precision != "auto":
        return precision == "bfloat16"
    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported())
    tests = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    return any(bool(getattr(torch.cpu, name, bool)()) for name in tests)


def start_from(network: nn.Module, path: Path, description: ModelConfiguration) -> None:
    """Give a network the weights of a trained model, or of an official checkpoint.

    Raises
    ------
    ConfigurationError
        If the model is of another scale, band count or kind of channels.
    """
    if path.suffix in (".pt", ".pth"):
        load_official(network, path)
        return
    file = weights_path(path)
    given = read_configuration(file)
    for name, what in (("scale", "scale"), ("bands", "band count"), ("channels", "channels")):
        one, other = getattr(given, name), getattr(description, name)
        if one != other:
            raise ConfigurationError(
                f"start {path}: the model's {what} is {one}, this run's is {other}"
            )
    load_weights(network, read_tensors(file), file)


def check_same_bands(dataset: Dataset, names: Sequence[str], bands: int) -> None:
    """Raise DatasetError, naming the image, unless all images have `bands` bands."""
    for name in names:
        count = dataset.header(name).shape[2]
        if count != bands:
            raise DatasetError(
                f"{dataset.image_path(name)} has {count} bands, the network is made for {bands}"
            )


def write_configuration(settings: TrainingConfiguration) -> None:
    """Write the resolved settings, which ``--config`` takes back."""
    import yaml

    values = {"schema": "iqf.sr_training/1", **json.loads(settings.model_dump_json())}
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    settings.out.mkdir(parents=True, exist_ok=True)
    atomic_write_text(settings.out / "training.yaml", text)


def _check_folder(settings: TrainingConfiguration, resume: bool) -> None:
    out = settings.out
    if resume:
        before = json.loads(load_state(out / STATE)["configuration"])
        now = json.loads(settings.model_dump_json())
        changed = [name for name in now if name not in _FREE and now[name] != before.get(name)]
        if changed:
            name = changed[0]
            raise ConfigurationError(
                f"{out}: the saved run has {name}={before.get(name)!r}, now it is {now[name]!r}; "
                "resume with the settings it was started with"
            )
    elif (out / CONFIGURATION).exists() or (out / STATE).exists():
        raise ConfigurationError(
            f"{out}: holds a trained model already; resume it with --resume, or choose another "
            "folder"
        )


def _split(
    settings: TrainingConfiguration, registry: Registry
) -> tuple[Dataset, list[str], Dataset, list[str]]:
    training = open_dataset(settings.images, registry=registry, peak=settings.peak)
    names = list(training.image_names)
    if settings.validation is not None:
        validation = open_dataset(settings.validation, registry=registry, peak=settings.peak)
        return training, names, validation, list(validation.image_names)
    if len(names) < 2:
        raise DatasetError(
            f"{training.path}: one image cannot be split into training and validation; give "
            "--validation"
        )
    count = min(max(1, round(settings.validation_share * len(names))), len(names) - 1)
    order = np.random.default_rng(settings.seed).permutation(len(names))
    held_out = sorted(names[index] for index in order[:count])
    return training, [name for name in names if name not in held_out], training, held_out


def _told(settings: TrainingConfiguration, names: list[str], held_out: list[str]) -> dict[str, Any]:
    kept = ("loss", "balance", "degradation", "steps", "batch", "patch_px", "seed", "best")
    values = json.loads(settings.model_dump_json())
    told = {name: values[name] for name in kept}
    return {**told, "images": names, "validation_images": held_out}


def _device(name: str) -> str:
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ConfigurationError(f"device {name!r}: torch finds no GPU here; expected cpu")
    return name
