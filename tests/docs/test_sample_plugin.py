"""The sample plugin of the author's guide: installed elsewhere, found, tested, and used."""

from __future__ import annotations

import json
import os
import shutil
import site
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLE = Path(__file__).parents[2] / "docs" / "sample_plugin"


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """The interpreter of a throw-away environment with the workspace's packages and the sample."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        pytest.skip("needs uv on PATH")
    folder = tmp_path_factory.mktemp("sample")
    subprocess.run([uv, "venv", "-q", "--python", sys.executable, folder / "venv"], check=True)
    interpreter = folder / "venv" / "bin" / "python"
    packages = _run(interpreter, "-c", "import site; print(site.getsitepackages()[0])").stdout
    lines = [f"import site; site.addsitedir({path!r})\n" for path in site.getsitepackages()]
    Path(packages.strip(), "workspace.pth").write_text("".join(lines))
    source = folder / "source"
    shutil.copytree(SAMPLE, source, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run(
        [uv, "pip", "install", "-q", "--no-deps", "--python", interpreter, source], check=True
    )
    return interpreter


def _run(interpreter, *arguments, **options):
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("IQF_", "PYTEST"))
    }
    done = subprocess.run(
        [interpreter, *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        **options,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def _iqf(interpreter, *arguments, **options):
    return _run(interpreter, "-m", "iqf_core.cli", *arguments, **options).stdout


def test_it_is_found_and_everything_in_it_can_be_imported(python):
    listed = json.loads(_iqf(python, "plugins", "list", "--load", "--json"))
    sample = next(plugin for plugin in listed if plugin["distribution"] == "iqf-sample-optics")
    assert sample["state"] == "loaded"
    assert "all can be imported" in _iqf(python, "plugins", "check")
    assert "half_field_deg" in _iqf(python, "components", "show", "vignetting")
    assert "gives saturated" in _iqf(python, "components", "show", "metric/saturation")


def test_its_own_tests_pass(python, tmp_path):
    shutil.copytree(SAMPLE / "tests", tmp_path / "tests")
    done = _run(
        python, "-m", "pytest", "-q", "--import-mode=importlib", "tests", cwd=tmp_path
    ).stdout
    assert "passed" in done
    assert "skipped" not in done


@pytest.fixture
def photos(tmp_path):
    import cv2
    import numpy as np

    folder = tmp_path / "photos" / "images"
    folder.mkdir(parents=True)
    for name in ("a.png", "b.png"):
        cv2.imwrite(str(folder / name), np.full((40, 60, 3), 200, np.uint8))
    return folder.parent


def test_its_modifier_makes_copies(python, photos, tmp_path):
    import cv2

    record = json.loads(_iqf(python, "modify", photos, "vignetting:half_field_deg=30", "--json"))
    (copy,) = record["copies"]
    assert Path(copy["path"]).name == "photos#vignetting-half_field_deg=30"
    darkened = cv2.imread(str(Path(copy["path"], "images", "a.png")))
    assert darkened[20, 30, 0] == 200
    assert darkened[0, 0, 0] < 200 * 0.6


def test_its_modifier_takes_part_in_a_study(python, photos, tmp_path):
    (tmp_path / "study.yaml").write_text(
        "study: lens\n"
        "datasets: {photos: photos}\n"
        "modifiers: [none, vignetting: {half_field_deg: [10, 30]}, "
        "[vignetting: {half_field_deg: 20}, jpeg: {quality: 50}]]\n"
    )
    runs = json.loads(_iqf(python, "run", tmp_path / "study.yaml", "--json"))
    assert [run["state"] for run in runs] == ["FINISHED"] * 4
    assert [run["params"]["modifier"] for run in runs] == [
        "none",
        "vignetting:half_field_deg=10",
        "vignetting:half_field_deg=30",
        "vignetting:half_field_deg=20 jpeg:quality=50",
    ]
    assert runs[3]["metrics"]["photos.bytes"] > 0
