"""Images within a page, as data."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iqf_core.html.fragments import Html, html_tag

#: Of thumbnails; artefacts of degraded images must stay visible, so it is high.
_JPEG_QUALITY = 92


def data_uri(data: bytes, media_type: str) -> str:
    """Return `data` as an address that holds it: ``data:image/png;base64,…``."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def image_data_uri(pixels: NDArray[Any], *, lossless: bool = False) -> str:
    """Return pixels as an address that holds them.

    Parameters
    ----------
    pixels
        uint8, (H, W), (H, W, 1) or (H, W, 3) in the order red, green, blue; see
        :func:`iqf_core.imaging.preview.preview` for any other image.
    lossless
        PNG instead of JPEG at quality 92 without subsampling.

    Raises
    ------
    ValueError
        If the pixels are of another shape or type.
    """
    import cv2

    if (
        pixels.dtype != np.uint8
        or pixels.ndim not in (2, 3)
        or pixels.shape[2:] not in ((), (1,), (3,))
    ):
        raise ValueError(f"expected uint8 (H, W) or (H, W, 3), got {pixels.dtype} {pixels.shape}")
    if pixels.shape[2:] == (3,):
        pixels = pixels[..., ::-1]  # OpenCV's order is blue, green, red
    if lossless:
        return data_uri(cv2.imencode(".png", pixels)[1].tobytes(), "image/png")
    options = [
        cv2.IMWRITE_JPEG_QUALITY,
        _JPEG_QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    return data_uri(cv2.imencode(".jpg", pixels, options)[1].tobytes(), "image/jpeg")


def html_image(
    pixels: NDArray[Any],
    alt: str,
    caption: object = None,
    *,
    overlay: object = None,
    lossless: bool = False,
) -> Html:
    """Return an image with its caption.

    Parameters
    ----------
    pixels
        As for :func:`image_data_uri`.
    alt
        What it shows, for who does not see it.
    caption
        The line below.
    overlay
        What is drawn over it: elements of SVG in pixel coordinates, (0, 0) the corner of the first
        pixel; strokes keep their width whatever the size of the image on the page.
    lossless
        PNG instead of JPEG.
    """
    height, width = pixels.shape[:2]
    small = max(height, width) < 160  # enlarged, pixels stay pixels
    image = html_tag(
        "img",
        src=image_data_uri(pixels, lossless=lossless or small),
        alt=alt,
        width=width,
        height=height,
        loading="lazy",
        class_="pixels" if small else None,
    )
    over = None
    if overlay is not None:
        over = html_tag(
            "svg",
            overlay,
            viewBox=f"0 0 {width} {height}",
            preserveAspectRatio="none",
            aria_hidden="true",
        )
    content = html_tag("div", image, over, class_="picture")
    return html_tag("figure", content, None if caption is None else html_tag("figcaption", caption))
