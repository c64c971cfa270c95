"""The contract of every modifier, as tests.

A modifier's author subclasses it::

    class TestVignette(ModifierConformance):
        component = "vignette"
        parameter_sets = [{"strength": 0.5}]
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from iqf_core.components.context import Context
from iqf_core.components.modifier import DTYPES, Encoded, Modifier
from iqf_core.imaging.image import Image
from iqf_core.imaging.reading import ImageReader
from iqf_core.imaging.windows import Window, with_halo
from iqf_core.testing.component import ComponentConformance, in_spawned_process, taken_by
from iqf_core.testing.images import BAND_COUNTS, make_image

Make = Callable[[Mapping[str, Any]], Modifier]

#: A size with more than one random block both ways, and windows of it: corners, edges, inside,
#: a single pixel, a thin strip; no offset is a multiple of a block or of a vector register.
_HEIGHT, _WIDTH = 283, 301
_WINDOWS = (
    Window(0, 0, 131, 77),
    Window(0, 211, 59, 90),
    Window(197, 0, 86, 301),
    Window(241, 243, 42, 58),
    Window(101, 37, 150, 199),
    Window(255, 257, 1, 1),
    Window(13, 150, 270, 3),
)


class ModifierConformance(ComponentConformance):
    """What every modifier promises; subclass it and name the modifier.

    Attributes
    ----------
    component, parameter_sets
        As in :class:`~iqf_core.testing.component.ComponentConformance`. One of the sets should
        hold every parameter that ``identity`` names.
    invalid_pixels_bleed
        True for a codec, where the values under the mask may change valid pixels around.
    """

    kind: ClassVar[str] = "modifier"
    invalid_pixels_bleed: ClassVar[bool] = False

    @pytest.fixture
    def cases(self, make: Make, values: Mapping[str, Any]) -> list[tuple[str, int]]:
        """The data types and band counts it takes."""
        return taken_by(make(values))

    def test_takes_the_data_types_it_declares_and_says_why_not_others(
        self, make: Make, values: Mapping[str, Any]
    ) -> None:
        modifier = make(values)
        taken = set()
        for dtype, bands in product(DTYPES, BAND_COUNTS):
            reason = modifier.supports(dtype, bands)
            if reason is None:
                taken.add(dtype)
            else:
                assert isinstance(reason, str) and reason.strip(), "say why, and what can"
        assert taken == set(modifier.dtypes)

    def test_gives_an_image_as_its_geometry_says(
        self, make: Make, values: Mapping[str, Any], context: Context, cases: list[tuple[str, int]]
    ) -> None:
        modifier = make(values)
        for dtype, bands in cases:
            image = make_image(bands=bands, dtype=dtype, gsd_m=0.5)
            before = image.pixels.copy()
            result = modified(modifier, image, context)
            assert_array_equal(image.pixels, before, "the input was changed")
            _check_contract(modifier, image, result)

    def test_takes_images_of_a_few_pixels(
        self, make: Make, values: Mapping[str, Any], context: Context, cases: list[tuple[str, int]]
    ) -> None:
        modifier = make(values)
        dtype, bands = cases[0]
        for shape in ((1, 1), (2, 3), (1, 40)):
            image = make_image(*shape, bands, dtype)
            geometry = modifier.geometry(shape)
            if geometry is None or min(geometry.shape) > 0:
                _check_contract(modifier, image, modified(modifier, image, context))

    def test_the_result_depends_on_the_seed_only_if_it_says_so(
        self, make: Make, values: Mapping[str, Any], context: Context, cases: list[tuple[str, int]]
    ) -> None:
        for dtype, bands in cases:
            image = make_image(bands=bands, dtype=dtype)
            first = modified(make(values), image, context).pixels
            again = modified(make(values), image, context).pixels
            assert_array_equal(again, first, "the same seed gives another result")
            others = (
                replace(context, seed=context.seed + 1),
                replace(context, source_hash="another image"),
                replace(context, position=context.position + 1),
            )
            for other in others:
                differs = not np.array_equal(modified(make(values), image, other).pixels, first)
                modifier = make(values)
                random = modifier.uses_seed(modifier.params)
                assert differs == (random and not modifier.is_identity()), f"random is {random}"

    def test_windows_give_what_the_whole_gives(
        self, make: Make, values: Mapping[str, Any], context: Context, cases: list[tuple[str, int]]
    ) -> None:
        modifier = make(values)
        for dtype, bands in cases:
            for border in (0, 29):
                image = make_image(_HEIGHT, _WIDTH, bands, dtype, border=border)
                reader = ImageReader.of(image)
                whole = modified(modifier, image, context)
                told = context.at((0, 0), image.shape)
                assert_array_equal(modified(modifier, image, told).pixels, whole.pixels)
                if modifier.scope == "global":
                    continue
                state = modifier.prepare(reader, context)
                for window in _WINDOWS:
                    outer, inner = with_halo(window, modifier.halo(), _HEIGHT, _WIDTH)
                    place = context.at(outer.offset, image.shape)
                    part = _image(modifier.modify(reader.read(outer), state, place))
                    assert_array_equal(
                        part.pixels[inner],
                        whole.pixels[window.slices],
                        f"{window} of a {dtype} image of {bands} bands differs from the whole",
                    )

    def test_invalid_pixels_stay_invalid(
        self, make: Make, values: Mapping[str, Any], context: Context, cases: list[tuple[str, int]]
    ) -> None:
        modifier = make(values)
        for dtype, bands in cases:
            image = make_image(bands=bands, dtype=dtype, border=9)
            result = modified(modifier, image, context)
            assert result.nodata == image.nodata
            if modifier.geometry(image.shape[:2], image.gsd_m) is None:
                assert result.mask is not None, "the mask is lost"
                assert_array_equal(result.mask, image.valid)
            if result.mask is not None:
                assert (result.pixels[~result.mask] == image.nodata).all()

    def test_values_under_the_mask_change_no_valid_pixel(
        self, make: Make, values: Mapping[str, Any], context: Context, cases: list[tuple[str, int]]
    ) -> None:
        modifier = make(values)
        if self.invalid_pixels_bleed:
            assert modifier.scope == "global", "a local modifier leaves invalid pixels out"
            return
        for dtype, bands in cases:
            image = make_image(bands=bands, dtype=dtype, border=9)
            pixels = image.pixels.copy()
            pixels[~image.valid] = np.asarray(image.peak, dtype)
            other = image.with_pixels(pixels)
            first, second = (modified(modifier, each, context) for each in (image, other))
            valid = first.valid
            assert_array_equal(second.valid, valid)
            assert_array_equal(second.pixels[valid], first.pixels[valid])

    def test_identity_parameters_leave_the_image_as_it_is(
        self, make: Make, values: Mapping[str, Any], context: Context, cases: list[tuple[str, int]]
    ) -> None:
        identity = make(values).identity
        assert set(identity) <= set(make(values).Params.model_fields), "identity names parameters"
        named = {name: value for name, value in identity.items() if name in values}
        modifier = make({**values, **named})
        assert modifier.is_identity() or not named
        if modifier.is_identity():
            for dtype, bands in cases:
                image = make_image(bands=bands, dtype=dtype, border=5)
                assert_array_equal(modified(modifier, image, context).pixels, image.pixels)

    def test_works_in_another_process(
        self, make: Make, first_values: Mapping[str, Any], context: Context
    ) -> None:
        modifier = make(first_values)
        dtype, bands = taken_by(modifier)[0]
        image = make_image(bands=bands, dtype=dtype)
        elsewhere = replace(context, registry=None)
        expected = modified(modifier, image, elsewhere).pixels
        copied = pickle.loads(pickle.dumps(modifier))
        assert_array_equal(modified(copied, image, elsewhere).pixels, expected)
        result = in_spawned_process(modified, modifier, image, elsewhere)
        assert_array_equal(result.pixels, expected)


def modified(modifier: Modifier, image: Image, context: Context) -> Image:
    """Return `image` modified as a whole, as the engine does it."""
    told = context.at((0, 0), image.shape)
    return _image(modifier.modify(image, modifier.prepare(ImageReader.of(image), told), told))


def _image(result: Any) -> Image:
    if isinstance(result, Encoded):
        assert isinstance(result.nbytes, int) and result.nbytes > 0
        result = result.image
    assert isinstance(result, Image), f"modify() returned {type(result).__name__}"
    return result


def _check_contract(modifier: Modifier, image: Image, result: Image) -> None:
    assert math.isfinite(result.peak) and result.peak > 0
    if result.pixels.dtype.kind == "u":
        assert result.pixels.max() <= result.peak, "a value exceeds the peak"
    else:
        assert np.isfinite(result.pixels[result.valid]).all()
    geometry = modifier.geometry(image.shape[:2], image.gsd_m)
    if geometry is None:
        assert result.shape[:2] == image.shape[:2], "the size changes: declare geometry()"
        assert result.gsd_m == image.gsd_m
    else:
        assert result.shape[:2] == tuple(geometry.shape)
        assert len(geometry.transform) == 6
        assert all(math.isfinite(value) for value in geometry.transform)
    if modifier.scope == "local":
        assert geometry is None, "a modifier that changes the size has the scope 'global'"
        assert modifier.halo() >= 0
        assert (result.dtype, result.bands) == (image.dtype, image.bands)
        assert result.peak == image.peak
