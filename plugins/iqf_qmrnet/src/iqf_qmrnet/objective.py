"""What a training minimises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from iqf_qmrnet.decoding import hard_labels, soft_labels

if TYPE_CHECKING:
    from torch import Tensor

    from iqf_qmrnet.config import TrainingConfig
    from iqf_qmrnet.grid import Head


def objective(
    logits: Mapping[str, Tensor],
    values: Tensor,
    which: Tensor,
    heads: Sequence[Head],
    config: TrainingConfig,
) -> Tensor:
    """Return the loss of a batch: each sample counts for the head that it is labelled for.

    Parameters
    ----------
    logits
        Head name -> (N, classes).
    values
        (N,) the parameter of each sample.
    which
        (N,) index of each sample's head; the others' logits are masked out.
    heads
        In the order of the indices.
    config
        ``loss="soft"``: cross-entropy with Gaussian soft labels. ``loss="bce"``: mean binary
        cross-entropy of one-hot labels over levels, as published (Berga et al., Remote Sensing
        15(9) 2451, 2023, section 2.2).
    """
    import torch
    from torch.nn import functional

    total = torch.zeros((), device=values.device)
    for index, head in enumerate(heads):
        chosen = (which == index).nonzero()[:, 0]
        if not len(chosen):
            continue
        predicted, wanted = logits[head.name][chosen], values[chosen]
        if config.loss == "soft":
            target = soft_labels(head, wanted, config.label_width)
            part = functional.cross_entropy(predicted, target, reduction="sum")
        else:
            one_hot = functional.one_hot(hard_labels(head, wanted), head.classes).float()
            part = (
                functional.binary_cross_entropy_with_logits(predicted, one_hot, reduction="none")
                .mean(1)
                .sum()
            )
        total = total + part
    return total / len(values)
