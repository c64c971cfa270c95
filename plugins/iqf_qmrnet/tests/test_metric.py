"""The metrics read what was done to an image, of any size, band count and data type."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import replace

import cv2
import numpy as np
import pytest
from iqf_qmrnet.checkpoint import load_model
from iqf_qmrnet.reading import read_image, sides_of
from iqf_qmrnet.score import combined, part_of
from iqf_qmrnet.tiles import starts, tiles_of

from iqf_core.api import ConfigurationError, Image, ImageInput, ImageReader, IQFError
from iqf_core.testing import MetricConformance

NAME = "blur_sigma_px"


class _OfTheModels(MetricConformance):
    """The suite, with the networks of conftest.py."""

    @pytest.fixture
    def values(self, component_class, given, two_heads):
        return {"model": str(two_heads)}

    @pytest.fixture
    def first_values(self, two_heads):
        return {"model": str(two_heads)}


class TestQMRNet(_OfTheModels):
    component = "qmrnet"


class TestScore(_OfTheModels):
    component = "qmrnet_score"


@pytest.fixture
def scene(make_texture, blur):
    """Make an image of 150 x 170 pixels with a blur, of a band count, type and peak."""

    def make(sigma, bands=1, dtype="uint8", peak=255.0, seed=5):
        planes = [blur(make_texture(seed + band, 170), sigma)[:150] for band in range(bands)]
        values = np.stack(planes, axis=2) * peak
        pixels = values if dtype == "float32" else np.rint(values)
        return Image(pixels.astype(dtype), peak=peak)

    return make


@pytest.fixture
def measure(iqf_registry, iqf_context, blur_model):
    """Measure an image with the blur network."""

    def run(image, name="qmrnet", **params):
        given = {"model": str(blur_model), **params}
        metric = iqf_registry.create("metric", name, given, iqf_context)
        return metric.measure(ImageInput(ImageReader.of(image)), iqf_context)

    return run


@pytest.mark.parametrize("sigma", [1.3, 1.7, 2.1])
def test_it_reads_the_blur(measure, scene, sigma):
    value = measure(scene(sigma))[NAME]
    assert value.value == pytest.approx(sigma, abs=0.2)
    assert value.low < value.value < value.high


@pytest.mark.parametrize(
    ("bands", "dtype", "peak"),
    [(3, "uint8", 255.0), (5, "uint16", 4095.0), (13, "uint16", 65535.0), (2, "float32", 1.0)],
)
def test_band_counts_data_types_and_peaks_do_not_matter(measure, scene, bands, dtype, peak):
    value = measure(scene(1.7, bands, dtype, peak))[NAME]
    assert value.value == pytest.approx(1.7, abs=0.2)


def test_outside_of_the_range_it_says_on_which_side(measure, scene):
    sharp, soft = measure(scene(0.45))[NAME], measure(scene(3.0))[NAME]
    assert sharp.value is None and soft.value is None
    assert sharp.reason == "below range: sigma_px is less than 1 px"
    assert soft.reason == "above range: sigma_px is more than 2.5 px"


def test_without_classes_for_the_ends_what_piles_up_there_is_outside(blur_model):
    head = replace(load_model(blur_model).heads[0], ends=False)
    probabilities = np.full((3, head.classes), 0.4 / (head.classes - 1))
    probabilities[[0, 1, 2], [0, 5, -1]] = 0.6
    np.testing.assert_array_equal(sides_of(probabilities, head), [-1, 0, 1])


def test_tiles_cover_the_image_and_lie_where_it_is_valid(scene):
    assert starts(100, 48, 48) == [0, 26, 52]
    assert starts(96, 48, 48) == [0, 48]
    assert starts(48, 48, 1) == [0]
    assert starts(47, 48, 48) == []
    image = scene(1.5)
    mask = np.ones(image.shape[:2], bool)
    mask[:20], mask[:, 140:] = False, False
    masked = replace(image, mask=mask)
    tiles = list(tiles_of(ImageReader.of(masked), 48, 48))
    assert {tile.row for tile in tiles} == {20, 61, 102}
    assert max(tile.column for tile in tiles) == 140 - 48
    for tile in tiles:
        assert mask[tile.row : tile.row + 48, tile.column : tile.column + 48].all()


def test_invalid_pixels_do_not_count(measure, scene):
    image = scene(1.7)
    mask = np.ones(image.shape[:2], bool)
    mask[:70] = False
    pixels = image.pixels.copy()
    pixels[~mask] = np.random.default_rng(0).integers(0, 255, (*pixels[~mask].shape,))
    expected = measure(replace(image, mask=mask))
    assert measure(replace(image, pixels=pixels, mask=mask)) == expected
    assert expected[NAME].value == pytest.approx(1.7, abs=0.25)
    zeroed = np.where(mask[..., None], np.maximum(pixels, 1), 0).astype(np.uint8)
    by_nodata = measure(replace(image, pixels=zeroed, nodata=0.0, mask=mask))
    assert by_nodata["tiles"] == expected["tiles"]


def test_an_image_smaller_than_the_crop_has_a_reason(measure, scene):
    image = scene(1.5)
    value = measure(replace(image, pixels=image.pixels[:40]))[NAME]
    assert value.value is None
    assert value.reason == "40 x 170 pixels are smaller than the 48 x 48 that the network looks at"


def test_saturated_tiles_do_not_count(measure, scene):
    image = scene(1.7)
    pixels = np.minimum(image.pixels, 253)
    pixels[:, 48:98][::2] = 255
    pixels[:, 98:] //= 2
    assert measure(replace(image, pixels=pixels))["tiles"].value == 16 - 4
    pixels[::2] = 255
    value = measure(replace(image, pixels=pixels))[NAME]
    assert value.value is None
    assert value.reason == "saturated: more than a quarter of every part that has texture"


def test_overlapping_tiles_are_more(measure, scene):
    apart, close = measure(scene(1.7)), measure(scene(1.7), overlap=0.5)
    assert close["tiles"].value > 2 * apart["tiles"].value
    assert close[NAME].value == pytest.approx(apart[NAME].value, abs=0.15)


def test_the_score_has_its_parts(measure, scene):
    sharp, medium, soft = (measure(scene(sigma), "qmrnet_score") for sigma in (0.45, 1.6, 3.0))
    part = medium[f"part_{NAME}"].value
    read = measure(scene(1.6))[NAME].value
    assert part == pytest.approx(1 - (read - 1) / 1.5, abs=1e-5)
    assert medium["score"].value == part
    assert (sharp["score"].value, soft["score"].value) == (1, 0)
    wanted = measure(scene(1.6), "qmrnet_score", objectives={NAME: read})
    assert wanted["score"].value == pytest.approx(1, abs=1e-5)


def test_parts_by_hand():
    assert part_of(30, 55, 15, 55) == pytest.approx(1 - 25 / 40)
    assert part_of(90, 15, 15, 55) == 0
    from iqf_core.api import Value

    parts = {"a": Value(1.0), "b": Value(0.5), "c": Value(None, reason="none")}
    score = combined(parts, {"a": 3.0})
    assert score.value == pytest.approx((3 * 1 + 0.5) / 4)
    assert score.reason == "without c: no value"
    assert combined({"c": parts["c"]}, {}).reason == "none"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"weights": {"haze": 1.0}}, "weights names 'haze'"),
        ({"weights": {NAME: 0.0}}, "one of them positive"),
        ({"objectives": {NAME: 9.0}}, "outside of its range, 1 to 2.5 px"),
    ],
)
def test_weights_and_objectives_are_checked(measure, scene, params, message):
    with pytest.raises(ConfigurationError, match=message):
        measure(scene(1.5), "qmrnet_score", **params)


def test_damaged_models_get_one_line(measure, scene, blur_model, two_heads, tmp_path):
    weights = (blur_model / "model.safetensors").read_bytes()
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut" / "model.safetensors").write_bytes(weights[:-1000])
    (tmp_path / "empty").mkdir()
    from safetensors.numpy import load_file, save_file

    (tmp_path / "foreign").mkdir()
    save_file({"x": np.zeros(3)}, tmp_path / "foreign" / "model.safetensors")
    # The weights of one configuration under the description of another.
    from safetensors import safe_open

    with safe_open(two_heads / "model.safetensors", framework="np") as opened:
        metadata = opened.metadata()
    (tmp_path / "other").mkdir()
    tensors = load_file(blur_model / "model.safetensors")
    save_file(tensors, tmp_path / "other" / "model.safetensors", metadata)
    expected = {
        "cut": "truncated",
        "empty": "no model there",
        "foreign": "configuration is missing",
        "other": "belong to another configuration",
    }
    for name, message in expected.items():
        with pytest.raises(IQFError, match=message) as caught:
            measure(scene(1.5), model=str(tmp_path / name))
        assert "\n" not in str(caught.value)


def test_it_is_a_metric_of_the_program_with_a_map(scene, blur_model, tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name, sigma in (("a.png", 1.3), ("b.png", 2.2)):
        cv2.imwrite(str(folder / name), scene(sigma).pixels)
    arguments = ["measure", "photos", "--metric", f"qmrnet:model={blur_model}", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "iqf_core.cli", *arguments, "--figure", "maps"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [row for row in json.loads(done.stdout)["rows"] if row["output"] == NAME]
    assert [row["value"] for row in rows] == [
        pytest.approx(1.3, abs=0.2),
        pytest.approx(2.2, abs=0.2),
    ]
    maps = sorted((tmp_path / "maps").iterdir())
    assert [each.name for each in maps] == ["a.png.qmrnet.png", "b.png.qmrnet.png"]
    assert cv2.imread(str(maps[0])).shape[1] > 1000


def test_the_default_backbone_is_quick():
    """At most 0.5 CPU-seconds for 1024 x 1024 pixels is the goal; a busy machine gets more."""
    import torch
    from iqf_qmrnet.checkpoint import Model
    from iqf_qmrnet.config import NetworkConfig
    from iqf_qmrnet.grid import parse_heads
    from iqf_qmrnet.networks import build_network

    torch.set_num_threads(1)
    heads = parse_heads(["sigma"])
    model = Model(build_network(NetworkConfig(), heads).eval(), heads, {}, 128)
    pixels = np.random.default_rng(0).integers(0, 255, (1024, 1024, 3)).astype(np.uint8)
    spent = []
    for _ in range(3):
        begin = time.process_time()
        read_image(model, ImageReader.of(Image(pixels, peak=255)))
        spent.append(time.process_time() - begin)
    print(f"CPU-seconds for 1024 x 1024 x 3: {min(spent):.3f}")
    assert min(spent) < 1.5
