"""A task as bytes: what every executor sends, runs and gets back.

Executors built on the three functions behave alike: :func:`encode_request` in the driver,
:func:`execute` wherever the task runs, and :func:`decode_response` in the driver again.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from iqf_core.errors import ExecutionError, nearest
from iqf_core.execution.remote_errors import decode_error, encode_error

if TYPE_CHECKING:
    from iqf_core.components.executor import Task


def task_name(task: Task) -> str:
    """Return what messages call `task`."""
    return task.name or task.function


def encode_request(task: Task) -> bytes:
    """Return `task` as JSON.

    Raises
    ------
    ExecutionError
        If an argument is not JSON-serialisable or an environment variable is not text; names it.
    """
    for name, value in task.environment.items():
        if not isinstance(value, str) or not name or "=" in name or "\0" in name + value:
            raise ExecutionError(
                f"task {task_name(task)!r}: {value!r} cannot be the value of an environment "
                f"variable {name!r}; expected text"
            )
    for key, value in task.arguments.items():
        try:
            json.dumps(value)
        except (TypeError, ValueError) as error:
            raise ExecutionError(
                f"task {task_name(task)!r}: argument {key!r} is not JSON ({error}); "
                "pass numbers, text, lists and mappings"
            ) from None
    return json.dumps(
        {
            "name": task_name(task),
            "function": task.function,
            "arguments": dict(task.arguments),
            "environment": dict(task.environment),
        }
    ).encode()


def execute(request: bytes) -> bytes:
    """Run the task in `request` here; return its result, or its error, as JSON.

    Only KeyboardInterrupt leaves it. The request's environment is not applied.
    """
    call = json.loads(request)
    name = call["name"]
    try:
        result = find_function(call["function"], name)(**call["arguments"])
        try:
            return json.dumps({"result": result}).encode()
        except (TypeError, ValueError) as error:
            raise ExecutionError(
                f"task {name!r}: {call['function']} returned what is not JSON ({error}); "
                "return numbers, text, lists and mappings"
            ) from None
    except (Exception, SystemExit) as error:
        return json.dumps({"error": encode_error(error, name)}).encode()


def decode_response(response: bytes) -> Any:
    """Return the result in `response`, or raise the error in it."""
    answer = json.loads(response)
    if "error" in answer:
        raise decode_error(answer["error"])
    return answer["result"]


def find_function(path: str, task: str) -> Callable[..., Any]:
    """Import the function at ``"package.module:function"``.

    Raises
    ------
    ExecutionError
        If there is no such module or function; says which. What importing the module raises
        itself is raised as it is.
    """
    module_name, _, function_name = path.partition(":")
    if not module_name or not function_name:
        raise ExecutionError(
            f"task {task!r}: {path!r} is no function; expected 'package.module:function'"
        )
    if module_name == "__main__":
        raise ExecutionError(
            f"task {task!r}: {path!r} is in the running script, which workers do not import; "
            "move the function into a module of its own"
        )
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise ExecutionError(f"task {task!r}: no module {error.name!r} (for {path!r})") from None
    for part in function_name.split("."):
        if not hasattr(found, part):
            hint = nearest(part, dir(found))
            raise ExecutionError(
                f"task {task!r}: no function {function_name!r} in module {module_name!r}{hint}"
            )
        found = getattr(found, part)
    if not callable(found):
        raise ExecutionError(f"task {task!r}: {path!r} is no function")
    return found  # type: ignore[no-any-return]
