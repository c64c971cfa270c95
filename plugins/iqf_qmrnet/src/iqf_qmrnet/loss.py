"""The loss component ``qmrnet``: a trained QMRNet as a differentiable criterion."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from iqf_core.api import ConfigurationError, Loss, parameter
from iqf_core.api import Params as BaseParams
from iqf_qmrnet.distances import Distance

if TYPE_CHECKING:
    from iqf_core.api import Context
    from iqf_qmrnet.checkpoint import Model
    from iqf_qmrnet.grid import Head


class QMRLoss(Loss):
    """Distance between what a frozen QMRNet reads in the prediction and what is wanted.

    The default compares distributions over the levels by the distance of their cumulative
    distributions, as a share of the head's range (0 to 1): it alone grows with the error, so it
    leads back from anywhere. ``expected`` compares expected values; ``bce``, ``l1`` and ``mse`` are
    the published variants, with probabilities on both sides.

    A network that serves as a loss can be deceived by what is optimised with it: judge results with
    another measure.
    """

    class Params(BaseParams):
        """The network, and what is wanted."""

        model: Path = parameter(
            description="trained QMRNet: the folder that `iqf qmrnet train` wrote",
            example="model",
            primary=True,
        )
        mode: Literal["match", "target", "minimize", "maximize"] = parameter(
            "match",
            description="what is wanted: as the target image reads, a value, or a range's end",
        )
        distance: Distance = parameter(
            "emd",
            description="emd: of cumulative distributions; expected: of expected values; or a "
            "published criterion",
        )
        head: str | None = parameter(
            None, description="the head that counts; all of them when left out"
        )
        value: float | None = parameter(
            None, description="the value wanted with mode=target, in the head's unit", unit=""
        )

    @property
    def needs_target(self) -> bool:  # type: ignore[override]
        """Whether ``forward`` looks at the target."""
        return bool(self.params.mode == "match")

    def build(self, context: Context) -> Any:
        """Return the :class:`iqf_qmrnet.criterion.QMRCriterion`.

        Raises
        ------
        ConfigurationError
            If the parameters do not fit together or do not fit the network's heads.
        IQFError
            If there is no trained network at ``model``.
        """
        from iqf_qmrnet.checkpoint import load_model
        from iqf_qmrnet.criterion import QMRCriterion

        model = load_model(self.params.model, context.device)
        heads = model.heads if self.params.head is None else (model.head(self.params.head),)
        self._check_value(model, heads)
        criterion = QMRCriterion(
            model.network,
            heads,
            mode=self.params.mode,
            distance=self.params.distance,
            value=self.params.value,
            sigmoid=model.config.get("loss") == "bce",
            temperatures={head.name: model.temperature(head.name) for head in heads},
        )
        return criterion.to(context.device)

    def _check_value(self, model: Model, heads: tuple[Head, ...]) -> None:
        value = self.params.value
        if self.params.mode != "target":
            if value is not None:
                raise ConfigurationError(
                    f"loss/qmrnet: 'value' belongs to mode=target, not to {self.params.mode}"
                )
            return
        if value is None:
            raise ConfigurationError("loss/qmrnet: mode=target needs the 'value' that is wanted")
        if len(heads) > 1:
            names = ", ".join(head.name for head in heads)
            raise ConfigurationError(
                f"loss/qmrnet: mode=target needs one 'head'; {model.path} has {names}"
            )
        head = heads[0]
        if not head.low <= value <= head.high:
            raise ConfigurationError(
                f"loss/qmrnet: value {value:g} is outside of {head.name}'s range, "
                f"{head.low:g} to {head.high:g} {head.unit}".rstrip()
            )
