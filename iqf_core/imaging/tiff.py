"""The directories of a TIFF file: is all there that they point at?

GDAL drops the tags that a truncated file has lost with no more than a warning, and finds missing
pixels only when it comes to them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from iqf_core.errors import ImageError

# Bytes of the field types 1 to 13 (TIFF 6.0, section 2, and the IFD type) and 16 to 18 (BigTIFF).
_FIELD_BYTES = dict(enumerate((1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4), 1)) | {16: 8, 17: 8, 18: 8}
_INTEGERS = {3: "u2", 4: "u4", 16: "u8"}
# StripOffsets and TileOffsets, StripByteCounts and TileByteCounts.
_OFFSETS, _COUNTS = (273, 324), (279, 325)


@dataclass(frozen=True)
class _Field:
    """One field of a directory; `position` is where its values lie in the file."""

    tag: int
    kind: int
    count: int
    position: int

    @property
    def end(self) -> int:
        return self.position + _FIELD_BYTES.get(self.kind, 0) * self.count


def check_complete_tiff(path: Path) -> None:
    """Raise ImageError unless all that the directories of a TIFF point at lies within the file."""
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            order, directories = _directories(stream)
            for fields in directories:
                missing = _missing(stream, order, fields, size)
                if missing:
                    raise ImageError(path, f"is truncated or damaged: the TIFF lacks {missing}")
    except (struct.error, KeyError, ValueError):
        raise ImageError(path, "is truncated or damaged: the TIFF lacks a directory") from None
    except OSError as error:
        raise ImageError(path, f"cannot be read: {error.strerror}") from None


def _directories(stream: IO[bytes]) -> tuple[str, Iterator[list[_Field]]]:
    start = stream.read(16)
    order = "<" if start[:2] == b"II" else ">"
    if start[2:4] in (b"+\0", b"\0+"):
        (first,) = struct.unpack_from(order + "Q", start, 8)
        return order, _chain(stream, first, order + "Q", order + "HHQ")
    (first,) = struct.unpack_from(order + "I", start, 4)
    return order, _chain(stream, first, order + "H", order + "HHI")


def _chain(stream: IO[bytes], position: int, number: str, entry: str) -> Iterator[list[_Field]]:
    word = entry[0] + entry[-1]
    head, inline = struct.calcsize(entry), struct.calcsize(word)
    seen: set[int] = set()
    while position and position not in seen:
        seen.add(position)
        stream.seek(position)
        (count,) = struct.unpack(number, stream.read(struct.calcsize(number)))
        at = stream.tell()
        directory = stream.read(count * (head + inline) + inline)
        fields = []
        for index in range(count):
            here = index * (head + inline)
            tag, kind, values = struct.unpack_from(entry, directory, here)
            position = at + here + head
            if _FIELD_BYTES.get(kind, 0) * values > inline:
                (position,) = struct.unpack_from(word, directory, here + head)
            fields.append(_Field(tag, kind, values, position))
        (position,) = struct.unpack_from(word, directory, count * (head + inline))
        yield fields


def _missing(stream: IO[bytes], order: str, fields: list[_Field], size: int) -> str | None:
    for field in fields:
        if field.end > size:
            return f"the values of tag {field.tag}"
    offsets = [_numbers(stream, order, field) for field in fields if field.tag in _OFFSETS]
    counts = [_numbers(stream, order, field) for field in fields if field.tag in _COUNTS]
    if not offsets or not counts or len(offsets[0]) != len(counts[0]):
        return None
    # Offset 0 is a block that was never written (a sparse file).
    ends = np.where(offsets[0] > 0, offsets[0] + counts[0], 0)
    beyond = int((ends > size).sum())
    return f"{beyond} of {len(ends)} blocks of pixels" if beyond else None


def _numbers(stream: IO[bytes], order: str, field: _Field) -> NDArray[np.uint64]:
    stream.seek(field.position)
    data = stream.read(field.end - field.position)
    return np.frombuffer(data, order + _INTEGERS[field.kind]).astype(np.uint64)
