"""Values and CPU time of the similarity metrics beside torchmetrics, on a photograph with noise.

    python benchmarks/similarity_against_torchmetrics.py

Needs torch and torchmetrics, which are in no group of this repository. One thread; torchmetrics'
time is given with and without turning the pixels into tensors of floating point.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch
from sklearn.datasets import load_sample_images
from torchmetrics.functional import image as torchmetrics

from iqf_core.api import Context, Image, ImageReader, PairInput, PluginManager

ROUNDS = 9
KINDS = (("uint8", 1, 255.0), ("uint16", 257, 65535.0), ("float32", 1, 255.0))
REGISTRY = PluginManager().registry


def subject(one: Any, other: Any, peak: float) -> PairInput:
    """Return a pair whose pixels are in memory."""
    pair = PairInput(
        ImageReader.of(Image(other, peak)), reference_reader=ImageReader.of(Image(one, peak))
    )
    _ = pair.image, pair.reference
    return pair


def tensor(pixels: Any) -> torch.Tensor:
    """Return an image as torchmetrics takes it."""
    return torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None]


def best(call: Callable[[], Any]) -> float:
    """Return the shortest CPU time of a call in milliseconds."""
    times = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        call()
        times.append(time.process_time() - begun)
    return 1000 * min(times)


def main() -> None:
    """Print both tables."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    one = np.tile(load_sample_images().images[0], (3, 2, 1))[:1024, :1024]
    noise = np.random.default_rng(0).normal(0, 12, one.shape)
    other = np.clip(one + noise, 0, 255).round().astype(np.uint8)
    theirs = {
        "psnr": torchmetrics.peak_signal_noise_ratio,
        "ssim": torchmetrics.structural_similarity_index_measure,
        "ms_ssim": torchmetrics.multiscale_structural_similarity_index_measure,
    }
    print("value        IQF        torchmetrics")
    for name, function in theirs.items():
        params = {} if name == "psnr" else {"variant": "torchmetrics"}
        metric = REGISTRY.create("metric", name, params, Context())
        ours = metric.measure(subject(one, other, 255), Context())[name].value
        expected = float(function(tensor(other), tensor(one), data_range=255.0))
        print(f"{name:8} {ours:11.6f} {expected:11.6f}")
    print("\npsnr, ms     IQF  torchmetrics  with tensors  ratios")
    for dtype, scale, peak in KINDS:
        pixels = [(image.astype(np.float64) * scale).astype(dtype) for image in (one, other)]
        time_psnr(pixels[0], pixels[1], peak)


def time_psnr(one: Any, other: Any, peak: float) -> None:
    """Print one line: PSNR of IQF and of torchmetrics."""
    psnr = REGISTRY.create("metric", "psnr", {}, Context())
    pair = subject(one, other, peak)
    first, second = tensor(one), tensor(other)
    theirs = torchmetrics.peak_signal_noise_ratio
    ours = best(lambda: psnr.measure(pair, Context()))
    bare = best(lambda: theirs(second, first, data_range=peak))
    whole = best(lambda: theirs(tensor(other), tensor(one), data_range=peak))
    ratios = f"{ours / bare:.2f} {ours / whole:.2f}"
    print(f"{one.dtype!s:8} {ours:7.2f} {bare:13.2f} {whole:13.2f}  {ratios}")


if __name__ == "__main__":
    main()
