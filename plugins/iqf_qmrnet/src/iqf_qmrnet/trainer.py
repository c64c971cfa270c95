"""The trainer of studies over QMRNet's settings."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from iqf_core.api import Command, ConfigurationError, Trainer, parameter
from iqf_core.api import Params as BaseParams

if TYPE_CHECKING:
    from iqf_core.api import Context


class QMRNetTrainer(Trainer):
    """Trains a QMRNet on the images of ``--trainds``, validated on ``--valds`` or a part of them.

    Hyper-parameters of the study are the keys of the training's configuration: ``parameters``,
    ``crop``, ``backbone``, ``lr``, ``crops`` … The model is left in the run's folder ``model``,
    the validation's results are metrics of the run. A run that was cut off continues where it was
    when the study is started again; its state lies beside the study in ``.iqf/qmrnet``.
    """

    class Params(BaseParams):
        """Parameters of the training that all runs share."""

        config: Path | None = parameter(
            None, description="YAML file of the configuration; hyper-parameters go before it"
        )
        workers: int = parameter(0, description="processes that make crops", unit="", ge=0)

    def command(self, folder: Path, context: Context) -> Command:
        """Return the call of the training program.

        Raises
        ------
        ConfigurationError
            If the configuration file is not there.
        """
        arguments = [sys.executable, "-m", "iqf_qmrnet.program"]
        inputs = []
        if self.params.config is not None:
            file = (folder / self.params.config).absolute()
            if not file.is_file():
                raise ConfigurationError(f"the configuration {file} does not exist")
            arguments += ["--config", str(file)]
            inputs.append(file)
        # A run that was cut off begins again in an empty folder: its state lies elsewhere.
        arguments += ["--states", str(folder.absolute() / ".iqf" / "qmrnet")]
        arguments += ["--workers", str(self.params.workers)]
        return Command(arguments, folder=folder, inputs=inputs)
