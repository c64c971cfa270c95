"""Degrading crops by a registered modifier, through its contract and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from iqf_core.api import (
    ConfigurationError,
    Context,
    Encoded,
    Image,
    ImageInput,
    ImageReader,
    IQFError,
    Modifier,
)
from iqf_qmrnet.grid import Head

#: How far beyond the range values are drawn in training, as shares of it: the first that the
#: modifier takes.
_BEYOND = (0.25, 0.1, 0.04)

#: Places of crops, over all images, that are images of their own: each is measured once.
_PLACES = 4096

#: Values of modifiers that look at the whole image first are drawn from so many per level, so
#: that what they find can be kept.
_PER_LEVEL = 4


@dataclass
class Source:
    """An image that crops are cut from.

    Attributes
    ----------
    name, content
        Its name, and the hash of its file.
    image
        The whole of it.
    initial
        Head name -> the value the image has before any degradation, where the modifier brings
        images to a target.
    by_band
        The same of every band, where it differs; `initial` is the least of them.
    """

    name: str
    content: str
    image: Image
    initial: dict[str, float] = field(default_factory=dict)
    by_band: dict[str, tuple[float, ...]] = field(default_factory=dict)


def resolve_head(head: Head, context: Context) -> Head:
    """Find the modifier of a head, try its range, and fill in what the modifier says.

    Raises
    ------
    IQFError
        If no installed plugin brings the modifier, it has no such parameter, or it does not take
        the range.
    """
    registry = context.registry
    assert registry is not None
    component: type[Modifier] = registry.load("modifier", head.modifier)
    described = component.Params.model_fields.get(head.parameter)
    if described is None:
        takes = ", ".join(component.Params.model_fields) or "no parameters"
        raise ConfigurationError(
            f"{head.specification}: modifier/{head.modifier}: unknown parameter "
            f"{head.parameter!r}; it takes {takes}"
        )
    for value in (head.low, head.high):
        _create(head, value, context)
    extra = described.json_schema_extra
    unit = str(extra.get("unit") or "") if isinstance(extra, dict) else ""
    head = replace(head, unit=unit, integer=described.annotation is int)
    if not head.ends:
        return head
    identity = component.identity.get(head.parameter)
    span, half = head.high - head.low, head.step / 2
    unmodified = "above" if _is_target(component) else None
    below = above = None
    if identity is not None and identity < head.low - half:
        unmodified, below = "below", (float(identity), head.low - half)
    elif identity is not None and identity > head.high + half:
        unmodified, above = "above", (head.high + half, float(identity))
    if below is None:
        below = _accepted(
            head, [(head.low - share * span, head.low - half) for share in _BEYOND], 0, context
        )
    if above is None and unmodified != "above":
        above = _accepted(
            head, [(head.high + half, head.high + share * span) for share in _BEYOND], 1, context
        )
    if identity is not None and head.low - half <= identity <= head.low + half:
        below = None  # what lies beyond the identity is no degradation
    return replace(head, outside=(below, above), unmodified=unmodified)


def _accepted(
    head: Head, ranges: Sequence[tuple[float, float]], end: int, context: Context
) -> tuple[float, float] | None:
    for span in ranges:
        if span[0] >= span[1]:
            continue
        try:
            _create(head, span[end], context)
        except IQFError:
            continue
        return span
    return None


def _is_target(component: type[Modifier]) -> bool:
    """Return whether a modifier brings images from a measured quality to a target."""
    return "initial" in component.Params.model_fields and bool(
        getattr(component, "metric_name", "")
    )


def _create(head: Head, value: float, context: Context, **more: Any) -> Modifier:
    given: Any = round(value) if head.integer else float(value)
    assert context.registry is not None
    made: Modifier = context.registry.create(
        "modifier",
        head.modifier,
        {**head.fixed, **more, head.parameter: given},
        context,
        where=head.specification,
    )
    return made


class Degrader:
    """Degrades groups of crops for one head.

    Local modifiers are applied to several crops at once: the crops, each with the modifier's halo
    around it, are laid one below the other, modified as one image and cut out again, which gives
    every crop what the whole image would have there. Global ones are applied to a region of the
    source that several crops lie in, with a margin.

    Parameters
    ----------
    head
        As :func:`resolve_head` returned it.
    sources
        The images. Those that the modifier does not take, or whose initial value cannot be
        measured, are left out; :attr:`left_out` says why.
    crop
        Side of the crops in pixels.
    context
        With the registry.

    Raises
    ------
    IQFError
        If no image is left.
    """

    def __init__(self, head: Head, sources: Sequence[Source], crop: int, context: Context) -> None:
        self.head = head
        self.crop = crop
        self._context = context
        self.left_out: dict[str, str] = {}
        modifier = _create(head, head.high, context)
        self.local = modifier.scope == "local"
        self.prepares = type(modifier).prepare is not Modifier.prepare
        self._target = _is_target(type(modifier))
        #: Whether every crop is an image of its own, with its own initial value and statistics.
        self.by_place = (
            self._target
            and bool(getattr(type(modifier), "varies_by_place", False))
            and not isinstance(head.fixed.get("initial"), (int, float))
        )
        self._states: dict[tuple[str, float], tuple[Modifier, Any]] = {}
        self._pieces: dict[tuple[str, int, int, int | None], Source | None] = {}
        self.sources = [each for each in sources if self._takes(each, modifier)]
        if not self.sources:
            reasons = "; ".join(f"{name}: {why}" for name, why in self.left_out.items())
            raise ConfigurationError(f"{head.specification}: no image is left ({reasons})")
        ends = [head.low, head.high]
        ends += [value for each in head.outside if each for value in each]
        halos = [_create(head, value, context).halo() for value in ends] if self.local else []
        #: How far sources are continued by reflection, so that crops may touch their borders.
        self.halo = max(halos, default=0)
        self._padded: dict[str, NDArray[Any]] = {}

    @property
    def measures_images(self) -> bool:
        """Whether every whole image is looked at for every value, which takes long."""
        return self.prepares and not self.by_place

    def places_of(self, source: Source) -> list[tuple[int, int]]:
        """Return the corners (row, column) that crops of training have where each is measured."""
        return spread(source, self.crop, max(1, _PLACES // len(self.sources)))

    def place(
        self, source: Source, row: int, column: int, band: int | None = None
    ) -> tuple[Source, int, int] | None:
        """Return what :meth:`apply` takes for a crop with that corner.

        That is the source itself. Where the quality differs from place to place, it is the crop
        (of one band, if given) as an image of its own, or None if its value cannot be measured.
        """
        if not self.by_place:
            return source, row, column
        key = (source.name, row, column, band)
        if key not in self._pieces:
            bands = slice(None) if band is None else slice(band, band + 1)
            part = (slice(row, row + self.crop), slice(column, column + self.crop), bands)
            pixels = np.ascontiguousarray(source.image.pixels[part])
            where = f" {row},{column},{band}"
            image = Image(pixels, source.image.peak, gsd_m=source.image.gsd_m)
            piece = Source(source.name + where, source.content + where, image)
            refusal = self._measure(piece, type(_create(self.head, self.head.high, self._context)))
            self._pieces[key] = piece if refusal is None else None
        piece_or_none = self._pieces[key]
        return None if piece_or_none is None else (piece_or_none, 0, 0)

    def limit(self, source: Source) -> float:
        """Return the largest value that the source can be brought to, infinity for any."""
        return source.initial.get(self.head.name, np.inf)

    def snap(self, value: float) -> float:
        """Return the value nearest to `value` that is drawn in training."""
        if self.head.integer:
            return float(round(value))
        if not self.prepares:
            return float(value)
        grain = self.head.step / _PER_LEVEL
        return float(self.head.low + grain * round((value - self.head.low) / grain))

    def unmodified(self, source: Source, positions: Sequence[tuple[int, int]]) -> list[Any]:
        """Return the crops (crop, crop, C) of a source at `positions` (row, column) as they are."""
        size = self.crop
        return [source.image.pixels[y : y + size, x : x + size] for y, x in positions]

    def apply(
        self,
        places: Sequence[tuple[Source, int, int]],
        value: float,
        key: str,
        table: NDArray[Any] | None = None,
    ) -> list[NDArray[Any]]:
        """Return degraded crops.

        Parameters
        ----------
        places
            (source, row, column) of the crops' upper left corners. Their images are of one data
            type, peak and band count; of one source when the modifier looks at the whole image
            first or is global.
        value
            Of the parameter.
        key
            Names the random stream of the group.
        table
            Maps 8-bit values before degradation.

        Returns
        -------
        list of ndarray
            Shape (crop, crop, C), in the images' data type.
        """
        first = places[0][0]
        if self.by_place and len(places) > 1:
            each = (self.apply([place], value, f"{key}|{n}") for n, place in enumerate(places))
            return [crop for crops in each for crop in crops]
        modifier, state = self._prepared(first, value)
        if not self.local:
            return self._in_regions(places, modifier, state, key, table)
        halo, size = modifier.halo(), self.crop
        side = size + 2 * halo
        shift = self.halo - halo
        stacked = np.concatenate(
            [
                self._continued(source)[y + shift : y + shift + side, x + shift : x + shift + side]
                for source, y, x in places
            ]
        )
        modified = self._modify(stacked, first, modifier, state, key, table)
        return [
            modified[top : top + size, halo : halo + size]
            for top in range(halo, len(places) * side, side)
        ]

    def _in_regions(
        self,
        places: Sequence[tuple[Source, int, int]],
        modifier: Modifier,
        state: Any,
        key: str,
        table: NDArray[Any] | None,
    ) -> list[NDArray[Any]]:
        source = places[0][0]
        height, width = source.image.shape[:2]
        rows, columns = [y for _, y, _ in places], [x for _, _, x in places]
        # The region begins where it happens to: codecs' blocks lie anywhere in the crops.
        margin = 8 + int.from_bytes(key.encode()[-1:], "little") % 16
        top, left = max(0, min(rows) - margin), max(0, min(columns) - margin)
        bottom = min(height, max(rows) + self.crop + margin)
        right = min(width, max(columns) + self.crop + margin)
        region = source.image.pixels[top:bottom, left:right]
        modified = self._modify(region, source, modifier, state, key, table)
        size = self.crop
        return [
            modified[y - top : y - top + size, x - left : x - left + size] for _, y, x in places
        ]

    def _modify(
        self,
        pixels: NDArray[Any],
        source: Source,
        modifier: Modifier,
        state: Any,
        key: str,
        table: NDArray[Any] | None,
    ) -> NDArray[Any]:
        if table is not None:
            pixels = table[pixels]
        image = Image(np.ascontiguousarray(pixels), source.image.peak, gsd_m=source.image.gsd_m)
        context = replace(self._context, source_hash=key, offset=(0, 0), full_shape=image.shape)
        result = modifier.modify(image, state, context)
        made = result.image if isinstance(result, Encoded) else result
        if made.shape[:2] != image.shape[:2]:
            raise ConfigurationError(
                f"{self.head.specification}: the modifier changes the images' size, so its "
                "parameter cannot be learned at crop level; choose one that keeps the grid "
                "(gsd: restore_size=true)"
            )
        return made.pixels

    def _prepared(self, source: Source, value: float) -> tuple[Modifier, Any]:
        if not self.prepares:
            return _create(self.head, value, self._context), None
        key = (source.name, value)
        found = self._states.get(key)
        if found is None:
            name = self.head.name
            known = source.by_band.get(name, source.initial.get(name))
            more = {"initial": known} if self._target else {}
            modifier = _create(self.head, value, self._context, **more)
            context = replace(
                self._context, source_hash=source.content, full_shape=source.image.shape
            )
            found = modifier, modifier.prepare(ImageReader.of(source.image), context)
            if not self.by_place:  # thousands of places, and hardly a value twice
                self._states[key] = found
        return found

    def _continued(self, source: Source) -> NDArray[Any]:
        found = self._padded.get(source.name)
        if found is None and self.halo == 0:
            return source.image.pixels
        if found is None:
            halo = self.halo
            found = np.pad(
                source.image.pixels, ((halo, halo), (halo, halo), (0, 0)), mode="symmetric"
            )
            self._padded[source.name] = found
        return found

    def _takes(self, source: Source, modifier: Modifier) -> bool:
        refusal = modifier.supports(source.image.dtype, source.image.bands)
        known = self.by_place or self.head.name in source.initial
        if refusal is None and self._target and not known:
            refusal = self._measure(source, type(modifier))
        if refusal is not None:
            self.left_out[source.name] = refusal
        return refusal is None

    def _measure(self, source: Source, component: type[Modifier]) -> str | None:
        """Note the value that the source has before any degradation; or return why not."""
        given = self.head.fixed.get("initial")
        if isinstance(given, (int, float)):
            source.initial[self.head.name] = float(given)
            return None
        registry = self._context.registry
        assert registry is not None
        known: Mapping[str, Any] = vars(component) | {
            "metric_name": component.metric_name,  # type: ignore[attr-defined]
            "quality": component.quality,  # type: ignore[attr-defined]
        }
        metric = registry.create("metric", given or known["metric_name"], {}, self._context)
        context = replace(self._context, source_hash=source.content, full_shape=source.image.shape)
        reader = ImageReader.of(source.image)
        value = metric.measure(ImageInput(reader, source.content), context).get(known["quality"])
        if value is None or not isinstance(value.value, (int, float)):
            why = value.reason if value is not None else "no such output"
            return f"its {known['quality']} cannot be measured: {why}"
        name, whole = self.head.name, float(value.value)
        source.initial[name] = whole
        if self.by_place:
            known_bands = (band.value for band in value.bands)
            each = tuple(whole if one is None else float(one) for one in known_bands) or (whole,)
            source.by_band[name], source.initial[name] = each, min(each)
        return None


def spread(source: Source, crop: int, count: int) -> list[tuple[int, int]]:
    """Return the corners (row, column) of `count` crops, spread evenly over an image.

    Points of the additive recurrence with the plastic number, the two-dimensional counterpart of
    the golden ratio: of any length, each evenly spread.
    """
    plastic = 1.32471795724474602596
    height, width = source.image.shape[:2]
    steps = 0.5 + np.outer(np.arange(count), (1 / plastic, 1 / plastic**2))
    rows, columns = (steps % 1.0 * (height - crop + 1, width - crop + 1)).astype(int).T
    return [(int(row), int(column)) for row, column in zip(rows, columns, strict=True)]
