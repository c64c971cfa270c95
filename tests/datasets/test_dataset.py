from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from iqf_core import builtins
from iqf_core.components.dataset_format import DatasetFormat
from iqf_core.datasets.dataset import open_dataset
from iqf_core.datasets.formats import BUILTIN_FORMATS
from iqf_core.datasets.formats.plain import PlainFormat
from iqf_core.errors import ConfigurationError, DatasetError
from iqf_core.plugin import Component
from iqf_core.plugins.registry import Registry

Write = Callable[..., Path]


def registry(*components: Component) -> Registry:
    made = Registry()
    for each in components:
        made.add("format", each, "test", "test-formats")
    return made


def test_the_declared_formats_are_the_ones_used_without_a_registry() -> None:
    declared = {each.name: each.target for each in builtins.iqf_dataset_formats()}
    assert declared == BUILTIN_FORMATS


def test_both_ways_of_finding_formats_agree(coco_dataset: Path) -> None:
    with_registry = open_dataset(coco_dataset, registry=registry(*builtins.iqf_dataset_formats()))
    assert with_registry.annotation_files == open_dataset(coco_dataset).annotation_files
    assert with_registry.annotation_files == (("coco", coco_dataset / "annotations.json"),)


def test_annotations_of_all_files_come_as_one(coco_dataset: Path, write_image: Write) -> None:
    write_image(coco_dataset / "masks" / "a.png")
    feature = {
        "type": "Feature",
        "properties": {"image_filename": "b.png", "class_id": 5},
        "geometry": {"type": "Point", "coordinates": [1, 2]},
    }
    (coco_dataset / "x.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": [feature]})
    )
    dataset = open_dataset(coco_dataset)
    annotations = dataset.annotations()
    assert annotations is not None and annotations is dataset.annotations()
    assert len(annotations.objects) == 4 and set(annotations.masks) == {"a.png"}
    assert annotations.annotated_images() == {"a.png", "b.png"}
    assert [each.code for each in annotations.findings] == ["class-name-conflict", "missing-mask"]
    assert dataset.companions == ()


def test_a_plain_folder_has_no_annotations(tmp_path: Path, write_image: Write) -> None:
    write_image(tmp_path / "a.png")
    assert open_dataset(tmp_path).annotations() is None
    plain = PlainFormat().read(tmp_path, ["a.png"])
    assert set(plain.images) == {"a.png"} and plain.objects == ()


def test_the_annotations_of_a_plain_folder_are_found_too(coco_dataset: Path) -> None:
    flat = coco_dataset.parent / "flat"
    shutil.copytree(coco_dataset / "images", flat)
    shutil.copy(coco_dataset / "annotations.json", flat)
    dataset = open_dataset(flat)
    assert dataset.kind == "folder" and dataset.companions == ()
    annotations = dataset.annotations()
    assert annotations is not None and len(annotations.objects) == 3


def write_16_bit(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path, "w", driver="GTiff", height=8, width=9, count=2, dtype="uint16"
    ) as file:
        file.write(np.zeros((2, 8, 9), np.uint16))


def test_what_the_user_states_is_applied_to_every_image(tmp_path: Path, write_image: Write) -> None:
    write_16_bit(tmp_path / "images" / "a.tif")
    with pytest.raises(ConfigurationError, match=r"iqf\.yaml"):
        open_dataset(tmp_path).open_image("a.tif")
    assert open_dataset(tmp_path).header("a.tif").peak is None
    (tmp_path / "iqf.yaml").write_text("peak: 1023\nnodata: 5\nbands: [red, nir]\ngsd_m: 0.7\n")
    dataset = open_dataset(tmp_path)
    header = dataset.header("a.tif")
    assert (header.peak, header.nodata, header.gsd_m) == (1023, 5, 0.7)
    assert header.band_names == ("red", "nir")
    with dataset.open_image("a.tif") as reader:
        assert (reader.peak, reader.nodata, reader.gsd_m) == (1023, 5, 0.7)
        assert reader.band_names == ("red", "nir")
    assert dataset.companions == ()
    given = open_dataset(tmp_path, peak=4095)
    assert given.header("a.tif").peak == 4095
    with given.open_image("a.tif") as reader:
        assert reader.peak == 4095
    single = open_dataset(tmp_path / "images" / "a.tif", peak=7)
    assert single.header("a.tif").peak == 7


def test_the_peak_of_8_bit_images_is_255_whatever_is_stated(
    tmp_path: Path, write_image: Write
) -> None:
    write_image(tmp_path / "a.png")
    assert open_dataset(tmp_path, peak=1000).header("a.png").peak == 255


@pytest.mark.parametrize("peak", [0, -1, float("nan"), float("inf")])
def test_a_peak_that_makes_no_sense_is_refused(tmp_path: Path, peak: float) -> None:
    with pytest.raises(ConfigurationError, match="peak"):
        open_dataset(tmp_path, peak=peak)


def test_the_fingerprint_depends_on_content_and_names_only(coco_dataset: Path) -> None:
    original = open_dataset(coco_dataset).fingerprint()
    copy = coco_dataset.parent / "elsewhere"
    shutil.copytree(coco_dataset, copy)
    (copy / ".iqf").mkdir()
    (copy / ".iqf" / "manifest.json").write_text("{}")
    assert open_dataset(copy).fingerprint() == original
    assert open_dataset(copy, peak=9).fingerprint() != original


@pytest.mark.parametrize(
    "change",
    [
        lambda ds: (ds / "images" / "a.png").write_bytes((ds / "images" / "b.png").read_bytes()),
        lambda ds: (ds / "images" / "a.png").rename(ds / "images" / "c.png"),
        lambda ds: (ds / "annotations.json").write_text('{"images": [], "annotations": [] }'),
        lambda ds: (ds / "labels.csv").write_text("a.png,1"),
        lambda ds: (ds / "images" / "labels.csv").write_text("a.png,1"),
        lambda ds: (ds / "iqf.yaml").write_text("peak: 3"),
        lambda ds: shutil.copytree(ds / "images", ds / "masks"),
    ],
    ids=["image", "name", "annotations", "companion", "inner companion", "iqf.yaml", "masks"],
)
def test_the_fingerprint_sees_every_file(coco_dataset: Path, change: Callable[[Path], Any]) -> None:
    before = open_dataset(coco_dataset).fingerprint()
    change(coco_dataset)
    assert open_dataset(coco_dataset).fingerprint() != before


def test_the_fingerprint_of_one_image_includes_what_is_stated_beside_it(
    tmp_path: Path, write_image: Write
) -> None:
    image = write_image(tmp_path / "a.png")
    before = open_dataset(image).fingerprint()
    (tmp_path / "other.txt").touch()
    assert open_dataset(image).fingerprint() == before
    (tmp_path / "iqf.yaml").write_text("gsd_m: 1")
    assert open_dataset(image).fingerprint() != before


def test_a_dangling_link_has_no_hash_but_the_dataset_has_a_fingerprint(coco_dataset: Path) -> None:
    before = open_dataset(coco_dataset).fingerprint()
    link = coco_dataset / "images" / "c.png"
    link.symlink_to(coco_dataset / "later.png")
    dataset = open_dataset(coco_dataset)
    dangling = dataset.fingerprint()
    with pytest.raises(DatasetError, match=r"c\.png: cannot be read"):
        dataset.image_hash("c.png")
    link.unlink()
    link.write_bytes((coco_dataset / "images" / "a.png").read_bytes())
    assert len({before, dangling, open_dataset(coco_dataset).fingerprint()}) == 3


def test_hashing_reports_progress_and_names_a_file_that_is_gone(coco_dataset: Path) -> None:
    class Bar:
        done = 0

        def advance(self, amount: float = 1) -> None:
            self.done += int(amount)

        def describe(self, text: str) -> None: ...

    bar = Bar()
    dataset = open_dataset(coco_dataset)
    dataset.fingerprint(bar)
    assert bar.done == 3
    (coco_dataset / "images" / "b.png").unlink()
    with pytest.raises(DatasetError, match=r"b\.png"):
        dataset.image_hash("b.png")


class ListFormat(DatasetFormat):
    """A format of a plugin: a folder `labels/`, and whatever `annotations.json` is."""

    def detect(self, folder: Path, images_folder: Path) -> list[Path]:
        labels = folder / "labels"
        return [labels] if labels.is_dir() else []

    def read(self, path: Path, image_names: Any) -> Any:
        raise KeyError("no such label")


class GreedyFormat(DatasetFormat):
    """Claims what is COCO."""

    def detect(self, folder: Path, images_folder: Path) -> list[Path]:
        return [folder / "annotations.json"]


class FailingFormat(DatasetFormat):
    """Cannot even look."""

    def detect(self, folder: Path, images_folder: Path) -> list[Path]:
        raise RuntimeError("broken")


@pytest.fixture
def as_module(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(sys.modules, "formats_for_tests", sys.modules[__name__])
    return "formats_for_tests"


def test_a_plugins_format_owns_its_folder(coco_dataset: Path, as_module: str) -> None:
    (coco_dataset / "labels").mkdir()
    (coco_dataset / "labels" / "a.txt").touch()
    assert open_dataset(coco_dataset).companions == ("labels/a.txt",)
    found = registry(Component("lists", f"{as_module}:ListFormat"))
    dataset = open_dataset(coco_dataset, registry=found)
    assert dataset.annotation_files == (("lists", coco_dataset / "labels"),)
    assert dataset.companions == ("annotations.json",)
    with pytest.raises(DatasetError, match="format 'lists' cannot read it: KeyError"):
        dataset.annotations()


def test_a_broken_format_does_not_keep_a_dataset_from_opening(
    coco_dataset: Path, as_module: str
) -> None:
    found = registry(
        Component("gone", "no_such_module_at_all:Format"),
        Component("failing", f"{as_module}:FailingFormat"),
        *builtins.iqf_dataset_formats(),
    )
    dataset = open_dataset(coco_dataset, registry=found)
    assert [each.format for each in dataset.annotation_files] == ["coco"]
    assert [each.code for each in dataset.findings] == ["format-unavailable"] * 2


def test_a_file_that_two_formats_claim_is_an_error_that_names_both(
    coco_dataset: Path, as_module: str
) -> None:
    found = registry(
        Component("greedy", f"{as_module}:GreedyFormat"), *builtins.iqf_dataset_formats()
    )
    with pytest.raises(DatasetError, match="'coco' and 'greedy'"):
        open_dataset(coco_dataset, registry=found)


def test_opening_tens_of_thousands_of_files_is_quick(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for index in range(30_000):
        (tmp_path / "images" / f"{index:06d}.png").touch()
    # CPU time: other work on the machine does not count. Measured 0.1 s.
    started = time.process_time()
    dataset = open_dataset(tmp_path)
    assert time.process_time() - started < 1
    assert len(dataset) == 30_000


def test_opening_imports_nothing_that_decodes_images(coco_dataset: Path) -> None:
    code = (
        "import sys; from iqf_core.datasets.dataset import open_dataset;"
        f"open_dataset({str(coco_dataset)!r});"
        "print(*{'cv2', 'rasterio', 'shapely', 'pandas', 'mlflow', 'rich'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
