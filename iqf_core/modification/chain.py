"""Chains of modifiers: which, with which parameters, of which versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from iqf_core.components.parameters import file_hashes, shown_names, validate
from iqf_core.components.specification import Specification, format_specification
from iqf_core.errors import ConfigurationError, IQFError, Problem
from iqf_core.files import hash_json

if TYPE_CHECKING:
    from iqf_core.components.context import Context
    from iqf_core.components.modifier import Modifier
    from iqf_core.plugins.registry import Registry

#: The modifier that leaves images as they are; a study's unmodified point goes by its name.
REFERENCE = "none"


@dataclass(frozen=True)
class Link:
    """One modifier of a chain, with validated parameters.

    Attributes
    ----------
    name
        Its own name, also where an alias was asked for.
    distribution
        Who brings it.
    params
        Every parameter, defaults included, as JSON values.
    version
        The component's declared version.
    random
        Whether its result depends on the seed.
    identity
        Parameter -> the value that leaves images as they are.
    shown
        The parameters that names show: required and primary ones always, others where they differ
        from their default.
    source_hash
        Content hash of the local file that holds the component, empty for one from a plugin.
    files
        Parameter -> content hash of the file it names, such as a network's weights.
    """

    name: str
    distribution: str
    params: Mapping[str, Any] = field(default_factory=dict)
    version: str = "1"
    random: bool = False
    identity: Mapping[str, float] = field(default_factory=dict)
    shown: tuple[str, ...] = ()
    source_hash: str = ""
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """The specification string with the parameters that names show."""
        return format_specification(self.name, {key: self.params[key] for key in self.shown})

    @property
    def qualified_name(self) -> str:
        """``name@distribution``."""
        return f"{self.name}@{self.distribution}"

    def to_json(self) -> dict[str, Any]:
        """Return everything as a JSON value."""
        return {
            "name": self.name,
            "distribution": self.distribution,
            "params": dict(self.params),
            "version": self.version,
            "random": self.random,
            "identity": dict(self.identity),
            "shown": list(self.shown),
            "source_hash": self.source_hash,
            "files": dict(self.files),
        }

    def _determining(self) -> dict[str, Any]:
        """Return what the result depends on: a file by its content, not by where it lies."""
        return {
            "name": self.name,
            "distribution": self.distribution,
            "params": {**self.params, **self.files},
            "version": self.version,
            "source_hash": self.source_hash,
        }


@dataclass(frozen=True)
class Chain:
    """Modifiers applied one after another.

    Attributes
    ----------
    links
        At least one.
    """

    links: tuple[Link, ...]

    @classmethod
    def resolve(
        cls, specifications: Sequence[Specification], registry: Registry, where: str = ""
    ) -> Chain:
        """Find every modifier and validate its parameters.

        Parameters
        ----------
        specifications
            The links; without grids.
        registry
            Where modifiers are found.
        where
            Their place in the user's file, for messages.

        Raises
        ------
        ConfigurationError
            With every mistake of every link.
        """
        if not specifications:
            raise ConfigurationError(
                [Problem(where, "no modifier given; expected one such as blur:sigma_px=1.5")]
            )
        links: list[Link] = []
        problems: list[Problem] = []
        for position, specification in enumerate(specifications):
            place = f"{where}[{position}]" if where and len(specifications) > 1 else where
            try:
                links.append(_resolve(specification, registry, place))
            except ConfigurationError as error:
                problems += error.problems
            except IQFError as error:
                problems.append(Problem(place, str(error)))
        if problems:
            raise ConfigurationError(problems)
        return cls(tuple(links))

    @property
    def label(self) -> str:
        """The specification strings: ``blur:sigma_px=1.5 jpeg:quality=70``."""
        return " ".join(link.label for link in self.links)

    @property
    def random(self) -> bool:
        """Whether the result depends on the seed."""
        return any(link.random for link in self.links)

    @property
    def is_reference(self) -> bool:
        """Whether images stay as they are: the unmodified point of a study."""
        return all(link.name == REFERENCE for link in self.links)

    def fingerprint(self) -> str:
        """Return the hash of everything that decides what the chain does to an image."""
        return hash_json([link._determining() for link in self.links])

    def flat_params(self) -> dict[str, Any]:
        """Return all parameters by dotted name; a modifier's second use is ``blur_2.sigma_px``."""
        return {
            f"{name}.{key}": value
            for name, link in self._named()
            for key, value in link.params.items()
        }

    def flat_identity(self) -> dict[str, float]:
        """Return the value of each parameter that leaves images as they are, by dotted name."""
        return {
            f"{name}.{key}": value
            for name, link in self._named()
            for key, value in link.identity.items()
        }

    def create(self, registry: Registry, context: Context) -> list[Modifier]:
        """Make the modifiers.

        Raises
        ------
        PluginError
            If one is not there.
        """
        return [
            registry.create(
                "modifier",
                link.qualified_name,
                link.params,
                replace(context, position=position),
            )
            for position, link in enumerate(self.links)
        ]

    def to_json(self) -> list[dict[str, Any]]:
        """Return the chain as a JSON value."""
        return [link.to_json() for link in self.links]

    @classmethod
    def from_json(cls, value: Sequence[Mapping[str, Any]]) -> Chain:
        """Return the chain that :meth:`to_json` described."""
        return cls(tuple(Link(**{**item, "shown": tuple(item["shown"])}) for item in value))

    def _named(self) -> Iterator[tuple[str, Link]]:
        seen: dict[str, int] = {}
        for link in self.links:
            seen[link.name] = count = seen.get(link.name, 0) + 1
            yield (link.name if count == 1 else f"{link.name}_{count}"), link


def _resolve(specification: Specification, registry: Registry, where: str) -> Link:
    entry = registry.entry("modifier", specification.name)
    component: type[Modifier] = registry.load("modifier", specification.name)
    if specification.is_grid:
        raise ConfigurationError(
            [Problem(where, f"{specification}: several values where one is expected")]
        )
    model = component.Params
    params = validate(model, specification.params, f"modifier/{entry.name}", where)
    values = params.model_dump(mode="json")
    return Link(
        name=entry.name,
        distribution=entry.distribution,
        params=values,
        version=component.version,
        random=component.uses_seed(params),
        identity=dict(component.identity),
        shown=shown_names(params),
        source_hash=entry.source_hash(),
        files=file_hashes(params),
    )
