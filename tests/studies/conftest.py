"""Small studies on small images, with scripts that need nothing but the standard library."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from iqf_core.experiments.study import Study
from iqf_core.plugins.manager import PluginManager

#: Reports the mean size of its images, and what it was called with.
SCRIPT = """
import argparse, json, os, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--outputpath", type=pathlib.Path)
parser.add_argument("--trainds", type=pathlib.Path)
parser.add_argument("--valds", type=pathlib.Path)
parser.add_argument("--rate", type=float, default=0)
parser.add_argument("--seed", type=int)
options = parser.parse_args()
with open(os.environ["CALLS"], "a") as calls:
    calls.write(f"{options.trainds.name} {options.rate} {os.environ['IQF_REPETITION']}\\n")
sizes = [path.stat().st_size for path in sorted((options.trainds / "images").iterdir())]
results = {"size": sum(sizes) / len(sizes), "zero": 0, "curve": [3.0, 2.0, 1.0]}
(options.outputpath / "results.json").write_text(json.dumps(results))
(options.outputpath / "model.bin").write_bytes(b"weights")
print("hello from the script")
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A study folder with two datasets and a script, in which scripts count their calls."""
    import cv2

    generator = np.random.default_rng(7)
    for role, count in (("train", 3), ("val", 2)):
        images = tmp_path / "data" / role / "images"
        images.mkdir(parents=True)
        names = [f"{role}_{index}.png" for index in range(count)]
        for name in names:
            cv2.imwrite(str(images / name), generator.integers(0, 256, (24, 32, 3), np.uint8))
        with (images.parent / "labels.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["file", "label"], *([name, 1] for name in names)])
    (tmp_path / "train.py").write_text(SCRIPT)
    monkeypatch.setenv("CALLS", str(tmp_path / "calls.txt"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


@pytest.fixture(scope="session")
def manager() -> PluginManager:
    """The installed plugins."""
    return PluginManager()


@pytest.fixture
def make_study(folder: Path, manager: PluginManager) -> Callable[..., Study]:
    """Make a study in ``folder``; fields override those of a small default."""

    def make(**fields) -> Study:
        given = {
            "study": "sizes",
            "datasets": {"train": "data/train", "val": "data/val"},
            "modifiers": ["none", "quantization:bits=1|2"],
            "task": {"python_script": {"path": "train.py"}},
            "executor": "serial",
            **fields,
        }
        return Study(**given, folder=folder, manager=manager)

    return make


@pytest.fixture
def calls(folder: Path) -> Callable[[], list[str]]:
    """What the script was called with so far."""

    def read() -> list[str]:
        path = folder / "calls.txt"
        return path.read_text().splitlines() if path.exists() else []

    return read


@pytest.fixture
def iqf(folder: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the program in the study's folder."""

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "iqf_core.cli", *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            env=dict(os.environ),
            check=False,
        )

    return call
