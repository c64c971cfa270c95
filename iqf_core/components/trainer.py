"""Trainers: programs that follow the script convention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from iqf_core.components.base import BaseComponent

if TYPE_CHECKING:
    from iqf_core.components.context import Context


@dataclass(frozen=True)
class Command:
    """A program to run for every point of a study.

    The runner appends the arguments of the script convention: ``--outputpath``, ``--trainds``,
    ``--valds``, ``--testds`` and the hyper-parameters as ``--name value``.

    Attributes
    ----------
    arguments
        Program and leading arguments; never passed through a shell.
    folder
        Working folder; None means that of the study.
    environment
        Variables added to the child's environment.
    timeout_s
        Seconds after which it is killed with all its children; None means no limit.
    inputs
        Files and folders whose content decides the result; they enter the fingerprint.
    """

    arguments: Sequence[str]
    folder: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float | None = None
    inputs: Sequence[Path] = ()


class Trainer(BaseComponent):
    """A training program that follows the script convention.

    A plugin's trainer is usually a module: ``Command([sys.executable, "-m", "my_plugin.train"])``.
    """

    kind: ClassVar[str] = "trainer"

    def command(self, folder: Path, context: Context) -> Command:
        """Return the program to run; `folder` is the study's, where relative paths start.

        Raises
        ------
        ConfigurationError
            If the program cannot be run (a missing script, say); called before any work starts.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement command()")
