"""The errors IQF raises for its users: one clear line each, and exit code 2 on the command line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path


class IQFError(Exception):
    """Something the user can mend; the message says what, where, and what was expected."""


class PluginError(IQFError):
    """A plugin or component is broken, incompatible, ambiguous or missing."""


class UnknownComponentError(PluginError):
    """No component of that kind and name is registered."""


class ImageError(IQFError):
    """An image file cannot be read or written.

    Parameters
    ----------
    path
        The file.
    reason
        What is wrong with it.
    """

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = Path(path)
        self.reason = reason

    def __reduce__(self) -> tuple[type[ImageError], tuple[Path, str]]:
        return type(self), (self.path, self.reason)


class UnsupportedImageError(IQFError):
    """A component does not take images of this data type, band count or peak."""


class LeftOutError(IQFError):
    """A component leaves this image out, as the user asked it to; the message says why."""


class DatasetError(IQFError):
    """A dataset folder, its annotations or its ``iqf.yaml`` are not as expected."""


class ExecutionError(IQFError):
    """A task could not be run to its end."""


class TaskTimeoutError(ExecutionError, TimeoutError):
    """A task was killed because its time was up."""


class TrackingError(IQFError):
    """The tracking store cannot be used."""


@dataclass(frozen=True)
class Problem:
    """One mistake in a configuration: its place (``study.yaml: params.lr``) and what is wrong."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class ConfigurationError(IQFError):
    """One or more mistakes in a specification, a parameter set or a study file.

    Parameters
    ----------
    problems
        Every mistake found; the message has one line for each.
    """

    def __init__(self, problems: Sequence[Problem] | str) -> None:
        if isinstance(problems, str):
            problems = [Problem("", problems)]
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))

    def __reduce__(self) -> tuple[type[ConfigurationError], tuple[tuple[Problem, ...]]]:
        return type(self), (self.problems,)


def nearest(name: str, candidates: Iterable[str]) -> str:
    """Return ``'; did you mean X?'`` for the closest candidate, or an empty string."""
    close = get_close_matches(name, list(candidates), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
