"""Low-resolution images, made by a chain of registered modifiers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from iqf_core.api import Chain, ConfigurationError, Image, modify_whole, parse_specification

if TYPE_CHECKING:
    from iqf_core.api import Context, Modifier


def default_chain(scale: int) -> tuple[str, ...]:
    """Return the chain that is used when none is named: optics, then coarser detectors.

    A Gaussian blur of half a coarse pixel, then the mean over each coarse pixel: at scale 2 this
    is how the QMRLoss study makes its low-resolution images.
    """
    return (
        f"blur:sigma_px={scale / 2:g}",
        f"gsd:factor={scale},interpolation=area,restore_size=false",
    )


@dataclass(frozen=True)
class Degradation:
    """A chain whose last grid is `scale` times coarser.

    Attributes
    ----------
    chain
        The links.
    modifiers
        The components.
    scale
        What the chain divides the size by.
    context
        Registry, seed and device.
    """

    chain: Chain
    modifiers: Sequence[Modifier]
    scale: int
    context: Context

    @classmethod
    def of(cls, specifications: Sequence[str], scale: int, context: Context) -> Degradation:
        """Find the modifiers and see that they shrink by `scale`.

        Raises
        ------
        ConfigurationError
            If they do not, or one is wrong.
        """
        assert context.registry is not None
        parsed = [parse_specification(text) for text in specifications]
        chain = Chain.resolve(parsed, context.registry, "degradation")
        modifiers = chain.create(context.registry, context)
        shape = (48 * scale, 48 * scale)
        expected = (48, 48)
        for modifier in modifiers:
            geometry = modifier.geometry(shape)
            shape = shape if geometry is None else geometry.shape
        if shape != expected:
            factor = 48 * scale / shape[0]
            raise ConfigurationError(
                f"degradation {chain.label!r} divides the size by {factor:g}, the scale is "
                f"{scale}: scale and degradation must agree"
            )
        return cls(chain, modifiers, scale, context)

    @property
    def random(self) -> bool:
        """Whether two low-resolution images of one image may differ."""
        return self.chain.random

    def apply(self, image: Image, key: str) -> Image:
        """Return the low-resolution image of `image`, whose size is a multiple of the scale.

        Parameters
        ----------
        image
            The high-resolution image.
        key
            What the noise of random chains is drawn by, besides the seed.
        """
        low, _ = modify_whole(image, self.modifiers, replace(self.context, source_hash=key))
        expected = (image.height // self.scale, image.width // self.scale, image.bands)
        if low.shape != expected:
            raise ConfigurationError(
                f"degradation {self.chain.label!r} makes {low.shape} of {image.shape}; expected "
                f"{expected}"
            )
        return low


def whole_pixels(image: Image, scale: int) -> Image:
    """Return the image without the last rows and columns that make no whole coarse pixel."""
    height, width = image.height // scale * scale, image.width // scale * scale
    if (height, width) == image.shape[:2]:
        return image
    return image.cut((slice(0, height), slice(0, width)))
