"""The coders against what they promise: losslessness, bounds, rates, bit depths."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest
from iqf_modifiers_basic.codecs import coding, jpeg2000
from iqf_modifiers_basic.codecs.coding import Codec, Coded, Samples
from numpy.testing import assert_array_equal

from iqf_core.api import ConfigurationError, IQFError, PluginError
from iqf_core.imaging.image import Image
from iqf_core.modification.images import Rate
from iqf_core.testing import make_image

LOSSLESS = {
    "jpeg2000": {"reversible": True},
    "htj2k": {},
    "jpeg_ls": {},
    "jpeg_xl": {"lossless": True, "effort": 3},
    "lerc": {"max_error_dn": 0},
    "ccsds121": {},
    "zstd": {},
    "deflate": {},
}
#: From few to many bits.
LOSSY = {
    "jpeg2000 quality": [{"quality": quality} for quality in (25, 35, 45, 55)],
    "jpeg2000 bpppc": [{"bpppc": rate} for rate in (0.5, 1, 2, 4)],
    "jpeg2000 ratio": [{"ratio": ratio} for ratio in (32, 16, 8, 4)],
    "htj2k": [{"step_dn": step} for step in (64, 16, 4, 1)],
    "jpeg_ls": [{"max_error_dn": error} for error in (50, 20, 5, 0)],
    "jpeg_xl": [{"distance": distance, "effort": 3} for distance in (10, 4, 1, 0.2)],
    "lerc": [{"max_error_dn": error} for error in (50, 20, 5, 0)],
}
PEAKS = {8: ("uint8", 255), 12: ("uint16", 4095), 14: ("uint16", 16383), 16: ("uint16", 65535)}


@pytest.fixture
def code(iqf_registry, iqf_context):
    """Code an image with a coder by name."""

    def code(image, name, **params):
        coder = iqf_registry.create("modifier", name, params, iqf_context)
        return coder.modify(image, None, iqf_context)

    return code


def error_of(image, coded):
    return float(np.sqrt(np.mean((coded.image.pixels.astype(float) - image.pixels) ** 2)))


@pytest.mark.parametrize("bands", [1, 3, 4, 7])
@pytest.mark.parametrize("bits", list(PEAKS))
@pytest.mark.parametrize("name", list(LOSSLESS))
def test_lossless_coders_give_every_bit_back(code, name, bits, bands):
    dtype, peak = PEAKS[bits]
    image = make_image(61, 83, bands, dtype, peak=peak)
    rng = np.random.default_rng(1)
    extremes = rng.choice([0, 1, peak - 1, peak], (5, 83, bands)).astype(dtype)
    image = image.with_pixels(np.concatenate([image.pixels[5:], extremes]))
    coded = code(image, name, **LOSSLESS[name])
    assert_array_equal(coded.image.pixels, image.pixels)
    assert 0 < coded.nbytes < 1.1 * image.pixels.nbytes + 100


@pytest.mark.parametrize("name", ["lerc", "zstd", "deflate"])
def test_lossless_coders_of_floating_point_numbers_give_every_bit_back(code, name):
    image = make_image(40, 52, 3, "float32")
    pixels = image.pixels.copy()
    pixels[0, :4, 0] = [0.0, -1.5, 1e-30, 3e30]
    image = image.with_pixels(pixels)
    coded = code(image, name, **LOSSLESS[name])
    assert coded.image.pixels.tobytes() == image.pixels.tobytes()


def test_webp_without_loss_gives_every_bit_back(code):
    image = make_image(61, 83, 3)
    assert_array_equal(code(image, "webp", lossless=True).image.pixels, image.pixels)
    assert error_of(image, code(image, "webp", quality=90)) > 0


@pytest.mark.parametrize("predictor", ["none", "horizontal", "floating_point"])
@pytest.mark.parametrize("name", ["zstd", "deflate"])
def test_every_predictor_can_be_undone_and_the_right_one_saves_bits(code, name, predictor):
    image = make_image(60, 70, 3, "float32")
    coded = code(image, name, predictor=predictor)
    assert coded.image.pixels.tobytes() == image.pixels.tobytes()
    assert code(image, name).nbytes <= coded.nbytes
    grey = make_image(60, 70, 3, "uint16")
    assert code(grey, name).nbytes < code(grey, name, predictor="none").nbytes


@pytest.mark.parametrize("error", [1, 3, 10])
@pytest.mark.parametrize("name", ["jpeg_ls", "lerc"])
@pytest.mark.parametrize("bits", [8, 12])
def test_near_lossless_coders_keep_and_use_their_bound(code, name, bits, error):
    dtype, peak = PEAKS[bits]
    image = make_image(61, 83, 4, dtype, peak=peak)
    coded = code(image, name, max_error_dn=error)
    difference = np.abs(coded.image.pixels.astype(int) - image.pixels)
    assert 0 < difference.max() <= error
    if error > 1:  # LERC has a code for 8 bits that it uses for lossless blocks only
        assert coded.nbytes < code(image, name, max_error_dn=0).nbytes


def test_lerc_keeps_its_bound_for_floating_point_numbers(code):
    image = make_image(61, 83, 4, "float32", peak=1000.0)
    coded = code(image, "lerc", max_error_dn=0.25)
    difference = np.abs(coded.image.pixels.astype(float) - image.pixels)
    assert 0.2 < difference.max() <= 0.25 * (1 + 1e-5)


@pytest.mark.parametrize("coder", list(LOSSY))
def test_more_bits_mean_less_error(code, coder):
    image = make_image(120, 133, 3, "uint16")
    results = [code(image, coder.split()[0], **params) for params in LOSSY[coder]]
    sizes = [result.nbytes for result in results]
    errors = [error_of(image, result) for result in results]
    assert sizes == sorted(set(sizes))
    assert errors == sorted(set(errors), reverse=True)


def test_webp_spends_more_bits_for_less_error(code):
    image = make_image(120, 133, 3)
    results = [code(image, "webp", quality=quality) for quality in (10, 50, 90)]
    sizes, errors = zip(*((each.nbytes, error_of(image, each)) for each in results), strict=True)
    assert list(sizes) == sorted(sizes)
    assert list(errors) == sorted(errors, reverse=True)


@pytest.mark.parametrize("bands", [1, 4])
@pytest.mark.parametrize(("bits", "bpppc"), [(8, 1), (12, 0.25), (12, 3), (16, 2)])
def test_jpeg_2000_reaches_the_rate_it_is_given(code, bits, bands, bpppc):
    dtype, peak = PEAKS[bits]
    image = make_image(512, 512, bands, dtype, peak=peak)
    reached = Rate.of(code(image, "jpeg2000", bpppc=bpppc)).bpppc
    assert (1 - jpeg2000.RATE_TOLERANCE) * bpppc <= reached <= bpppc


@pytest.mark.parametrize("ratio", [5, 20])
def test_jpeg_2000_reaches_the_ratio_it_is_given(code, ratio):
    image = make_image(512, 300, 4, "uint16")
    reached = Rate.of(code(image, "jpeg2000", ratio=ratio)).ratio
    assert ratio <= reached <= ratio / (1 - jpeg2000.RATE_TOLERANCE)


def test_jpeg_2000_never_exceeds_the_rate_of_a_small_image(code):
    image = make_image(200, 180, 1, "uint16")
    for bpppc in (0.25, 1, 3):
        reached = Rate.of(code(image, "jpeg2000", bpppc=bpppc)).bpppc
        assert 0.95 * bpppc <= reached <= bpppc


def test_jpeg_2000_spends_no_more_bits_than_an_image_needs(code):
    image = make_image(100, 100, 1, "uint8", peak=15)
    coded = code(image, "jpeg2000", bpppc=8)
    assert Rate.of(coded).bpppc < 6
    assert error_of(image, coded) < 1


@pytest.mark.parametrize(("bits", "quality"), [(8, 30), (8, 40), (12, 30), (12, 40), (12, 50)])
def test_the_quality_of_jpeg_2000_is_the_psnr_it_reaches(code, bits, quality):
    dtype, peak = PEAKS[bits]
    image = make_image(200, 180, 1, dtype, peak=peak)
    error = error_of(image, code(image, "jpeg2000", quality=quality))
    # The rate control estimates the error from the wavelet coefficients.
    assert 20 * np.log10(peak / error) == pytest.approx(quality, abs=0.5)


def test_jpeg_2000_gives_openjpegs_own_stream():
    image = make_image(64, 70, 3, "uint16")
    stream = imagecodecs.jpeg2k_encode(
        image.pixels.copy(), level=40, codecformat="j2k", bitspersample=12, mct=True
    )
    coded = jpeg2000.Jpeg2000(jpeg2000.Jpeg2000.Params(quality=40)).modify(image, None, None)
    assert coded.nbytes == len(stream)
    decoded = np.minimum(imagecodecs.jpeg2k_decode(stream), 4095)
    assert_array_equal(coded.image.pixels, decoded)


def test_streams_of_a_given_rate_declare_the_bit_depth():
    samples = Samples(make_image(64, 70, 2, "uint16").pixels, 12)
    stream = jpeg2000.encode_at_size(samples, 4000)
    # The image and tile size segment follows the start of the codestream (T.800, A.5.1): per
    # component the bit depth less one, and the sampling both ways.
    assert stream[:4] == b"\xff\x4f\xff\x51"
    assert stream[42:48] == bytes([11, 1, 1, 11, 1, 1])


@pytest.mark.parametrize("name", ["jpeg2000", "ccsds121", "jpeg_xl"])
def test_12_bit_data_are_coded_with_12_bits(code, name):
    pixels = make_image(61, 83, 2, "uint16").pixels
    rates = {
        peak: code(Image(pixels, peak), name, **LOSSLESS[name]).nbytes for peak in (4095, 65535)
    }
    assert rates[4095] <= rates[65535]
    if name == "ccsds121":  # the bit depth decides about its raw samples and options
        assert rates[4095] < rates[65535]


def test_the_bit_depth_is_that_of_the_peak_or_of_brighter_pixels():
    pixels = make_image(20, 20, 1, "uint16").pixels
    for peak, bits in ((4095, 12), (4096, 13), (10000, 14), (65535, 16)):
        assert coding.samples_of(Image(pixels, peak))[1].bits == bits
    bright = pixels.copy()
    bright[3, 3] = 9000
    limit, samples = coding.samples_of(Image(bright, 4095))
    assert (limit, samples.bits) == (9000, 14)


@pytest.mark.parametrize("name", ["jpeg2000", "jpeg_ls", "ccsds121"])
def test_pixels_brighter_than_the_peak_survive(code, name):
    pixels = make_image(40, 40, 1, "uint16").pixels.copy()
    pixels[10:20, 10:20] = 9000
    image = Image(pixels, 4095)
    assert_array_equal(code(image, name, **LOSSLESS[name]).image.pixels, pixels)
    lossy = code(image, "jpeg2000", quality=60).image.pixels
    assert abs(int(lossy[15, 15, 0]) - 9000) < 100


@pytest.mark.parametrize(("name", "params"), [("jpeg2000", {"quality": 50}), *LOSSLESS.items()])
def test_a_nodata_value_beyond_the_bit_depth_is_put_back(code, name, params):
    pixels = make_image(40, 50, 2, "uint16").pixels.copy()
    mask = np.ones((40, 50), bool)
    mask[:9] = False
    pixels[~mask] = 65535
    image = Image(pixels, 4095, mask=mask, nodata=65535)
    coded = code(image, name, **params)
    assert (coded.image.pixels[~mask] == 65535).all()
    assert coded.image.pixels[mask].max() <= 4095
    # Coded as 12 bits all the same.
    assert coding.samples_of(image)[1].bits == 12


def test_invalid_nan_takes_no_part_and_valid_nan_is_refused_by_lerc(code):
    pixels = make_image(40, 50, 2, "float32").pixels.copy()
    mask = np.ones((40, 50), bool)
    mask[:9] = False
    pixels[~mask] = np.nan
    image = Image(pixels, 1.0, mask=mask, nodata=np.nan)
    for params in ({"max_error_dn": 0.01}, {"max_error_dn": 0}):
        coded = code(image, "lerc", **params)
        assert np.isnan(coded.image.pixels[~mask]).all()
        assert np.abs(coded.image.pixels[mask] - pixels[mask]).max() <= 0.011
    assert_array_equal(code(image, "zstd").image.pixels, pixels)
    with pytest.raises(IQFError, match="NaN or infinities; mark them as nodata"):
        code(Image(pixels, 1.0), "lerc", max_error_dn=0.01)


class Careless(Codec):
    """A coder that changes one sample by 2."""

    bound: float = 0
    largest_error = property(lambda self: self.bound)  # type: ignore[assignment]

    def code(self, samples):
        pixels = samples.pixels.copy()
        pixels[3, 4, 0] += 2
        return Coded(pixels, 100)


def test_a_coder_that_breaks_its_promise_is_an_error():
    coder, image = Careless(), make_image(20, 20, 1)
    with pytest.raises(IQFError, match="lossless, and 1 of 400 decoded samples differ"):
        coder.modify(image, None, None)
    coder.bound = 1
    with pytest.raises(IQFError, match="errors of at most 1, and a decoded sample differs by 2"):
        coder.modify(image, None, None)
    coder.bound = 2
    assert coder.modify(image, None, None).nbytes == 100


@pytest.mark.parametrize(
    ("name", "params", "says"),
    [
        ("jpeg2000", {}, "exactly one of quality"),
        ("jpeg2000", {"quality": 40, "bpppc": 1}, "exactly one of quality"),
        ("jpeg2000", {"reversible": True, "ratio": 4}, "exactly one of quality"),
        ("jpeg2000", {"ratio": 0.5}, "ratio"),
        ("jpeg_xl", {}, "exactly one of distance"),
        ("jpeg_xl", {"distance": 1, "lossless": True}, "exactly one of distance"),
        ("webp", {"quality": 40, "lossless": True}, "exactly one of quality"),
        ("jpeg_ls", {"max_error_dn": 0.5}, "max_error_dn"),
        ("lerc", {}, "max_error_dn"),
        ("ccsds121", {"block_size": 12}, "block_size"),
    ],
)
def test_wrong_parameters_are_refused(iqf_registry, iqf_context, name, params, says):
    with pytest.raises(ConfigurationError, match=says):
        iqf_registry.create("modifier", name, params, iqf_context)


@pytest.mark.parametrize(
    ("name", "params", "dtype", "bands", "says"),
    [
        ("jpeg2000", {"quality": 40}, "float32", 1, "lerc, zstd and deflate"),
        ("webp", {"quality": 40}, "uint16", 3, "WebP codes 3 bands of uint8, not 3 of uint16"),
        ("webp", {"quality": 40}, "uint8", 4, "not 4 of uint8"),
        ("zstd", {"predictor": "floating_point"}, "uint16", 3, "is for float32"),
    ],
)
def test_what_cannot_be_coded_is_said(iqf_registry, iqf_context, name, params, dtype, bands, says):
    coder = iqf_registry.create("modifier", name, params, iqf_context)
    assert says in coder.supports(dtype, bands)


def test_a_codec_that_the_library_lacks_is_said_before_any_work(
    iqf_registry, iqf_context, monkeypatch
):
    monkeypatch.setattr(imagecodecs.JPEGXL, "available", False)
    with pytest.raises(PluginError, match=r"without JPEGXL; .* 'iqf-modifiers-basic\[codecs\]'"):
        iqf_registry.create("modifier", "jpeg_xl", {"distance": 1}, iqf_context)
