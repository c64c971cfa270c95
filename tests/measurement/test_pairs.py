"""Which image is compared with which."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from iqf_core.components.specification import parse_specification
from iqf_core.datasets.dataset import open_dataset
from iqf_core.errors import ConfigurationError, DatasetError
from iqf_core.modification.chain import Chain
from iqf_core.modification.engine import modify_dataset


@pytest.fixture
def copy_of(manager):
    """Make a modified copy of the dataset at a path."""

    def make(path, *specifications):
        chain = Chain.resolve(
            [parse_specification(each) for each in specifications], manager.registry
        )
        dataset = open_dataset(path, registry=manager.registry)
        return modify_dataset(dataset, chain, manager=manager, quiet=True).path

    return make


def psnr(difference):
    return 10 * np.log10(255**2 / difference**2)


def values(measured):
    return {row.image: row.value for row in measured.rows}


def test_a_copy_is_compared_with_its_source_by_the_manifest(measure, pictures, copy_of):
    copy = copy_of(pictures, "darken:by_dn=5")
    expected = {f"p{index}.png": pytest.approx(psnr(5)) for index in range(3)}
    assert values(measure(copy, "difference")) == expected
    assert values(measure(copy, "difference", reference=pictures)) == expected


def test_renamed_images_are_found_by_the_manifest(measure, tmp_path, picture, copy_of):
    import cv2

    source = tmp_path / "data" / "source"
    picture(source / "a.png", 100)
    cv2.imwrite(str(source / "a.jpg"), cv2.imread(str(source / "a.png")))
    copy = copy_of(source, "darken:by_dn=5")
    assert sorted(path.name for path in copy.glob("*.png")) == ["a.jpg.png", "a.png"]
    measured = values(measure(copy, "difference"))
    assert measured == {"a.jpg.png": pytest.approx(psnr(5)), "a.png": pytest.approx(psnr(5))}


def test_two_copies_of_one_source_are_compared_by_both_manifests(measure, pictures, copy_of):
    one, other = copy_of(pictures, "darken:by_dn=5"), copy_of(pictures, "darken:by_dn=25")
    found = values(measure(one, "difference", reference=other))
    assert list(found.values()) == [pytest.approx(psnr(20))] * 3


def test_a_source_that_changed_is_not_compared_with(measure, pictures, picture, copy_of):
    copy = copy_of(pictures, "darken:by_dn=5")
    picture(pictures / "p0.png", 30)
    with pytest.raises(ConfigurationError, match="its source .* has changed since"):
        measure(copy, "difference")
    shutil.rmtree(pictures)
    with pytest.raises(ConfigurationError, match="is not there; name what pairs are compared"):
        measure(copy, "difference")


def test_a_pair_needs_a_reference(measure, pictures):
    with pytest.raises(ConfigurationError, match="metric 'difference' compares pairs.*--reference"):
        measure(pictures, "difference")


def test_images_are_matched_by_stem(measure, pictures, tmp_path, picture):
    import cv2

    for index in range(3):
        picture(tmp_path / "other" / f"p{index}.tif", 90 + 20 * index, noise=1)
    for index in range(3):
        cv2.imwrite(str(pictures / f"p{index}.png"), np.full((20, 30, 3), 100 + 20 * index))
    measured = values(measure(pictures, "difference", reference=tmp_path / "other"))
    assert measured == {f"p{index}.png": pytest.approx(psnr(10)) for index in range(3)}


def test_two_files_are_a_pair_whatever_their_names(measure, tmp_path, picture):
    picture(tmp_path / "one.png", 50, noise=1)
    picture(tmp_path / "two.png", 70, noise=1)
    measured = measure(tmp_path / "one.png", "difference", reference=tmp_path / "two.png")
    assert measured.rows[0].value == pytest.approx(psnr(20))


def test_missing_partners_and_several_candidates_are_named(measure, pictures, tmp_path, picture):
    other = tmp_path / "other"
    picture(other / "p0.png", 100)
    picture(other / "p1.jpg", 100)
    picture(other / "p1.tif", 100)
    with pytest.raises(DatasetError) as caught:
        measure(pictures, "difference", reference=other)
    assert "cannot be paired with those of" in str(caught.value)
    assert "p1.png: could be p1.jpg or p1.tif" in str(caught.value)
    assert "p2.png: no partner" in str(caught.value)
    assert "p0.png" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": (20, 31)}, "20 x 30 pixels of 3 bands against 20 x 31 pixels of 3 bands of p1"),
        ({"bands": 1}, "20 x 30 pixels of 3 bands against 20 x 30 pixels of 1 band of p1"),
    ],
)
def test_unlike_pairs_are_named(measure, pictures, tmp_path, picture, change, message):
    for index in range(3):
        picture(tmp_path / "other" / f"p{index}.png", 100, **(change if index == 1 else {}))
    with pytest.raises(DatasetError, match=f"p1.png: {message}"):
        measure(pictures, "difference", reference=tmp_path / "other")


def test_other_data_types_and_peaks_do_not_fit(measure, tmp_path):
    import cv2

    for name, pixels in {
        "eight": np.full((9, 9), 5, np.uint8),
        "sixteen": np.full((9, 9), 5, np.uint16),
        "twelve": np.full((9, 9), 5, np.uint16),
    }.items():
        (tmp_path / name).mkdir()
        cv2.imwrite(str(tmp_path / name / "a.tif"), pixels)
    (tmp_path / "sixteen" / "iqf.yaml").write_text("peak: 65535\n")
    (tmp_path / "twelve" / "iqf.yaml").write_text("peak: 4095\n")
    with pytest.raises(DatasetError, match="uint8 against uint16 of a.tif"):
        measure(tmp_path / "eight", "difference", reference=tmp_path / "sixteen")
    with pytest.raises(DatasetError, match="peak 4095.0 against 65535.0 of a.tif"):
        measure(tmp_path / "twelve", "difference", reference=tmp_path / "sixteen")


def test_a_damaged_reference_is_named(measure, pictures, tmp_path):
    other = shutil.copytree(pictures, tmp_path / "other")
    (other / "p1.png").write_bytes((other / "p1.png").read_bytes()[:200])
    with pytest.raises(DatasetError, match=r"p1\.png: its reference .*other/p1\.png"):
        measure(pictures, "difference", reference=other)
