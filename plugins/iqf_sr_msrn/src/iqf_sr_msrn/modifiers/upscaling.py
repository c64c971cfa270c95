"""What all upscaling modifiers share."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from iqf_core.api import Geometry, Modifier
from iqf_sr_msrn.inference.enlarging import Enlarger, enlarge

if TYPE_CHECKING:
    from iqf_core.api import Context, Image


class Upscaling(Modifier):
    """A modifier that makes the grid finer by a whole factor.

    Annotations, georeference and GSD follow. A subclass implements :meth:`make`.
    """

    scope = "global"
    identity: ClassVar[Mapping[str, float]] = {}

    def make(self) -> Enlarger:
        """Return what enlarges."""
        raise NotImplementedError

    @cached_property
    def enlarger(self) -> Enlarger:
        """What enlarges; made once in each process."""
        return self.make()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "enlarger"}

    def supports(self, dtype: str, bands: int) -> str | None:
        """Return None when images of `dtype` and `bands` are taken, else why not and what can."""
        return super().supports(dtype, bands) or self.enlarger.refusal(bands)

    def geometry(self, shape: tuple[int, int], gsd_m: float | None = None) -> Geometry | None:
        """Return the new grid."""
        return self.enlarger.geometry(shape)

    def modify(self, image: Image, state: Any, context: Context) -> Image:
        """Return the enlarged image, computed in tiles."""
        return enlarge(image, self.enlarger)
