"""How good a network is on images it was not trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from iqf_core.api import ConfigurationError, ImageReader, PairInput
from iqf_sr_msrn.evaluation.fidelity import fidelity
from iqf_sr_msrn.inference.enlarging import Enlarger, enlarge
from iqf_sr_msrn.inference.forward import network_function
from iqf_sr_msrn.training.patches import Pair, load_pair

if TYPE_CHECKING:
    from torch import nn

    from iqf_core.api import Context, Dataset, Metric
    from iqf_sr_msrn.degradation import Degradation

_BUILT_IN = {"psnr_y": 1, "psnr": 1, "ssim": 1}

#: Keeps the checkpoint of the last step, whatever its measures.
LAST = "last"


@dataclass
class Criterion:
    """What chooses the best checkpoint.

    Attributes
    ----------
    name
        ``psnr_y``, ``psnr``, ``ssim`` or ``metric.output`` of a registered metric; or ``last``.
    sign
        1 where higher is better, -1 where lower is.
    metric, output
        The registered metric, None for a built-in measure.
    """

    name: str
    sign: int
    metric: Metric | None = None
    output: str = ""

    @classmethod
    def of(cls, name: str, context: Context) -> Criterion:
        """Find the measure `name`.

        Raises
        ------
        ConfigurationError
            If there is none, or it does not say which way is better.
        """
        if name in _BUILT_IN:
            return cls(name, _BUILT_IN[name])
        if name == LAST:
            return cls(name, 1)
        metric_name, dot, output = name.partition(".")
        if not dot:
            raise ConfigurationError(
                f"best: {name!r} is no measure; expected {', '.join(_BUILT_IN)}, {LAST} or "
                "metric.output of a registered metric, such as sharpness.rer"
            )
        assert context.registry is not None
        metric: Metric = context.registry.create("metric", metric_name, {}, context, "best")
        found = {each.name: each for each in metric.outputs}
        if output not in found:
            raise ConfigurationError(
                f"best: metric {metric_name!r} gives {', '.join(found)}, not {output!r}"
            )
        if found[output].better is None or metric.reads == "predictions":
            raise ConfigurationError(f"best: {name} does not say which way is better")
        return cls(name, 1 if found[output].better == "higher" else -1, metric, output)


class Validation:
    """The validation images, in memory when they are few.

    Parameters
    ----------
    dataset, names
        The images.
    degradation
        Makes their low-resolution versions.
    criterion
        Measured besides PSNR and SSIM.
    context
        For the metric.
    """

    def __init__(
        self,
        dataset: Dataset,
        names: Sequence[str],
        degradation: Degradation,
        criterion: Criterion,
        context: Context,
    ) -> None:
        self.dataset, self.names, self.degradation = dataset, list(names), degradation
        self.criterion, self.context = criterion, context
        self._pairs: dict[str, Pair] = {}

    def __call__(self, network: nn.Module, channels: str, halo: int) -> dict[str, float]:
        """Return the mean of each measure over the images.

        Raises
        ------
        ConfigurationError
            If the criterion's metric has no value for any image.
        """
        rows = [self._one(pair, network, channels, halo) for pair in self._each()]
        means: dict[str, float] = {}
        for name in rows[0]:
            known = [row[name] for row in rows if not np.isnan(row[name])]
            if not known and name == self.criterion.name:
                raise ConfigurationError(
                    f"best: {name} has no value for any validation image; choose another measure"
                )
            means[name] = float(np.mean(known)) if known else float("nan")
        return means

    def _each(self) -> Iterator[Pair]:
        keep = len(self.names) <= 32
        for name in self.names:
            pair = self._pairs.get(name)
            if pair is None:
                pair = load_pair(self.dataset, name, self.degradation)
                if keep:
                    self._pairs[name] = pair
            yield pair

    def _one(self, pair: Pair, network: nn.Module, channels: str, halo: int) -> dict[str, float]:
        assert pair.low is not None
        scale = self.degradation.scale
        function = network_function(network, channels, scale)
        result = enlarge(pair.low, Enlarger(function, scale, halo))
        measured = fidelity(result, pair.high, scale)
        row = {"psnr_y": measured.psnr_y, "psnr": measured.psnr, "ssim": measured.ssim}
        if self.criterion.metric is not None:
            subject = PairInput(ImageReader.of(result), reference_reader=ImageReader.of(pair.high))
            value = self.criterion.metric.measure(subject, self.context)[self.criterion.output]
            number = value.value
            row[self.criterion.name] = float(number) if isinstance(number, (int, float)) else np.nan
        return row
