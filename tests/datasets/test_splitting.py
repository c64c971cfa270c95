from __future__ import annotations

import json
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from iqf_core.cli.main import cli
from iqf_core.datasets.dataset import open_dataset
from iqf_core.datasets.splitting import SplitDataset, assign, split_dataset
from iqf_core.datasets.tile_record import read_tiles
from iqf_core.datasets.tiling import tile_dataset
from iqf_core.errors import ConfigurationError

HALVES = (0.5, 0.25, 0.25)


def split(path: Path, fractions: tuple[float, ...] = HALVES, **options: Any) -> SplitDataset:
    return split_dataset(open_dataset(path), fractions, quiet=True, **options)


@pytest.fixture
def scenes(tmp_path: Path, write_image: Callable[..., Path]) -> Path:
    """Twelve images of four scenes, with COCO boxes, masks and a table."""
    folder = tmp_path / "cities"
    names = [f"{city}_{index}.png" for city in ("bonn", "lyon", "oslo", "rome") for index in "123"]
    for seed, name in enumerate(names):
        write_image(folder / "images" / name, 8, 8, seed=seed)
        write_image(folder / "masks" / name, 8, 8, seed=seed)
    document = {
        "images": [{"id": index, "file_name": name} for index, name in enumerate(names)],
        "annotations": [
            {"id": index, "image_id": index, "category_id": 1, "bbox": [1, 1, 4, 4]}
            for index, _ in enumerate(names)
        ],
        "categories": [{"id": 1, "name": "roof"}],
        "info": {"kept": True},
    }
    (folder / "roofs.json").write_text(json.dumps(document))
    rows = [f"images/{name},{index}" for index, name in enumerate(names)]
    (folder / "labels.csv").write_text("\n".join(["file,label", *rows]) + "\n")
    (folder / "iqf.yaml").write_text("gsd_m: 0.5\n")
    return folder


def test_every_image_lies_in_one_part_with_all_that_belongs_to_it(scenes: Path) -> None:
    made = split(scenes)
    assert made.by == "image" and made.findings == ()
    assert {part: len(images) for part, images in made.parts.items()} == {
        "train": 6,
        "val": 3,
        "test": 3,
    }
    source = open_dataset(scenes)
    assert sorted(chain(*made.parts.values())) == list(source.image_names)
    for part, images in made.parts.items():
        dataset = open_dataset(made.path / part)
        annotations = dataset.annotations()
        assert dataset.image_names == images and annotations is not None
        assert annotations.findings == ()
        assert {each.image for each in annotations.objects} == set(images) == set(annotations.masks)
        table = (made.path / part / "labels.csv").read_text().splitlines()
        assert [row.split(",")[0] for row in table] == ["file", *(f"images/{n}" for n in images)]
        assert dataset.properties.gsd_m == 0.5
        assert json.loads((made.path / part / "roofs.json").read_text())["info"] == {"kept": True}


def test_images_are_linked(scenes: Path) -> None:
    made = split(scenes)
    name = made.parts["val"][0]
    copy = made.path / "val" / "images" / name
    assert copy.samefile(scenes / "images" / name)


def test_the_seed_decides_and_nothing_else(scenes: Path, tmp_path: Path) -> None:
    first = split(scenes)
    assert split(scenes).reused and split(scenes).parts == first.parts
    (tmp_path / "elsewhere").mkdir()
    assert split(scenes, out=tmp_path / "elsewhere").parts == first.parts
    assert split(scenes, seed=1).parts != first.parts


def test_scenes_stay_together(scenes: Path) -> None:
    made = split(scenes, by="scene", scene_pattern="^([a-z]+)_")
    where: dict[str, set[str]] = {}
    for part, images in made.parts.items():
        for name in images:
            where.setdefault(name.partition("_")[0], set()).add(part)
    assert all(len(parts) == 1 for parts in where.values())
    assert [len(images) for images in made.parts.values()] == [6, 3, 3]


def test_tiles_stay_with_their_scene_also_in_parts_of_parts(scenes: Path) -> None:
    tiles = tile_dataset(open_dataset(scenes), size=5, overlap=1, quiet=True)
    made = split(tiles.path)
    assert made.by == "scene"
    for part, images in made.parts.items():
        record = read_tiles(made.path / part)
        assert record is not None and sorted(t.name for t in record.tiles) == list(images)
    again = split(made.path / "train", (0.5, 0.5))
    (left, right) = ({name.partition("__")[0] for name in part} for part in again.parts.values())
    assert not left & right


def test_tiles_split_by_image_are_warned_about(scenes: Path) -> None:
    tiles = tile_dataset(open_dataset(scenes), size=5, overlap=1, quiet=True)
    assert [each.code for each in split(tiles.path, by="image").findings] == [
        "tiles-split-by-image"
    ]


def test_identical_images_stay_together(tmp_path: Path, write_image: Callable[..., Path]) -> None:
    folder = tmp_path / "twins"
    for index in range(8):
        for copy in "ab":
            write_image(folder / f"{index}{copy}.png", 8, 8, seed=index)
    for images in split(folder, (0.5, 0.5)).parts.values():
        assert {name[0] + "a.png" for name in images} == {
            name[0] + "a.png" for name in images if name[1] == "b"
        }


@pytest.mark.parametrize(
    ("fractions", "options", "message"),
    [
        ((0.5, 0.4), {}, "sum to 0.9: expected 1"),
        ((1.0,), {}, "two or more"),
        ((0.5, 0.5, 0.5, -0.5), {}, "between 0 and 1"),
        ((0.25,) * 4, {}, "--names"),
        ((0.5, 0.5), {"names": ["a"]}, "1 names for 2 fractions"),
        ((0.5, 0.5), {"names": ["a", "../b"]}, "no name for a part"),
        ((0.5, 0.5), {"names": ["a", "A"]}, "two parts have one name"),
        ((0.98, 0.01, 0.01), {}, "'val' would get no image"),
        ((0.5, 0.5), {"by": "scene"}, "--scene-pattern"),
        ((0.5, 0.5), {"scene_pattern": "("}, "no regular expression"),
        ((0.5, 0.5), {"scene_pattern": "^(bonn)"}, "finds no scene in 'lyon_1.png' and 8 more"),
        ((0.5, 0.5), {"scene_pattern": "x", "by": "image"}, "for splitting by scene"),
    ],
)
def test_what_makes_no_sense_is_refused(
    scenes: Path, fractions: tuple[float, ...], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        split(scenes, fractions, **options)
    assert [path.name for path in scenes.parent.iterdir() if path.name[0] != "."] == ["cities"]


@given(st.lists(st.integers(1, 30), min_size=4, max_size=60), st.integers(0, 1000))
def test_parts_differ_from_their_fractions_by_less_than_a_group(
    sizes: list[int], seed: int
) -> None:
    groups = {f"g{index}": [f"{index}-{i}" for i in range(n)] for index, n in enumerate(sizes)}
    try:
        parts = assign(groups, {"a": 0.5, "b": 0.25, "c": 0.25}, seed, "scene")
    except ConfigurationError:
        return
    assert sorted(chain(*parts.values())) == sorted(chain(*groups.values()))
    wanted = {"a": 0.5, "b": 0.25, "c": 0.25}
    for part, images in parts.items():
        assert len(images) <= wanted[part] * sum(sizes) + max(sizes)


def test_the_command_takes_lists_of_numbers_and_names(scenes: Path) -> None:
    arguments = ["dataset", "split", "--fractions", "0.75", "0.25", "--names", "learn", "exam"]
    result = CliRunner().invoke(cli, [*arguments, str(scenes), "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    parts = json.loads(result.stdout)["parts"]
    assert {part: len(images) for part, images in parts.items()} == {"learn": 9, "exam": 3}
