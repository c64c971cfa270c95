"""Samples of all frames, gathered on one grid: kernel regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iqf_sr_msrn.fusion.kernels import KernelField
from iqf_sr_msrn.fusion.registration import Shift

Planes = NDArray[np.float32]

#: Samples this many pixels around the nearest one count.
_REACH = 1


@dataclass(frozen=True)
class Frame:
    """A registered frame.

    Attributes
    ----------
    planes
        (C, H, W), 1 is full scale.
    shift
        Where it lies against the reference.
    trust
        (H, W) weight of each sample: 0 where it is invalid or shows something else.
    """

    planes: Planes
    shift: Shift
    trust: NDArray[np.float32]


def fine_grid(length: int, scale: int, shift: float = 0.0) -> NDArray[np.float64]:
    """Return the centres of `scale` x `length` pixels, in pixels of the reference."""
    return (np.arange(length * scale) + 0.5) / scale - 0.5 + shift


def gather(
    frames: Sequence[Frame],
    kernels: KernelField,
    rows: NDArray[np.float64],
    columns: NDArray[np.float64],
) -> tuple[Planes, NDArray[np.float32]]:
    """Return the weighted mean of the samples around each point of a grid.

    ``value(p) = sum w c / sum w`` over the samples c of all frames, with
    ``w = trust exp(-d' K d / 2)``, d from the point to the sample and K the inverse covariance at
    the point (Wronski et al. 2019, equation 4).

    Parameters
    ----------
    frames
        What is gathered from.
    kernels
        On the grid of the reference.
    rows, columns
        Where the grid's rows and columns lie, in pixels of the reference.

    Returns
    -------
    ndarray, ndarray
        (C, rows, columns), and the sum of the weights (rows, columns).
    """
    height, width = frames[0].planes.shape[1:]
    at = np.ix_(_nearest(rows, height), _nearest(columns, width))
    yy, xx, yx = kernels.yy[at], kernels.xx[at], kernels.yx[at]
    bands = len(frames[0].planes)
    total = np.zeros((bands, len(rows), len(columns)), np.float32)
    weight = np.zeros((len(rows), len(columns)), np.float32)
    for frame in frames:
        own_rows, own_columns = rows + frame.shift.row, columns + frame.shift.column
        first_row, first_column = np.rint(own_rows), np.rint(own_columns)
        for step_row in range(-_REACH, _REACH + 1):
            sample_rows = first_row + step_row
            dy = (sample_rows - own_rows).astype(np.float32)[:, None]
            for step_column in range(-_REACH, _REACH + 1):
                sample_columns = first_column + step_column
                dx = (sample_columns - own_columns).astype(np.float32)[None, :]
                here = np.ix_(_nearest(sample_rows, height), _nearest(sample_columns, width))
                share = np.exp(-0.5 * (yy * dy * dy + xx * dx * dx + 2 * yx * dy * dx))
                share *= frame.trust[here]
                share *= _inside(sample_rows, height)[:, None]
                share *= _inside(sample_columns, width)[None, :]
                weight += share
                for band in range(bands):
                    total[band] += share * frame.planes[band][here]
    return np.asarray(total / np.maximum(weight, 1e-12), np.float32), weight


def _nearest(places: NDArray[Any], length: int) -> NDArray[np.intp]:
    return np.asarray(np.clip(np.rint(places), 0, length - 1), np.intp)


def _inside(places: NDArray[Any], length: int) -> NDArray[np.float32]:
    return ((places >= 0) & (places <= length - 1)).astype(np.float32)
