"""Mappings between pixel grids: six numbers, composed, inverted, applied to points."""

from __future__ import annotations

#: Six numbers (a, b, c, d, e, f): (x, y) goes to (a x + b y + c, d x + e y + f).
Affine6 = tuple[float, float, float, float, float, float]


def move_point(transform: Affine6, x: float, y: float) -> tuple[float, float]:
    """Return where the point (x, y) of the old grid lies in the new one."""
    a, b, c, d, e, f = transform
    return a * x + b * y + c, d * x + e * y + f


def compose(outer: Affine6, inner: Affine6) -> Affine6:
    """Return the mapping that applies `inner` first and `outer` then."""
    a, b, c, d, e, f = outer
    p, q, r, s, t, u = inner
    return (
        a * p + b * s,
        a * q + b * t,
        a * r + b * u + c,
        d * p + e * s,
        d * q + e * t,
        d * r + e * u + f,
    )


def invert(transform: Affine6) -> Affine6:
    """Return the mapping from the new grid to the old one.

    Raises
    ------
    ValueError
        If the mapping flattens the plane.
    """
    a, b, c, d, e, f = transform
    determinant = a * e - b * d
    if not determinant:
        raise ValueError(
            f"{transform} cannot be inverted: it maps the image to a line, and a grid change must "
            "be invertible"
        )
    p, q, s, t = e / determinant, -b / determinant, -d / determinant, a / determinant
    return p, q, -(p * c + q * f), s, t, -(s * c + t * f)
