"""Local component files: a researcher's first modifier or metric, without a distribution."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from iqf_core.errors import PluginError
from iqf_core.files import hash_text
from iqf_core.hookspecs import KINDS
from iqf_core.plugin import Component

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def import_file(path: Path) -> ModuleType:
    """Import the Python file at `path` under a module name made from its absolute path.

    The same file has the same module name in every process, so its classes pickle and its targets
    resolve in workers.

    Raises
    ------
    PluginError
        If there is no such file, or importing it raises.
    """
    path = path.absolute()
    name = f"iqf_local_{path.stem.replace('-', '_')}_{hash_text(str(path))[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    if not path.is_file():
        raise PluginError(f"{path}: no such file; expected a Python file with components")
    specification = importlib.util.spec_from_file_location(name, path)
    if specification is None or specification.loader is None:
        raise PluginError(f"{path}: not a Python file; expected a name that ends in .py")
    module = importlib.util.module_from_spec(specification)
    sys.modules[name] = module
    try:
        specification.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise PluginError(
            f"{path}: importing it raised {type(error).__name__}: {' '.join(str(error).split())}"
        ) from error
    return module


def components_of(module: ModuleType) -> dict[str, list[Component]]:
    """Return a component for every component class that `module` defines, by kind.

    The name is the class attribute ``name`` if there is one, else the class's name in snake_case;
    the summary is the first line of its docstring.
    """
    from iqf_core.components.base import BaseComponent

    found: dict[str, list[Component]] = {}
    for attribute, value in vars(module).items():
        if (
            isinstance(value, type)
            and issubclass(value, BaseComponent)
            and value.__module__ == module.__name__
            and value.kind in KINDS
            and not attribute.startswith("_")
        ):
            found.setdefault(value.kind, []).append(
                Component(
                    name=component_name(value),
                    target=f"{module.__name__}:{attribute}",
                    summary=_first_line(value),
                )
            )
    return found


def component_name(component: type) -> str:
    """Return the name a component class goes by when no plugin declares one."""
    given: Any = getattr(component, "name", None)
    return given if isinstance(given, str) else _CAMEL.sub("_", component.__name__).lower()


def _first_line(component: type) -> str:
    lines = (component.__doc__ or "").strip().splitlines()
    return lines[0].strip() if lines else ""
