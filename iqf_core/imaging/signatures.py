"""Which image format a file holds, told from its first bytes and not from its name."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO, Literal

from iqf_core.errors import ImageError

Format = Literal["PNG", "JPEG", "TIFF", "JPEG 2000", "BMP", "WebP"]

#: The name endings of each format.
SUFFIXES: dict[Format, tuple[str, ...]] = {
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg", ".jpe"),
    "TIFF": (".tif", ".tiff"),
    "JPEG 2000": (".jp2", ".j2k"),
    "BMP": (".bmp",),
    "WebP": (".webp",),
}

#: Name endings that make a file of a dataset an image, in lower case.
IMAGE_SUFFIXES = frozenset(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)

_CLAIMS: dict[str, Format] = {
    suffix: name for name, suffixes in SUFFIXES.items() for suffix in suffixes
}
_SIGNATURES: tuple[tuple[bytes, Format], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
    (b"\x00\x00\x00\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"BM", "BMP"),
)
_LONGEST = 16


def is_image_name(name: str) -> bool:
    """Return whether a file of this name is taken for an image, by its ending in any case."""
    return os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES  # noqa: PTH122


def format_of(start: bytes) -> Format | None:
    """Return the format that a file beginning with these (16 or more) bytes has, or None."""
    for signature, name in _SIGNATURES:
        if start.startswith(signature):
            return name
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WebP"
    return None


def open_checked(path: Path) -> tuple[IO[bytes], Format]:
    """Open an image file for reading and tell its format.

    Raises
    ------
    ImageError
        If it is missing, not a regular file, empty, no image, or of another format than its
        name says.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116
            kind = "a folder" if path.is_dir() else "not a regular file"
            raise ImageError(path, f"is {kind}; expected an image file")
        stream = open(path, "rb")  # noqa: PTH123, SIM115
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageError(path, f"cannot be read: {reason}") from None
    try:
        return stream, _checked_format(path, stream)
    except BaseException:
        stream.close()
        raise


def _checked_format(path: Path, stream: IO[bytes]) -> Format:
    start = stream.read(_LONGEST)
    stream.seek(0)
    if not start:
        raise ImageError(path, "is empty (0 bytes); expected an image file")
    found, claimed = format_of(start), _CLAIMS.get(path.suffix.lower())
    if found is None:
        expected = claimed or "an image (" + ", ".join(SUFFIXES) + ")"
        raise ImageError(path, f"is no image: it begins with {start!r}, expected {expected}")
    if claimed is not None and found != claimed:
        raise ImageError(
            path, f"holds {found} although its name says {claimed}; rename or convert it"
        )
    return found
