"""The quality map: what was read where in an image, to be looked at before it is believed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from iqf_core.api import ImageReader
    from iqf_qmrnet.reading import HeadReading, ImageReading

#: The longer edge of the picture that maps are drawn over, px.
_PICTURE = 1000


def quality_map(
    reading: HeadReading, corners: NDArray[np.int64], side: int, shape: tuple[int, int], step: int
) -> NDArray[np.float64]:
    """Return the value at every `step`-th pixel, NaN where no tile lies.

    Where tiles overlap it is their mean; tiles beyond the range count as one level beyond it.

    Parameters
    ----------
    reading
        What the tiles say.
    corners, side
        Where they lie.
    shape
        (height, width) of the image in pixels.
    step
        Pixels of the image for one of the map.
    """
    height, width = (-(-length // step) for length in shape)
    total, count = np.zeros((height, width)), np.zeros((height, width))
    centres = reading.head.centres
    outside = reading.sides()
    values = np.where(outside < 0, centres[0], np.where(outside > 0, centres[-1], reading.expected))
    for (row, column), value in zip(corners // step, values, strict=True):
        part = slice(row, row + -(-side // step)), slice(column, column + -(-side // step))
        total[part] += value
        count[part] += 1
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def draw_reading(reader: ImageReader, found: ImageReading, path: Path) -> None:
    """Draw the image, and of every head the map over it and the distribution of its tiles.

    Parameters
    ----------
    reader
        The image.
    found
        What was read in it.
    path
        The figure's file; its suffix says the format (``.png``, ``.svg``, ``.pdf``).
    """
    from matplotlib.figure import Figure

    rows = len(found.heads)
    figure = Figure(figsize=(13, 4 * rows), layout="constrained")
    axes: Any = figure.subplots(rows, 3, squeeze=False)
    figure.suptitle(f"{reader.path.name if reader.path else 'image'}: {found.reason or 'QMRNet'}")
    height, width, _ = reader.shape
    step = max(1, -(-max(height, width) // _PICTURE))
    picture = _picture(reader, step)
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    for line, reading in zip(axes, found.heads, strict=True):
        head = reading.head
        unit = f" [{head.unit}]" if head.unit else ""
        value = found.values()[head.name]
        line[0].imshow(picture, cmap="gray", extent=extent)
        told = f"{value.value:.4g}" if isinstance(value.value, float) else value.reason
        line[0].set_title(f"{head.name}: {told}", fontsize=9)
        values = quality_map(reading, found.corners, found.side, (height, width), step)
        line[1].imshow(picture, cmap="gray", extent=extent)
        shown = line[1].imshow(
            values, extent=extent, alpha=0.6, vmin=head.centres[0], vmax=head.centres[-1]
        )
        figure.colorbar(shown, ax=line[1], label=f"{head.parameter}{unit}")
        line[1].set_title("map")
        _draw_distribution(line[2], reading)
        line[2].set(title="mean distribution of the tiles", xlabel=f"{head.parameter}{unit}")
    figure.savefig(path, dpi=110)


def _draw_distribution(axes: Any, reading: HeadReading) -> None:
    head = reading.head
    if not len(reading.probabilities):
        axes.text(0.5, 0.5, "no tiles", ha="center")
        return
    mean = reading.probabilities.mean(axis=0)
    width = head.step * 0.9
    axes.bar(head.centres[head.inner], mean[head.inner], width)
    if head.ends:
        ends = [0, -1]
        axes.bar(head.centres[ends], mean[ends], width, color="tab:red", label="beyond the range")
        axes.legend(fontsize=8)


def _picture(reader: ImageReader, step: int) -> NDArray[np.float32]:
    """Return every `step`-th pixel of the mean of the bands, (H / step, W / step)."""
    height, width, _ = reader.shape
    picture = np.zeros((-(-height // step), -(-width // step)), np.float32)
    for tile in reader.windows(step * 512):
        pixels = reader.read(tile.window).pixels[::step, ::step].mean(axis=2)
        row, column = tile.window.row // step, tile.window.col // step
        picture[row : row + pixels.shape[0], column : column + pixels.shape[1]] = pixels
    return np.nan_to_num(picture)
