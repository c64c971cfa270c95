from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio.transform import from_origin

from iqf_core.components.dataset_format import ImageChange
from iqf_core.datasets.annotations import Annotation, Annotations
from iqf_core.datasets.formats.masks import MasksFormat, match_masks
from iqf_core.errors import ImageError

LABELS = np.arange(24, dtype=np.uint8).reshape(4, 6)


def write_mask(path: Path, labels: np.ndarray = LABELS, **profile: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = labels.shape
    options = {"driver": "PNG", "count": 1, "dtype": labels.dtype, **profile}
    with rasterio.open(path, "w", height=height, width=width, **options) as file:
        file.write(labels, 1)
    return path


def read_mask(path: Path) -> np.ndarray:
    with rasterio.open(path) as file:
        return file.read(1)


@pytest.mark.parametrize(
    "mask", ["a.jpg", "a.png", "a.TIF", "a_mask.png", "a.jpg.png", "a.jpg_mask.png", "a.jpg_mask"]
)
def test_a_mask_is_found_by_the_name_of_its_image(mask: str) -> None:
    assert match_masks([mask], ["a.jpg"]) == ({"a.jpg": mask}, [])


@pytest.mark.parametrize("mask", ["b.png", "a_masks.png", "sub/a.png", "a.jpg.extra.png"])
def test_another_name_is_no_mask_of_the_image(mask: str) -> None:
    assert match_masks([mask], ["a.jpg"]) == ({}, [mask])


def test_images_of_one_stem_each_get_their_own_mask() -> None:
    found, orphans = match_masks(["a.jpg", "a.png"], ["a.jpg", "a.png"])
    assert found == {"a.jpg": "a.jpg", "a.png": "a.png"} and not orphans
    found, _ = match_masks(["a.jpg.png", "a.png"], ["a.jpg", "a.png"])
    assert found == {"a.jpg": "a.jpg.png", "a.png": "a.png"}


names = st.lists(
    st.builds(
        lambda stem, suffix: stem + suffix,
        st.sampled_from(["a", "b", "s/a", "a_mask", "a.jpg"]),
        st.sampled_from([".jpg", ".png", ".tif", "_mask", "_mask.png"]),
    ),
    unique=True,
    max_size=8,
)


@given(names, names)
def test_every_mask_belongs_to_at_most_one_image(masks: list[str], images: list[str]) -> None:
    found, orphans = match_masks(masks, images)
    assert sorted([*found.values(), *orphans]) == sorted(masks)
    assert set(found) <= set(images)


def test_reading_pairs_masks_and_reports_what_is_left(tmp_path: Path) -> None:
    masks = tmp_path / "masks"
    write_mask(masks / "sub" / "a.png")
    write_mask(masks / "stray.png")
    annotations = MasksFormat().read(masks, ["sub/a.jpg", "b.jpg"])
    assert annotations.masks == {"sub/a.jpg": masks / "sub" / "a.png"}
    assert [finding.code for finding in annotations.findings] == ["orphan-mask", "missing-mask"]


def test_masks_and_images_mask_are_both_found(tmp_path: Path) -> None:
    for name in ("masks", "images_mask", "photos_mask"):
        (tmp_path / name).mkdir()
    found = MasksFormat().detect(tmp_path, tmp_path / "images")
    assert [path.name for path in found] == ["masks", "images_mask"]


@pytest.mark.parametrize(
    ("image", "mask", "new_image", "expected"),
    [
        ("a.jpg", "a.png", "a.png", "a.png"),
        ("a.jpg", "a.png", "a.jpg.png", "a.jpg.png"),
        ("a.jpg", "a_mask.png", "x/b.png", "x/b_mask.png"),
        ("a.jpg", "a.jpg_mask.png", "a.png", "a.png_mask.png"),
        ("a.jpg", "a.jpg.png", "b.png", "b.png.png"),
        ("a.tif", "a.tif", "b.tif", "b.tif"),
        ("a.tif", "a.tif", "b.png", "b.tif"),
    ],
)
def test_a_mask_takes_the_name_of_its_image_and_keeps_its_bytes(
    tmp_path: Path, image: str, mask: str, new_image: str, expected: str
) -> None:
    source = tmp_path / "masks" / mask
    driver = "GTiff" if mask.endswith(".tif") else "PNG"
    write_mask(source, driver=driver)
    (tmp_path / "masks" / "classes.txt").write_text("0 water")
    change = {image: ImageChange(new_image, (4, 6), (4, 6))}
    MasksFormat().rewrite(tmp_path / "masks", tmp_path / "copy", change)
    assert (tmp_path / "copy" / expected).read_bytes() == source.read_bytes()
    assert (tmp_path / "copy" / "classes.txt").read_text() == "0 water"
    assert MasksFormat().read(tmp_path / "copy", [new_image]).findings == ()


def test_masks_of_images_left_out_stay_behind(tmp_path: Path) -> None:
    write_mask(tmp_path / "masks" / "a.png")
    write_mask(tmp_path / "masks" / "b.png")
    change = {"b.jpg": ImageChange("b.png", (4, 6), (4, 6))}
    MasksFormat().rewrite(tmp_path / "masks", tmp_path / "copy", change)
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["b.png"]


TWICE = {"a.jpg": ImageChange("a.png", (4, 6), (8, 12), (2, 0, 0, 0, 2, 0))}
DOUBLED = np.kron(LABELS, np.ones((2, 2), np.uint8))


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.bmp"])
def test_a_mask_follows_a_new_grid_without_new_classes(tmp_path: Path, name: str) -> None:
    driver = {"png": "PNG", "tif": "GTiff", "bmp": "BMP"}[name[2:]]
    write_mask(tmp_path / "masks" / name, driver=driver)
    MasksFormat().rewrite(tmp_path / "masks", tmp_path / "copy", TWICE)
    (written,) = (tmp_path / "copy").iterdir()
    assert written.suffix == (".tif" if name == "a.tif" else ".png")
    np.testing.assert_array_equal(read_mask(written), DOUBLED)


def test_class_numbers_of_a_palette_stay_class_numbers(tmp_path: Path) -> None:
    path = tmp_path / "masks" / "a.png"
    path.parent.mkdir()
    with rasterio.open(path, "w", driver="PNG", height=4, width=6, count=1, dtype="uint8") as file:
        file.write(LABELS % 3, 1)
        file.write_colormap(1, {0: (0, 0, 0, 255), 1: (255, 0, 0, 255), 2: (0, 0, 255, 255)})
    MasksFormat().rewrite(tmp_path / "masks", tmp_path / "copy", TWICE)
    with rasterio.open(tmp_path / "copy" / "a.png") as file:
        assert file.colormap(1)[1] == (255, 0, 0, 255)
        np.testing.assert_array_equal(file.read(1), DOUBLED % 3)


def test_a_georeferenced_mask_stays_where_it_is(tmp_path: Path) -> None:
    place = from_origin(500_000, 4_000_000, 10, 10)
    write_mask(
        tmp_path / "masks" / "a.tif", driver="GTiff", crs="EPSG:32631", transform=place, nodata=255
    )
    MasksFormat().rewrite(tmp_path / "masks", tmp_path / "copy", TWICE)
    with rasterio.open(tmp_path / "copy" / "a.tif") as file:
        assert file.transform == from_origin(500_000, 4_000_000, 5, 5)
        assert file.crs.to_epsg() == 32631 and file.nodata == 255


def test_a_coarser_mask_ends_on_the_grid_of_its_image(tmp_path: Path) -> None:
    write_mask(tmp_path / "masks" / "a.png")  # 4 x 6
    change = {"a.jpg": ImageChange("a.png", (8, 12), (4, 6), (0.5, 0, 0, 0, 0.5, 0))}
    MasksFormat().rewrite(tmp_path / "masks", tmp_path / "copy", change)
    np.testing.assert_array_equal(read_mask(tmp_path / "copy" / "a.png"), LABELS)


def test_a_mask_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    (tmp_path / "masks" / "a.png").write_text('<VRTDataset rasterXSize="1" rasterYSize="1"/>')
    with pytest.raises(ImageError, match=r"a\.png"):
        MasksFormat().rewrite(tmp_path / "masks", tmp_path / "copy", TWICE)


def test_writing_copies_masks_and_says_that_objects_are_lost(
    tmp_path: Path, write_image: Callable[..., Path]
) -> None:
    mask = write_mask(tmp_path / "m.png")
    annotations = Annotations(
        objects=(Annotation("a.jpg", 1, box=(0, 0, 1, 1)),), masks={"s/a.jpg": mask}
    )
    findings = MasksFormat().write(annotations, tmp_path / "masks")
    assert [each.code for each in findings] == ["objects-not-carried"]
    assert MasksFormat().read(tmp_path / "masks", ["s/a.jpg"]).masks == {
        "s/a.jpg": tmp_path / "masks" / "s" / "a.png"
    }
