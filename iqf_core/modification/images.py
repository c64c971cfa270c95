"""A chain of modifiers applied to one image: whole, or window by window when it is large.

Both ways give the same pixels bit for bit.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from iqf_core.components.modifier import Encoded, Modifier
from iqf_core.errors import (
    ImageError,
    IQFError,
    LeftOutError,
    PluginError,
    UnsupportedImageError,
)
from iqf_core.imaging.image import Image
from iqf_core.imaging.reading import ImageReader
from iqf_core.imaging.windows import Window, with_halo

if TYPE_CHECKING:
    from iqf_core.components.context import Context

#: Images of more samples (height x width x bands) are processed window by window when every
#: modifier is local.
LARGE_IMAGE_SAMPLES = int(os.environ.get("IQF_LARGE_IMAGE_SAMPLES", "64000000"))

#: Edge of a window in pixels; a multiple of the blocks that files and random streams have.
WINDOW = 1024


@dataclass(frozen=True)
class Rate:
    """What the last codec of a chain made of an image.

    Attributes
    ----------
    nbytes
        Size of the stream in bytes.
    bpppc
        Bits per pixel per component.
    ratio
        Size of the uncompressed pixels over `nbytes`.
    """

    nbytes: int
    bpppc: float
    ratio: float

    @classmethod
    def of(cls, encoded: Encoded) -> Rate:
        """Compute the rate of an encoded image."""
        pixels = encoded.image.pixels
        return cls(
            encoded.nbytes,
            8 * encoded.nbytes / pixels.size,
            pixels.nbytes / encoded.nbytes if encoded.nbytes else 0.0,
        )


def is_windowed(modifiers: Sequence[Modifier], shape: tuple[int, int, int]) -> bool:
    """Return whether an image of `shape` (H, W, C) is processed window by window."""
    samples = shape[0] * shape[1] * shape[2]
    return samples > LARGE_IMAGE_SAMPLES and all(each.scope == "local" for each in modifiers)


def modify_whole(
    image: Image, modifiers: Sequence[Modifier], context: Context, path: Path = Path()
) -> tuple[Image, Rate | None]:
    """Apply `modifiers` to a whole image; messages call it `path`.

    Returns
    -------
    Image, Rate or None
        The result, and the rate of the last codec in the chain.

    Raises
    ------
    UnsupportedImageError
        If a modifier does not take the image.
    PluginError
        If a modifier fails or breaks its contract.
    """
    rate = None
    for position, modifier in enumerate(modifiers):
        here = replace(
            context,
            position=position,
            offset=(0, 0),
            full_shape=image.shape,
            properties=_still_stated(context, modifiers[:position]),
        )
        with _named(modifier, path):
            refusal = modifier.supports(image.dtype, image.bands)
            if refusal:
                raise UnsupportedImageError(refusal)
            state = None
            if _prepares(modifier):
                state = modifier.prepare(ImageReader.of(_frozen(image)), here)
            result = modifier.modify(_frozen(image), state, here)
            if isinstance(result, Encoded):
                rate = Rate.of(result)
            image = _checked(modifier, image, result)
    return image, rate


class ModifiedReader(ImageReader):
    """An open image after local modifiers, computed window by window as it is read.

    Parameters
    ----------
    reader
        The image.
    modifiers
        Local ones.
    context
        Of the image; positions and offsets are filled in here.
    """

    def __init__(
        self, reader: ImageReader, modifiers: Sequence[Modifier], context: Context
    ) -> None:
        self._chained = _Chained(reader, modifiers, context)
        super().__init__(
            self._chained,
            reader.header,
            path=reader.path,
            peak=reader.peak,
            nodata=reader.nodata,
            gsd_m=reader.gsd_m,
            band_names=reader.band_names,
            georeference=reader.georeference,
            metadata=reader.metadata,
            has_mask=reader.masked,
            resources=ExitStack(),
        )

    def read(self, window: Window | None = None) -> Image:
        """Compute the whole image or a window of it."""
        height, width, _ = self.shape
        return self._chained.image(window or Window(0, 0, height, width))

    def assembled(self, size: int) -> Image:
        """Return the whole image, computed in windows of `size` pixels."""
        pixels = np.empty(self.shape, self.dtype)
        mask = np.ones(self.shape[:2], bool)
        part = None
        for tile in self.windows(size):
            part = self.read(tile.window)
            pixels[tile.window.slices] = part.pixels
            if part.mask is not None:
                mask[tile.window.slices] = part.mask
        assert part is not None
        return Image(
            pixels,
            part.peak,
            mask=None if mask.all() else mask,
            nodata=part.nodata,
            band_names=part.band_names,
            gsd_m=part.gsd_m,
            georeference=self.georeference,
            metadata=part.metadata,
        )


class _Chained:
    def __init__(
        self, reader: ImageReader, modifiers: Sequence[Modifier], context: Context
    ) -> None:
        self._reader = reader
        self._modifiers = list(modifiers)
        self._context = context
        self._halos = [modifier.halo() for modifier in modifiers]
        self._states: list[Any] = []
        for position, modifier in enumerate(modifiers):
            state = None
            if _prepares(modifier):
                before = ModifiedReader(reader, modifiers[:position], context)
                here = replace(
                    context,
                    position=position,
                    full_shape=reader.shape,
                    properties=_still_stated(context, modifiers[:position]),
                )
                with _named(modifier, reader.path):
                    state = modifier.prepare(before, here)
            self._states.append(state)

    def read(self, window: Window | None) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        height, width, _ = self._reader.shape
        image = self.image(window or Window(0, 0, height, width))
        return image.pixels, image.mask

    def image(self, window: Window) -> Image:
        """Return the result in `window`: read it with the halo of all links, peel one per link."""
        height, width, _ = self._reader.shape
        outer, _ = with_halo(window, sum(self._halos), height, width)
        image = self._reader.read(outer)
        for position, modifier in enumerate(self._modifiers):
            here = replace(
                self._context,
                position=position,
                offset=outer.offset,
                full_shape=self._reader.shape,
            )
            with _named(modifier, self._reader.path):
                result = modifier.modify(_frozen(image), self._states[position], here)
                image = _checked(modifier, image, result)
            needed, _ = with_halo(window, sum(self._halos[position + 1 :]), height, width)
            image, outer = _cut(image, outer, needed), needed
        return image


def _cut(image: Image, outer: Window, needed: Window) -> Image:
    if needed == outer:
        return image
    row, column = needed.row - outer.row, needed.col - outer.col
    part = (slice(row, row + needed.height), slice(column, column + needed.width))
    return image.with_pixels(
        image.pixels[part],
        mask=None if image.mask is None else image.mask[part],
        georeference=None
        if image.georeference is None
        else image.georeference.shifted(row, column),
    )


def _still_stated(context: Context, before: Sequence[Modifier]) -> Mapping[str, Any]:
    """Return what is stated of the images, as far as it holds after the modifiers `before`."""
    if all(modifier.is_identity() for modifier in before):
        return context.properties
    changed = ("snr", "rer", "gsd_m")
    return {key: value for key, value in context.properties.items() if key not in changed}


def _prepares(modifier: Modifier) -> bool:
    return type(modifier).prepare is not Modifier.prepare


def _frozen(image: Image) -> Image:
    """Make a modifier that changes its input in place fail, whoever else holds the pixels."""
    image.pixels.flags.writeable = False
    return image


@contextmanager
def _named(modifier: Modifier, path: Path | None) -> Iterator[None]:
    """Let every error of a modifier name the image and the modifier."""
    name = type(modifier).__name__
    try:
        yield
    except (ImageError, PluginError, LeftOutError):
        raise
    except IQFError as error:
        raise UnsupportedImageError(f"{path}: {name}: {error}") from error
    except (MemoryError, OSError):
        raise
    except Exception as error:
        raise PluginError(
            f"{path}: modifier {name} failed: {type(error).__name__}: {error}"
        ) from error


def _checked(modifier: Modifier, before: Image, result: Any) -> Image:
    """Return the resulting image, if it is what the modifier's declaration promises."""
    local = modifier.scope == "local"
    name = type(modifier).__name__
    if isinstance(result, Encoded):
        if local:
            raise PluginError(
                f"modifier {name} is declared local and returned Encoded; "
                "a codec sees the whole image: declare scope = 'global'"
            )
        result = result.image
    if not isinstance(result, Image):
        raise PluginError(f"modifier {name} returned {type(result).__name__}, expected an Image")
    geometry = None if local else modifier.geometry(before.shape[:2], before.gsd_m)
    expected = before.shape[:2] if geometry is None else geometry.shape
    if tuple(result.shape[:2]) != tuple(expected):
        raise PluginError(
            f"modifier {name} returned {result.shape[:2]} pixels for {before.shape[:2]}, "
            f"expected {tuple(expected)} by its geometry()"
        )
    if local and (result.dtype, result.bands) != (before.dtype, before.bands):
        raise PluginError(
            f"modifier {name} is declared local and turned {before.dtype} with {before.bands} "
            f"bands into {result.dtype} with {result.bands}; declare scope = 'global'"
        )
    return result
