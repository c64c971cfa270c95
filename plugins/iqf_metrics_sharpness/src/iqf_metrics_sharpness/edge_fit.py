"""Edges fitted to the pixels themselves: no rotation, no interpolation, no bins."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from iqf_metrics_sharpness.candidates import RADIUS, Candidates

Floats = NDArray[Any]

#: Widths that can be told, px: below, all pixels but one are on one side or the other.
_WIDTHS = (0.2, 8.0)


@dataclass
class Edges:
    """Fitted edges, I = dark + contrast Phi((x cos + y sin - offset) / width).

    Attributes
    ----------
    row, column
        The candidate's pixel, (N,).
    angle
        Direction of the normal in radians, from dark to bright.
    offset
        Distance of the edge from that pixel along the normal, px.
    width
        Standard deviation of the Gaussian line spread function, px.
    width_error
        Its standard error relative to it.
    dark, contrast
        In DN (relative to the window's mean).
    residual
        Root mean square of what the fit leaves, DN.
    pixels
        How many pixels were fitted.
    dark_slope, bright_slope
        How the sides slope away from the edge, DN/px; 0 where they were fitted as flat.
    """

    row: Floats
    column: Floats
    angle: Floats
    offset: Floats
    width: Floats
    width_error: Floats
    dark: Floats
    contrast: Floats
    residual: Floats
    pixels: Floats
    dark_slope: Floats
    bright_slope: Floats

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.width)

    def take(self, index: Any) -> Edges:
        """Return those of an index or mask."""
        return Edges(**{each.name: getattr(self, each.name)[index] for each in fields(self)})


def reach_of(width: float) -> float:
    """Return how far from the edge pixels are fitted: to where it is flat, px."""
    return min(max(2.5 * width + 1.5, 3.0), RADIUS - 1.0)


def windows(
    candidates: Candidates, angle: Floats, reach: float
) -> tuple[Floats, Floats, Floats, NDArray[np.bool_]]:
    """Return the pixels around candidates, and which belong to the window along each edge.

    Parameters
    ----------
    candidates
        The N candidates; their `half_length` says how long the window is.
    angle
        (N,) directions of the edges' normals, radians.
    reach
        How far the window goes from the edge, px.

    Returns
    -------
    tuple
        Pixels (N, P), their coordinates x and y (P,), and whether each is there and inside (N, P).
    """
    half_length = candidates.half_length
    radius = min(RADIUS, int(np.ceil(np.hypot(reach, half_length))))
    cut = slice(RADIUS - radius, RADIUS + radius + 1)
    pixels = candidates.patch[:, cut, cut].reshape(len(candidates), -1).astype(float)
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1].reshape(2, -1).astype(float)
    cos, sin = np.cos(angle)[:, np.newaxis], np.sin(angle)[:, np.newaxis]
    across, along = x * cos + y * sin, y * cos - x * sin
    used = (np.abs(across) <= reach) & (np.abs(along) <= half_length) & np.isfinite(pixels)
    return pixels, x, y, used


def fit_edges(
    candidates: Candidates, reach: float, start: float, rounds: int = 10, sloping: bool = False
) -> Edges:
    """Fit all candidates at once by damped Gauss-Newton (Levenberg-Marquardt).

    Parameters
    ----------
    candidates
        Where the edges may be.
    reach
        Pixels farther from the edge are not fitted, px.
    start
        Width to begin with, px.
    rounds
        Iterations.
    sloping
        Whether the sides may slope: shaded surfaces and neighbours that blur brings near. Costs
        precision where they are flat.
    """
    pixels, x, y, used = windows(candidates, candidates.angle, reach)
    # Each edge's own pixels first: the others need not be computed.
    index = np.argsort(~used, axis=1, kind="stable")[:, : max(1, int(used.sum(axis=1).max()))]
    weight = np.take_along_axis(used, index, axis=1).astype(float)
    pixels = np.nan_to_num(np.take_along_axis(pixels, index, axis=1))
    x, y = x[index], y[index]
    theta = begin(pixels, weight, x, y, candidates.angle, start)
    if sloping:
        theta = np.concatenate([theta, np.zeros((len(theta), 2))], axis=1)
    theta, width_error, residual = solve(pixels, weight, x, y, theta, rounds)
    slopes = theta[:, 5:] if sloping else np.zeros((len(theta), 2))
    return Edges(
        candidates.row,
        candidates.column,
        theta[:, 2],
        theta[:, 3],
        np.exp(theta[:, 4]),
        width_error,
        theta[:, 0],
        theta[:, 1],
        residual,
        weight.sum(axis=1),
        slopes[:, 0],
        slopes[:, 1],
    )


def solve(
    pixels: Floats, weight: Floats, x: Floats, y: Floats, theta: Floats, rounds: int
) -> tuple[Floats, Floats, Floats]:
    """Return the parameters, relative errors of the widths, and residuals of N edges.

    Parameters
    ----------
    pixels, weight, x, y
        (N, P) values, weights (0 or 1) and coordinates.
    theta
        (N, 5) parameters to begin with, see :func:`begin`; (N, 7) with the slopes of both sides.
    rounds
        Iterations.
    """
    count = np.maximum(weight.sum(axis=1), 1)
    theta = theta.copy()
    damping = np.full(len(theta), 1e-2)
    value, slopes = _model(theta, x, y)
    cost = (weight * (pixels - value) ** 2).sum(axis=1)
    for _ in range(rounds):
        weighted = slopes * weight[:, np.newaxis]
        normal = weighted @ slopes.transpose(0, 2, 1)
        right = weighted @ (pixels - value)[:, :, np.newaxis]
        diagonal = np.einsum("nii->ni", normal)
        damped = normal.copy()
        np.einsum("nii->ni", damped)[:] += damping[:, np.newaxis] * diagonal + 1e-12
        step = np.linalg.solve(damped, right)[:, :, 0]
        step[:, 2] = step[:, 2].clip(-0.2, 0.2)
        step[:, 3] = step[:, 3].clip(-1, 1)
        step[:, 4] = step[:, 4].clip(-0.5, 0.5)
        tried = theta + step
        tried[:, 4] = tried[:, 4].clip(*np.log(_WIDTHS))
        new_value, new_slopes = _model(tried, x, y)
        new_cost = (weight * (pixels - new_value) ** 2).sum(axis=1)
        better = new_cost <= cost
        theta[better], cost[better] = tried[better], new_cost[better]
        value[better], slopes[better] = new_value[better], new_slopes[better]
        damping = np.where(better, damping * 0.2, damping * 8).clip(1e-9, 1e6)
    weighted = slopes * weight[:, np.newaxis]
    normal = weighted @ slopes.transpose(0, 2, 1)
    scale = np.sqrt(np.maximum(np.einsum("nii->ni", normal), 1e-30))
    normal = normal / (scale[:, :, np.newaxis] * scale[:, np.newaxis]) + 1e-12 * np.eye(
        theta.shape[1]
    )
    covariance = np.linalg.inv(normal)[:, 4, 4] / scale[:, 4] ** 2
    residual = np.sqrt(cost / np.maximum(count - theta.shape[1], 1))
    return theta, residual * np.sqrt(np.maximum(covariance, 0)), residual


def begin(
    pixels: Floats, weight: Floats, x: Floats, y: Floats, angle: Floats, start: float
) -> Floats:
    """Return (N, 5): dark, contrast, angle, offset, logarithm of the width."""
    across = x * np.cos(angle)[:, np.newaxis] + y * np.sin(angle)[:, np.newaxis]
    level = []
    for side in (across < -1, across > 1):
        chosen = weight * side
        level.append((chosen * pixels).sum(axis=1) / np.maximum(chosen.sum(axis=1), 1))
    dark, bright = level
    return np.stack(
        [dark, bright - dark, angle, np.zeros_like(angle), np.full_like(angle, np.log(start))],
        axis=1,
    )


def _model(theta: Floats, x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return the values (N, P) and their derivatives (N, 5 or 7, P)."""
    dark, contrast, angle, offset, logarithm = (theta[:, i, np.newaxis] for i in range(5))
    cos, sin, width = np.cos(angle), np.sin(angle), np.exp(logarithm)
    distance = x * cos + y * sin - offset
    u = distance / width
    rise = ndtr(u)
    bell = np.exp(-u * u / 2) * (contrast / np.sqrt(2 * np.pi))
    slopes = np.empty((len(theta), theta.shape[1], x.shape[-1]))
    slopes[:, 0] = 1
    slopes[:, 1] = rise
    slopes[:, 2] = bell * (y * cos - x * sin) / width
    slopes[:, 3] = -bell / width
    slopes[:, 4] = -bell * u
    value = dark + contrast * rise
    if theta.shape[1] == 5:
        return value, slopes
    # What the slopes add to the other derivatives is small, and Gauss-Newton does without it.
    slopes[:, 5] = distance * (1 - rise)
    slopes[:, 6] = distance * rise
    value += theta[:, 5, np.newaxis] * slopes[:, 5] + theta[:, 6, np.newaxis] * slopes[:, 6]
    return value, slopes
