"""A network from elsewhere trains, and is applied, with the same commands."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from click.testing import Result

from iqf_core.api import PluginManager, read_image

GUIDE = Path(__file__).parents[3] / "docs" / "guide" / "super-resolution.md"


def test_the_network_of_the_guide_trains_and_enlarges(
    photographs: Path, tmp_path: Path, run: Callable[..., Any], iqf: Callable[..., Result]
) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```", GUIDE.read_text(), re.M | re.S)
    file = tmp_path / "tiny.py"
    file.write_text(code)
    plugins = PluginManager.create(environment={}, files=[file])
    run(photographs, tmp_path / "m", plugins=plugins, model="tiny:features=8", steps=4)
    done = iqf(
        *("--plugin-file", file, "sr", "upscale", tmp_path / "m", photographs / "0.png"),
        *("--out", tmp_path / "up"),
    )
    assert done.exit_code == 0, done.output
    assert read_image(tmp_path / "up" / "0.png").shape == (144, 192, 3)
    done = iqf("sr", "upscale", tmp_path / "m", photographs / "0.png", "--out", tmp_path / "no")
    assert done.exit_code == 2
    assert "no network named 'tiny'" in done.output
