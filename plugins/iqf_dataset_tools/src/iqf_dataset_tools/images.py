"""What an image file really holds: every pixel is decoded once, in windows, by workers."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iqf_core.api import (
    ConfigurationError,
    Georeference,
    ImageError,
    ImageHeader,
    ImageReader,
    IQFError,
    LocalExecutor,
    Placement,
    Spread,
    Task,
    content_hash,
    open_image,
    progress,
    read_header,
)
from iqf_dataset_tools.likeness import Thumbnail, perceptual_hash

_WINDOW = 1024


@dataclass(frozen=True)
class Stated:
    """Where images lie and what is stated of them; crosses to workers as JSON."""

    folder: str
    peak: float | None = None
    nodata: float | None = None
    gsd_m: float | None = None
    bands: tuple[str, ...] | None = None

    def open(self, name: str) -> tuple[ImageReader, bool]:
        """Open an image, and say whether its peak is known; an unknown one is taken as 1 or 65535.

        Raises
        ------
        ImageError
            If it cannot be opened.
        """
        path = Path(self.folder, name)
        try:
            return self._opened(path, self.peak), True
        except ConfigurationError:
            header = read_header(path)
            guess = 65535.0 if header.dtype == "uint16" else 1.0
            return replace(self, bands=None)._opened(
                path, self.peak or guess
            ), header.peak is not None

    def _opened(self, path: Path, peak: float | None) -> ImageReader:
        return open_image(
            path, peak=peak, nodata=self.nodata, gsd_m=self.gsd_m, band_names=self.bands
        )


@dataclass(frozen=True)
class ImageFacts:
    """What is known of an image after it was read.

    Attributes
    ----------
    name
        The image.
    code, reason
        Why it cannot be used; both empty when it can.
    height, width, bands, dtype, gsd_m
        Of its pixels; zero and empty when even the header cannot be read.
    peak_known
        Whether its full scale is known.
    crs_wkt, transform
        Its georeference, None without.
    digest
        Hash of the file.
    likeness
        Its perceptual hash, 64 bits; None for an image of one tone.
    thumbnail
        16 x 16 grey values, base64.
    """

    name: str
    code: str = ""
    reason: str = ""
    height: int = 0
    width: int = 0
    bands: int = 0
    dtype: str = ""
    gsd_m: float | None = None
    peak_known: bool = True
    crs_wkt: str | None = None
    transform: tuple[float, ...] | None = None
    digest: str = ""
    likeness: int | None = None
    thumbnail: str = ""

    @property
    def size(self) -> tuple[int, int] | None:
        """(height, width), None when unknown."""
        return (self.height, self.width) if self.height else None

    @property
    def placement(self) -> Placement | None:
        """Where its pixels lie on the map, None when that is unknown."""
        if self.transform is None:
            return None
        a, b, c, d, e, f = self.transform
        return Placement(Georeference(crs_wkt=self.crs_wkt, transform=(a, b, c, d, e, f)))

    @property
    def grey(self) -> NDArray[np.float64]:
        """The thumbnail as a vector."""
        return np.frombuffer(base64.b64decode(self.thumbnail), np.uint8).astype(np.float64)


def examine_batch(stated: Mapping[str, Any], names: Sequence[str]) -> list[dict[str, Any]]:
    """Examine some images; the function that workers run."""
    return [asdict(each) for each in examine(_stated(stated), names)]


def examine(stated: Stated, names: Sequence[str]) -> Iterator[ImageFacts]:
    """Decode images one after another; what cannot be decoded says why."""
    for name in names:
        facts = ImageFacts(name)
        try:
            header = read_header(Path(stated.folder, name))
            facts = _from_header(facts, header, stated)
            if header.dtype not in ("uint8", "uint16", "float32"):
                reason = f"holds {header.dtype} pixels; IQF takes uint8, uint16, float32"
                yield replace(facts, code="unsupported-dtype", reason=reason)
                continue
            facts = replace(facts, digest=content_hash(Path(stated.folder, name)))
            yield _read(facts, stated)
        except (IQFError, OSError, ValueError) as error:
            text = error.reason if isinstance(error, ImageError) else str(error)
            code = "truncated-image" if facts.height else "unreadable-image"
            yield replace(facts, code=code, reason=text)


def examine_all(
    stated: Stated, names: Sequence[str], sizes: Mapping[str, int], workers: int | None, quiet: bool
) -> dict[str, ImageFacts]:
    """Examine every image, in processes of their own where that pays."""
    spread = Spread[str, ImageFacts](
        size=lambda name: sizes.get(name, 1),
        here=lambda batch: examine(stated, batch),
        task=lambda batch: Task(
            "iqf_dataset_tools.images:examine_batch",
            {"stated": asdict(stated), "names": list(batch)},
            name=f"images from {batch[0]}",
        ),
        read=lambda value: ImageFacts(**value),
    )
    return {each.name: each for each in spread_out(spread, names, "Reading images", workers, quiet)}


def spread_out(
    spread: Spread[str, Any], names: Sequence[str], what: str, workers: int | None, quiet: bool
) -> list[Any]:
    """Do the work of all images, here or in `workers` processes; None for one per core."""
    with ExitStack() as stack:
        executor = None
        if workers != 1 and len(names) > 1:
            executor = stack.enter_context(LocalExecutor(LocalExecutor.Params(workers=workers)))
        bar = stack.enter_context(progress(what, len(names), quiet=quiet))
        return list(spread.outcomes(names, executor, bar))


def file_sizes(stated: Stated, names: Sequence[str]) -> dict[str, int]:
    """Return the bytes of every file: what reading it costs, roughly; zero where it is not."""
    sizes = {}
    for name in names:
        try:
            sizes[name] = max(1, Path(stated.folder, name).stat().st_size * 4)
        except OSError:
            sizes[name] = 1
    return sizes


def _stated(value: Mapping[str, Any]) -> Stated:
    bands = value["bands"]
    return Stated(**{**value, "bands": None if bands is None else tuple(bands)})


def _from_header(facts: ImageFacts, header: ImageHeader, stated: Stated) -> ImageFacts:
    return replace(
        facts,
        height=header.height,
        width=header.width,
        bands=header.bands,
        dtype=header.dtype,
        gsd_m=header.gsd_m if stated.gsd_m is None else stated.gsd_m,
    )


def _read(facts: ImageFacts, stated: Stated) -> ImageFacts:
    opened, peak_known = stated.open(facts.name)
    thumbnail = Thumbnail(facts.height, facts.width)
    with opened as reader:
        for tile in reader.windows(_WINDOW):
            image = reader.read(tile.window)
            thumbnail.add(tile.window, image.pixels, image.valid)
        place = reader.georeference
    grey = thumbnail.grey()
    small = thumbnail.small(grey)
    return replace(
        facts,
        peak_known=peak_known,
        crs_wkt=place.crs_wkt if place is not None else None,
        transform=place.transform if place is not None else None,
        likeness=perceptual_hash(grey),
        thumbnail=base64.b64encode(small.tobytes()).decode(),
    )
