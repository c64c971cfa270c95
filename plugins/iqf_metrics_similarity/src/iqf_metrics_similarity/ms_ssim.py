"""Multi-scale structural similarity."""

from __future__ import annotations

from typing import ClassVar, Literal

from iqf_core.api import Output, Value, parameter
from iqf_metrics_similarity.local_statistics import Weighting
from iqf_metrics_similarity.pairs import ColourParams, PairMetric, Plane, Validity, number
from iqf_metrics_similarity.structure import Border, halved, no_window, structural_similarity

#: Wang, Simoncelli, Bovik 2003, section 3.2: exponents of the five scales, finest first.
EXPONENTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)

_WINDOW = Weighting("gaussian", 11, 1.5)
_SMALLEST = _WINDOW.size << (len(EXPONENTS) - 1)


class MultiScaleSsim(PairMetric):
    """Structural similarity over five scales, each of half the last one's resolution.

    MS-SSIM = l_M^aM prod_j (c_j s_j)^bj, Wang, Simoncelli, Bovik, "Multi-scale structural
    similarity for image quality assessment", Asilomar 2003, equation 7, with M = 5 and the
    exponents of its section 3.2: the mean contrast and structure of scales 1 to 4, and the mean
    SSIM (with luminance) of scale 5. Windows are Gaussian, 11 x 11, sigma 1.5; scales are averages
    of 2 x 2 pixels (a last odd row or column is left out).

    Images need 176 pixels on either side. Where the mean contrast-structure of a scale is negative
    (an inverted image) its power is not real: no value; torchmetrics gives 0 there.
    """

    output: ClassVar[Output] = Output(
        "ms_ssim", better="higher", summary="Multi-scale structural similarity, 0 to 1"
    )

    class Params(ColourParams):
        """Parameters of the multi-scale similarity."""

        variant: Literal["wang2003", "torchmetrics"] = parameter(
            "wang2003",
            description="windows within the image; torchmetrics mirrors it in scale 5's SSIM",
            primary=True,
        )

    def compare(self, x: Plane, y: Plane, valid: Validity, data_range: float) -> Value:
        """Return the similarity of two planes, or why there is none."""
        if min(x.shape) < _SMALLEST:
            return Value(
                None,
                reason=f"the image is {x.shape[0]} x {x.shape[1]} pixels; five scales of "
                f"11 x 11 windows need {_SMALLEST} x {_SMALLEST}",
            )
        product, last = 1.0, len(EXPONENTS) - 1
        for scale, exponent in enumerate(EXPONENTS):
            if scale:
                x, y, valid = halved(x, y, valid)
            border: Border = "valid"
            if scale == last and self.params.variant == "torchmetrics":
                border = "reflect"
            result = structural_similarity(x, y, valid, data_range, _WINDOW, border=border)
            if not result.windows:
                return Value(None, reason=f"scale {scale + 1}: {no_window(_WINDOW.size)}")
            factor = result.ssim if scale == last else result.contrast_structure
            if factor < 0:
                what = "SSIM" if scale == last else "contrast-structure"
                return Value(
                    None,
                    reason=f"the mean {what} of scale {scale + 1} is negative, {factor:.3g}: "
                    "its power is not a real number",
                )
            product *= factor**exponent
        return number(product)
