"""Where on Earth an image lies, and what happens to that when its pixel grid changes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from iqf_core.errors import UnsupportedImageError
from iqf_core.imaging.grid import Affine6, compose, invert, move_point

#: Mean Earth radius of the WGS 84 ellipsoid in metres (IUGG, R1 = (2 a + b) / 3).
EARTH_RADIUS_M = 6_371_008.8


@dataclass(frozen=True)
class GroundControlPoint:
    """A pixel whose place is known.

    Attributes
    ----------
    row, col
        Pixel coordinates, pixel corners counted.
    x, y, z
        Map coordinates in the CRS of the points.
    id, info
        What the file says about the point.
    """

    row: float
    col: float
    x: float
    y: float
    z: float | None = None
    id: str | None = None
    info: str | None = None


@dataclass(frozen=True)
class Georeference:
    """Where on Earth an image lies.

    Attributes
    ----------
    crs_wkt
        The coordinate reference system of `transform` in WKT, None when unknown.
    transform
        (a, b, c, d, e, f): the pixel position (column x, row y), corners counted, lies at
        (a x + b y + c, d x + e y + f) in the CRS. None when there is none.
    gcps, gcps_crs
        Ground control points and the WKT of their CRS.
    rpcs
        Rational polynomial coefficients, as :class:`rasterio.rpc.RPC` names them; empty for none.
    """

    crs_wkt: str | None = None
    transform: Affine6 | None = None
    gcps: tuple[GroundControlPoint, ...] = ()
    gcps_crs: str | None = None
    rpcs: Mapping[str, Any] = field(default_factory=dict)

    def regridded(self, change: Affine6) -> Georeference:
        """Return the georeference of the image after its pixel grid changed.

        Parameters
        ----------
        change
            Where a pixel position (x, y) of the old grid lies in the new one, as in
            :attr:`iqf_core.components.modifier.Geometry.transform`.

        Raises
        ------
        UnsupportedImageError
            If the change rotates or shears an image with rational polynomial coefficients, which
            can follow shifts and scales only.
        """
        return replace(
            self,
            transform=None if self.transform is None else compose(self.transform, invert(change)),
            gcps=tuple(_moved(point, change) for point in self.gcps),
            rpcs=_regridded_rpcs(self.rpcs, change) if self.rpcs else {},
        )

    def shifted(self, row: int, col: int) -> Georeference:
        """Return the georeference of the window that begins at pixel (`row`, `col`)."""
        return self.regridded((1.0, 0.0, -float(col), 0.0, 1.0, -float(row)))

    def gsd_m(self, shape: tuple[int, int]) -> float | None:
        """Return the ground sampling distance in metres, None when it is not known.

        The geometric mean over both directions: from the CRS's unit for projected systems,
        measured on the sphere at the image's centre for geographic ones and for those whose scale
        is more than 1 % off there (Web Mercator away from the equator). Images that carry only
        rational polynomial coefficients have no GSD here.

        Parameters
        ----------
        shape
            (height, width) in pixels.
        """
        transform, wkt = self._affine()
        if transform is None or not wkt:
            return None
        from rasterio.crs import CRS

        crs = CRS.from_wkt(wkt)
        nominal = None
        if crs.is_projected:
            nominal = math.sqrt(_determinant(transform)) * float(crs.linear_units_factor[1])
            if "mercator" not in wkt.lower() or "transverse" in wkt.lower():
                return nominal
        elif not crs.is_geographic:
            return None
        measured = _measured_gsd(crs, transform, shape)
        if nominal is None or measured is None:
            return nominal if measured is None else measured
        return nominal if abs(nominal / measured - 1) <= 0.01 else measured

    def _affine(self) -> tuple[Affine6 | None, str | None]:
        if self.transform is not None or len(self.gcps) < 3:
            return self.transform, self.crs_wkt
        from rasterio.control import GroundControlPoint as RasterioPoint
        from rasterio.transform import from_gcps

        make: Any = RasterioPoint
        fit: Any = from_gcps
        points = [make(point.row, point.col, point.x, point.y) for point in self.gcps]
        a, b, c, d, e, f = fit(points)[:6]
        return (a, b, c, d, e, f), self.gcps_crs


def _determinant(transform: Affine6) -> float:
    a, b, _, d, e, _ = transform
    return abs(a * e - b * d)


def _moved(point: GroundControlPoint, change: Affine6) -> GroundControlPoint:
    col, row = move_point(change, point.col, point.row)
    return replace(point, row=row, col=col)


def _regridded_rpcs(rpcs: Mapping[str, Any], change: Affine6) -> dict[str, Any]:
    a, b, c, d, e, f = change
    if b or d:
        raise UnsupportedImageError(
            "an image with rational polynomial coefficients (RPC) can be shifted and scaled, "
            "not rotated or sheared; orthorectify it first"
        )
    # RPC line and sample count pixel centres, where (0, 0) is the corner position (0.5, 0.5).
    return {
        **rpcs,
        "line_off": e * (rpcs["line_off"] + 0.5) + f - 0.5,
        "samp_off": a * (rpcs["samp_off"] + 0.5) + c - 0.5,
        "line_scale": rpcs["line_scale"] * e,
        "samp_scale": rpcs["samp_scale"] * a,
    }


def _measured_gsd(crs: Any, transform: Affine6, shape: tuple[int, int]) -> float | None:
    """Measure the pixel at the image's centre on the sphere."""
    from rasterio.warp import transform as to_coordinates

    y, x = shape[0] / 2, shape[1] / 2
    corners = [move_point(transform, x + dx, y + dy) for dx, dy in ((0, 0), (1, 0), (0, 1))]
    longitudes, latitudes = to_coordinates(
        crs, "EPSG:4326", [corner[0] for corner in corners], [corner[1] for corner in corners]
    )
    if not all(map(math.isfinite, (*longitudes, *latitudes))) or abs(latitudes[0]) > 90:
        return None
    latitude = math.radians(latitudes[0])
    metres = [
        (
            EARTH_RADIUS_M * math.radians(longitude - longitudes[0]) * math.cos(latitude),
            EARTH_RADIUS_M * math.radians(other - latitudes[0]),
        )
        for longitude, other in zip(longitudes[1:], latitudes[1:], strict=True)
    ]
    (ax, ay), (bx, by) = metres
    area = abs(ax * by - ay * bx)
    return math.sqrt(area) if area else None
