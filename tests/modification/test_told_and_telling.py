"""What modifiers are told of the images, what they say about them, and whom they leave out."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from iqf_core.components.specification import parse_specification
from iqf_core.datasets.dataset import open_dataset
from iqf_core.errors import DatasetError, IQFError
from iqf_core.imaging.writing import write_image
from iqf_core.modification.chain import Chain
from iqf_core.modification.engine import modify_dataset
from iqf_core.modification.manifest import read_manifest
from iqf_core.plugins.discovery import Selection
from iqf_core.plugins.manager import PluginManager
from iqf_core.testing import make_image

MODIFIERS = '''
from iqf_core.components.modifier import Modifier
from iqf_core.components.parameters import Params as Base
from iqf_core.components.parameters import parameter
from iqf_core.errors import LeftOutError


class Needs(Modifier):
    """Wants a stated SNR of at least so much."""

    class Params(Base):
        snr: float = parameter(description="at least", unit="", example=10)
        keep: bool = parameter(False, description="keep the others")

    def prepare(self, reader, context):
        context.note(f"stated {sorted(context.properties)}")
        if reader.read().pixels.max() < 120:
            if not self.params.keep:
                raise LeftOutError("too dark")
            context.note("too dark, kept")
        return context.properties.get("snr")

    def modify(self, image, state, context):
        if state != self.params.snr:
            return image.with_pixels(image.pixels * 0)
        return image


class Darken(Modifier):
    """Changes the image by so much."""

    identity = {"by_dn": 0}

    class Params(Base):
        by_dn: int = parameter(description="less", unit="DN", example=1)

    def modify(self, image, state, context):
        return image.with_pixels(image.pixels - image.pixels.dtype.type(self.params.by_dn))
'''


@pytest.fixture
def manager(tmp_path: Path) -> PluginManager:
    file = tmp_path / "told.py"
    file.write_text(MODIFIERS)
    return PluginManager(files=[file])


@pytest.fixture
def fields(tmp_path: Path) -> Path:
    folder = tmp_path / "fields"
    (folder / "images").mkdir(parents=True)
    bright = make_image(20, 30)
    write_image(folder / "images" / "bright.png", bright)
    write_image(folder / "images" / "dark.png", bright.with_pixels(bright.pixels // 4))
    (folder / "iqf.yaml").write_text("snr: 42\nrer: 0.5\nbands: [a, b, c]\n")
    return folder


def modified(manager: PluginManager, folder: Path, *texts: str, **options):
    chain = Chain.resolve([parse_specification(text) for text in texts], manager.registry)
    dataset = open_dataset(folder, registry=manager.registry)
    return modify_dataset(dataset, chain, manager=manager, quiet=True, **options)


def test_a_modifier_sees_what_is_stated_and_its_notes_are_kept(manager, fields):
    copy = modified(manager, fields, "needs:snr=42,keep=true")
    bright, dark = read_manifest(copy.path).images
    assert bright.notes == ("stated ['bands', 'params', 'rer', 'snr']",)
    assert dark.notes[1:] == ("too dark, kept",)
    assert (bright.file_bytes, dark.file_bytes) == (
        (copy.path / "images" / "bright.png").stat().st_size,
        (copy.path / "images" / "dark.png").stat().st_size,
    )


def test_what_was_stated_of_the_original_does_not_hold_behind_a_modifier(manager, fields):
    behind = modified(manager, fields, "darken:by_dn=1", "needs:snr=42,keep=true")
    assert behind.manifest.images[0].notes == ("stated ['bands', 'params']",)
    nothing = modified(manager, fields, "darken:by_dn=0", "needs:snr=42,keep=true")
    assert "snr" in nothing.manifest.images[0].notes[0]


@pytest.mark.parametrize("workers", [1, 2])
def test_an_image_that_a_modifier_leaves_out_is_not_in_the_copy(manager, fields, workers):
    for reused in (False, True):
        copy = modified(manager, fields, "needs:snr=42", workers=workers)
        assert copy.reused == reused
        assert [path.name for path in (copy.path / "images").iterdir()] == ["bright.png"]
        (skipped,) = copy.manifest.skipped
        assert (skipped.name, skipped.reason, skipped.left_out) == ("dark.png", "too dark", True)
        assert copy.manifest.totals.skipped == 1


def test_a_modifier_that_leaves_out_every_image_makes_no_copy(manager, fields):
    (fields / "images" / "bright.png").unlink()
    with pytest.raises(DatasetError, match=r"leaves out every image, such as dark\.png: too dark"):
        modified(manager, fields, "needs:snr=42")
    assert not list(fields.parent.glob("fields#*"))


def test_windows_leave_out_and_tell_alike(manager, fields, monkeypatch):
    monkeypatch.setattr("iqf_core.modification.images.LARGE_IMAGE_SAMPLES", 100)
    copy = modified(manager, fields, "needs:snr=42")
    assert [image.old_name for image in copy.manifest.images] == ["bright.png"]
    assert copy.manifest.images[0].notes == ("stated ['bands', 'params', 'rer', 'snr']",)
    assert not (copy.path / "images" / "dark.png").exists()


def iqf(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "iqf_core.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_iqf_modify_takes_the_initial_snr_from_the_dataset(fields: Path):
    answer = iqf("modify", fields, "snr:target=10")
    assert answer.returncode == 0, answer.stderr
    unreachable = iqf("modify", fields, "snr:target=50")
    assert unreachable.returncode == 2
    assert "an SNR of 42, below 50" in unreachable.stderr
    kept = iqf("modify", fields, "snr:target=50,on_unreachable=keep")
    assert kept.returncode == 0
    assert "bright.png: kept as it is: band 1 of 3 has an SNR of 42, below 50" in kept.stdout


def test_without_an_initial_value_the_ways_to_give_one_are_said(fields: Path, manager):
    (fields / "iqf.yaml").unlink()
    only = Selection(only=frozenset({"core", "modifiers_basic"}))
    manager = PluginManager(files=manager.files, selection=only)
    with pytest.raises(IQFError, match=r"initial=NUMBER.*iqf\.yaml.*'sharpness'"):
        modified(manager, fields, "rer:target=0.3")
