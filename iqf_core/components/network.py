"""Networks: architectures that a plugin's training program builds by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from iqf_core.components.base import BaseComponent

if TYPE_CHECKING:
    from iqf_core.components.context import Context


class Network(BaseComponent):
    """An architecture, without weights.

    The core has no torch: :meth:`build` is typed loosely here and returns a ``torch.nn.Module``.
    Who trains or applies networks (a command of another plugin) finds them by name and says what
    it decides itself, such as the number of bands, when it builds one.

    Attributes
    ----------
    task
        What the network is for (``"super_resolution"``); programs take the networks of their task.
    """

    kind: ClassVar[str] = "network"
    task: ClassVar[str] = ""

    def build(self, context: Context, **setting: Any) -> Any:
        """Return the network as a ``torch.nn.Module`` with its initial weights.

        Parameters
        ----------
        context
            Registry and device; initial weights come from torch's global generator.
        **setting
            What the program decides, by task. ``"super_resolution"``: ``scale`` and ``bands``; the
            module maps float tensors (N, bands, H, W), scaled to [0, 1] by the peak, to
            (N, bands, scale H, scale W).

        Raises
        ------
        ConfigurationError
            If it cannot be built for that setting.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement build()")

    def halo(self) -> int:
        """Return how many input pixels around a pixel its output depends on, at most.

        Large images are processed in tiles that overlap by it.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement halo()")
