"""Level 1: import one light plugin module, check it, and register what it declares."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import pluggy

from iqf_core import hookspecs
from iqf_core.errors import PluginError, nearest
from iqf_core.hookspecs import REGISTRATION_HOOKS
from iqf_core.plugin import CONTRACT_VERSION, PROJECT, Component

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_COMMAND_NAME = re.compile(r"[a-z][a-z0-9-]*(\.[a-z][a-z0-9-]*)*")
_TARGET = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")


class IncompatibleContractError(PluginError):
    """The plugin was written for another version of the plugin contract."""


def new_plugin_manager() -> pluggy.PluginManager:
    """Return a pluggy manager that knows IQF's hooks and no plugin."""
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    return manager


def import_module(name: str) -> ModuleType:
    """Import a plugin's light module.

    Raises
    ------
    PluginError
        With the cause in one line, whatever the module raised.
    """
    try:
        return importlib.import_module(name)
    except Exception as error:
        raise PluginError(f"importing {name} raised {_one_line(error)}") from error
    except SystemExit as error:
        raise PluginError(f"importing {name} called sys.exit({error.code!r})") from error


def register(manager: pluggy.PluginManager, module: Any, name: str) -> dict[str, list[Component]]:
    """Check `module` alone, register it, and return the components it declares, by kind.

    Parameters
    ----------
    manager
        The manager that keeps it; left as it was when the plugin is refused.
    module
        The imported plugin module.
    name
        The plugin's name.

    Raises
    ------
    IncompatibleContractError
        If the module declares another contract version.
    PluginError
        If it implements an unknown hook, has wrong argument names, raises while declaring, or
        declares something that is no component.
    """
    contract = getattr(module, "IQF_CONTRACT", CONTRACT_VERSION)
    if contract != CONTRACT_VERSION:
        raise IncompatibleContractError(
            f"written for version {contract} of the plugin contract, this core has "
            f"version {CONTRACT_VERSION}"
        )
    declared = _declared_alone(module, name)
    manager.register(module, name=name)
    return declared


def _declared_alone(module: Any, name: str) -> dict[str, list[Component]]:
    alone = new_plugin_manager()
    try:
        alone.register(module, name=name)
        alone.check_pending()
    except pluggy.PluginValidationError as error:
        raise PluginError(_explain_validation(alone, module, error)) from error
    declared: dict[str, list[Component]] = {}
    for kind, hook_name in REGISTRATION_HOOKS.items():
        hook = getattr(alone.hook, hook_name)
        if not hook.get_hookimpls():
            continue
        try:
            answers = [list(answer) for answer in hook()]
        except Exception as error:
            raise PluginError(f"its hook {hook_name} raised {_one_line(error)}") from error
        declared[kind] = _checked([item for answer in answers for item in answer], kind, hook_name)
    return declared


def _checked(items: Iterable[Any], kind: str, hook_name: str) -> list[Component]:
    components: list[Component] = []
    names: set[str] = set()
    pattern = _COMMAND_NAME if kind == "command" else _NAME
    for item in items:
        if not isinstance(item, Component):
            raise PluginError(f"its hook {hook_name} returned {item!r}, which is no Component")
        for each in (item.name, *item.aliases):
            if not isinstance(each, str) or not pattern.fullmatch(each):
                raise PluginError(
                    f"its hook {hook_name} declares a {kind} named {each!r}; names are "
                    + ("dotted lower-case words" if kind == "command" else "lower-case snake_case")
                )
            if each in names:
                raise PluginError(f"its hook {hook_name} declares {each!r} twice")
            names.add(each)
        if not _TARGET.fullmatch(item.target):
            raise PluginError(
                f"its {kind} {item.name!r} has the target {item.target!r}; "
                "expected 'package.module:Class'"
            )
        components.append(item)
    return components


def _explain_validation(
    manager: pluggy.PluginManager, module: Any, error: pluggy.PluginValidationError
) -> str:
    known = [name for name in dir(hookspecs) if name.startswith("iqf_")]
    for name in dir(module):
        options = manager.parse_hookimpl_opts(module, name)
        if options is None or options["optionalhook"]:
            continue
        hook = options["specname"] or name
        if hook not in known:
            return f"it implements an unknown hook {hook!r}{nearest(hook, known)}"
    return " ".join(str(error).split())


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
