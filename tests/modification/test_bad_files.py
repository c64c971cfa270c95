"""Files that cannot be read: named with the reason; the policy decides, nothing is left behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from iqf_core.errors import DatasetError
from iqf_core.modification.engine import ModifiedDataset

Modify = Callable[..., ModifiedDataset]


@pytest.fixture
def damaged(photographs: Path) -> Path:
    """Three good photographs and three bad files, and a folder among them."""
    images = photographs / "images"
    whole = (images / "p0.jpg").read_bytes()
    (images / "p0.jpg").write_bytes(whole[: len(whole) // 2])
    (images / "p1.jpg").write_bytes(b"")
    (images / "p2.jpg").rename(images / "p2.png")
    (images / "p2.png").write_text("a text file named .png")
    (images / "folder.jpg").mkdir()
    return photographs


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_unreadable_images_fail_and_all_are_named(damaged: Path, modify: Modify) -> None:
    (damaged / "images" / "p0.jpg").unlink()
    with pytest.raises(DatasetError) as caught:
        modify(damaged, "mean")
    message = str(caught.value)
    assert "p1.jpg: is empty (0 bytes)" in message
    assert "p2.png: is no image" in message
    assert "--on-error skip" in message
    assert names(damaged.parent) == {"photographs", ".iqf"}


def test_a_file_cut_off_in_its_pixels_fails_with_the_others_of_its_kind(
    photographs: Path, modify: Modify
) -> None:
    for name in ("p1.jpg", "p4.jpg"):
        path = photographs / "images" / name
        path.write_bytes(path.read_bytes()[:-200])
    for specification in ("mean", "none"):
        with pytest.raises(DatasetError) as caught:
            modify(photographs, specification)
        assert "p1.jpg: is truncated" in str(caught.value)
        assert "p4.jpg: is truncated" in str(caught.value)
    assert names(photographs.parent) == {"photographs", ".iqf"}


def test_no_more_than_ten_are_named(photographs: Path, modify: Modify) -> None:
    for index in range(14):
        (photographs / "images" / f"empty{index:02}.png").write_bytes(b"")
    with pytest.raises(DatasetError) as caught:
        modify(photographs, "mean")
    assert str(caught.value).count("is empty") == 10
    assert "and 4 more" in str(caught.value)


def test_skipped_images_are_in_the_manifest_and_their_rows_go(
    damaged: Path, modify: Modify
) -> None:
    copy = modify(damaged, "mean", on_error="skip")
    assert names(copy.path / "images") == {"p3.png", "p4.png", "p5.png"}
    skipped = {each.name: each.reason for each in copy.manifest.skipped}
    assert set(skipped) == {"p0.jpg", "p1.jpg", "p2.png"}
    assert "truncated" in skipped["p0.jpg"]
    assert copy.manifest.totals.skipped == 3
    rows = (copy.path / "labels.csv").read_text().split()
    assert rows == ["file,label", "p2.jpg,0", "p3.png,1", "p4.png,0", "p5.png,1"]


def test_every_copy_leaves_out_the_same_images(damaged: Path, modify: Modify) -> None:
    copies = [modify(damaged, name, on_error="skip") for name in ("none", "mean")]
    assert names(copies[0].path / "images") == names(copies[1].path / "images")


def test_a_copy_without_the_skipped_images_is_not_passed_off_as_whole(
    damaged: Path, modify: Modify
) -> None:
    modify(damaged, "mean", on_error="skip")
    assert modify(damaged, "mean", on_error="skip").reused
    with pytest.raises(DatasetError, match="images cannot be read"):
        modify(damaged, "mean")


def test_a_dataset_without_any_readable_image_fails_under_every_policy(
    tmp_path: Path, modify: Modify
) -> None:
    folder = tmp_path / "data" / "empty"
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(b"")
    with pytest.raises(DatasetError, match=r"a\.png: is empty"):
        modify(folder, "mean", on_error="skip")
    assert names(folder.parent) == {"empty", ".iqf"}


def test_odd_names_work_everywhere(tmp_path: Path, modify: Modify) -> None:
    folder = tmp_path / "my data #1" / "50% süß"
    odd = ["with space.jpg", "a#b.jpg", "100%.jpg", "日本.jpg", "sub dir/x, y;z.jpg", "-dash.jpg"]
    for index, name in enumerate(odd):
        path = folder / "the images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _, data = cv2.imencode(".jpg", np.full((8, 9, 3), index, np.uint8))
        path.write_bytes(data.tobytes())
    (folder / "labels.json").write_text(json.dumps(odd, ensure_ascii=False))
    copy = modify(folder, "mean")
    assert copy.path.name == "50% süß#mean-radius_px=2"
    listed = json.loads((copy.path / "labels.json").read_text())
    assert listed == [str(Path(name).with_suffix(".png")) for name in odd]
    assert all((copy.path / "the images" / name).is_file() for name in listed)
