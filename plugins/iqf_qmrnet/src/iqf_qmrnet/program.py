"""Training from folders: as a function, and as a program that follows the script convention.

``python -m iqf_qmrnet.program --outputpath OUT --trainds FOLDER [--valds FOLDER]`` with any key of
:class:`iqf_qmrnet.config.TrainingConfig` as ``--key value``. It leaves the model in
``OUT/model`` and the validation's results in ``OUT/results.json``; with ``--mlfuri`` it logs
progress into the run. An interrupted program continues when called again with the same
``--outputpath``, or the same ``--states``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iqf_core.api import (
    ConfigurationError,
    Context,
    IQFError,
    PluginManager,
    atomic_write_text,
    open_dataset,
)
from iqf_qmrnet.config import TrainingConfig, resolve
from iqf_qmrnet.sources import read_sources, split
from iqf_qmrnet.training import STATE, Run, flat
from iqf_qmrnet.training import train as train_network

if TYPE_CHECKING:
    from iqf_qmrnet.checkpoint import Model


def train_folders(
    config: TrainingConfig,
    images: Path,
    validation: Path | None,
    registry: Any,
    run: Run,
    *,
    peak: float | None = None,
) -> Model:
    """Train on the images of one folder; validate on those of another, or on a part of them.

    Raises
    ------
    IQFError
        As :func:`iqf_qmrnet.sources.read_sources` and :func:`iqf_qmrnet.training.train`; also if
        an image is in both folders.
    """
    from iqf_qmrnet.grid import parse_heads

    parse_heads(config.parameters)  # before any image is decoded
    training = read_sources(
        open_dataset(images, registry=registry, peak=peak), config.crop, quiet=run.quiet
    )
    if validation is None:
        training, held = split(training, config.validation, config.seed)
    else:
        held = read_sources(
            open_dataset(validation, registry=registry, peak=peak), config.crop, quiet=run.quiet
        )
        known = {source.content: source.name for source in training}
        for source in held:
            if source.content in known:
                raise ConfigurationError(
                    f"{validation}: {source.name} is the training image {known[source.content]}; "
                    "validation needs images of its own"
                )
    context = Context(registry=registry, seed=config.seed, device=run.device)
    return train_network(config, training, held, context, run)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; return its exit code."""
    parser = argparse.ArgumentParser(prog="iqf_qmrnet.program", allow_abbrev=False)
    parser.add_argument("--outputpath", type=Path, required=True)
    parser.add_argument("--trainds", type=Path, required=True)
    parser.add_argument("--valds", type=Path)
    parser.add_argument("--testds", type=Path)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--states", type=Path, help="folder for states of interrupted trainings")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--mlfuri")
    parser.add_argument("--mlfexpid")
    parser.add_argument("--mlfrunid")
    for key in TrainingConfig.model_fields:
        parser.add_argument(f"--{key}", type=_value)
    given = vars(parser.parse_args(arguments))
    try:
        _run(given)
    except IQFError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _run(given: Mapping[str, Any]) -> None:
    import torch

    keys = {key: given[key] for key in TrainingConfig.model_fields}
    if isinstance(keys["parameters"], str):
        keys["parameters"] = [keys["parameters"]]
    if keys["seed"] is None and os.environ.get("IQF_SEED"):
        keys["seed"] = int(os.environ["IQF_SEED"])
    config = resolve(given["config"], keys)
    out: Path = given["outputpath"] / "model"
    series: dict[str, list[list[float]]] = {}
    log = _logger(given)

    def report(step: int, values: Mapping[str, float]) -> None:
        for key, value in values.items():
            series.setdefault(key, []).append([step, value])
        log(step, values)

    run = Run(
        out,
        workers=given["workers"],
        threads=int(os.environ.get("OMP_NUM_THREADS") or 1),
        device="cuda" if torch.cuda.is_available() else "cpu",
        resume=given["states"] is None and (out / STATE).is_file(),
        states=given["states"],
        report=report,
    )
    registry = PluginManager.create().registry
    model = train_folders(config, given["trainds"], given["valds"], registry, run)
    results: dict[str, Any] = {**series, **flat(model.metrics)}
    atomic_write_text(given["outputpath"] / "results.json", json.dumps(results, indent=1) + "\n")


def _logger(given: Mapping[str, Any]) -> Any:
    """Return what logs values into the study's MLflow run, when there is one."""
    if not given["mlfuri"]:
        return lambda step, values: None
    from mlflow.tracking import MlflowClient

    client = MlflowClient(given["mlfuri"])

    def log(step: int, values: Mapping[str, float]) -> None:
        for key, value in values.items():
            client.log_metric(given["mlfrunid"], key, value, step=step)

    return log


def _value(text: str) -> Any:
    """Read an argument as the script convention spells it: JSON where it is, else text."""
    try:
        return json.loads(text)
    except ValueError:
        return text


if __name__ == "__main__":
    sys.exit(main())
