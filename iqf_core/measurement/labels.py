"""Tables of scores that people, or labels, give images; metrics judged against them."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iqf_core.errors import ConfigurationError
from iqf_core.measurement.agreement import Agreement, agreement
from iqf_core.measurement.agreement import Mapping as ScoreMapping
from iqf_core.measurement.pairing import match_names
from iqf_core.measurement.table import ALL_BANDS

if TYPE_CHECKING:
    from iqf_core.datasets.dataset import Dataset
    from iqf_core.measurement.table import Measurements

#: The split of all labelled images together.
ALL = "all"

_COLUMNS = ("image", "score", "reference", "split")


@dataclass(frozen=True)
class Label:
    """What a table says of one image.

    Attributes
    ----------
    score
        The score.
    reference
        The image that it is compared with by metrics of pairs; empty where the table has none.
    split
        Its part of the data (``train``, ``test``); empty without.
    """

    score: float
    reference: str = ""
    split: str = ""


def read_labels(path: Path) -> dict[str, Label]:
    """Read a CSV file with the columns ``image,score`` and perhaps ``reference`` and ``split``.

    Raises
    ------
    ConfigurationError
        With every mistake: a missing column, an image named twice, a score that is no number.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            header = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = header
            rows = list(reader)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise ConfigurationError(f"{path}: is no CSV file ({error})") from None
    missing = [name for name in ("image", "score") if name not in header]
    if missing:
        raise ConfigurationError(
            f"{path}: no column {' and '.join(missing)}; expected {','.join(_COLUMNS[:2])} and "
            f"perhaps {' and '.join(_COLUMNS[2:])}, found {','.join(header)}"
        )
    labels: dict[str, Label] = {}
    problems: list[str] = []
    for number, row in enumerate(rows, start=2):
        name = (row["image"] or "").strip()
        score = _score(row["score"])
        if not name:
            problems.append(f"{path}:{number}: no image is named")
        elif name in labels:
            problems.append(f"{path}:{number}: {name} is scored twice")
        elif score is None:
            problems.append(f"{path}:{number}: the score of {name} is {row['score']!r}, no number")
        else:
            labels[name] = Label(
                score, (row.get("reference") or "").strip(), (row.get("split") or "").strip()
            )
    if problems:
        raise ConfigurationError("\n".join(problems[:20]))
    if not labels:
        raise ConfigurationError(f"{path}: holds no score")
    return labels


def _score(text: str | None) -> float | None:
    try:
        score = float(text or "")
    except ValueError:
        return None
    return score if math.isfinite(score) else None


def labels_of(dataset: Dataset, labels: Mapping[str, Label], where: str) -> dict[str, Label]:
    """Return the labels by the names of the dataset's images: the same path, or stem.

    Raises
    ------
    DatasetError
        If a labelled image is not in the dataset, or could be several.
    """
    names = match_names(labels, dataset.image_names, where, str(dataset.path))
    return {names[name]: label for name, label in labels.items()}


def pairs_of(labels: Mapping[str, Label], reference: Dataset, where: str) -> dict[str, str] | None:
    """Return the reference image of each labelled one; None when the table names none.

    Raises
    ------
    ConfigurationError
        If it names some only.
    DatasetError
        If a reference is not in the dataset, or could be several.
    """
    without = [name for name, label in labels.items() if not label.reference]
    if len(without) == len(labels):
        return None
    if without:
        raise ConfigurationError(
            f"{where}: no reference for {without[0]}"
            + (f" and {len(without) - 1} more" if without[1:] else "")
        )
    wanted = dict.fromkeys(label.reference for label in labels.values())
    found = match_names(wanted, reference.image_names, where, str(reference.path))
    return {name: found[label.reference] for name, label in labels.items()}


@dataclass(frozen=True)
class Judged:
    """The agreement of one output of one metric with the scores.

    Attributes
    ----------
    metric, output
        Which values.
    split
        Of which images; ``all`` for all of them.
    mapping
        What was done to the values before the RMSE was computed.
    agreement
        Correlations and error.
    """

    metric: str
    output: str
    split: str
    mapping: ScoreMapping
    agreement: Agreement

    def to_json(self) -> dict[str, Any]:
        """Return everything as one flat JSON value."""
        values = asdict(self)
        return {**values, **values.pop("agreement")}


def judge(
    measured: Measurements, labels: Mapping[str, Label], *, mapping: ScoreMapping = "linear"
) -> list[Judged]:
    """Hold every output of every metric against the scores; see :func:`agreement`.

    Parameters
    ----------
    measured
        The values; those of single bands are not looked at.
    labels
        Score of each image, by its name in the dataset.
    mapping
        What is done to the values before the RMSE is computed.
    """
    splits = [ALL, *sorted({label.split for label in labels.values() if label.split} - {ALL})]
    values: dict[tuple[str, str], dict[str, float]] = {}
    for row in measured.rows:
        if row.band == ALL_BANDS:
            found = values.setdefault((row.metric, row.output), {})
            if row.value is not None and row.image in labels:
                found[row.image] = row.value
    judged = []
    for (metric, output), found in values.items():
        for split in splits:
            names = [name for name in found if split in (ALL, labels[name].split)]
            results = agreement(
                [found[name] for name in names],
                [labels[name].score for name in names],
                mapping=mapping,
            )
            judged += [Judged(metric, output, split, mapping, each) for each in results]
    return judged
