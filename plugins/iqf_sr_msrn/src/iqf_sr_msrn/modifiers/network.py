"""A trained super-resolution network as a modifier."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import field_validator

from iqf_core.api import Params as BaseParams
from iqf_core.api import parameter
from iqf_sr_msrn.model_file import WEIGHTS
from iqf_sr_msrn.modifiers.upscaling import Upscaling

if TYPE_CHECKING:
    from iqf_core.api import Context
    from iqf_sr_msrn.inference.enlarging import Enlarger


class NetworkUpscaling(Upscaling):
    """Super-resolution with a network that ``iqf sr train`` wrote, of any registered kind.

    The image is processed in tiles that overlap by the network's radius, so that tiles leave no
    seam. Invalid pixels count as their nearest valid neighbour.
    """

    class Params(BaseParams):
        """The model, and how it is applied."""

        model: Path = parameter(
            description="model folder, or its model.safetensors", example="models/sr"
        )
        ensemble: bool = parameter(
            False, description="average over the 8 flips and rotations of the image"
        )

        @field_validator("model", mode="after")
        @classmethod
        def _file(cls, value: Path) -> Path:
            """Name the file: its content then enters fingerprints."""
            return value / WEIGHTS if value.is_dir() else value

    def __init__(self, params: Any = None, context: Context | None = None) -> None:
        super().__init__(params)
        self._loaded: Any = None
        if context is not None:
            from iqf_sr_msrn.model_file import load_model

            network, configuration = load_model(self.params.model, context)
            self._loaded = network, configuration, configuration.component(context).halo()

    @classmethod
    def create(cls, params: BaseParams, context: Context) -> Self:
        """Load the model.

        Raises
        ------
        ModelError
            If it is missing or damaged.
        """
        return cls(params, context)

    def make(self) -> Enlarger:
        """Return the network's function."""
        from iqf_sr_msrn.inference.enlarging import Enlarger, taken_bands
        from iqf_sr_msrn.inference.forward import network_function

        network, configuration, halo = self._loaded
        function = network_function(
            network, configuration.channels, configuration.scale, ensemble=self.params.ensemble
        )
        return Enlarger(
            function,
            configuration.scale,
            halo,
            taken_bands(configuration),
            f"the model {self.params.model}",
        )
