from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from iqf_core.datasets.dataset import open_dataset
from iqf_core.errors import DatasetError

Write = Callable[..., Path]


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def codes(folder: Path) -> list[str]:
    return [finding.code for finding in open_dataset(folder).findings]


def test_the_image_folder_is_the_one_without_mask_in_its_name(tmp_path: Path) -> None:
    folder = touch(
        tmp_path / "ds",
        "pictures/b.png",
        "pictures/sub/a.TIF",
        "pictures_mask/b.png",
        ".cache/x.png",
        "stats_old/y.png",
        "labels.csv",
        "notes/readme.txt",
        "pictures/table.csv",
        ".hidden",
        ".iqf/manifest.json",
        "pictures/.thumbs.png",
    )
    dataset = open_dataset(folder)
    assert (dataset.kind, dataset.name) == ("dataset", "ds")
    assert dataset.images_folder == folder / "pictures"
    assert dataset.image_names == ("b.png", "sub/a.TIF")
    assert dataset.masks_folder == folder / "pictures_mask"
    assert dataset.companions == ("labels.csv", "notes/readme.txt", "pictures/table.csv")
    assert dataset.findings == ()


def test_a_folder_of_images_and_a_single_image_are_accepted(tmp_path: Path) -> None:
    folder = touch(tmp_path / "photos", "a.png", "b.txt", "masks/a.png", "stats/x.png")
    dataset = open_dataset(folder)
    assert (dataset.kind, dataset.images_folder) == ("folder", folder)
    assert (dataset.image_names, dataset.companions) == (("a.png",), ("b.txt",))
    assert dataset.masks_folder == folder / "masks"
    single = open_dataset(folder / "a.png")
    assert (single.kind, single.image_names, single.companions) == ("image", ("a.png",), ())
    assert single.image_path("a.png") == folder / "a.png"


def test_in_a_plain_folder_only_masks_is_a_mask_folder(tmp_path: Path) -> None:
    folder = touch(tmp_path / "photos", "a.png", "photos_mask/a.png")
    dataset = open_dataset(folder)
    assert dataset.masks_folder is None and dataset.companions == ("photos_mask/a.png",)
    assert codes(folder) == ["unused-mask-folder"]


@pytest.mark.parametrize("name", ["with space", "50%#1", "ñandú-日本", "s3:a", "a&b;c", "-x"])
def test_any_name_works(tmp_path: Path, write_image: Write, name: str) -> None:
    folder = tmp_path / name
    write_image(folder / "images" / f"{name}.png")
    dataset = open_dataset(folder)
    assert dataset.image_names == (f"{name}.png",)
    assert dataset.header(f"{name}.png").width == 30
    with dataset.open_image(f"{name}.png") as reader:
        assert reader.shape == (20, 30, 3)


def test_however_the_path_is_written_the_name_is_the_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = touch(tmp_path / "ds", "images/a.png")
    link = tmp_path / "link"
    link.symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    for given in ("ds", "ds/", "./ds//", f"{folder}/", "ds/images/..", folder):
        dataset = open_dataset(given)
        assert (dataset.name, dataset.path) == ("ds", folder)
    assert open_dataset("link/").path == link
    monkeypatch.chdir(folder)
    assert open_dataset(".").path == folder
    assert open_dataset("images/..").path == folder


def test_two_image_folders_are_an_error_that_names_both(tmp_path: Path) -> None:
    touch(tmp_path, "train/a.png", "val/deep/a.png", "empty/readme.txt")
    with pytest.raises(DatasetError, match=r"'train' and 'val' both hold images"):
        open_dataset(tmp_path)


def test_two_mask_folders_are_an_error_that_names_both(tmp_path: Path) -> None:
    touch(tmp_path, "images/a.png", "masks/a.png", "images_mask/a.png")
    with pytest.raises(DatasetError, match="'masks' and 'images_mask'"):
        open_dataset(tmp_path)


def test_two_annotation_files_of_one_format_are_an_error_that_names_both(tmp_path: Path) -> None:
    touch(tmp_path, "images/a.png")
    for name in ("one.json", "two.json", "three.json"):
        text = '{"images": [], "annotations": []}' if name != "three.json" else "{}"
        (tmp_path / name).write_text(text)
    with pytest.raises(DatasetError, match=r"'one\.json' and 'two\.json'"):
        open_dataset(tmp_path)


def test_a_missing_path_says_what_is_nearest(tmp_path: Path) -> None:
    touch(tmp_path / "airports", "a.png")
    with pytest.raises(DatasetError, match="did you mean 'airports'") as caught:
        open_dataset(tmp_path / "airprots")
    assert str(caught.value).count(str(tmp_path)) == 1 and "\n" not in str(caught.value)
    with pytest.raises(DatasetError, match=r"there is no .*airprots\).*'airports'"):
        open_dataset(tmp_path / "airprots" / "images")


@pytest.mark.parametrize("path", ["", "a\0b", "x" * 5000])
def test_what_can_be_no_path_is_one_clear_error(path: str) -> None:
    with pytest.raises(DatasetError):
        open_dataset(path)


def test_a_path_below_a_file_is_missing(tmp_path: Path) -> None:
    touch(tmp_path, "file.txt")
    with pytest.raises(DatasetError, match="no such file"):
        open_dataset(tmp_path / "file.txt" / "images")
    with pytest.raises(DatasetError, match="neither a folder nor an image"):
        open_dataset(tmp_path / "file.txt")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["images/readme.txt"], "its image folder 'images' holds no image"),
        (["a/x.txt", "b/x.txt"], "sub-folders 'a', 'b'"),
        (["masks/a.png"], "no image file in it"),
        ([], "no image file in it"),
    ],
)
def test_a_folder_without_images_is_one_clear_error(
    tmp_path: Path, names: list[str], expected: str
) -> None:
    with pytest.raises(DatasetError, match=expected):
        open_dataset(touch(tmp_path, *names))


def test_odd_things_among_the_images_are_findings(tmp_path: Path) -> None:
    touch(tmp_path, "images/a.png", "images/b.png/readme.txt", "my_masks/a.png", "preview.png")
    os.mkfifo(tmp_path / "images" / "pipe.png")
    (tmp_path / "images" / "dangling.png").symlink_to(tmp_path / "gone.png")
    dataset = open_dataset(tmp_path)
    assert dataset.image_names == ("a.png", "dangling.png")
    assert sorted(codes(tmp_path)) == [
        "folder-named-like-image",
        "images-beside-folder",
        "not-a-file",
        "unused-mask-folder",
    ]
    assert "preview.png" in dataset.companions


def test_links_are_followed_but_never_in_circles(tmp_path: Path) -> None:
    touch(tmp_path / "elsewhere", "x.png")
    touch(tmp_path / "ds", "images/a.png")
    (tmp_path / "ds" / "images" / "more").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "ds" / "images" / "self").symlink_to(tmp_path / "ds")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "elsewhere")
    dataset = open_dataset(tmp_path / "ds")
    assert dataset.image_names == ("a.png", "more/x.png")
    assert [finding.code for finding in dataset.findings] == ["not-a-file", "not-a-file"]


def test_a_link_to_itself_is_no_image_and_no_error(tmp_path: Path) -> None:
    touch(tmp_path, "images/a.png")
    (tmp_path / "images" / "loop").symlink_to("loop")
    (tmp_path / "images" / "nowhere.csv").symlink_to("gone.csv")
    dataset = open_dataset(tmp_path)
    assert (dataset.image_names, dataset.companions) == (("a.png",), ())
    assert [finding.file for finding in dataset.findings] == ["images/loop", "images/nowhere.csv"]


def test_a_folder_that_cannot_be_listed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "images/a.png", "images/locked/b.png")
    scandir = os.scandir

    # The superuser may list every folder, so permissions cannot make this happen in a container.
    def refuse(path: str) -> object:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DatasetError, match=r"locked: cannot be read \(Permission denied"):
        open_dataset(tmp_path)


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "images/a.png")
    Path(os.fsdecode(os.fsencode(tmp_path / "images") + b"/\xff.png")).touch()
    with pytest.raises(DatasetError, match="no valid UTF-8"):
        open_dataset(tmp_path)
