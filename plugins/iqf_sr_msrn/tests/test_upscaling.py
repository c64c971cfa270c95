"""Upscaling: tiles without seams, georeference, masks, data types, modifiers, ONNX."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from click.testing import Result
from iqf_sr_msrn.inference import interpolation
from iqf_sr_msrn.inference.enlarging import Enlarger, enlarge
from iqf_sr_msrn.inference.files import enlarge_file
from iqf_sr_msrn.inference.forward import network_function
from iqf_sr_msrn.model_file import ModelConfiguration, load_model, save_model
from iqf_sr_msrn.networks.export import export_onnx
from PIL import Image as Pillow
from rasterio.crs import CRS

from iqf_core.api import (
    ConfigurationError,
    Context,
    Georeference,
    IQFError,
    PluginManager,
    open_image,
    read_image,
    write_image,
)
from iqf_core.testing import ModifierConformance, make_image

UTM = CRS.from_epsg(32631).to_wkt()


class TestBicubicModifier(ModifierConformance):
    component = "bicubic"


class TestLanczosModifier(ModifierConformance):
    component = "lanczos"


def model(folder: Path, network: str, scale: int, bands: int, channels: str = "all") -> Path:
    """Write a network of random weights."""
    context = Context(registry=PluginManager().registry)
    torch.manual_seed(3)
    configuration = ModelConfiguration(network, scale, bands, channels)
    built = configuration.build(context)
    for parameter in built.parameters():
        if parameter.dim() == 4 and not parameter.any():
            torch.nn.init.normal_(parameter, std=0.05)
    save_model(folder, built, configuration)
    return folder


def enlarger(folder: Path, context: Context, **options: Any) -> Enlarger:
    network, configuration = load_model(folder, context)
    function = network_function(network, configuration.channels, configuration.scale, **options)
    return Enlarger(function, configuration.scale, configuration.component(context).halo())


@pytest.mark.parametrize("network", ["msrn:blocks=2,features=6,residual=true", "fsrcnn"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_tiles_give_what_the_whole_gives(
    network: str, scale: int, tmp_path: Path, context: Context
) -> None:
    made = enlarger(model(tmp_path, network, scale, 2), context)
    image = make_image(70, 83, 2, "float32")
    whole = enlarge(image, made, tile_px=1000).pixels
    parts = enlarge(image, made, tile_px=24).pixels
    assert np.abs(whole - parts).max() < 1e-5  # the order of sums in float32
    too_small = enlarge(image, Enlarger(made.function, scale, 2), tile_px=24).pixels
    assert np.abs(whole - too_small).max() > 1e-3  # with less overlap there is a seam


@pytest.mark.parametrize(("dtype", "bands"), [("uint16", 5), ("float32", 4), ("uint8", 3)])
def test_a_geotiff_keeps_everything_and_its_transform_follows(
    dtype: str, bands: int, tmp_path: Path, iqf: Callable[..., Result]
) -> None:
    folder = model(tmp_path / "m", "msrn:blocks=1,features=4,residual=true", 2, bands)
    place = Georeference(UTM, (0.5, 0.0, 430000.0, 0.0, -0.5, 4580000.0))
    names = tuple(f"band {n}" for n in range(bands))
    image = make_image(61, 50, bands, dtype, band_names=names, georeference=place)
    images = tmp_path / "images"
    images.mkdir()
    write_image(images / "scene.tif", image)
    done = iqf(
        *("sr", "upscale", folder, images, "--out", tmp_path / "up"),
        *("--peak", image.peak, "--tile-px", "20", "--json"),
    )
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["images"][0]["shape"] == [122, 100, bands]
    result = read_image(tmp_path / "up" / "scene.tif", peak=image.peak)
    assert (result.shape, result.dtype) == ((122, 100, bands), dtype)
    assert result.band_names == names
    assert result.georeference is not None
    assert result.georeference.transform == (0.25, 0.0, 430000.0, 0.0, -0.25, 4580000.0)
    context = Context(registry=PluginManager().registry)
    whole = enlarge(image, enlarger(folder, context), tile_px=1000)
    step = 1 if dtype != "float32" else 1e-5
    assert np.abs(result.pixels.astype(float) - whole.pixels).max() <= step


def test_invalid_pixels_stay_invalid_and_leave_no_edge(tmp_path: Path, context: Context) -> None:
    folder = model(tmp_path / "m", "msrn:blocks=1,features=4,residual=true", 2, 3)
    image = make_image(64, 60, 3, "uint16", border=9)
    write_image(tmp_path / "scene.tif", image)
    made = enlarger(folder, context)
    with open_image(tmp_path / "scene.tif", peak=image.peak) as reader:
        enlarge_file(reader, tmp_path / "up.tif", made, tile_px=16)
    result = read_image(tmp_path / "up.tif", peak=image.peak)
    expected = np.kron(image.valid, np.ones((2, 2), bool))
    assert np.array_equal(result.valid, expected)
    pixels = image.pixels.copy()
    pixels[~image.valid] = 4095
    other = enlarge(image.with_pixels(pixels), made)
    whole = enlarge(image, made)
    assert np.array_equal(other.pixels[expected], whole.pixels[expected])
    difference = np.abs(result.pixels.astype(int) - whole.pixels)[expected]
    assert difference.max() <= 1


def test_self_ensemble_is_the_mean_over_all_orientations(tmp_path: Path, context: Context) -> None:
    folder = model(tmp_path / "m", "msrn:blocks=1,features=4,residual=true", 2, 3)
    plain, mean = enlarger(folder, context), enlarger(folder, context, ensemble=True)
    planes = np.random.default_rng(0).random((3, 12, 9), np.float32)
    turned = np.rot90(planes, 1, axes=(1, 2))
    one, other = mean.function(planes), np.rot90(mean.function(turned.copy()), -1, axes=(1, 2))
    assert np.abs(one - other).max() < 1e-5
    single = plain.function(planes)
    assert np.abs(one - single).max() > 1e-4


def test_other_bands_than_the_models_are_refused_with_the_images_name(
    trained: Path, tmp_path: Path, iqf: Callable[..., Result]
) -> None:
    write_image(tmp_path / "grey.png", make_image(30, 30, 1))
    done = iqf("sr", "upscale", trained, tmp_path / "grey.png", "--out", tmp_path / "up")
    assert done.exit_code == 2
    assert "grey.png" in done.output and "takes images of 3 bands, not of 1" in done.output
    assert len(done.output.strip().splitlines()) == 1


def test_no_result_takes_the_place_of_another(
    trained: Path, tmp_path: Path, iqf: Callable[..., Result]
) -> None:
    (tmp_path / "images").mkdir()
    for name in ("a.png", "a.tif"):
        write_image(tmp_path / "images" / name, make_image(20, 20, 3))
    done = iqf("sr", "upscale", trained, tmp_path / "images", "--out", tmp_path / "up")
    assert done.exit_code == 2
    assert "differ in their ending alone" in done.output
    assert not (tmp_path / "up").exists()


def test_interpolations_are_those_of_opencv_and_pillow() -> None:
    planes = np.random.default_rng(1).random((1, 20, 24), np.float32)
    ours = interpolation.bicubic(2, -0.75)(planes)[0]
    theirs = cv2.resize(planes[0], None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    assert np.abs(ours - theirs).max() < 1e-5
    for made, method in (
        (interpolation.bicubic(3, -0.5), Pillow.Resampling.BICUBIC),
        (interpolation.lanczos(3, 3), Pillow.Resampling.LANCZOS),
    ):
        expected = np.asarray(Pillow.fromarray(planes[0]).resize((72, 60), method))
        # Pillow normalises at the border anew, where the last pixel continues here.
        inner = (slice(12, -12), slice(12, -12))
        assert np.abs(made(planes)[0][inner] - expected[inner]).max() < 1e-5


# As a modifier


def test_a_dataset_is_enlarged_with_its_annotations(
    trained: Path, tmp_path: Path, iqf: Callable[..., Result]
) -> None:
    images = tmp_path / "ships" / "images"
    images.mkdir(parents=True)
    write_image(images / "a.png", make_image(40, 50, 3))
    annotations = {
        "images": [{"id": 1, "file_name": "a.png", "width": 50, "height": 40}],
        "categories": [{"id": 1, "name": "ship"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [5, 6, 10, 8], "area": 80}
        ],
    }
    (tmp_path / "ships" / "annotations.json").write_text(json.dumps(annotations))
    done = iqf("modify", tmp_path / "ships", f"msrn:model={trained}", "--json", "--workers", "1")
    assert done.exit_code == 0, done.output
    copy = Path(json.loads(done.stdout)["copies"][0]["path"])
    assert read_image(copy / "images" / "a.png").shape == (80, 100, 3)
    moved = json.loads((copy / "annotations.json").read_text())
    assert moved["annotations"][0]["bbox"] == [10, 12, 20, 16]
    assert (moved["images"][0]["width"], moved["images"][0]["height"]) == (100, 80)


class TestNetworkModifier(ModifierConformance):
    component = "msrn"

    @pytest.fixture
    def values(self, given: None, trained: Path) -> dict[str, Any]:
        return {"model": str(trained)}

    @pytest.fixture
    def first_values(self, trained: Path) -> dict[str, Any]:
        return {"model": str(trained)}


def test_a_models_content_enters_the_fingerprint(trained: Path, tmp_path: Path) -> None:
    from iqf_core.api import Chain, parse_specification

    registry = PluginManager().registry
    other = model(tmp_path / "m", "fsrcnn", 2, 3)
    prints = {
        Chain.resolve([parse_specification(f"msrn:model='{each}'")], registry).fingerprint()
        for each in (trained, other, trained / "model.safetensors")
    }
    assert len(prints) == 2


# ONNX


@pytest.fixture(scope="module")
def onnx_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """FSRCNN of the luma, as an ONNX file and as a model folder."""
    folder = model(tmp_path_factory.mktemp("onnx") / "m", "fsrcnn", 2, 3, "y")
    context = Context(registry=PluginManager().registry)
    network, _ = load_model(folder, context)
    file = folder / "fsrcnn.onnx"
    export_onnx(network, file, 1)
    return file, folder


def test_an_onnx_network_gives_what_torch_gives(
    onnx_file: tuple[Path, Path], context: Context
) -> None:
    file, folder = onnx_file
    assert context.registry is not None
    created = context.registry.create("modifier", "onnx", {"model": file, "channels": "y"}, context)
    image = make_image(50, 61, 3)
    assert created.enlarger.scale == 2
    one = created.modify(image, None, context)
    other = enlarge(image, enlarger(folder, context))
    assert one.shape == (100, 122, 3)
    assert np.abs(one.pixels.astype(int) - other.pixels).max() <= 1


def test_an_onnx_file_that_does_not_fit_is_one_clear_line(
    onnx_file: tuple[Path, Path], context: Context, tmp_path: Path
) -> None:
    def refused(**params: Any) -> str:
        assert context.registry is not None
        created = context.registry.create("modifier", "onnx", params, context)
        with pytest.raises(ConfigurationError) as caught:
            created.geometry((8, 8))
        assert len(str(caught.value).splitlines()) == 1
        return str(caught.value)

    assert "does not take 3 bands" in refused(model=onnx_file[0])
    assert "no such file" in refused(model=tmp_path / "none.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"nothing")
    assert "cannot be opened" in refused(model=tmp_path / "bad.onnx", channels="y")


# Evaluation


def test_evaluation_lays_all_upscalers_side_by_side(
    photographs: Path,
    trained: Path,
    onnx_file: tuple[Path, Path],
    tmp_path: Path,
    iqf: Callable[..., Result],
) -> None:
    file = onnx_file[0]
    done = iqf(
        *("sr", "evaluate", photographs, "--scale", "2", "--json"),
        *("--upscaler", f"msrn:model={trained}", "--upscaler", "bicubic", "--upscaler", "lanczos"),
        *("--upscaler", f"onnx:model={file},channels=y", "--metric", "psnr"),
        *("--figure", tmp_path / "figures", "--csv", tmp_path / "values.csv"),
    )
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    means = {(each["upscaler"], each["measure"]): each["mean"] for each in told["summary"]}
    assert {upscaler for upscaler, _ in means} == {
        "input",
        "target",
        "bicubic",
        "lanczos",
        f"msrn:model={trained}",
        f"onnx:model={file},channels=y",
    }
    assert means["bicubic", "psnr_y"] > 15
    assert ("target", "sharpness.rer") in means and ("input", "snr.snr") in means
    assert ("target", "psnr.psnr") not in means and means["bicubic", "psnr.psnr"] > 15
    figure = read_image(tmp_path / "figures" / "0.png.png")
    assert figure.width > 800
    assert (tmp_path / "values.csv").read_text().startswith("image,upscaler,measure,value,reason")


def test_psnr_is_of_the_true_peak_inside_the_border() -> None:
    from iqf_sr_msrn.evaluation.fidelity import fidelity

    truth = make_image(40, 40, 1, "uint16", peak=1023.0)
    pixels = truth.pixels.copy()
    pixels[:] = np.where(pixels > 500, pixels - 4, pixels + 4)
    pixels[:2] = 0  # inside the border: does not count
    measured = fidelity(truth.with_pixels(pixels), truth, 2)
    assert measured.psnr == pytest.approx(20 * np.log10(1023 / 4), abs=1e-4)
    assert measured.psnr_y == pytest.approx(measured.psnr, abs=1e-4)


def test_psnr_of_the_luma_is_that_of_matlabs_rgb2ycbcr() -> None:
    from iqf_sr_msrn.evaluation.fidelity import fidelity
    from skimage.color import rgb2ycbcr

    truth, other = make_image(40, 44, 3), make_image(40, 44, 3, seed=0)
    rng = np.random.default_rng(0)
    noisy = np.clip(other.pixels + rng.normal(0, 5, other.shape), 0, 255).round().astype(np.uint8)
    lumas = [rgb2ycbcr(each)[3:-3, 3:-3, 0] for each in (truth.pixels, noisy)]
    expected = 10 * np.log10(255**2 / np.mean((lumas[0] - lumas[1]) ** 2))
    measured = fidelity(truth.with_pixels(noisy), truth, 3)
    assert measured.psnr_y == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("upscaler", "message"),
    [
        ("bicubic:scale=3", "the comparison is at scale 2"),
        ("blur:sigma_px=1", "a scale of 1; the comparison is at scale 2"),
        ("magic", "no modifier named 'magic'"),
        ("msrn:model=none", "no such model"),
    ],
)
def test_a_wrong_upscaler_is_one_clear_line(
    upscaler: str, message: str, photographs: Path, iqf: Callable[..., Result]
) -> None:
    done = iqf("sr", "evaluate", photographs, "--upscaler", upscaler)
    assert done.exit_code == 2
    assert message in done.output
    assert len(done.output.strip().splitlines()) == 1


def test_a_model_of_another_scale_is_refused(photographs: Path, trained: Path, iqf: Any) -> None:
    done = iqf("sr", "evaluate", photographs, "--upscaler", f"msrn:model={trained}", "--scale", "4")
    assert done.exit_code == 2
    assert "a scale of 2; the comparison is at scale 4" in done.output


def test_an_official_checkpoint_becomes_a_model(tmp_path: Path, iqf: Callable[..., Result]) -> None:
    from iqf_sr_msrn.networks.msrn import MSRN

    torch.save(MSRN(3).state_dict(), tmp_path / "MSRN_x3.pt")
    done = iqf("sr", "import", tmp_path / "MSRN_x3.pt", "--scale", "3", "--out", tmp_path / "m")
    assert done.exit_code == 0, done.output
    network, configuration = load_model(tmp_path / "m", Context(registry=PluginManager().registry))
    assert (configuration.scale, configuration.bands) == (3, 3)
    assert network(torch.rand(1, 3, 4, 4)).shape == (1, 3, 12, 12)
    done = iqf("sr", "import", tmp_path / "MSRN_x3.pt", "--scale", "2", "--out", tmp_path / "n")
    assert done.exit_code == 2 and "do not fit" in done.output
    assert not (tmp_path / "n").exists()


def test_files_that_are_no_model_are_told_apart(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    context = Context(registry=PluginManager().registry)
    save_file({"a": torch.zeros(1)}, str(tmp_path / "model.safetensors"))
    with pytest.raises(IQFError, match="carries no configuration"):
        load_model(tmp_path, context)
