"""Objects of any format as shapes in pixels of their image."""

from __future__ import annotations

from typing import Any

from iqf_core.api import Annotation, DatasetError, Placement, pixel_shape


def in_pixels(each: Annotation, placement: Placement | None) -> Any | None:
    """Return the outline of an object in pixels, None for one without outline.

    Parameters
    ----------
    each
        The object.
    placement
        Where its image lies on the map, None when that is unknown.
    """
    if each.geometry is None:
        return pixel_shape(each)
    if placement is None:
        return each.geometry
    try:
        return placement.to_pixels(each.geometry, each.crs)
    except DatasetError:
        return None
