"""The arguments of the script convention."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def script_arguments(
    output: Path,
    datasets: Mapping[str, Path],
    params: Mapping[str, Any],
    *,
    seed: int | None = None,
    monitoring: Mapping[str, str] | None = None,
) -> list[str]:
    """Return what is appended to a script's command line.

    Parameters
    ----------
    output
        Its output folder.
    datasets
        Folders by role: ``train`` becomes ``--trainds``.
    params
        Hyper-parameters: ``--name value``; true and false as such, lists and objects as JSON, null
        left out.
    seed
        Passed as ``--seed`` when given.
    monitoring
        ``mlfuri``, ``mlfexpid`` and ``mlfrunid`` when the script may log into its run.
    """
    arguments = ["--outputpath", str(output)]
    for role, path in datasets.items():
        arguments += [f"--{role}ds", str(path)]
    for name, value in params.items():
        if value is not None:
            text = _text(value)
            # A text such as -x would be taken for another option.
            option = isinstance(value, str) and text.startswith("-")
            arguments += [f"--{name}={text}"] if option else [f"--{name}", text]
    if seed is not None:
        arguments += ["--seed", str(seed)]
    for name, text in (monitoring or {}).items():
        arguments += [f"--{name}", text]
    return arguments


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
