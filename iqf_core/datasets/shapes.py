"""Shapely geometries of annotations: in pixels, and between pixels and the map."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely as untyped_shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from iqf_core.datasets.annotations import Annotation
from iqf_core.datasets.annotations import Polygon as Rings
from iqf_core.errors import DatasetError

if TYPE_CHECKING:
    from iqf_core.imaging.georeference import Georeference

shapely: Any = untyped_shapely

#: Longitude and latitude on WGS 84, the reference system of RFC 7946.
CRS84 = "urn:ogc:def:crs:OGC:1.3:CRS84"

# Of a pixel, or of a metre: what no annotation means.
_GRID = 1e-6

# Only codes are looked up: PROJ and GDAL would take the name of a file or an address, too.
_CODE = re.compile(
    r"(?:urn:ogc:def:crs:EPSG:[\w.]*:|https?://www\.opengis\.net/def/crs/EPSG/\w+/|EPSG:)(\d{1,6})",
    re.I,
)
_LONGITUDE_LATITUDE = re.compile(
    r"(?:urn:ogc:def:crs:OGC:[\w.]*:|OGC:|https?://www\.opengis\.net/def/crs/OGC/[\w.]+/)?CRS84",
    re.I,
)


def parse_crs(text: str) -> Any:
    """Return the rasterio CRS that an annotation file declares.

    Raises
    ------
    DatasetError
        If it is neither an EPSG code, CRS84, nor WKT.
    """
    import rasterio
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    code = _CODE.fullmatch(text.strip())
    environment: Any = rasterio.Env  # outside of one PROJ prints its own errors
    with contextlib.suppress(CRSError), environment():
        if code:
            return CRS.from_epsg(int(code[1]))
        if _LONGITUDE_LATITUDE.fullmatch(text.strip()):
            return CRS.from_epsg(4326)  # rasterio's axes are always longitude, latitude
        if "[" in text:
            return CRS.from_wkt(text)
    raise DatasetError(f"unknown coordinate reference system {text[:80]!r}; expected an EPSG code")


def name_crs(crs: Any) -> str | None:
    """Return the name of a rasterio CRS as GeoJSON declares it, None when it has no EPSG code."""
    code = crs.to_epsg()
    return None if code is None else f"urn:ogc:def:crs:EPSG::{code}"


def pixel_shape(each: Annotation) -> BaseGeometry | None:
    """Return the outline of an object in pixels, None when it has none (points, masks).

    Polygons go before the oriented box, and that before the box.
    """
    if each.polygons:
        return outline(each.polygons)
    if each.oriented_box is not None:
        return valid(shapely.Polygon(each.oriented_box))
    if each.box is not None:
        x, y, width, height = each.box
        return valid(shapely.box(x, y, x + width, y + height))
    return None


def outline(polygons: tuple[Rings, ...]) -> BaseGeometry:
    """Return the polygons of one object as one valid geometry."""
    parts = [valid(shapely.Polygon(rings[0], rings[1:])) for rings in polygons]
    if len(parts) == 1:
        return parts[0]
    try:
        union: BaseGeometry = shapely.union_all(parts)
    except shapely.errors.GEOSException:
        union = shapely.union_all(parts, grid_size=_GRID)
    return union


def valid(geometry: BaseGeometry) -> BaseGeometry:
    """Return `geometry`, mended where it crosses itself."""
    if geometry.is_valid:
        return geometry
    # Where a mended outline has angles that double precision cannot tell, GEOS gives up later.
    rounded = shapely.transform(geometry, lambda points: np.round(points, 9))
    mended: BaseGeometry = shapely.make_valid(rounded)
    return mended


def intersection(first: BaseGeometry, second: BaseGeometry) -> BaseGeometry:
    """Return what two geometries share; on a grid of 1e-6 where double precision is not enough."""
    try:
        shared: BaseGeometry = shapely.intersection(first, second)
    except shapely.errors.GEOSException:
        shared = shapely.intersection(first, second, grid_size=_GRID)
    return shared


def polygons_of(geometry: BaseGeometry) -> tuple[Rings, ...]:
    """Return the parts of a geometry that have an area, with their holes."""
    return tuple(
        tuple(
            tuple((float(x), float(y)) for x, y in ring.coords[:-1])
            for ring in (part.exterior, *part.interiors)
        )
        for part in _areas(shapely.force_2d(geometry))
    )


def _areas(geometry: BaseGeometry) -> list[Any]:
    if isinstance(geometry, shapely.Polygon):
        return [geometry] if geometry.area > 0 else []
    return [part for each in getattr(geometry, "geoms", ()) for part in _areas(each)]


def simplest(geometry: BaseGeometry) -> BaseGeometry:
    """Return only the areas of a geometry that has some, without the lines a cut leaves."""
    parts = _areas(geometry)
    if not parts:
        return geometry
    result: BaseGeometry = parts[0] if len(parts) == 1 else shapely.MultiPolygon(parts)
    return result


class Placement:
    """Where the pixels of a georeferenced image lie on the map.

    Parameters
    ----------
    georeference
        Of the image.

    Raises
    ------
    DatasetError
        If it has no transform (only control points or rational polynomial coefficients).
    """

    def __init__(self, georeference: Georeference) -> None:
        from rasterio.crs import CRS

        if georeference.transform is None:
            raise DatasetError(
                "has no transform between pixels and map coordinates (control points or RPC "
                "only); orthorectify it first"
            )
        a, b, c, d, e, f = georeference.transform
        self._matrix = np.array(((a, b), (d, e)))
        self._origin = np.array((c, f))
        self._inverse = np.linalg.inv(self._matrix)
        self.crs: Any = CRS.from_wkt(georeference.crs_wkt) if georeference.crs_wkt else None

    def to_pixels(self, geometry: BaseGeometry, declared: str | None) -> BaseGeometry:
        """Return a geometry of the annotations in pixels of the image.

        Parameters
        ----------
        geometry
            In map coordinates.
        declared
            The reference system that the annotations declare. Without one it is the image's own;
            but degrees (all within 180 and 90) beside an image in a projected system are longitude
            and latitude, as RFC 7946 has it.

        Raises
        ------
        DatasetError
            If the declared system is unknown.
        """
        system = self.system(geometry, declared)

        def moved(points: NDArray[np.float64]) -> NDArray[np.float64]:
            result: NDArray[np.float64] = (
                _reprojected(points, system, self.crs) - self._origin
            ) @ self._inverse.T
            return result

        result: BaseGeometry = shapely.transform(geometry, moved)
        return result

    def to_map(self, geometry: BaseGeometry, crs: Any) -> BaseGeometry:
        """Return a geometry in pixels in map coordinates of `crs`, None for the image's own.

        Raises
        ------
        DatasetError
            If the image does not say its reference system.
        """
        if crs is not None and self.crs is None:
            raise DatasetError("has a transform but no coordinate reference system")

        def moved(points: NDArray[np.float64]) -> NDArray[np.float64]:
            return _reprojected(points @ self._matrix.T + self._origin, self.crs, crs)

        result: BaseGeometry = shapely.transform(geometry, moved)
        return result

    def system(self, geometry: BaseGeometry, declared: str | None) -> Any:
        """Return the rasterio CRS that `geometry` is in; see :meth:`to_pixels`."""
        if declared is not None:
            return parse_crs(declared)
        if self.crs is not None and self.crs.is_projected:
            points = np.abs(shapely.get_coordinates(geometry))
            if (points <= (180, 90)).all():
                return parse_crs(CRS84)
        return self.crs


def _reprojected(points: NDArray[np.float64], source: Any, target: Any) -> NDArray[np.float64]:
    if source is None or target is None or source == target:
        return points
    from rasterio.errors import RasterioError
    from rasterio.warp import transform

    try:
        x, y = transform(source, target, points[:, 0].tolist(), points[:, 1].tolist())
    except RasterioError as error:
        raise DatasetError(f"coordinates cannot be transformed: {error}") from None
    return np.column_stack((x, y))
