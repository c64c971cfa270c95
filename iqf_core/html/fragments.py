"""Pieces of HTML: text is escaped unless it is HTML already."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable

#: Elements without an end tag.
_VOID = frozenset(("br", "hr", "img", "input", "link", "meta"))


class Html(str):
    """Text that is HTML already; any other text is escaped where it enters a page."""

    __slots__ = ()


def to_html(value: object) -> Html:
    """Return a value as HTML.

    Parameters
    ----------
    value
        HTML stays as it is; None is nothing; numbers are written short (NaN as a dash); lists and
        tuples are their items one after the other; anything else is its text, escaped.
    """
    if isinstance(value, Html):
        return value
    if value is None:
        return Html()
    if isinstance(value, list | tuple):
        return Html("".join(map(to_html, value)))
    if isinstance(value, bool):
        return Html("yes" if value else "no")
    if isinstance(value, int | float):
        return Html(
            "–" if math.isnan(value) else f"{value:.6g}" if isinstance(value, float) else value
        )
    return Html(html.escape(str(value)))


def html_tag(name: str, /, *children: object, **attributes: object) -> Html:
    """Return an element.

    Parameters
    ----------
    name
        Its name.
    children
        Its content; see :func:`to_html`.
    attributes
        Its attributes. An underscore stands for a hyphen, one at the end for nothing (``class_``);
        True is an attribute without a value, None and False leave it out.

    Examples
    --------
    >>> html_tag("a", "R & D", href="x?a=1&b=2", class_="log")
    '<a href="x?a=1&amp;b=2" class="log">R &amp; D</a>'
    """
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}"
        + ("" if value is True else f'="{html.escape(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{to_html(list(children))}</{name}>")


def html_facts(facts: Iterable[tuple[str, object]]) -> Html:
    """Return a list of names with their values, for what is said about one thing."""
    rows = [
        html_tag("div", html_tag("dt", name), html_tag("dd", value))
        for name, value in facts
        if value is not None
    ]
    return html_tag("dl", rows, class_="facts")


def html_figures(figures: Iterable[tuple[str, object]]) -> Html:
    """Return a row of (label, value) with large values: the numbers a reader takes away."""
    tiles = [
        html_tag("div", html_tag("b", value), html_tag("span", label)) for label, value in figures
    ]
    return html_tag("div", tiles, class_="figures")


def html_note(*children: object) -> Html:
    """Return a small grey paragraph: how a number was made, what is missing."""
    return html_tag("p", *children, class_="note")


def html_details(summary: object, *children: object, open_: bool = False) -> Html:
    """Return content that unfolds on a click."""
    return html_tag("details", html_tag("summary", summary), *children, open=open_)


def html_grid(cells: Iterable[object], *, width: int = 340, columns: int = 1) -> Html:
    """Return cells side by side, as many in a row as are at least `width` pixels wide.

    Parameters
    ----------
    cells
        The cells.
    width
        Pixels.
    columns
        At least that many stand in a row, however narrow the page is.
    """
    least = f"{100 // columns - (4 if columns > 1 else 0)}%"
    style = f"grid-template-columns: repeat(auto-fill, minmax(min({least}, {width}px), 1fr))"
    return html_tag("div", [html_tag("div", cell) for cell in cells], class_="grid", style=style)
