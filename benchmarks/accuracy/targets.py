"""What the systems look at: straight edges, and scenes of many objects."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from .systems import System

Floats = NDArray[Any]

#: A scene's edge in pixels, and what is cut off on each side: filtering is periodic.
SIZE, MARGIN = 352, 16

#: Samples of a pixel in each direction, from twice as many points each.
FINE = 8


def edge(system: System, angle: float, size: int, dark: float, bright: float) -> Floats:
    """Return (size, size) DN of one straight edge through the middle, its normal at `angle`.

    Every pixel is the exact value of the system's edge spread function; `angle` is in radians
    from x.
    """
    rows, columns = np.mgrid[:size, :size] - (size - 1) / 2 + 0.137
    across = columns * np.cos(angle) + rows * np.sin(angle)
    return dark + (bright - dark) * system.edge_spread(across, angle)


class Scene:
    """Objects at random places, sizes and angles, to be seen by any system.

    The scene is drawn 16 times finer than the pixels; a system's transfer function is applied
    to its spectrum, which is then folded: that is sampling at the pixels' centres.
    """

    def __init__(self, seed: int, low: float = 30, high: float = 200) -> None:
        rng = np.random.default_rng([seed, 11])
        fine = 2 * FINE
        drawn = np.full((SIZE * fine, SIZE * fine), 90, np.float32)
        for number in range(46):
            level = float(rng.uniform(low, high))
            centre = rng.uniform(0, SIZE * fine, 2)
            sides = rng.uniform(22, 90, 2) * fine
            if number % 9 == 8:
                place = [int(each) for each in np.rint(centre)]
                cv2.circle(drawn, place, int(sides[0] / 3), level, cv2.FILLED)
                continue
            angle = float(rng.uniform(-8, 8) if number % 2 else rng.uniform(0, 90))
            corners = cv2.boxPoints((centre.tolist(), sides.tolist(), angle))
            cv2.fillPoly(drawn, [np.rint(corners).astype(np.int32)], level)
        drawn += _soft(rng, drawn.shape)
        means = cv2.resize(drawn, (SIZE * FINE,) * 2, interpolation=cv2.INTER_AREA)
        self._spectrum = scipy.fft.rfft2(means)
        self._fy = np.fft.fftfreq(SIZE * FINE, 1 / FINE)[:, np.newaxis].astype(np.float32)
        self._fx = np.fft.rfftfreq(SIZE * FINE, 1 / FINE)[np.newaxis].astype(np.float32)

    def seen(self, system: System) -> Floats:
        """Return (320, 320) DN: the scene through `system`, without noise."""
        # What was drawn are means over 1/8 px, whose centres lie 7/16 px before the pixel's.
        means = np.sinc(self._fx / FINE) * np.sinc(self._fy / FINE)
        shift = (FINE - 1) / (2 * FINE)
        filtered = self._spectrum * (system.transfer(self._fx, self._fy) / means)
        filtered *= np.exp(2j * np.pi * shift * self._fx) * np.exp(2j * np.pi * shift * self._fy)
        # Sampling a row: fold the rows' frequencies; across: only every FINE-th is computed.
        folded = filtered.reshape(FINE, SIZE, -1).sum(axis=0)
        rows = scipy.fft.ifft(folded, axis=0) / FINE
        pixels = scipy.fft.irfft(rows, n=SIZE * FINE, axis=1)[:, ::FINE]
        return np.asarray(pixels[MARGIN:-MARGIN, MARGIN:-MARGIN], np.float64)


def _soft(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Return illumination that varies slowly by about 12 DN."""
    coarse = rng.normal(0, 6, (6, 6)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC))


def without_edges(seed: int) -> dict[str, Floats]:
    """Return images (256, 256) in which no edge is, by name: no figure may come of them."""
    rng = np.random.default_rng([seed, 17])
    rows, columns = np.mgrid[:256, :256]
    texture = rng.normal(0, 1, (256, 256))
    coarse = cv2.GaussianBlur(rng.normal(0, 1, (256, 256)), (0, 0), 12)
    return {
        "flat": np.full((256, 256), 120.0) + rng.normal(0, 3, (256, 256)),
        "ramp": 60 + 0.4 * columns + 0.1 * rows + rng.normal(0, 2, (256, 256)),
        "pure noise": 128 + 40 * rng.normal(0, 1, (256, 256)),
        "fine texture": 120 + 60 * cv2.GaussianBlur(texture, (0, 0), 1.2),
        "clouds": 120 + 25 * coarse / coarse.std() + rng.normal(0, 1, (256, 256)),
    }
