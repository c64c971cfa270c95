"""What a plugin module imports: the hook marker and the declaration of a component.

Standard library and pluggy only, so that listing what is installed costs nothing::

    from iqf_core.plugin import Component, hookimpl

    @hookimpl
    def iqf_modifiers():
        return [Component("vignette", "my_plugin.modifier:Vignette", summary="Darker corners")]
"""

from __future__ import annotations

from dataclasses import dataclass

import pluggy

PROJECT = "iqf"

#: The version of the plugin contract this core implements. A plugin module may declare the one it
#: was written for as ``IQF_CONTRACT = 1``; another number makes the plugin incompatible.
CONTRACT_VERSION = 1

hookimpl = pluggy.HookimplMarker(PROJECT)
hookspec = pluggy.HookspecMarker(PROJECT)


@dataclass(frozen=True)
class Component:
    """The declaration of a component: cheap to make, its code imported on first use.

    Parameters
    ----------
    name
        Lower-case snake_case, the field's term (``gaussian_noise``); a command's is its dotted
        path (``dataset.check``).
    target
        ``"package.module:Class"``, imported on first use.
    summary
        One line for listings.
    aliases
        Other names that find the same component.
    """

    name: str
    target: str
    summary: str = ""
    aliases: tuple[str, ...] = ()
