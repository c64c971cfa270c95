"""The study file: what it may say, and every mistake in it at once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from iqf_core.components.specification import Grid, Specification, chain_nodes, grid_value
from iqf_core.components.specification import specification_from_yaml as read_specification
from iqf_core.errors import ConfigurationError, IQFError, Problem, nearest
from iqf_core.experiments.measuring.entries import MetricEntry, read_entry
from iqf_core.files import check_schema
from iqf_core.modification.presets import presets_from_yaml
from iqf_core.yaml12 import Place, YamlDocument, load_yaml

ROLES = ("train", "val", "test")

#: Arguments of the script convention, and names that a run's records use themselves.
RESERVED_PARAMS = frozenset(
    {"outputpath", "trainds", "valds", "testds", "mlfuri", "mlfexpid", "mlfrunid"}
    | {"modifier", "repetition", "seed"}
)

_STUDY_NAME = re.compile(r"[A-Za-z0-9][\w. -]{0,99}")
_PARAM_NAME = re.compile(r"[A-Za-z_][\w-]*")


class TrackingSettings(BaseModel):
    """Where runs are tracked; see :mod:`iqf_core.experiments.tracking.target`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    uri: str | None = None
    registry_uri: str | None = None
    experiment: str | None = None


class ResourceSettings(BaseModel):
    """What one run of the task needs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    cpus: int | None = Field(None, ge=1)
    gpus: float = Field(0, ge=0)
    memory_mb: int | None = Field(None, ge=1)


class _StudyModel(BaseModel):
    """The plain fields of a study file; components in it are checked by the registry."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    schema_: Any = Field(None, alias="schema")
    study: str
    datasets: dict[str, str]
    modifiers: Any = None
    presets: Any = None
    apply_to: list[str] | None = None
    task: Any = None
    params: dict[str, Any] = Field(default_factory=dict)
    metrics: Any = None
    repetitions: int = Field(1, ge=1, le=10_000)
    executor: Any = None
    seed: int = Field(0, ge=0, lt=2**31)
    monitoring: bool = False
    pass_seed: bool = False
    tracking: TrackingSettings = TrackingSettings()
    resources: ResourceSettings = ResourceSettings()
    components: list[str] = Field(default_factory=list)
    copies: str | None = None
    on_error: Literal["fail", "skip"] = "fail"
    peak: float | None = Field(None, gt=0)

    @field_validator("study")
    @classmethod
    def _name(cls, value: str) -> str:
        if not _STUDY_NAME.fullmatch(value):
            raise ValueError("expected letters, digits, '.', '_', '-' and spaces")
        return value


@dataclass(frozen=True)
class StudySettings:
    """A study as the user wrote it, its plain fields checked.

    Attributes
    ----------
    document
        The YAML document, for the places of later messages.
    folder
        Where relative paths start.
    name, datasets, apply_to, params, repetitions, seed, monitoring, pass_seed, tracking, resources
        As in the study file.
    modifiers
        One tuple of specifications for each entry: a chain, whose parameters may be grids.
    presets
        The study's own names for chains.
    metrics
        What is measured of the images and predictions of every run.
    task
        The trainer, None for a study that degrades and measures only.
    executor
        The executor, None for the default.
    components
        Local component files.
    copies
        Folder for the modified datasets, None for beside their sources.
    on_error
        What to do with images that cannot be read.
    peak
        Full scale of the images when neither they nor ``iqf.yaml`` say it.
    """

    document: YamlDocument
    folder: Path
    name: str
    datasets: Mapping[str, Path]
    modifiers: tuple[tuple[Specification, ...], ...]
    presets: Mapping[str, tuple[Specification, ...]]
    apply_to: tuple[str, ...]
    metrics: tuple[MetricEntry, ...]
    task: Specification | None
    params: Mapping[str, Any]
    repetitions: int
    executor: Specification | None
    seed: int
    monitoring: bool
    pass_seed: bool
    tracking: TrackingSettings
    resources: ResourceSettings
    components: tuple[Path, ...]
    copies: Path | None
    on_error: Literal["fail", "skip"]
    peak: float | None

    def where(self, *place: str | int) -> str:
        """Return the place of a value in the study file, for messages."""
        return self.document.where(place)


def read_study(path: Path) -> StudySettings:
    """Read and check the study file at `path`.

    Raises
    ------
    ConfigurationError
        With every mistake in its plain fields: its line and key, what was expected, the nearest
        valid name.
    """
    settings, problems = examine_study(path)
    if problems:
        raise ConfigurationError(problems)
    return settings


def examine_study(path: Path) -> tuple[StudySettings, list[Problem]]:
    """Read the study file at `path` as far as it can be read, and return its mistakes beside it.

    Raises
    ------
    ConfigurationError
        If nothing of it can be read.
    """
    if path.is_dir():
        raise ConfigurationError(f"{path}: is a folder; expected a study file, such as study.yaml")
    return examine(load_yaml(path), path.absolute().parent)


def settings_from(document: YamlDocument, folder: Path) -> StudySettings:
    """Check a parsed study; `folder` is where its relative paths start.

    Raises
    ------
    ConfigurationError
        With every mistake in its plain fields.
    """
    settings, problems = examine(document, folder)
    if problems:
        raise ConfigurationError(problems)
    return settings


def examine(document: YamlDocument, folder: Path) -> tuple[StudySettings, list[Problem]]:
    """Read a parsed study as far as it can be read, and return its mistakes beside it.

    Raises
    ------
    ConfigurationError
        If it is no mapping.
    """
    if not isinstance(document.data, Mapping):
        raise ConfigurationError(
            [Problem(document.where(), "expected a study: a mapping with study and datasets")]
        )
    problems: list[Problem] = []
    model = _model(document, problems)
    given = _Given(document, problems)
    modifiers = given.modifiers()
    presets = given.presets()
    metrics = given.metrics(model.datasets)
    task = given.component("task")
    executor = given.component("executor")
    params = given.params()
    given.datasets(model, task)
    settings = StudySettings(
        document=document,
        folder=folder,
        name=model.study,
        datasets={role: folder / path for role, path in model.datasets.items()},
        modifiers=tuple(modifiers),
        presets=presets,
        metrics=tuple(metrics),
        apply_to=tuple(model.apply_to if model.apply_to is not None else model.datasets),
        task=task,
        params=params,
        repetitions=model.repetitions,
        executor=executor,
        seed=model.seed,
        monitoring=model.monitoring,
        pass_seed=model.pass_seed,
        tracking=model.tracking,
        resources=model.resources,
        components=tuple((folder / path).absolute() for path in model.components),
        copies=folder / model.copies if model.copies else None,
        on_error=model.on_error,
        peak=model.peak,
    )
    return settings, problems


def read_metrics(nodes: list[Any], settings: StudySettings) -> tuple[MetricEntry, ...]:
    """Read entries as they stand under ``metrics``, for a study that is there.

    Raises
    ------
    ConfigurationError
        With every mistake.
    """
    problems: list[Problem] = []
    document = YamlDocument({"metrics": nodes})
    entries = _Given(document, problems).metrics(settings.datasets)
    if problems:
        raise ConfigurationError(problems)
    return tuple(entries)


def _model(document: YamlDocument, problems: list[Problem]) -> _StudyModel:
    """Validate the plain fields; what is wrong is noted and read as if it were left out."""
    data = dict(document.data)
    try:
        model = _StudyModel.model_validate(data)
    except ValidationError as error:
        found = error.errors(include_url=False)
        problems += [Problem(document.where(_place(item["loc"])), _explain(item)) for item in found]
        for item in found:
            data.pop(item["loc"][0], None)
        model = _StudyModel.model_validate({"study": "unnamed", "datasets": {}, **data})
    if model.schema_ is not None:
        try:
            check_schema(model.schema_, "study", document.where(("schema",)))
        except IQFError as error:
            problems.append(Problem("", str(error)))
    return model


def _place(location: tuple[int | str, ...]) -> Place:
    return tuple(part for part in location if part != "[key]")


def _explain(item: Any) -> str:
    *parents, last = item["loc"]
    if item["type"] == "extra_forbidden":
        models: dict[str, Any] = {"tracking": TrackingSettings, "resources": ResourceSettings}
        model = models.get(str(parents[0]) if parents else "", _StudyModel)
        known = [field.alias or name for name, field in model.model_fields.items()]
        hint = nearest(str(last), known)
        return f"unknown key{hint}" + ("" if hint else f"; expected one of {', '.join(known)}")
    if item["type"] == "missing":
        return "is required"
    message = item["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"is {item['input']!r}: {message}"


class _Given:
    """Reads the parts of a study that need more than a data type."""

    def __init__(self, document: YamlDocument, problems: list[Problem]) -> None:
        self.document = document
        self.data = document.data
        self.problems = problems

    def _specification(self, node: Any, place: Place) -> Specification | None:
        try:
            return read_specification(node, self.document.where(place))
        except ConfigurationError as error:
            self.problems += error.problems
            return None

    def modifiers(self) -> list[tuple[Specification, ...]]:
        entries = self.data.get("modifiers", ["none"])
        if not isinstance(entries, list):
            entries = [entries]
        if not entries:
            self.problems.append(
                Problem(self.document.where(("modifiers",)), "is empty; expected at least none")
            )
        chains = []
        for position, entry in enumerate(entries):
            place: Place = ("modifiers", position)
            nodes = chain_nodes(entry)
            if not nodes:
                self.problems.append(Problem(self.document.where(place), "an empty chain"))
            links = [self._specification(node, place) for node in nodes]
            chain = tuple(link for link in links if link is not None)
            if nodes and len(chain) == len(links):
                chains.append(chain)
        return chains

    def presets(self) -> dict[str, tuple[Specification, ...]]:
        if self.data.get("presets") is None:
            return {}
        try:
            return presets_from_yaml(self.document, ("presets",))
        except ConfigurationError as error:
            self.problems += error.problems
            return {}

    def _problem(self, where: str, message: str) -> None:
        self.problems.append(Problem(where, message))

    def metrics(self, datasets: Mapping[str, Any]) -> list[MetricEntry]:
        nodes = self.data.get("metrics") or []
        entries = []
        for position, node in enumerate(nodes if isinstance(nodes, list) else [nodes]):
            place: Place = ("metrics", position)
            where = self.document.where(place)
            entry = read_entry(
                node,
                where,
                datasets,
                partial(self._specification, place=place),
                partial(self._problem, where),
            )
            if entry is not None:
                entries.append(entry)
        return entries

    def component(self, key: str) -> Specification | None:
        node = self.data.get(key)
        if node is None:
            return None
        specification = self._specification(node, (key,))
        if specification is not None and specification.is_grid:
            # A list is a grid only where several runs make sense; here it is a list.
            params = {
                name: list(value.values) if isinstance(value, Grid) else value
                for name, value in specification.params.items()
            }
            specification = Specification(specification.name, params)
        return specification

    def params(self) -> dict[str, Any]:
        given = self.data.get("params")
        if not isinstance(given, Mapping):
            return {}  # the model has said so
        params: dict[str, Any] = {}
        for name, value in given.items():
            where = self.document.where(("params", name))
            if not isinstance(name, str) or not _PARAM_NAME.fullmatch(name):
                self.problems.append(Problem(where, "is no name of an argument"))
                continue
            if name in RESERVED_PARAMS:
                self.problems.append(
                    Problem(where, "is reserved: IQF passes or records it itself; choose another")
                )
            read = grid_value(value)
            if isinstance(read, Mapping) and not isinstance(value, Mapping):
                read = dict(read)
            if isinstance(value, Mapping) and set(value) != {"value"}:
                self.problems.append(
                    Problem(where, "is a mapping; expected a value, a list or {value: …}")
                )
            if isinstance(read, Grid) and not read.values:
                self.problems.append(Problem(where, "is an empty list: no run would be left"))
            params[name] = read
        return params

    def datasets(self, model: _StudyModel, task: Specification | None) -> None:
        if not model.datasets:
            if self.data.get("datasets") == {}:
                self.problems.append(
                    Problem(self.document.where(("datasets",)), "is empty; expected train: PATH")
                )
            return
        for role in model.datasets:
            where = self.document.where(("datasets", role))
            if task is not None and role not in ROLES:
                hint = nearest(role, ROLES)
                self.problems.append(
                    Problem(where, f"no such role{hint}; a task takes {', '.join(ROLES)}")
                )
            elif not re.fullmatch(r"[a-z][a-z0-9_]*", role):
                self.problems.append(Problem(where, "a role is lower-case snake_case"))
        if task is not None and "train" not in model.datasets:
            self.problems.append(
                Problem(self.document.where(("datasets",)), "a task needs a train dataset")
            )
        for position, role in enumerate(model.apply_to or ()):
            if role not in model.datasets:
                self.problems.append(
                    Problem(
                        self.document.where(("apply_to", position)),
                        f"no dataset has the role {role!r}{nearest(role, model.datasets)}",
                    )
                )
