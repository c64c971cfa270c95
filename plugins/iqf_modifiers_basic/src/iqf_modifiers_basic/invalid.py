"""What happens to pixels that carry no measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

if TYPE_CHECKING:
    from iqf_core.imaging.image import Image


def keep_invalid(image: Image, pixels: NDArray[Any]) -> NDArray[Any]:
    """Put the invalid pixels of `image` back into the modified `pixels`, in place.

    Parameters
    ----------
    image
        The image that `pixels` were computed from.
    pixels
        Shape (H, W, C), owned by the caller.

    Returns
    -------
    ndarray
        `pixels`.
    """
    if image.mask is not None:
        invalid = ~image.mask
        if invalid.any():
            pixels[invalid] = image.pixels[invalid]
    return pixels
