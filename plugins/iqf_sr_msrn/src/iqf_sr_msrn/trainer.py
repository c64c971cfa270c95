"""The training program as a trainer of studies."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from iqf_core.api import Command, ConfigurationError, Trainer, parameter
from iqf_core.api import Params as BaseParams

if TYPE_CHECKING:
    from iqf_core.api import Context


class SuperResolutionTrainer(Trainer):
    """Trains a super-resolution network for every point of a study.

    Hyper-parameters are the settings of ``iqf sr train`` (``loss``, ``scale``, ``steps`` …); a
    mixture is one text, ``l1 + qmrnet:model=models/rer,mode=match,weight=0.1``. The validation
    images, made smaller and enlarged again, are the run's generated images.
    """

    class Params(BaseParams):
        """What is known besides the hyper-parameters."""

        timeout_s: float | None = parameter(
            None, description="time after which a run is stopped", unit="s", gt=0
        )
        inputs: list[str] = parameter(
            [], description="files and folders whose content decides the result, such as models"
        )

    def command(self, folder: Path, context: Context) -> Command:
        """Return the call of the program.

        Raises
        ------
        ConfigurationError
            If an input is missing.
        """
        missing = [path for path in self.params.inputs if not (folder / path).exists()]
        if missing:
            raise ConfigurationError(f"inputs: {', '.join(missing)} not found in {folder}")
        return Command(
            arguments=[sys.executable, "-m", "iqf_sr_msrn.study_script"],
            folder=folder,
            timeout_s=self.params.timeout_s,
            inputs=[(folder / path).absolute() for path in self.params.inputs],
        )
