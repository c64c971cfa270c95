from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from iqf_core.api import (
    HtmlCell,
    HtmlColumn,
    HtmlPage,
    html_facts,
    html_image,
    html_table,
    html_tag,
)
from iqf_core.html.fragments import to_html
from iqf_core.html.images import image_data_uri

EVIL = "<script>alert('x')</script>&\"'"


def test_text_is_escaped_and_html_is_not() -> None:
    assert "<script>" not in html_tag("p", EVIL, title=EVIL)
    assert html_tag("p", html_tag("b", "1 < 2")) == "<p><b>1 &lt; 2</b></p>"
    assert html_tag("td", data_key=0, hidden=False, open=True) == '<td data-key="0" open></td>'
    assert html_tag("br") == "<br>"


def test_values_are_written_for_people() -> None:
    assert to_html(None) == ""
    assert to_html(math.nan) == "–"
    assert to_html([0, 0.5, True, "a&b"]) == "00.5yesa&amp;b"


def test_facts_without_a_value_are_left_out() -> None:
    assert html_facts([("zero", 0), ("none", None)]).count("<dt>") == 1


class _Checker(HTMLParser):
    """Follows elements, and notes what is not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag not in ("meta", "link", "input", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def _page() -> HtmlPage:
    page = HtmlPage(f"A title {EVIL}", subtitle="below", kicker="test")
    page.section("Plain", html_tag("p", EVIL), lead="What to see")
    rows = [(f"row {n}", n / 3 if n else math.nan, HtmlCell(f"n{n}", -n)) for n in range(250)]
    columns = ["name", HtmlColumn("value", numeric=True), HtmlColumn("cell", numeric=True)]
    page.section("Table", html_table(columns, [*rows, (EVIL, None, None)]))
    ramp = np.arange(64, dtype=np.uint8).reshape(8, 8)
    box = html_tag("rect", x=1, y=1, width=4, height=3, stroke="red", fill="none")
    page.section("Image", html_image(ramp, "a ramp", "8 x 8", overlay=box))
    return page


def test_a_page_is_well_formed_and_needs_nothing_else() -> None:
    text = _page().render()
    checker = _Checker()
    checker.feed(text)
    assert checker.wrong == []
    assert checker.open == []
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", text)
    assert "alert('x')</script>" not in text
    assert "url(" not in text
    assert "@import" not in text


def test_a_script_that_would_end_early_is_refused() -> None:
    with pytest.raises(ValueError, match="must not hold"):
        HtmlPage("x", scripts=["a = '</script>'"]).render()


def test_a_row_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="1 cells, expected 2"):
        html_table(["a", "b"], [("a",)])


def test_many_rows_wait_as_data() -> None:
    table = html_table(["n"], [(n,) for n in range(500)])
    assert table.count("<tr>") == 201
    data = json.loads(re.search(r"<script[^>]*>(.*)</script>", table)[1])  # type: ignore[index]
    assert len(data) == 500
    assert data[499] == [["499"], 499] or data[499] == [["499", 499]]


def test_an_image_keeps_its_pixels() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    uri = image_data_uri(pixels, lossless=True)
    import base64

    data = np.frombuffer(base64.b64decode(uri.partition(",")[2]), np.uint8)
    assert (cv2.imdecode(data, cv2.IMREAD_UNCHANGED)[..., ::-1] == pixels).all()
    with pytest.raises(ValueError, match="expected uint8"):
        image_data_uri(pixels.astype(np.uint16))


@pytest.mark.browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_page_in_a_browser(open_page: Callable[..., Any], tmp_path: Path, dark: bool) -> None:
    opened = open_page(_page().write(tmp_path / "page.html"), width=390, dark=dark)
    assert (opened.errors, opened.requests, opened.overflow) == ([], [], 0)
    background = opened.page.evaluate("getComputedStyle(document.body).backgroundColor")
    red = int(re.findall(r"\d+", background)[0])
    assert (red < 60) is dark


@pytest.mark.browser
def test_tables_sort_and_filter(open_page: Callable[..., Any], tmp_path: Path) -> None:
    page = open_page(_page().write(tmp_path / "page.html")).page
    names = "() => [...document.querySelectorAll('tbody tr td:first-child')].map(c => c.innerText)"
    assert page.evaluate(names)[:2] == ["row 0", "row 1"]
    assert len(page.evaluate(names)) == 200
    page.click("th:nth-child(2) button")
    assert page.evaluate(names)[0] == "row 249"  # the largest first
    page.click("th:nth-child(2) button")
    assert page.evaluate(names)[0] == "row 1"
    page.click("button.more")
    assert page.evaluate(names)[-2:] == ["row 0", EVIL]  # without a number they come last
    page.fill("input[type=search]", "row n11")
    assert len(page.evaluate(names)) == 11
    assert page.inner_text("output") == "11 of 251"
