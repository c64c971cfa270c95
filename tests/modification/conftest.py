"""What the tests of modified datasets share: local modifiers, small datasets."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from iqf_core.components.specification import parse_specification
from iqf_core.datasets.dataset import open_dataset
from iqf_core.modification.chain import Chain
from iqf_core.modification.engine import ModifiedDataset, modify_dataset
from iqf_core.plugins.manager import PluginManager

MODIFIERS = '''
"""Modifiers of the tests: each shows one thing that the engine must handle."""

import time
from dataclasses import replace

import cv2
import numpy as np

from iqf_core.components.modifier import Encoded, Geometry, Modifier
from iqf_core.components.parameters import Params as Base
from iqf_core.components.parameters import parameter


class Reference(Modifier):
    """Nothing changes."""

    name = "none"

    def modify(self, image, state, context):
        return image


class Shift(Modifier):
    """Adds a number."""

    identity = {"by_dn": 0}

    class Params(Base):
        by_dn: float = parameter(description="what is added", unit="DN", example=3)
        note: str = parameter("", description="no effect")

    def modify(self, image, state, context):
        return image.with_pixels((image.pixels + self.params.by_dn).astype(image.dtype))


class Mean(Modifier):
    """Mean of the neighbours."""

    class Params(Base):
        radius_px: int = parameter(2, description="reach", unit="px", primary=True)

    def halo(self):
        return self.params.radius_px

    def modify(self, image, state, context):
        size = 2 * self.params.radius_px + 1
        return image.with_pixels(_by_bands(image.pixels, lambda band: cv2.blur(band, (size, size))))


def _by_bands(pixels, operation):
    bands = np.moveaxis(pixels, 2, 0)
    return np.dstack([operation(np.ascontiguousarray(band)) for band in bands])


class Grain(Modifier):
    """Random noise."""

    random = True

    class Params(Base):
        sigma_dn: float = parameter(4.0, description="spread", unit="DN", primary=True)

    def modify(self, image, state, context):
        noise = context.standard_normal(image.shape) * self.params.sigma_dn
        pixels = np.clip(np.rint(image.pixels + noise), 0, image.peak)
        return image.with_pixels(pixels.astype(image.dtype))


class Stretch(Modifier):
    """Looks at the whole image first: the largest value becomes the peak."""

    def prepare(self, reader, context):
        return max(int(reader.read(tile.window).pixels.max()) for tile in reader.windows(100))

    def modify(self, image, state, context):
        pixels = np.rint(image.pixels.astype(np.float64) * image.peak / max(1, state))
        return image.with_pixels(pixels.astype(image.dtype))


class Slow(Modifier):
    """Takes its time."""

    class Params(Base):
        seconds: float = parameter(0.02, description="per image", unit="s", primary=True)

    def modify(self, image, state, context):
        time.sleep(self.params.seconds)
        return image.with_pixels(255 - image.pixels)


class Codec(Modifier):
    """Stands for a codec that needs a given number of bytes."""

    scope = "global"
    dtypes = ("uint8",)

    class Params(Base):
        nbytes: int = parameter(description="size of the stream", unit="B", example=1000)

    def modify(self, image, state, context):
        return Encoded(image.with_pixels(image.pixels // 2 * 2), self.params.nbytes)


class Half(Modifier):
    """Every second pixel."""

    scope = "global"

    def geometry(self, shape, gsd_m=None):
        height, width = shape[0] // 2, shape[1] // 2
        return Geometry((height, width), (width / shape[1], 0, 0, 0, height / shape[0], 0))

    def modify(self, image, state, context):
        geometry = self.geometry(image.shape[:2])
        height, width = geometry.shape
        place = image.georeference
        return image.with_pixels(
            np.ascontiguousarray(image.pixels[: 2 * height : 2, : 2 * width : 2]),
            mask=None,
            georeference=place and place.regridded(geometry.transform),
        )


class Mutates(Modifier):
    """Writes into its input, which is not allowed."""

    def modify(self, image, state, context):
        image.pixels[:] = 0
        return image


class Liar(Modifier):
    """Says it is local and changes the data type."""

    def modify(self, image, state, context):
        return replace(image, pixels=image.pixels.astype(np.float32))
'''


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IQF_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def modifier_file(tmp_path: Path) -> Path:
    path = tmp_path / "modifiers_of_tests.py"
    path.write_text(MODIFIERS)
    return path


@pytest.fixture
def manager(modifier_file: Path) -> PluginManager:
    return PluginManager.create(no_plugins=True, files=[modifier_file])


Modify = Callable[..., ModifiedDataset]


@pytest.fixture
def chain_of(manager: PluginManager) -> Callable[..., Chain]:
    def resolve(*specifications: str) -> Chain:
        return Chain.resolve(
            [parse_specification(text) for text in specifications], manager.registry
        )

    return resolve


@pytest.fixture
def modify(manager: PluginManager, chain_of: Callable[..., Chain]) -> Modify:
    """Make a copy of the dataset at a path."""

    def make(path: Path, *specifications: str, **options: object) -> ModifiedDataset:
        dataset = open_dataset(path, registry=manager.registry)
        chain = chain_of(*specifications)
        return modify_dataset(dataset, chain, manager=manager, quiet=True, **options)  # type: ignore[arg-type]

    return make


def picture(seed: int, height: int = 40, width: int = 60, bands: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 200, (height, width, bands), np.uint8)


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """A dataset of six JPEG files in an image folder, with a label table."""
    folder = tmp_path / "data" / "photographs"
    (folder / "images").mkdir(parents=True)
    names = [f"p{index}.jpg" for index in range(6)]
    for index, name in enumerate(names):
        cv2.imwrite(str(folder / "images" / name), picture(index))
    with (folder / "labels.csv").open("w", newline="") as file:
        rows = [(name, index % 2) for index, name in enumerate(names)]
        csv.writer(file).writerows([("file", "label"), *rows])
    return folder


@pytest.fixture
def pngs(tmp_path: Path) -> Path:
    """A plain folder of eight small PNG files."""
    folder = tmp_path / "data" / "pngs"
    folder.mkdir(parents=True)
    for index in range(8):
        cv2.imwrite(str(folder / f"{index}.png"), picture(index))
    return folder
