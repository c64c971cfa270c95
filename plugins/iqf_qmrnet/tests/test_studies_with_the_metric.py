"""The metric in a study, and on runs that are past."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

EXAMPLE = Path(__file__).parents[3] / "examples" / "qmrnet"


def iqf(*arguments, cwd):
    """Run the program; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "iqf_core.cli", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def blur_read(folder):
    """Return what the metric reads in the copies of the study, by the modifier."""
    runs = json.loads(iqf("results", "study.yaml", "--json", cwd=folder))
    output = "test.qmrnet.blur_sigma_px.mean"
    return {run["params"]["modifier"]: run["metrics"].get(output) for run in runs}


@pytest.fixture
def folder(tmp_path, make_texture):
    """A folder with a dataset of two sharp pictures, and a study of blurs."""
    images = tmp_path / "data" / "test" / "images"
    images.mkdir(parents=True)
    for seed in (1, 2):
        pixels = np.rint(make_texture(900 + seed, 150) * 255).astype(np.uint8)
        cv2.imwrite(str(images / f"{seed}.png"), pixels)
    study = (
        "study: blurs\ndatasets: {test: data/test}\nmodifiers:\n  - blur: {sigma_px: [1.3, 2]}\n"
    )
    (tmp_path / "study.yaml").write_text(study)
    return tmp_path


def test_a_study_and_its_past_runs_are_measured(folder, blur_model):
    iqf("run", "study.yaml", cwd=folder)
    assert set(blur_read(folder).values()) == {None}
    iqf("measure", "--study", "study.yaml", "--metric", f"qmrnet:model={blur_model}", cwd=folder)
    expected = {"blur:sigma_px=1.3": 1.3, "blur:sigma_px=2": 2}
    assert blur_read(folder) == pytest.approx(expected, abs=0.25)


def test_another_model_at_the_same_place_measures_anew(folder, blur_model, two_heads):
    shutil.copytree(blur_model, folder / "model")
    study = folder / "study.yaml"
    study.write_text(study.read_text() + "metrics:\n  - qmrnet: {model: model}\n")
    iqf("run", "study.yaml", cwd=folder)
    first = blur_read(folder)
    assert first == pytest.approx({"blur:sigma_px=1.3": 1.3, "blur:sigma_px=2": 2}, abs=0.25)
    shutil.rmtree(folder / "model")
    shutil.copytree(two_heads, folder / "model")
    iqf("run", "study.yaml", cwd=folder)
    assert blur_read(folder) != first


def test_the_example_runs(tmp_path):
    example = shutil.copytree(EXAMPLE, tmp_path / "example")
    study = (example / "study.yaml").read_text()
    shorter = study.replace("[1.2, 1.5, 1.8, 2.1, 2.4]", "[1.8]").replace(
        "[20, 40, 60, 80]", "[40]"
    )
    assert shorter != study
    (example / "study.yaml").write_text(shorter)
    done = subprocess.run(
        [sys.executable, "run.py", "--crop", "48", "--crops", "600", "--cpu-minutes", "0.3"],
        cwd=example,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "sigma" in done.stdout and "medr" in done.stdout
    for name in ("predicted_against_true.png", "evaluation.png"):
        assert cv2.imread(str(example / name)).shape[1] > 1000
