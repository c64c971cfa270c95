"""The spectral backbone: power spectra of small windows, and a perceptron on them."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

#: Variance of rounding to 8 bits, relative to the peak: the floor of every spectrum.
_FLOOR = 1 / 12 / 255**2

#: One level of 8 bits, relative to the peak: what black counts for in logarithms of brightness.
_DARKEST = 1 / 255


class Spectral(nn.Module):
    """Welch spectra of an image: what blur, noise, resampling and coding change first.

    The image is cut into windows that overlap by half, weighed with a Hann window, and Fourier
    transformed (Welch, IEEE Trans. Audio Electroacoust. 15, 1967). Of every frequency the network
    sees the mean logarithm of the power over all windows, and over the eighth of them that has the
    least power: what noise there is shows where nothing else is; and the logarithm of the mean
    power, which is that of the windows with the most detail. Variance and brightness are seen
    beside. A perceptron makes the feature vector of them.

    The number of parameters does not depend on the image's size, which is at least `window`.

    Parameters
    ----------
    window
        Side of a window in pixels, even.
    hidden, features
        Widths of the perceptron's layers.
    dropout
        Share of the features left out in training.
    symmetric
        Average the power of frequencies that flips and transpositions of the image exchange, such
        as (fx, fy) and (fy, -fx): fewer inputs, each surer. Not for parameters with a direction.
    """

    bands = 1
    taper: Tensor

    def __init__(
        self,
        window: int = 32,
        hidden: int = 512,
        features: int = 256,
        dropout: float = 0.1,
        symmetric: bool = True,
    ) -> None:
        super().__init__()
        self.window = window
        self.features = features
        hann = torch.hann_window(window, periodic=False, dtype=torch.float64)
        taper = torch.outer(hann, hann).float()
        self.register_buffer("taper", taper, persistent=False)
        self.floor = _FLOOR * float((taper**2).sum())
        self.symmetric = symmetric
        half = window // 2 + 1
        inputs = 3 * (half * (half + 1) // 2 if symmetric else window * half) + 5
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
        tapered = cut * self.taper
        transform = torch.fft.rfft2(tapered)
        power = transform.real.square() + transform.imag.square()
        total = tapered.square().sum(dim=(2, 3)) + self.floor  # the mean power: Parseval
        folded = self._folded(power) + self.floor
        logs = folded.log()
        quietest = total.argsort(dim=1)[:, : max(1, total.shape[1] // 8), None]
        level = math.log(self.floor)
        totals = total.log()
        statistics = [
            logs.mean(1) - level,
            folded.mean(1).log() - level,
            logs.gather(1, quietest.expand(-1, -1, logs.shape[2])).mean(1) - level,
            planes.var(dim=(1, 2)).add(_FLOOR).log()[:, None] - level,
            totals.mean(1, keepdim=True) - level,
            totals.std(1, keepdim=True, correction=0),
            (planes.mean(dim=(1, 2)).clamp_min(0) + _DARKEST).log()[:, None],
            (planes.flatten(1).median(dim=1).values.clamp_min(0) + _DARKEST).log()[:, None],
        ]
        return torch.cat(statistics, dim=1)

    def _folded(self, power: Tensor) -> Tensor:
        """Return the power (N, W, frequencies) of windows (N, W, size, size / 2 + 1)."""
        if not self.symmetric:
            return power.flatten(2)
        half = self.window // 2
        middle = (power[..., 1:half, :] + power[..., half + 1 :, :].flip(-2)) / 2
        square = torch.cat([power[..., :1, :], middle, power[..., half : half + 1, :]], dim=-2)
        square = (square + square.transpose(-1, -2)) / 2
        rows, columns = torch.triu_indices(half + 1, half + 1, device=power.device)
        return square[..., rows, columns]

    def forward(self, planes: Tensor) -> Tensor:
        """Return feature vectors (N, ``features``) of one-band images (N, 1, H, W)."""
        found: Tensor = self.perceptron(self.normalise(self.spectra(planes)))
        return found
