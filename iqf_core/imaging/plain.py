"""JPEG and PNG: structure of the files read by hand, pixels decoded by OpenCV.

The structure tells size, bands and bit depth without decoding, and whether the file is complete:
``cv2.imdecode`` returns a full array for a truncated JPEG (OpenCV 4) with no more than a warning
on standard error.
"""

from __future__ import annotations

import re
import struct
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from iqf_core.errors import ImageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

BAND_NAMES: dict[int, tuple[str, ...]] = {
    1: ("gray",),
    2: ("gray", "alpha"),
    3: ("red", "green", "blue"),
    4: ("red", "green", "blue", "alpha"),
}

# In the entropy-coded data of a JPEG, 0xFF is followed by 0 (stuffing) or a restart marker; any
# other marker ends it (ITU-T T.81, B.1.1.5).
_JPEG_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]", re.DOTALL)
_END_OF_IMAGE, _START_OF_SCAN, _ADOBE = 0xD9, 0xDA, 0xEE
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True)
class PlainStructure:
    """What the structure of a JPEG or PNG file says.

    Attributes
    ----------
    height, width, bands
        Of the decoded pixels, palettes expanded.
    bits
        8 or 16, those of the decoded pixels.
    significant_bits
        What a 16-bit PNG declares in its sBIT chunk, else None.
    nodata
        The gray value that a gray PNG declares transparent, None for none.
    position
        Offset of the first byte behind what was parsed.
    """

    height: int
    width: int
    bands: int
    bits: int
    position: int
    significant_bits: int | None = None
    nodata: float | None = None

    @property
    def by_opencv(self) -> bool:
        """Whether OpenCV decodes it as it is (a gray PNG with alpha it turns into colours)."""
        return self.bands != 2


def parse_jpeg(path: Path, stream: IO[bytes]) -> PlainStructure:
    """Read the segments of a JPEG up to the frame header.

    Raises
    ------
    ImageError
        If the file ends before, or holds samples that are not decoded faithfully.
    """
    stream.seek(2)
    adobe = False
    while True:
        marker = _next_marker(path, stream)
        if marker in _STANDALONE:
            continue
        if marker in (_START_OF_SCAN, _END_OF_IMAGE):
            raise ImageError(path, "is a damaged JPEG: no frame header before the picture")
        (length,) = struct.unpack(">H", _exactly(path, stream, 2, "JPEG"))
        if length < 2:
            raise ImageError(path, "is a damaged JPEG: a segment of negative length")
        if marker in _FRAMES:
            frame = _exactly(path, stream, length - 2, "JPEG")
            return _jpeg_frame(path, frame, adobe, stream.tell())
        if marker == _ADOBE:
            adobe = adobe or _exactly(path, stream, length - 2, "JPEG").startswith(b"Adobe")
        else:
            stream.seek(length - 2, 1)


def _next_marker(path: Path, stream: IO[bytes]) -> int:
    start, marker = _exactly(path, stream, 2, "JPEG")
    if start != 0xFF:
        raise ImageError(path, "is a damaged JPEG: no marker where one was expected")
    while marker == 0xFF:
        (marker,) = _exactly(path, stream, 1, "JPEG")
    return marker


def _jpeg_frame(path: Path, frame: bytes, adobe: bool, position: int) -> PlainStructure:
    if len(frame) < 6:
        raise ImageError(path, "is a damaged JPEG: its frame header is too short")
    precision, height, width, components = struct.unpack(">BHHB", frame[:6])
    if precision != 8:
        raise ImageError(path, f"is a JPEG of {precision} bits; only 8-bit JPEG is read")
    if not height or not width:
        raise ImageError(path, f"is a JPEG that claims a size of {width} x {height}")
    if components == 4 and adobe:
        # CMYK (or YCCK) as Adobe writes it, inverted: decoded to RGB.
        components = 3
    if components not in (1, 3):
        raise ImageError(
            path, f"is a JPEG of {components} components; gray, colour and Adobe CMYK are read"
        )
    return PlainStructure(height, width, components, 8, position)


def parse_png(path: Path, stream: IO[bytes]) -> PlainStructure:
    """Read the chunks of a PNG up to its picture.

    Raises
    ------
    ImageError
        If the file ends before or the header is invalid.
    """
    stream.seek(8)
    header: tuple[int, ...] | None = None
    chunks: dict[bytes, bytes] = {}
    while True:
        length, name = struct.unpack(">I4s", _exactly(path, stream, 8, "PNG"))
        if header is None and (name != b"IHDR" or length != 13):
            raise ImageError(path, "is a damaged PNG: it does not begin with its header")
        if name in (b"IDAT", b"IEND"):
            break
        if name in (b"IHDR", b"sBIT", b"tRNS"):
            chunks[name] = _exactly(path, stream, length, "PNG")
            header = header or struct.unpack(">IIBBBBB", chunks[name])
            stream.seek(4, 1)
        else:
            stream.seek(length + 4, 1)
    assert header is not None
    return _png_structure(path, header, chunks, stream.tell() - 8)


def _png_structure(
    path: Path, header: tuple[int, ...], chunks: dict[bytes, bytes], position: int
) -> PlainStructure:
    width, height, depth, colour = header[:4]
    bands = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}.get(colour)
    if bands is None or depth not in (1, 2, 4, 8, 16) or not width or not height:
        raise ImageError(
            path,
            f"is a damaged PNG: {width} x {height} pixels, {depth} bits, colour type {colour}",
        )
    transparent = chunks.get(b"tRNS")
    nodata = None
    if transparent and bands == 3:
        bands = 4
    elif transparent and bands == 1 and len(transparent) >= 2:
        value = int.from_bytes(transparent[:2], "big")
        nodata = float(value * (255 // ((1 << depth) - 1)) if depth < 8 else value)
    significant = max(chunks.get(b"sBIT") or b"\0") if depth == 16 else 0
    return PlainStructure(
        height, width, bands, 16 if depth == 16 else 8, position, significant or None, nodata
    )


def _exactly(path: Path, stream: IO[bytes], count: int, name: str) -> bytes:
    data = stream.read(count)
    if len(data) < count:
        raise ImageError(path, f"is truncated: the {name} ends within its header")
    return data


def check_complete_jpeg(path: Path, data: bytes, position: int) -> None:
    """Raise ImageError unless the scans of a JPEG, from `position` on, reach its end marker."""
    while found := _JPEG_MARKER.search(data, position):
        marker, position = data[found.start() + 1], found.end()
        if marker == _END_OF_IMAGE:
            return
        if marker not in _STANDALONE:
            position += int.from_bytes(data[position : position + 2], "big")
    raise ImageError(path, "is truncated or damaged: the JPEG has no end marker")


def check_complete_png(path: Path, data: bytes, position: int) -> None:
    """Raise ImageError unless the chunks of a PNG, from `position` on, reach its end chunk."""
    while position + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        position += length + 12
        if name == b"IEND" and position <= len(data):
            return
    raise ImageError(path, "is truncated or damaged: the PNG has no end chunk")


def decode(path: Path, data: bytes, structure: PlainStructure) -> NDArray[Any]:
    """Decode a complete JPEG or PNG file of 1, 3 or 4 bands.

    EXIF orientation is not applied, palettes are expanded, bits below 8 scaled to 0..255.

    Returns
    -------
    ndarray
        (H, W, C), uint8 or uint16, colours in the order red, green, blue, alpha.

    Raises
    ------
    ImageError
        If the file is damaged.
    """
    import cv2
    import numpy as np

    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ImageError(path, f"cannot be decoded: {error.err or error}") from None
    if pixels is None:
        raise ImageError(path, "is damaged: its picture cannot be decoded")
    if pixels.ndim == 2:
        pixels = pixels[:, :, np.newaxis]
    expected = (structure.height, structure.width, structure.bands)
    if pixels.shape != expected or pixels.itemsize * 8 != structure.bits:
        raise ImageError(
            path,
            f"is inconsistent: decoded to {pixels.dtype} {pixels.shape}, its header says "
            f"{structure.bits} bits {expected}",
        )
    if structure.bands in _SWAPS:
        pixels[:] = opencv_order(pixels)
    return pixels


# OpenCV's codes by band count; the same ones lead from RGB to BGR and back.
_SWAPS = {3: 4, 4: 5}
_REUSED_BYTES = 1 << 25
# OpenCV converts more pixels at once in several threads, which spin for longer than this takes.
_ONE_THREAD_PIXELS = 1 << 16
_buffer = threading.local()


def opencv_order(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return RGB(A) pixels in OpenCV's order BGR(A), to be used before the next call.

    The result lies in a buffer of this thread: the page faults of a fresh array cost ten times
    what the conversion does.
    """
    import cv2
    import numpy as np

    if pixels.shape[2] not in _SWAPS:
        return np.ascontiguousarray(pixels)
    target = _reused(pixels)
    rows = max(1, _ONE_THREAD_PIXELS // pixels.shape[1] - 1)
    for row in range(0, pixels.shape[0], rows):
        part = slice(row, row + rows)
        cv2.cvtColor(pixels[part], _SWAPS[pixels.shape[2]], dst=target[part])
    return target


def _reused(like: NDArray[Any]) -> NDArray[Any]:
    """Return an array like another one, in a buffer that lives as long as the thread."""
    import numpy as np

    if like.nbytes > _REUSED_BYTES:
        return np.empty(like.shape, like.dtype)
    reused = getattr(_buffer, "reused", None)
    if reused is None or reused.nbytes < like.nbytes:
        reused = _buffer.reused = np.empty(like.nbytes, np.uint8)
    return reused[: like.nbytes].view(like.dtype).reshape(like.shape)
