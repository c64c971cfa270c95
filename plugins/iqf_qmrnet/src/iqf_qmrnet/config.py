"""The configuration of a training, from a file and from flags; kept resolved beside the weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from iqf_core.api import ConfigurationError, load_yaml


class _Model(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=()
    )


class NetworkConfig(_Model):
    """What the network is made of.

    Attributes
    ----------
    backbone
        ``spectral``, ``small_cnn``, or a classifier of torchvision's.
    options
        Keyword arguments of the backbone.
    """

    backbone: str = "spectral"
    options: dict[str, Any] = Field(default_factory=dict)


class TrainingConfig(NetworkConfig):
    """Everything that decides a training but the images.

    Attributes
    ----------
    parameters
        Heads: specification strings with one range each, or presets' names.
    crop
        Side of the crops in pixels.
    weights
        A local file with the backbone's weights to begin with (torchvision's classifiers).
    loss
        ``soft``: cross-entropy with soft labels; ``bce``: the paper's, binary cross-entropy of
        one-hot labels after a sigmoid (it has no classes for the ends).
    label_width
        Standard deviation of soft labels, in bins.
    crops
        Training crops in all.
    cpu_minutes
        End earlier, after that much CPU time of this process; the learning rate follows.
    batch, lr, weight_decay, warm_up, clip, ema
        Of AdamW with cosine decay: `warm_up` and `clip` as share of the steps and as gradient
        norm; `ema` is the decay of the averaged weights that are kept (0 for none).
    group
        Crops degraded together, with one value of the parameter.
    outside
        Share of the groups whose value lies outside the range (a share of them unmodified).
    augment
        Flip and transpose crops, and change their contrast before degradation where the modifier
        looks at nothing but its window.
    variants
        Also train on reduced and on spectrally tilted variants of the images, when they are few
        (:mod:`iqf_qmrnet.variants`).
    validation
        Share of the images held out, when no validation images are given; at least one image.
    validation_crops
        Crops per validation image, spread evenly over it, each at every level.
    validate_every
        Training crops between two validations; 0 for the end only.
    seed
        Of everything random.
    """

    parameters: list[str] = Field(default_factory=list)
    crop: int = Field(128, ge=16, le=4096)
    weights: Path | None = None
    loss: Literal["soft", "bce"] = "soft"
    label_width: float = Field(1.0, gt=0, le=10)
    crops: int = Field(120_000, ge=1)
    cpu_minutes: float | None = Field(None, gt=0)
    batch: int = Field(64, ge=2)
    lr: float = Field(2e-3, gt=0)
    weight_decay: float = Field(1e-2, ge=0)
    warm_up: float = Field(0.05, ge=0, lt=1)
    clip: float = Field(1.0, gt=0)
    ema: float = Field(0.99, ge=0, lt=1)
    group: int = Field(4, ge=1)
    outside: float = Field(0.1, ge=0, lt=1)
    augment: bool = True
    variants: bool = True
    validation: float = Field(0.2, gt=0, lt=1)
    validation_crops: int = Field(12, ge=1)
    validate_every: int = Field(0, ge=0)
    seed: int = 0

    @property
    def network(self) -> NetworkConfig:
        """What :func:`iqf_qmrnet.networks.build_network` takes."""
        return NetworkConfig(backbone=self.backbone, options=self.options)

    @property
    def ends(self) -> bool:
        """Whether heads have classes for values outside of the range."""
        return self.loss == "soft"


def resolve(file: Path | None, overrides: Mapping[str, Any]) -> TrainingConfig:
    """Return the configuration of a file with what the user set otherwise.

    Parameters
    ----------
    file
        YAML with any of the keys of :class:`TrainingConfig`; None for the defaults.
    overrides
        Values of flags; None means not given.

    Raises
    ------
    ConfigurationError
        With the file, the key, and what was expected.
    """
    values: dict[str, Any] = {}
    where = ""
    if file is not None:
        where = str(file)
        data = load_yaml(file).data
        if data is None:
            data = {}
        if not isinstance(data, dict):
            raise ConfigurationError(f"{file}: expected a mapping such as `crop: 128`")
        values.update(data)
    values.update({key: value for key, value in overrides.items() if value is not None})
    return from_mapping(values, where)


def from_mapping(values: Mapping[str, Any], where: str = "") -> TrainingConfig:
    """Validate a configuration.

    Raises
    ------
    ConfigurationError
        With `where`, every key that is wrong, and what was expected.
    """
    values = {key: value for key, value in values.items() if key != "schema"}
    try:
        return TrainingConfig.model_validate(values)
    except ValidationError as error:
        problems = []
        for item in error.errors(include_url=False):
            key = ".".join(str(part) for part in item["loc"])
            if item["type"] == "extra_forbidden":
                known = ", ".join(TrainingConfig.model_fields)
                problems.append(f"unknown key {key!r}; known are {known}")
            else:
                problems.append(f"{key} is {item['input']!r}: {item['msg'].lower()}")
        start = f"{where}: " if where else ""
        raise ConfigurationError(start + "; ".join(problems)) from None
