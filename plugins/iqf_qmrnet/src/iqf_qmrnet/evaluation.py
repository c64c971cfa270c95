"""Evaluating a trained network on images: every head, every level, fixed crops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from iqf_core.api import Context, DatasetError, IQFError, progress
from iqf_qmrnet.scoring import HeadEvaluation

if TYPE_CHECKING:
    from iqf_core.api import Dataset
    from iqf_qmrnet.checkpoint import Model
    from iqf_qmrnet.config import TrainingConfig
    from iqf_qmrnet.degradation import Source
    from iqf_qmrnet.grid import Head


def evaluate(
    model: Model,
    dataset: Dataset,
    context: Context,
    *,
    crops: int | None = None,
    seed: int | None = None,
    quiet: bool = False,
) -> list[HeadEvaluation]:
    """Degrade crops of every image to every level of every head, and see what is read.

    Parameters
    ----------
    model
        The trained network.
    dataset
        Images that it has not seen; each at least as large as its crop.
    context
        With the registry, where the modifiers are found.
    crops
        Crops per image, spread evenly over it; by default as in training.
    seed
        Of the modifiers; by default that of the training.
    quiet
        Show no progress.

    Raises
    ------
    DatasetError
        If there are no images, or one is smaller than the crop.
    IQFError
        If a modifier is not installed or takes none of the images.
    """
    from iqf_qmrnet.config import from_mapping
    from iqf_qmrnet.sources import read_sources

    if not len(dataset):
        raise DatasetError(f"{dataset.path}: holds no images to evaluate on")
    config = from_mapping(model.config, f"{model.path}")
    changes = {"validation_crops": crops, "seed": seed}
    config = config.model_copy(update={k: v for k, v in changes.items() if v is not None})
    sources = read_sources(dataset, model.crop, quiet=quiet)
    if config.crop != model.crop:
        config = config.model_copy(update={"crop": model.crop})
    return [_evaluate(model, head, sources, config, context, quiet) for head in model.heads]


def _evaluate(
    model: Model,
    head: Head,
    sources: Sequence[Source],
    config: TrainingConfig,
    context: Context,
    quiet: bool,
) -> HeadEvaluation:
    from iqf_qmrnet.crops import no_crop, validation_crops
    from iqf_qmrnet.degradation import Degrader
    from iqf_qmrnet.reading import read_tiles, sides_of

    degrader = Degrader(head, sources, model.crop, context)
    only = replace(model, heads=(head,))
    number = {id(source): index for index, source in enumerate(degrader.sources)}
    parts: list[tuple[Any, ...]] = []
    done: set[int] = set()
    with progress(f"evaluating {head.name}", len(degrader.sources), quiet=quiet) as bar:
        for source, images, values in validation_crops(head, degrader, config):
            index = number[id(source)]
            if index not in done:
                done.add(index)
                bar.advance()
            tiles = list(images.transpose(0, 2, 3, 1))
            probabilities, expected, spread = read_tiles(only, tiles, context.device)[head.name]
            outside = (
                sides_of(probabilities, head) != 0 if head.ends else np.zeros(len(values), bool)
            )
            level = np.rint(head.position(values)).astype(np.int64)
            image = np.full(len(values), index)
            parts.append((probabilities, outside, expected, spread, level, image))
    if not parts:
        raise IQFError(no_crop(head))
    probabilities, outside, expected, spread, level, image = (
        np.concatenate([part[column] for part in parts]) for column in range(6)
    )
    inner = probabilities[:, head.inner]
    calibration = model.calibration.get(head.name)
    width = np.nan if calibration is None or calibration.interval is None else calibration.interval
    return HeadEvaluation(
        head=head,
        probabilities=inner / np.maximum(inner.sum(axis=1, keepdims=True), 1e-300),
        outside=outside,
        expected=expected,
        half=spread * width,
        level=level,
        image=image,
        names=tuple(source.name for source in degrader.sources),
        left_out=dict(degrader.left_out),
    )
