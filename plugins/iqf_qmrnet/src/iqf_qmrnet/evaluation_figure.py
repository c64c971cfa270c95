"""Plots of an evaluation: confusion of levels, and predicted against true values."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from iqf_qmrnet.scoring import HeadEvaluation


def draw_evaluation(found: Sequence[HeadEvaluation], path: Path) -> None:
    """Draw for each head the confusion matrix and the predicted against the true values.

    Parameters
    ----------
    found
        One evaluation for each head.
    path
        The figure's file; its suffix says the format (``.png``, ``.svg``, ``.pdf``).
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 5 * len(found)), layout="constrained")
    axes: Any = figure.subplots(len(found), 2, squeeze=False)
    for (left, right), each in zip(axes, found, strict=True):
        _draw_confusion(left, each)
        _draw_values(right, each)
    figure.savefig(path, dpi=110)


def _draw_confusion(axes: Any, found: HeadEvaluation) -> None:
    counts = found.confusion().astype(float)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    head = found.head
    half = head.step / 2
    extent = (head.low - half, head.high + half, head.low - half, head.high + half)
    shown = axes.imshow(shares, origin="lower", extent=extent, cmap="viridis", aspect="auto")
    axes.figure.colorbar(shown, ax=axes, label="share of the true level")
    summary = found.summary()
    title = f"{head.name}: medR {summary['medr']:g}, R@5 {100 * summary['recall_5']:.1f} %"
    axes.set(title=title, xlabel=_axis(found, "most probable"), ylabel=_axis(found, "true"))


def _draw_values(axes: Any, found: HeadEvaluation) -> None:
    head = found.head
    unit = f" {head.unit}" if head.unit else ""
    levels = np.unique(found.level)
    values = np.asarray(head.levels)[levels]
    spread = np.array(
        [
            np.quantile(found.expected[found.level == each], (0.025, 0.16, 0.5, 0.84, 0.975))
            for each in levels
        ]
    ).T
    axes.fill_between(values, spread[0], spread[4], alpha=0.2, label="95 % of the crops")
    axes.fill_between(values, spread[1], spread[3], alpha=0.35, label="68 % of the crops")
    axes.plot(values, spread[2], label="median")
    axes.plot([head.low, head.high], [head.low, head.high], "k--", linewidth=1, label="true")
    axes.set(
        title=f"{head.name}: MAE {found.summary()['mae']:.3g}{unit}, {len(found.names)} images",
        xlabel=_axis(found, "true"),
        ylabel=_axis(found, "expected"),
    )
    axes.legend(fontsize=8)


def _axis(found: HeadEvaluation, word: str) -> str:
    unit = f" [{found.head.unit}]" if found.head.unit else ""
    return f"{word} {found.head.parameter}{unit}"
