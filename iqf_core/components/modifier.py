"""Modifiers: controlled degradations (or enhancements) of an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from iqf_core.components.base import BaseComponent

if TYPE_CHECKING:
    from iqf_core.components.context import Context
    from iqf_core.imaging.image import Image
    from iqf_core.imaging.reading import ImageReader

DTYPES = ("uint8", "uint16", "float32")


@dataclass(frozen=True)
class Encoded:
    """An image that went through a codec: the decoded pixels and what they cost.

    Attributes
    ----------
    image
        The decoded image.
    nbytes
        Size of the encoded stream in bytes, the whole file as a coder would store it.
    """

    image: Image
    nbytes: int


@dataclass(frozen=True)
class Geometry:
    """How a modifier changes the pixel grid.

    Attributes
    ----------
    shape
        New (height, width) in pixels.
    transform
        (a, b, c, d, e, f): a point (x, y) of the old grid lies at
        (a x + b y + c, d x + e y + f) of the new one. Pixel corners count: the image spans
        [0, width] x [0, height].
    """

    shape: tuple[int, int]
    transform: tuple[float, float, float, float, float, float]


class Modifier(BaseComponent):
    """A controlled degradation of an image.

    A subclass implements :meth:`modify`, and :meth:`prepare` when it needs to see the whole image
    first. It never changes its input in place, and draws random numbers only from the context.

    Attributes
    ----------
    scope
        ``"local"``: a pixel of the result depends only on the pixels within :meth:`halo` of it;
        such a modifier keeps size, data type and band count, and is applied window by window to
        large images. ``"global"``: it needs the whole image.
    random
        Whether the result depends on the seed (the seed then shows in the copy's name).
    dtypes
        Data types it takes.
    identity
        Parameter -> the value that leaves every image as it is (``{"sigma_px": 0}``); results are
        plotted with the unmodified images at that value. Empty when there is none.
    """

    kind: ClassVar[str] = "modifier"
    scope: ClassVar[Literal["local", "global"]] = "local"
    random: ClassVar[bool] = False
    dtypes: ClassVar[tuple[str, ...]] = DTYPES
    identity: ClassVar[Mapping[str, float]] = {}

    def supports(self, dtype: str, bands: int) -> str | None:
        """Return None when images of `dtype` and `bands` are taken, else why not and what can."""
        if dtype in self.dtypes:
            return None
        return f"takes {', '.join(self.dtypes)} images, not {dtype}"

    def halo(self) -> int:
        """Return how many pixels around a pixel its result depends on (local modifiers)."""
        return 0

    @classmethod
    def uses_seed(cls, params: Any) -> bool:
        """Return whether the result depends on the seed with these validated parameters.

        For modifiers that are ``random`` with some parameters only.
        """
        return cls.random

    def is_identity(self) -> bool:
        """Return whether these parameters leave every image as it is."""
        return bool(self.identity) and all(
            getattr(self.params, name) == value for name, value in self.identity.items()
        )

    def geometry(self, shape: tuple[int, int], gsd_m: float | None = None) -> Geometry | None:
        """Return how an image changes its grid, None when it does not.

        Annotations follow it: boxes, polygons and masks are moved, georeferences are composed.

        Parameters
        ----------
        shape
            (height, width) of the image.
        gsd_m
            Its ground sampling distance in metres, None when it is not known.
        """
        return None

    def prepare(self, reader: ImageReader, context: Context) -> Any:
        """Look at the whole image once, before any window is modified.

        What it returns is handed to every :meth:`modify` call of that image, in the same process.
        """
        return None

    def modify(self, image: Image, state: Any, context: Context) -> Image | Encoded:
        """Return the modified image (a window with its halo, or the whole).

        Parameters
        ----------
        image
            Pixels of shape (H, W, C), uint8, uint16 or float32, with peak, mask and metadata. A
            window comes with its halo, which the engine cuts from the result.
        state
            What :meth:`prepare` returned.
        context
            ``context.offset`` is where the pixels begin in the full image, ``context.full_shape``
            its size; randomness from ``context.rng`` or ``context.standard_normal``.

        Returns
        -------
        Image or Encoded
            ``Encoded`` when the image went through a codec: the size is recorded.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement modify()")
