"""The code in the pages does what the pages say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

DOCS = Path(__file__).parents[2] / "docs"


def _blocks(page, language):
    text = (DOCS / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)


def _block(page, language, containing):
    (found,) = [block for block in _blocks(page, language) if containing in block]
    return found


def _run(*arguments, cwd):
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def folder(tmp_path):
    """A folder with the datasets data/train and data/val."""
    pixels = np.random.default_rng(0).integers(50, 200, (32, 48, 3)).astype(np.uint8)
    for role in ("train", "val"):
        images = tmp_path / "data" / role / "images"
        images.mkdir(parents=True)
        for name in ("a.png", "b.png"):
            cv2.imwrite(str(images / name), pixels)
    return tmp_path


def test_the_first_component_file_works(folder):
    (folder / "dead_columns.py").write_text(
        _block("plugins/index.md", "python", "class DeadColumns")
    )
    given = ("-m", "iqf_core.cli", "--plugin-file", "dead_columns.py")
    record = json.loads(
        _run(*given, "modify", "data/val", "dead_columns:every=16|8", "--json", cwd=folder)
    )
    copies = [Path(copy["path"]) for copy in record["copies"]]
    assert [copy.name for copy in copies] == [
        "val#dead_columns-every=16",
        "val#dead_columns-every=8",
    ]
    dead = cv2.imread(str(copies[1] / "images" / "a.png"))
    assert not dead[:, ::8].any()
    assert dead[:, 1::8].all()


def test_the_component_file_in_a_study_works(folder):
    test_the_first_component_file_works(folder)
    given = _block("plugins/index.md", "yaml", "components: [./dead_columns.py]")
    (folder / "study.yaml").write_text(f"study: dead\ndatasets: {{val: data/val}}\n{given}")
    runs = json.loads(_run("-m", "iqf_core.cli", "plan", "study.yaml", "--json", cwd=folder))
    assert [run["modifier"] for run in runs] == [
        "none",
        "dead_columns:every=8",
        "dead_columns:every=16",
    ]


def test_modifying_from_python_works(folder):
    (folder / "example.py").write_text(_block("guide/modifying.md", "python", "modify_dataset("))
    printed = _run("example.py", cwd=folder)
    assert "val#blur-sigma_px=1" in printed
    assert printed.split()[-1] == "False"


def test_measuring_from_python_works(folder):
    (folder / "example.py").write_text(_block("guide/measuring.md", "python", "measure_dataset("))
    assert "snr noise_sigma" in _run("example.py", cwd=folder)


def test_the_metrics_in_the_study_file_are_understood(folder):
    (folder / "train.py").write_text("")
    listed = _block("guide/study-file.md", "yaml", "on: generated")
    listed = listed[: listed.index("  - detection_map")]  # of no plugin here
    (folder / "study.yaml").write_text(
        "study: measured\ndatasets: {train: data/train, val: data/val}\n"
        f"task: {{python_script: {{path: train.py}}}}\n{listed}"
    )
    assert json.loads(_run("-m", "iqf_core.cli", "plan", "study.yaml", "--json", cwd=folder))


def test_the_study_file_has_as_many_runs_as_the_page_says(folder):
    (folder / "study.yaml").write_text(_blocks("guide/study-file.md", "yaml")[0])
    (folder / "train.py").write_text("")
    runs = json.loads(_run("-m", "iqf_core.cli", "plan", "study.yaml", "--json", cwd=folder))
    assert len({run["modifier"] for run in runs}) == 9
    assert len(runs) == 27


def test_every_key_of_a_study_file_is_documented():
    from iqf_core.experiments.study_file import (
        ResourceSettings,
        TrackingSettings,
        _StudyModel,
    )

    text = (DOCS / "guide" / "study-file.md").read_text()
    documented = set(re.findall(r"^\| \[?`(\w+)`", text, re.M))
    keys = {field.alias or name for name, field in _StudyModel.model_fields.items()}
    keys |= {*ResourceSettings.model_fields, *TrackingSettings.model_fields}
    assert documented >= keys


def test_every_key_of_iqf_yaml_is_documented():
    from iqf_core.datasets.properties import DatasetProperties

    text = (DOCS / "guide" / "datasets.md").read_text()
    documented = set(re.findall(r"^\| `(\w+)`", text, re.M))
    assert documented >= set(DatasetProperties.model_fields)


def test_every_state_of_a_run_is_documented():
    from iqf_core.experiments.running.states import RunState

    text = (DOCS / "guide" / "studies.md").read_text()
    assert {f"`{state}`" for state in RunState} <= set(re.findall(r"^\| (`\w+`) \|", text, re.M))


def test_pages_of_a_plugin_are_made_as_the_guide_says(tmp_path):
    (tmp_path / "example.py").write_text(_block("guide/report.md", "python", "HtmlPage("))
    _run("example.py", cwd=tmp_path)
    text = (tmp_path / "airports.html").read_text()
    assert "b &lt;&amp;&gt; c.png" in text
    assert "<svg" in text
