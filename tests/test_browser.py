"""The fixture that opens pages sees what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

WRONG = """<!doctype html><title>page</title><div style="width:2000px">wide</div>
<script>console.error("broken")</script><img src="http://127.0.0.1:9/absent.png">"""
RIGHT = """<!doctype html><title>page</title>
<img alt="" src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">
<script>
const dark = matchMedia("(prefers-color-scheme: dark)").matches
document.title = dark ? "dark" : "light"
</script>
"""


def test_errors_requests_and_overflow_are_seen(
    open_page: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "page.html").write_text(WRONG)
    opened = open_page(tmp_path / "page.html", width=390)
    assert "broken" in opened.errors
    assert opened.requests == ["http://127.0.0.1:9/absent.png"]
    assert opened.overflow > 1600


@pytest.mark.parametrize("dark", [False, True])
def test_a_page_without_faults_has_none(
    open_page: Callable[..., Any], tmp_path: Path, dark: bool
) -> None:
    (tmp_path / "page.html").write_text(RIGHT)
    opened = open_page(tmp_path / "page.html", dark=dark)
    assert (opened.errors, opened.requests, opened.overflow) == ([], [], 0)
    assert opened.page.title() == ("dark" if dark else "light")
