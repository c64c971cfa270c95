"""Statistics as lines of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from iqf_dataset_tools.statistics import DatasetStatistics, Summary


def statistics_lines(found: DatasetStatistics) -> list[str]:
    """Return the statistics that fit a terminal."""
    lines = [f"{found.name}: {len(found.images):,} images, {len(found.rows):,} objects"]
    lines += [f"unreadable: {each.unreadable}" for each in found.images if each.unreadable]
    kinds = Counter((len(each.bands), each.dtype, each.bits) for each in found.readable)
    lines += [
        f"  {count:,} x {bands} band(s) of {dtype}" + (f", {bits} bits used" if bits else "")
        for (bands, dtype, bits), count in kinds.most_common()
    ]
    if found.bands:
        head = ("BAND", "MIN", "MEAN", "MAX", "STD", "P2", "P50", "P98", "SATURATED")
        rows = [
            (b.name, b.minimum, b.mean, b.maximum, b.std,
             *(b.percentiles.get(p) for p in ("2", "50", "98")), b.saturated)
            for b in found.bands
        ]  # fmt: skip
        lines += ["", *_columns(head, rows)]
    counted = [each for each in found.classes if each.objects]
    if counted:
        per_class = [
            (e.name, e.objects, e.images, e.area_px, e.area_m2, e.coverage) for e in counted
        ]
        titles = ("CLASS", "OBJECTS", "IMAGES", "AREA PX²", "AREA M²", "COVERAGE")
        lines += ["", *_columns(titles, per_class)]
    if found.mask_classes:
        lines += ["", *_columns(("MASK VALUE", "COVERAGE"), list(found.mask_classes.items()))]
    shown = [each for each in found.summaries() if each.field.startswith("objects.")]
    return [*lines, "", *summary_lines(shown)] if shown else lines


def summary_lines(summaries: Sequence[Summary]) -> list[str]:
    """Return a table of fields."""
    head = ("FIELD", "COUNT", "MIN", "MEAN", "MAX", "STD", "MEDIAN")
    return _columns(
        head, [(s.field, s.count, s.min, s.mean, s.max, s.std, s.median) for s in summaries]
    )


def _columns(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    table = [list(head), *([_text(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    return [
        "  ".join(
            text.ljust(width) if column == 0 else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.5g}" if isinstance(value, float) else f"{value}"
