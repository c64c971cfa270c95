"""A trained model on disk: a folder with ``model.safetensors`` and ``config.yaml``.

The safetensors file is complete by itself: its metadata hold one JSON document (key
``iqf_qmrnet``) with the configuration, the heads, normalisation, calibration, the manifest of the
training data and the validation's results. ``config.yaml`` repeats the resolved configuration for
people, and for ``iqf qmrnet train --config``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iqf_core.api import IQFError, atomic_write_bytes, atomic_write_text

if TYPE_CHECKING:
    from torch import Tensor

    from iqf_qmrnet.grid import Head
    from iqf_qmrnet.networks.heads import QMRNet

SCHEMA = "iqf.qmrnet_model/1"
WEIGHTS = "model.safetensors"
CONFIGURATION = "config.yaml"
_KEY = "iqf_qmrnet"


@dataclass(frozen=True)
class Calibration:
    """What the validation images say of one head's probabilities.

    Attributes
    ----------
    temperature
        What logits are divided by.
    interval
        Half the 68 % interval of the expected value, in units of the reading's ``spread``: the
        quantile of abs(expected - true) / spread over validation crops (split conformal
        prediction). None when there was no validation.
    """

    temperature: float = 1.0
    interval: float | None = None


@dataclass
class Model:
    """A trained network and what is known of it.

    Attributes
    ----------
    network
        In evaluation mode; images (N, C, H, W) in [0, 1] to head name -> logits (N, classes).
    heads
        Its outputs.
    config
        The resolved :class:`iqf_qmrnet.config.TrainingConfig` as a JSON value.
    crop
        Side of the crops that it was trained on, in pixels.
    calibration
        By head name.
    normalisation
        How pixels become the network's input: ``{"scale": "peak"}``, divided by the peak.
    manifest
        The images of ``training`` and ``validation``: name, content hash, shape, data type.
    metrics
        Head name -> results on the validation images.
    path
        Where it was read from.
    """

    network: QMRNet
    heads: tuple[Head, ...]
    config: Mapping[str, Any]
    crop: int
    calibration: Mapping[str, Calibration] = field(default_factory=dict)
    normalisation: Mapping[str, Any] = field(default_factory=lambda: {"scale": "peak"})
    manifest: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None

    def head(self, name: str) -> Head:
        """Return the head `name`.

        Raises
        ------
        IQFError
            If there is none; says which there are.
        """
        for each in self.heads:
            if each.name == name:
                return each
        names = ", ".join(each.name for each in self.heads)
        raise IQFError(f"{self.path or 'the model'}: no head named {name!r}; it has {names}")

    def temperature(self, name: str) -> float:
        """Return the calibrated temperature of a head, 1 when it was not calibrated."""
        return self.calibration.get(name, Calibration()).temperature

    def document(self) -> dict[str, Any]:
        """Return everything but the weights as a JSON value."""
        return {
            "schema": SCHEMA,
            "backbone": self.config.get("backbone", "spectral"),
            "options": dict(self.config.get("options", {})),
            "crop": self.crop,
            "heads": [head.to_json() for head in self.heads],
            "normalisation": dict(self.normalisation),
            "calibration": {
                name: {"temperature": each.temperature, "interval": each.interval}
                for name, each in self.calibration.items()
            },
            "config": dict(self.config),
            "manifest": dict(self.manifest),
            "metrics": dict(self.metrics),
        }


def save_model(model: Model, folder: Path) -> Path:
    """Write the model into `folder` (made if need be); return the file of weights.

    Raises
    ------
    IQFError
        If it cannot be written.
    """
    import yaml
    from safetensors.torch import save

    tensors: dict[str, Tensor] = {
        key: value.detach().cpu().contiguous() for key, value in model.network.state_dict().items()
    }
    metadata = {_KEY: json.dumps(model.document(), ensure_ascii=False, allow_nan=False)}
    configuration = yaml.safe_dump(dict(model.config), sort_keys=False, allow_unicode=True)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        atomic_write_bytes(folder / WEIGHTS, save(tensors, metadata=metadata))
        atomic_write_text(folder / CONFIGURATION, configuration)
    except OSError as error:
        raise IQFError(f"{folder}: the model cannot be written ({error.strerror})") from None
    return folder / WEIGHTS


def read_document(path: Path) -> dict[str, Any]:
    """Return what the model at `path` (its folder or its file) says of itself, without weights.

    Raises
    ------
    IQFError
        If there is none, it is truncated, or written by something else.
    """
    from safetensors import SafetensorError, safe_open

    file = _file(path)
    try:
        with safe_open(file, framework="pt") as opened:
            metadata = opened.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise IQFError(f"{file}: truncated or no safetensors file ({error})") from None
    if _KEY not in metadata:
        raise IQFError(f"{file}: not a model of `iqf qmrnet train`: its configuration is missing")
    document: dict[str, Any] = json.loads(metadata[_KEY])
    if document.get("schema") != SCHEMA:
        raise IQFError(f"{file}: schema is {document.get('schema')!r}, expected {SCHEMA!r}")
    return document


def load_model(path: Path | str, device: str = "cpu") -> Model:
    """Read a model from its folder or its ``model.safetensors``.

    Raises
    ------
    IQFError
        If there is none, it is truncated, or weights and configuration do not belong together.
    """
    from iqf_qmrnet.config import NetworkConfig
    from iqf_qmrnet.grid import Head
    from iqf_qmrnet.networks import build_network
    from iqf_qmrnet.networks.weights import read_state_dict

    file = _file(Path(path))
    document = read_document(file)
    heads = tuple(Head.from_json(each) for each in document["heads"])
    network = build_network(
        NetworkConfig(backbone=document["backbone"], options=document["options"]), heads
    )
    fit_state(network, read_state_dict(file), str(file))
    network.to(device).eval()
    return Model(
        network=network,
        heads=heads,
        config=document["config"],
        crop=document["crop"],
        calibration={key: Calibration(**each) for key, each in document["calibration"].items()},
        normalisation=document["normalisation"],
        manifest=document["manifest"],
        metrics=document["metrics"],
        path=Path(path),
    )


def fit_state(network: QMRNet, state: Mapping[str, Tensor], where: str) -> None:
    """Load weights that must fit exactly.

    Raises
    ------
    IQFError
        If they are those of another configuration; names the first that does not fit.
    """
    own = network.state_dict()
    for key in [*own, *state]:
        if key not in state or key not in own or own[key].shape != state[key].shape:
            raise IQFError(
                f"{where}: the weights belong to another configuration: {key!r} "
                f"{'is missing' if key not in state else 'does not fit'}"
            )
    network.load_state_dict(dict(state))


def _file(path: Path) -> Path:
    file = path / WEIGHTS if path.is_dir() else path
    if not file.is_file():
        raise IQFError(
            f"{path}: no model there; expected a folder that `iqf qmrnet train` wrote, with "
            f"{WEIGHTS} in it"
        )
    return file
