"""Hyperspectral images: more bands than OpenCV takes as channels."""

from __future__ import annotations

import numpy as np
import pytest

from iqf_core.api import ImageReader
from iqf_core.testing import make_image

GIVEN = {
    "blur": {"sigma_px": 1.5},
    "motion_blur": {"length_px": 12, "angle_deg": 30},
    "defocus": {"radius_px": 2},
    "mtf": {"sigma_x_px": 1, "sigma_y_px": 0.7},
    "rer": {"target": 0.3, "initial": 0.6},
    "adjust_sharpness": {"factor": 2},
    "unsharp_mask": {"amount": 1},
    "gsd": {"factor": 2},
    "gamma": {"gamma": 2},
    "brightness": {"factor": 1.2},
    "contrast": {"factor": 0.5},
    "haze": {"transmission": 0.7},
    "quantization": {"bits": 5},
}
RANDOM = {
    "gaussian_noise": {"sigma_rel": 0.02},
    "snr": {"target": 20, "initial": 100},
    "shot_noise": {"a": 0.1},
    "salt_and_pepper": {"share": 0.1},
    "dead_pixels": {"share": 0.1},
    "striping": {"gain_sigma": 0.1},
    "band_misregistration": {"max_shift_px": 1},
}


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
@pytest.mark.parametrize("name", [*GIVEN, *RANDOM])
def test_224_bands_are_treated_as_fewer_are(name, dtype, iqf_registry, iqf_context):
    image = make_image(40, 50, 224, dtype, border=3)
    context = iqf_context.at((0, 0), image.shape)
    modifier = iqf_registry.create("modifier", name, {**GIVEN, **RANDOM}[name], context)

    def modified(some):
        state = modifier.prepare(ImageReader.of(some), context)
        return modifier.modify(some, state, context).pixels

    result = modified(image)
    assert result.shape == image.shape
    if name in GIVEN:
        few = image.with_pixels(np.ascontiguousarray(image.pixels[:, :, 120:140]))
        np.testing.assert_allclose(result[:, :, 120:140], modified(few), rtol=1e-6)
    else:
        assert (result != image.pixels).any(axis=(0, 1))[1:].all()
