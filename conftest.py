"""What holds for every test: a clean environment, and no silent skips where everything is there.

Under ``IQF_REQUIRE_ALL=1`` a skipped test fails. Only a test of the sample data, where that folder
is missing, and a test of a GPU may skip.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).parent.parent / "shared" / "data"

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


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the session's cache."""
    folder = config.stash.get(_cache, "")
    if folder:
        shutil.rmtree(folder, ignore_errors=True)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip the tests of the sample data where these are not."""
    if item.get_closest_marker("shared_data") and not SHARED_DATA.is_dir():
        pytest.skip(f"no sample data at {SHARED_DATA}")


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
