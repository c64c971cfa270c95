"""Where everything is required, a test that skips fails."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

SKIPS = {
    "inside": "import pytest\ndef test_it():\n    pytest.skip('no reason')\n",
    "marked": "import pytest\n@pytest.mark.skip\ndef test_it(): ...\n",
    "in_fixture": (
        "import pytest\n@pytest.fixture\ndef thing():\n    pytest.skip('no')\n"
        "def test_it(thing): ...\n"
    ),
    "whole_module": "import pytest\npytest.importorskip('no_such_module')\ndef test_it(): ...\n",
    "other_reason_beside_data": (
        "import pytest\n@pytest.mark.shared_data\ndef test_it():\n    pytest.skip('slow')\n"
    ),
}
NEEDS_DATA = "import pytest\n@pytest.mark.shared_data\ndef test_it():\n    assert False\n"
NEEDS_GPU = "import pytest\n@pytest.mark.gpu\ndef test_it():\n    pytest.skip('no GPU')\n"
EXPECTED_FAILURE = "import pytest\n@pytest.mark.xfail\ndef test_it():\n    assert False\n"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with this repository's settings, the sample data beside it."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in ("conftest.py", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    (tmp_path / "shared" / "data").mkdir(parents=True)
    return folder


def outcome(checkout: Path, *sources: str, require_all: bool) -> tuple[int, str]:
    """Run pytest on test modules; return its exit code and its closing line."""
    for number, source in enumerate(sources):
        (checkout / f"test_{number}.py").write_text(source)
    environment = {**os.environ, "IQF_REQUIRE_ALL": "1" if require_all else "0"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, re.sub(r" in .*", "", done.stdout.splitlines()[-1])


def test_every_other_skip_fails_where_everything_is_required(checkout: Path) -> None:
    # What skips before the test itself begins is an error, in pytest's words.
    skips = [source for name, source in SKIPS.items() if name != "whole_module"]
    assert outcome(checkout, *skips, require_all=True) == (1, "2 failed, 2 errors")


def test_a_module_that_skips_as_a_whole_fails_too(checkout: Path) -> None:
    code, line = outcome(checkout, SKIPS["whole_module"], require_all=True)
    assert (code, line) == (2, "1 error")


def test_skips_pass_where_not_everything_is_required(checkout: Path) -> None:
    assert outcome(checkout, *SKIPS.values(), require_all=False) == (0, "5 skipped")


def test_tests_of_missing_sample_data_and_of_a_gpu_may_skip(checkout: Path) -> None:
    shutil.rmtree(checkout.parent / "shared")
    code, line = outcome(checkout, NEEDS_DATA, NEEDS_GPU, EXPECTED_FAILURE, require_all=True)
    assert (code, line) == (0, "2 skipped, 1 xfailed")


def test_tests_of_sample_data_run_where_these_are(checkout: Path) -> None:
    assert outcome(checkout, NEEDS_DATA, require_all=True) == (1, "1 failed")


def test_a_session_without_tests_fails(checkout: Path) -> None:
    code, _ = outcome(checkout, require_all=True)
    assert code == 5


def test_settings_of_the_user_do_not_reach_a_test(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IQF_DISABLE_PLUGINS", "modifiers_basic")
    monkeypatch.setenv("IQF_CACHE_DIR", "/of/the/user")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////of/the/user.db")
    source = (
        "import os\ndef test_it():\n"
        "    names = {n for n in os.environ if n.startswith(('IQF_', 'MLFLOW_'))}\n"
        "    assert names == {'IQF_CACHE_DIR', 'IQF_REQUIRE_ALL'}\n"
        "    assert os.path.isdir(os.environ['IQF_CACHE_DIR'])\n"
    )
    assert outcome(checkout, source, require_all=True) == (0, "1 passed")
