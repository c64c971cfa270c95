"""From logits to values and back, in torch: targets of training, readings of inference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from iqf_qmrnet.grid import Head

#: Where the expected value looks around the mode, in bins on either side.
WINDOW = 6


@dataclass(frozen=True)
class Reading:
    """What the logits of one head say, one entry for each sample, tensors of shape (N,).

    Attributes
    ----------
    index
        The most probable level, 0 to bins - 1 (the ends aside).
    value
        Its value, in the parameter's unit.
    expected
        Expected value over the levels within :data:`WINDOW` bins of the mode.
    spread
        Standard deviation of the distribution over all classes, in the parameter's unit; an end
        counts one step beyond the range.
    below, above
        Probability that the value lies below or above the range; 0 without ends.
    """

    index: Tensor
    value: Tensor
    expected: Tensor
    spread: Tensor
    below: Tensor
    above: Tensor


def centres(head: Head, like: Tensor) -> Tensor:
    """Return the value of every class, (classes,), on the device of `like`, float32."""
    import torch

    return torch.as_tensor(head.centres, dtype=torch.float32, device=like.device)


def read(head: Head, logits: Tensor, temperature: float = 1.0) -> Reading:
    """Read the logits of one head.

    Parameters
    ----------
    head
        Its levels.
    logits
        (N, classes).
    temperature
        What logits are divided by, as calibrated.
    """
    import torch

    probabilities = torch.softmax(logits.float() / temperature, dim=1)
    values = centres(head, logits)
    inner = probabilities[:, head.inner]
    levels = values[head.inner]
    index = inner.argmax(dim=1)
    positions = torch.arange(head.bins, device=logits.device)
    near = (positions[None] - index[:, None]).abs() <= WINDOW
    weight = inner * near
    expected = (weight * levels).sum(1) / weight.sum(1).clamp_min(1e-12)
    mean = (probabilities * values).sum(1)
    spread = (probabilities * (values[None] - mean[:, None]) ** 2).sum(1).sqrt()
    nothing = torch.zeros_like(expected)
    return Reading(
        index=index,
        value=levels[index],
        expected=expected,
        spread=spread,
        below=probabilities[:, 0] if head.ends else nothing,
        above=probabilities[:, -1] if head.ends else nothing,
    )


def soft_labels(head: Head, values: Tensor, width_bins: float = 1.0) -> Tensor:
    """Return the probability of each class for values known to within a Gaussian.

    Parameters
    ----------
    head
        Its levels.
    values
        (N,) in the parameter's unit; -inf and inf stand for *below* and *above* at any distance.
    width_bins
        Standard deviation of the Gaussian, in bins.

    Returns
    -------
    Tensor
        (N, classes), rows of sum 1: the Gaussian's share between the borders of every class. The
        ends take its tails, so the order of classes is kept.
    """
    import torch

    edges = torch.as_tensor(head.edges, dtype=torch.float64, device=values.device)
    width = head.step * width_bins
    # Infinite values minus infinite borders are no numbers: what is far outside is far enough.
    far = 10 * (head.high - head.low)
    inside = values.double().clamp(head.low - far, head.high + far)
    below = torch.special.ndtr((edges[None] - inside[:, None]) / width)
    shares: Tensor = (below[:, 1:] - below[:, :-1]).float()
    return shares


def hard_labels(head: Head, values: Tensor) -> Tensor:
    """Return the class of each value, (N,) int64, as :meth:`Head.label`."""
    import torch

    borders = torch.as_tensor(head.edges[1:-1], dtype=torch.float64, device=values.device)
    return torch.searchsorted(borders, values.double().contiguous(), right=True)
