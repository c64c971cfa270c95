"""``iqf qmrnet evaluate`` and ``iqf qmrnet import``."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from iqf_qmrnet.scoring import HeadEvaluation

_PATH = click.Path(path_type=Path)

#: Measure -> what it is, in the order of the table.
_MEASURES = {
    "medr": "median distance of the most probable level, in bins",
    "expected_medr": "the same of the expected value",
    "mae": "mean absolute error of the expected value, in units",
    "mae_argmax": "the same of the most probable level",
    "bias": "mean error of the expected value, in units",
    "recall_0": "R@0: share of crops whose most probable level is the true one",
    "recall_1": "R@1: within 1 bin",
    "recall_5": "R@5: within 5 bins",
    "recall_10": "R@10: within 10 bins",
    "exact_recall": "recall of exact bins, classes above 0.3 counting as predicted",
    "precision": "precision of the same",
    "f_score": "F-score of the same",
    "auc": "area under the ROC curve of the probabilities",
    "calibration_error": "expected calibration error of the most probable level",
    "coverage": "share of true values in the 68 % interval",
    "outside": "share of crops said to be beyond the range, though none is",
    "image_medr": "medR of the median over the crops of an image at a level",
    "image_expected_medr": "the same of the expected value",
    "image_recall_1": "R@1 of that median",
    "image_recall_5": "R@5 of that median",
    "image_recall_10": "R@10 of that median",
}

_COLUMNS = (
    *("head", "part", "image", "level", "crops", "medr", "expected_medr", "mae", "bias"),
    *("recall_1", "recall_5", "recall_10", "outside"),
)


@click.command()
@click.argument("model", type=_PATH)
@click.argument("images", type=_PATH)
@click.option("--csv", "csv_file", type=_PATH, help="Write the values per level and per image.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--figure", type=_PATH, help="Draw confusion and predicted against true values.")
@click.option("--crops", type=click.IntRange(min=1), help="Crops per image; as in training.")
@click.option("--seed", type=int, help="Of the crops' places and of noise; as in training.")
@click.option("--peak", type=float, help="Full scale, in DN, of images that do not say it.")
@click.pass_context
def evaluate(
    context: click.Context,
    model: Path,
    images: Path,
    csv_file: Path | None,
    as_json: bool,
    figure: Path | None,
    crops: int | None,
    seed: int | None,
    peak: float | None,
) -> None:
    """Evaluate MODEL on IMAGES that it was not trained on.

    \b
      iqf qmrnet evaluate model photographs --figure evaluation.png

    Crops of every image are degraded to every level of every head. Intervals (95 %) are over
    images. Images that the model was trained on are refused.
    """
    from iqf_core.api import Context, open_dataset
    from iqf_qmrnet.checkpoint import load_model
    from iqf_qmrnet.evaluation import evaluate as evaluate_on

    registry = context.obj.manager.registry
    trained = load_model(model)
    dataset = open_dataset(images, registry=registry, peak=peak)
    _refuse_training_images(trained.manifest, dataset)
    found = evaluate_on(
        trained, dataset, Context(registry=registry), crops=crops, seed=seed, quiet=as_json
    )
    documents = [each.to_json() for each in found]
    if csv_file is not None:
        _write_csv(csv_file, documents)
    if figure is not None:
        _draw(found, figure)
    if as_json:
        document = {"schema": "iqf.qmrnet_evaluation/1", "model": str(model), "heads": documents}
        click.echo(json.dumps(document, indent=1, ensure_ascii=False))
        return
    for each in documents:
        _print(each)


@click.command("import")
@click.argument("checkpoint", type=_PATH)
@click.option(
    "--parameter",
    metavar="SPEC",
    required=True,
    help="What it was trained on, such as blur:sigma_px=1.0..2.5/50 or a preset.",
)
@click.option(
    "--crop",
    type=click.IntRange(min=16),
    default=128,
    show_default=True,
    help="Side of the crops that it was trained on, in pixels.",
)
@click.option("--out", required=True, type=_PATH, help="Folder for the model.")
@click.pass_context
def import_(context: click.Context, checkpoint: Path, parameter: str, crop: int, out: Path) -> None:
    """Make a model of a published CHECKPOINT (a pickled torchvision ResNet, .pth).

    \b
      iqf qmrnet import checkpoint_epoch11.pth --parameter blur:sigma_px=1..2.5/50 --out model

    The file is read without running code from it; one that names anything but torch's and
    torchvision's classes is refused.
    """
    from iqf_core.api import Context
    from iqf_qmrnet.checkpoint import save_model
    from iqf_qmrnet.importing import import_published

    surroundings = Context(registry=context.obj.manager.registry)
    model = import_published(checkpoint, parameter, crop, surroundings)
    save_model(model, out)
    head = model.heads[0]
    click.echo(f"{out}: {model.config['backbone']}, {head.name} in {head.bins} levels")


def _refuse_training_images(manifest: Any, dataset: Any) -> None:
    from iqf_core.api import ConfigurationError

    known = {each["hash"]: each["name"] for each in manifest.get("training", ())}
    seen = [name for name in dataset.image_names if dataset.image_hash(name) in known]
    if seen:
        more = f" and {len(seen) - 3} more" if len(seen) > 3 else ""
        raise ConfigurationError(
            f"{dataset.path}: the model was trained on {', '.join(seen[:3])}{more}; evaluate it on "
            "other images"
        )


def _print(document: dict[str, Any]) -> None:
    unit = f" {document['unit']}" if document["unit"] else ""
    click.echo(
        f"{document['specification']}: {document['crops']} crops of {document['images']} images"
    )
    for name, why in document["left_out"].items():
        click.echo(f"  left out {name}: {why}", err=True)
    width = max(map(len, _MEASURES))
    for name, meaning in _MEASURES.items():
        found = document["measures"].get(name)
        if found is None:
            continue
        interval = found["ci95"]
        span = f"{interval[0]:.4g} to {interval[1]:.4g}" if interval else ""
        click.echo(f"  {name:{width}}  {found['value']:<9.4g} {span:20}  {meaning}")
    low, high = document["levels"][0], document["levels"][-1]
    click.echo(f"  {len(document['levels'])} levels, {low:g} to {high:g}{unit}; 95 % intervals")


def _write_csv(path: Path, documents: Sequence[dict[str, Any]]) -> None:
    from iqf_core.api import IQFError, atomic_write_text

    text = io.StringIO()
    writer = csv.DictWriter(text, _COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for document in documents:
        for part in ("level", "image"):
            for row in document[f"by_{part}"]:
                writer.writerow({"head": document["head"], "part": part, **row})
    try:
        atomic_write_text(path, text.getvalue())
    except OSError as error:
        raise IQFError(f"{path}: cannot be written ({error.strerror})") from None


def _draw(found: Sequence[HeadEvaluation], path: Path) -> None:
    from iqf_core.api import IQFError
    from iqf_qmrnet.evaluation_figure import draw_evaluation

    try:
        draw_evaluation(found, path)
    except (OSError, ValueError) as error:
        raise IQFError(f"{path}: the figure cannot be written ({error})") from None
