"""Which folders and files of a dataset play which role; decided from names alone."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from iqf_core.components.dataset_format import Finding
from iqf_core.errors import DatasetError, nearest
from iqf_core.imaging.header import is_image_name

Kind = Literal["dataset", "folder", "image"]

#: More names than this are not searched for a similar one.
_MAX_SIBLINGS = 2000


@dataclass
class Walk:
    """The files below a folder, paths with ``/``, sorted; and what is neither file nor folder."""

    files: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    special: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Layout:
    """The roles of folders and files.

    Attributes
    ----------
    path
        The dataset: a folder, or one image file. Absolute.
    kind
        ``"dataset"`` (an image folder inside), ``"folder"`` (of images) or ``"image"`` (one file).
    images_folder
        The folder that image names are relative to.
    image_names
        Paths below `images_folder` with ``/``, sorted.
    others
        Every other file, paths below `path` with ``/``, sorted, mask folders included.
    findings
        What looks odd.
    """

    path: Path
    kind: Kind
    images_folder: Path
    image_names: tuple[str, ...]
    others: tuple[str, ...]
    findings: tuple[Finding, ...]


def find_layout(path: Path | str) -> Layout:
    """Decide the roles of what lies at `path`.

    Raises
    ------
    DatasetError
        If there is nothing, no image, or more than one folder of images.
    """
    location = locate(path)
    try:
        if location.is_dir():
            return _folder_layout(location)
    except OSError as error:
        where = error.filename or location
        raise DatasetError(f"{where}: cannot be read ({error.strerror})") from None
    if not is_image_name(location.name):
        raise DatasetError(f"{location}: neither a folder nor an image file by its suffix")
    return Layout(location, "image", location.parent, (location.name,), (), ())


def locate(path: Path | str) -> Path:
    """Return the absolute form of `path`, which must exist.

    Raises
    ------
    DatasetError
        If it does not; says the nearest name that does.
    """
    text = os.fspath(path)
    if not text or "\0" in text:
        raise DatasetError(f"{text!r} is no path of a dataset")
    given = Path(text)
    # A link keeps its own name; only `..` needs the real folders behind links.
    location = given.resolve() if ".." in given.parts else given.absolute()
    try:
        location.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise DatasetError(_missing(location)) from None
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(f"{location}: cannot be read ({reason})") from None
    require_text([str(location)], location)
    return location


def walk(folder: Path, skip: frozenset[str] = frozenset()) -> Walk:
    """List the files below `folder`, hidden ones left out, without a system call for each.

    Links to folders are followed, but none is entered inside itself.

    Parameters
    ----------
    folder
        Where to begin.
    skip
        Names of sub-folders directly in `folder` that are not entered.
    """
    found = Walk()
    _walk(os.fspath(folder), "", skip, (), found)
    found.files.sort()
    found.special.sort()
    return found


def _walk(
    folder: str, prefix: str, skip: frozenset[str], inside: tuple[str, ...], found: Walk
) -> None:
    links: list[tuple[str, str]] = []
    folders: list[tuple[str, str]] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name[0] == ".":
                continue
            if _is_folder(entry):
                if entry.name not in skip:
                    (links if entry.is_symlink() else folders).append((entry.path, entry.name))
            elif _is_file(entry):
                found.files.append(prefix + entry.name)
            else:
                found.special.append(prefix + entry.name)
    for path, name in sorted(folders):
        found.folders.append(prefix + name)
        _walk(path, f"{prefix}{name}/", frozenset(), inside, found)
    for path, name in sorted(links):
        real = os.path.realpath(path)
        here = os.path.realpath(folder)
        if real in inside or here == real or here.startswith(real + os.sep):
            found.special.append(prefix + name)
            continue
        found.folders.append(prefix + name)
        _walk(path, f"{prefix}{name}/", frozenset(), (*inside, real), found)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Return whether `entry` is a folder or a link to one; a link in a circle is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        if entry.is_file():
            return True
    except OSError:
        pass
    # A dangling link of an image is listed: reading it says what is wrong, by name.
    return entry.is_symlink() and is_image_name(entry.name)


def _folder_layout(path: Path) -> Layout:
    own, subfolders, ignored = _top_level(path)
    candidates = [
        name for name in subfolders if "mask" not in name.lower() and _holds_image(path / name)
    ]
    own_images = [name for name in own if is_image_name(name)]
    if len(candidates) > 1:
        shown = " and ".join(repr(name) for name in candidates[:5])
        more = f" and {len(candidates) - 5} more" if len(candidates) > 5 else ""
        raise DatasetError(
            f"{path}: {shown}{more} both hold images, a dataset has one image folder; give one of "
            "them as the dataset, or move them into one folder"
        )
    if not candidates and not own_images:
        raise DatasetError(_no_images(path, subfolders))
    everything = walk(path, skip=ignored)
    if candidates:
        return _dataset(path, candidates[0], everything, own_images)
    return _plain_folder(path, everything, subfolders)


def _dataset(path: Path, images: str, everything: Walk, own_images: list[str]) -> Layout:
    prefix = images + "/"
    image_names, others = [], []
    for name in everything.files:
        if name.startswith(prefix) and is_image_name(name):
            image_names.append(name[len(prefix) :])
        else:
            others.append(name)
    findings = _oddities(everything, prefix)
    if own_images:
        findings.append(
            Finding(
                "images-beside-folder",
                "warning",
                f"{len(own_images)} image(s) such as {own_images[0]!r} lie beside the image folder "
                f"{images!r}; they are not part of the images",
            )
        )
    return _checked(
        Layout(path, "dataset", path / images, tuple(image_names), tuple(others), tuple(findings))
    )


def _plain_folder(path: Path, everything: Walk, subfolders: list[str]) -> Layout:
    masked = tuple(f"{name}/" for name in subfolders if "mask" in name.lower())
    image_names: list[str] = []
    others: list[str] = []
    for name in everything.files:
        is_image = is_image_name(name) and not name.startswith(masked)
        (image_names if is_image else others).append(name)
    findings = tuple(_oddities(everything, ""))
    return _checked(Layout(path, "folder", path, tuple(image_names), tuple(others), findings))


def _checked(layout: Layout) -> Layout:
    require_text([*layout.image_names, *layout.others], layout.path)
    return layout


def require_text(names: list[str], where: Path) -> None:
    """Raise :class:`DatasetError` when a file name is no valid Unicode.

    Such a name can be written neither to JSON nor to the terminal.
    """
    try:
        "\n".join(names).encode()
    except UnicodeEncodeError:
        bad = next(name for name in names if not _is_text(name))
        raise DatasetError(
            f"{os.fsencode(where)!r}: the file name {os.fsencode(bad)!r} is no valid UTF-8; "
            "rename it"
        ) from None


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _oddities(everything: Walk, prefix: str) -> list[Finding]:
    findings = [
        Finding(
            "not-a-file",
            "warning",
            "neither a file nor a folder, or a link that leads nowhere",
            name,
        )
        for name in everything.special
    ]
    findings += [
        Finding("folder-named-like-image", "warning", "a folder, not an image", name)
        for name in everything.folders
        if name.startswith(prefix) and is_image_name(name)
    ]
    roles = {"masks", *([prefix.rstrip("/") + "_mask"] if prefix else [])}
    findings += [
        Finding(
            "unused-mask-folder",
            "warning",
            f"not used as masks: that folder is called {' or '.join(sorted(roles))}",
            name,
        )
        for name in everything.folders
        if "/" not in name and "mask" in name.lower() and name not in roles
    ]
    return findings


def _top_level(path: Path) -> tuple[list[str], list[str], frozenset[str]]:
    """Return the files, the sub-folders that may play a role, and those that never do."""
    files, folders, ignored = [], [], []
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if not _is_folder(entry):
                files.append(entry.name)
            elif entry.name.lower().startswith("stats"):
                ignored.append(entry.name)
            else:
                folders.append(entry.name)
    return sorted(files), sorted(folders), frozenset(ignored)


def _holds_image(folder: Path) -> bool:
    """Return whether an image lies in `folder` or below it; stops at the first."""
    pending, seen = [os.fspath(folder)], set()
    while pending:
        current = pending.pop()
        real = os.path.realpath(current)
        if real in seen:
            continue
        seen.add(real)
        with os.scandir(current) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if _is_folder(entry):
                    pending.append(entry.path)
                elif is_image_name(entry.name):
                    return True
    return False


def _no_images(path: Path, subfolders: list[str]) -> str:
    images = [name for name in subfolders if "mask" not in name.lower()]
    if len(images) == 1:
        return f"{path}: its image folder {images[0]!r} holds no image file"
    if images:
        shown = ", ".join(repr(name) for name in images[:5])
        return f"{path}: no image file in it or in its sub-folders {shown}"
    return f"{path}: no image file in it, and no sub-folder with images"


def _missing(location: Path) -> str:
    existing = location.parent
    missing = location
    while not existing.is_dir() and existing != existing.parent:
        missing, existing = existing, existing.parent
    siblings: list[str] = []
    try:
        with os.scandir(existing) as entries:
            siblings = [entry.name for entry, _ in zip(entries, range(_MAX_SIBLINGS), strict=False)]
    except OSError:
        pass
    where = "" if missing == location else f" (there is no {missing})"
    return f"{location}: no such file or folder{where}{nearest(missing.name, sorted(siblings))}"
