"""Whether more edges pass the gates than would by chance.

Texture has places that pass for straight edges, and how many depends on its spectrum: of filtered
noise of 1.2 px some 2 % of the candidates pass, of 3 px 60 %. So an image is held against Gaussian
noise of its own spectrum, which has no edges (surrogate data, Theiler et al., Physica D 58, 1992).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy.stats import hypergeom

from iqf_core.api import Image, ImageReader, Window

Floats = NDArray[Any]

#: So many images of noise are looked at; so much of the image's middle tells their spectrum, px.
_SURROGATES, _MOST = 4, 512

#: Of the edges that pass, so many times what chance gives must be there.
_TIMES = 2.5

#: Such an excess happens by chance this seldom at most, when neighbours that pass together count
#: as one.
_SELDOM, _NEIGHBOURS = 0.005, 2


def surrogates(reader: ImageReader, band: int) -> Iterator[ImageReader]:
    """Yield images of Gaussian noise with the spectrum of a band's middle.

    Parameters
    ----------
    reader
        The image; its middle is read, up to 512 x 512 px. Invalid pixels count as the mean.
    band
        Index of the band.
    """
    height, width, _ = reader.shape
    rows, columns = min(height, _MOST), min(width, _MOST)
    window = Window((height - rows) // 2, (width - columns) // 2, rows, columns)
    image = reader.read(window)
    pixels = image.pixels[:, :, band].astype(np.float64)
    if image.mask is not None:
        pixels[~image.mask] = pixels[image.mask].mean() if image.mask.any() else 0
    pixels -= pixels.mean()
    # Without a window the jump from one side to the other would be edges along both axes.
    spectrum = np.abs(scipy.fft.rfft2(pixels * np.outer(*map(np.hanning, pixels.shape))))
    rng = np.random.Generator(np.random.PCG64(0))
    for _ in range(_SURROGATES):
        noise = scipy.fft.rfft2(rng.normal(0, 1, pixels.shape))
        made = scipy.fft.irfft2(noise * spectrum, s=pixels.shape)
        made *= _steepness(pixels) / max(_steepness(made), 1e-12)
        cube = made.astype(np.float32)[:, :, np.newaxis]
        yield ImageReader.of(Image(cube, peak=2 * float(np.abs(cube).max()) + 1))


def _steepness(pixels: Floats) -> float:
    """Return the root mean square of the steps between neighbours."""
    return float(np.sqrt(sum(np.mean(np.diff(pixels, axis=axis) ** 2) for axis in (0, 1))))


def more_than_chance(
    passed: int,
    candidates: int,
    of_noise: Callable[[ImageReader], tuple[int, int]],
    reader: ImageReader,
    band: int,
) -> bool:
    """Return whether clearly more candidates pass than of noise with the band's spectrum.

    Parameters
    ----------
    passed, candidates
        How many candidates of the band pass the gates, and of how many.
    of_noise
        Returns the same two numbers of an image of noise.
    reader
        The image.
    band
        Index of the band.
    """
    counts = np.array([of_noise(each) for each in surrogates(reader, band)])
    by_chance, of_all = (int(total) for total in counts.sum(axis=0))
    if passed * of_all < _TIMES * by_chance * candidates:
        return False
    few = [number // _NEIGHBOURS for number in (passed, candidates, by_chance, of_all)]
    passed, candidates, by_chance, of_all = few
    seldom = hypergeom.sf(passed - 1, candidates + of_all, passed + by_chance, candidates)
    return bool(seldom < _SELDOM)
