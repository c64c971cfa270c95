"""Which shapes systems have: mean and covariance of the terms, by width."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[Any]

#: Written by :mod:`iqf_metrics_sharpness.shape_library`.
FILE = "shape_prior.json"

#: Standard deviation of every term that no system of the library shows.
_LEAST = 1e-4


@cache
def _table() -> tuple[Floats, Floats, Floats]:
    told = json.loads((files(__package__) / FILE).read_text(encoding="utf-8"))
    names = ("width", "mean", "covariance")
    width, mean, covariance = (np.array(told[name], float) for name in names)
    return width, mean, covariance


def shape_prior(width: float) -> tuple[Floats, Floats]:
    """Return mean (TERMS,) and covariance (TERMS, TERMS) of the shapes of systems of a width.

    Parameters
    ----------
    width
        Of the Gaussian that fits the system's edges, px.
    """
    widths, mean, covariance = _table()
    place = float(np.interp(np.log(width), np.log(widths), np.arange(len(widths))))
    below = min(int(place), len(widths) - 2)
    share = place - below
    both = [each[below] * (1 - share) + each[below + 1] * share for each in (mean, covariance)]
    return both[0], both[1] + _LEAST**2 * np.eye(len(both[0]))
