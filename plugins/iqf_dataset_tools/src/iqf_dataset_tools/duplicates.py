"""The same image twice: by name, by content, and by looks across train, val and test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

import numpy as np

from iqf_core.api import is_image_name
from iqf_dataset_tools.images import ImageFacts
from iqf_dataset_tools.likeness import LEAST_CORRELATION, near_pairs
from iqf_dataset_tools.problems import Problem

#: (part, image)
Place = tuple[str, str]


def same_names(names: Sequence[str]) -> list[Problem]:
    """Report images whose names differ only in folder, suffix or case."""
    seen: dict[str, str] = {}
    found = []
    for name in names:
        path = PurePosixPath(name)
        key = (path.stem if is_image_name(path.name) else path.name).lower()
        first = seen.setdefault(key, name)
        if first != name:
            found.append(Problem("duplicate-name", f"is called like {first!r}", name))
    return found


def same_content(images: Mapping[Place, ImageFacts]) -> list[Problem]:
    """Report files that are byte for byte the same, within a part and across parts."""
    groups: dict[str, list[Place]] = {}
    for place, facts in images.items():
        if facts.digest:
            groups.setdefault(facts.digest, []).append(place)
    found = []
    for places in groups.values():
        first = places[0]
        for place in places[1:]:
            if place[0] == first[0]:
                found.append(
                    Problem(
                        "duplicate-content", f"is the same file as {first[1]!r}", spelled(place)
                    )
                )
            else:
                found.append(
                    Problem("leakage-duplicate", f"is also {spelled(first)!r}", spelled(place))
                )
    return found


def near_duplicates(images: Mapping[Place, ImageFacts]) -> list[Problem]:
    """Report images of different parts that look the same but are not the same file.

    Each image is reported once, with the first it resembles in an earlier part.
    """
    if len({part for part, _ in images}) < 2:
        return []
    clusters: dict[int, list[Place]] = {}
    for place, facts in images.items():
        if facts.likeness is not None:
            clusters.setdefault(facts.likeness, []).append(place)
    values = np.array(list(clusters), np.uint64)
    members = list(clusters.values())
    found: dict[Place, Place] = {}
    parts = dict.fromkeys(part for part, _ in images)
    order = {part: number for number, part in enumerate(parts)}
    for places in members:
        if len(places) > 1:
            _match(images, order, places, places, found)
    for firsts, seconds in near_pairs(values):
        for first, second in zip(firsts.tolist(), seconds.tolist(), strict=True):
            _match(images, order, members[first], members[second], found)
    return [
        Problem("leakage-near-duplicate", f"looks like {spelled(other)!r}", spelled(place))
        for place, other in sorted(found.items())
    ]


def spelled(place: Place) -> str:
    """Return the name of an image with its part, if that has a name."""
    part, name = place
    return name if not part or name.startswith(f"{part}/") else f"{part}/{name}"


#: Images of one hash that an image is compared with in a part, at most: among thousands that look
#: the same one pair says it all.
_COMPARED = 20


def _match(
    images: Mapping[Place, ImageFacts],
    order: Mapping[str, int],
    some: Sequence[Place],
    others: Sequence[Place],
    found: dict[Place, Place],
) -> None:
    """Report each of two groups of alike images with the first in another part."""
    both_ways = ((some, others), (others, some)) if some is not others else ((some, some),)
    for one, two in both_ways:
        heads: dict[str, list[Place]] = {}
        for place in two:
            head = heads.setdefault(place[0], [])
            if len(head) < _COMPARED:
                head.append(place)
        candidates = [place for head in heads.values() for place in head]
        for place in one:
            if place in found:
                continue
            facts = images[place]
            for other in candidates:
                if order[other[0]] >= order[place[0]]:
                    continue
                theirs = images[other]
                if theirs.digest == facts.digest:
                    break  # reported as the same file
                if _correlation(facts, theirs) >= LEAST_CORRELATION:
                    found[place] = other
                    break


def _correlation(one: ImageFacts, two: ImageFacts) -> float:
    a, b = one.grey, two.grey
    a, b = a - a.mean(), b - b.mean()
    length = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / length if length else 0.0
