"""``.iqf/tiles.json``: which part of which scene each tile of a dataset shows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from iqf_core.errors import DatasetError, IQFError
from iqf_core.files import read_json, write_json

if TYPE_CHECKING:
    from iqf_core.components.dataset_format import ImageChange

KIND = "tiles"
TILES_FILE = ".iqf/tiles.json"


class _Record(BaseModel):
    # A later minor version may say more.
    model_config = ConfigDict(extra="ignore", frozen=True)


class SceneEntry(_Record):
    """A scene that was cut: its name, and its size in pixels."""

    name: str
    height: int
    width: int


class TileEntry(_Record):
    """One tile.

    Attributes
    ----------
    name
        Of its image, below the image folder with ``/``.
    scene
        The image it was cut from.
    origin
        The first scene, when the scene was a tile itself; else the same as `scene`.
    row, col, height, width
        Its place in the scene, in pixels of the scene.
    """

    name: str
    scene: str
    origin: str
    row: int
    col: int
    height: int
    width: int


class TileRecord(_Record):
    """What ``.iqf/tiles.json`` says.

    Attributes
    ----------
    source, source_folder, source_fingerprint
        The dataset that was cut: its name, where it lay, the hash of its content.
    size, overlap
        In pixels.
    keep
        The least fraction of an object that a tile had to show.
    fingerprint
        Hash of the source and these parameters.
    image_folder
        Path of the image folder below the dataset, empty when images lie in the dataset itself.
    objects, objects_dropped
        How many objects the scenes have, and how many of them no tile shows enough of.
    scenes, tiles
        What was cut, and the tiles that are in this dataset.
    created
        When, ISO 8601 in UTC.
    """

    source: str
    source_folder: str
    source_fingerprint: str
    size: int
    overlap: int
    keep: float
    fingerprint: str
    image_folder: str
    objects: int
    objects_dropped: int
    scenes: list[SceneEntry]
    tiles: list[TileEntry]
    created: str


def read_tiles(folder: Path) -> TileRecord | None:
    """Read the record of the dataset at `folder`; None when it was not made by tiling.

    Raises
    ------
    DatasetError
        If there is one that cannot be read, or of an unknown version.
    """
    path = folder / TILES_FILE
    try:
        return TileRecord.model_validate(read_json(path, KIND))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValidationError as error:
        item = error.errors(include_url=False)[0]
        place = ".".join(map(str, item["loc"]))
        raise DatasetError(f"{path}: not a record of tiles: {place}: {item['msg']}") from None
    except IQFError as error:
        raise DatasetError(str(error)) from None
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from None


def write_tiles(folder: Path, record: TileRecord) -> None:
    """Write `record` into the dataset at `folder`."""
    path = folder / TILES_FILE
    path.parent.mkdir(exist_ok=True)
    write_json(path, KIND, record.model_dump(mode="json"))


def carry_tiles(source: Path, target: Path, changes: Mapping[str, ImageChange]) -> None:
    """Let the record of the dataset at `source`, if it has one, follow its images to `target`.

    Raises
    ------
    DatasetError
        If it cannot be read.
    """
    record = read_tiles(source)
    if record is None:
        return
    tiles = [
        tile.model_copy(update={"name": changes[tile.name].new_name})
        for tile in record.tiles
        if tile.name in changes
    ]
    # The copy is not what tiling made: asking for that again must not find this.
    write_tiles(target, record.model_copy(update={"tiles": tiles, "fingerprint": ""}))
