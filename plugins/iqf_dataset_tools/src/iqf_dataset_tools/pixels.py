"""Objects of any format as shapes in pixels of their image."""

from __future__ import annotations

from typing import Any

from iqf_core.api import Annotation, DatasetError, Placement, pixel_shape
from iqf_dataset_tools.outlines import shapely


def in_pixels(each: Annotation, placement: Placement | None) -> Any | None:
    """Return the outline of an object in pixels, made valid; None for one without outline.

    Parameters
    ----------
    each
        The object.
    placement
        Where its image lies on the map, None when that is unknown.
    """
    if each.geometry is None:
        return pixel_shape(each)
    try:
        shape = each.geometry if placement is None else placement.to_pixels(each.geometry, each.crs)
    except DatasetError:
        return None
    return shape if shape.is_valid else shapely.make_valid(shape)
