"""How an exception crosses from a worker to the driver: as JSON, never as a pickle."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

from iqf_core import errors
from iqf_core.errors import ExecutionError, IQFError, Problem


class RemoteTracebackError(Exception):
    """The traceback in the worker; the cause of the error that the driver raises."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


def encode_error(error: BaseException, task: str) -> dict[str, Any]:
    """Describe `error` in JSON, with its traceback.

    An IQFError of the core keeps its class and arguments. One that a plugin derived becomes the
    nearest class of the core with the same message; anything else an ExecutionError.
    """
    described: dict[str, Any] = {"traceback": "".join(traceback.format_exception(error))}
    for kind in type(error).__mro__:
        if getattr(errors, kind.__name__, None) is kind and issubclass(kind, IQFError):
            arguments = error.__reduce__()[1] if kind is type(error) else (str(error),)
            described |= {"class": kind.__name__, "arguments": [_pack(item) for item in arguments]}
            break
    else:
        text = str(error).strip()
        raised = type(error).__name__ + (f": {text}" if text else "")
        described |= {"class": "ExecutionError", "arguments": [f"task {task!r} raised {raised}"]}
    return described


def decode_error(described: dict[str, Any]) -> IQFError:
    """Build what :func:`encode_error` described; its cause is the remote traceback."""
    error: IQFError | None = None
    kind = getattr(errors, described["class"], None)
    arguments = [_unpack(item) for item in described["arguments"]]
    if isinstance(kind, type) and issubclass(kind, IQFError):
        try:
            error = kind(*arguments)
        except TypeError:  # a class that takes more than the message
            error = None
    if error is None:
        error = ExecutionError(" ".join(map(str, arguments)))
    error.__cause__ = RemoteTracebackError(described["traceback"])
    return error


def _pack(value: Any) -> Any:
    if isinstance(value, Path):
        return {"path": str(value)}
    if isinstance(value, Problem):
        return {"problem": [value.where, value.message]}
    if isinstance(value, (list, tuple)):
        return {"tuple": [_pack(item) for item in value]}
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def _unpack(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "path":
        return Path(content)
    if kind == "problem":
        return Problem(*content)
    return tuple(_unpack(item) for item in content)
