"""Charts as SVG within a page: they follow its colours and need no library to be seen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from iqf_core.html.fragments import Html, html_tag, to_html
from iqf_core.html.scales import CategoryScale, Scale, make_scale

WIDTH, HEIGHT = 420, 280
_LEFT, _RIGHT, _TOP = 54, 10, 26
COLOURS = 8
_MOST_NAMED = 24


@dataclass(frozen=True)
class ChartPoint:
    """A point: a value with its spread.

    Attributes
    ----------
    x
        Where it stands: a number, or one of the chart's categories.
    y
        The value.
    spread
        Half the length of the error bar, 0 for none.
    note
        What it says when the reader points at it; default its coordinates.
    """

    x: float | str
    y: float
    spread: float = 0.0
    note: str = ""


@dataclass(frozen=True)
class ChartSeries:
    """Points of one colour.

    Attributes
    ----------
    label
        Its name in the legend, empty for none.
    points
        The points in order; those that are not finite are left out.
    joined
        Whether a line goes through them.
    faint
        Further points, small and pale: the single runs behind a mean.
    colour
        Number of its colour; None for its place in the chart.
    bars
        Whether its points are bars from zero, beside those of the other series; only where x are
        categories.
    """

    label: str
    points: Sequence[ChartPoint]
    joined: bool = True
    faint: Sequence[ChartPoint] = ()
    colour: int | None = None
    bars: bool = False


@dataclass(frozen=True)
class ChartLevel:
    """A dashed horizontal line with the band of its spread: a reference."""

    label: str
    y: float
    spread: float = 0.0
    colour: int = 7


@dataclass(frozen=True)
class ChartMark:
    """A dashed vertical line with a word at its top."""

    label: str
    x: float
    colour: int = 7


@dataclass
class _Frame:
    """The coordinate system of a chart, in its pixels."""

    x: Scale | CategoryScale
    y: Scale
    bottom: int
    parts: list[Html] = field(default_factory=list)

    def add(self, name: str, *children: object, **attributes: object) -> None:
        numbers = {
            key: round(value, 2) if isinstance(value, float) else value
            for key, value in attributes.items()
        }
        self.parts.append(html_tag(name, *children, **numbers))


def xy_chart(
    series: Sequence[ChartSeries],
    *,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    levels: Sequence[ChartLevel] = (),
    marks: Sequence[ChartMark] = (),
    log_x: bool = False,
    ticks: Sequence[float] | None = None,
    categories: Sequence[str] | None = None,
    y_range: tuple[float, float] | None = None,
    legend: bool = True,
) -> Html:
    """Return a chart of lines and points with its legend.

    Parameters
    ----------
    series
        What it shows.
    title, x_label, y_label
        Its words.
    levels, marks
        Horizontal and vertical dashed lines.
    log_x
        Whether x is logarithmic; all x must be positive.
    ticks
        Where to put numbers on x; default round ones.
    categories
        Names that stand side by side instead of numbers.
    y_range
        The values at bottom and top; default those that occur, with some air.
    legend
        Whether the series are named below.
    """
    shown = [_finite(each) for each in series]
    xs = [point.x for each in shown for point in (*each.points, *each.faint)]
    ys = [
        value
        for each in shown
        for point in (*each.points, *each.faint)
        for value in (point.y - point.spread, point.y + point.spread)
    ]
    ys += [value for level in levels for value in (level.y - level.spread, level.y + level.spread)]
    barred = [number for number, each in enumerate(shown) if each.bars]
    ys += [0.0] * bool(barred)
    numbers = [x for x in xs if not isinstance(x, str)] + [mark.x for mark in marks]
    frame = _frame(numbers, ys, categories, log_x=log_x, ticks=ticks, y_range=y_range)
    _axes(frame, title, x_label, y_label)
    for level in levels:
        _draw_level(frame, level)
    for mark in marks:
        at = frame.x(mark.x)
        kind = f"stroke dash k{mark.colour}"
        frame.add("line", x1=at, x2=at, y1=_TOP, y2=frame.bottom, class_=kind)
        left = at > WIDTH - 90
        frame.add(
            "text",
            mark.label,
            x=at + (-4 if left else 4),
            y=_TOP + 9,
            text_anchor="end" if left else "start",
        )
    step = 0.84 * (WIDTH - _LEFT - _RIGHT) / max(1, len(categories or ())) / max(1, len(barred))
    for number, each in enumerate(shown):
        colour = number if each.colour is None else each.colour
        shift = (barred.index(number) - (len(barred) - 1) / 2) * step if each.bars else 0.0
        _draw_series(frame, each, colour, shift, step)
    named = [
        (each.label, number if each.colour is None else each.colour)
        for number, each in enumerate(shown)
        if each.label
    ]
    named += [(level.label, level.colour) for level in levels if level.label]
    return html_tag("div", _svg(frame, title), html_legend(named) if legend and named else None)


def bar_chart(
    values: Sequence[tuple[str, float]],
    *,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    colour: int = 0,
) -> Html:
    """Return a chart of (name, value) bars side by side."""
    kept = [(name, value) for name, value in values if math.isfinite(value)]
    frame = _frame([], [0.0, *(value for _, value in kept)], [name for name, _ in kept])
    _axes(frame, title, x_label, y_label)
    width = 0.72 * (WIDTH - _LEFT - _RIGHT) / max(1, len(kept))
    for name, value in kept:
        _bar(frame, frame.x(name) - width / 2, width, value, f"{name}: {value:.6g}", colour)
    return html_tag("div", _svg(frame, title))


def histogram_chart(
    edges: Sequence[float],
    counts: Sequence[float],
    *,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    log_x: bool = False,
    colour: int = 0,
) -> Html:
    """Return a histogram.

    Parameters
    ----------
    edges
        The n + 1 ascending borders of the bins.
    counts
        What each of the n bins holds.
    log_x
        Whether x is logarithmic; all edges must be positive.

    Raises
    ------
    ValueError
        If there are not as many counts as bins.
    """
    if len(edges) != len(counts) + 1:
        raise ValueError(f"{len(counts)} counts need {len(counts) + 1} edges, got {len(edges)}")
    frame = _frame(list(edges), [0.0, *counts], log_x=log_x, air=False)
    _axes(frame, title, x_label, y_label)
    for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True):
        left, right = frame.x(low), frame.x(high)
        note = f"{low:.6g} to {high:.6g}: {count:.6g}"
        gap = 1.0 if right - left > 4 else 0.0
        _bar(frame, left, right - left - gap, count, note, colour)
    return html_tag("div", _svg(frame, title))


def html_legend(entries: Sequence[tuple[str, int]]) -> Html:
    """Return names with their colours: (label, number of the colour)."""
    unique = list(dict.fromkeys(entries))
    items = [
        html_tag("li", html_tag("i", class_=f"k{colour % COLOURS}"), label)
        for label, colour in unique[:_MOST_NAMED]
    ]
    if len(unique) > _MOST_NAMED:
        items.append(html_tag("li", f"… and {len(unique) - _MOST_NAMED} more"))
    return html_tag("ul", items, class_="legend")


def _finite(series: ChartSeries) -> ChartSeries:
    def kept(points: Sequence[ChartPoint]) -> list[ChartPoint]:
        return [
            point
            for point in points
            if math.isfinite(point.y) and (isinstance(point.x, str) or math.isfinite(point.x))
        ]

    points, faint = kept(series.points), kept(series.faint)
    return replace(series, points=points, faint=faint)


def _frame(
    xs: Sequence[float],
    ys: Sequence[float],
    categories: Sequence[str] | None = None,
    *,
    log_x: bool = False,
    ticks: Sequence[float] | None = None,
    y_range: tuple[float, float] | None = None,
    air: bool = True,
) -> _Frame:
    longest = max((len(name) for name in categories or ()), default=0)
    crowded = bool(categories) and longest * len(categories or ()) > 48
    bottom = HEIGHT - 40 - (min(90, round(3.6 * longest)) if crowded else 0)
    x: Scale | CategoryScale
    if categories is not None:
        x = CategoryScale(tuple(categories), _LEFT, WIDTH - _RIGHT, crowded)
    else:
        x = make_scale(xs, _LEFT, WIDTH - _RIGHT, log=log_x, ticks=ticks, air=0.04 if air else 0)
    y = make_scale(y_range or ys, bottom, _TOP, air=0 if y_range else 0.06)
    return _Frame(x, y, bottom)


def _axes(frame: _Frame, title: str, x_label: str, y_label: str) -> None:
    for value, name in frame.y.ticks:
        at = frame.y(value)
        frame.add("line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=at, y2=at, class_="rule")
        frame.add("text", name, x=_LEFT - 6, y=at + 4, text_anchor="end")
    for place, name in frame.x.ticks:
        at = frame.x(place)
        if isinstance(frame.x, CategoryScale) and frame.x.crowded:
            turn = f"rotate(-35 {at:.1f} {frame.bottom + 14})"
            frame.add("text", name, x=at, y=frame.bottom + 14, text_anchor="end", transform=turn)
        else:
            frame.add("text", name, x=at, y=frame.bottom + 15, text_anchor="middle")
    frame.add("line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=frame.bottom, y2=frame.bottom, class_="axis")
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    if title:
        frame.add("text", title, x=_LEFT, y=13, class_="title")
    if x_label:
        frame.add("text", x_label, x=middle, y=HEIGHT - 6, text_anchor="middle")
    if y_label:
        height = (_TOP + frame.bottom) / 2
        turn = f"rotate(-90 11 {height:.1f})"
        frame.add("text", y_label, x=11, y=height, text_anchor="middle", transform=turn)


def _draw_level(frame: _Frame, level: ChartLevel) -> None:
    colour = f"k{level.colour % COLOURS}"
    if level.spread:
        top, bottom = frame.y(level.y + level.spread), frame.y(level.y - level.spread)
        frame.add(
            "rect",
            x=_LEFT,
            y=top,
            width=WIDTH - _LEFT - _RIGHT,
            height=bottom - top,
            class_=f"band fill {colour}",
        )
    at = frame.y(level.y)
    note = html_tag("title", f"{level.label}: {level.y:.6g}")
    frame.add(
        "line", note, x1=_LEFT, x2=WIDTH - _RIGHT, y1=at, y2=at, class_=f"stroke dash {colour}"
    )


def _draw_series(
    frame: _Frame, series: ChartSeries, number: int, shift: float, width: float
) -> None:
    colour = f"k{number % COLOURS}"
    places = [(frame.x(point.x) + shift, frame.y(point.y)) for point in series.points]
    if series.bars:
        for point, (x, _) in zip(series.points, places, strict=True):
            left = x - 0.46 * width
            _bar(frame, left, 0.92 * width, point.y, _note(point), number)
    for point in series.faint:
        x, y = frame.x(point.x) + shift, frame.y(point.y)
        kind = "fill over" if series.bars else f"fill faint {colour}"
        frame.add("circle", html_tag("title", _note(point)), cx=x, cy=y, r=2.4, class_=kind)
    if series.joined and len(places) > 1 and not series.bars:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        frame.add("polyline", points=path, class_=f"line stroke {colour}")
    for point, (x, y) in zip(series.points, places, strict=True):
        if point.spread:
            top, bottom = frame.y(point.y + point.spread), frame.y(point.y - point.spread)
            caps = "".join(f"M{x - 3:.1f} {end:.1f}h6" for end in (top, bottom))
            bar = f"M{x:.1f} {top:.1f}V{bottom:.1f}{caps}"
            kind = "axis" if series.bars else f"spread stroke {colour}"
            frame.add("path", d=bar, class_=kind)
        if not series.bars:
            note = html_tag("title", _note(point))
            frame.add("circle", note, cx=x, cy=y, r=4, class_=f"fill {colour}")


def _note(point: ChartPoint) -> str:
    at = point.x if isinstance(point.x, str) else f"{point.x:.6g}"
    spread = f" ± {point.spread:.2g}" if point.spread else ""
    return point.note or f"{at}: {point.y:.6g}{spread}"


def _bar(frame: _Frame, left: float, width: float, value: float, note: str, colour: int) -> None:
    zero, end = frame.y(0.0), frame.y(value)
    frame.add(
        "rect",
        html_tag("title", note),
        x=left,
        y=min(zero, end),
        width=max(0.5, width),
        height=abs(zero - end),
        class_=f"fill k{colour % COLOURS}",
    )


def _svg(frame: _Frame, title: str) -> Html:
    return html_tag(
        "svg",
        to_html(frame.parts),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        class_="chart",
        role="img",
        aria_label=title or "chart",
    )
