"""Several frames: registration, fusion, and honesty about what they are worth."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from click.testing import Result
from iqf_sr_msrn.evaluation.fidelity import fidelity
from iqf_sr_msrn.fusion.fuse import fuse
from iqf_sr_msrn.inference.enlarging import Enlarger, enlarge
from iqf_sr_msrn.inference.interpolation import bicubic
from rasterio.crs import CRS
from scipy import ndimage

from iqf_core.api import Georeference, Image, IQFError, read_image, write_image


def frames_of(truth: Image, count: int, sigma: float, seed: int) -> tuple[list[Image], np.ndarray]:
    """Return frames on a grid half as fine: shifted, averaged over 2 x 2 px (aliased), noisy."""
    rng = np.random.default_rng(seed)
    shifts = np.concatenate([np.zeros((1, 2)), rng.uniform(-1, 1, (count - 1, 2))])
    frames = []
    planes = np.moveaxis(truth.pixels, 2, 0).astype(float)
    for shift in shifts:
        moved = np.stack(
            [ndimage.shift(band, 2 * shift, order=5, mode="nearest") for band in planes]
        )
        bands, height, width = moved.shape
        small = moved.reshape(bands, height // 2, 2, width // 2, 2).mean((2, 4))
        small += rng.normal(0, sigma, small.shape)
        pixels = np.clip(np.rint(np.moveaxis(small, 0, 2)), 0, 255).astype(np.uint8)
        frames.append(Image(pixels, peak=255.0))
    return frames, shifts


@pytest.fixture(scope="module")
def truths() -> dict[str, Image]:
    return {
        "astronaut": Image(skimage.data.astronaut()[:320, 60:380], peak=255.0),
        "camera": Image(skimage.data.camera()[80:400, 100:420, None], peak=255.0),
    }


@pytest.mark.parametrize("sigma", [2, 6])
@pytest.mark.parametrize("name", ["astronaut", "camera"])
def test_eight_frames_are_registered_and_beat_bicubic_of_one(
    name: str, sigma: float, truths: dict[str, Image]
) -> None:
    frames, shifts = frames_of(truths[name], 8, sigma, seed=1)
    fused = fuse(frames)
    errors = np.array([[each.row, each.column] for each in fused.shifts]) - shifts
    assert np.sqrt((errors**2).mean()) <= 0.02  # the goal is 0.1 px
    alone = enlarge(frames[0], Enlarger(bicubic(2, -0.5), 2, 2))
    gain = fidelity(fused.image, truths[name], 4).psnr_y - fidelity(alone, truths[name], 4).psnr_y
    assert gain >= 1.0
    assert fused.adds_nothing is None and fused.adds_no_detail is None
    assert fused.gain_db > 1


def test_it_says_so_when_the_frames_are_one_picture(truths: dict[str, Image]) -> None:
    frames, _ = frames_of(truths["camera"], 1, 3, seed=0)
    fused = fuse(frames * 4)
    assert fused.adds_nothing is not None and "the same picture" in fused.adds_nothing


def test_it_says_so_when_only_the_noise_gets_lower(truths: dict[str, Image]) -> None:
    rng = np.random.default_rng(0)
    clean = frames_of(truths["camera"], 1, 0, seed=0)[0][0]
    frames = [
        clean.with_pixels(
            np.clip(clean.pixels + rng.normal(0, 6, clean.shape), 0, 255).astype(np.uint8)
        )
        for _ in range(6)
    ]
    fused = fuse(frames)
    assert fused.adds_nothing is None
    assert fused.adds_no_detail is not None and "noise is lower" in fused.adds_no_detail


def test_a_moving_object_leaves_no_ghost(truths: dict[str, Image]) -> None:
    frames, _ = frames_of(truths["astronaut"], 6, 2, seed=2)
    pixels = [each.pixels.copy() for each in frames]
    for number in range(1, 6):
        pixels[number][60:80, 60:80] = 255 if pixels[0][60:80, 60:80].mean() < 128 else 0
    fused = fuse([frame.with_pixels(each) for frame, each in zip(frames, pixels, strict=True)])
    patch = (slice(124, 156), slice(124, 156))
    alone = enlarge(frames[0], Enlarger(bicubic(2, -0.5), 2, 2))
    difference = fused.image.pixels[patch].astype(float) - alone.pixels[patch]
    assert np.abs(difference).mean() < 6


def test_the_result_lies_where_the_first_frame_lies(
    tmp_path: Path, truths: dict[str, Image], iqf: Callable[..., Result]
) -> None:
    frames, _ = frames_of(truths["camera"], 3, 2, seed=3)
    place = Georeference(CRS.from_epsg(32631).to_wkt(), (2.0, 0.0, 430000.0, 0.0, -2.0, 4580000.0))
    paths = []
    for number, frame in enumerate(frames):
        paths.append(tmp_path / f"{number}.tif")
        write_image(paths[-1], frame.with_pixels(frame.pixels, georeference=place))
    done = iqf("sr", "fuse", *paths, "--out", tmp_path / "fused.tif", "--json")
    assert done.exit_code == 0, done.output
    assert len(json.loads(done.stdout)["shifts_px"]) == 3
    result = read_image(tmp_path / "fused.tif")
    assert result.shape == (320, 320, 1)
    assert result.georeference is not None
    assert result.georeference.transform == (1.0, 0.0, 430000.0, 0.0, -1.0, 4580000.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda frames: frames[:1], "fusing needs two or more"),
        (lambda frames: [frames[0], frames[1].cut((slice(0, 50), slice(0, 50)))], "frame 2 is"),
        (
            lambda frames: [each.with_pixels(np.full_like(each.pixels, 90)) for each in frames],
            "frame 2: the frames show too little structure",
        ),
    ],
)
def test_frames_that_cannot_be_fused_are_one_clear_line(
    change: Callable[[list[Image]], list[Image]], message: str, truths: dict[str, Image]
) -> None:
    frames, _ = frames_of(truths["camera"], 2, 2, seed=4)
    with pytest.raises(IQFError, match=message) as caught:
        fuse(change(frames))
    assert len(str(caught.value).splitlines()) == 1
