"""Metrics: measurements of an image, of a pair of images, or of predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from iqf_core.components.base import BaseComponent
from iqf_core.components.modifier import DTYPES

if TYPE_CHECKING:
    from iqf_core.components.context import Context
    from iqf_core.datasets.dataset import Dataset
    from iqf_core.imaging.image import Image
    from iqf_core.imaging.reading import ImageReader


@dataclass(frozen=True)
class Output:
    """One number (or named vector) that a metric gives.

    Attributes
    ----------
    name
        Lower-case snake_case (``rer_x``).
    unit
        ``""`` for none, else ``"px"``, ``"dB"``, ``"cycles/px"`` ….
    better
        Which way is better; None when neither is.
    summary
        One line.
    vector
        Names of the elements when the output is a vector of features; empty for a number.
    """

    name: str
    unit: str = ""
    better: Literal["higher", "lower"] | None = None
    summary: str = ""
    vector: tuple[str, ...] = ()


@dataclass(frozen=True)
class Value:
    """A measured value, or the reason why there is none.

    Attributes
    ----------
    value
        The number (or the vector's numbers); None when nothing honest can be said.
    low, high
        68 % confidence interval, None when unknown.
    reason
        Why there is no value, or what limits it.
    bands
        The same per band, in band order; empty when not asked or not meaningful.
    parts
        The same per part that only the subject names, such as the classes of a dataset; a part
        is tabulated and tracked as ``output.part``.
    """

    value: float | tuple[float, ...] | None
    low: float | None = None
    high: float | None = None
    reason: str | None = None
    bands: tuple[Value, ...] = ()
    parts: Mapping[str, Value] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.value is None and not (self.reason or self.bands or self.parts):
            raise ValueError("a missing value needs a reason")


@dataclass(frozen=True)
class ImageInput:
    """One image to measure: ``image`` reads it whole, ``reader`` gives windows of it."""

    reader: ImageReader
    source_hash: str = ""

    @cached_property
    def image(self) -> Image:
        """The whole image."""
        return self.reader.read()


@dataclass(frozen=True)
class PairInput(ImageInput):
    """An image and its reference, of equal size, bands, data type and peak."""

    reference_reader: ImageReader = field(kw_only=True)

    @cached_property
    def reference(self) -> Image:
        """The whole reference image."""
        return self.reference_reader.read()


@dataclass(frozen=True)
class PredictionsInput:
    """Predictions of a run and the annotated dataset to hold them against.

    Attributes
    ----------
    predictions
        The content of ``output.json``: records in COCO results form, or relative paths.
    folder
        The folder that relative paths start from.
    dataset
        The dataset whose annotations are the ground truth.
    """

    predictions: Sequence[Mapping[str, Any]] | Sequence[str]
    folder: Path
    dataset: Dataset


class Metric(BaseComponent):
    """A measurement.

    A subclass declares ``reads`` and ``outputs`` and implements :meth:`measure`. The same bytes
    give the same numbers, whatever the order and the number of workers.

    Attributes
    ----------
    reads
        ``"image"``: :class:`ImageInput`; ``"pair"``: :class:`PairInput`; ``"predictions"``:
        :class:`PredictionsInput`.
    outputs
        What it gives; a metric whose outputs depend on its parameters sets ``self.outputs`` in
        its constructor.
    """

    kind: ClassVar[str] = "metric"
    reads: ClassVar[Literal["image", "pair", "predictions"]] = "image"
    dtypes: ClassVar[tuple[str, ...]] = DTYPES
    outputs: tuple[Output, ...] = ()

    def supports(self, dtype: str, bands: int) -> str | None:
        """Return None when images of `dtype` and `bands` are taken, else why not and what can."""
        if dtype in self.dtypes:
            return None
        return f"takes {', '.join(self.dtypes)} images, not {dtype}"

    def measure(self, subject: Any, context: Context) -> Mapping[str, Value]:
        """Measure one subject.

        Parameters
        ----------
        subject
            :class:`ImageInput`, :class:`PairInput` or :class:`PredictionsInput`, as `reads` says.
        context
            Registry, cache, device and randomness.

        Returns
        -------
        Mapping
            One :class:`Value` for every declared output.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement measure()")

    def draw(self, subject: Any, context: Context, path: Path) -> None:
        """Draw what the numbers of a subject come from (``iqf measure --figure``); optional.

        Parameters
        ----------
        subject, context
            As in :meth:`measure`.
        path
            The figure's file; its suffix says the format.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement draw()")
