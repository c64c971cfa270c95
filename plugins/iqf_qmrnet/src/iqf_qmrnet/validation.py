"""How good a network is on the validation images, and the calibration that follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from iqf_qmrnet.checkpoint import Calibration
from iqf_qmrnet.crops import validation_crops
from iqf_qmrnet.decoding import hard_labels, read

if TYPE_CHECKING:
    from torch import Tensor

    from iqf_qmrnet.config import TrainingConfig
    from iqf_qmrnet.degradation import Degrader
    from iqf_qmrnet.grid import Head
    from iqf_qmrnet.networks.heads import QMRNet

#: Share of validation crops that intervals hold the truth of.
COVERAGE = 0.68

_TEMPERATURES = np.geomspace(0.25, 8, 61)


def predict(
    network: QMRNet, head: Head, degrader: Degrader, config: TrainingConfig, device: str = "cpu"
) -> tuple[Tensor, Tensor, list[str]]:
    """Return logits (N, classes), true values (N,) and image names of all validation crops."""
    import torch

    logits, values, names = [], [], []
    network.eval()
    with torch.inference_mode():
        for source, images, levels in validation_crops(head, degrader, config):
            found = network(torch.from_numpy(images).to(device))[head.name]
            logits.append(found.cpu())
            values.append(torch.from_numpy(levels))
            names += [source.name] * len(levels)
    return torch.cat(logits), torch.cat(values), names


def results(head: Head, logits: Tensor, values: Tensor, names: Sequence[str]) -> dict[str, Any]:
    """Return the paper's distances in bins, for crops and for the median over an image's crops.

    ``medr`` is the median distance between the most probable level and the true one; ``recall_5``
    the share with a distance of at most 5 bins; ``exact`` that of none. ``expected_medr`` and
    ``mae`` (in the parameter's unit) are those of the expected value. Keys that begin with
    ``image_`` belong to the median over the crops of one image at one level.
    """
    reading = read(head, logits)
    true = head.position(values.numpy())
    index = reading.index.numpy()
    expected = reading.expected.numpy()
    found = {
        "crops": len(true),
        "images": len(set(names)),
        **_distances("", np.abs(index - np.rint(true))),
        "expected_medr": float(np.median(np.abs(head.position(expected) - true))),
        "mae": float(np.abs(expected - values.numpy()).mean()),
        "bias": float((expected - values.numpy()).mean()),
    }
    groups: dict[tuple[str, float], list[int]] = {}
    for row, key in enumerate(zip(names, values.tolist(), strict=True)):
        groups.setdefault(key, []).append(row)
    medians = [
        abs(float(np.median(index[rows])) - round(float(true[rows[0]]))) for rows in groups.values()
    ]
    return found | _distances("image_", np.asarray(medians))


def _distances(prefix: str, distances: np.ndarray[Any, Any]) -> dict[str, float]:
    found = {f"{prefix}medr": float(np.median(distances))}
    for bins in (1, 5, 10):
        found[f"{prefix}recall_{bins}"] = float((distances <= bins).mean())
    found[f"{prefix}exact"] = float((distances < 0.5).mean())
    return found


def calibrate(head: Head, logits: Tensor, values: Tensor) -> Calibration:
    """Return the temperature of least negative log likelihood, and the width of intervals.

    Temperature scaling: Guo et al., ICML 2017; of the candidates from 1/4 to 8 the best. Interval:
    see :class:`iqf_qmrnet.checkpoint.Calibration`.
    """
    import torch
    from torch.nn import functional

    labels = hard_labels(head, values)
    losses = [
        float(functional.cross_entropy(logits / float(each), labels)) for each in _TEMPERATURES
    ]
    temperature = float(_TEMPERATURES[int(np.argmin(losses))])
    reading = read(head, logits, temperature)
    ratio = (reading.expected - values).abs() / reading.spread.clamp_min(1e-6)
    return Calibration(round(temperature, 6), round(float(torch.quantile(ratio, COVERAGE)), 6))
