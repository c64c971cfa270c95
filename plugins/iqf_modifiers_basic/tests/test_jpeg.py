"""The JPEG modifier against the coder it names."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from iqf_modifiers_basic.jpeg import Jpeg, encode

from iqf_core.api import ConfigurationError, Context, UnsupportedImageError
from iqf_core.components.parameters import validate
from iqf_core.imaging.image import Image
from iqf_core.testing import make_image

FACTORS = {
    "420": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    "422": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_422,
    "444": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
}


def coded(image, **params):
    return Jpeg(Jpeg.Params(**params)).modify(image, None, Context())


def frame_header(stream):
    """The (horizontal, vertical) sampling factors of every component, from the SOF0 segment."""
    data, position = bytes(stream), 2
    while data[position + 1] != 0xC0:
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    count = data[position + 9]
    factors = (data[position + 11 + 3 * component] for component in range(count))
    return [(factor >> 4, factor & 15) for factor in factors]


@pytest.mark.parametrize("subsampling", list(FACTORS))
@pytest.mark.parametrize("quality", [1, 35, 70, 100])
def test_colour_images_give_opencvs_own_stream(quality, subsampling):
    image = make_image(93, 118, 3)
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        quality,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        FACTORS[subsampling],
    ]
    # OpenCV wants blue first.
    _, stream = cv2.imencode(".jpg", np.ascontiguousarray(image.pixels[:, :, ::-1]), options)
    result = coded(image, quality=quality, subsampling=subsampling)
    np.testing.assert_array_equal(encode(image.pixels, quality, subsampling), stream)
    assert result.nbytes == len(stream.tobytes())
    decoded = cv2.imdecode(stream, cv2.IMREAD_COLOR)[:, :, ::-1]
    np.testing.assert_array_equal(result.image.pixels, decoded)


def test_grey_images_are_coded_as_one_component():
    image = make_image(50, 61, 1)
    _, stream = cv2.imencode(".jpg", image.pixels, [cv2.IMWRITE_JPEG_QUALITY, 60])
    result = coded(image, quality=60)
    assert result.nbytes == len(stream.tobytes())
    decoded = cv2.imdecode(stream, cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(result.image.pixels[:, :, 0], decoded)
    assert len(frame_header(stream)) == 1


def test_subsampling_sets_the_sampling_factors_of_the_frame():
    pixels = make_image(64, 64, 3).pixels
    assert frame_header(encode(pixels, 70, "420")) == [(2, 2), (1, 1), (1, 1)]
    assert frame_header(encode(pixels, 70, "422")) == [(2, 1), (1, 1), (1, 1)]
    assert frame_header(encode(pixels, 70, "444")) == [(1, 1), (1, 1), (1, 1)]


def test_lower_quality_costs_fewer_bytes_and_more_error():
    image = make_image(120, 160, 3)
    results = [coded(image, quality=quality) for quality in (10, 40, 70, 95)]
    sizes = [result.nbytes for result in results]
    errors = [
        np.mean((result.image.pixels.astype(float) - image.pixels) ** 2) for result in results
    ]
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)


def test_subsampling_may_be_given_as_text_or_number():
    for given in (422, "422"):
        assert Jpeg.Params(quality=50, subsampling=given).subsampling == "422"
    with pytest.raises(ConfigurationError, match="subsampling"):
        validate(Jpeg.Params, {"quality": 50, "subsampling": 411}, "modifier/jpeg")


@pytest.mark.parametrize("quality", [0, 101, 50.5])
def test_a_quality_off_the_scale_is_refused(quality):
    with pytest.raises(ConfigurationError, match="quality"):
        validate(Jpeg.Params, {"quality": quality}, "modifier/jpeg")


@pytest.mark.parametrize(
    ("dtype", "bands", "says"),
    [
        ("uint16", 1, "8 bits per sample, not uint16; convert the images to uint8"),
        ("float32", 3, "not float32"),
        ("uint8", 5, "1 or 3 bands, not 5; select bands"),
        ("uint8", 4, "not 4"),
    ],
)
def test_what_jpeg_cannot_code_is_said_with_what_can(dtype, bands, says):
    reason = Jpeg(Jpeg.Params(quality=50)).supports(dtype, bands)
    assert says in reason
    assert "jpeg2000" in reason


def test_an_image_longer_than_jpeg_allows_is_refused_clearly():
    image = Image(np.zeros((1, 65536, 1), np.uint8), 255)
    with pytest.raises(UnsupportedImageError, match="at most 65535 pixels a side"):
        coded(image, quality=50)


def test_invalid_pixels_get_their_value_back():
    image = make_image(60, 60, 3, border=11)
    result = coded(image, quality=5).image
    assert (result.pixels[~image.mask] == image.nodata).all()
    assert (result.mask == image.mask).all()
