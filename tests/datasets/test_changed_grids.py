"""Annotations follow a changed pixel grid, from the modifier to the files of the copy."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iqf_core.components.dataset_format import ImageChange
from iqf_core.components.specification import parse_specification
from iqf_core.datasets.dataset import Dataset, open_dataset
from iqf_core.datasets.formats.coco import CocoFormat
from iqf_core.datasets.formats.geojson import GeoJsonFormat
from iqf_core.datasets.geometry import invert
from iqf_core.datasets.run_length import RunLengthMask
from iqf_core.datasets.tiling import tile_dataset
from iqf_core.imaging.reading import read_image
from iqf_core.modification.chain import Chain
from iqf_core.modification.engine import modify_dataset
from iqf_core.plugins.manager import PluginManager

MODIFIER = '''
import numpy as np

from iqf_core.api import Geometry, Modifier


class Turn(Modifier):
    """Turns an image by a quarter to the right and takes every second pixel."""

    scope = "global"

    def geometry(self, shape, gsd_m=None):
        height, width = shape
        return Geometry((width // 2, height // 2), (0, -0.5, height / 2, 0.5, 0, 0))

    def modify(self, image, state, context):
        place = image.georeference
        transform = self.geometry(image.pixels.shape[:2]).transform
        return image.with_pixels(
            np.ascontiguousarray(np.rot90(image.pixels, -1)[::2, ::2]),
            mask=None,
            georeference=place and place.regridded(transform),
        )
'''


@pytest.fixture
def turned(tmp_path: Path) -> Callable[[Path], Dataset]:
    file = tmp_path / "turning.py"
    file.write_text(MODIFIER)
    manager = PluginManager.create(no_plugins=True, files=[file])
    chain = Chain.resolve([parse_specification("turn")], manager.registry)

    def turned(path: Path) -> Dataset:
        copy = modify_dataset(open_dataset(path), chain, manager=manager, quiet=True)
        return open_dataset(copy.path)

    return turned


def blocks(shape: tuple[int, int], seed: int = 3) -> np.ndarray:
    """Return labels in blocks of 2 x 2 pixels, which halving does not mix."""
    small = np.random.default_rng(seed).integers(0, 2, (shape[0] // 2, shape[1] // 2), np.uint8)
    return np.kron(small, np.ones((2, 2), np.uint8))


def half_turn(labels: np.ndarray) -> np.ndarray:
    return np.rot90(labels, -1)[::2, ::2]


def test_coco_objects_lie_where_their_pixels_went(
    coco_dataset: Path, turned: Callable[[Path], Dataset]
) -> None:
    path = coco_dataset / "annotations.json"
    document = json.loads(path.read_text())
    mask = blocks((20, 30))
    document["annotations"][1]["segmentation"] = {
        "size": [20, 30],
        "counts": RunLengthMask.from_mask(mask).compressed(),
    }
    path.write_text(json.dumps(document))
    copy = turned(coco_dataset)
    annotations = copy.annotations()
    assert annotations is not None and annotations.findings == ()
    car, crowd, ship = annotations.objects
    # (x, y) goes to ((20 - y) / 2, x / 2): the box [2, 12] x [4, 12] to [4, 8] x [1, 6].
    assert (car.box, car.area) == ((4, 1, 4, 5), 20)
    assert car.polygons == ((((8, 1), (8, 6), (4, 6), (4, 1)),),)
    assert ship.keypoints == ((8, 1.5, 2), (0, 0, 0))
    assert crowd.rle is not None and np.array_equal(crowd.rle.decode(), half_turn(mask))
    header = copy.header("a.png")
    record = annotations.images["a.png"]
    assert (record.height, record.width) == (header.height, header.width) == (15, 10)


def test_masks_take_the_nearest_label(
    tmp_path: Path, write_image: Callable[..., Path], turned: Callable[[Path], Dataset]
) -> None:
    write_image(tmp_path / "fields" / "images" / "a.png")
    labels = blocks((20, 30)) * 200
    (tmp_path / "fields" / "masks").mkdir()
    cv2.imwrite(str(tmp_path / "fields" / "masks" / "a.png"), labels)
    copy = turned(tmp_path / "fields")
    mask = cv2.imread(str(copy.path / "masks" / "a.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(mask, half_turn(labels))


@pytest.fixture
def footprints(tmp_path: Path) -> Path:
    """A georeferenced image with one bright field, and its footprint on the map."""
    folder = tmp_path / "fields"
    (folder / "images").mkdir(parents=True)
    place = Affine(2, 0, 500_000, 0, -2, 4_000_000)
    pixels = np.zeros((1, 20, 30), np.uint8)
    pixels[:, 4:12, 2:12] = 200
    with rasterio.open(
        folder / "images" / "a.tif",
        "w",
        driver="GTiff",
        height=20,
        width=30,
        count=1,
        dtype="uint8",
        crs="EPSG:32616",
        transform=place,
    ) as file:
        file.write(pixels)
    corners = [place @ corner for corner in ((2, 4), (12, 4), (12, 12), (2, 12), (2, 4))]
    document = {
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": "EPSG:32616"}},
        "features": [
            {
                "type": "Feature",
                "properties": {"image_filename": "a.tif", "class_id": 1},
                "geometry": {"type": "Polygon", "coordinates": [corners]},
            }
        ],
    }
    (folder / "fields.geojson").write_text(json.dumps(document))
    return folder


def test_the_transform_of_the_image_moves_and_footprints_stay(
    footprints: Path, turned: Callable[[Path], Dataset]
) -> None:
    copy = turned(footprints)
    assert (copy.path / "fields.geojson").read_bytes() == (
        footprints / "fields.geojson"
    ).read_bytes()
    image = read_image(copy.image_path("a.tif"))
    assert image.georeference is not None and image.georeference.transform is not None
    annotations = copy.annotations()
    assert annotations is not None and annotations.objects[0].geometry is not None
    # The footprint on the map, rasterized with the copy's transform, is the bright field.
    from rasterio.features import rasterize

    burnt = rasterize(
        [annotations.objects[0].geometry],
        out_shape=image.shape[:2],
        transform=Affine(*image.georeference.transform),
    )
    assert np.array_equal(burnt * 200, image.pixels[:, :, 0])


def test_tiles_of_a_changed_copy_still_lie_on_their_footprints(
    footprints: Path, turned: Callable[[Path], Dataset]
) -> None:
    made = tile_dataset(turned(footprints), size=6, overlap=2, keep=0, quiet=True)
    tiles = open_dataset(made.path)
    annotations = tiles.annotations()
    assert annotations is not None
    for name in tiles.image_names:
        image = read_image(tiles.image_path(name))
        assert image.georeference is not None
        bright = float((image.pixels > 0).sum())
        shown = sum(e.geometry.area for e in annotations.of_image(name) if e.geometry is not None)
        assert shown == pytest.approx(bright * 16)  # a pixel has 4 m x 4 m


coordinates = st.floats(-100, 100)


@st.composite
def transforms(draw: st.DrawFn) -> tuple[float, float, float, float, float, float]:
    a, b, d, e = (draw(st.floats(-3, 3)) for _ in range(4))
    if abs(a * e - b * d) < 0.1:
        a, b, d, e = 0.5, 0.0, 0.0, 0.5
    return a, b, draw(coordinates), d, e, draw(coordinates)


scales = st.tuples(
    st.sampled_from([0.25, 0.5, 2.0, 3.0, -1.0]),
    st.just(0.0),
    coordinates,
    st.just(0.0),
    st.sampled_from([0.25, 0.5, 2.0, 3.0, -1.0]),
    coordinates,
)

examples = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60
)


def there_and_back(
    format_: CocoFormat | GeoJsonFormat, folder: Path, document: Any, transform: Any
) -> Any:
    """Rewrite an annotation file for a new grid, and again for the old one."""
    there = ImageChange("a.png", (20, 30), (50, 70), transform)
    back = ImageChange("a.png", (50, 70), (20, 30), invert(transform))
    (folder / "one").write_text(json.dumps(document))
    format_.rewrite(folder / "one", folder / "two", {"a.png": there})
    format_.rewrite(folder / "two", folder / "three", {"a.png": back})
    return json.loads((folder / "three").read_text())


def coco(**fields: Any) -> dict[str, Any]:
    entry = {"id": 1, "image_id": 1, "category_id": 1, **fields}
    images = [{"id": 1, "file_name": "a.png", "height": 20, "width": 30}]
    return {"images": images, "annotations": [entry], "categories": []}


@examples
@given(
    st.lists(coordinates, min_size=6, max_size=12).filter(lambda c: len(c) % 2 == 0), transforms()
)
def test_coco_polygons_and_keypoints_come_back(
    tmp_path: Path, ring: list[float], transform: Any
) -> None:
    keypoints = [ring[0], ring[1], 2, 0, 0, 0]
    document = coco(segmentation=[ring], keypoints=keypoints, area=12.5)
    (after,) = there_and_back(CocoFormat(), tmp_path, document, transform)["annotations"]
    # Tolerance: double precision, stretched by transforms of a determinant of at least 0.1.
    assert after["segmentation"][0] == pytest.approx(ring, abs=1e-9)
    assert after["keypoints"] == pytest.approx(keypoints, abs=1e-9)
    assert after["area"] == pytest.approx(12.5)


@examples
@given(st.tuples(coordinates, coordinates, st.floats(0, 50), st.floats(0, 50)), scales)
def test_coco_boxes_come_back_where_axes_stay_axes(
    tmp_path: Path, box: tuple[float, ...], transform: Any
) -> None:
    (after,) = there_and_back(CocoFormat(), tmp_path, coco(bbox=list(box)), transform)[
        "annotations"
    ]
    assert after["bbox"] == pytest.approx(box, abs=1e-9)


@examples
@given(st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=6), transforms())
def test_geojson_in_pixels_comes_back(
    tmp_path: Path, ring: list[tuple[float, float]], transform: Any
) -> None:
    feature = {
        "type": "Feature",
        "properties": {"image_filename": "a.png", "class_id": 1},
        "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
    }
    document = {"type": "FeatureCollection", "features": [feature]}
    after = there_and_back(GeoJsonFormat(), tmp_path, document, transform)["features"][0]
    for old, new in zip(ring, after["geometry"]["coordinates"][0], strict=False):
        assert new == pytest.approx(old, abs=1e-9)
