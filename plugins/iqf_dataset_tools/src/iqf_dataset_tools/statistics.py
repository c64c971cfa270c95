"""Statistics of a dataset, as one object."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from iqf_core.api import (
    Annotations,
    Dataset,
    DatasetError,
    ImageError,
    PluginManager,
    atomic_write_text,
    open_dataset,
    read_image,
)
from iqf_dataset_tools.images import Stated
from iqf_dataset_tools.object_statistics import (
    ClassStatistics,
    ObjectRow,
    class_statistics,
    co_occurrence,
    object_rows,
)
from iqf_dataset_tools.pixel_statistics import (
    BandStatistics,
    ImageStatistics,
    measure_all,
    of_counts,
    unpack,
)

if TYPE_CHECKING:
    import pandas as pd

STATS_SCHEMA = "iqf.dataset-stats/1"
_BINS = 30


@dataclass(frozen=True)
class Summary:
    """The numbers of one field: count, least, mean, greatest, standard deviation, median."""

    field: str
    count: int
    min: float
    mean: float
    max: float
    std: float
    median: float


@dataclass
class DatasetStatistics:
    """Statistics of a dataset; made by :func:`dataset_statistics`.

    Attributes
    ----------
    path, name
        The dataset.
    images
        What was measured of each image.
    bands
        Each band over all images of the most frequent kind (bands and data type).
    rows
        Every object.
    classes
        Every class, in the order of numbers.
    together
        (class, other class) -> number of images that show both.
    mask_classes
        Value in mask images -> share of all mask pixels.
    """

    path: str
    name: str
    images: list[ImageStatistics]
    bands: list[BandStatistics]
    rows: list[ObjectRow]
    classes: list[ClassStatistics]
    together: dict[tuple[int, int], int]
    mask_classes: dict[int, float]
    dataset: Dataset = field(repr=False)
    annotations: Annotations = field(repr=False)
    shapes: list[Any] = field(repr=False)

    @property
    def readable(self) -> list[ImageStatistics]:
        """The images that could be read."""
        return [each for each in self.images if not each.unreadable]

    def image_rows(self) -> list[dict[str, Any]]:
        """Return one flat row of numbers for each image that could be read."""
        counts = Counter(each.image for each in self.rows)
        result = []
        for each in self.readable:
            objects = counts[each.name]
            area = None if each.gsd_m is None else each.pixels * each.gsd_m**2
            row: dict[str, Any] = {
                "image": each.name,
                "height_px": each.height,
                "width_px": each.width,
                "aspect_ratio": each.width / each.height,
                "area_px": each.pixels,
                "area_m2": area,
                "bands": len(each.bands),
                "dtype": each.dtype,
                "bits": each.bits,
                "nodata_share": each.nodata,
                "objects": objects,
                "objects_per_megapixel": objects / each.pixels * 1e6,
                "objects_per_km2": None if not area else objects / area * 1e6,
            }
            for band in each.bands:
                for key in ("minimum", "mean", "maximum", "std", "saturated", "zeros"):
                    row[f"{band.name}.{key}"] = getattr(band, key)
                for percentile, value in band.percentiles.items():
                    row[f"{band.name}.p{percentile}"] = value
            result.append(row)
        return result

    def object_records(self) -> list[dict[str, Any]]:
        """Return one flat row for each object."""
        return [each.to_json() for each in self.rows]

    def fields(self) -> dict[str, NDArray[np.float64]]:
        """Return the numbers of every field: ``objects.area_px``, ``images.width_px`` …"""
        found: dict[str, list[float]] = {}
        for kind, records in (("images", self.image_rows()), ("objects", self.object_records())):
            for record in records:
                for key, value in record.items():
                    if key in ("number", "class_id", "source_id") or isinstance(value, bool):
                        continue
                    if isinstance(value, (int, float)):
                        found.setdefault(f"{kind}.{key}", []).append(float(value))
        return {key: np.array(values) for key, values in found.items()}

    def summary(self, name: str) -> Summary:
        """Return least, mean and greatest value of a field.

        Parameters
        ----------
        name
            ``objects.area_px``, ``images.mean`` …, or without the first word where that is clear.

        Raises
        ------
        DatasetError
            If there is no such field; names those there are.
        """
        fields = self.fields()
        for key in (name, f"objects.{name}", f"images.{name}"):
            if key in fields:
                return _summary(key, fields[key])
        raise DatasetError(f"no field {name!r} with numbers; there are {', '.join(sorted(fields))}")

    def summaries(self) -> list[Summary]:
        """Return the summary of every field."""
        return [_summary(key, values) for key, values in self.fields().items()]

    def to_json(self) -> dict[str, Any]:
        """Return everything but the single objects as JSON values, with ``schema``."""
        fields = self.fields()
        return {
            "schema": STATS_SCHEMA,
            "path": self.path,
            "name": self.name,
            "images": {
                "count": len(self.images),
                "unreadable": {e.name: e.unreadable for e in self.images if e.unreadable},
                "each": self.image_rows(),
            },
            "bands": [asdict(each) for each in self.bands],
            "classes": [asdict(each) for each in self.classes],
            "co_occurrence": [
                {"classes": list(pair), "images": count} for pair, count in self.together.items()
            ],
            "mask_classes": {str(key): share for key, share in self.mask_classes.items()},
            "objects": len(self.rows),
            "fields": {key: asdict(_summary(key, values)) for key, values in fields.items()},
            "histograms": {
                key: {"edges": edges, "counts": counts}
                for key, values in fields.items()
                for edges, counts in [histogram(values)]
            },
        }

    def frame(self, what: str = "objects") -> pd.DataFrame:
        """Return the table of ``"objects"`` or ``"images"`` as a data frame."""
        import pandas as pd

        return pd.DataFrame(self.object_records() if what == "objects" else self.image_rows())

    def write_csv(self, path: Path, what: str = "objects") -> None:
        """Write the table of ``"objects"`` or ``"images"`` as CSV."""
        records = self.object_records() if what == "objects" else self.image_rows()
        keys = list(dict.fromkeys(key for record in records for key in record))
        text = io.StringIO()
        writer = csv.DictWriter(text, keys, lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write_text(path, text.getvalue())

    def write_html(self, path: Path, *, previews: int = 60) -> None:
        """Write everything as one page that needs nothing else."""
        from iqf_dataset_tools.page import stats_page

        stats_page(self, previews).write(path)

    def _repr_html_(self) -> str:
        from iqf_dataset_tools.page import notebook_summary

        return notebook_summary(self)


def dataset_statistics(
    dataset: Dataset | Path | str,
    *,
    registry: Any = None,
    peak: float | None = None,
    workers: int | None = 1,
    quiet: bool = False,
) -> DatasetStatistics:
    """Measure a dataset: images, classes and objects.

    Parameters
    ----------
    dataset
        The dataset, or where it lies.
    registry
        Where annotation formats are found; default those of the installed plugins.
    peak
        The value of full scale, in DN, of images that do not say it.
    workers
        Processes; None for one per core. The numbers do not depend on it.
    quiet
        Show no progress.

    Raises
    ------
    DatasetError
        If it cannot be opened, or its annotations cannot be read.
    """
    if not isinstance(dataset, Dataset):
        registry = PluginManager.create().registry if registry is None else registry
        dataset = open_dataset(dataset, registry=registry, peak=peak)
    stated = dataset.properties
    where = Stated(
        str(dataset.images_folder),
        stated.peak if dataset.peak is None else dataset.peak,
        stated.nodata,
        stated.gsd_m,
        stated.bands,
    )
    images = measure_all(where, dataset.image_names, workers, quiet)
    readable = {each.name: each for each in images if not each.unreadable}
    annotations = dataset.annotations() or Annotations()
    rows, shapes = object_rows(annotations, readable)
    return DatasetStatistics(
        path=str(dataset.path),
        name=dataset.name,
        images=images,
        bands=pooled_bands(list(readable.values())),
        rows=rows,
        classes=class_statistics(annotations, rows, shapes, readable),
        together=co_occurrence(rows),
        mask_classes=_mask_shares(annotations),
        dataset=dataset,
        annotations=annotations,
        shapes=shapes,
    )


def pooled_bands(images: Sequence[ImageStatistics]) -> list[BandStatistics]:
    """Return each band over all images of the most frequent number of bands and data type.

    Percentiles of floating-point bands over many images are not computed, and left out.
    """
    kinds = Counter((len(each.bands), each.dtype) for each in images)
    if not kinds:
        return []
    kind = kinds.most_common(1)[0][0]
    alike = [each for each in images if (len(each.bands), each.dtype) == kind]
    peaks = {each.peak for each in alike}
    peak = peaks.pop() if len(peaks) == 1 else None
    result = []
    for band in range(kind[0]):
        name = alike[0].bands[band].name
        if alike[0].histograms:
            counts = sum(unpack(each.histograms[band]) for each in alike)
            result.append(of_counts(name, np.asarray(counts), peak))
        else:
            result.append(_pooled([each.bands[band] for each in alike], peak))
    return result


def _pooled(parts: Sequence[BandStatistics], peak: float | None) -> BandStatistics:
    known = [each for each in parts if each.valid]
    if not known:
        return BandStatistics(parts[0].name, 0, None, None, None, None, {}, None, None)
    counts = np.array([each.valid for each in known], np.float64)
    means, stds, zeros = (
        np.array([getattr(each, key) for each in known], np.float64)
        for key in ("mean", "std", "zeros")
    )
    total = float(counts.sum())
    mean = float((counts * means).sum() / total)
    variance = float((counts * (stds**2 + (means - mean) ** 2)).sum() / total)
    saturated = None
    if peak is not None:
        saturated = sum(each.valid * (each.saturated or 0.0) for each in known) / total
    return BandStatistics(
        parts[0].name,
        int(total),
        min(each.minimum for each in known if each.minimum is not None),
        max(each.maximum for each in known if each.maximum is not None),
        mean,
        variance**0.5,
        known[0].percentiles if len(known) == 1 else {},
        saturated,
        float((counts * zeros).sum() / total),
    )


def _mask_shares(annotations: Annotations) -> dict[int, float]:
    counts: Counter[int] = Counter()
    for path in annotations.masks.values():
        try:
            pixels = read_image(path, peak=65535).pixels
        except ImageError:
            continue  # `iqf dataset check` reports it
        if pixels.shape[2] == 1 and pixels.dtype.kind == "u":
            values, found = np.unique(pixels, return_counts=True)
            counts.update(dict(zip(values.tolist(), found.tolist(), strict=True)))
    total = counts.total()
    return {value: count / total for value, count in sorted(counts.items())}


def _summary(name: str, values: NDArray[np.float64]) -> Summary:
    return Summary(
        name,
        len(values),
        float(values.min()),
        float(values.mean()),
        float(values.max()),
        float(values.std()),
        float(np.median(values)),
    )


def histogram(values: NDArray[np.float64], bins: int = _BINS) -> tuple[list[float], list[int]]:
    """Return edges and counts of at most `bins` equal bins; one bin for equal values."""
    if values.min() == values.max():
        half = abs(float(values[0])) * 0.05 or 0.5
        return [float(values[0]) - half, float(values[0]) + half], [len(values)]
    counts, edges = np.histogram(values, bins=min(bins, max(5, int(np.sqrt(len(values)) * 2))))
    return edges.tolist(), counts.tolist()


def gsd_range(images: Sequence[ImageStatistics]) -> tuple[float, float] | None:
    """Return least and greatest ground sampling distance in metres, None when unknown."""
    known = [each.gsd_m for each in images if each.gsd_m is not None]
    return (min(known), max(known)) if known else None


def named(mapping: Mapping[int, str], number: int) -> str:
    """Return the name of a class."""
    return mapping.get(number, str(number))
