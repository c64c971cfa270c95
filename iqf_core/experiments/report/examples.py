"""Example images of a study: the same place at every degradation, with what was predicted there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from iqf_core.datasets.dataset import open_dataset
from iqf_core.errors import IQFError
from iqf_core.experiments.measuring.leavings import generated_images, run_output
from iqf_core.experiments.report.drawing import (
    Matched,
    Outline,
    Prediction,
    bounds,
    key,
    match,
    outline_of,
    overlay,
    read_predictions,
)
from iqf_core.experiments.report.options import ReportOptions
from iqf_core.experiments.results.table import is_reference
from iqf_core.experiments.tracking.records import RunRecord
from iqf_core.html.fragments import Html, html_grid, html_note, html_tag
from iqf_core.html.images import html_image
from iqf_core.imaging.preview import preview
from iqf_core.imaging.reading import open_image
from iqf_core.imaging.windows import Window
from iqf_core.modification.manifest import read_manifest

if TYPE_CHECKING:
    from iqf_core.datasets.dataset import Dataset
    from iqf_core.experiments.study_file import StudySettings
    from iqf_core.plugins.registry import Registry

#: Longest side of what is shown of an image, in pixels of the unmodified one.
_SIDE = 320
#: More degradations than this would make the page heavy; they are picked evenly.
_MOST_COPIES = 24
_ROLES = ("val", "test", "train")


@dataclass
class _Copy:
    """A dataset at one degradation.

    Attributes
    ----------
    label
        The degradation.
    run
        The run whose predictions are drawn.
    dataset
        The copy.
    names
        Name of an image in the source -> in the copy.
    predictions
        What the run predicted, by image; None when it predicted nothing that can be drawn.
    generated
        Images that the run generated, by the stem of their name.
    """

    label: str
    run: RunRecord
    dataset: Dataset
    names: Mapping[str, str]
    predictions: Mapping[str, list[Prediction]] | None = None
    generated: Mapping[str, Path] = field(default_factory=dict)


def examples_section(
    runs: Sequence[RunRecord],
    settings: StudySettings,
    registry: Registry,
    options: ReportOptions,
) -> list[Html]:
    """Return example images at every degradation side by side.

    What cannot be shown (a copy that was removed, an image that cannot be read) is named.
    """
    role = next((role for role in (*_ROLES, *settings.datasets) if role in settings.apply_to), "")
    if role not in settings.datasets or options.images < 1:
        return []
    problems: list[str] = []
    try:
        source = open_dataset(settings.datasets[role], registry=registry, peak=settings.peak)
    except IQFError as error:
        return [html_note(f"No examples: {error}")]
    copies, left_out = _find_copies(runs, role, source, settings, registry, options, problems)
    parts: list[Html] = []
    predicted = any(copy.predictions is not None for copy in copies)
    objects = _objects(source)
    for name in _choose(source, objects, options.images):
        cells = []
        place = _place(source, name, objects.get(name, []))
        for copy in copies:
            try:
                cells.append(_figure(copy, name, place))
                made = copy.generated.get(Path(name).stem)
                if made is not None:
                    cells.append(_generated_figure(copy, made, place))
            except IQFError as error:
                problems.append(f"{copy.label}: {error}")
        if cells:
            width = 220 if len(cells) > 3 else 300
            parts += [html_tag("h3", f"{role}: {name}"), html_grid(cells, width=width, columns=2)]
    if parts and (predicted or objects):
        parts.insert(0, key(predicted=predicted))
    if predicted:
        parts.append(
            html_note(
                f"Predictions of the first repetition with a score of {options.min_score:g} or "
                "more, matched with objects of their class from an overlap (IoU) of one half on."
            )
        )
    if left_out:
        parts.append(html_note(f"{left_out} more degradations are not shown."))
    parts += [html_note(f"Not shown: {problem}") for problem in dict.fromkeys(problems)]
    return parts


def _find_copies(
    runs: Sequence[RunRecord],
    role: str,
    source: Dataset,
    settings: StudySettings,
    registry: Registry,
    options: ReportOptions,
    problems: list[str],
) -> tuple[list[_Copy], int]:
    first: dict[str, RunRecord] = {}
    for run in runs:
        first.setdefault(str(run.params.get("modifier")), run)
    chosen = list(first.items())
    chosen.sort(key=lambda item: not is_reference(item[1]))  # the reference first
    step = len(chosen) / _MOST_COPIES
    if step > 1:
        chosen = [chosen[int(n * step)] for n in range(_MOST_COPIES)]
    copies = []
    for label, run in chosen:
        try:
            copies.append(_open(label, run, role, source, settings, registry, options))
        except IQFError as error:
            problems.append(f"{label}: {error}")
    return copies, len(first) - len(chosen)


def _open(
    label: str,
    run: RunRecord,
    role: str,
    source: Dataset,
    settings: StudySettings,
    registry: Registry,
    options: ReportOptions,
) -> _Copy:
    path = _folder(run, role, source, settings)
    dataset = open_dataset(path, registry=registry, peak=settings.peak)
    manifest = read_manifest(path) if path != source.path else None
    names = {name: name for name in source.image_names}
    if manifest is not None:
        names = {entry.old_name: entry.new_name for entry in manifest.images}
    shown = "unmodified" if is_reference(run) else label
    predicted = _predictions(run, dataset, options)
    return _Copy(shown, run, dataset, names, predicted, _generated(run))


def _generated(run: RunRecord) -> dict[str, Path]:
    try:
        folder, names = generated_images(run)
    except IQFError:
        return {}  # most runs generate nothing
    return {Path(name).stem: folder / name for name in names}


def _folder(run: RunRecord, role: str, source: Dataset, settings: StudySettings) -> Path:
    name = str(run.params.get(f"dataset.{role}", source.path.name))
    if name == source.path.name:
        return source.path
    return (settings.copies or source.path.parent) / Path(name).name


def _predictions(
    run: RunRecord, dataset: Dataset, options: ReportOptions
) -> dict[str, list[Prediction]] | None:
    try:
        _, content = run_output(run)
    except IQFError:
        return None  # a run need not predict anything
    annotations = dataset.annotations()
    ids = {Path(name).stem: name for name in dataset.image_names}
    ids |= {name: name for name in dataset.image_names}
    if annotations is not None:
        ids |= {str(record.id): name for name, record in annotations.images.items()}
    found = read_predictions(content, ids, options.min_score)
    return found if found or not content else None


def _objects(source: Dataset) -> dict[str, list[Outline]]:
    """Return the outlines of the objects in each image."""
    annotations = source.annotations()
    found: dict[str, list[Outline]] = {}
    for each in annotations.objects if annotations is not None else ():
        outline = outline_of(each)
        if outline is not None:
            found.setdefault(each.image, []).append(outline)
    return found


def _choose(source: Dataset, objects: Mapping[str, Sequence[Outline]], count: int) -> list[str]:
    """Return the images with most objects; without objects, some evenly from first to last."""
    if objects:
        return sorted(objects, key=lambda name: (-len(objects[name]), name))[:count]
    names = source.image_names
    step = max(1, len(names) // count)
    return list(names[::step][:count])


def _place(
    source: Dataset, name: str, objects: Sequence[Outline]
) -> tuple[float, float, float, float]:
    """Return top, left, height and width of what is shown, as shares of the image."""
    header = source.header(name)
    height, width = header.height, header.width
    rows, columns = min(_SIDE, height), min(_SIDE, width)
    y, x = height / 2, width / 2
    if objects:
        edges = np.array([bounds(outline) for outline in objects])
        centres = np.column_stack([edges[:, 1] + edges[:, 3], edges[:, 0] + edges[:, 2]]) / 2
        # Where most objects are in the window around one of them.
        near = np.abs(centres[:, None] - centres[None]) < (rows / 2, columns / 2)
        y, x = centres[near.all(axis=-1).sum(axis=1).argmax()]
    top = min(max(0.0, y - rows / 2), height - rows)
    left = min(max(0.0, x - columns / 2), width - columns)
    return top / height, left / width, rows / height, columns / width


def _figure(copy: _Copy, name: str, place: tuple[float, float, float, float]) -> Html:
    own = copy.names.get(name)
    if own is None:
        return html_tag("p", f"{copy.label}: not in this copy", class_="note")
    with copy.dataset.open_image(own) as reader:
        window = _window(place, *reader.shape[:2])
        picture = preview(reader.read(window))
    annotations = copy.dataset.annotations()
    objects = annotations.of_image(own) if annotations is not None else ()
    drawn, counts = None, ""
    if copy.predictions is not None:
        matched = match(copy.predictions.get(own, []), objects)
        drawn = overlay(matched, window.offset, window.shape)
        counts = (
            f" · {len(matched.hits)} found, {len(matched.extra)} false, "
            f"{len(matched.missed)} missed"
        )
    elif objects:
        outlines = tuple(filter(None, map(outline_of, objects)))
        drawn = overlay(Matched((), (), outlines), window.offset, window.shape)
    caption = [html_tag("b", copy.label), counts]
    return html_image(picture, f"{own}, {copy.label}", caption, overlay=drawn)


def _generated_figure(copy: _Copy, path: Path, place: tuple[float, float, float, float]) -> Html:
    with open_image(path, peak=copy.dataset.peak or copy.dataset.properties.peak) as reader:
        picture = preview(reader.read(_window(place, *reader.shape[:2])))
    caption = [html_tag("b", copy.label), " · generated by the run"]
    return html_image(picture, f"{path.name}, generated, {copy.label}", caption)


def _window(place: tuple[float, float, float, float], height: int, width: int) -> Window:
    """Return the window that `place` is in an image of this size."""
    rows = min(height, max(1, round(place[2] * height)))
    columns = min(width, max(1, round(place[3] * width)))
    top = min(round(place[0] * height), height - rows)
    left = min(round(place[1] * width), width - columns)
    return Window(top, left, rows, columns)
