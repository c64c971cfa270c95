"""Which metrics, with which parameters, of which versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from iqf_core.components.parameters import file_hashes, shown_names, validate
from iqf_core.components.specification import (
    Specification,
    format_specification,
    parse_specification,
)
from iqf_core.errors import ConfigurationError, IQFError, Problem
from iqf_core.files import hash_json

if TYPE_CHECKING:
    from iqf_core.components.context import Context
    from iqf_core.components.metric import Metric
    from iqf_core.plugins.manager import PluginManager
    from iqf_core.plugins.registry import Registry

Reads = Literal["image", "pair", "predictions"]


@dataclass(frozen=True)
class MetricUse:
    """A metric with validated parameters.

    Attributes
    ----------
    name
        Its own name, also where an alias was asked for.
    distribution, plugin
        Who brings it.
    distribution_version
        The version of that distribution; empty for a local file.
    params
        Every parameter, defaults included, as JSON values.
    version
        The component's declared version.
    reads
        What it measures.
    shown
        The parameters that its label shows: required and primary ones, and those that differ from
        their default.
    source_hash
        Content hash of the local file that holds it, empty for one from a plugin.
    files
        Parameter -> content hash of the file it names, such as a network's weights.
    """

    name: str
    distribution: str
    plugin: str
    distribution_version: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    version: str = "1"
    reads: Reads = "image"
    shown: tuple[str, ...] = ()
    source_hash: str = ""
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The specification string, without parameters that have their default."""
        return format_specification(self.name, {key: self.params[key] for key in self.shown})

    @property
    def qualified_name(self) -> str:
        """``name@distribution``."""
        return f"{self.name}@{self.distribution}"

    def fingerprint(self) -> str:
        """Return the hash of everything that decides its numbers, but for what it measures."""
        return hash_json(
            {
                "name": self.name,
                "distribution": [self.distribution, self.distribution_version],
                "params": {**self.params, **self.files},
                "version": self.version,
                "source_hash": self.source_hash,
            }
        )

    def create(self, registry: Registry, context: Context) -> Metric:
        """Make the metric."""
        metric: Metric = registry.create("metric", self.qualified_name, self.params, context)
        return metric

    def to_json(self) -> dict[str, Any]:
        """Return everything as a JSON value."""
        return {**asdict(self), "shown": list(self.shown)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> MetricUse:
        """Return the metric that :meth:`to_json` described."""
        return cls(**{**value, "shown": tuple(value["shown"])})


def resolve_metrics(
    metrics: Sequence[str | Specification | MetricUse], manager: PluginManager, where: str = ""
) -> list[MetricUse]:
    """Find every metric and validate its parameters.

    Parameters
    ----------
    metrics
        Specification strings (``"snr"``, ``"snr:method=areas"``) or what they parse to. Grids give
        one metric for each point; the same metric twice is one.
    manager
        Where metrics are found.
    where
        Their place in the user's file, for messages.

    Raises
    ------
    ConfigurationError
        With every mistake of every metric.
    """
    found: dict[str, MetricUse] = {}
    problems: list[Problem] = []
    for item in metrics:
        try:
            for use in _uses(item, manager, where):
                found.setdefault(use.fingerprint(), use)
        except ConfigurationError as error:
            problems += error.problems
        except IQFError as error:
            problems.append(Problem(where, str(error)))
    if problems:
        raise ConfigurationError(problems)
    if not found:
        raise ConfigurationError([Problem(where, "no metric given; expected one such as snr")])
    return list(found.values())


def _uses(
    item: str | Specification | MetricUse, manager: PluginManager, where: str
) -> list[MetricUse]:
    if isinstance(item, MetricUse):
        return [item]
    specification = parse_specification(item) if isinstance(item, str) else item
    return [_resolve(point, manager, where) for point in specification.expand()]


def _resolve(specification: Specification, manager: PluginManager, where: str) -> MetricUse:
    registry = manager.registry
    entry = registry.entry("metric", specification.name)
    component: type[Metric] = registry.load("metric", specification.name)
    model = component.Params
    params = validate(model, specification.params, f"metric/{entry.name}", where)
    return MetricUse(
        name=entry.name,
        distribution=entry.distribution,
        plugin=entry.plugin,
        distribution_version=manager.versions().get(entry.distribution, ""),
        params=params.model_dump(mode="json"),
        version=component.version,
        reads=component.reads,
        shown=shown_names(params),
        source_hash=entry.source_hash(),
        files=file_hashes(params),
    )
