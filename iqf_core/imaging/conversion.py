"""From computed floating-point values back to an image's data type."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


def to_dtype(values: NDArray[Any], dtype: DTypeLike, *, limit: float | None = None) -> NDArray[Any]:
    """Convert computed values to `dtype`, rounding to nearest and clipping to its range.

    Parameters
    ----------
    values
        Array of any shape, any real data type.
    dtype
        An integer type: values are rounded to the nearest integer, halves to the even one (IEEE
        754), and clipped to ``[0, limit]``; NaN becomes 0. A floating-point type: converted
        without rounding, clipped only when `limit` is given.
    limit
        The largest value of the result, an image's peak for example; None means the largest that
        an integer `dtype` holds.

    Returns
    -------
    ndarray
        A new array of the shape of `values`.

    Examples
    --------
    >>> to_dtype(np.array([-3.0, 0.5, 1.5, 254.6, 300.0]), np.uint8)
    array([  0,   0,   2, 255, 255], dtype=uint8)
    """
    target = np.dtype(dtype)
    if target.kind not in "ui":
        converted: NDArray[Any] = values.astype(target)
        return converted if limit is None else np.minimum(converted, limit, dtype=target)
    largest = np.iinfo(target).max if limit is None else min(int(limit), np.iinfo(target).max)
    if values.dtype.kind in "ui":
        clipped: NDArray[Any] = np.clip(values, 0, largest)
        return clipped.astype(target)
    # fmax and fmin ignore NaN, where clip would pass it on to an undefined conversion.
    rounded: NDArray[Any] = np.fmax(np.rint(values), 0)
    np.fmin(rounded, largest, out=rounded)
    return rounded.astype(target)
