"""The examples are complete: their files are those that are documented, and they run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import iqf_core.demo

EXAMPLES = Path(__file__).parents[2] / "examples"
DEMO = Path(iqf_core.demo.__file__).parent


def _run(*arguments, cwd):
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["study.yaml", "train.py", "export_digits.py"])
def test_the_digits_example_is_the_demonstration(name):
    assert (EXAMPLES / "digits_noise" / name).read_bytes() == (DEMO / name).read_bytes()


def test_the_digits_example_can_be_planned(tmp_path):
    study = shutil.copytree(EXAMPLES / "digits_noise", tmp_path / "digits")
    _run("export_digits.py", cwd=study)
    runs = json.loads(_run("-m", "iqf_core.cli", "plan", "study.yaml", "--json", cwd=study))
    assert len(runs) == 28
    assert {run["state"] for run in runs} == {"PLANNED"}


def test_the_photographs_example_runs_and_gives_rates(tmp_path):
    study = shutil.copytree(EXAMPLES / "photograph_rates", tmp_path / "photographs")
    _run("export_photographs.py", cwd=study)
    runs = json.loads(_run("-m", "iqf_core.cli", "run", "study.yaml", "--json", cwd=study))
    assert [run["state"] for run in runs] == ["FINISHED"] * 17
    rates = {run["params"]["modifier"]: run["metrics"].get("photographs.bpppc") for run in runs}
    assert rates["none"] is None
    coarse, fine = rates["jpeg:quality=30"], rates["jpeg:quality=70"]
    assert 0.1 < coarse < fine < 2
    assert rates["blur:sigma_px=1 jpeg:quality=30"] < coarse
    assert rates["jpeg:quality=30,subsampling='444'"] > coarse


def test_the_example_of_super_resolution_can_be_planned(tmp_path):
    study = shutil.copytree(EXAMPLES / "sr_losses", tmp_path / "losses")
    _run("export_photographs.py", cwd=study)
    runs = json.loads(_run("-m", "iqf_core.cli", "plan", "small.yaml", "--json", cwd=study))
    assert len(runs) == 10
    (study / "models").mkdir()
    runs = json.loads(_run("-m", "iqf_core.cli", "plan", "study.yaml", "--json", cwd=study))
    assert len(runs) == 12
