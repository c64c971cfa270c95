"""How far what a network reads in one image lies from what it reads in another.

Both sides are always of the same kind: distributions against distributions, probabilities against
probabilities. The distance between cumulative distributions is the only one here that grows with
the error however far apart two readings are (the published element-wise criteria are flat from a
few bins on), so it alone always has a gradient that leads back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

Distance = Literal["emd", "expected", "bce", "l1", "mse"]


def distribution_distance(prediction: Tensor, target: Tensor, grid: Tensor) -> Tensor:
    """Return the earth mover's distance of distributions over a grid, as a share of its range.

    The integral of the absolute difference of the cumulative distributions (Vallender, Theory of
    Probability and its Applications 18(4), 1974); on an even grid, times N - 1, it is in bins.

    Parameters
    ----------
    prediction, target
        (B, N) probabilities that sum to 1.
    grid
        (N,) values of the classes, rising or falling.

    Returns
    -------
    Tensor
        (B,), 0 to 1.
    """
    steps = (grid[1:] - grid[:-1]).abs()
    gap = (prediction - target).cumsum(dim=1)[:, :-1].abs()
    return (gap * steps).sum(dim=1) / steps.sum()


def expected_distance(prediction: Tensor, target: Tensor, grid: Tensor) -> Tensor:
    """Return the absolute difference of the expected values, as a share of the grid's range.

    Parameters and result are those of :func:`distribution_distance`.
    """
    difference = (prediction - target) @ grid
    return difference.abs() / (grid[-1] - grid[0]).abs()


def elementwise_distance(
    prediction: Tensor, target: Tensor, kind: Literal["bce", "l1", "mse"]
) -> Tensor:
    """Return a published criterion (BCE, L1 or MSE) of class probabilities.

    Parameters
    ----------
    prediction, target
        (B, N) probabilities of each class, both after the same activation; the published loss
        compared probabilities with raw logits, which are no probabilities.
    kind
        Which one. The BCE of two equal sides is their entropy, not 0; its gradient is 0 there.

    Returns
    -------
    Tensor
        (B,), the mean over the classes.
    """
    from torch.nn.functional import binary_cross_entropy

    if kind == "bce":
        return binary_cross_entropy(prediction, target, reduction="none").mean(dim=1)
    difference = prediction - target
    return (difference.abs() if kind == "l1" else difference.square()).mean(dim=1)


def point_mass(value: float, grid: Tensor) -> Tensor:
    """Return the distribution over the grid whose mean is `value`, on the bins beside it.

    Parameters
    ----------
    value
        Within the grid's range.
    grid
        (N,) values of the classes, rising or falling.

    Returns
    -------
    Tensor
        (N,) probabilities.
    """
    import torch

    rising = grid if grid[-1] > grid[0] else -grid
    wanted = torch.as_tensor(value, dtype=grid.dtype, device=grid.device)
    wanted = wanted if grid[-1] > grid[0] else -wanted
    right = int(torch.searchsorted(rising, wanted).clamp(1, len(grid) - 1))
    share = ((wanted - rising[right - 1]) / (rising[right] - rising[right - 1])).clamp(0, 1)
    masses = torch.zeros_like(grid)
    masses[right - 1], masses[right] = 1 - share, share
    return masses
