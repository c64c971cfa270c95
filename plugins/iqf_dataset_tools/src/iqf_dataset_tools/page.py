"""Statistics as a page: overview, histograms, a table of annotations, and pictures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from iqf_core.api import (
    Html,
    HtmlCell,
    HtmlColumn,
    HtmlPage,
    bar_chart,
    histogram_chart,
    html_details,
    html_facts,
    html_figures,
    html_grid,
    html_legend,
    html_note,
    html_table,
    html_tag,
)
from iqf_dataset_tools import gallery
from iqf_dataset_tools.images import Stated
from iqf_dataset_tools.statistics import DatasetStatistics, gsd_range, histogram

if TYPE_CHECKING:
    from iqf_dataset_tools.object_statistics import ObjectRow

#: Longest side of a picture in the page, in pixels.
PICTURE_PX = 640
#: Objects in the page's table; all are in the CSV.
_MOST_ROWS = 20_000
_MOST_TOGETHER = 12

_IMAGE_FIELDS = (
    ("images.width_px", "Width", "px"),
    ("images.height_px", "Height", "px"),
    ("images.aspect_ratio", "Aspect ratio", "width / height"),
    ("images.area_px", "Area", "px²"),
    ("images.objects", "Objects in an image", "objects"),
    ("images.objects_per_megapixel", "Density", "objects per megapixel"),
)
_OBJECT_FIELDS = (
    ("objects.area_px", "Area", "px²"),
    ("objects.area_m2", "Area on the ground", "m²"),
    ("objects.width_px", "Width of the box", "px"),
    ("objects.height_px", "Height of the box", "px"),
    ("objects.aspect_ratio", "Aspect ratio of the box", "width / height"),
    ("objects.rotated_width_px", "Longer side, rotated", "px"),
    ("objects.rotated_height_px", "Shorter side, rotated", "px"),
    ("objects.rotated_angle_deg", "Direction of the longer side", "degrees from x towards y"),
    ("objects.compactness", "Compactness", "4π area / perimeter²"),
    ("objects.x", "Centroid, x", "px"),
    ("objects.y", "Centroid, y", "px"),
    ("objects.image_share", "Share of the image", ""),
)


def stats_page(statistics: DatasetStatistics, previews: int = 60) -> HtmlPage:
    """Return the page of a dataset's statistics.

    Parameters
    ----------
    statistics
        The statistics.
    previews
        How many images are shown, spread evenly over the dataset.
    """
    page = HtmlPage(
        statistics.name,
        f"{len(statistics.images):,} images, {len(statistics.rows):,} objects, "
        f"{len(statistics.classes):,} classes",
        "dataset",
        scripts=[gallery.SCRIPT],
        styles=[gallery.STYLE],
    )
    page.section("Overview", _figures(statistics), _facts(statistics))
    fields = statistics.fields()
    page.section("Images", _histograms(fields, _IMAGE_FIELDS), _images_table(statistics))
    page.section(
        "Pixels",
        _bands_table(statistics),
        lead="Over all images of one kind; invalid pixels do not count.",
    )
    if statistics.classes or statistics.mask_classes:
        page.section("Classes", _classes(statistics), _together(statistics))
    if statistics.rows:
        page.section("Objects", _histograms(fields, _OBJECT_FIELDS))
    names = spread(statistics.dataset.image_names, previews)
    page.section("Pictures", *_pictures(statistics, names))
    if statistics.rows:
        page.section(
            "Annotations",
            annotations_table(statistics, set(names)),
            lead="Filter by words: a class, an image, a shape. A number leads to its picture.",
        )
    page.section(
        "All fields",
        html_details("Least, mean and greatest of every field", _summaries(statistics)),
    )
    return page


def spread(names: tuple[str, ...], count: int) -> list[str]:
    """Return at most `count` names, evenly spread, in order."""
    if len(names) <= count:
        return list(names)
    places = sorted(set(np.linspace(0, len(names) - 1, count).round().astype(int).tolist()))
    return [names[place] for place in places]


def drawn_objects(statistics: DatasetStatistics) -> dict[str, list[gallery.Drawn]]:
    """Return the objects of every image, ready to be drawn."""
    colours = class_colours(statistics)
    found: dict[str, list[gallery.Drawn]] = {}
    for row, outline in zip(statistics.rows, statistics.shapes, strict=True):
        each = statistics.annotations.objects[row.number]
        found.setdefault(row.image, []).append(
            gallery.Drawn(row.number, each, outline, row.class_name, colours[row.class_id])
        )
    return found


def class_colours(statistics: DatasetStatistics) -> dict[int, int]:
    """Return the colour of every class, the most frequent first."""
    order = sorted(statistics.classes, key=lambda each: (-each.objects, each.id))
    return {each.id: place for place, each in enumerate(order)}


def shown_classes(statistics: DatasetStatistics) -> list[tuple[int, str]]:
    """Return (number, name) of the classes that have objects, by name."""
    found = [(each.id, each.name) for each in statistics.classes if each.objects]
    return sorted(found, key=lambda pair: pair[1])


def stated_of(statistics: DatasetStatistics) -> Stated:
    """Return where the images lie and what is stated of them."""
    dataset = statistics.dataset
    known = dataset.properties
    peak = known.peak if dataset.peak is None else dataset.peak
    return Stated(str(dataset.images_folder), peak, known.nodata, known.gsd_m, known.bands)


def picture_legend(statistics: DatasetStatistics) -> Html | None:
    """Return the colours of the classes."""
    colours = class_colours(statistics)
    entries = [
        (each.name, colours[each.id] % gallery.COLOURS)
        for each in sorted(statistics.classes, key=lambda each: colours[each.id])
        if each.objects
    ]
    return html_legend(entries) if entries else None


def _pictures(statistics: DatasetStatistics, names: list[str]) -> list[object]:
    drawn, stated = drawn_objects(statistics), stated_of(statistics)
    total = len(statistics.images)
    parts: list[object] = [
        gallery.legend_and_tools(shown_classes(statistics), len(names), total),
        picture_legend(statistics),
        html_grid(gallery.figure(stated, n, drawn.get(n, []), PICTURE_PX) for n in names),
    ]
    if len(names) < total:
        parts.append(html_note(f"{len(names)} of {total:,} images, evenly spread; see all with "
                               "`iqf dataset view`."))  # fmt: skip
    return parts


def _figures(statistics: DatasetStatistics) -> Html:
    readable = statistics.readable
    figures: list[tuple[str, object]] = [
        ("images", f"{len(statistics.images):,}"),
        ("megapixels", f"{sum(each.pixels for each in readable) / 1e6:.4g}"),
        ("objects", f"{len(statistics.rows):,}"),
        ("classes with objects", sum(1 for each in statistics.classes if each.objects)),
    ]
    gsd = gsd_range(readable)
    if gsd is not None:
        low, high = gsd
        figures.append(
            ("m, ground sampling distance", f"{low:.3g}" + (f"–{high:.3g}" * (high > low)))
        )
    return html_figures(figures)


def _facts(statistics: DatasetStatistics) -> Html:
    readable = statistics.readable
    sizes = Counter((each.width, each.height) for each in readable)
    top = ", ".join(f"{w} × {h} ({n:,})" for (w, h), n in sizes.most_common(4))
    kinds = Counter((len(each.bands), each.dtype, each.bits) for each in readable)
    depth = ", ".join(
        f"{b} band{'s' * (b != 1)} of {t}" + (f", {bits} bits used" if bits else "") + f" ({n:,})"
        for (b, t, bits), n in kinds.most_common(4)
    )
    unreadable = [each.name for each in statistics.images if each.unreadable]
    nodata = np.mean([each.nodata for each in readable]) if readable else 0.0
    formats = ", ".join(f"{f} ({p.name})" for f, p in statistics.dataset.annotation_files)
    return html_facts(
        [
            ("folder", statistics.path),
            ("annotations", formats or "none"),
            ("sizes (width × height)", top + (" …" if len(sizes) > 4 else "")),
            ("pixels", depth),
            ("invalid pixels", f"{nodata:.3%} of an image on average"),
            ("unreadable", ", ".join(unreadable[:10]) if unreadable else None),
        ]
    )


def _histograms(fields: dict[str, Any], wanted: Iterable[tuple[str, str, str]]) -> Html:
    charts = []
    for key, title, label in wanted:
        if key in fields:
            edges, counts = histogram(fields[key])
            charts.append(
                histogram_chart(edges, counts, title=title, x_label=label, y_label="count")
            )
    return html_grid(charts)


def _images_table(statistics: DatasetStatistics) -> Html:
    columns = [HtmlColumn("image"), *(HtmlColumn(name, numeric=True) for name in (
        "width", "height", "bands", "bits", "objects", "mean", "std", "saturated", "no data"
    ))]  # fmt: skip
    counts = Counter(each.image for each in statistics.rows)
    rows = []
    for each in statistics.readable:
        means = [band.mean for band in each.bands if band.mean is not None]
        stds = [band.std for band in each.bands if band.std is not None]
        full = [band.saturated for band in each.bands if band.saturated is not None]
        rows.append(
            [
                each.name, each.width, each.height, len(each.bands), each.bits, counts[each.name],
                _rounded(np.mean(means)) if means else None,
                _rounded(np.mean(stds)) if stds else None,
                _share(max(full)) if full else None,
                _share(each.nodata),
            ]
        )  # fmt: skip
    return html_details(f"Every image ({len(rows):,})", html_table(columns, rows))


def _bands_table(statistics: DatasetStatistics) -> Html:
    percentiles = ("1", "2", "50", "98", "99")
    heads = ("min", "mean", "max", "std", *(f"{each} %" for each in percentiles))
    columns = [HtmlColumn("band"), *(HtmlColumn(name, numeric=True) for name in heads),
               HtmlColumn("saturated", numeric=True), HtmlColumn("zero", numeric=True)]  # fmt: skip
    rows = []
    for each in statistics.bands:
        numbers = [each.minimum, each.mean, each.maximum, each.std]
        numbers += [each.percentiles.get(key) for key in percentiles]
        rows.append(
            [each.name, *(None if v is None else _rounded(v) for v in numbers),
             None if each.saturated is None else _share(each.saturated),
             None if each.zeros is None else _share(each.zeros)]
        )  # fmt: skip
    return html_table(columns, rows)


def _classes(statistics: DatasetStatistics) -> Html:
    parts: list[object] = []
    counted = sorted(
        (each for each in statistics.classes if each.objects), key=lambda each: -each.objects
    )
    if counted:
        charts = [
            bar_chart([(e.name, e.objects) for e in counted[:16]], title="Objects",
                      y_label="objects"),
            bar_chart([(e.name, e.coverage * 100) for e in counted[:16]], title="Area covered",
                      y_label="% of all images", colour=1),
        ]  # fmt: skip
        parts.append(html_grid(charts))
    columns = [HtmlColumn("class", numeric=True), HtmlColumn("name"), *(HtmlColumn(n, numeric=True)
               for n in ("objects", "images", "area, px²", "area, m²", "area, %"))]  # fmt: skip
    rows = [
        [e.id, e.name, e.objects, e.images, _rounded(e.area_px),
         None if e.area_m2 is None else _rounded(e.area_m2), _share(e.coverage)]
        for e in statistics.classes
    ]  # fmt: skip
    if rows:
        parts.append(html_table(columns, rows))
    if statistics.mask_classes:
        masks = [[value, _share(share)] for value, share in statistics.mask_classes.items()]
        parts.append(
            html_table(
                [HtmlColumn("value in masks", numeric=True), HtmlColumn("area", numeric=True)],
                masks,
            )
        )
    return Html("".join(map(str, parts)))


def _together(statistics: DatasetStatistics) -> Html | None:
    """Return how often classes share an image, the most frequent classes."""
    classes = sorted((e for e in statistics.classes if e.images), key=lambda e: -e.images)
    classes = classes[:_MOST_TOGETHER]
    if len(classes) < 2:
        return None
    columns = [
        HtmlColumn("in one image with"),
        *(HtmlColumn(e.name, numeric=True) for e in classes),
    ]
    rows = [
        [
            one.name,
            *(
                one.images if one is two
                else statistics.together.get((min(one.id, two.id), max(one.id, two.id)), 0)
                for two in classes
            ),
        ]
        for one in classes
    ]  # fmt: skip
    table = html_table(columns, rows, filterable=False)
    return html_details("Which classes share images", table, open_=len(classes) <= 6)


def annotations_table(statistics: DatasetStatistics, shown: set[str]) -> Html:
    """Return the filterable table of objects; those whose picture is shown lead to it."""
    heads = ("x", "y", "width", "height", "area, px²", "area, m²", "angle", "compactness")
    columns = [
        HtmlColumn("no.", numeric=True),
        *map(HtmlColumn, ("class", "image", "shape")),
        *(HtmlColumn(name, numeric=True) for name in heads),
    ]
    rows = [_annotation_row(each, shown) for each in statistics.rows[:_MOST_ROWS]]
    table = html_table(columns, rows, filterable=True)
    if len(statistics.rows) > _MOST_ROWS:
        note = html_note(f"The first {_MOST_ROWS:,} of {len(statistics.rows):,} objects; "
                         "all are in the CSV.")  # fmt: skip
        return Html(table + note)
    return table


def _annotation_row(each: ObjectRow, shown: set[str]) -> list[object]:
    number: object = each.number
    if each.image in shown:
        link = html_tag("a", each.number, href="#", data_pick=each.number)
        number = HtmlCell(link, each.number)
    values = (each.x, each.y, each.width_px, each.height_px, each.area_px, each.area_m2,
              each.rotated_angle_deg, each.compactness)  # fmt: skip
    return [
        number,
        each.class_name,
        each.image,
        each.shape,
        *(None if value is None else _rounded(value) for value in values),
    ]


def _summaries(statistics: DatasetStatistics) -> Html:
    heads = ("count", "min", "mean", "max", "std", "median")
    columns = [HtmlColumn("field"), *(HtmlColumn(name, numeric=True) for name in heads)]
    rows = [
        [s.field, s.count, *map(_rounded, (s.min, s.mean, s.max, s.std, s.median))]
        for s in statistics.summaries()
    ]
    return html_table(columns, rows)


def _rounded(value: Any) -> HtmlCell:
    return HtmlCell(f"{float(value):.5g}", float(value))


def _share(value: float) -> HtmlCell:
    return HtmlCell(f"{value:.3%}" if value else "0", value)


def notebook_summary(statistics: DatasetStatistics) -> str:
    """Return a short form for a notebook."""
    heads = ("count", "min", "mean", "max", "std", "median")
    body = [
        html_tag("tr", [html_tag("td", s.field), html_tag("td", s.count), *(
            html_tag("td", f"{v:.5g}") for v in (s.min, s.mean, s.max, s.std, s.median))])
        for s in statistics.summaries() if s.field.startswith("objects.") or "." not in s.field[7:]
    ]  # fmt: skip
    head = html_tag("tr", [html_tag("th", name) for name in ("field", *heads)])
    classes = ", ".join(f"{e.name} ({e.objects:,})" for e in statistics.classes if e.objects)
    return html_tag(
        "div",
        html_tag("strong", statistics.name),
        html_tag("p", f"{len(statistics.images):,} images, {len(statistics.rows):,} objects"),
        html_tag("p", classes) if classes else None,
        html_tag("table", html_tag("thead", head), html_tag("tbody", body)),
    )
