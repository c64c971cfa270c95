"""Write ``docs/licences.md`` from the metadata of what is installed.

Run it from the repository's root after a change of dependencies::

    uv run --all-groups python tests/packaging/licences.py
"""

from __future__ import annotations

import importlib.metadata
import itertools
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "licences.md"

INTRODUCTION = """\
# Licences

IQF is under the [Apache License 2.0](https://www.apache.org/licenses/LICENSE-2.0). These are the
licences of what it depends on, as each distribution's metadata states them. A test compares this
page with what is installed; `uv run --all-groups python tests/packaging/licences.py` writes it
anew.
"""

#: What no group brings, so that it is not there to be asked.
NOT_INSTALLED = {"mlflow": "Apache-2.0"}

#: What has no files and no licence of its own: that of what it gathers.
GATHERS = {"cuda-toolkit": "LicenseRef-NVIDIA-Proprietary"}

#: How older metadata spells what SPDX names today; no more precise than they are.
SPELLINGS = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "New BSD": "BSD-3-Clause",
    "Python Software Foundation License": "PSF-2.0",
}


def licence(name: str) -> str:
    """Return the licence of a distribution, in SPDX's terms where its metadata allows."""
    try:
        metadata = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return NOT_INSTALLED[name]
    if expressions := metadata.get_all("License-Expression"):
        return SPELLINGS.get(expressions[0], expressions[0])
    fields = metadata.get_all("License") or []
    stated = fields[0] if fields else ""
    # Some put the whole text of the licence there, some nothing.
    if not stated or len(stated) > 80 or stated == "UNKNOWN":
        classifiers = metadata.get_all("Classifier") or []
        found = [each for each in classifiers if each.startswith("License :: OSI Approved :: ")]
        stated = " OR ".join(SPELLINGS.get(each.split(" :: ")[-1], each) for each in found)
        stated = stated or GATHERS.get(name, "")
    return SPELLINGS.get(stated, stated)


def family(stated: str) -> str:
    """Return what a licence comes to however a version's metadata spells it.

    >>> family("BSD-3-Clause AND 0BSD AND MIT"), family("BSD")
    ('BSD', 'BSD')
    """
    first = re.split(r" (?:AND|OR) ", stated)[0]
    return "BSD" if first.startswith("BSD") else first


def declared() -> dict[str, list[str]]:
    """Return every third-party distribution any ``pyproject.toml`` names, and where."""
    wanted: dict[str, list[str]] = {}
    documents = [
        tomllib.loads(path.read_text(encoding="utf-8"))
        for path in [ROOT / "pyproject.toml", *sorted(ROOT.glob("plugins/*/pyproject.toml"))]
    ]
    own = {document["project"]["name"] for document in documents}
    for document in documents:
        project = document["project"]
        places = {project["name"]: project["dependencies"]}
        for extra, lines in project.get("optional-dependencies", {}).items():
            places[f"{project['name']}[{extra}]"] = lines
        for group, lines in document.get("dependency-groups", {}).items():
            places[f"group {group}"] = [line for line in lines if isinstance(line, str)]
        for place, lines in places.items():
            for line in lines:
                name = canonicalize_name(Requirement(line).name)
                if name not in own:
                    wanted.setdefault(name, []).append(place)
    return dict(sorted(wanted.items()))


def brought(direct: Mapping[str, list[str]]) -> set[str]:
    """Return what else the installation of the core and of the default group brings."""
    roots = [
        name
        for name, places in direct.items()
        if any("[" not in place and place not in ("group docs", "group test") for place in places)
    ]
    seen: set[str] = set()
    pending = list(roots)
    while pending:
        name = pending.pop()
        if name not in seen:
            seen.add(name)
            pending += _requirements(name)
    return seen - direct.keys()


def _requirements(name: str) -> Iterator[str]:
    for line in importlib.metadata.requires(name) or []:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield canonicalize_name(requirement.name)


def direct_line(name: str, places: Iterable[str]) -> str:
    """Return the line of a distribution that is asked for by name."""
    return f"| {name} | {licence(name)} | {', '.join(places)} |"


def brought_line(name: str) -> str:
    """Return the line of a distribution that others bring."""
    return f"| {name} | {licence(name)} |"


def page() -> str:
    """Return the whole document."""
    direct = declared()
    lines = itertools.chain(
        [INTRODUCTION, "## Asked for by name", ""],
        ["| distribution | licence | asked for by |", "| --- | --- | --- |"],
        (direct_line(name, places) for name, places in direct.items()),
        ["", "## Brought along by a default installation", ""],
        ["| distribution | licence |", "| --- | --- |"],
        (brought_line(name) for name in sorted(brought(direct))),
    )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    DOCUMENT.write_text(page(), encoding="utf-8")
