"""QMRLoss as a torch module: what a frozen QMRNet reads in an image, against what it should read.

Of Berga et al., Remote Sensing 15(9) 2451, 2023 (section 2.4), with both sides of a comparison of
the same kind, and the network frozen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from iqf_qmrnet.distances import (
    Distance,
    distribution_distance,
    elementwise_distance,
    expected_distance,
    point_mass,
)
from iqf_qmrnet.grid import Head

Mode = Literal["match", "target", "minimize", "maximize"]


class QMRCriterion(nn.Module):
    """Mean over samples and heads of the distance between what is read and what is wanted.

    Parameters
    ----------
    network
        Images (N, C, H, W) in [0, 1] to head name -> logits (N, classes). It is frozen: in
        evaluation mode whatever ``train()`` says, its parameters without gradients.
    heads
        The heads that count.
    mode
        What is wanted: ``match``, what the network reads in the target; ``target``, `value`;
        ``minimize`` and ``maximize``, nothing above the range's low end, or below its high end.
    distance
        See :mod:`iqf_qmrnet.distances`.
    value
        The value wanted with ``mode="target"``, in the head's unit.
    sigmoid
        Whether classes are independent (networks trained with BCE) for the element-wise distances.
    temperatures
        Head name -> what logits are divided by.
    """

    def __init__(
        self,
        network: nn.Module,
        heads: Sequence[Head],
        *,
        mode: Mode = "match",
        distance: Distance = "emd",
        value: float | None = None,
        sigmoid: bool = False,
        temperatures: dict[str, float] | None = None,
    ) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(False)
        self.heads = tuple(heads)
        self.mode, self.distance, self.value = mode, distance, value
        self.sigmoid = sigmoid
        self.temperatures = dict(temperatures or {})

    def train(self, mode: bool = True) -> QMRCriterion:
        """Set the mode of everything but the network, which stays in evaluation mode."""
        super().train(mode)
        self.network.eval()
        return self

    def forward(self, prediction: Tensor, target: Tensor | None = None) -> Tensor:
        """Return the loss, a scalar.

        Parameters
        ----------
        prediction
            (N, C, H, W), float, scaled to [0, 1] by the peak.
        target
            The same for what it should be; looked at with ``mode="match"`` only.
        """
        found = self.network(prediction)
        wanted: dict[str, Tensor] = {}
        if self.mode == "match":
            if target is None:
                raise ValueError("QMRLoss with mode=match compares with a target; none was given")
            with torch.no_grad():
                wanted = self.network(target)
        terms = [self._term(head, found[head.name], wanted.get(head.name)) for head in self.heads]
        return torch.stack(terms).mean()

    def _term(self, head: Head, logits: Tensor, wanted: Tensor | None) -> Tensor:
        grid = torch.as_tensor(head.centres).to(logits)
        temperature = self.temperatures.get(head.name, 1.0)
        if self.distance in ("bce", "l1", "mse"):
            here = self._probabilities(logits, temperature)
            there = (
                self._probabilities(wanted, temperature)
                if wanted is not None
                else self._point(head, grid).expand_as(here)
            )
            return elementwise_distance(here, there, self.distance).mean()
        here = (logits / temperature).softmax(dim=1)
        if wanted is not None:
            there = (wanted / temperature).softmax(dim=1)
        elif self.mode == "target":
            there = self._point(head, grid).expand_as(here)
        else:
            return self._beyond(head, here, grid).mean()
        distance = distribution_distance if self.distance == "emd" else expected_distance
        return distance(here, there, grid).mean()

    def _probabilities(self, logits: Tensor, temperature: float) -> Tensor:
        if self.sigmoid:
            return (logits / temperature).sigmoid()
        return (logits / temperature).softmax(dim=1)

    def _point(self, head: Head, grid: Tensor) -> Tensor:
        value = {"minimize": head.low, "maximize": head.high}.get(self.mode, self.value)
        assert value is not None
        return point_mass(value, grid)

    def _beyond(self, head: Head, here: Tensor, grid: Tensor) -> Tensor:
        """Return how far the reading lies on the wrong side of the wanted end, (N,).

        A hinge: what is read at or beyond that end costs nothing. ``emd`` counts every class by
        itself, ``expected`` the mean.
        """
        span = (grid[-1] - grid[0]).abs()
        sign = 1.0 if self.mode == "minimize" else -1.0
        end = head.low if self.mode == "minimize" else head.high
        if self.distance == "emd":
            return here @ (sign * (grid - end)).clamp_min(0) / span
        return (sign * (here @ grid - end)).clamp_min(0) / span
