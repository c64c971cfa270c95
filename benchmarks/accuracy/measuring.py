"""The metrics under test, applied to images in memory."""

from __future__ import annotations

from functools import cache
from typing import Any

from iqf_core.api import Context, Image, ImageInput, ImageReader, Value
from iqf_core.plugins.manager import PluginManager


@cache
def registry() -> Any:
    """Return the registry with every installed plugin."""
    return PluginManager().registry


def measured(image: Image, metric: str = "snr", **params: Any) -> dict[str, Value]:
    """Return every output of `metric` on `image`."""
    context = Context(registry(), full_shape=image.shape)
    found = registry().create("metric", metric, params, context)
    return dict(found.measure(ImageInput(ImageReader.of(image)), context))


def modified(image: Image, modifier: str, seed: int = 0, **params: Any) -> Image:
    """Return `image` after one modifier."""
    context = Context(registry(), seed=seed, source_hash="benchmark", full_shape=image.shape)
    made = registry().create("modifier", modifier, params, context)
    state = made.prepare(ImageReader.of(image), context)
    result = made.modify(image, state, context)
    return result if isinstance(result, Image) else result.image
