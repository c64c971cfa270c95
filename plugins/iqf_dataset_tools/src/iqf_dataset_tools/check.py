"""Checking a dataset: every image, every annotation, and how they fit together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from iqf_dataset_tools import coco, duplicates
from iqf_dataset_tools.geojson import GeoJsonView, check_geojson
from iqf_dataset_tools.images import ImageFacts, examine_all, file_sizes
from iqf_dataset_tools.labels import LABEL_FORMATS, LabelsView, check_labels, passed_on
from iqf_dataset_tools.masks import check_masks
from iqf_dataset_tools.opening import Opened, open_parts, part_of
from iqf_dataset_tools.problems import CheckReport, Problem, Problems, ordered


def check_dataset(
    *paths: Path | str,
    registry: Any,
    peak: float | None = None,
    workers: int | None = 1,
    quiet: bool = False,
) -> CheckReport:
    """Find everything wrong with a dataset.

    Parameters
    ----------
    paths
        The dataset; several are its parts (train, val, test), among which duplicates are leakage.
        Folders called so are found without being named, beside each other or in the image folder.
    registry
        Where annotation formats are found.
    peak
        The value of full scale, in DN, of images that do not say it.
    workers
        Processes that decode images; None for one per core.
    quiet
        Show no progress.

    Raises
    ------
    DatasetError
        If there is no dataset at all: nothing at a path, or no image.
    """
    opened, problems = open_parts([Path(path) for path in paths], registry, peak)
    images: dict[duplicates.Place, ImageFacts] = {}
    objects = 0
    for each in opened:
        found, facts, count = check_part(each, workers, quiet)
        objects += count
        prefix = f"{each.part}/" if each.part else ""
        problems += [_prefixed(problem, prefix) for problem in found]
        for name, known in facts.items():
            images[each.part or part_of(name), name] = known
    problems += duplicates.same_content(images) + duplicates.near_duplicates(images)
    return CheckReport(
        path=", ".join(map(str, paths)),
        parts={each.part or each.layout.path.name: str(each.layout.path) for each in opened},
        images=len(images),
        objects=objects,
        problems=ordered(problems),
    )


def check_part(
    opened: Opened, workers: int | None, quiet: bool
) -> tuple[list[Problem], dict[str, ImageFacts], int]:
    """Check one dataset; return its problems, what its images are, and how many objects it has."""
    stated = opened.stated()
    facts = examine_all(stated, opened.names, file_sizes(stated, opened.names), workers, quiet)
    facts = {name: facts[name] for name in opened.names}
    problems = [*opened.problems, *_image_problems(opened, facts)]
    problems += duplicates.same_names(opened.names)
    annotated: set[str] = set()
    objects = 0
    for format_, path in opened.files:
        found, names, count = _check_file(opened, format_, path, facts)
        problems += found
        annotated |= names
        objects += count
    if opened.files:
        problems += [
            Problem("image-without-annotations", "has no annotation", name)
            for name in opened.names
            if name not in annotated
        ]
    return problems, facts, objects


def _check_file(
    opened: Opened, format_: str, path: Path, facts: Mapping[str, ImageFacts]
) -> tuple[list[Problem], set[str], int]:
    problems = Problems(path.name)
    if format_ in ("coco", "geojson"):
        document = coco.load(path, problems)
        if document is None:
            return problems.found, set(), 0
        if format_ == "coco":
            view = coco.check_coco(document, opened.names, facts, problems)
            return problems.found, view.annotated, view.objects
        geo = GeoJsonView(document, opened.names, facts)
        check_geojson(geo, problems)
        return problems.found, geo.annotated, geo.objects
    if format_ in LABEL_FORMATS:
        labels = LabelsView(format_, path)
        found = check_labels(labels, opened.names, facts)
        read = opened.read(format_, path)
        if isinstance(read, str):
            found.append(Problem("annotations-unreadable", read, path.name))
        else:
            found += passed_on(read.findings, path.name)
        return found, labels.annotated, labels.objects
    read = opened.read(format_, path)
    if isinstance(read, str):
        return [Problem("annotations-unreadable", read, path.name)], set(), 0
    if format_ == "masks":
        return check_masks(read, path, facts), set(read.masks), 0
    found = [
        Problem("unmapped", f"{each.code}: {each.message}", each.file, each.item)
        for each in read.findings
    ]
    return found, read.annotated_images(), len(read.objects)


def _image_problems(opened: Opened, facts: Mapping[str, ImageFacts]) -> list[Problem]:
    found: list[Problem] = []
    bands = opened.dataset.properties.bands if opened.dataset is not None else None
    kinds: Counter[tuple[int, str]] = Counter()
    for name, each in facts.items():
        if each.code:
            found.append(Problem(each.code, each.reason, name))
            continue
        kinds[each.bands, each.dtype] += 1
        if bands is not None and len(bands) != each.bands:
            text = f"has {each.bands} bands, iqf.yaml names {len(bands)}"
            found.append(Problem("band-mismatch", text, name))
        if not each.peak_known and not (opened.dataset and opened.stated().peak):
            text = f"the full scale of this {each.dtype} image is unknown"
            found.append(Problem("unknown-peak", text, name))
    if len(kinds) > 1:
        shown = ", ".join(f"{n} x {b} band(s) {t}" for (b, t), n in kinds.most_common())
        found.append(Problem("mixed-bands", f"the images are of several kinds: {shown}"))
    return found


def _prefixed(problem: Problem, prefix: str) -> Problem:
    return Problem(problem.code, problem.message, prefix + problem.file, problem.item)


def fixable(problems: Sequence[Problem]) -> list[Problem]:
    """Return those that ``iqf dataset fix`` can do something about."""
    return [each for each in problems if each.kind.drop or each.kind.repair]
