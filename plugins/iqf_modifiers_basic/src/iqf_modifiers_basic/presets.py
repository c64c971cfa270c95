"""Chains with a name, and where their numbers come from."""

from __future__ import annotations

#: What an ideal push-broom scanner adds to its optics: a square detector of one pixel, and the
#: motion of the image by one pixel while a line is integrated, along the flight direction
#: (Schowengerdt, *Remote Sensing*, 3rd ed., section 3.4).
PUSHBROOM = ("mtf:aperture_px=1,motion_px=1,motion_axis=y",)

#: The RER and SNR that the predecessor of IQF, iquaflow, ships as labels of the data sets xView
#: and DeepGlobe (``iquaflow/datasets/dataset_labels``). Labels, not measurements: those differ.
#: Images that are worse already are left as they are.
XVIEW_QUALITY = (
    "rer:target=0.56,on_unreachable=keep",
    "snr:target=31,on_unreachable=keep",
)
DEEPGLOBE_QUALITY = (
    "rer:target=0.54,on_unreachable=keep",
    "snr:target=45,on_unreachable=keep",
)
