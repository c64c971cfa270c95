"""Structural similarity with its window, covariance and border stated."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

from pydantic import model_validator

from iqf_core.api import Output, Value, parameter
from iqf_metrics_similarity.local_statistics import Weighting
from iqf_metrics_similarity.pairs import ColourParams, PairMetric, Plane, Validity, number
from iqf_metrics_similarity.structure import no_window, structural_similarity, too_small

_GAUSSIAN = {"window": "gaussian", "size": 11, "sigma": 1.5, "sample_covariance": False}

#: What the name of a variant stands for.
VARIANTS: dict[str, dict[str, Any]] = {
    "wang2004": {**_GAUSSIAN, "border": "valid"},
    "skimage_gaussian": {**_GAUSSIAN, "border": "valid"},
    "skimage_uniform": {
        "window": "uniform",
        "size": 7,
        "sigma": None,
        "sample_covariance": True,
        "border": "valid",
    },
    "torchmetrics": {**_GAUSSIAN, "border": "reflect"},
}


class Ssim(PairMetric):
    """Structural similarity (Wang et al. 2004), mean over all windows.

    The numbers of other programs, by name:

    ``wang2004``
        Gaussian window of 11 x 11, sigma 1.5, windows within the image; section III-C of the paper
        (its authors' program averages blocks first when an image is larger than 384 pixels: this
        does not).
    ``skimage_gaussian``
        ``skimage.metrics.structural_similarity(..., gaussian_weights=True,
        use_sample_covariance=False)``: the same.
    ``skimage_uniform``
        ``skimage.metrics.structural_similarity`` with its defaults: a uniform window of 7 x 7 and
        the sample covariance.
    ``torchmetrics``
        ``structural_similarity_index_measure`` of torchmetrics 1.5 and later with its defaults: a
        window around every pixel, the image mirrored at its border.

    All with the ``data_range`` of the image's peak, per band; the value over all bands is their
    mean. ``variant=custom`` (or no variant and any other parameter) takes the parameters as given.
    """

    output: ClassVar[Output] = Output(
        "ssim", better="higher", summary="Mean structural similarity, -1 to 1"
    )

    class Params(ColourParams):
        """Parameters of the structural similarity, complete whichever way they were given."""

        variant: Literal[
            "wang2004", "skimage_gaussian", "skimage_uniform", "torchmetrics", "custom"
        ] = parameter("wang2004", description="the program whose numbers it gives", primary=True)
        window: Literal["gaussian", "uniform"] = parameter(
            "gaussian", description="how the pixels of a window are weighted"
        )
        size: int | None = parameter(
            None,
            description="edge of the window, odd; by default 7 if uniform, 3.5 sigma if Gaussian",
            unit="px",
            ge=3,
            le=255,
        )
        sigma: float | None = parameter(
            None,
            description="standard deviation of a Gaussian window, by default 1.5",
            unit="px",
            gt=0,
            le=30,
        )
        sample_covariance: bool = parameter(
            False, description="divide by n - 1 instead of n in a window of n pixels"
        )
        border: Literal["valid", "reflect"] = parameter(
            "valid", description="windows within the image only, or one around every pixel"
        )

        @model_validator(mode="before")
        @classmethod
        def _complete(cls, given: Any) -> Any:
            """Fill in what a variant stands for, and refuse what contradicts its name."""
            if not isinstance(given, dict):
                return given
            own = {"window", "size", "sigma", "sample_covariance", "border"} & given.keys()
            variant = given.get("variant", "custom" if own else "wang2004")
            if variant not in VARIANTS:
                window = given.get("window", "gaussian")
                sigma = given.get("sigma", 1.5 if window == "gaussian" else None)
                completed = {**given, "variant": variant, "sigma": sigma}
                if given.get("size") is None:
                    completed["size"] = 7
                    if window == "gaussian" and isinstance(sigma, int | float):
                        completed["size"] = 2 * int(3.5 * sigma + 0.5) + 1
                return completed
            stands_for = VARIANTS[variant]
            for name in sorted(own):
                if given[name] != stands_for[name]:
                    raise ValueError(
                        f"variant={variant} means {name}={stands_for[name]}, "
                        f"not {given[name]}; leave out variant for a window of your own"
                    )
            return {**given, "variant": variant, **stands_for}

        @model_validator(mode="after")
        def _check(self) -> Self:
            if self.size is None or self.size % 2 == 0:
                raise ValueError(f"size is {self.size}; a window has a middle, so an odd size")
            if (self.window == "gaussian") != (self.sigma is not None):
                raise ValueError("sigma belongs to window=gaussian, and only to it")
            return self

    def compare(self, x: Plane, y: Plane, valid: Validity, data_range: float) -> Value:
        """Return the mean structural similarity of two planes, or why there is none."""
        params = self.params
        margin = params.size // 2
        # A mirror needs one pixel more than it shows.
        needed = params.size if params.border == "valid" else margin + 1
        if reason := too_small(x.shape, needed):
            return Value(None, reason=reason)
        result = structural_similarity(
            x,
            y,
            valid,
            data_range,
            Weighting(params.window, params.size, params.sigma or 0.0),
            border=params.border,
            sample_covariance=params.sample_covariance,
        )
        if not result.windows:
            return Value(None, reason=no_window(params.size))
        return number(result.ssim)
