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


def _finished(study):
    """Run a study; return its runs with what was measured of them."""
    _run("-m", "iqf_core.cli", "run", "study.yaml", cwd=study)
    return json.loads(_run("-m", "iqf_core.cli", "results", "study.yaml", "--json", cwd=study))


@pytest.fixture
def detection(tmp_path):
    """A small copy of the study of detection under compression, with its scenes drawn."""
    study = shutil.copytree(EXAMPLES / "detection_vs_compression", tmp_path / "detection")
    text = (study / "study.yaml").read_text()
    for given, small in {
        "quality: [5, 10, 20, 40]": "quality: 10",
        "  - jpeg2000: {bpppc: [0.05, 0.1, 0.2, 0.4]}\n": "",
        "  - quantization: {bits: [1, 2, 3, 4, 5]}\n": "",
        "{epochs: 12}": "{epochs: 1, crop: 64}",
        "repetitions: 3": "repetitions: 1",
    }.items():
        assert given in text
        text = text.replace(given, small)
    (study / "study.yaml").write_text(text)
    _run("generate_scenes.py", "--train", "6", "--val", "4", "--side", "64", cwd=study)
    return study


def test_the_detection_example_runs_and_is_measured(detection):
    runs = _finished(detection)
    assert [run["state"] for run in runs] == ["FINISHED"] * 2
    for run in runs:
        assert 0 <= run["metrics"]["predictions.detection.ap50"] <= 1
        assert run["metrics"]["predictions.detection.images"] == 4
        assert "predictions.detection.coco.ap_0.5-0.95_all" in run["metrics"]
        assert "predictions.detection.ap50_class.plane" in run["metrics"]
        assert ("val.psnr.psnr.mean" in run["metrics"]) == ("quality" in str(run["params"]))
    again = _run(
        *(
            "-m",
            "iqf_core.cli",
            "measure",
            "--study",
            "study.yaml",
            "--metric",
            "detection:iou=box",
        ),
        *("--json",),
        cwd=detection,
    )
    assert len(json.loads(again)["runs"]) == 2


def test_the_scenes_are_the_same_every_time_and_of_the_sizes_that_are_said(detection, tmp_path):
    given = ("--train", "12", "--val", "1", "--side", "128")
    for name in ("one", "two"):
        _run("generate_scenes.py", str(tmp_path / name), *given, cwd=detection)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert len(files) == 15
    for path in files:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()
    document = json.loads((tmp_path / "one" / "train" / "annotations.json").read_text())
    sides = [max(each["bbox"][2:]) for each in document["annotations"]]
    assert len(sides) > 20
    assert 5 < min(sides) < 15 and 25 < max(sides) <= 40
    assert {each["sensor"] for each in document["images"]} == {
        "sharp_colour",
        "soft_colour",
        "panchromatic",
    }


def test_the_detection_example_takes_dota(detection):
    for role in ("train", "val"):
        source = detection / "data" / role
        (detection / "dota").mkdir(exist_ok=True)
        _run(
            *("-m", "iqf_core.cli", "dataset", "convert", str(source)),
            *(str(detection / "dota" / role), "--format", "dota"),
            cwd=detection,
        )
    shutil.rmtree(detection / "data")
    (detection / "dota").rename(detection / "data")
    runs = _finished(detection)
    assert [run["state"] for run in runs] == ["FINISHED"] * 2
    assert all("predictions.detection.ap50" in run["metrics"] for run in runs)


@pytest.mark.shared_data
def test_the_detection_example_takes_photographs(detection):
    photographs = Path(__file__).parents[3] / "shared" / "data" / "coco_photos"
    shutil.rmtree(detection / "data")
    for role in ("train", "val"):
        shutil.copytree(photographs, detection / "data" / role)
    runs = _finished(detection)
    assert [run["state"] for run in runs] == ["FINISHED"] * 2
    assert all(run["metrics"]["predictions.detection.images"] == 10 for run in runs)


def test_the_example_of_super_resolution_can_be_planned(tmp_path):
    study = shutil.copytree(EXAMPLES / "sr_losses", tmp_path / "losses")
    _run("export_photographs.py", cwd=study)
    runs = json.loads(_run("-m", "iqf_core.cli", "plan", "small.yaml", "--json", cwd=study))
    assert len(runs) == 10
    (study / "models").mkdir()
    runs = json.loads(_run("-m", "iqf_core.cli", "plan", "study.yaml", "--json", cwd=study))
    assert len(runs) == 22
