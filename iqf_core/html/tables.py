"""Tables that a reader sorts by a click and filters by a word."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from iqf_core.html.fragments import Html, html_tag, to_html

#: Rows that the page holds as elements; more wait as data until the reader asks for them.
_FIRST_ROWS = 200
#: Fewer rows need no filter.
_FILTERED_FROM = 8


@dataclass(frozen=True)
class HtmlColumn:
    """A column of a table.

    Attributes
    ----------
    name
        Its heading.
    numeric
        Whether it holds numbers: set flush right, the largest first at the first click.
    """

    name: str
    numeric: bool = False


@dataclass(frozen=True)
class HtmlCell:
    """A cell that is shown as one thing and sorted as another.

    Attributes
    ----------
    content
        What it shows.
    key
        What it is sorted by; None comes last.
    """

    content: object
    key: float | str | None


def html_table(
    columns: Sequence[HtmlColumn | str],
    rows: Sequence[Sequence[object]],
    *,
    caption: str = "",
    filterable: bool | None = None,
) -> Html:
    """Return a table that scrolls by itself where it is wider than the page.

    Parameters
    ----------
    columns
        Its columns; a name alone is a column of texts.
    rows
        Its rows, each with a cell for every column: values (see :func:`to_html`) or
        :class:`HtmlCell`.
    caption
        What it shows.
    filterable
        Whether a field filters its rows by words; default: from eight rows on.

    Raises
    ------
    ValueError
        If a row has another number of cells than there are columns.
    """
    heads = [column if isinstance(column, HtmlColumn) else HtmlColumn(column) for column in columns]
    cells = [[_cell(value) for value in row] for row in rows]
    for row in cells:
        if len(row) != len(heads):
            raise ValueError(f"a row has {len(row)} cells, expected {len(heads)}")
    many = len(cells) > _FIRST_ROWS
    head = html_tag("thead", html_tag("tr", [_head(column) for column in heads]))
    body = html_tag("tbody", [_row(row, heads) for row in cells[:_FIRST_ROWS]])
    table = html_tag("table", html_tag("caption", caption) if caption else None, head, body)
    field = html_tag(
        "input", type="search", placeholder="Filter …", aria_label="Filter the rows of the table"
    )
    shown = len(cells) >= _FILTERED_FROM if filterable is None else filterable
    return html_tag(
        "div",
        html_tag("div", field, html_tag("output"), class_="tools") if shown else None,
        html_tag("div", table, class_="scroll", tabindex="0"),
        html_tag("button", "Show more", type="button", class_="more") if many else None,
        _as_data(cells) if many else None,
        class_="table",
        data_page=_FIRST_ROWS,
    )


def _cell(value: object) -> HtmlCell:
    if isinstance(value, HtmlCell):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return HtmlCell(value, None if value is None else _plain(to_html(value)))
    if isinstance(value, Html):
        return HtmlCell(value, _plain(value))
    return HtmlCell(value, value)


def _plain(html: Html) -> str:
    """Return the text of a piece of HTML, roughly: to sort by."""
    parts = html.split("<")
    return "".join([parts[0], *(part.partition(">")[2] for part in parts[1:])])


def _head(column: HtmlColumn) -> Html:
    button = html_tag("button", column.name, type="button")
    return html_tag("th", button, scope="col", class_="number" if column.numeric else None)


def _row(cells: Sequence[HtmlCell], columns: Sequence[HtmlColumn]) -> Html:
    return html_tag(
        "tr",
        [
            html_tag(
                "td",
                cell.content,
                class_="number" if column.numeric else None,
                data_key=_key(cell),
            )
            for cell, column in zip(cells, columns, strict=True)
        ],
    )


def _key(cell: HtmlCell) -> float | str | None:
    """Return the key, None where there is nothing to sort by."""
    if isinstance(cell.key, float) and not math.isfinite(cell.key):
        return None if math.isnan(cell.key) else ("Infinity" if cell.key > 0 else "-Infinity")
    return cell.key


def _as_data(rows: Sequence[Sequence[HtmlCell]]) -> Html:
    data = [[[to_html(cell.content), _key(cell)] for cell in row] for row in rows]
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # Within a script only this sequence could end it, or begin a comment.
    return Html(f'<script type="application/json">{text.replace("<", chr(92) + "u003c")}</script>')
