"""Phase congruency: where the Fourier components of an image are in phase."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from iqf_metrics_similarity.pairs import Validity

Float = NDArray[np.float64]

#: Kovesi's parameters as Zhang et al. 2011 chose them (section IV-A and their program).
SCALES, ORIENTATIONS = 4, 4
SHORTEST_WAVELENGTH_PX, MULTIPLIER = 6.0, 2.0
BANDWIDTH = 0.55
ANGULAR_SPACING = 1.2
NOISE_DEVIATIONS = 2.0
EMPIRICAL_RESCALING = 1.7
_TINY = 1e-4

#: Longest wavelength of the filters.
LONGEST_WAVELENGTH_PX = SHORTEST_WAVELENGTH_PX * MULTIPLIER ** (SCALES - 1)


class _Bank(NamedTuple):
    """The filters for one size of image, as transfer functions.

    Attributes
    ----------
    radial, angular
        (H, W) each; a filter is a product of one of either. SCALES and ORIENTATIONS of them.
    noise
        Per orientation: the energy that white noise reaches for a unit of the finest scale's root
        mean square response.
    """

    radial: tuple[Float, ...]
    angular: tuple[Float, ...]
    noise: tuple[float, ...]


@lru_cache(maxsize=1)
def _bank(height: int, width: int) -> _Bank:
    vertical = np.fft.fftfreq(height)[:, np.newaxis]
    horizontal = np.fft.fftfreq(width)[np.newaxis, :]
    radius, angle = np.hypot(vertical, horizontal), np.arctan2(-vertical, horizontal)
    radial = tuple(_log_gabor(radius, scale) for scale in range(SCALES))
    angular = tuple(_spread(angle, orientation) for orientation in range(ORIENTATIONS))
    return _Bank(radial, angular, tuple(_noise_energy(radial, each) for each in angular))


def phase_congruency(plane: NDArray[np.floating], valid: Validity = None) -> Float:
    """Return the phase congruency of a plane, 0 to 1.

    Kovesi, "Image features from phase congruency", Videre 1(3), 1999, equation 14 in the form that
    Zhang et al. 2011, section II, use: the energy of local components summed over scales along
    their mean phase, less the noise's, over the sum of their amplitudes, both summed over
    orientations. Filters are log-Gabor (4 scales from 6 px, each twice the last; bandwidth ratio
    0.55; 4 orientations, angular sigma 45 degrees / 1.2); the noise is Rayleigh distributed, its
    scale that of the finest filter's median response, and two deviations above its mean are taken.

    Parameters
    ----------
    plane
        (H, W), finite; periodic for the transform.
    valid
        Where the noise is estimated; None for everywhere.

    Returns
    -------
    ndarray
        (H, W).
    """
    values = plane.astype(np.float64)
    spectrum = np.fft.fft2(values - values.mean())
    bank = _bank(*plane.shape)
    energy, amplitude = np.zeros(plane.shape), np.zeros(plane.shape)
    for spread, noise in zip(bank.angular, bank.noise, strict=True):
        responses = [_filtered(spectrum, radial * spread) for radial in bank.radial]
        amplitudes = [np.sqrt(even * even + odd * odd) for even, odd in responses]
        even = sum((even for even, _ in responses), start=np.zeros(plane.shape))
        odd = sum((odd for _, odd in responses), start=np.zeros(plane.shape))
        length = np.sqrt(even * even + odd * odd) + _TINY
        cosine, sine = even / length, odd / length
        local = np.zeros(plane.shape)
        for even, odd in responses:
            # Along the mean phase, less what stands across it.
            local += even * cosine + odd * sine - np.abs(even * sine - odd * cosine)
        amplitude += sum(amplitudes)
        # The squared amplitude of a complex Gaussian is exponential: its mean is median / ln 2.
        finest = amplitudes[0] if valid is None else amplitudes[0][valid]
        root_mean_square = float(np.median(finest)) / math.sqrt(math.log(2))
        energy += np.maximum(local - noise * root_mean_square, 0)
    return energy / (amplitude + _TINY)


def _filtered(spectrum: NDArray[np.complex128], transfer: Float) -> tuple[Float, Float]:
    """Return the even and the odd response, the real and the imaginary part.

    Parts are multiplied one by one here and above: how numpy rounds a product of complex numbers
    depends on where in memory they lie, and the same images shall give the same bits.
    """
    product = np.empty_like(spectrum)
    product.real, product.imag = spectrum.real * transfer, spectrum.imag * transfer
    response = np.fft.ifft2(product)
    return response.real.copy(), response.imag.copy()


def _log_gabor(radius: Float, scale: int) -> Float:
    """Return the radial part of a filter, without what the corners of the spectrum would add."""
    centre = 1 / (SHORTEST_WAVELENGTH_PX * MULTIPLIER**scale)
    safe = np.where(radius > 0, radius, 1.0)
    gabor = np.exp(-(np.log(safe / centre) ** 2) / (2 * math.log(BANDWIDTH) ** 2))
    # A Butterworth low-pass filter of order 15 at 0.45 cycles/px.
    low_pass = 1 / (1 + (radius / 0.45) ** 30)
    return np.where(radius > 0, gabor * low_pass, 0.0)


def _spread(angle: Float, orientation: int) -> Float:
    """Return the angular part of a filter: one half plane only, so that responses are complex."""
    across = angle - orientation * math.pi / ORIENTATIONS
    distance = np.abs(np.arctan2(np.sin(across), np.cos(across)))
    sigma = math.pi / ORIENTATIONS / ANGULAR_SPACING
    return np.exp(-(distance**2) / (2 * sigma**2))


def _noise_energy(radial: tuple[Float, ...], spread: Float) -> float:
    """Return the energy of white noise whose finest response has a root mean square of 1."""
    finest = float(np.sum((radial[0] * spread) ** 2))
    # The real parts of the impulse responses are those of the transfer functions' even parts.
    total = np.sum(radial, axis=0) * spread
    even = (total + _mirrored(total)) / 2
    scale = math.sqrt(float(np.sum(even**2)) / finest)
    # Mean and deviation of a Rayleigh distribution of that scale.
    mean, deviation = scale * math.sqrt(math.pi / 2), scale * math.sqrt(2 - math.pi / 2)
    return (mean + NOISE_DEVIATIONS * deviation) / EMPIRICAL_RESCALING


def _mirrored(transfer: Float) -> Float:
    """Return the transfer function at the opposite frequencies."""
    return np.roll(transfer[::-1, ::-1], (1, 1), axis=(0, 1))
