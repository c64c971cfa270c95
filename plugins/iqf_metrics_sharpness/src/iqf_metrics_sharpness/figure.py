"""What was measured, to be looked at before it is believed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from iqf_metrics_sharpness.edges import Measurement
from iqf_metrics_sharpness.response import edge_spread, line_spread, transfer

if TYPE_CHECKING:
    from iqf_core.api import ImageReader

_COLOURS = {"x": "tab:blue", "y": "tab:orange", "other": "tab:green", "together": "tab:red"}

#: The longer edge of the picture that the edges are drawn on, px.
_PICTURE = 1200


def draw(reader: ImageReader, measured: Sequence[Measurement], path: Path, band: int = 0) -> None:
    """Draw the accepted edges, the pooled edge and line spread functions and the MTF.

    Parameters
    ----------
    reader
        The image.
    measured
        What the edges of every band say.
    path
        The figure's file; its suffix says the format (``.png``, ``.svg``, ``.pdf``).
    band
        Index of the band to draw.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 9), layout="constrained")
    axes: Any = figure.subplots(2, 2)
    one = measured[band]
    name = reader.path.name if reader.path else "image"
    tier = f"tier {one.tier}" if one.tier else one.reason
    figure.suptitle(f"{name}, band {band + 1}: {tier}")
    _draw_edges(axes[0, 0], reader, one, band)
    _draw_spread(axes[0, 1], axes[1, 0], one)
    _draw_transfer(axes[1, 1], one)
    figure.savefig(path, dpi=120)


def _draw_edges(axes: Any, reader: ImageReader, measured: Measurement, band: int) -> None:
    height, width, _ = reader.shape
    step = max(1, -(-max(height, width) // _PICTURE))
    picture = np.zeros((-(-height // step), -(-width // step)), np.float32)
    for tile in reader.windows(step * 512):
        pixels = reader.read(tile.window).pixels[::step, ::step, band]
        row, column = tile.window.row // step, tile.window.col // step
        picture[row : row + pixels.shape[0], column : column + pixels.shape[1]] = pixels
    low, high = np.nanquantile(picture, [0.01, 0.99])
    extent = (-0.5, width - 0.5, height - 0.5, -0.5)
    axes.imshow(picture, cmap="gray", vmin=low, vmax=max(high, low + 1e-6), extent=extent)
    edges = measured.system.edges
    if edges is not None:
        from iqf_metrics_sharpness.candidates import CLASSES, classes_of

        number = classes_of(edges.angle)
        cos, sin = np.cos(edges.angle), np.sin(edges.angle)
        x, y = edges.column + edges.offset * cos, edges.row + edges.offset * sin
        for index, direction in enumerate(CLASSES):
            mine = number == index
            ends_x = np.stack([x - 6 * sin, x + 6 * sin])[:, mine]
            ends_y = np.stack([y + 6 * cos, y - 6 * cos])[:, mine]
            axes.plot(ends_x, ends_y, color=_COLOURS[direction], linewidth=1.5)
    axes.set_title("accepted edges")


def _draw_spread(above: Any, below: Any, measured: Measurement) -> None:
    for direction, response in measured.system.responses.items():
        colour = _COLOURS[direction]
        distance, value = measured.system.profile[direction]
        thin = slice(None, None, max(1, len(distance) // 4000))
        above.plot(distance[thin], value[thin], ".", color=colour, markersize=1, alpha=0.25)
        x = np.linspace(-8, 8, 401)
        u = x / response.width
        label = f"{direction}: {response.edges} edges"
        above.plot(x, edge_spread(u, response.shape), color=colour, label=label)
        spread = line_spread(u, response.shape) / response.width
        below.plot(x, spread, color=colour, label=f"{direction}")
    above.set(title="edge spread function", xlabel="px", ylim=(-0.3, 1.3), xlim=(-8, 8))
    below.set(title="line spread function", xlabel="px", xlim=(-8, 8))
    if measured.system.responses:
        above.legend()
        below.legend()


def _draw_transfer(axes: Any, measured: Measurement) -> None:
    frequency = np.linspace(0, 0.6, 121)
    for direction, response in measured.system.responses.items():
        colour = _COLOURS[direction]
        value, low, high = response.interval(partial(transfer, frequency))
        axes.fill_between(frequency, low, high, color=colour, alpha=0.25, linewidth=0)
        axes.plot(frequency, value, color=colour, label=f"{direction}, 68 % interval")
    axes.axvline(0.5, color="gray", linestyle=":")
    axes.set(title="MTF", xlabel="cycles/px", ylim=(0, 1.3), xlim=(0, 0.6))
    if measured.system.responses:
        axes.legend()
