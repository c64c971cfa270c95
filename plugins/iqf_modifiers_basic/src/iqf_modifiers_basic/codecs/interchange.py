"""Files that programs exchange images by: raw samples, PGM, PNG, TIFF."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from iqf_core.api import IQFError
from iqf_modifiers_basic.codecs.coding import Samples

Format = Literal["raw_bsq", "raw_bil", "raw_bip", "pgm", "png", "tiff"]
ByteOrder = Literal["little", "big"]

SUFFIXES: dict[Format, str] = {
    "raw_bsq": ".raw",
    "raw_bil": ".raw",
    "raw_bip": ".raw",
    "pgm": ".pgm",
    "png": ".png",
    "tiff": ".tif",
}

#: Axes of the file in terms of (row, column, band).
_LAYOUTS: dict[str, tuple[int, int, int]] = {
    "raw_bsq": (2, 0, 1),
    "raw_bil": (0, 2, 1),
    "raw_bip": (0, 1, 2),
}

# Netpbm's pgm(5): magic, width, height, maxval, one white space, samples.
_PGM_HEADER = re.compile(rb"P5\s+(?:#.*\s+)*(\d+)\s+(?:#.*\s+)*(\d+)\s+(?:#.*\s+)*(\d+)\s")


def unsupported(kind: Format, dtype: str, bands: int) -> str | None:
    """Return why files of a format cannot hold such images, None when they can."""
    if dtype == "float32" and kind in ("pgm", "png"):
        return f"format={kind} holds integers, not {dtype}; use format=tiff or raw_bsq"
    if kind == "png" and bands not in (1, 3, 4):
        return f"format=png holds 1, 3 or 4 bands, not {bands}; use format=tiff or raw_bsq"
    return None


def write(path: Path, samples: Samples, kind: Format, order: ByteOrder) -> None:
    """Write `samples` to `path`; a PGM file holds one band and the bit depth."""
    pixels = samples.pixels
    if kind in _LAYOUTS:
        ordered = np.ascontiguousarray(pixels.transpose(_LAYOUTS[kind]))
        path.write_bytes(ordered.astype(_stored(pixels.dtype, order), copy=False).tobytes())
    elif kind == "pgm":
        height, width, _ = samples.shape
        largest = (1 << samples.bits) - 1
        # Samples of more than 8 bits have their high byte first.
        stored = pixels.astype(">u2" if largest > 255 else "u1")
        path.write_bytes(f"P5\n{width} {height}\n{largest}\n".encode() + stored.tobytes())
    elif kind == "png":
        _, data = cv2.imencode(".png", _blue_first(pixels))
        path.write_bytes(data.tobytes())
    else:
        _write_tiff(path, samples)


def read(path: Path, samples: Samples, kind: Format, order: ByteOrder) -> NDArray[Any]:
    """Read an image of the shape and data type of `samples`.

    Raises
    ------
    IQFError
        If the file is not there, or holds something else.
    """
    if not path.is_file():
        raise IQFError("the decoder left no file {output}")
    dtype, shape = samples.pixels.dtype, samples.shape
    if kind in _LAYOUTS:
        axes = _LAYOUTS[kind]
        data = path.read_bytes()
        expected = samples.pixels.nbytes
        if len(data) != expected:
            raise IQFError(f"the decoder wrote {len(data)} bytes, expected {expected}")
        stored = np.frombuffer(data, _stored(dtype, order)).reshape([shape[axis] for axis in axes])
        decoded = stored.transpose(np.argsort(axes))
    elif kind == "pgm":
        decoded = _read_pgm(path)
    elif kind == "png":
        read_png: Any = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_UNCHANGED)
        if read_png is None:
            raise IQFError("the decoder wrote no PNG file that can be read")
        decoded = _blue_first(read_png.reshape(*read_png.shape[:2], -1))
    else:
        decoded = _read_tiff(path)
    if decoded.shape != shape:
        raise IQFError(f"the decoder wrote an image of the shape {decoded.shape}, expected {shape}")
    if decoded.dtype.kind == "u" and decoded.dtype.itemsize < dtype.itemsize:
        decoded = decoded.astype(dtype)  # of PGM files with few bits
    return np.ascontiguousarray(decoded.astype(decoded.dtype.newbyteorder("="), copy=False))


def _stored(dtype: np.dtype[Any], order: ByteOrder) -> np.dtype[Any]:
    return dtype.newbyteorder("<" if order == "little" else ">")


def _blue_first(pixels: NDArray[Any]) -> NDArray[Any]:
    """Exchange the first and third band, as OpenCV wants and gives them."""
    if pixels.shape[2] < 3:
        return pixels
    return np.ascontiguousarray(pixels[:, :, [2, 1, 0, *range(3, pixels.shape[2])]])


def _read_pgm(path: Path) -> NDArray[Any]:
    data = path.read_bytes()
    header = _PGM_HEADER.match(data)
    if header is None:
        raise IQFError("the decoder wrote no binary PGM file (P5)")
    width, height, largest = (int(text) for text in header.groups())
    dtype = np.dtype(">u2" if largest > 255 else "u1")
    body = data[header.end() :]
    if len(body) < width * height * dtype.itemsize:
        raise IQFError("the decoder wrote a PGM file that ends early")
    return np.frombuffer(body, dtype, width * height).reshape(height, width, 1)


def _write_tiff(path: Path, samples: Samples) -> None:
    import rasterio

    height, width, bands = samples.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=width,
        height=height,
        count=bands,
        dtype=samples.pixels.dtype,
    ) as file:
        file.write(samples.planes)


def _read_tiff(path: Path) -> NDArray[Any]:
    import rasterio
    from rasterio.errors import RasterioError

    try:
        with rasterio.open(path, driver="GTiff") as file:
            planes: NDArray[Any] = file.read()
    except RasterioError as error:
        raise IQFError(f"the decoder wrote no TIFF file that can be read ({error})") from None
    return planes.transpose(1, 2, 0)
