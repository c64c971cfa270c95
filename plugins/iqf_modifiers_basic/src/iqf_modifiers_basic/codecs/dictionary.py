"""Zstandard and Deflate behind a predictor: what GeoTIFF files are compressed with."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from iqf_core.api import Params as BaseParams
from iqf_core.api import parameter
from iqf_modifiers_basic.codecs.coding import Codec, Coded, Samples
from iqf_modifiers_basic.codecs.library import library

Predictor = Literal["auto", "none", "horizontal", "floating_point"]


class _Dictionary(Codec):
    """A byte coder behind a predictor; one stream for all bands, one after the other."""

    dtypes = ("uint8", "uint16", "float32")

    @property
    def largest_error(self) -> float | None:
        """Lossless."""
        return 0

    def supports(self, dtype: str, bands: int) -> str | None:
        """Return why the predictor does not suit the data type."""
        if self.params.predictor == "floating_point" and dtype != "float32":
            return f"predictor=floating_point is for float32, not {dtype}; use horizontal or auto"
        return super().supports(dtype, bands)

    def code(self, samples: Samples) -> Coded:
        """Encode and decode."""
        codec = library(*self.needs)
        predicted = predict(codec, samples.planes, self.params.predictor)
        stream = self.compress(codec, predicted)
        restored = np.frombuffer(self.expand(codec, stream, predicted.nbytes), predicted.dtype)
        planes = unpredict(codec, restored.reshape(predicted.shape), self.params.predictor)
        return Coded(np.ascontiguousarray(planes.transpose(1, 2, 0)), len(stream))

    def compress(self, codec: Any, values: NDArray[Any]) -> bytes:
        """Return the stream of `values`."""
        raise NotImplementedError

    def expand(self, codec: Any, stream: bytes, nbytes: int) -> bytes:
        """Return the `nbytes` bytes that `stream` holds."""
        raise NotImplementedError


class Zstd(_Dictionary):
    """Compress with Zstandard behind a predictor and decode again.

    RFC 8878, as in GeoTIFF files with ``COMPRESS=ZSTD``. The predictor stores differences along
    the rows (TIFF's predictor 2) for integers, and byte planes of them (predictor 3) for
    floating-point samples. One stream for all bands, one after the other; every image is verified.
    """

    version = "1"
    needs = ("ZSTD", "DELTA", "FLOATPRED")

    class Params(BaseParams):
        """Parameters of the coder."""

        level: int = parameter(9, description="time spent to save bits", unit="", ge=1, le=22)
        predictor: Predictor = parameter(
            "auto", description="what is compressed; auto is horizontal or floating_point"
        )

    def compress(self, codec: Any, values: NDArray[Any]) -> bytes:
        """Return the stream of `values`."""
        return bytes(codec.zstd_encode(values, level=self.params.level))

    def expand(self, codec: Any, stream: bytes, nbytes: int) -> bytes:
        """Return the bytes that `stream` holds."""
        return bytes(codec.zstd_decode(stream, out=nbytes))


class Deflate(_Dictionary):
    """Compress with Deflate behind a predictor and decode again.

    RFC 1950 and 1951, as in PNG files and in GeoTIFF files with ``COMPRESS=DEFLATE``. The
    predictor stores differences along the rows (TIFF's predictor 2) for integers, and byte planes
    of them (predictor 3) for floating-point samples. One stream for all bands, one after the
    other; every image is verified.
    """

    version = "1"
    needs = ("DEFLATE", "DELTA", "FLOATPRED")

    class Params(BaseParams):
        """Parameters of the coder."""

        level: int = parameter(6, description="time spent to save bits", unit="", ge=1, le=12)
        predictor: Predictor = parameter(
            "auto", description="what is compressed; auto is horizontal or floating_point"
        )

    def compress(self, codec: Any, values: NDArray[Any]) -> bytes:
        """Return the stream of `values`."""
        return bytes(codec.deflate_encode(values, level=self.params.level))

    def expand(self, codec: Any, stream: bytes, nbytes: int) -> bytes:
        """Return the bytes that `stream` holds."""
        return bytes(codec.deflate_decode(stream, out=nbytes))


def _resolved(predictor: Predictor, dtype: np.dtype[Any]) -> Predictor:
    if predictor == "auto":
        return "floating_point" if dtype.kind == "f" else "horizontal"
    return predictor


def predict(codec: Any, planes: NDArray[Any], predictor: Predictor) -> NDArray[Any]:
    """Return what is compressed of `planes` (C, H, W)."""
    kind = _resolved(predictor, planes.dtype)
    if kind == "none":
        return planes
    # Differences of floating-point numbers would be rounded: those of their bits are not.
    values = planes.view(np.uint32) if kind == "horizontal" and planes.itemsize == 4 else planes
    encode = codec.floatpred_encode if kind == "floating_point" else codec.delta_encode
    predicted: NDArray[Any] = encode(values, axis=-1)
    return predicted.view(planes.dtype)


def unpredict(codec: Any, predicted: NDArray[Any], predictor: Predictor) -> NDArray[Any]:
    """Return the planes (C, H, W) that :func:`predict` was given."""
    kind = _resolved(predictor, predicted.dtype)
    if kind == "none":
        return predicted
    wide = kind == "horizontal" and predicted.itemsize == 4
    values = predicted.view(np.uint32) if wide else predicted
    decode = codec.floatpred_decode if kind == "floating_point" else codec.delta_decode
    planes: NDArray[Any] = decode(values, axis=-1)
    return planes.view(predicted.dtype)
