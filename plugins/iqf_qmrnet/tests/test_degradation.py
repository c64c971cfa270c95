"""Crops degraded on the fly are what the modifier makes of the whole image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from iqf_qmrnet.config import TrainingConfig
from iqf_qmrnet.crops import TrainingCrops, validation_crops
from iqf_qmrnet.degradation import Degrader, Source, resolve_head, spread
from iqf_qmrnet.grid import parse_head

from iqf_core.api import Image, ImageInput, ImageReader, IQFError


@pytest.fixture
def source(iqf_image):
    image = iqf_image(height=150, width=170, bands=3, dtype="uint8")
    return Source("one.png", "1" * 8, Image(image.pixels, image.peak))


@pytest.mark.parametrize(
    ("text", "dtype"),
    [
        ("blur:sigma_px=1.0..2.5/4", "uint8"),
        ("blur:sigma_px=1.0..2.5/4", "uint16"),
        ("blur:sigma_px=1.0..2.5/4", "float32"),
        ("adjust_sharpness:factor=1..10/4", "uint8"),
        ("jpeg", "uint8"),
    ],
)
def test_stacked_crops_equal_the_modified_image(text, dtype, iqf_image, iqf_context):
    image = iqf_image(height=150, width=170, bands=3, dtype=dtype)
    source = Source("one.png", "1", Image(image.pixels, image.peak))
    head = resolve_head(parse_head(text), iqf_context)
    degrader = Degrader(head, [source], 48, iqf_context)
    # In a corner, in the middle, at the far end.
    places = [(0, 0), (40, 61), (102, 122)]
    if not degrader.local:
        places = [(0, 0), (0, 48)]
    for level in head.levels[1:3]:
        made = degrader.apply([(source, *place) for place in places], level, "key")
        modifier = iqf_context.registry.create(
            "modifier",
            head.modifier,
            {head.parameter: int(level) if head.integer else level},
            iqf_context,
        )
        if not degrader.local:
            assert [each.shape for each in made] == [(48, 48, 3)] * 2
            continue
        whole = modifier.modify(source.image, None, iqf_context).pixels
        for (row, column), crop in zip(places, made, strict=True):
            expected = whole[row : row + 48, column : column + 48]
            if (text.startswith("adjust") and 0 in (row, column)) or (row, column) == (102, 122):
                # The outermost pixels of an image are a case of their own there.
                inner = (slice(1, -1), slice(1, -1))
                np.testing.assert_array_equal(crop[inner], expected[inner])
            else:
                np.testing.assert_array_equal(crop, expected)


def test_groups_depend_on_seed_and_index_only(source, iqf_context):
    config = TrainingConfig(parameters=["sigma"], crop=64)
    head = resolve_head(parse_head("sigma"), iqf_context)

    def crops(seed):
        degrader = Degrader(head, [source], 64, iqf_context)
        return TrainingCrops([head], [degrader], config.model_copy(update={"seed": seed}), 1)

    one, other = crops(0), crops(0)
    late = one.group(7)
    other.group(3)
    np.testing.assert_array_equal(late.images, other.group(7).images)
    np.testing.assert_array_equal(late.values, other.group(7).values)
    assert late.images.shape == (4, 1, 64, 64)
    assert not np.array_equal(late.images, crops(1).group(7).images)
    assert not np.array_equal(late.images, one.group(8).images)


def test_the_head_knows_where_unmodified_images_lie(iqf_context):
    blur = resolve_head(parse_head("sigma"), iqf_context)
    assert (blur.unmodified, blur.unit) == ("below", "px")
    assert blur.outside[0][0] == 0
    snr = resolve_head(parse_head("snr"), iqf_context)
    assert snr.unmodified == "above"
    sharpness = resolve_head(parse_head("sharpness"), iqf_context)
    assert sharpness.outside[0] is None  # 1 is the identity, and the first level
    assert resolve_head(parse_head("jpeg"), iqf_context).integer


def test_noise_starts_from_what_the_image_has(source, iqf_context):
    head = resolve_head(
        parse_head("snr:target=15..55/5,initial=40,on_unreachable=keep"), iqf_context
    )
    degrader = Degrader(head, [source], 64, iqf_context)
    assert degrader.limit(source) == 40
    config = TrainingConfig(parameters=["snr"], crop=64)
    levels = {float(values[0]) for _, _, values in validation_crops(head, degrader, config)}
    assert levels == {15, 25, 35}
    values = [
        float(TrainingCrops([head], [degrader], config, 1).group(index).values[0])
        for index in range(60)
    ]
    assert max(values) == 40


def test_unmodified_crops_are_labelled_as_outside(source, iqf_context):
    head = resolve_head(parse_head("sigma"), iqf_context)
    config = TrainingConfig(parameters=["sigma"], crop=64, outside=0.9, augment=False)
    degrader = Degrader(head, [source], 64, iqf_context)
    made = [TrainingCrops([head], [degrader], config, 1).group(index) for index in range(40)]
    untouched = [group for group in made if np.isneginf(group.values).all()]
    assert untouched
    levels = {0.0, *np.unique(source.image.pixels).astype(np.float32) / np.float32(255)}
    for group in untouched:
        assert {round(float(v), 5) for v in np.unique(group.images)} <= {
            round(float(v), 5) for v in levels
        }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("blurr:sigma_px=1..2/5", "no modifier named 'blurr'"),
        ("blur:sigma=1..2/5", "unknown parameter 'sigma'"),
        ("blur:sigma_px=-1..2/5", "parameter 'sigma_px' is -1"),
        ("jpeg:quality=50..150/11", "parameter 'quality' is 150"),
    ],
)
def test_a_range_that_the_modifier_does_not_take_is_said(text, message, iqf_context):
    with pytest.raises(IQFError, match=message) as caught:
        resolve_head(parse_head(text), iqf_context)
    assert "\n" not in str(caught.value)


def test_images_that_the_modifier_does_not_take_are_named(iqf_image, iqf_context):
    image = iqf_image(height=80, width=80, bands=4, dtype="uint16")
    source = Source("four.tif", "4", Image(image.pixels, image.peak))
    head = resolve_head(parse_head("jpeg"), iqf_context)
    with pytest.raises(IQFError, match=r"no image is left \(four.tif: baseline JPEG"):
        Degrader(head, [source], 64, iqf_context)


def test_each_crop_has_the_ratio_of_signal_to_noise_that_it_is_labelled_with(iqf_context):
    """An image half dark and half bright: at one noise, the bright half has twice the ratio."""
    rng = np.random.default_rng(3)
    plane = np.where(np.arange(256) < 128, 80.0, 160.0) + rng.normal(0, 0.4, (256, 256))
    source = Source("halves.tif", "5" * 8, Image(plane.astype(np.float32)[:, :, np.newaxis], 255.0))
    head = resolve_head(parse_head("snr"), iqf_context)
    degrader = Degrader(head, [source], 128, iqf_context)
    metric = iqf_context.registry.create("metric", "snr", {}, iqf_context)
    for corner in ((0, 0), (64, 128)):
        place = degrader.place(source, *corner)
        assert place is not None
        assert degrader.limit(place[0]) > 55
        (crop,) = degrader.apply([place], 25.0, "key")
        reader = ImageReader.of(Image(crop, 255.0))
        measured = metric.measure(ImageInput(reader, "6" * 8), iqf_context)["snr"].value
        assert measured == pytest.approx(25, rel=0.05)


def test_every_band_of_a_crop_has_the_ratio_of_its_label(iqf_context):
    """Bands with noise of their own begin from ratios of their own."""
    noise = np.random.default_rng(6).normal(0, 1, (128, 128, 2)) * (0.8, 3.2)
    source = Source("two.tif", "8" * 8, Image((120 + noise).astype(np.float32), 255.0))
    head = resolve_head(parse_head("snr"), iqf_context)
    degrader = Degrader(head, [source], 128, iqf_context)
    place = degrader.place(source, 0, 0)
    assert place is not None
    assert degrader.limit(place[0]) == pytest.approx(120 / 3.2, rel=0.1)
    (crop,) = degrader.apply([place], 30.0, "key")
    np.testing.assert_allclose(120 / crop.std(axis=(0, 1)), 30, rtol=0.05)


def test_crops_without_a_measured_ratio_are_left_out(iqf_context):
    plane = np.full((128, 256, 1), 255, np.uint8)
    rng = np.random.default_rng(4)
    plane[:, :128, 0] = np.rint(rng.normal(120, 1, (128, 128)))
    source = Source("saturated.png", "7" * 8, Image(plane, 255.0))
    head = resolve_head(parse_head("snr"), iqf_context)
    degrader = Degrader(head, [source], 128, iqf_context)
    assert degrader.place(source, 0, 128) is None
    config = TrainingConfig(parameters=["snr"], crop=128, validation_crops=1)
    # The only crop, in the middle, is half saturated and half not.
    assert all(images.shape[0] == 1 for _, images, _ in validation_crops(head, degrader, config))
    made = TrainingCrops([head], [degrader], config, 1)
    values = np.concatenate([made.group(index).values for index in range(20)])
    assert np.isfinite(values).all()
    assert values.min() >= head.outside[0][0]
    assert values.max() > 40


@pytest.mark.parametrize("count", [1, 5, 16])
def test_crops_are_spread_evenly_over_an_image(source, count):
    corners = np.array(spread(source, 50, count))
    assert corners.shape == (count, 2)
    assert (corners >= 0).all()
    assert (corners <= (100, 120)).all()
    if count == 16:
        quarters = {(row > 50, column > 60) for row, column in corners}
        assert len(quarters) == 4


def test_validation_crops_are_not_saturated(source, iqf_context):
    head = resolve_head(parse_head("blur:sigma_px=1.0..2.5/2"), iqf_context)
    config = TrainingConfig(parameters=[head.specification], crop=48, validation_crops=12)
    pixels = np.minimum(source.image.pixels, 250)
    pixels[:, 100:] = 255
    half = replace(source, image=replace(source.image, pixels=pixels))
    found = [
        images
        for _, images, _ in validation_crops(head, Degrader(head, [half], 48, iqf_context), config)
    ]
    assert [len(images) for images in found] == [12, 12]
    assert max((images > 0.99).any(axis=1).mean(axis=(1, 2)).max() for images in found) < 0.3
    full = replace(source, image=replace(source.image, pixels=np.full_like(pixels, 255)))
    assert not list(validation_crops(head, Degrader(head, [full], 48, iqf_context), config))
