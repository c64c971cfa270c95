"""Tables of measured values, and their summaries."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pandas

    from iqf_core.measurement.batch import Measured
    from iqf_core.measurement.metrics import MetricUse

KIND = "measure"

#: The band of a value for the whole image.
ALL_BANDS = "all"


class Row(NamedTuple):
    """One measured value, or the reason why there is none.

    Attributes
    ----------
    dataset, image
        Names of the dataset and of the image in it.
    band
        ``all`` for the aggregate, else the band's name, or its number from 1.
    metric
        The metric's specification string, without parameters that have their default.
    output
        Which of its numbers; an element of a vector is ``output.element``.
    value
        The number, None when there is none.
    unit
        Its unit, empty for none.
    ci68_low, ci68_high
        68 % confidence interval, None when unknown.
    reason
        Why there is no value, or what limits it; else empty.
    """

    dataset: str
    image: str
    band: str
    metric: str
    output: str
    value: float | None
    unit: str
    ci68_low: float | None
    ci68_high: float | None
    reason: str


COLUMNS = Row._fields


def row_of(dataset: str, image: str, use: MetricUse, value: Measured) -> Row:
    """Return the row of one value."""
    return Row(
        dataset=dataset,
        image=image,
        band=value.band,
        metric=use.label,
        output=value.output,
        value=value.value,
        unit=value.unit,
        ci68_low=value.low,
        ci68_high=value.high,
        reason=value.reason,
    )


@dataclass(frozen=True)
class Statistics:
    """What the images of a dataset have in one number.

    Attributes
    ----------
    metric, output, band, unit
        Which number.
    count
        Images with a value.
    images
        Images looked at.
    mean, median
        Over the values; None without any.
    std
        Standard deviation of the values (n - 1); None with fewer than two, or infinite ones.
    reasons
        Reason -> how many images have no value because of it.
    """

    metric: str
    output: str
    band: str
    unit: str
    count: int
    images: int
    mean: float | None = None
    median: float | None = None
    std: float | None = None
    reasons: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: list[Row]) -> Statistics:
        """Summarize the rows of one number."""
        import numpy as np

        first = rows[0]
        values = np.array([row.value for row in rows if row.value is not None], np.float64)
        finite = bool(np.isfinite(values).all())
        with np.errstate(invalid="ignore"):
            mean = float(values.mean()) if len(values) else math.nan
            median = float(np.median(values)) if len(values) else math.nan
        missing = Counter(row.reason for row in rows if row.value is None)
        return cls(
            metric=first.metric,
            output=first.output,
            band=first.band,
            unit=first.unit,
            count=len(values),
            images=len(rows),
            mean=None if math.isnan(mean) else mean,
            median=None if math.isnan(median) else median,
            std=float(values.std(ddof=1)) if len(values) > 1 and finite else None,
            reasons=dict(missing.most_common()),
        )


@dataclass(frozen=True)
class Measurements:
    """What metrics measured of the images of a dataset.

    Attributes
    ----------
    dataset
        Where the images lie.
    metrics
        The metrics, with their parameters and versions.
    rows
        The values: by image, metric, output and band, in this order.
    reference
        Where the images that pairs were compared with lie; empty without.
    skipped
        Image -> why it could not be read, where such images were to be skipped.
    """

    dataset: str
    metrics: tuple[MetricUse, ...]
    rows: tuple[Row, ...]
    reference: str = ""
    skipped: Mapping[str, str] = field(default_factory=dict)

    def frame(self) -> pandas.DataFrame:
        """Return the rows as a data frame; a missing number is NaN."""
        import pandas

        frame = pandas.DataFrame(self.rows, columns=list(COLUMNS))
        numbers = ["value", "ci68_low", "ci68_high"]
        frame[numbers] = frame[numbers].astype("float64")
        return frame

    def images(self) -> list[str]:
        """Return the names of the images, in order."""
        return list(dict.fromkeys(row.image for row in self.rows))

    def summary(self) -> list[Statistics]:
        """Return the statistics of every metric, output and band over the images."""
        groups: dict[tuple[str, str, str], list[Row]] = {}
        for row in self.rows:
            groups.setdefault((row.metric, row.output, row.band), []).append(row)
        return [Statistics.of(rows) for rows in groups.values()]

    def to_json(self) -> dict[str, Any]:
        """Return everything as a JSON value; an infinite number is ``"inf"`` or ``"-inf"``."""
        return {
            "schema": f"iqf.{KIND}/1",
            "dataset": self.dataset,
            "reference": self.reference or None,
            "metrics": [
                {
                    "metric": use.label,
                    "name": use.name,
                    "distribution": use.distribution,
                    "distribution_version": use.distribution_version,
                    "version": use.version,
                    "params": dict(use.params),
                }
                for use in self.metrics
            ],
            "rows": [plain(row._asdict()) for row in self.rows],
            "summary": [plain(vars(statistics)) for statistics in self.summary()],
            "skipped": dict(self.skipped),
        }

    def csv_lines(self) -> Iterator[str]:
        """Return the rows as lines of CSV, the header first."""
        return csv_lines(COLUMNS, self.rows)


def csv_lines(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """Yield lines of CSV; a missing value is empty, a number is as exact as it is."""
    import csv
    import io

    for row in (header, *rows):
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(
            "" if cell is None else repr(cell) if isinstance(cell, float) else cell for cell in row
        )
        yield line.getvalue()


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` as strict JSON takes them."""
    return {
        key: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in values.items()
    }
