"""Results side by side, with a detail enlarged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iqf_core.api import Image
from iqf_sr_msrn.channels import evaluation_luma, unit_planes
from iqf_sr_msrn.evaluation.comparison import Compared
from iqf_sr_msrn.evaluation.fidelity import fidelity

#: Edge of the detail in pixels of the high-resolution image, at most a third of the image.
_DETAIL_PX = 72


def draw(compared: Compared, path: Path, scale: int) -> None:
    """Draw the target with a frame, and the detail in the frame as every upscaler shows it.

    Parameters
    ----------
    compared
        The images.
    path
        The figure's file; its suffix says the format.
    scale
        Of the comparison.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    row, column, edge = busiest(compared.high)
    details = [
        ("target", compared.high, 1),
        ("input", compared.low, scale),
        *((label, image, 1) for label, image in compared.results.items()),
    ]
    columns = min(4, len(details))
    lines = -(-len(details) // columns)
    figure = Figure(figsize=(3.2 * (columns + 1.4), 3.4 * lines), layout="constrained")
    FigureCanvasAgg(figure)
    subfigures: Any = figure.subfigures(1, 2, width_ratios=[1.4, columns])
    whole, right = subfigures
    axes = whole.subplots()
    axes.imshow(shown(compared.high), interpolation="nearest")
    axes.add_patch(Rectangle((column, row), edge, edge, fill=False, edgecolor="red", linewidth=1.5))
    axes.set_title(compared.name, fontsize=9)
    axes.set_axis_off()
    for axes in np.ravel(right.subplots(lines, columns, squeeze=False)):
        axes.set_axis_off()
    for axes, (label, image, factor) in zip(right.axes, details, strict=False):
        top, left, size = row // factor, column // factor, edge // factor
        part = shown(image)[top : top + size, left : left + size]
        axes.imshow(part, interpolation="nearest", vmin=0, vmax=1)
        title = label
        if label in compared.results:
            title += f"\n{fidelity(image, compared.high, scale).psnr_y:.2f} dB"
        axes.set_title(title, fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def busiest(image: Image) -> tuple[int, int, int]:
    """Return (row, column, edge) of the square that holds most gradient, on a grid of its half."""
    edge = max(8, min(_DETAIL_PX, min(image.shape[:2]) // 3)) // 8 * 8
    edge = min(edge, *image.shape[:2])
    luma = evaluation_luma(unit_planes(image.pixels, image.peak))
    down, across = np.gradient(luma) if min(luma.shape) > 1 else (luma, luma)
    energy = np.hypot(down, across)
    best, place = -1.0, (0, 0)
    step = max(1, edge // 2) // 8 * 8 or 1
    for row in range(0, image.height - edge + 1, step):
        for column in range(0, image.width - edge + 1, step):
            held = float(energy[row : row + edge, column : column + edge].sum())
            if held > best:
                best, place = held, (row, column)
    return (*place, edge)


def shown(image: Image) -> NDArray[Any]:
    """Return (H, W, 3) in [0, 1]: the first three bands, or the first one in grey."""
    bands = [0, 1, 2] if image.bands >= 3 else [0, 0, 0]
    return np.asarray(np.clip(image.pixels[:, :, bands] / np.float64(image.peak), 0, 1))
