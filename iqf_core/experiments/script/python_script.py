"""The built-in trainer: any Python script that follows the script convention."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pydantic import field_validator

from iqf_core.components.context import Context
from iqf_core.components.parameters import Params, parameter
from iqf_core.components.trainer import Command, Trainer
from iqf_core.errors import ConfigurationError
from iqf_core.experiments.durations import parse_duration
from iqf_core.experiments.script.sources import python_sources


class PythonScript(Trainer):
    """Runs a Python script for every point of a study.

    The script is called with ``--outputpath``, ``--trainds``, where given ``--valds`` and
    ``--testds``, and the hyper-parameters as ``--name value``. It may leave ``results.json``,
    ``output.json`` and any other file in the output folder.
    """

    class Params(Params):
        """Parameters of the script's call."""

        path: str = parameter(
            description="The script, relative to the study's folder", example="train.py"
        )
        timeout: float | None = parameter(
            None, description="Time after which it is killed (90s, 10m, 1h30m)", unit="s"
        )
        python: str | None = parameter(
            None, description="The interpreter; default: the one that runs IQF"
        )
        inputs: list[str] = parameter(
            [], description="Files and folders besides *.py whose content decides the result"
        )
        environment: dict[str, str] = parameter({}, description="Environment variables added")

        @field_validator("timeout", mode="before")
        @classmethod
        def _seconds(cls, value: Any) -> float | None:
            return None if value is None else parse_duration(value)

    def command(self, folder: Path, context: Context) -> Command:
        """Return the call of the script; its folder's ``*.py`` files are its inputs."""
        params = self.params
        script = (folder / params.path).absolute()
        if not script.is_file():
            raise ConfigurationError(f"the script {script} does not exist")
        missing = [path for path in params.inputs if not (folder / path).exists()]
        if missing:
            raise ConfigurationError(f"inputs: {', '.join(missing)} not found in {folder}")
        return Command(
            arguments=[params.python or sys.executable, str(script)],
            folder=folder,
            environment=params.environment,
            timeout_s=params.timeout,
            inputs=[
                *python_sources(script.parent),
                script,
                *((folder / path).absolute() for path in params.inputs),
            ],
        )
