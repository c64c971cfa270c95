"""Metrics of the tests, and small datasets for them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from iqf_core.datasets.dataset import open_dataset
from iqf_core.measurement.engine import measure_dataset
from iqf_core.measurement.table import Measurements
from iqf_core.plugins.manager import PluginManager

METRICS = '''
"""Metrics of the tests: each shows one thing that the engine must handle."""

import os
import time
from pathlib import Path

import numpy as np

from iqf_core.components.metric import Metric, Output, Value
from iqf_core.components.modifier import Modifier
from iqf_core.components.parameters import Params as Base
from iqf_core.components.parameters import parameter


def _bands(image):
    valid = image.pixels[image.valid].astype(np.float64)
    return tuple(Value(float(band.mean())) for band in valid.T) if len(valid) else ()


class Brightness(Metric):
    """Mean of the valid pixels, and of full scale."""

    outputs = (
        Output("mean", "DN", "higher", "mean of valid pixels"),
        Output("share", "", None, "of full scale"),
    )

    class Params(Base):
        offset_dn: float = parameter(0.0, description="added", unit="DN")
        calls: str = parameter("", description="a file to note calls in")

    def measure(self, subject, context):
        if self.params.calls:
            with open(self.params.calls, "a") as file:
                file.write("measured\\n")
        image = subject.image
        bands = _bands(image)
        if not bands:
            nothing = Value(None, reason="no valid pixel")
            return {"mean": nothing, "share": nothing}
        value = float(np.mean([band.value for band in bands])) + self.params.offset_dn
        return {
            "mean": Value(value, value - 1, value + 1, bands=bands),
            "share": Value(value / image.peak),
        }


class Difference(Metric):
    """Peak signal-to-noise ratio over the valid pixels."""

    reads = "pair"
    outputs = (Output("psnr", "dB", "higher", "peak signal-to-noise ratio"),)

    def measure(self, subject, context):
        image, other = subject.image, subject.reference
        valid = image.valid & other.valid
        error = (image.pixels[valid].astype(np.float64) - other.pixels[valid]) ** 2
        if not error.size:
            return {"psnr": Value(None, reason="no valid pixel")}
        mean = error.mean()
        return {"psnr": Value(10 * np.log10(image.peak**2 / mean) if mean else float("inf"))}


class Drawn(Metric):
    """Draws."""

    outputs = (Output("one", summary="1"),)

    def measure(self, subject, context):
        return {"one": Value(1.0)}

    def draw(self, subject, context, path):
        path.write_text(str(subject.image.shape))


class Features(Metric):
    """A named vector."""

    outputs = (Output("colour", vector=("first", "last"), summary="means"),)

    def measure(self, subject, context):
        bands = _bands(subject.image)
        return {"colour": Value((bands[0].value, bands[-1].value))}


class Bytes8(Metric):
    """Takes 8-bit images only."""

    dtypes = ("uint8",)
    outputs = (Output("one", summary="1"),)

    def measure(self, subject, context):
        return {"one": Value(1.0)}


class Fails(Metric):
    """Raises."""

    outputs = (Output("one", summary="1"),)

    def measure(self, subject, context):
        raise ZeroDivisionError("by nothing")


class Forgets(Metric):
    """Does not give what it declares."""

    outputs = (Output("one", summary="1"), Output("two", summary="2"))

    def measure(self, subject, context):
        return {"one": Value(1.0)}


class NotANumber(Metric):
    """Gives NaN."""

    outputs = (Output("one", summary="1"),)

    def measure(self, subject, context):
        return {"one": Value(float("nan"))}


class Process(Metric):
    """Takes a while, and says where it was computed."""

    outputs = (Output("pid", summary="process"), Output("sum", summary="of all pixels"))

    def measure(self, subject, context):
        time.sleep(0.1)
        total = float(subject.image.pixels.astype(np.float32).sum())
        return {"pid": Value(float(os.getpid())), "sum": Value(total)}


class Stated(Metric):
    """What the user states."""

    outputs = (Output("snr", summary="stated"),)

    def measure(self, subject, context):
        return {"snr": Value(float(context.properties["snr"]))}


class Hits(Metric):
    """Predictions per annotated object."""

    reads = "predictions"
    outputs = (
        Output("per_object", "", "higher", "predictions per object"),
        Output("images", summary="annotated images"),
    )

    def measure(self, subject, context):
        annotations = subject.dataset.annotations()
        objects = len(annotations.objects) if annotations else 0
        if not objects:
            return {name: Value(None, reason="no objects") for name in ("per_object", "images")}
        return {
            "per_object": Value(len(subject.predictions) / objects),
            "images": Value(float(len(subject.dataset))),
        }


class Limited(Metric):
    """Says what limits its values, and has one for each class."""

    reads = "predictions"
    outputs = (Output("share", "", "higher", "1"), Output("of", summary="of each class"))

    def measure(self, subject, context):
        parts = {"ship": Value(0.5), "plane": Value(None, reason="no plane")}
        return {"share": Value(1.0, reason="half was looked at"), "of": Value(None, parts=parts)}


class Nothing(Modifier):
    """Nothing changes."""

    name = "none"

    def modify(self, image, state, context):
        return image


class Darken(Modifier):
    """Subtracts a number."""

    identity = {"by_dn": 0}

    class Params(Base):
        by_dn: int = parameter(description="what is subtracted", unit="DN", example=3)

    def modify(self, image, state, context):
        return image.with_pixels((image.pixels - self.params.by_dn).astype(image.dtype))
'''

Measure = Callable[..., Measurements]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IQF_CACHE_DIR", str(tmp_path / "cache"))


@pytest.fixture
def component_file(tmp_path: Path) -> Path:
    path = tmp_path / "metrics_of_tests.py"
    path.write_text(METRICS)
    return path


@pytest.fixture
def manager(component_file: Path) -> PluginManager:
    return PluginManager.create(no_plugins=True, files=[component_file])


@pytest.fixture
def measure(manager: PluginManager) -> Measure:
    """Measure the dataset at a path."""

    def apply(path: Path, *metrics: str, reference: Path | None = None, **options) -> Measurements:
        registry = manager.registry
        return measure_dataset(
            open_dataset(path, registry=registry),
            metrics,
            manager=manager,
            reference=None if reference is None else open_dataset(reference, registry=registry),
            quiet=True,
            **options,
        )

    return apply


def write_picture(path: Path, level: int, *, shape=(20, 30), bands: int = 3, noise: int = 10):
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(level)
    pixels = generator.integers(level, level + noise, (*shape, bands)).astype(np.uint8)
    cv2.imwrite(str(path), pixels if bands != 1 else pixels[:, :, 0])
    return pixels


@pytest.fixture
def picture() -> Callable[..., np.ndarray]:
    """Write an image whose pixels lie within `noise` above `level`, and return them."""
    return write_picture


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """A plain folder of three 8-bit images, of levels 100, 120 and 140."""
    folder = tmp_path / "data" / "pictures"
    for index in range(3):
        write_picture(folder / f"p{index}.png", 100 + 20 * index)
    return folder


@pytest.fixture
def iqf(component_file, tmp_path):
    """Run the program with the components of the tests."""

    def call(*arguments, code=0):
        program = [sys.executable, "-m", "iqf_core.cli", "--no-plugins"]
        done = subprocess.run(
            [*program, "--plugin-file", str(component_file), *map(str, arguments)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env=dict(os.environ),
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return call
