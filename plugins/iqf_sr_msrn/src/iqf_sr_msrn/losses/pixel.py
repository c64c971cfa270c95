"""Losses of single pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iqf_core.api import Loss, parameter
from iqf_core.api import Params as BaseParams

if TYPE_CHECKING:
    from torch import nn

    from iqf_core.api import Context


class L1(Loss):
    """Mean absolute error."""

    def build(self, context: Context) -> nn.Module:
        """Return the criterion."""
        from torch import nn

        return nn.L1Loss()


class Mse(Loss):
    """Mean squared error."""

    def build(self, context: Context) -> nn.Module:
        """Return the criterion."""
        from torch import nn

        return nn.MSELoss()


class Charbonnier(Loss):
    """Mean of sqrt(difference² + epsilon²): L1 that is smooth at 0 (Charbonnier et al. 1994)."""

    class Params(BaseParams):
        """Where the square turns into the absolute value."""

        epsilon: float = parameter(
            1e-3, description="half width of the smooth part, 1 is full scale", unit="", gt=0
        )

    def build(self, context: Context) -> nn.Module:
        """Return the criterion."""
        from iqf_sr_msrn.losses.modules import CharbonnierLoss

        return CharbonnierLoss(self.params.epsilon)


class Ssim(Loss):
    """1 - SSIM, with the 11 x 11 Gaussian window of Wang et al. (2004)."""

    def build(self, context: Context) -> nn.Module:
        """Return the criterion."""
        from iqf_sr_msrn.losses.modules import SsimLoss

        return SsimLoss()
