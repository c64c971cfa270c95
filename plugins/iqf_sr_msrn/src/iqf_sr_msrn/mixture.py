"""A weighted sum of registered losses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from iqf_core.api import ConfigurationError, parse_specification

if TYPE_CHECKING:
    from iqf_core.api import Context

Balance = Literal["fixed", "gradient"]

#: How much of a term's gradient norm is remembered from step to step.
_MEMORY = 0.9


@dataclass(frozen=True)
class Term:
    """One loss of a mixture.

    Attributes
    ----------
    name
        What the logs call it; unique in the mixture.
    label
        Its specification without the weight.
    weight
        What the user gave.
    criterion
        The module.
    """

    name: str
    label: str
    weight: float
    criterion: nn.Module


@dataclass(frozen=True)
class Mixed:
    """What a mixture says of one batch.

    Attributes
    ----------
    total
        The weighted sum.
    gradient
        Its gradient by the prediction, of the prediction's shape.
    values, weights
        By term: the loss, and what it was multiplied by.
    """

    total: float
    gradient: Tensor
    values: dict[str, float]
    weights: dict[str, float]


class LossMixture:
    """Sum of weight x loss, with fixed weights or weights by gradient norm.

    With ``balance="gradient"`` a weight is relative: the gradient of term i by the prediction is
    scaled to ``weight_i / weight_0`` of the first term's, whatever the losses' own units (norms
    are averaged exponentially over the steps; compare GradNorm, Chen et al., ICML 2018). The
    first term keeps its weight.

    Parameters
    ----------
    terms
        At least one.
    balance
        How weights are meant.
    """

    def __init__(self, terms: Sequence[Term], balance: Balance = "fixed") -> None:
        self.terms = tuple(terms)
        self.balance = balance
        self.norms: dict[str, float] = {}

    @classmethod
    def of(cls, specifications: Sequence[str], balance: Balance, context: Context) -> LossMixture:
        """Build the losses that specification strings name.

        Raises
        ------
        ConfigurationError
            If one is wrong, or none has a weight above 0.
        """
        assert context.registry is not None
        terms: list[Term] = []
        for text in specifications:
            given = parse_specification(text)
            if given.is_grid:
                raise ConfigurationError(f"loss {text}: several values where one is expected")
            params = dict(given.params)
            weight = _weight(params.pop("weight", 1.0), text)
            loss = context.registry.create("loss", given.name, params, context, f"loss {text}")
            count = sum(term.name.split("_")[0] == given.name for term in terms)
            name = given.name if not count else f"{given.name}_{count + 1}"
            label = str(type(given)(given.name, params))
            terms.append(Term(name, label, weight, loss.build(context)))
        if not any(term.weight for term in terms):
            raise ConfigurationError("no loss with a weight above 0; expected one such as l1")
        if balance == "gradient" and not terms[0].weight:
            raise ConfigurationError(
                "balance=gradient scales all losses by the first, whose weight is 0"
            )
        return cls(terms, balance)

    def __call__(self, prediction: Tensor, target: Tensor) -> Mixed:
        """Return values, weights and the gradient by `prediction`; does not touch the network."""
        leaf = prediction.detach().requires_grad_()
        values: dict[str, float] = {}
        weights: dict[str, float] = {}
        total, gradient = 0.0, torch.zeros_like(leaf)
        for term in self.terms:
            value = term.criterion(leaf, target)
            values[term.name] = float(value.detach())
            weight = term.weight
            if weight:
                (slope,) = torch.autograd.grad(value, leaf)
                weight = self._balanced(term, slope)
                gradient += weight * slope
                total += weight * values[term.name]
            weights[term.name] = weight
        return Mixed(total, gradient, values, weights)

    def state(self) -> dict[str, float]:
        """Return what the next weights depend on."""
        return dict(self.norms)

    def load_state(self, state: dict[str, float]) -> None:
        """Take what :meth:`state` returned."""
        self.norms = dict(state)

    def _balanced(self, term: Term, slope: Tensor) -> float:
        if self.balance == "fixed":
            return term.weight
        norm = float(slope.norm())
        before = self.norms.get(term.name, norm)
        if math.isfinite(norm):
            self.norms[term.name] = _MEMORY * before + (1 - _MEMORY) * norm
        if term is self.terms[0]:
            return term.weight
        own, first = self.norms.get(term.name, norm), self.norms[self.terms[0].name]
        # A term at its optimum has no gradient: it is left out, not divided by.
        return term.weight * first / own if own > 0 else 0.0


def _weight(value: Any, text: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise ConfigurationError(f"loss {text}: weight is {value!r}; expected a number from 0 on")
    return float(value)
