"""What modifiers to a target have in common: the value an image begins with, and targets missed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from iqf_core.api import (
    ImageInput,
    LeftOutError,
    Modifier,
    PluginError,
    UnsupportedImageError,
    parameter,
)
from iqf_core.api import Params as BaseParams

if TYPE_CHECKING:
    from iqf_core.api import Context, ImageReader, Metric


class TargetParams(BaseParams):
    """Parameters of every modifier to a target; the target itself comes first."""

    target: float
    initial: float | tuple[float, ...] | str | None = parameter(
        None,
        description="the value the images have: a number, one for each band, or the name of the "
        "metric that measures it; by default what iqf.yaml states, else the metric's answer",
        unit="",
        example=40,
    )
    on_unreachable: Literal["error", "skip", "keep"] = parameter(
        "error",
        description="what becomes of an image that already fails the target, or whose value cannot "
        "be measured: an error, skip (not in the copy), keep (as it is)",
    )


class TargetModifier(Modifier):
    """Bring every image from its own value of a quality to a target.

    Attributes
    ----------
    quality
        The quality, as ``iqf.yaml`` and the metric's output call it.
    metric_name
        The metric that measures it unless another is named.
    varies_by_place
        Whether a part of an image has a value of its own, as SNR has that follows the signal; a
        property of the camera, such as RER, is that of every part.
    """

    quality: ClassVar[str] = ""
    metric_name: ClassVar[str] = ""
    varies_by_place: ClassVar[bool] = False
    metric: Metric | None = None
    no_metric: str = ""

    @classmethod
    def create(cls, params: Any, context: Context) -> Self:
        """Make the modifier, and the metric it may ask.

        Raises
        ------
        PluginError
            If ``initial`` names a metric that is not there.
        """
        modifier = cls(params)
        if params.initial is None:
            registry = context.registry
            if registry is not None and registry.find(cls.metric_name, "metric"):
                try:
                    modifier.metric = registry.create("metric", cls.metric_name, {}, context)
                except PluginError as error:
                    # It may not be needed: iqf.yaml goes before it.
                    modifier.no_metric = f" ({error})"
        elif isinstance(params.initial, str):
            if context.registry is None:
                raise UnsupportedImageError(
                    f"initial={params.initial!r} names a metric, but there is no registry here"
                )
            modifier.metric = context.registry.create("metric", params.initial, {}, context)
        return modifier

    def initial_values(self, reader: ImageReader, context: Context) -> tuple[float, ...] | str:
        """Return the value of every band, or why it is not known.

        Raises
        ------
        UnsupportedImageError
            If nothing says the value: neither parameter, ``iqf.yaml`` nor a metric; or the
            parameter has values for another number of bands.
        """
        bands = reader.shape[2]
        given = self.params.initial
        if isinstance(given, float):
            return (given,) * bands
        if isinstance(given, tuple):
            if len(given) != bands:
                raise UnsupportedImageError(
                    f"initial has {len(given)} values, and the image has {bands} bands"
                )
            return given
        if not self.is_measured(context):
            return (float(context.properties[self.quality]),) * bands
        return self.measured_values(reader, context)

    def is_measured(self, context: Context) -> bool:
        """Return whether a metric tells the value: nothing states it."""
        given = self.params.initial
        if isinstance(given, (float, tuple)):
            return False
        return given is not None or context.properties.get(self.quality) is None

    def measured_values(self, reader: ImageReader, context: Context) -> tuple[float, ...] | str:
        """Return what the metric measures in every band, or why it cannot.

        Raises
        ------
        UnsupportedImageError
            If there is no metric, or not one of this quality.
        """
        given = self.params.initial
        if self.metric is None:
            raise UnsupportedImageError(
                f"the {self.quality} that the image has is not known: give it as initial=NUMBER, "
                f"state `{self.quality}:` in the dataset's iqf.yaml (of unmodified images), or "
                f"install a plugin with the metric {self.metric_name!r}{self.no_metric}"
            )
        value = self.metric.measure(ImageInput(reader, context.source_hash), context).get(
            self.quality
        )
        if value is None:
            raise UnsupportedImageError(
                f"the metric {given or self.metric_name!r} has no output {self.quality!r}"
            )
        whole = value.value
        each = tuple(band.value for band in value.bands) or (whole,) * reader.shape[2]
        known = tuple(whole if one is None else one for one in each)
        if all(isinstance(one, (int, float)) for one in known):
            return tuple(float(one) for one in known if isinstance(one, (int, float)))
        return f"its {self.quality} cannot be measured: {value.reason or 'no value in some bands'}"

    def missed(self, reason: str, context: Context) -> None:
        """Do what the user wants when an image cannot be brought to the target.

        Raises
        ------
        UnsupportedImageError, LeftOutError
            With `reason`, unless the image is kept as it is; then it is a note.
        """
        policy = self.params.on_unreachable
        if policy == "keep":
            context.note(f"kept as it is: {reason}")
        elif policy == "skip":
            raise LeftOutError(reason)
        else:
            raise UnsupportedImageError(
                f"{reason}; choose another target, or what to do with such images: "
                "on_unreachable=skip or keep"
            )
