"""The spectral backbone: power spectra of small windows, and a perceptron on them."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

#: Variance of rounding to 8 bits, relative to the peak: the floor of every spectrum.
_FLOOR = 1 / 12 / 255**2


class Spectral(nn.Module):
    """Welch spectra of an image: what blur, noise, resampling and coding change first.

    The image is cut into windows that overlap by half, weighed with a Hann window, and Fourier
    transformed (Welch, IEEE Trans. Audio Electroacoust. 15, 1967). Of every frequency the network
    sees the logarithm of the mean power over the windows (ruled by edges), the mean logarithm
    (ruled by flat areas), and the logarithm of the mean power after every window was divided by
    its own (the shape alone). A perceptron makes the feature vector of them.

    The number of parameters does not depend on the image's size, which is at least `window`.

    Parameters
    ----------
    window
        Side of a window in pixels, even.
    hidden, features
        Widths of the perceptron's layers.
    dropout
        Share of the features left out in training.
    """

    bands = 1
    taper: Tensor

    def __init__(
        self, window: int = 32, hidden: int = 512, features: int = 256, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.window = window
        self.features = features
        hann = torch.hann_window(window, periodic=False, dtype=torch.float64)
        taper = torch.outer(hann, hann).float()
        self.register_buffer("taper", taper, persistent=False)
        self.floor = _FLOOR * float((taper**2).sum())
        inputs = 3 * window * (window // 2 + 1) + 2
        self.normalise = nn.BatchNorm1d(inputs)
        self.perceptron = nn.Sequential(
            nn.Linear(inputs, hidden),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, features),
            nn.GELU(),
        )

    def spectra(self, planes: Tensor) -> Tensor:
        """Return the statistics of the windows' spectra, (N, inputs) float32.

        Parameters
        ----------
        planes
            (N, 1, H, W) with sides of at least ``window``.
        """
        size = self.window
        if min(planes.shape[-2:]) < size:
            raise ValueError(
                f"images of {planes.shape[-2]} x {planes.shape[-1]} pixels are smaller than the "
                f"network's window of {size}"
            )
        with torch.autocast(planes.device.type, enabled=False):
            planes = (planes if planes.dtype == torch.float64 else planes.float())[:, 0]
            return self._statistics(planes)

    def _statistics(self, planes: Tensor) -> Tensor:
        size = self.window
        cut = planes.unfold(1, size, size // 2).unfold(2, size, size // 2)
        cut = cut.reshape(len(cut), -1, size, size)
        cut = cut - cut.mean(dim=(2, 3), keepdim=True)
        transform = torch.fft.rfft2(cut * self.taper)
        power = (transform.real.square() + transform.imag.square()).flatten(2)
        total = power.mean(2, keepdim=True) + self.floor
        power = power + self.floor
        statistics = [
            power.mean(1).log(),
            power.log().mean(1),
            (power / total).mean(1).log(),
            planes.var(dim=(1, 2)).add(_FLOOR).log()[:, None],
            total.log().mean(1),
        ]
        return torch.cat(statistics, dim=1) - math.log(self.floor)

    def forward(self, planes: Tensor) -> Tensor:
        """Return feature vectors (N, ``features``) of one-band images (N, 1, H, W)."""
        found: Tensor = self.perceptron(self.normalise(self.spectra(planes)))
        return found
