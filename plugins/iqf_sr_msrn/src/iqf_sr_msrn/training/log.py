"""Logs of a training run: CSV files that a resumed run continues."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from iqf_core.api import atomic_write_text


class StepLog:
    """A CSV file with a row for some steps; rows after the step that is resumed from are dropped.

    Parameters
    ----------
    path
        The file.
    resumed
        Step that the run continues from, 0 for a new run.
    """

    def __init__(self, path: Path, resumed: int) -> None:
        self.path = path
        self.rows: list[dict[str, str]] = []
        if resumed and path.is_file():
            with path.open(newline="", encoding="utf-8") as file:
                self.rows = [row for row in csv.DictReader(file) if int(row["step"]) <= resumed]

    def add(self, step: int, values: Mapping[str, float]) -> None:
        """Add a row; :meth:`write` writes it."""
        self.rows.append({"step": str(step), **{k: f"{v:.8g}" for k, v in values.items()}})

    def write(self) -> None:
        """Write all rows, atomically."""
        text = io.StringIO()
        fields = list(dict.fromkeys(name for row in self.rows for name in row))
        writer = csv.DictWriter(text, fields, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.rows)
        atomic_write_text(self.path, text.getvalue())
