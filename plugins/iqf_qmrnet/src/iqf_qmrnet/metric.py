"""The metric ``qmrnet``: how far an image is degraded, read by a trained network."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

from iqf_core.api import Metric, Output, Value, parameter
from iqf_core.api import Params as BaseParams

if TYPE_CHECKING:
    from iqf_core.api import Context, ImageInput, ImageReader
    from iqf_qmrnet.checkpoint import Model
    from iqf_qmrnet.grid import Head
    from iqf_qmrnet.reading import ImageReading

#: Which way is better, of the parameters whose modifiers leave an image as it is at one of the
#: levels (or whose training did not say); by modifier and parameter.
_BETTER: Mapping[tuple[str, str], Literal["higher", "lower"]] = {
    ("blur", "sigma_px"): "lower",
    ("adjust_sharpness", "factor"): "lower",
    ("rer", "target"): "higher",
    ("snr", "target"): "higher",
    ("gsd", "factor"): "lower",
    ("jpeg", "quality"): "higher",
}


class ReaderParams(BaseParams):
    """The network, and where it looks."""

    model: Path = parameter(
        description="trained QMRNet: the folder that `iqf qmrnet train` wrote",
        example="model",
        primary=True,
    )
    overlap: float = parameter(
        0.0, description="share of their edge that tiles have in common", unit="", ge=0, le=0.9
    )


class QMRNetMetric(Metric):
    """What a trained QMRNet reads in an image, without a reference: one value for each parameter.

    The Quality Metric Regression Network of Berga et al. (Remote Sensing 15(9) 2451, 2023). The
    image is looked at in tiles of the size that the network was trained on, on a fixed grid; tiles
    with invalid pixels, without texture or saturated by more than a quarter are left out. A value
    is the median over the tiles of the expected level, its interval (68 %) what held on validation
    images. Where most of the probability lies outside of the range that was learned, there is no
    value, but on which side.
    """

    Params = ReaderParams

    def __init__(self, params: ReaderParams, model: Model) -> None:
        super().__init__(params)
        self.model = model
        self.outputs = (
            *(_output(head) for head in model.heads),
            Output("tiles", "", None, "tiles that were looked at"),
        )

    @classmethod
    def create(cls, params: BaseParams, context: Context) -> Self:
        """Load the network.

        Raises
        ------
        IQFError
            If there is none at ``model``, or it is truncated.
        """
        from iqf_qmrnet.checkpoint import load_model

        assert isinstance(params, ReaderParams)
        return cls(params, load_model(params.model, context.device))

    def read(self, reader: ImageReader, context: Context) -> ImageReading:
        """Return what the network reads in every tile."""
        from iqf_qmrnet.reading import read_image

        overlap = self.params.overlap
        return read_image(self.model, reader, overlap=overlap, device=context.device)

    def measure(self, subject: ImageInput, context: Context) -> Mapping[str, Value]:
        """Read the image; large ones in strips."""
        found = self.read(subject.reader, context)
        return {**found.values(), "tiles": Value(float(len(found.corners)))}

    def draw(self, subject: ImageInput, context: Context, path: Path) -> None:
        """Draw the image, the map of each parameter over it, and the distributions.

        Parameters
        ----------
        subject, context
            As in :meth:`measure`.
        path
            The figure's file; its suffix says the format.
        """
        from iqf_qmrnet.figure import draw_reading

        draw_reading(subject.reader, self.read(subject.reader, context), path)


def better(head: Head) -> Literal["higher", "lower"] | None:
    """Return which way a parameter is better: that on which the unmodified image lies."""
    if head.unmodified is not None:
        return "lower" if head.unmodified == "below" else "higher"
    return _BETTER.get((head.modifier.partition("@")[0], head.parameter))


def _output(head: Head) -> Output:
    summary = f"{head.parameter} of {head.modifier}, {head.low:g} to {head.high:g}, as read"
    return Output(head.name, head.unit, better(head), summary)
