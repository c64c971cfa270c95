"""``iqf plugins new``: a complete third-party distribution with one component, ready to change."""

from __future__ import annotations

import keyword
import re
import shutil
import sys
import tempfile
from importlib import resources
from pathlib import Path
from string import Template
from typing import NamedTuple

from iqf_core.errors import PluginError

KINDS = ("modifier", "metric")

#: A distribution's name (PEP 508), which also makes a package and a component name.
_NAME = re.compile(r"[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9]")
_COMPONENT = re.compile(r"[a-z][a-z0-9_]*")

#: What the example component of a kind is, for its one-line summary.
_SUMMARIES = {
    "modifier": "Brightness that falls off towards the corners",
    "metric": "Shannon entropy of the pixel values in bits",
}


class Written(NamedTuple):
    """What :func:`write_plugin` wrote.

    Attributes
    ----------
    folder
        The project folder.
    files
        Every file, relative to it, sorted.
    component
        Name of the component.
    """

    folder: Path
    files: list[str]
    component: str


def write_plugin(name: str, kind: str, folder: Path) -> Written:
    """Write the distribution `name` with one component of `kind` to ``folder/name``.

    Parameters
    ----------
    name
        Name of the distribution (``my-vignette``); package and component are called the same in
        snake_case (``my_vignette``).
    kind
        ``"modifier"`` or ``"metric"``.
    folder
        Where the project folder is made; created when missing.

    Returns
    -------
    Written
        The project is there whole or, when an error is raised, not at all.

    Raises
    ------
    PluginError
        If the name or kind cannot be used, or ``folder/name`` is there already.
    """
    if kind not in KINDS:
        raise PluginError(f"cannot start a {kind!r}; expected {' or '.join(KINDS)}")
    package = package_name(name)
    target = Path(folder) / name
    if target.exists() or target.is_symlink():
        raise PluginError(f"{target} is there already; choose another name, or --dir")
    values = {
        "name": name,
        "package": package,
        "component": package,
        "class_name": "".join(part.capitalize() for part in package.split("_")),
        "kind": kind,
        "summary": _SUMMARIES[kind],
    }
    contents = {
        "pyproject.toml": _filled("pyproject.toml", values),
        "README.md": _filled(f"README-{kind}.md", values),
        f"src/{package}/__init__.py": f'"""{_SUMMARIES[kind]}: a plugin for IQF."""\n',
        f"src/{package}/py.typed": "",
        f"src/{package}/plugin.py": _filled("plugin.py", values),
        f"src/{package}/{kind}.py": _filled(f"{kind}.py", values),
        f"tests/test_{package}.py": _filled(f"test_{kind}.py", values),
    }
    try:
        _write_whole(target, contents)
    except OSError as error:
        raise PluginError(f"cannot write {target}: {error.strerror or error}") from error
    return Written(target, sorted(contents), package)


def package_name(name: str) -> str:
    """Return the import package and component name that go with a distribution's name.

    Raises
    ------
    PluginError
        If `name` is no distribution name, or no package can be called so.
    """
    if not _NAME.fullmatch(name):
        raise PluginError(
            f"{name!r} cannot name a distribution: expected letters, digits and single . _ - "
            "between them, such as my-vignette"
        )
    package = re.sub(r"[-_.]+", "_", name).lower()
    if not _COMPONENT.fullmatch(package) or keyword.iskeyword(package):
        raise PluginError(
            f"{name!r} cannot name a Python package ({package!r}): expected a name that starts "
            "with a letter and is no Python keyword, such as my-vignette"
        )
    if package in sys.stdlib_module_names or package in ("iqf_core", "numpy", "tests"):
        raise PluginError(
            f"{name!r} would hide the module {package!r}; choose another name, such as my-{name}"
        )
    return package


def _filled(template: str, values: dict[str, str]) -> str:
    source = resources.files("iqf_core.plugins") / "templates" / f"{template}.template"
    return Template(source.read_text(encoding="utf-8")).substitute(values)


def _write_whole(target: Path, contents: dict[str, str]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        for relative, content in contents.items():
            path = partial / relative
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        partial.chmod(0o755)
        partial.rename(target)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
