"""The README says what is true: its commands, its modifier, its study, its links."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from iqf_core.plugins.manager import PluginManager
from iqf_core.testing.modifiers import ModifierConformance

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(language, start):
    (found,) = [
        text for text in re.findall(rf"```{language}\n(.*?)```", README, re.S) if start in text
    ]
    return found


@pytest.fixture(scope="session")
def vignette_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("readme") / "vignette.py"
    file.write_text(block("python", "class Vignette"), encoding="utf-8")
    return file


class TestVignette(ModifierConformance):
    component = "vignette"
    parameter_sets = [{"strength": 0.5}, {"strength": 1}]

    @pytest.fixture
    def registry(self, vignette_file):
        return PluginManager(files=[vignette_file]).registry

    def test_works_in_another_process(self, vignette_file, tmp_path):
        images = tmp_path / "images"
        images.mkdir()
        for number in range(4):
            cv2.imwrite(str(images / f"{number}.png"), np.full((40, 60, 3), 200, np.uint8))
        command = [sys.executable, "-m", "iqf_core.cli", "--plugin-file", str(vignette_file)]
        command += ["modify", str(images), "vignette:strength=0.3..0.9/3"]
        subprocess.run(command, check=True, cwd=tmp_path, capture_output=True)
        assert len(list(tmp_path.glob("images#vignette-strength=*"))) == 3


def test_the_modifier_darkens_the_corners_as_it_says(vignette_file, iqf_context):
    from iqf_core.api import Image

    registry = PluginManager(files=[vignette_file]).registry
    modifier = registry.create("modifier", "vignette", {"strength": 0.5}, iqf_context)
    image = Image(np.full((201, 201, 1), 200, np.uint8), peak=255)
    darker = modifier.modify(image, None, iqf_context.at((0, 0), image.shape)).pixels[..., 0]
    for place, expected in {(100, 100): 200, (0, 0): 100, (100, 0): 150}.items():
        assert int(darker[place]) == pytest.approx(expected, abs=1.5)
    assert len(block("python", "class Vignette").splitlines()) <= 30


def test_the_study_is_the_demonstrations():
    shown = block("yaml", "digits-noise").strip()
    assert shown in (ROOT / "iqf_core/demo/study.yaml").read_text(encoding="utf-8")


def test_the_test_command_is_the_one_that_ci_runs():
    assert "uv run --all-groups pytest" in README
    assert "run --all-groups pytest" in (ROOT / ".ci/run").read_text(encoding="utf-8")


def test_every_link_leads_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]
