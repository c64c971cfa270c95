"""Upscalers to compare: modifiers that enlarge by the scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iqf_core.api import ConfigurationError, parse_specification

if TYPE_CHECKING:
    from iqf_core.api import Context, Modifier

_PROBE_PX = 48


@dataclass(frozen=True)
class Upscaler:
    """One of the upscalers of a comparison.

    Attributes
    ----------
    label
        Its specification as the user gave it.
    modifier
        The component.
    """

    label: str
    modifier: Modifier


def make_upscalers(specifications: Sequence[str], scale: int, context: Context) -> list[Upscaler]:
    """Find the modifiers; one with a parameter ``scale`` gets `scale` unless it is given.

    Raises
    ------
    ConfigurationError
        If one is wrong, given twice, or enlarges by another factor.
    """
    assert context.registry is not None
    found: list[Upscaler] = []
    for text in specifications:
        given = parse_specification(text)
        if given.is_grid:
            found += make_upscalers([str(each) for each in given.expand()], scale, context)
            continue
        component = context.registry.load("modifier", given.name)
        params = dict(given.params)
        if "scale" in component.Params.model_fields:
            params.setdefault("scale", scale)
        modifier = context.registry.create(
            "modifier", given.name, params, context, f"upscaler {text}"
        )
        geometry = modifier.geometry((_PROBE_PX, _PROBE_PX))
        shape = (_PROBE_PX, _PROBE_PX) if geometry is None else tuple(geometry.shape)
        if shape != (_PROBE_PX * scale, _PROBE_PX * scale):
            raise ConfigurationError(
                f"upscaler {text}: enlarges {_PROBE_PX / 1:g} px to {shape[0]}, a scale of "
                f"{shape[0] / _PROBE_PX:g}; the comparison is at scale {scale}"
            )
        found.append(Upscaler(text, modifier))
    labels = [each.label for each in found]
    for label in labels:
        if labels.count(label) > 1:
            raise ConfigurationError(f"upscaler {label} is given twice")
    return found
