"""FSIM and phase congruency: against plain numpy written apart, and their invariances."""

from __future__ import annotations

import numpy as np
import pytest
from iqf_metrics_similarity.phase_congruency import phase_congruency
from numpy.testing import assert_allclose
from scipy.ndimage import correlate


def bank(shape):
    """Return the transfer functions, (orientation, scale, H, W), from grids in natural order."""
    fy, fx = (np.fft.fftshift(np.fft.fftfreq(n)) for n in shape)
    fx, fy = np.meshgrid(fx, fy)
    radius, angle = np.hypot(fx, fy), np.arctan2(-fy, fx)
    radius[radius == 0] = 1
    filters = np.empty((4, 4, *shape))
    for o in range(4):
        away = np.abs((angle - o * np.pi / 4 + np.pi) % (2 * np.pi) - np.pi)
        for s in range(4):
            wavelength = 6 * 2**s
            gabor = np.exp(-(np.log(radius * wavelength) ** 2) / (2 * np.log(0.55) ** 2))
            gabor /= 1 + (np.hypot(fx, fy) / 0.45) ** 30
            gabor *= np.exp(-(away**2) / (2 * (np.pi / 4 / 1.2) ** 2))
            gabor[np.hypot(fx, fy) == 0] = 0
            filters[o, s] = np.fft.ifftshift(gabor)
    return filters


def expected_congruency(plane):
    """Return phase congruency with complex numbers and the filters' impulse responses."""
    filters = bank(plane.shape)
    energy, amplitude = np.zeros(plane.shape), np.zeros(plane.shape)
    for o in range(4):
        responses = np.fft.ifft2(np.fft.fft2(plane) * filters[o])
        total = responses.sum(axis=0)
        turned = responses * np.exp(-1j * np.angle(total))
        local = (turned.real - np.abs(turned.imag)).sum(axis=0)
        # Impulse responses, scaled so that white noise of unit power has unit power at each.
        impulses = np.fft.ifft2(filters[o]).real * np.sqrt(plane.size)
        power = np.median(np.abs(responses[0]) ** 2) / np.log(2) / (filters[o, 0] ** 2).sum()
        tau = np.sqrt(power * (impulses.sum(axis=0) ** 2).sum())
        noise = tau * (np.sqrt(np.pi / 2) + 2 * np.sqrt(2 - np.pi / 2)) / 1.7
        energy += np.maximum(local - noise, 0)
        amplitude += np.abs(responses).sum(axis=0)
    return energy / amplitude


def expected_fsim(x, y):
    """Return equation 7 of Zhang et al. 2011 of planes 0 to 255, less the outermost pixels."""
    kernel = np.array([[3, 0, -3], [10, 0, -10], [3, 0, -3]]) / 16
    gx, gy = (np.hypot(correlate(p, kernel), correlate(p, kernel.T)) for p in (x, y))
    px, py = expected_congruency(x), expected_congruency(y)
    alike = (2 * px * py + 0.85) / (px**2 + py**2 + 0.85)
    alike *= (2 * gx * gy + 160) / (gx**2 + gy**2 + 160)
    weight = np.maximum(px, py)
    inner = (slice(1, -1), slice(1, -1))
    return (alike * weight)[inner].sum() / weight[inner].sum()


@pytest.mark.parametrize("shape", [(96, 120), (97, 121)])
def test_phase_congruency_agrees_with_plain_numpy(scene, shape):
    plane = 255 * scene(*shape)
    # The constant against division by zero, 1e-4 of amplitudes of 1 and more, is what differs.
    assert_allclose(phase_congruency(plane), expected_congruency(plane), atol=1e-3)


def test_phase_congruency_does_not_depend_on_contrast(scene):
    plane = 255 * scene(80, 80)
    assert_allclose(phase_congruency(plane), phase_congruency(40 + 0.3 * plane), atol=1e-3)


def test_phase_congruency_finds_an_edge_and_a_line():
    plane = np.zeros((96, 96))
    plane[:, 48:] = 100  # an edge between columns 47 and 48, and where the period closes
    found = phase_congruency(plane)[48, 24:72]
    assert_allclose(found[23], found[24], rtol=1e-9)
    # Nowhere more than at the edge, but in the middle of the flat parts, where all waves turn.
    assert found[23] == pytest.approx(found[8:40].max())
    assert found[23] > 1.5 * found[21]
    line = np.zeros((96, 96))
    line[:, 30] = 100
    assert np.argmax(phase_congruency(line)[48]) == 30


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_fsim_agrees_with_plain_numpy(measure, pair, dtype):
    image, reference = pair(100, 130, dtype=dtype)
    peak = {"uint8": 255, "uint16": 65535, "float32": 1}[dtype]
    planes = (plane[..., 0].astype(np.float64) * 255 / peak for plane in (image, reference))
    value = measure("fsim", image, reference)["fsim"].value
    assert_allclose(value, expected_fsim(*planes), atol=1e-4)


def test_large_images_are_averaged_first(measure, pair):
    image, reference = pair(800, 830)  # 800 / 256 rounds to 3
    blocks = [
        p[:798, :828, 0].reshape(266, 3, 276, 3).mean(axis=(1, 3)) for p in (image, reference)
    ]
    value = measure("fsim", image, reference)["fsim"].value
    assert_allclose(value, expected_fsim(*blocks), atol=1e-4)


def test_an_image_is_like_itself(measure, pair):
    image, _ = pair()
    assert_allclose(measure("fsim", image, image)["fsim"].value, 1, rtol=1e-6)


def test_masked_pixels_have_no_influence(measure, pair):
    image, reference = pair(160, 160)
    mask = np.ones((160, 160), bool)
    mask[:10, :40] = False
    spoilt = np.where(mask[..., np.newaxis], image, 255).astype(np.uint8)
    masked = measure("fsim", image, reference, mask)["fsim"]
    assert measure("fsim", spoilt, reference, mask)["fsim"] == masked
    assert_allclose(masked.value, measure("fsim", image, reference)["fsim"].value, atol=0.02)
