"""What a training run is made of."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import field_validator

from iqf_core.api import (
    ConfigurationError,
    Params,
    load_yaml,
    parameter,
    specification_from_yaml,
    validate,
)


class TrainingConfiguration(Params):
    """Every setting of a training run; what is not given has its default.

    The same names are the options of ``iqf sr train`` and the keys of ``--config`` files.
    """

    images: Path = parameter(description="training images: a dataset, a folder or one image")
    validation: Path | None = parameter(
        None, description="validation images; by default a share of the training images"
    )
    validation_share: float = parameter(
        0.1,
        description="share of the images, at least one, for validation",
        unit="",
        gt=0,
        lt=1,
    )
    out: Path = parameter(description="folder of the trained model")
    model: str = parameter("msrn", description="network: msrn, msrn:preset=cpu, fsrcnn …")
    scale: int = parameter(
        2, description="how many times larger the result is", unit="", ge=2, le=8
    )
    channels: Literal["all", "y"] = parameter(
        "all", description="what the network sees: all bands, or the luma of red, green, blue"
    )
    start: Path | None = parameter(
        None, description="model to start from, or an official MSRN checkpoint (.pt, .pth)"
    )
    loss: list[str] = parameter(["l1"], description="losses, with a weight each")
    balance: Literal["fixed", "gradient"] = parameter(
        "fixed", description="weights as they are, or relative to the first loss's gradient norm"
    )
    degradation: list[str] = parameter(
        [], description="modifiers that make the low-resolution images; by default blur and gsd"
    )
    patch_px: int = parameter(96, description="edge of a high-resolution patch", unit="px", ge=8)
    batch: int = parameter(16, description="patches a step", unit="", ge=1)
    steps: int = parameter(10000, description="optimiser steps", unit="", ge=1)
    learning_rate: float = parameter(1e-3, description="highest learning rate", unit="", gt=0)
    weight_decay: float = parameter(0.0, description="AdamW's weight decay", unit="", ge=0)
    warmup: float = parameter(
        0.02, description="share of the steps in which the rate rises", unit="", ge=0, lt=1
    )
    clip: float = parameter(
        1.0,
        description="largest gradient norm, in running means of it times 2; 0: none",
        unit="",
        ge=0,
    )
    ema: float = parameter(
        0.999, description="decay of the averaged weights, 0: none", unit="", ge=0, lt=1
    )
    augment: bool = parameter(True, description="flips and rotations by 90 degrees")
    precision: Literal["auto", "float32", "bfloat16"] = parameter(
        "auto", description="of the network's arithmetic; auto: bfloat16 where it is fast"
    )
    device: str = parameter("cpu", description="torch device")
    peak: float | None = parameter(
        None, description="full scale of images that do not say it", unit="DN", gt=0
    )
    seed: int = parameter(0, description="of weights, patches and random degradations", unit="")
    validate_every: int = parameter(
        500, description="steps between validations and saved states", unit="", ge=1
    )
    log_every: int = parameter(50, description="steps between two lines of the log", unit="", ge=1)
    best: str = parameter(
        "psnr_y",
        description="what chooses the checkpoint: psnr_y, psnr, ssim, metric.output, or last",
    )

    @field_validator("loss", "degradation", mode="before")
    @classmethod
    def _specifications(cls, value: Any) -> Any:
        if isinstance(value, (str, Mapping)):
            value = [value]
        if not isinstance(value, (list, tuple)):
            return value
        texts = [
            item if isinstance(item, str) else str(specification_from_yaml(item, ""))
            for item in value
        ]
        return [part.strip() for text in texts for part in text.split(" + ")]

    @field_validator("images", "validation", "out", "start", mode="after")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else value.absolute()


def read_configuration_file(path: Path) -> dict[str, Any]:
    """Return the settings of a YAML file; paths in it start from its folder.

    Raises
    ------
    ConfigurationError
        If it cannot be read, or is no mapping.
    """
    document = load_yaml(path)
    data = document.data
    if not isinstance(data, Mapping):
        raise ConfigurationError(f"{path}: expected settings such as steps: 2000")
    values = dict(data)
    values.pop("schema", None)
    for name in ("images", "validation", "out", "start"):
        if isinstance(values.get(name), str):
            values[name] = path.absolute().parent / values[name]
    return values


def make_configuration(values: Mapping[str, Any], where: str = "") -> TrainingConfiguration:
    """Validate settings.

    Raises
    ------
    ConfigurationError
        With every mistake; `where` is their file.
    """
    validated = validate(TrainingConfiguration, values, "sr train", where)
    assert isinstance(validated, TrainingConfiguration)
    if validated.patch_px % validated.scale:
        raise ConfigurationError(
            f"patch_px {validated.patch_px} is no multiple of the scale {validated.scale}"
        )
    return validated
