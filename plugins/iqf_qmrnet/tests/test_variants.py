"""Variants of training images: what they change, and what they leave."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
from iqf_qmrnet.checkpoint import load_model
from iqf_qmrnet.degradation import Source
from iqf_qmrnet.variants import FACTORS, MOST_IMAGES, TILTS, tilt, with_variants

from iqf_core.api import Image, write_image


def _source(name: str, shape: tuple[int, int, int] = (256, 320, 3)) -> Source:
    rng = np.random.default_rng(len(name))
    return Source(name, name, Image(rng.integers(60, 190, shape, np.uint8), 255.0))


def test_a_tilt_multiplies_the_amplitude_of_a_wave_by_the_power_of_its_frequency() -> None:
    columns = np.arange(512)
    for cycles in (64, 128):  # 1/8 and 1/4 of a cycle a pixel, 2 and 4 times the pivot
        wave = 128 + 40 * np.cos(2 * np.pi * cycles * (columns + 0.5) / 512)
        pixels = np.rint(np.tile(wave, (256, 1)))[:, :, np.newaxis].astype(np.uint8)
        made = tilt(pixels, 0.3)[128, :, 0].astype(float)
        amplitude = 2 * abs(np.fft.rfft(made)[cycles]) / 512
        assert abs(amplitude / (40 * (cycles / 512 * 16) ** 0.3) - 1) < 0.03
        assert abs(made.mean() - 128) < 0.5


def test_few_images_get_reduced_and_tilted_variants_with_names_of_their_own() -> None:
    sources = [_source("a"), _source("bb", (512, 512, 1))]
    made = with_variants(sources, 64)
    assert made[:2] == sources
    assert len({each.name for each in made}) == len({each.content for each in made}) == len(made)
    sizes = {each.name: each.image.shape for each in made}
    assert len(made) == 2 * (1 + len(FACTORS)) * (1 + len(TILTS))
    assert sizes["bb 1/1.8"] == (284, 284, 1)
    assert all(min(each.image.shape[:2]) >= 80 for each in made)


def test_images_that_would_become_too_small_are_not_reduced() -> None:
    names = [each.name for each in with_variants([_source("a", (128, 128, 1))], 128)]
    assert names == ["a", *(f"a tilt {exponent}" for exponent in TILTS)]


def test_many_images_and_those_of_other_types_stay_as_they_are() -> None:
    many = [_source("a")] * (MOST_IMAGES + 1)
    assert with_variants(many, 64) == many
    deep = Source("d", "d", Image(np.zeros((256, 256, 1), np.uint16), 65535.0))
    assert with_variants([deep], 64) == [deep]


def test_workers_train_what_one_process_trains(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "images").mkdir()
    for name in "ab":  # large enough for OpenCV to start threads when it reduces them
        pixels = rng.integers(0, 255, (700, 700, 3), np.uint8)
        write_image(tmp_path / "images" / f"{name}.png", Image(pixels, 255.0))
    for workers in ("0", "2"):
        command = "qmrnet train images --parameter blur:sigma_px=1..2/3 --crops 128 --crop 64"
        arguments = [*command.split(), "--workers", workers, "--out", workers, "--json"]
        subprocess.run(
            [sys.executable, "-m", "iqf_core.cli", *arguments],
            cwd=tmp_path,
            check=True,
            capture_output=True,
            timeout=240,
        )
    alone, shared = (load_model(tmp_path / workers).network.state_dict() for workers in "02")
    assert all(bool((alone[key] == shared[key]).all()) for key in alone)
