"""``iqf demo``: the first thing a newcomer runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from iqf_core.demo.writing import write_demo
from iqf_core.errors import IQFError


def iqf(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-m", "iqf_core.cli", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=dict(os.environ),
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The demonstration with fewer points and epochs, which `iqf demo` keeps as they are."""
    place = tmp_path_factory.mktemp("demo") / "iqf-demo"
    study = write_demo(place)
    text = study.read_text()
    text = text.replace("[16, 32, 64, 96, 128]", "[64, 128]").replace("[5, 10, 20, 40]", "[5]")
    text = text.replace("[1, 2, 3, 4]", "[1]").replace("epochs: 20", "epochs: 8")
    study.write_text(text)
    return place


@pytest.fixture(scope="module")
def output(folder):
    done = iqf("demo", cwd=folder.parent)
    assert done.returncode == 0, done.stderr
    return done.stdout


def row(output, label):
    (line,) = [line for line in output.splitlines() if line.startswith(label + " ")]
    numbers = re.findall(r"[\d.]+", line.removeprefix(label))
    return [float(number) for number in numbers]


def test_reading_suffers_from_noise(output):
    runs, reference, *_ = row(output, "none")
    assert runs == 2
    assert reference < row(output, "gaussian_noise:sigma_dn=64")[1]
    assert 1.5 * reference < row(output, "gaussian_noise:sigma_dn=128")[1]


def test_it_leaves_a_plot_a_store_and_what_to_try_next(output, folder):
    assert (folder / "results.png").read_bytes().startswith(b"\x89PNG")
    assert "iqf-demo/results.png" in output
    assert str(folder / "mlflow.db") in output
    commands = [line.strip() for line in output.split("try next:")[1].splitlines() if line.strip()]
    assert len(commands) == 3
    for command in commands:
        words = command.split("#")[0].split()
        assert words[0] == "iqf"
        assert iqf(*words[1:], cwd=folder.parent).returncode == 0, command


def test_the_unmodified_point_stands_at_noise_0(output, folder):
    done = iqf("results", "study.yaml", "--by", "sigma_dn", "--metric", "val_mse", cwd=folder)
    rows = [line.split() for line in done.stdout.splitlines() if re.match(r"\s+\d+ +2 ", line)]
    assert [row[0] for row in rows] == ["0", "64", "128"]


def test_a_second_call_repeats_nothing(output, folder):
    done = iqf("demo", str(folder), cwd=folder.parent)
    assert "0 finished now, 10 before, 0 failed" in done.stdout


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(IQFError, match="holds something else"):
        write_demo(tmp_path)
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_the_data_are_the_digits_with_their_labels(folder):
    import csv

    import cv2
    import numpy as np
    from sklearn.datasets import load_digits

    digits = load_digits()
    with Path(folder, "data", "val", "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 500
    first = cv2.imread(str(folder / "data/val/images" / rows[0]["image_filename"]), -1)
    assert np.array_equal(first, np.round(digits.images[1297] * 255 / 16))
    assert int(rows[0]["digit"]) == digits.target[1297]
