"""What holds for every test: a clean environment, and no silent skips where everything is there.

Under ``IQF_REQUIRE_ALL=1`` a skipped test fails. Only a test of the sample data, where that folder
is missing, and a test of a GPU may skip.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SHARED_DATA = Path(__file__).parent.parent / "shared" / "data"

BROWSERS = ("chromium", "chromium-browser", "google-chrome")

_REQUIRE_ALL = "IQF_REQUIRE_ALL"
_cache = pytest.StashKey[str]()


def pytest_configure(config: pytest.Config) -> None:
    """Let nothing of the user's own settings, tracking or caches reach a test or its children."""
    for name in [name for name in os.environ if name.startswith(("IQF_", "MLFLOW_"))]:
        if name != _REQUIRE_ALL:
            del os.environ[name]
    # Children that write no bytecode compile numpy, pandas and mlflow anew in every process.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["MPLBACKEND"] = "Agg"
    os.environ["IQF_CACHE_DIR"] = config.stash[_cache] = tempfile.mkdtemp(prefix="iqf-test-cache-")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Keep a part of the suite in one process, where output and debuggers work as usual."""
    return None if config.args_source is pytest.Config.ArgsSource.TESTPATHS else 0


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the session's cache."""
    folder = config.stash.get(_cache, "")
    if folder:
        shutil.rmtree(folder, ignore_errors=True)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip the tests of the sample data, and those in a browser, where these are not."""
    if item.get_closest_marker("shared_data") and not SHARED_DATA.is_dir():
        pytest.skip(f"no sample data at {SHARED_DATA}")
    if item.get_closest_marker("browser") and _browser_program() is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip that is not allowed into a failure."""
    report = yield
    expected_failure = hasattr(report, "wasxfail")
    if report.skipped and not expected_failure and not _may_skip(item):
        _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Do the same where a whole module skips, as with ``importorskip`` at its top."""
    report = yield
    if report.skipped:
        _refuse_skip(report)
    return report


@dataclass
class OpenedPage:
    """A page in headless Chromium, and what it complained of or asked the network for.

    Attributes
    ----------
    page
        Playwright's page: query it, click in it, take its screenshot.
    errors
        Console errors, warnings and uncaught exceptions, in order.
    requests
        Addresses asked for, other than the page's own file and data held within it.
    """

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    @property
    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        script = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        return int(self.page.evaluate(script))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """Headless Chromium from the system's packages, started once for all tests that need it."""
    from playwright.sync_api import sync_playwright

    # A container's root may not use Chromium's sandbox; nothing but our own pages is opened.
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=_browser_program(), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., OpenedPage]]:
    """Open a file or an address: ``open_page(path, width=390, dark=True)``; mark ``browser``."""
    contexts = []

    def open_it(
        address: str | Path, *, width: int = 1280, height: int = 900, dark: bool = False
    ) -> OpenedPage:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        contexts.append(context)
        opened = OpenedPage(context.new_page())
        url = address.resolve().as_uri() if isinstance(address, Path) else address
        opened.page.on("pageerror", lambda error: opened.errors.append(str(error)))
        opened.page.on(
            "console",
            lambda message: (
                message.type in ("error", "warning") and opened.errors.append(message.text)
            ),
        )
        opened.page.on(
            "request",
            lambda request: (
                request.url.split("#")[0] == url
                or request.url.startswith(("data:", "blob:"))
                or opened.requests.append(request.url)
            ),
        )
        opened.page.goto(url, wait_until="load")
        return opened

    yield open_it
    for context in contexts:
        context.close()


def _browser_program() -> str | None:
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def _may_skip(item: pytest.Item) -> bool:
    if item.get_closest_marker("shared_data") and not SHARED_DATA.is_dir():
        return True
    return item.get_closest_marker("gpu") is not None


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get(_REQUIRE_ALL) != "1":
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"skipped although {_REQUIRE_ALL}=1 - {reason}"
