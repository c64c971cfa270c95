"""Any coder that exists as a pair of programs."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import field_validator

from iqf_core.api import IQFError, parameter
from iqf_core.api import Params as BaseParams
from iqf_modifiers_basic.codecs import interchange
from iqf_modifiers_basic.codecs.coding import Codec, Coded, Samples, by_band
from iqf_modifiers_basic.codecs.interchange import ByteOrder, Format

_PLACEHOLDER = re.compile(r"\{(\w+)\}")
_NAMES = (
    "input",
    "encoded",
    "output",
    "width",
    "height",
    "bands",
    "bits",
    "bytes_per_sample",
    "dtype",
    "setting",
)
_DESCRIPTION = "program and arguments, no shell; placeholders "


class CommandCodec(Codec):
    """Code with a program, decode with another, and measure the file between them.

    For coders that exist as programs, such as the implementations of CCSDS 122.0 and 123.0. The
    samples are written to ``{input}`` in the interchange format, the encoder writes ``{encoded}``,
    whose size in bytes is the rate, and the decoder writes ``{output}`` in the interchange format.
    ``{width}``, ``{height}``, ``{bands}``, ``{bits}`` (the bit depth of the peak),
    ``{bytes_per_sample}`` and ``{dtype}`` describe the samples, and ``{setting}`` is the parameter
    of that name, for grids over it. Arguments go as a list, never through a shell.

    The interchange formats are raw samples, band by band (``raw_bsq``), row by row with the bands
    of each row (``raw_bil``) or pixel by pixel (``raw_bip``); binary PGM, which knows the bit depth
    and holds one band: the programs run for each, and the sizes are added up; PNG and uncompressed
    TIFF.

    With ``max_error_dn`` every image is verified: 0 for a lossless coder. Programs belong to no
    distribution that IQF knows: raise ``program_version`` when they change, so that copies are
    made anew.
    """

    version = "1"
    dtypes = ("uint8", "uint16", "float32")

    class Params(BaseParams):
        """Parameters of the coder."""

        name: str = parameter(
            description="what the coder is called, in names and legends",
            example="copy",
            min_length=1,
        )
        encoder: str = parameter(
            description=_DESCRIPTION + "{input} and {encoded}", example="cp {input} {encoded}"
        )
        decoder: str = parameter(
            description=_DESCRIPTION + "{encoded} and {output}", example="cp {encoded} {output}"
        )
        format: Format = parameter("raw_bsq", description="of {input} and {output}")
        byte_order: ByteOrder = parameter("little", description="of raw samples")
        setting: int | float | str | None = parameter(
            None, description="what {setting} stands for", unit="", example=2
        )
        max_error_dn: float | None = parameter(
            None,
            description="largest error that the coder promises; 0 for lossless; left out, any",
            unit="DN",
            example=0,
            ge=0,
        )
        timeout_s: float = parameter(
            600, description="time that one program may take", unit="s", gt=0
        )
        program_version: str = parameter("", description="of the programs; enters the fingerprint")

        @field_validator("encoder", "decoder", mode="before")
        @classmethod
        def _as_text(cls, value: object) -> object:
            if isinstance(value, list | tuple) and all(isinstance(each, str) for each in value):
                return shlex.join(value)
            return value

        @field_validator("encoder")
        @classmethod
        def _encodes(cls, value: str) -> str:
            return _checked(value, "input", "encoded")

        @field_validator("decoder")
        @classmethod
        def _decodes(cls, value: str) -> str:
            return _checked(value, "encoded", "output")

    @property
    def largest_error(self) -> float | None:
        """What the coder promises."""
        return None if self.params.max_error_dn is None else float(self.params.max_error_dn)

    def supports(self, dtype: str, bands: int) -> str | None:
        """Return why files of the interchange format cannot hold such images."""
        return interchange.unsupported(self.params.format, dtype, bands) or super().supports(
            dtype, bands
        )

    def code(self, samples: Samples) -> Coded:
        """Encode and decode."""
        if self.params.format != "pgm":
            return self._run_both(samples)

        def code_band(band: NDArray[Any]) -> tuple[NDArray[Any], int]:
            coded = self._run_both(Samples(band[:, :, np.newaxis], samples.bits))
            return coded.pixels, coded.nbytes

        return by_band(samples, code_band)

    def _run_both(self, samples: Samples) -> Coded:
        params = self.params
        suffix = interchange.SUFFIXES[params.format]
        with tempfile.TemporaryDirectory(prefix="iqf-command-") as name:
            folder = Path(name)
            files = {
                "input": folder / f"input{suffix}",
                "encoded": folder / "encoded.bin",
                "output": folder / f"output{suffix}",
            }
            height, width, bands = samples.shape
            values = {
                **{key: str(path) for key, path in files.items()},
                "width": str(width),
                "height": str(height),
                "bands": str(bands),
                "bits": str(samples.bits),
                "bytes_per_sample": str(samples.pixels.itemsize),
                "dtype": str(samples.pixels.dtype),
                "setting": "" if params.setting is None else str(params.setting),
            }
            interchange.write(files["input"], samples, params.format, params.byte_order)
            _run("encoder", _filled(params.encoder, values), params.timeout_s)
            if not files["encoded"].is_file() or not files["encoded"].stat().st_size:
                raise IQFError(f"the encoder of {params.name} left no file {{encoded}}")
            files["input"].unlink(missing_ok=True)  # no decoder may peep
            _run("decoder", _filled(params.decoder, values), params.timeout_s)
            pixels = interchange.read(files["output"], samples, params.format, params.byte_order)
            return Coded(pixels, files["encoded"].stat().st_size)


def _checked(command: str, *needed: str) -> str:
    """Return `command` when it can be split and names what it has to.

    Raises
    ------
    ValueError
        If not.
    """
    arguments = shlex.split(command)  # a ValueError where quotes do not match
    used = set(_PLACEHOLDER.findall(command))
    if not arguments:
        raise ValueError("a program and its arguments are expected")
    unknown = sorted(used - set(_NAMES))
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in _NAMES)
        raise ValueError(f"unknown placeholder {{{unknown[0]}}}; expected {known}")
    missing = [f"{{{name}}}" for name in needed if name not in used]
    if missing:
        raise ValueError(f"the placeholder {' and '.join(missing)} is missing")
    return command


def _filled(command: str, values: dict[str, str]) -> list[str]:
    return [
        _PLACEHOLDER.sub(lambda found: values[found.group(1)], argument)
        for argument in shlex.split(command)
    ]


def _run(role: str, arguments: list[str], timeout_s: float) -> None:
    """Run a program to its end.

    Raises
    ------
    IQFError
        If it cannot be started, takes too long or fails; with the last line it said.
    """
    program = arguments[0]
    try:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that its children end with it
        )
    except OSError as error:
        raise IQFError(f"the {role} {program!r} cannot be started: {error.strerror}") from None
    try:
        said, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        raise IQFError(f"the {role} {program!r} took more than {timeout_s:g} s") from None
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    if process.returncode:
        lines = said.decode(errors="replace").strip().splitlines()
        ended = (
            f"ended with exit code {process.returncode}"
            if process.returncode > 0
            else f"was ended by {signal.Signals(-process.returncode).name}"
        )
        raise IQFError(f"the {role} {program!r} {ended}" + (f": {lines[-1]}" if lines else ""))
