"""Some images of a copy: read, modified, written. Runs in the driver or in any worker."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from iqf_core.components.context import Context
from iqf_core.datasets.following import link_or_copy
from iqf_core.errors import DatasetError, ImageError, LeftOutError
from iqf_core.files import cache_folder
from iqf_core.imaging.reading import ImageReader, open_image
from iqf_core.imaging.writing import write_image
from iqf_core.modification.chain import Chain
from iqf_core.modification.images import (
    WINDOW,
    ModifiedReader,
    Rate,
    is_windowed,
    modify_whole,
)

if TYPE_CHECKING:
    from iqf_core.components.modifier import Modifier
    from iqf_core.imaging.image import Image
    from iqf_core.imaging.windows import Tile

#: Bytes that GDAL may keep of blocks of a large image; by default it is 5 % of the machine's
#: memory, which nobody reads again.
_BLOCK_CACHE = 128 << 20


class Item(NamedTuple):
    """An image to make: its name, its new name, the content hash of its file."""

    old_name: str
    new_name: str
    source_hash: str


@dataclass(frozen=True)
class Job:
    """What all images of a copy have in common; crosses to workers as JSON.

    Attributes
    ----------
    source, target
        The image folders of the source and of the unfinished copy.
    copy
        The finished copy, as messages call it.
    peak, nodata, gsd_m, bands
        What is stated for the source.
    chain
        The modifiers, as :meth:`Chain.to_json` gives them.
    seed
        The seed.
    link
        Whether files that keep their name and content may be linked instead of written.
    settings
        What a worker needs to find the components.
    cog
        Whether images are written as Cloud Optimized GeoTIFF.
    properties
        All that is stated for the source, as modifiers see it.
    """

    source: str
    target: str
    copy: str
    peak: float | None
    nodata: float | None
    gsd_m: float | None
    bands: tuple[str, ...] | None
    chain: list[dict[str, Any]]
    seed: int
    link: bool
    settings: Mapping[str, Any]
    cog: bool = False
    properties: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return everything as a JSON value."""
        return asdict(self)


@dataclass(frozen=True)
class Outcome:
    """What became of one image.

    Attributes
    ----------
    old_name, new_name, source_hash
        As in :class:`Item`.
    unreadable
        Why the source could not be read; empty when it could, and all else is about the result.
    left_out
        Why a modifier leaves the image out, as the user asked it to; empty when none does.
    notes
        What modifiers have to say about the image.
    """

    old_name: str
    new_name: str
    source_hash: str
    unreadable: str = ""
    left_out: str = ""
    notes: tuple[str, ...] = ()
    shape: tuple[int, int, int] = (0, 0, 0)
    dtype: str = ""
    peak: float = 0.0
    file_bytes: int = 0
    nbytes: int | None = None
    bpppc: float | None = None
    ratio: float | None = None


def modify_batch(job: Mapping[str, Any], items: Sequence[Sequence[str]]) -> list[dict[str, Any]]:
    """Make some images of a copy; the function that workers run."""
    here = Job(**job)
    modifiers = _modifiers(_key(here))
    return [asdict(outcome) for outcome in modify_items(here, (Item(*i) for i in items), modifiers)]


def modify_items(
    job: Job,
    items: Iterable[Item],
    modifiers: Sequence[Modifier],
    advance: Callable[[float], None] = lambda share: None,
) -> Iterator[Outcome]:
    """Make images one after another.

    `advance` is called as each image proceeds, with shares that sum to one for every image.

    Raises
    ------
    DatasetError
        If the copy cannot be written.
    IQFError
        If a modifier refuses an image, or fails; names the image.
    """
    for item in items:
        windows = _WindowCount(advance)
        path = Path(job.source, item.old_name)
        try:
            with open_image(
                path, peak=job.peak, nodata=job.nodata, gsd_m=job.gsd_m, band_names=job.bands
            ) as reader:
                outcome = _modify_one(job, item, reader, modifiers, windows)
        except ImageError as error:
            if error.path != path:
                raise DatasetError(f"{job.copy}: cannot be written: {error.reason}") from None
            outcome = Outcome(*item, unreadable=error.reason)
        except LeftOutError as error:
            outcome = Outcome(*item, left_out=str(error))
        except OSError as error:
            raise DatasetError(f"{job.copy}: cannot be written: {error.strerror}") from None
        windows.finish()
        yield outcome


class _WindowCount:
    """The progress of one image: window by window when it is large, else at its end."""

    def __init__(self, advance: Callable[[float], None]) -> None:
        self._advance = advance
        self._done = 0.0

    def through(self, tiles: Sequence[Tile]) -> Iterator[Tile]:
        """Iterate `tiles`, which are the work."""
        for tile in tiles:
            yield tile
            self._done += 1 / len(tiles)
            self._advance(1 / len(tiles))

    def finish(self) -> None:
        """Say that the image is done."""
        self._advance(1 - self._done)


def _modify_one(
    job: Job,
    item: Item,
    reader: ImageReader,
    modifiers: Sequence[Modifier],
    windows: _WindowCount,
) -> Outcome:
    target = os.path.join(job.target, item.new_name)  # noqa: PTH118
    if job.link and item.new_name == item.old_name:
        _read_through(reader)
        link_or_copy(os.path.join(job.source, item.old_name), target)  # noqa: PTH118
        return _outcome(item, target, reader, None)
    notes: list[str] = []
    context = Context(
        seed=job.seed,
        source_hash=item.source_hash,
        cache=cache_folder(),
        properties=job.properties,
        notes=notes,
    )
    if is_windowed(modifiers, reader.shape):
        modified = ModifiedReader(reader, modifiers, context)
        _write_windows(Path(target), modified, job.cog, windows)
        return _outcome(item, target, modified, None, notes)
    image, rate = modify_whole(reader.read(), modifiers, context, Path(job.source, item.old_name))
    write_image(target, image, cog=job.cog)
    return _outcome(item, target, image, rate, notes)


def _outcome(
    item: Item,
    target: str,
    image: Image | ImageReader,
    rate: Rate | None,
    notes: Sequence[str] = (),
) -> Outcome:
    return Outcome(
        *item,
        shape=image.shape,
        dtype=image.dtype,
        peak=image.peak,
        file_bytes=os.stat(target).st_size,  # noqa: PTH116
        notes=tuple(notes),
        **({} if rate is None else asdict(rate)),
    )


def _read_through(reader: ImageReader) -> None:
    """Decode everything: a damaged file must not pass only because it is not needed."""
    with _bounded_cache(reader):
        for tile in reader.windows(4 * WINDOW):
            reader.read(tile.window)


@contextmanager
def _bounded_cache(reader: ImageReader) -> Iterator[None]:
    if reader.header.driver in ("PNG", "JPEG"):
        yield  # read in one piece, without GDAL
        return
    import rasterio

    environment: Any = rasterio.Env
    with environment(GDAL_CACHEMAX=_BLOCK_CACHE):
        yield


def _write_windows(path: Path, reader: ModifiedReader, cog: bool, windows: _WindowCount) -> None:
    if path.suffix.lower() == ".png":
        # PNG is written in one piece; what the modifiers need besides stays bounded.
        write_image(path, reader.assembled(WINDOW))
        return
    from iqf_core.imaging.geotiff import ImageWriter

    with _bounded_cache(reader), ImageWriter.like(path, reader, cog=cog) as writer:
        for tile in windows.through(list(reader.windows(WINDOW))):
            writer.write(reader.read(tile.window), tile.window)


def _key(job: Job) -> str:
    import json

    return json.dumps([job.settings, job.chain, job.seed], sort_keys=True)


@lru_cache(maxsize=1)
def _modifiers(key: str) -> list[Modifier]:
    """Make the modifiers of a job, once for all its batches in this worker."""
    import json

    from iqf_core.plugins.manager import PluginManager

    settings, chain, seed = json.loads(key)
    registry = PluginManager.from_settings(settings).registry
    return make_modifiers(Chain.from_json(chain), registry, seed)


def make_modifiers(chain: Chain, registry: Any, seed: int) -> list[Modifier]:
    """Make the modifiers of `chain`, as the driver and every worker do."""
    return chain.create(registry, Context(registry=registry, seed=seed, cache=cache_folder()))
