"""Collecting findings about one file while it is read."""

from __future__ import annotations

from typing import Literal

from iqf_core.components.dataset_format import Finding

Severity = Literal["error", "warning", "info"]


class Findings:
    """Findings about one file.

    Parameters
    ----------
    file
        The file they are about.
    """

    def __init__(self, file: str) -> None:
        self._file = file
        self._found: list[Finding] = []

    def error(self, code: str, message: str, item: str = "") -> None:
        """Report an object that cannot be used."""
        self._found.append(Finding(code, "error", message, self._file, item))

    def warning(self, code: str, message: str, item: str = "") -> None:
        """Report an object that is used but looks wrong."""
        self._found.append(Finding(code, "warning", message, self._file, item))

    def info(self, code: str, message: str, item: str = "") -> None:
        """Report what is worth knowing."""
        self._found.append(Finding(code, "info", message, self._file, item))

    def all(self) -> tuple[Finding, ...]:
        """Return what was found, in order."""
        return tuple(self._found)
