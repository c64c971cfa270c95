"""Losses: differentiable criteria, built as torch modules by the plugins that have torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from iqf_core.components.base import BaseComponent

if TYPE_CHECKING:
    from iqf_core.components.context import Context


class Loss(BaseComponent):
    """A differentiable criterion.

    The core has no torch: :meth:`build` is typed loosely here and returns a ``torch.nn.Module``
    whose ``forward(prediction, target)`` takes float tensors (N, C, H, W) scaled to [0, 1] by the
    peak and returns a scalar tensor. Mixtures reserve the parameter name ``weight``.

    Attributes
    ----------
    needs_target
        Whether ``forward`` looks at the target.
    """

    kind: ClassVar[str] = "loss"
    needs_target: ClassVar[bool] = True

    def build(self, context: Context) -> Any:
        """Return the criterion as a ``torch.nn.Module`` on ``context.device``."""
        raise NotImplementedError(f"{type(self).__name__} does not implement build()")
