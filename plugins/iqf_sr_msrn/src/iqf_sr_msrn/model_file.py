"""A trained network on disk: weights and configuration in one safetensors file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iqf_core.api import (
    ConfigurationError,
    IQFError,
    atomic_write_bytes,
    atomic_write_text,
    parse_specification,
)

if TYPE_CHECKING:
    from torch import nn

    from iqf_core.api import Context, Network

SCHEMA = "iqf.sr_model/1"
WEIGHTS = "model.safetensors"
CONFIGURATION = "model.json"


class ModelError(IQFError):
    """A model file is missing, damaged, or not of the expected kind."""


@dataclass(frozen=True)
class ModelConfiguration:
    """What is needed to build the network again and to feed it rightly.

    Attributes
    ----------
    network
        Specification string of the network component.
    scale
        How many times larger the result is, in each direction.
    bands
        Bands of the images that the network takes.
    channels
        ``"all"``: the network sees all bands; ``"y"``: the luma of red, green and blue.
    training
        How it was trained: losses, degradation, data, metrics; for the reader.
    """

    network: str
    scale: int
    bands: int
    channels: str = "all"
    training: Mapping[str, Any] = field(default_factory=dict)

    @property
    def network_bands(self) -> int:
        """Bands that the network itself has."""
        return 1 if self.channels == "y" else self.bands

    def component(self, context: Context) -> Network:
        """Return the network component.

        Raises
        ------
        ConfigurationError
            If it is not of super-resolution.
        """
        return network_component(self.network, context)

    def build(self, context: Context) -> nn.Module:
        """Return the network with its initial weights."""
        network = self.component(context)
        built: nn.Module = network.build(context, scale=self.scale, bands=self.network_bands)
        return built


def network_component(text: str, context: Context) -> Network:
    """Return the network component of a specification string such as ``msrn:preset=cpu``.

    Raises
    ------
    ConfigurationError
        If it is wrong, or a network of another task.
    """
    assert context.registry is not None
    specification = parse_specification(text)
    if specification.is_grid:
        raise ConfigurationError(f"{text}: several values where one network is expected")
    network: Network = context.registry.create(
        "network", specification.name, specification.params, context
    )
    if network.task != "super_resolution":
        raise ConfigurationError(
            f"network {specification.name!r} is for {network.task or 'no declared task'}; expected "
            "one for super_resolution"
        )
    return network


def weights_path(path: Path) -> Path:
    """Return the weights file of a model folder; a file is returned as it is.

    Raises
    ------
    ModelError
        If there is none.
    """
    file = path / WEIGHTS if path.is_dir() else path
    if not file.is_file():
        raise ModelError(
            f"{file}: no such model; expected a folder that `iqf sr train` wrote, or its {WEIGHTS}"
        )
    return file


def save_model(folder: Path, network: nn.Module, configuration: ModelConfiguration) -> None:
    """Write weights and configuration, each atomically; the weights file holds both."""
    from safetensors.torch import save

    text = json.dumps({"schema": SCHEMA, **asdict(configuration)}, indent=1, ensure_ascii=False)
    tensors = {name: value.detach().contiguous() for name, value in network.state_dict().items()}
    folder.mkdir(parents=True, exist_ok=True)
    atomic_write_bytes(folder / WEIGHTS, save(tensors, {"iqf": text}))
    atomic_write_text(folder / CONFIGURATION, text + "\n")


def read_configuration(path: Path) -> ModelConfiguration:
    """Return the configuration of a model folder or weights file.

    Raises
    ------
    ModelError
        If there is none, or it cannot be read.
    """
    file = weights_path(path)
    metadata, _ = _opened(file, weights=False)
    return _configuration(file, metadata)


def load_model(path: Path, context: Context) -> tuple[nn.Module, ModelConfiguration]:
    """Build the network of a model folder or weights file and give it its weights.

    Returns
    -------
    Module, ModelConfiguration
        The network in evaluation mode on ``context.device``, without gradients.

    Raises
    ------
    ModelError
        If the file is damaged, or its weights do not fit its network.
    """
    file = weights_path(path)
    metadata, tensors = _opened(file, weights=True)
    configuration = _configuration(file, metadata)
    network = configuration.build(context)
    load_weights(network, tensors, file)
    return network.to(context.device).eval().requires_grad_(False), configuration


def load_weights(network: nn.Module, tensors: Mapping[str, Any], file: Path) -> None:
    """Give `network` its weights.

    Raises
    ------
    ModelError
        If names or shapes do not fit; names the first that does not.
    """
    expected = network.state_dict()
    missing, unknown = sorted(set(expected) - set(tensors)), sorted(set(tensors) - set(expected))
    wrong = [
        f"{name} is {list(tensors[name].shape)}, expected {list(value.shape)}"
        for name, value in expected.items()
        if name in tensors and tensors[name].shape != value.shape
    ]
    problems = [f"{missing[0]} is missing"] if missing else wrong[:1]
    problems = problems or ([f"{unknown[0]} is not known"] if unknown else [])
    if problems:
        raise ModelError(f"{file}: the weights do not fit the network: {problems[0]}")
    network.load_state_dict(tensors)


def _opened(file: Path, *, weights: bool) -> tuple[dict[str, str], dict[str, Any]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, "pt") as opened:
            metadata = opened.metadata() or {}
            names = list(opened.keys()) if weights else []
            return metadata, {name: opened.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{file}: cannot be read as safetensors ({error})") from None


def _configuration(file: Path, metadata: Mapping[str, str]) -> ModelConfiguration:
    try:
        values = json.loads(metadata["iqf"])
        schema = str(values.pop("schema"))
        if schema.rpartition("/")[0] != "iqf.sr_model":
            raise ModelError(f"{file}: is {schema!r}, expected {SCHEMA!r}")
        if schema != SCHEMA:
            raise ModelError(f"{file}: has the schema {schema!r}; this version reads {SCHEMA!r}")
        return ModelConfiguration(**values)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"{file}: carries no configuration of a super-resolution network "
            f"({type(error).__name__}: {error}); expected a file that `iqf sr train` wrote"
        ) from None
