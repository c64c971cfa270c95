"""The plan of a study: its runs, each with a fingerprint over what determines its result."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iqf_core.components.specification import Grid, expand_chain
from iqf_core.errors import ConfigurationError, DatasetError, IQFError, Problem
from iqf_core.files import hash_json
from iqf_core.modification.chain import Chain
from iqf_core.modification.presets import expand_presets

if TYPE_CHECKING:
    from iqf_core.components.trainer import Command
    from iqf_core.datasets.dataset import Dataset
    from iqf_core.experiments.measuring.planned import PlannedMetric
    from iqf_core.experiments.study_file import StudySettings
    from iqf_core.plugins.manager import PluginManager
    from iqf_core.plugins.registry import Registry

#: More runs than this are a slip in a grid.
MOST_RUNS = 100_000


@dataclass(frozen=True)
class Run:
    """One run of a study.

    Attributes
    ----------
    index
        Its place in the plan, from 0.
    chain
        The modifiers applied to its datasets.
    params
        Hyper-parameters.
    repetition
        From 0; repetitions share the degraded data.
    seed
        What the script gets as ``IQF_SEED``: the study's seed plus the repetition.
    fingerprint
        Hash over everything that determines the result.
    """

    index: int
    chain: Chain
    params: Mapping[str, Any]
    repetition: int
    seed: int
    fingerprint: str

    @property
    def name(self) -> str:
        """Readable name: chain, varying parameters, repetition."""
        parts = [self.chain.label, *(f"{key}={value}" for key, value in self.params.items())]
        return f"{' '.join(parts)} #{self.repetition}"


@dataclass(frozen=True)
class Task:
    """The trainer of a study, ready to be run.

    Attributes
    ----------
    name, params, version
        The component and its validated parameters.
    command
        The program.
    inputs_hash
        Hash over the content of its inputs.
    """

    name: str
    params: Mapping[str, Any]
    version: str
    command: Command
    inputs_hash: str


@dataclass(frozen=True)
class Plan:
    """Everything a study will do.

    Attributes
    ----------
    settings
        The study.
    datasets
        The source datasets by role.
    chains
        The chains, in the order of the study file.
    task
        The trainer, None for a study without one.
    runs
        All runs, in order.
    study_hash
        Hash over the plan: same hash, same runs.
    metrics
        What is measured of every run; no part of what the runs are, so that a metric that is
        added later repeats no training.
    """

    settings: StudySettings
    datasets: Mapping[str, Dataset]
    chains: tuple[Chain, ...]
    task: Task | None
    runs: tuple[Run, ...]
    study_hash: str = ""
    warnings: tuple[str, ...] = field(default=())
    metrics: tuple[PlannedMetric, ...] = ()


def make_plan(settings: StudySettings, manager: PluginManager) -> Plan:
    """Resolve a study's components, open its datasets, and expand its grid.

    Raises
    ------
    ConfigurationError
        With every mistake in datasets, modifiers, task and parameters.
    PluginError
        If a component comes from a plugin that cannot be used.
    """
    problems: list[Problem] = []
    chains, task, datasets, metrics = _resolve(settings, manager, problems)
    if problems:
        raise ConfigurationError(problems)
    runs = _runs(settings, chains, task, datasets)
    return Plan(
        settings=settings,
        datasets=datasets,
        chains=chains,
        task=task,
        runs=runs,
        study_hash=hash_json([run.fingerprint for run in runs]),
        warnings=_warnings(settings, chains),
        metrics=metrics,
    )


def component_problems(settings: StudySettings, manager: PluginManager) -> list[Problem]:
    """Return every mistake in the datasets, modifiers and task of a study."""
    problems: list[Problem] = []
    _resolve(settings, manager, problems)
    return problems


def _resolve(
    settings: StudySettings, manager: PluginManager, problems: list[Problem]
) -> tuple[tuple[Chain, ...], Task | None, dict[str, Dataset], tuple[PlannedMetric, ...]]:
    for file in settings.components:
        _collect(problems, settings.where("components"), manager.add_file, file)
    registry = manager.registry
    chains = _chains(settings, registry, problems)
    task = _collect(problems, "", _task, settings, registry)
    datasets: dict[str, Dataset] = {}
    for role, path in settings.datasets.items():
        where = settings.where("datasets", role)
        dataset = _collect(problems, where, _open, path, registry, settings.peak)
        if dataset is not None:
            datasets[role] = dataset
            if role in settings.apply_to:
                _collect(problems, where, _check_images, dataset)
    metrics = _collect(problems, settings.where("metrics"), _metrics, settings, manager)
    return chains, task, datasets, metrics or ()


def _collect(problems: list[Problem], where: str, function: Any, *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except ConfigurationError as error:
        problems += [
            problem if problem.where else replace(problem, where=where)
            for problem in error.problems
        ]
    except IQFError as error:
        problems.append(Problem(where, str(error)))
    return None


def _metrics(settings: StudySettings, manager: PluginManager) -> tuple[PlannedMetric, ...]:
    if not settings.metrics:
        return ()
    from iqf_core.experiments.measuring.planned import plan_metrics

    return plan_metrics(
        settings.metrics,
        manager,
        settings.datasets,
        settings.apply_to,
        has_task=settings.task is not None,
    )


def _open(path: Path, registry: Registry, peak: float | None) -> Dataset:
    from iqf_core.datasets.dataset import open_dataset

    return open_dataset(path, registry=registry, peak=peak)


def _check_images(dataset: Dataset) -> None:
    if not dataset.image_names:
        raise DatasetError(f"{dataset.path}: holds no images")


def _chains(
    settings: StudySettings, registry: Registry, problems: list[Problem]
) -> tuple[Chain, ...]:
    chains: list[Chain] = []
    for position, links in enumerate(settings.modifiers):
        where = settings.where("modifiers", position)
        found: list[Problem] = []
        expanded = _collect(found, where, expand_presets, links, registry, settings.presets)
        for specifications in _collect(found, where, expand_chain, expanded or ()) or ():
            if not specifications:
                continue
            chain = _collect(found, where, Chain.resolve, specifications, registry, where)
            if chain is not None:
                chains.append(chain)
        problems += dict.fromkeys(found)  # the points of a grid repeat each other's mistakes
    return tuple({chain.fingerprint(): chain for chain in chains}.values())


def _task(settings: StudySettings, registry: Registry) -> Task | None:
    from iqf_core.components.context import Context
    from iqf_core.experiments.script.sources import hash_inputs

    if settings.task is None:
        return None
    where = settings.where("task")
    context = Context(registry=registry, seed=settings.seed)
    name = settings.task.name
    trainer = registry.create("trainer", name, settings.task.params, context, where)
    try:
        command: Command = trainer.command(settings.folder, context)
    except ConfigurationError as error:
        raise ConfigurationError(
            [Problem(problem.where or where, problem.message) for problem in error.problems]
        ) from None
    return Task(
        name=name,
        params=trainer.params.model_dump(mode="json"),
        version=trainer.version,
        command=command,
        inputs_hash=hash_inputs(command.inputs, settings.folder),
    )


def _runs(
    settings: StudySettings,
    chains: tuple[Chain, ...],
    task: Task | None,
    datasets: Mapping[str, Dataset],
) -> tuple[Run, ...]:
    grid = _param_grid(settings.params) if task is not None else [{}]
    repetitions = settings.repetitions if task is not None else 1
    count = len(chains) * len(grid) * repetitions
    if count > MOST_RUNS:
        raise ConfigurationError(
            [Problem(settings.where(), f"has {count} runs; at most {MOST_RUNS} are taken")]
        )
    sources = {role: dataset.fingerprint() for role, dataset in datasets.items()}
    return tuple(
        Run(
            index=index,
            chain=chain,
            params=params,
            repetition=repetition,
            seed=settings.seed + repetition,
            fingerprint=_fingerprint(settings, chain, task, params, repetition, sources),
        )
        for index, (chain, params, repetition) in enumerate(
            itertools.product(chains, grid, range(repetitions))
        )
    )


def _param_grid(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    axes = [value.values if isinstance(value, Grid) else (value,) for value in params.values()]
    return [dict(zip(params, point, strict=True)) for point in itertools.product(*axes)]


def _fingerprint(
    settings: StudySettings,
    chain: Chain,
    task: Task | None,
    params: Mapping[str, Any],
    repetition: int,
    sources: Mapping[str, str],
) -> str:
    identity: dict[str, Any] = {
        "datasets": sources,
        "apply_to": sorted(settings.apply_to),
        "chain": chain.fingerprint(),
        "noise_seed": settings.seed if chain.random else None,
        "on_error": settings.on_error,
        "peak": settings.peak,
    }
    if task is not None:
        # A time limit or another path of the same interpreter do not change a result.
        given = {key: value for key, value in task.params.items() if key != "timeout"}
        identity |= {
            "task": [task.name, task.version, given, task.inputs_hash],
            "params": params,
            "seed": settings.seed,
            "repetition": repetition,
            "pass_seed": settings.pass_seed,
        }
    return hash_json(identity)


def _warnings(settings: StudySettings, chains: tuple[Chain, ...]) -> tuple[str, ...]:
    warnings = []
    if not any(chain.is_reference for chain in chains):
        warnings.append("no unmodified reference: add `none` to the modifiers to compare against")
    if settings.task is None and (settings.params or settings.repetitions > 1):
        warnings.append("params and repetitions have no effect without a task")
    return tuple(warnings)
