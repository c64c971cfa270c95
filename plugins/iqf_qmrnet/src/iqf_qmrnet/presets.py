"""The parameters of the paper, by name, and JPEG quality."""

from __future__ import annotations

from collections.abc import Mapping

#: Name -> specification. Ranges and numbers of levels are those of Berga et al., Remote Sensing
#: 15(9) 2451, 2023: blur, sharpness, RER and SNR as published (40 levels from 0.15 to 0.55 and
#: from 15 to 55), scale as the factor 1 to 2 (0.30 to 0.60 m from images of 0.30 m). JPEG quality
#: is ours.
PRESETS: Mapping[str, str] = {
    "sigma": "blur:sigma_px=1.0..2.5/50",
    "sharpness": "adjust_sharpness:factor=1..10/9",
    "rer": "rer:target=0.15..0.55/40,on_unreachable=keep",
    "snr": "snr:target=15..55/40,on_unreachable=keep",
    "scale": "gsd:factor=1..2/10",
    "jpeg": "jpeg:quality=10..95/18",
}
