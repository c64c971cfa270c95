"""The formats at work: modified copies, tiles, parts and conversions of whole datasets."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from iqf_formats_detection.dota import DotaFormat
from iqf_formats_detection.yolo import YoloFormat

from iqf_core.cli.main import cli
from iqf_core.components.specification import parse_specification
from iqf_core.datasets.conversion import convert_dataset
from iqf_core.datasets.dataset import open_dataset
from iqf_core.datasets.splitting import split_dataset
from iqf_core.datasets.tiling import tile_dataset
from iqf_core.modification.chain import Chain
from iqf_core.modification.engine import modify_dataset
from iqf_core.plugins.manager import PluginManager

TURN = '''
import numpy as np

from iqf_core.api import Geometry, Modifier


class Turn(Modifier):
    """Turns an image by a quarter to the right and halves it."""

    scope = "global"

    def geometry(self, shape, gsd_m=None):
        height, width = shape
        return Geometry((width // 2, height // 2), (0, -0.5, height / 2, 0.5, 0, 0))

    def modify(self, image, state, context):
        turned = np.rot90(image.pixels, -1)[::2, ::2]
        place = image.georeference
        transform = self.geometry(image.pixels.shape[:2]).transform
        return image.with_pixels(
            np.ascontiguousarray(turned),
            mask=None,
            georeference=place and place.regridded(transform),
        )
'''


@pytest.fixture
def turned(tmp_path):
    """Make the copy of a dataset that is turned and halved."""
    file = tmp_path / "turning.py"
    file.write_text(TURN)
    manager = PluginManager.create(files=[file])
    chain = Chain.resolve([parse_specification("turn")], manager.registry)

    def turned(path):
        dataset = open_dataset(path, registry=manager.registry)
        copy = modify_dataset(dataset, chain, manager=manager, quiet=True)
        return open_dataset(copy.path, registry=manager.registry)

    return turned


def test_a_turned_copy_of_dota_has_turned_boxes(dota, turned):
    copy = turned(dota)
    vehicle, ship, _ = copy.annotations().objects
    assert copy.header("P0001.png").shape[:2] == (30, 20)
    # (x, y) goes to ((40 - y) / 2, x / 2).
    assert vehicle.oriented_box == ((17.5, 5), (17.5, 15), (12.5, 15), (12.5, 5))
    assert ship.oriented_box == ((10, 10), (7.5, 12.5), (2.5, 7.5), (5, 5))
    assert copy.annotations().images["P0001.png"].attributes["gsd"] == pytest.approx(
        2 * 0.146343590398
    )


def test_a_turned_copy_of_yolo_has_turned_boxes_and_its_names(yolo, turned):
    copy = turned(yolo)
    annotations = copy.annotations()
    assert copy.image_names == ("train/a.png", "train/b.png")
    assert annotations.findings == () and annotations.classes == {0: "car", 1: "small bus"}
    car, bus = annotations.objects
    assert car.image == "train/a.png" and car.box == pytest.approx((7.5, 7.5, 5, 15))
    assert bus.box == pytest.approx((15, 0, 2, 6))


def test_tiles_of_dota_have_cut_boxes_and_the_same_classes(dota, opened):
    made = tile_dataset(opened(dota), size=20, overlap=0, keep=0.4, quiet=True)
    tiles = opened(made.path)
    annotations = tiles.annotations()
    assert [each.code for each in annotations.findings] == []
    assert annotations.classes == {0: "large-vehicle", 1: "ship"}
    where = {(each.image, each.class_id): each.oriented_box for each in annotations.objects}
    assert where["P0001__x0_y0.png", 0] == ((10, 5), (20, 5), (20, 15), (10, 15))
    assert where["P0001__x20_y0.png", 0] == ((0, 5), (10, 5), (10, 15), (0, 15))
    assert annotations.images["P0001__x40_y0.png"].attributes["imagesource"] == "GoogleEarth"
    assert "P0003__x0_y0.png" not in annotations.images
    # An object at an angle keeps its angle: its edges run along (1, 1) and (-1, 1).
    (x0, y0), (x1, y1), *_ = where["P0001__x0_y20.png", 1]
    assert x1 - x0 == pytest.approx(y1 - y0) and x1 > x0


def test_tiles_of_yolo_have_cut_boxes(yolo, opened):
    made = tile_dataset(opened(yolo), size=30, overlap=0, keep=0.3, quiet=True)
    annotations = opened(made.path).annotations()
    assert annotations.findings == () and annotations.classes == {0: "car", 1: "small bus"}
    cars = {each.image: each.box for each in annotations.objects if each.class_id == 0}
    assert cars == {
        "train/a__x0_y0.png": pytest.approx((15, 15, 15, 10)),
        "train/a__x30_y0.png": pytest.approx((0, 15, 15, 10)),
        "train/a__x0_y10.png": pytest.approx((15, 5, 15, 10)),
        "train/a__x30_y10.png": pytest.approx((0, 5, 15, 10)),
    }
    assert "images/train" in (made.path / "data.yaml").read_text()


def test_parts_keep_their_labels_and_numbers_of_classes(dota, opened):
    made = split_dataset(opened(dota), (0.4, 0.3, 0.3), quiet=True)
    for part, images in made.parts.items():
        annotations = opened(made.path / part).annotations()
        labelled = [name for name in images if name != "P0003.png"]
        assert sorted(annotations.images) == sorted(labelled)
        for each in annotations.objects:
            assert annotations.classes[each.class_id] in ("large-vehicle", "ship")
        assert {each.class_id for each in annotations.objects} == {
            number for name in labelled for number in {"P0001.png": (0, 1), "P0002.png": (1,)}[name]
        }


def test_dota_becomes_yolo_and_comes_back(dota, opened):
    parent = dota.parent
    made = convert_dataset(opened(dota), parent / "yolo", YoloFormat(), quiet=True)
    assert "difficulty-not-carried" in {each.code for each in made.findings}
    convert_dataset(opened(parent / "yolo"), parent / "dota", DotaFormat(), quiet=True)
    before, after = opened(dota).annotations(), opened(parent / "dota").annotations()
    assert after.classes == before.classes
    for one, other in zip(before.objects, after.objects, strict=True):
        assert (other.image, other.class_id) == (one.image, one.class_id)
        for corner, again in zip(one.oriented_box, other.oriented_box, strict=True):
            assert again == pytest.approx(corner, abs=1e-6)
    # Every image has labels now, also the one that had none.
    assert set(after.images) == {"P0001.png", "P0002.png", "P0003.png"}


def test_the_command_takes_the_parameters_of_a_format(yolo):
    target = yolo.parent / "oriented"
    arguments = ["dataset", "convert", str(yolo), str(target), "--format", "yolo:task=oriented"]
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0 and "2 objects in labels" in result.stdout
    first = (target / "labels" / "train" / "a.txt").read_text().splitlines()[0]
    assert len(first.split()) == 9


def test_what_is_in_the_way_of_new_labels_is_named(dota, opened):
    (dota / "labels").mkdir()
    (dota / "labels" / "readme.txt").write_text("of another kind\n")
    with pytest.raises(Exception, match="is in the way"):
        convert_dataset(opened(dota), dota.parent / "new", YoloFormat(), quiet=True)
