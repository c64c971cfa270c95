"""Small datasets in both formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from iqf_core.api import Dataset, PluginManager, open_dataset

HEIGHT, WIDTH = 40, 60


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IQF_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def manager() -> PluginManager:
    return PluginManager()


@pytest.fixture
def opened(manager: PluginManager) -> Callable[[Path], Dataset]:
    """Open a dataset with all installed formats."""

    def opened(path: Path) -> Dataset:
        return open_dataset(path, registry=manager.registry)

    return opened


def write_picture(path: Path, seed: int = 0, height: int = HEIGHT, width: int = WIDTH) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)
    path.write_bytes(cv2.imencode(path.suffix, pixels)[1].tobytes())
    return path


@pytest.fixture
def picture() -> Callable[..., Path]:
    """Write an image of 40 x 60 pixels."""
    return write_picture


@pytest.fixture
def dota(tmp_path: Path) -> Path:
    """Three images, one without labels, as the DOTA authors publish them."""
    folder = tmp_path / "harbour"
    for seed, name in enumerate(("P0001.png", "P0002.png", "P0003.png")):
        write_picture(folder / "images" / name, seed)
    (folder / "labelTxt-v1.5").mkdir()
    (folder / "labelTxt-v1.5" / "P0001.txt").write_text(
        "imagesource:GoogleEarth\ngsd:0.146343590398\n"
        "10.0 5.0 30.0 5.0 30.0 15.0 10.0 15.0 large-vehicle 0\n"
        "20.0 20.0 25.0 25.0 15.0 35.0 10.0 30.0 ship 1\n"
    )
    (folder / "labelTxt-v1.5" / "P0002.txt").write_text(
        "imagesource:GF\ngsd:null\n0 0 4 0 4 4 0 4 ship\n"
    )
    return folder


@pytest.fixture
def yolo(tmp_path: Path) -> Path:
    """Two images in a sub-folder, one without objects, as trainers want them."""
    folder = tmp_path / "roads"
    for seed, name in enumerate(("a.jpg", "b.jpg")):
        write_picture(folder / "images" / "train" / name, seed)
    (folder / "labels" / "train").mkdir(parents=True)
    (folder / "labels" / "train" / "a.txt").write_text("0 0.5 0.5 0.5 0.25\n1 0.1 0.2 0.2 0.1\n")
    (folder / "labels" / "train" / "b.txt").write_text("")
    (folder / "data.yaml").write_text("train: images/train\nnc: 2\nnames: [car, small bus]\n")
    return folder
