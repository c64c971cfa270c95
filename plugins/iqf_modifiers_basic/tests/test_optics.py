"""Motion, defocus and system transfer against their closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from iqf_modifiers_basic.kernels import disk_kernel, line_kernel
from iqf_modifiers_basic.optics import Defocus, MotionBlur, SystemTransfer

from iqf_core.api import Context
from iqf_core.testing import make_image


def impulse_response(modifier, size=129):
    """What becomes of a single bright pixel in the middle, float64."""
    image = make_image(size, size, 1, "float32")
    pixels = np.zeros_like(image.pixels)
    pixels[size // 2, size // 2] = 1
    result = modifier.modify(image.with_pixels(pixels), None, Context()).pixels
    return result[:, :, 0].astype(np.float64)


def transfer(response, fx, fy):
    """The transfer function of an impulse response at frequencies in cycles per pixel."""
    y, x = np.mgrid[: response.shape[0], : response.shape[1]] - response.shape[0] // 2
    phases = [np.cos(2 * np.pi * (u * x + v * y)) for u, v in zip(fx, fy, strict=True)]
    return np.array([(response * phase).sum() for phase in phases])


def moments(kernel):
    y, x = np.mgrid[: kernel.shape[0], : kernel.shape[1]].astype(np.float64)
    y, x = y - kernel.shape[0] // 2, x - kernel.shape[1] // 2
    weights = kernel.astype(np.float64)
    return {
        "sum": weights.sum(),
        "x": (weights * x).sum(),
        "y": (weights * y).sum(),
        "xx": (weights * x**2).sum(),
        "yy": (weights * y**2).sum(),
        "xy": (weights * x * y).sum(),
    }


@pytest.mark.parametrize("angle", [0, 20, 45, 90, 135, -30])
@pytest.mark.parametrize("length", [0.5, 2, 5, 11.3])
def test_motion_has_the_second_moment_of_its_path(length, angle):
    found = moments(line_kernel(length, angle))
    cosine, sine = np.cos(np.radians(angle)), -np.sin(np.radians(angle))
    along = found["xx"] * cosine**2 + found["yy"] * sine**2 + 2 * found["xy"] * cosine * sine
    across = found["xx"] * sine**2 + found["yy"] * cosine**2 - 2 * found["xy"] * cosine * sine
    assert found["sum"] == pytest.approx(1, abs=1e-6)
    assert (found["x"], found["y"]) == pytest.approx((0, 0), abs=1e-5)
    # The weights are rounded to 32 bits.
    assert along == pytest.approx(length**2 / 12, rel=1e-4)
    # Sharing a point between two pixels spreads it by at most half a pixel: a variance of 1/4.
    assert across < 0.26
    if angle % 90 == 0:
        assert across == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("length", [3, 7, 10.5])
def test_motion_along_an_axis_has_the_transfer_function_of_a_path(length):
    # Up to the middle of the main lobe; beyond it, sampling folds the sinc's slow tail back. The
    # second moment is exact, the fourth is off by what the pixel grid makes of a short path.
    frequency = np.linspace(0, 0.5 / length, 9)
    expected = np.sinc(length * frequency)
    for angle, axes in ((0, (frequency, 0 * frequency)), (90, (0 * frequency, frequency))):
        response = impulse_response(
            MotionBlur(MotionBlur.Params(length_px=length, angle_deg=angle))
        )
        np.testing.assert_allclose(transfer(response, *axes), expected, atol=0.03 / length)
        np.testing.assert_allclose(transfer(response, *axes[::-1]), 1, atol=1e-5)


def test_the_angle_counts_counter_clockwise_from_the_rows():
    kernel = line_kernel(9, 45)
    middle = kernel.shape[0] // 2
    # Up on the screen means a smaller row: the path runs from lower left to upper right.
    assert kernel[middle - 2, middle + 2] > 0.05
    assert kernel[middle + 2, middle + 2] == 0


@pytest.mark.parametrize("radius", [0.4, 1, 2.5, 6])
def test_a_disk_has_its_second_moment_on_both_axes(radius):
    found = moments(disk_kernel(radius))
    assert found["sum"] == pytest.approx(1, abs=1e-6)
    for axis in ("xx", "yy"):
        assert found[axis] == pytest.approx(radius**2 / 4, rel=2e-4)
    assert found["xy"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("radius", [2.0, 4.0])
def test_defocus_has_the_transfer_function_of_a_disk(radius):
    angle = (np.arange(2000) + 0.5) * np.pi / 2000
    frequency = np.linspace(0.01, 0.3 / radius, 6)
    argument = 2 * np.pi * radius * frequency
    # Bessel's integral: J1(z) = 1/pi int cos(t - z sin t) dt over [0, pi].
    bessel = np.cos(angle - argument[:, None] * np.sin(angle)).mean(axis=1)
    response = impulse_response(Defocus(Defocus.Params(radius_px=radius)))
    for fx, fy in ((1, 0), (0, 1), (np.sqrt(0.5), np.sqrt(0.5))):
        found = transfer(response, fx * frequency, fy * frequency)
        # Pixels are covered in part, so the disk's rim is one pixel wide instead of sharp.
        np.testing.assert_allclose(found, 2 * bessel / argument, atol=0.01)


CASES = [
    {"sigma_x_px": 0.9, "sigma_y_px": 1.6},
    {"sigma_x_px": 0.5, "sigma_y_px": 0.6, "aperture_px": 1, "motion_px": 1},
    {"sigma_x_px": 0.4, "sigma_y_px": 0.4, "aperture_px": 2.5, "motion_px": 4, "motion_axis": "x"},
    {"sigma_x_px": 3.0, "sigma_y_px": 0.7, "motion_px": 8},
]


@pytest.mark.parametrize("given", CASES, ids=str)
def test_the_system_has_the_transfer_function_it_is_given(given):
    modifier = SystemTransfer(SystemTransfer.Params(**given))
    response = impulse_response(modifier)
    frequency = np.linspace(0, 0.5, 21)

    def expected(axis):
        sigma, aperture = given[f"sigma_{axis}_px"], given.get("aperture_px", 0)
        motion = given.get("motion_px", 0) if given.get("motion_axis", "y") == axis else 0
        gaussian = np.exp(-2 * (np.pi * sigma * frequency) ** 2)
        return gaussian * np.sinc(aperture * frequency) * np.sinc(motion * frequency)

    zero = np.zeros_like(frequency)
    # 0.002 is where the kernel is cut off, the rest rounding to 32 bits. Where the function does
    # not end flat at the Nyquist frequency, its Fourier series converges slowly just there.
    tolerance = np.where(frequency < 0.46, 0.0025, 0.01)
    for found, wanted in (
        (transfer(response, frequency, zero), expected("x")),
        (transfer(response, zero, frequency), expected("y")),
        (transfer(response, frequency, frequency), expected("x") * expected("y")),
    ):
        assert (np.abs(found - wanted) < tolerance).all()


def test_an_aperture_alone_is_close_up_to_the_nyquist_frequency():
    modifier = SystemTransfer(SystemTransfer.Params(aperture_px=1))
    response = impulse_response(modifier)
    frequency = np.linspace(0, 0.5, 21)
    found = transfer(response, frequency, np.zeros_like(frequency))
    error = np.abs(found - np.sinc(frequency))
    # The function has a kink at the end of its period, whose Fourier series converges slowly.
    assert error.max() < 0.02
    assert error[frequency < 0.45].max() < 0.003


def test_equal_gaussians_are_a_blur():
    from iqf_modifiers_basic.blur import GaussianBlur

    image = make_image(64, 70, 3, "float32")
    one = SystemTransfer(SystemTransfer.Params(sigma_x_px=1.5, sigma_y_px=1.5))
    other = GaussianBlur(GaussianBlur.Params(sigma_px=1.5))
    results = [modifier.modify(image, None, Context()).pixels for modifier in (one, other)]
    # Two kernels of the same function, truncated at different radii.
    np.testing.assert_allclose(results[0], results[1], atol=3e-3)


def test_overshoot_stays_within_the_peak():
    image = make_image(40, 40, 1, "uint16", peak=1000)
    edge = np.zeros_like(image.pixels)
    edge[:, 20:] = 1000
    sharp = SystemTransfer(SystemTransfer.Params(aperture_px=1.5))
    result = sharp.modify(image.with_pixels(edge), None, Context()).pixels
    assert result.max() == 1000


@pytest.mark.parametrize(
    "modifier",
    [
        MotionBlur(MotionBlur.Params(length_px=9, angle_deg=25)),
        Defocus(Defocus.Params(radius_px=4)),
        SystemTransfer(SystemTransfer.Params(sigma_x_px=1, sigma_y_px=2, motion_px=3)),
    ],
)
def test_the_mean_is_kept_and_invalid_pixels_contribute_nothing(modifier):
    image = make_image(60, 70, 3, "float32")
    result = modifier.modify(image, None, Context()).pixels
    np.testing.assert_allclose(result.mean(axis=(0, 1)), image.pixels.mean(axis=(0, 1)), rtol=2e-3)
    framed = make_image(60, 70, 2, "uint16", border=12)
    pixels = np.where(framed.mask[:, :, None], np.uint16(2000), np.uint16(0))
    result = modifier.modify(framed.with_pixels(pixels), None, Context()).pixels
    assert (result[framed.mask] == 2000).all()
    assert (result[~framed.mask] == 0).all()
