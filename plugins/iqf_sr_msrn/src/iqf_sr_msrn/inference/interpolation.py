"""Interpolation by a whole factor, with the kernels that super-resolution is compared with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from iqf_sr_msrn.inference.forward import Function


def cubic_kernel(x: NDArray[np.float64], a: float) -> NDArray[np.float64]:
    """Return the cubic convolution kernel of Keys, IEEE TASSP 29 (1981), at distances `x` in px."""
    x = np.abs(x)
    near = (a + 2) * x**3 - (a + 3) * x**2 + 1
    far = a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def lanczos_kernel(x: NDArray[np.float64], lobes: int) -> NDArray[np.float64]:
    """Return the windowed sinc of `lobes` lobes (Duchon 1979) at distances `x` in px."""
    return np.where(np.abs(x) < lobes, np.sinc(x) * np.sinc(x / lobes), 0.0)


def bicubic(scale: int, a: float) -> Function:
    """Return bicubic interpolation by `scale` as a function of planes (C, h, w)."""
    return _separable([_weights(phase, scale, 2, a=a) for phase in range(scale)], 2)


def lanczos(scale: int, lobes: int) -> Function:
    """Return Lanczos interpolation by `scale` as a function of planes (C, h, w)."""
    return _separable([_weights(phase, scale, lobes) for phase in range(scale)], lobes)


def _weights(phase: int, scale: int, radius: int, a: float | None = None) -> NDArray[np.float32]:
    """Return the weights of the 2 `radius` + 1 pixels around the one that holds the new centre."""
    centre = (phase + 0.5) / scale - 0.5
    distances = np.arange(-radius, radius + 1, dtype=np.float64) - centre
    kernel = lanczos_kernel(distances, radius) if a is None else cubic_kernel(distances, a)
    return np.asarray(kernel / kernel.sum(), np.float32)


def _separable(phases: list[NDArray[np.float32]], radius: int) -> Function:
    def run(planes: NDArray[np.float32]) -> NDArray[np.float32]:
        return _along(_along(planes, phases, radius, 1), phases, radius, 2)

    return run


def _along(
    planes: NDArray[np.float32], phases: list[NDArray[np.float32]], radius: int, axis: int
) -> NDArray[np.float32]:
    """Enlarge along one axis; beyond the border the last pixel continues."""
    lines = np.moveaxis(planes, axis, 0)
    length = len(lines)
    padded = np.pad(lines, [(radius, radius), (0, 0), (0, 0)], mode="edge")
    result = np.empty((length * len(phases), *lines.shape[1:]), np.float32)
    for phase, weights in enumerate(phases):
        total = np.zeros_like(lines)
        for tap, weight in enumerate(weights):
            total += weight * padded[tap : tap + length]
        result[phase :: len(phases)] = total
    return np.ascontiguousarray(np.moveaxis(result, 0, axis))
