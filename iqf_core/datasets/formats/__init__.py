"""The annotation formats the core brings."""

from __future__ import annotations

#: Name -> target of the built-in formats.
BUILTIN_FORMATS: dict[str, str] = {
    "coco": "iqf_core.datasets.formats.coco:CocoFormat",
    "geojson": "iqf_core.datasets.formats.geojson:GeoJsonFormat",
    "masks": "iqf_core.datasets.formats.masks:MasksFormat",
    "plain": "iqf_core.datasets.formats.plain:PlainFormat",
}
