"""The networks as components: their parameters, and how they are built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from iqf_core.api import ConfigurationError, Network, parameter
from iqf_core.api import Params as BaseParams

if TYPE_CHECKING:
    from torch import nn

    from iqf_core.api import Context

SCALES = (2, 3, 4, 8)

#: Red, green and blue means of DIV2K, which the authors' checkpoints subtract.
DIV2K_MEAN = (0.4488, 0.4371, 0.4040)


class Msrn(Network):
    """The multi-scale residual network (Li et al., ECCV 2018).

    ``preset=full`` is the paper's (8 blocks of 64 features, 5.9 million parameters at scale 2),
    ``preset=cpu`` trains on a processor (4 blocks of 24 features, 0.4 million). ``blocks`` and
    ``features`` go before the preset.
    """

    task = "super_resolution"

    class Params(BaseParams):
        """Size and variant of the network."""

        preset: Literal["full", "cpu"] = parameter(
            "full", description="full: 8 blocks of 64 features; cpu: 4 of 24, residual"
        )
        blocks: int | None = parameter(None, description="multi-scale blocks", unit="", ge=1, le=64)
        features: int | None = parameter(
            None, description="channels in the blocks", unit="", ge=1, le=512
        )
        tail: Literal["pixelshuffle", "nearest"] = parameter(
            "pixelshuffle",
            description="how it enlarges: pixelshuffle (the paper) or nearest (the QMRLoss study)",
        )
        residual: bool | None = parameter(
            None, description="add the bicubically enlarged input; by default the cpu preset does"
        )
        normalization: Literal["none", "div2k"] = parameter(
            "none", description="div2k: subtract DIV2K's means, compute in 0..255 (official files)"
        )

    _PRESETS: ClassVar[dict[str, tuple[int, int, bool]]] = {
        "full": (8, 64, False),
        "cpu": (4, 24, True),
    }

    def build(self, context: Context, **setting: Any) -> nn.Module:
        """Return the network for ``scale`` and ``bands``."""
        from iqf_sr_msrn.networks.msrn import MSRN

        scale, bands = _setting("msrn", setting)
        blocks, features, residual = self._size()
        div2k = self.params.normalization == "div2k"
        if div2k and bands != 3:
            raise ConfigurationError(
                f"network/msrn: normalization=div2k is for 3 bands (red, green, blue), not {bands}"
            )
        network = MSRN(
            scale,
            bands,
            blocks,
            features,
            self.params.tail,
            residual=residual,
            mean=DIV2K_MEAN if div2k else (),
            value_range=255.0 if div2k else 1.0,
        )
        return network.to(context.device)

    def halo(self) -> int:
        """Return the radius: 1 of the head, 4 a block, 1 before and 2 after the enlargement."""
        # At scale 4 and 8 the later stages see less than 2 pixels of the small grid.
        return 1 + 4 * self._size()[0] + 1 + 3

    def _size(self) -> tuple[int, int, bool]:
        params = self.params
        blocks, features, residual = self._PRESETS[params.preset]
        return (
            params.blocks or blocks,
            params.features or features,
            residual if params.residual is None else params.residual,
        )


class Fsrcnn(Network):
    """The fast super-resolution network (Dong et al., ECCV 2016): d = 56, s = 12, m = 4."""

    task = "super_resolution"

    class Params(BaseParams):
        """Size of the network, in the paper's terms."""

        features: int = parameter(56, description="d: feature maps", unit="", ge=1, le=512)
        shrunk: int = parameter(12, description="s: shrunk feature maps", unit="", ge=1, le=512)
        mappings: int = parameter(4, description="m: mapping layers", unit="", ge=1, le=32)
        residual: bool = parameter(False, description="add the bicubically enlarged input")

    def build(self, context: Context, **setting: Any) -> nn.Module:
        """Return the network for ``scale`` and ``bands``."""
        from iqf_sr_msrn.networks.fsrcnn import FSRCNN

        scale, bands = _setting("fsrcnn", setting)
        params = self.params
        network = FSRCNN(
            scale, bands, params.features, params.shrunk, params.mappings, residual=params.residual
        )
        return network.to(context.device)

    def halo(self) -> int:
        """Return the radius at scale 2, the largest: kernel 5, mappings of 3, and the last."""
        from iqf_sr_msrn.networks.fsrcnn import FSRCNN

        return FSRCNN.halo(2, self.params.mappings)


def _setting(name: str, setting: dict[str, Any]) -> tuple[int, int]:
    scale, bands = int(setting["scale"]), int(setting["bands"])
    if scale not in SCALES:
        raise ConfigurationError(
            f"network/{name}: scale {scale} cannot be built; expected one of "
            f"{', '.join(map(str, SCALES))}"
        )
    return scale, bands
