"""The coders' library is an extra: nothing else needs it, and what needs it says so."""

from __future__ import annotations

import subprocess
import sys

import pytest

from iqf_core.api import write_image
from iqf_core.testing import make_image

WITHOUT = "import sys; sys.modules['imagecodecs'] = None; "
IQF = "from iqf_core.cli.main import main; main()"


def run(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "scenes"
    folder.mkdir()
    write_image(folder / "a.png", make_image(30, 40, 3))
    return folder


def test_a_missing_library_is_one_clear_line_before_any_work(images, tmp_path):
    answer = run(WITHOUT + IQF, "modify", images, "jpeg2000:bpppc=1")
    assert answer.returncode == 2
    (line,) = answer.stderr.strip().splitlines()
    assert "needs the library imagecodecs" in line
    assert line.endswith("install it: pip install 'iqf-modifiers-basic[codecs]'")
    assert not [path for path in tmp_path.iterdir() if "jpeg2000" in path.name]


def test_jpeg_and_programs_need_no_library(images):
    answer = run(WITHOUT + IQF, "modify", images, "jpeg:quality=50")
    assert answer.returncode == 0, answer.stderr
    copying = "command:name=copy,encoder='cp {input} {encoded}',decoder='cp {encoded} {output}'"
    answer = run(WITHOUT + IQF, "modify", images, copying)
    assert answer.returncode == 0, answer.stderr
    assert "8 bpppc" in answer.stdout


def test_describing_the_coders_imports_no_library():
    code = (
        "import sys\n"
        "from iqf_core.plugins.manager import PluginManager\n"
        "registry = PluginManager().registry\n"
        "for name in ('jpeg2000', 'htj2k', 'jpeg_ls', 'jpeg_xl', 'webp', 'lerc', 'ccsds121',\n"
        "             'zstd', 'deflate', 'command'):\n"
        "    registry.load('modifier', name)\n"
        "print('imagecodecs' in sys.modules, 'rasterio' in sys.modules)\n"
    )
    answer = run(code)
    assert answer.stdout.split() == ["False", "False"], answer.stderr
