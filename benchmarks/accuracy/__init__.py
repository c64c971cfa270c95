"""Accuracy of `snr` and `sharpness` against analytic truth."""
