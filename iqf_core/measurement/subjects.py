"""What is measured: the images of a dataset, or those that a run generated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from iqf_core.imaging.header import ImageHeader, read_header
from iqf_core.imaging.reading import ImageReader, open_image

if TYPE_CHECKING:
    from iqf_core.datasets.dataset import Dataset


@dataclass(frozen=True)
class Source:
    """Where images come from and what is stated of them; crosses to workers as JSON.

    Attributes
    ----------
    name
        What tables call it.
    folder
        What image names are relative to.
    peak, nodata, gsd_m, bands
        What is stated; None leaves it to the files.
    properties
        All that is stated, as metrics see it.
    """

    name: str
    folder: str
    peak: float | None = None
    nodata: float | None = None
    gsd_m: float | None = None
    bands: tuple[str, ...] | None = None
    properties: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, dataset: Dataset) -> Self:
        """Return the source that the images of `dataset` come from."""
        stated = dataset.properties
        return cls(
            name=dataset.name,
            folder=str(dataset.images_folder),
            peak=stated.peak if dataset.peak is None else dataset.peak,
            nodata=stated.nodata,
            gsd_m=stated.gsd_m,
            bands=stated.bands,
            properties=stated.model_dump(mode="json", exclude_none=True),
        )

    def path(self, name: str) -> Path:
        """Return the path of an image."""
        return Path(self.folder, name)

    def open(self, name: str) -> ImageReader:
        """Open an image, with what is stated of it."""
        return open_image(
            self.path(name),
            peak=self.peak,
            nodata=self.nodata,
            gsd_m=self.gsd_m,
            band_names=self.bands,
        )

    def header(self, name: str) -> ImageHeader:
        """Return what is known of an image without decoding it; what is stated goes first."""
        header = read_header(self.path(name))
        peak = header.peak if self.peak is None else self.peak
        return replace(
            header,
            peak=header.peak if header.dtype == "uint8" else peak,
            nodata=header.nodata if self.nodata is None else self.nodata,
        )

    def to_json(self) -> dict[str, Any]:
        """Return everything as a JSON value."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return the source that :meth:`to_json` described."""
        bands = value["bands"]
        return cls(**{**value, "bands": None if bands is None else tuple(bands)})
