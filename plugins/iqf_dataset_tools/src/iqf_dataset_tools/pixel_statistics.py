"""Statistics of pixels, exact, read in windows.

Integers are counted: a histogram of all values gives mean, deviation and percentiles without
rounding. Floating-point percentiles are found by the bits of the numbers, half of them at a time,
so that memory stays bounded there too.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iqf_core.api import ImageReader, IQFError, Spread, Task
from iqf_dataset_tools.images import Stated, file_sizes, spread_out

PERCENTILES = (1, 2, 5, 25, 50, 75, 95, 98, 99)
_WINDOW = 1024


@dataclass(frozen=True)
class BandStatistics:
    """One band of one image, or of all.

    Attributes
    ----------
    name
        Of the band, else its number from 1.
    valid
        How many pixels are counted.
    minimum, maximum, mean, std
        In DN, over the valid pixels; the standard deviation of the population. None without pixels.
    percentiles
        Percentile -> DN, the value that this share of pixels does not exceed (no interpolation).
    saturated
        Share of valid pixels at full scale; None where full scale is unknown.
    zeros
        Share of valid pixels that are 0.
    """

    name: str
    valid: int
    minimum: float | None
    maximum: float | None
    mean: float | None
    std: float | None
    percentiles: dict[str, float]
    saturated: float | None
    zeros: float | None


@dataclass(frozen=True)
class ImageStatistics:
    """What is measured of one image.

    Attributes
    ----------
    name, height, width, dtype, gsd_m, peak
        Of the image; peak None when unknown.
    bits
        Bits a sample needs for the largest value it holds; None for floating point.
    nodata
        Share of invalid pixels.
    bands
        Its bands.
    histograms
        Packed counts of each value of each band, for integers; empty otherwise.
    unreadable
        Why it cannot be read, else empty.
    """

    name: str
    height: int = 0
    width: int = 0
    dtype: str = ""
    gsd_m: float | None = None
    peak: float | None = None
    bits: int | None = None
    nodata: float = 0.0
    bands: tuple[BandStatistics, ...] = ()
    histograms: tuple[str, ...] = ()
    crs_wkt: str | None = None
    transform: tuple[float, ...] | None = None
    unreadable: str = ""

    @property
    def pixels(self) -> int:
        """Height times width."""
        return self.height * self.width


def measure_all(
    stated: Stated, names: Sequence[str], workers: int | None, quiet: bool
) -> list[ImageStatistics]:
    """Measure every image, in the order of `names`."""
    sizes = file_sizes(stated, names)
    spread = Spread[str, ImageStatistics](
        size=lambda name: sizes[name],
        here=lambda batch: measure(stated, batch),
        task=lambda batch: Task(
            "iqf_dataset_tools.pixel_statistics:measure_batch",
            {"stated": asdict(stated), "names": list(batch)},
            name=f"images from {batch[0]}",
        ),
        read=_from_json,
    )
    found = {each.name: each for each in spread_out(spread, names, "Measuring", workers, quiet)}
    return [found[name] for name in names]


def measure_batch(stated: Mapping[str, Any], names: Sequence[str]) -> list[dict[str, Any]]:
    """Measure some images; the function that workers run."""
    bands = stated["bands"]
    here = Stated(**{**stated, "bands": None if bands is None else tuple(bands)})
    return [asdict(each) for each in measure(here, names)]


def measure(stated: Stated, names: Sequence[str]) -> Iterator[ImageStatistics]:
    """Measure images one after another; one that cannot be read says why."""
    for name in names:
        try:
            yield measure_image(stated, name)
        except (IQFError, OSError, ValueError) as error:
            yield ImageStatistics(name, unreadable=str(error))


def measure_image(stated: Stated, name: str) -> ImageStatistics:
    """Measure one image.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    opened, peak_known = stated.open(name)
    with opened as reader:
        height, width, count = reader.shape
        peak = reader.peak if peak_known else None
        names = reader.band_names or tuple(str(band + 1) for band in range(count))
        if reader.dtype == "float32":
            bands, valid = _floats(reader, names, peak)
            histograms, bits = [], None
        else:
            counts, valid = _counts(reader)
            bands = [of_counts(n, c, peak) for n, c in zip(names, counts, strict=True)]
            histograms = [pack(each) for each in counts]
            bits = max((int(band.maximum or 0).bit_length() for band in bands), default=0)
        place = reader.georeference
        return ImageStatistics(
            name,
            height,
            width,
            reader.dtype,
            reader.gsd_m,
            peak,
            bits,
            1 - valid / (height * width),
            tuple(bands),
            tuple(histograms),
            None if place is None else place.crs_wkt,
            None if place is None else place.transform,
        )


def _windows(reader: ImageReader) -> Iterator[tuple[NDArray[Any], NDArray[np.bool_]]]:
    for tile in reader.windows(_WINDOW):
        image = reader.read(tile.window)
        yield image.pixels, image.valid


def _counts(reader: ImageReader) -> tuple[list[NDArray[np.int64]], int]:
    levels = 256 if reader.dtype == "uint8" else 65536
    counts = [np.zeros(levels, np.int64) for _ in range(reader.shape[2])]
    valid = 0
    for pixels, mask in _windows(reader):
        valid += int(mask.sum())
        whole = bool(mask.all())
        for band, total in enumerate(counts):
            values = pixels[..., band].ravel() if whole else pixels[..., band][mask]
            np.add(total, np.bincount(values, minlength=levels), out=total)
    return counts, valid


def of_counts(name: str, counts: NDArray[np.int64], peak: float | None) -> BandStatistics:
    """Return the statistics of a band in which ``counts[v]`` pixels have the value v."""
    total = int(counts.sum())
    if not total:
        return BandStatistics(name, 0, None, None, None, None, {}, None, None)
    present = np.flatnonzero(counts)
    # In Python's integers, which do not overflow: the sums are exact.
    pairs = [(int(value), int(counts[value])) for value in present]
    first = sum(value * count for value, count in pairs)
    second = sum(value * value * count for value, count in pairs)
    variance = (second * total - first * first) / (total * total)
    reached = np.cumsum(counts[present])
    percentiles = {
        str(each): float(present[np.searchsorted(reached, _rank(each, total))])
        for each in PERCENTILES
    }
    at_peak = None if peak is None else sum(c for v, c in pairs if v >= peak) / total
    return BandStatistics(
        name,
        total,
        float(present[0]),
        float(present[-1]),
        first / total,
        variance**0.5,
        percentiles,
        at_peak,
        int(counts[0]) / total,
    )


def _rank(percentile: float, total: int) -> int:
    """Return the number, from 1, of the pixel that a percentile means (nearest rank)."""
    return max(1, -(-int(percentile) * total // 100))


def _floats(
    reader: ImageReader, names: Sequence[str], peak: float | None
) -> tuple[list[BandStatistics], int]:
    count = reader.shape[2]
    high = np.zeros((count, 65536), np.int64)
    sums = np.zeros((count, 4))  # count, mean, sum of squares about it, zeros
    limits = np.tile([np.inf, -np.inf, 0.0], (count, 1))
    valid = 0
    for pixels, mask in _windows(reader):
        valid += int(mask.sum())
        for band in range(count):
            values = pixels[..., band][mask]
            if not values.size:
                continue
            high[band] += np.bincount(_ordered_bits(values) >> 16, minlength=65536)
            sums[band] = _joined(sums[band], values)
            limits[band, 0] = min(limits[band, 0], values.min())
            limits[band, 1] = max(limits[band, 1], values.max())
            limits[band, 2] += 0 if peak is None else int((values >= peak).sum())
    ranks = [_rank(each, valid) for each in PERCENTILES] if valid else []
    tops = [[int(np.searchsorted(np.cumsum(each), rank)) for rank in ranks] for each in high]
    low = {(band, top): np.zeros(65536, np.int64) for band in range(count) for top in tops[band]}
    for pixels, mask in _windows(reader):
        for band in range(count):
            bits = _ordered_bits(pixels[..., band][mask])
            for top in set(tops[band]):
                part = bits[bits >> 16 == top] & 0xFFFF
                low[band, top] += np.bincount(part, minlength=65536)
    result = []
    for band, name in enumerate(names):
        if not valid:
            result.append(BandStatistics(name, 0, None, None, None, None, {}, None, None))
            continue
        below = np.concatenate(([0], np.cumsum(high[band])))
        percentiles = {}
        for each, rank, top in zip(PERCENTILES, ranks, tops[band], strict=True):
            rest = int(np.searchsorted(np.cumsum(low[band, top]), rank - below[top]))
            percentiles[str(each)] = _from_bits(top << 16 | rest)
        result.append(
            BandStatistics(
                name,
                valid,
                float(limits[band, 0]),
                float(limits[band, 1]),
                float(sums[band, 1]),
                float((sums[band, 2] / valid) ** 0.5),
                percentiles,
                None if peak is None else float(limits[band, 2]) / valid,
                float(sums[band, 3]) / valid,
            )
        )
    return result, valid


def _joined(before: NDArray[np.float64], values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Add values to count, mean and squares about the mean (Chan et al., 1979)."""
    wide = values.astype(np.float64)
    count, mean = float(wide.size), float(wide.mean())
    squares = float(((wide - mean) ** 2).sum())
    total = before[0] + count
    apart = mean - before[1]
    return np.array(
        (
            total,
            before[1] + apart * count / total,
            before[2] + squares + apart * apart * before[0] * count / total,
            before[3] + float((values == 0).sum()),
        )
    )


def _ordered_bits(values: NDArray[np.float32]) -> NDArray[np.int64]:
    """Return integers of 32 bits in the order of the numbers."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32).astype(np.int64)
    return np.where(bits & 0x80000000, 0xFFFFFFFF - bits, bits | 0x80000000)


def _from_bits(bits: int) -> float:
    raw = bits & 0x7FFFFFFF if bits & 0x80000000 else 0xFFFFFFFF - bits
    return float(np.array(raw, np.uint32).view(np.float32))


def pack(counts: NDArray[np.int64]) -> str:
    """Return counts as text, small where few values occur."""
    return base64.b64encode(zlib.compress(counts.tobytes(), 1)).decode()


def unpack(text: str) -> NDArray[np.int64]:
    """Return the counts that :func:`pack` packed."""
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), np.int64)


def _from_json(value: Mapping[str, Any]) -> ImageStatistics:
    bands = tuple(BandStatistics(**each) for each in value["bands"])
    transform = value["transform"]
    return ImageStatistics(
        **{
            **value,
            "bands": bands,
            "histograms": tuple(value["histograms"]),
            "transform": None if transform is None else tuple(transform),
        }
    )
