"""The metric ``qmrnet_score``: all that a trained network reads in an image, as one number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Self

from iqf_core.api import ConfigurationError, Metric, Output, Value, parameter
from iqf_core.api import Params as BaseParams
from iqf_qmrnet.metric import ReaderParams, better

if TYPE_CHECKING:
    from iqf_core.api import Context, ImageInput
    from iqf_qmrnet.checkpoint import Model
    from iqf_qmrnet.grid import Head


class ScoreParams(ReaderParams):
    """The network, and what counts how much."""

    weights: dict[str, float] = parameter(
        {},
        description="weight of each head by its name; 1 when left out, 0 leaves it out",
        unit="",
    )
    objectives: dict[str, float] = parameter(
        {},
        description="best value of each head by its name, in its unit; by default the range's "
        "better end",
        unit="",
    )


class QMRNetScore(Metric):
    """The combined score of Berga et al. (Remote Sensing 15(9) 2451, 2023): 0 worst, 1 best.

    For each head, ``part = 1 - abs(value - objective) / range``, clipped to 0 and 1; the score is
    their weighted mean. The objective is the better end of the head's own range, so unit and range
    are those of the value. A value beyond the better end counts 1, beyond the other 0. A head
    without a value is left out, the other weights are made up to 1, and the reason says so.
    """

    Params = ScoreParams

    def __init__(self, params: ScoreParams, model: Model) -> None:
        super().__init__(params)
        self.model = model
        self.objectives = {
            head.name: _objective(head, params)
            for head in model.heads
            if params.weights.get(head.name, 1.0)
        }
        self.outputs = (
            Output("score", "", "higher", "weighted mean of the parts"),
            *(
                Output(f"part_{name}", "", "higher", f"part of {name}, 1 at {best:g}")
                for name, best in self.objectives.items()
            ),
        )

    @classmethod
    def create(cls, params: BaseParams, context: Context) -> Self:
        """Load the network and see that weights and objectives belong to its heads.

        Raises
        ------
        ConfigurationError
            If they do not, a weight is negative, none counts, or it is not known which way a
            parameter is better.
        IQFError
            If there is no network at ``model``.
        """
        from iqf_qmrnet.checkpoint import load_model

        assert isinstance(params, ScoreParams)
        model = load_model(params.model, context.device)
        names = [head.name for head in model.heads]
        for what, given in (("weights", params.weights), ("objectives", params.objectives)):
            for name in given:
                if name not in names:
                    raise ConfigurationError(
                        f"metric/qmrnet_score: {what} names {name!r}; {params.model} has "
                        f"{', '.join(names)}"
                    )
        weights = [params.weights.get(name, 1.0) for name in names]
        if min(weights) < 0 or not any(weights):
            raise ConfigurationError(
                "metric/qmrnet_score: weights must be 0 or more, and one of them positive"
            )
        return cls(params, model)

    def measure(self, subject: ImageInput, context: Context) -> Mapping[str, Value]:
        """Read the image and score what was read."""
        from iqf_qmrnet.reading import read_image

        found = read_image(
            self.model, subject.reader, overlap=self.params.overlap, device=context.device
        )
        values = found.values()
        parts = {}
        for reading in found.heads:
            name = reading.head.name
            if name in self.objectives:
                side = 0 if found.reason else reading.side()
                parts[name] = _part(reading.head, values[name], side, self.objectives[name])
        named = {f"part_{name}": part for name, part in parts.items()}
        return {"score": combined(parts, self.params.weights), **named}


def combined(parts: Mapping[str, Value], weights: Mapping[str, float]) -> Value:
    """Return the weighted mean of the parts that have a value; a reason names the others."""
    known = {name: part.value for name, part in parts.items() if isinstance(part.value, float)}
    missing = [name for name in parts if name not in known]
    if not known:
        return Value(None, reason=next(iter(parts.values())).reason)
    total = sum(weights.get(name, 1.0) for name in known)
    score = sum(weights.get(name, 1.0) * value for name, value in known.items()) / total
    reason = f"without {', '.join(missing)}: no value" if missing else None
    return Value(float(f"{score:.6g}"), reason=reason)


def part_of(value: float, objective: float, low: float, high: float) -> float:
    """Return 1 at the objective, less with every step away, in shares of the range, at least 0."""
    return min(1.0, max(0.0, 1 - abs(value - objective) / (high - low)))


def _part(head: Head, value: Value, side: int, objective: float) -> Value:
    if isinstance(value.value, float):
        return Value(float(f"{part_of(value.value, objective, head.low, head.high):.6g}"))
    if not side:
        return Value(None, reason=value.reason)
    # Beyond the range it counts as its end; beyond the objective's end that is the objective.
    end = head.low if side < 0 else head.high
    return Value(part_of(end, objective, head.low, head.high), reason=value.reason)


def _objective(head: Head, params: ScoreParams) -> float:
    given = params.objectives.get(head.name)
    if given is not None:
        if not head.low <= given <= head.high:
            raise ConfigurationError(
                f"metric/qmrnet_score: the objective {given:g} of {head.name} is outside of its "
                f"range, {head.low:g} to {head.high:g} {head.unit}".rstrip()
            )
        return given
    way = better(head)
    if way is None:
        raise ConfigurationError(
            f"metric/qmrnet_score: it is not known which way {head.name} is better; give its best "
            "value in `objectives`, or the weight 0 in `weights`"
        )
    return head.low if way == "lower" else head.high
