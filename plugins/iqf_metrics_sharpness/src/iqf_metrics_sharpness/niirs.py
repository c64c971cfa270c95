"""NIIRS predicted from what an image measures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from iqf_core.api import Metric, Output, Value, parameter
from iqf_core.api import Params as BaseParams
from iqf_metrics_sharpness.giqe import giqe4, giqe5, giqe5_rer, outside
from iqf_metrics_sharpness.sharpness import Sharpness
from iqf_metrics_sharpness.snr import Snr

if TYPE_CHECKING:
    from iqf_core.api import Context, ImageInput


class Niirs(Metric):
    """Predict the rating on the National Imagery Interpretability Rating Scale from the image.

    GIQE 5 (NGA, 16 September 2015) takes the ground sampling distance, the relative edge response
    and the signal-to-noise ratio; GIQE 4 (Leachtenauer et al., Applied Optics 36, 1997) the
    overshoot and the noise gain of the sharpening as well. RER and SNR are those of the metrics
    ``sharpness`` and ``snr``, the GSD is given, or that of the image (``iqf.yaml``,
    georeference). Of the two directions, GIQE 5 takes (max x min²)^(1/3) of the RERs, GIQE 4 the
    geometric mean; where only one is known it stands for both, and the reason says so.

    GIQE 4 is quoted as fitted to images with a GSD of 0.076 to 2.03 m, an RER of 0.2 to 1.3 and an
    SNR of 2 to 130. We could not consult the paper to confirm these ranges, and know of none for
    GIQE 5: outside them the value comes with a reason that says so. The SNR of the equations is
    that of a radiometric contrast at the sensor; the one measured in an image is signal over noise
    at the median. Images are taken as seen from above: off nadir, give GIQE 5 the GSD of the image
    plane over sin(elevation angle)^(1/4).
    """

    class Params(BaseParams):
        """Which equation, and what the image does not say."""

        equation: Literal["giqe5", "giqe4"] = parameter("giqe5", description="which equation")
        gsd_m: float | None = parameter(
            None,
            description="ground sampling distance; by default that of the image",
            unit="m",
            example=0.5,
            gt=0,
        )
        overshoot: float = parameter(
            1.0, description="GIQE 4: height of the edge's overshoot H", unit="", gt=0, le=3
        )
        gain: float = parameter(
            1.0, description="GIQE 4: noise gain G of the sharpening", unit="", gt=0, le=100
        )

    outputs = (
        Output("niirs", "", "higher", "predicted rating, 0 to 9"),
        Output("gsd", "m", "lower", "ground sampling distance that was used"),
    )

    def measure(self, subject: ImageInput, context: Context) -> Mapping[str, Value]:
        """Measure RER and SNR of every band, and predict."""
        reader = subject.reader
        gsd_m = self.params.gsd_m or reader.gsd_m
        if gsd_m is None and reader.georeference is not None:
            gsd_m = reader.georeference.gsd_m(reader.shape[:2])
        if not gsd_m:
            reason = "the GSD is not known: give gsd_m, or state it in the dataset's iqf.yaml"
            return {output.name: Value(None, reason=reason) for output in self.outputs}
        edges = self.edge_response(Sharpness(Sharpness.Params()).measure(subject, context))
        noise = Snr(Snr.Params()).measure(subject, context)["snr"]
        bands = tuple(
            self._rating(gsd_m, rer, snr) for rer, snr in zip(edges.bands, noise.bands, strict=True)
        )
        value = self._rating(gsd_m, edges, noise)
        return {"niirs": replace(value, bands=bands), "gsd": Value(gsd_m)}

    def edge_response(self, values: Mapping[str, Value]) -> Value:
        """Return the RER that the equation wants, with every band's."""
        mean, x, y = (values[name] for name in ("rer", "rer_x", "rer_y"))
        if self.params.equation == "giqe4":
            return mean
        bands = tuple(_both(*each) for each in zip(mean.bands, x.bands, y.bands, strict=True))
        return replace(_both(mean, x, y), bands=bands)

    def _rating(self, gsd_m: float, rer: Value, snr: Value) -> Value:
        if not isinstance(rer.value, float):
            return Value(None, reason=f"RER: {rer.reason}")
        if not isinstance(snr.value, float):
            return Value(None, reason=f"SNR: {snr.reason}")
        low = [each.value if each.low is None else each.low for each in (rer, snr)]
        high = [each.value if each.high is None else each.high for each in (rer, snr)]
        value = self._equation(gsd_m, rer.value, snr.value)
        ends = [self._equation(gsd_m, float(r), float(s)) for r, s in (low, high)]  # type: ignore[arg-type]
        limits = [outside(gsd_m, rer.value, snr.value), rer.reason, snr.reason]
        reason = "; ".join(limit for limit in limits if limit) or None
        return Value(value, min(*ends, value), max(*ends, value), reason)

    def _equation(self, gsd_m: float, rer: float, snr: float) -> float:
        if self.params.equation == "giqe5":
            return round(giqe5(gsd_m, rer, snr), 4)
        return round(giqe4(gsd_m, rer, snr, self.params.overshoot, self.params.gain), 4)


def _both(mean: Value, x: Value, y: Value) -> Value:
    """Return GIQE 5's RER of both directions, or `mean` where one of them is not known."""
    if x.value is None or y.value is None:
        return mean

    def weighted(which: str) -> float | None:
        one, other = getattr(x, which), getattr(y, which)
        return None if one is None or other is None else giqe5_rer(one, other)

    return replace(mean, value=weighted("value"), low=weighted("low"), high=weighted("high"))
