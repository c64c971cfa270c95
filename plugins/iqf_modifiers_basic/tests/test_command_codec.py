"""Coders that are programs: what they are given, what is measured, how they fail."""

from __future__ import annotations

import json
import shlex
import sys
import time
import zlib

import numpy as np
import pytest
from iqf_modifiers_basic.codecs.command import CommandCodec
from numpy.testing import assert_array_equal

from iqf_core.api import ConfigurationError, IQFError, open_dataset, write_image
from iqf_core.components.parameters import validate
from iqf_core.components.specification import parse_specification
from iqf_core.imaging.image import Image
from iqf_core.modification.chain import Chain
from iqf_core.modification.engine import modify_dataset
from iqf_core.plugins.manager import PluginManager
from iqf_core.testing import ModifierConformance, make_image

COPY = {"name": "copy", "encoder": "cp {input} {encoded}", "decoder": "cp {encoded} {output}"}

ZLIB = """
import sys, zlib
mode, source, target = sys.argv[1:4]
data = open(source, "rb").read()
open(target, "wb").write(zlib.compress(data, 9) if mode == "c" else zlib.decompress(data))
"""
#: Halves 16-bit little-endian samples `setting` times: near-lossless.
SHIFT = """
import sys, array
mode, source, target, shift = sys.argv[1:5]
samples = array.array("H", open(source, "rb").read())
moved = [v >> int(shift) if mode == "c" else v << int(shift) for v in samples]
open(target, "wb").write(array.array("H", moved).tobytes())
"""


class TestCommand(ModifierConformance):
    component = "command"
    parameter_sets = ({**COPY, "max_error_dn": 0},)
    invalid_pixels_bleed = True


@pytest.fixture
def script(tmp_path):
    """Write a Python program and return the start of its command line."""

    def script(text, name="coder.py"):
        path = tmp_path / name
        path.write_text(text)
        return f"{shlex.quote(sys.executable)} {shlex.quote(str(path))}"

    return script


def coded(image, **params):
    coder = CommandCodec(validate(CommandCodec.Params, params, "modifier/command"))
    reason = coder.supports(image.dtype, image.bands)
    assert reason is None, reason
    return coder.modify(image, None, None)


def test_the_size_is_that_of_the_encoded_file(script):
    program = script(ZLIB)
    image = make_image(50, 60, 3, "uint16")
    result = coded(
        image,
        name="zlib",
        encoder=f"{program} c {{input}} {{encoded}}",
        decoder=f"{program} d {{encoded}} {{output}}",
        max_error_dn=0,
    )
    by_band = image.pixels.transpose(2, 0, 1).tobytes()
    assert result.nbytes == len(zlib.compress(by_band, 9))
    assert_array_equal(result.image.pixels, image.pixels)


@pytest.mark.parametrize(
    ("layout", "axes"), [("raw_bsq", (2, 0, 1)), ("raw_bil", (0, 2, 1)), ("raw_bip", (0, 1, 2))]
)
@pytest.mark.parametrize(("order", "dtype"), [("little", "<u2"), ("big", ">u2")])
def test_raw_samples_lie_as_their_format_says(script, tmp_path, layout, axes, order, dtype):
    seen = tmp_path / "seen"
    keep = script(
        "import sys, shutil; [shutil.copy(sys.argv[1], target) for target in sys.argv[2:]]"
    )
    image = make_image(7, 9, 5, "uint16")
    result = coded(
        image,
        name="keep",
        encoder=f"{keep} {{input}} {{encoded}} {shlex.quote(str(seen))}",
        decoder=COPY["decoder"],
        format=layout,
        byte_order=order,
        max_error_dn=0,
    )
    assert seen.read_bytes() == image.pixels.transpose(axes).astype(dtype).tobytes()
    assert result.nbytes == image.pixels.nbytes
    assert_array_equal(result.image.pixels, image.pixels)


@pytest.mark.parametrize(
    ("kind", "bands", "dtype", "peak"),
    [
        ("pgm", 1, "uint8", 255),
        ("pgm", 4, "uint16", 4095),
        ("pgm", 2, "uint16", 200),
        ("png", 1, "uint16", 4095),
        ("png", 3, "uint8", 255),
        ("png", 4, "uint16", 65535),
        ("tiff", 7, "uint16", 16383),
        ("tiff", 2, "float32", 1),
        ("raw_bil", 3, "float32", 1),
    ],
)
def test_every_format_brings_the_samples_back(kind, bands, dtype, peak):
    image = make_image(20, 31, bands, dtype, peak=peak)
    result = coded(image, **COPY, format=kind, max_error_dn=0)
    assert result.image.pixels.tobytes() == image.pixels.tobytes()


def test_a_pgm_file_declares_the_bit_depth_and_each_band_is_coded(script, tmp_path):
    log = tmp_path / "log"
    say = script(
        "import sys, shutil\n"
        "shutil.copy(sys.argv[1], sys.argv[2])\n"
        "open(sys.argv[3], 'ab').write(open(sys.argv[1], 'rb').read(14) + b'|')\n"
    )
    image = make_image(20, 31, 3, "uint16")
    result = coded(
        image,
        name="say",
        encoder=f"{say} {{input}} {{encoded}} {shlex.quote(str(log))}",
        decoder=COPY["decoder"],
        format="pgm",
        max_error_dn=0,
    )
    header = b"P5\n31 20\n4095\n"
    assert log.read_bytes() == 3 * (header + b"|")
    assert result.nbytes == 3 * (len(header) + 20 * 31 * 2)


def test_placeholders_describe_the_samples(script, tmp_path):
    log = tmp_path / "log.json"
    say = script(
        "import sys, json, shutil\n"
        "shutil.copy(sys.argv[1], sys.argv[2])\n"
        "json.dump(sys.argv[4:], open(sys.argv[3], 'w'))\n"
    )
    coded(
        make_image(20, 31, 5, "uint16", peak=1023),
        name="say",
        encoder=[
            *shlex.split(say),
            *("{input}", "{encoded}", str(log), "{width}x{height}x{bands}", "--bits={bits}"),
            *("{bytes_per_sample}", "{dtype}", "-r {setting}", "$HOME; `rm *`"),
        ],
        decoder=COPY["decoder"],
        setting=0.5,
    )
    told = json.loads(log.read_text())
    assert told == ["31x20x5", "--bits=10", "2", "uint16", "-r 0.5", "$HOME; `rm *`"]


def test_a_setting_makes_a_grid_and_a_bound_is_verified(script):
    program = script(SHIFT)
    image = make_image(20, 31, 2, "uint16")
    params = {
        "name": "shift",
        "encoder": f"{program} c {{input}} {{encoded}} {{setting}}",
        "decoder": f"{program} d {{encoded}} {{output}} {{setting}}",
    }
    for setting in (1, 3):
        result = coded(image, **params, setting=setting, max_error_dn=2**setting - 1)
        assert_array_equal(result.image.pixels, image.pixels >> setting << setting)
    with pytest.raises(IQFError, match="errors of at most 3, and a decoded sample differs by 7"):
        coded(image, **params, setting=3, max_error_dn=3)
    with pytest.raises(IQFError, match=r"lossless, and \d+ of 1240 decoded samples differ"):
        coded(image, **params, setting=3, max_error_dn=0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"encoder": "no-such-program {input} {encoded}"}, "encoder 'no-such-program' cannot be"),
        ({"encoder": "FAIL {input} {encoded}"}, r"ended with exit code 3: bits\? what bits\?"),
        ({"decoder": "FAIL {encoded} {output}"}, "decoder .* ended with exit code 3"),
        ({"encoder": "true {input} {encoded}"}, r"encoder of copy left no file \{encoded\}"),
        ({"decoder": "true {encoded} {output}"}, r"decoder left no file \{output\}"),
        ({"decoder": "cp /etc/hostname {output} {encoded}"}, "ended with exit code 1"),
        ({"decoder": "dd count=1 bs=100 if={encoded} of={output}"}, "wrote 100 bytes, expected"),
        ({"decoder": "dd count=1 bs=100 if={encoded} of={output}", "format": "png"}, "no PNG file"),
        ({"decoder": "dd count=1 bs=100 if={encoded} of={output}", "format": "pgm"}, "ends early"),
        ({"decoder": "cp {input} {output} {encoded}"}, "ended with exit code 1"),
    ],
)
def test_a_program_that_fails_is_one_clear_line(script, change, says):
    fail = script("import sys; print('bits? what bits?'); sys.exit(3)")
    params = {**COPY, **change}
    for role in ("encoder", "decoder"):
        params[role] = params[role].replace("FAIL", fail)
    with pytest.raises(IQFError, match=says) as caught:
        coded(make_image(20, 31, 3), **params)
    assert "\n" not in str(caught.value)


def test_a_program_that_takes_too_long_is_ended_with_its_children(script, tmp_path):
    alive = tmp_path / "alive"
    slow = script(
        "import subprocess, sys, time\n"
        "child = f'import time; time.sleep(1.5); open({sys.argv[1]!r}, \"w\")'\n"
        "subprocess.Popen([sys.executable, '-c', child])\n"
        "time.sleep(60)\n"
    )
    begun = time.monotonic()
    with pytest.raises(IQFError, match=r"took more than 0\.7 s"):
        coded(
            make_image(8, 8, 1),
            name="slow",
            encoder=f"{slow} {shlex.quote(str(alive))} {{input}} {{encoded}}",
            decoder=COPY["decoder"],
            timeout_s=0.7,
        )
    assert time.monotonic() - begun < 10
    time.sleep(1.2)
    assert not alive.exists()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"encoder": "cp {input} somewhere"}, r"placeholder \{encoded\} is missing"),
        ({"decoder": "cp a b"}, r"\{encoded\} and \{output\} is missing"),
        ({"encoder": "cp {input} {encoded} {with}"}, r"unknown placeholder \{with\}; expected"),
        ({"encoder": "cp '{input} {encoded}"}, "[Nn]o closing quotation"),
        ({"encoder": ""}, "encoder"),
        ({"name": ""}, "name"),
        ({"timeout_s": 0}, "timeout_s"),
    ],
)
def test_commands_are_checked_before_any_work(change, says):
    with pytest.raises(ConfigurationError, match=says):
        validate(CommandCodec.Params, {**COPY, **change}, "modifier/command")


@pytest.mark.parametrize(
    ("kind", "dtype", "bands", "says"),
    [
        ("pgm", "float32", 1, "format=pgm holds integers, not float32"),
        ("png", "uint8", 2, "1, 3 or 4 bands, not 2"),
    ],
)
def test_what_a_format_cannot_hold_is_said(kind, dtype, bands, says):
    coder = CommandCodec(CommandCodec.Params(**COPY, format=kind))
    assert says in coder.supports(dtype, bands)


def test_masked_pixels_are_put_back(script):
    program = script(SHIFT)
    pixels = make_image(20, 31, 2, "uint16").pixels.copy()
    mask = np.ones((20, 31), bool)
    mask[:4] = False
    pixels[~mask] = 65535
    result = coded(
        Image(pixels, 4095, mask=mask, nodata=65535),
        name="shift",
        encoder=f"{program} c {{input}} {{encoded}} 4",
        decoder=f"{program} d {{encoded}} {{output}} 4",
    )
    assert (result.image.pixels[~mask] == 65535).all()
    assert_array_equal(result.image.pixels[mask], pixels[mask] >> 4 << 4)


def test_a_dataset_is_coded_by_a_specification_string(script, tmp_path):
    program = script(ZLIB)
    folder = tmp_path / "scenes"
    folder.mkdir()
    write_image(folder / "a.png", make_image(30, 40, 3))
    text = (
        f'command:name=zlib,encoder="{program} c {{input}} {{encoded}}",'
        f'decoder="{program} d {{encoded}} {{output}}",max_error_dn=0'
    )
    manager = PluginManager()
    chain = Chain.resolve([parse_specification(text)], manager.registry)
    dataset = open_dataset(folder, registry=manager.registry)
    copy = modify_dataset(dataset, chain, manager=manager, quiet=True)
    (entry,) = copy.manifest.images
    assert entry.nbytes == copy.manifest.totals.nbytes
    assert 0 < entry.nbytes < 30 * 40 * 3
    assert "name=zlib" in copy.path.name
