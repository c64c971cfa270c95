"""Parameters of a component: one declaration for validation, CLI, documentation and logging."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from iqf_core.errors import ConfigurationError, Problem, nearest
from iqf_core.files import content_hash, hash_json


class Params(BaseModel):
    """Base of every component's parameter model.

    Unknown names are refused, values are fixed once made, and NaN or infinity is no value.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=()
    )


def parameter(
    default: Any = ...,
    *,
    description: str,
    unit: str | None = None,
    example: Any = None,
    primary: bool = False,
    **constraints: Any,
) -> Any:
    """Declare one field of a :class:`Params` model.

    Parameters
    ----------
    default
        The default; left out, the parameter is required.
    description
        One line: what it does.
    unit
        Its unit (``"px"``, ``"DN"``, ``"m"``), shown in documentation and tables.
    example
        A typical value, shown in documentation and used by the conformance suites to build the
        component when the parameter is required.
    primary
        Always show it in the names of modified datasets. Required parameters always show.
    **constraints
        What :func:`pydantic.Field` takes: ``ge``, ``le``, ``gt``, ``lt``, ``pattern`` ….
    """
    extra = {"unit": unit, "example": example, "primary": primary}
    return Field(
        default,
        description=description,
        json_schema_extra={
            key: value for key, value in extra.items() if value is not None and value is not False
        },
        **constraints,
    )


def field_extra(field: FieldInfo, key: str) -> Any:
    """Return what :func:`parameter` stored under `key` (``unit``, ``example``, ``primary``)."""
    extra = field.json_schema_extra
    return extra.get(key) if isinstance(extra, dict) else None


def primary_names(model: type[Params]) -> list[str]:
    """Return the parameters that every name of a modified dataset shows, in declared order."""
    return [
        name
        for name, field in model.model_fields.items()
        if field.is_required() or field_extra(field, "primary")
    ]


def shown_names(params: Params) -> tuple[str, ...]:
    """Return the parameters that names show: primary and required ones, and those set otherwise."""
    model = type(params)
    always = primary_names(model)
    return tuple(
        name
        for name, field in model.model_fields.items()
        if name in always or getattr(params, name) != field.get_default(call_default_factory=True)
    )


def file_hashes(params: Params) -> dict[str, str]:
    """Return the content hash of every file or folder that a parameter of type ``Path`` names.

    That of a folder is of the names and contents of all files in it, hidden ones aside.
    """
    return {
        name: content_hash(value) if value.is_file() else _folder_hash(value)
        for name, value in params
        if isinstance(value, Path) and value.exists()
    }


def _folder_hash(folder: Path) -> str:
    files = (each.relative_to(folder) for each in folder.rglob("*") if each.is_file())
    return hash_json(
        {
            file.as_posix(): content_hash(folder / file)
            for file in files
            if not any(part.startswith(".") for part in file.parts)
        }
    )


def example_values(model: type[Params]) -> dict[str, Any]:
    """Return a value for every required parameter, from its declared example.

    Raises
    ------
    ConfigurationError
        If a required parameter declares no example.
    """
    missing = [
        name
        for name, field in model.model_fields.items()
        if field.is_required() and field_extra(field, "example") is None
    ]
    if missing:
        raise ConfigurationError(
            f"{model.__qualname__}: no example declared for {', '.join(missing)}; "
            "declare one with parameter(..., example=...)"
        )
    return {
        name: field_extra(field, "example")
        for name, field in model.model_fields.items()
        if field.is_required()
    }


def validate(model: type[Params], values: Mapping[str, Any], owner: str, where: str = "") -> Params:
    """Build `model` from `values`.

    Parameters
    ----------
    model
        The parameter model.
    values
        The parameters as the user gave them.
    owner
        The component they belong to, as the message names it (``modifier/jpeg``).
    where
        Their place (``study.yaml: modifiers[1]``).

    Raises
    ------
    ConfigurationError
        With every mistake: the place, the component, the parameter and what was expected.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise ConfigurationError(
            [
                Problem(where, f"{owner}: {_explain(model, item)}")
                for item in error.errors(include_url=False)
            ]
        ) from None


def _explain(model: type[Params], item: Any) -> str:
    location = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        known = list(model.model_fields)
        hint = nearest(location, known)
        takes = f"it takes {', '.join(known)}" if known else "it takes no parameters"
        return f"unknown parameter {location!r}{hint}; {takes}"
    if item["type"] == "missing":
        field = model.model_fields.get(location)
        return f"parameter {location!r} is required{_about(field)}"
    message = item["msg"]
    message = message.removeprefix("Value error, ")
    name = f"parameter {location!r}" if location else "parameters"
    return f"{name} is {item['input']!r}: {message[:1].lower()}{message[1:]}"


def _about(field: FieldInfo | None) -> str:
    if field is None:
        return ""
    parts = [field.description or ""]
    example = field_extra(field, "example")
    if example is not None:
        parts.append(f"for example {example}")
    text = ", ".join(part for part in parts if part)
    return f" ({text})" if text else ""


def describe(model: type[Params]) -> list[dict[str, Any]]:
    """Describe every parameter: name, type, default, range, unit, example, description."""
    rows = []
    for name, field in model.model_fields.items():
        rows.append(
            {
                "name": name,
                "type": _type_name(field.annotation),
                "required": field.is_required(),
                "default": None
                if field.default is PydanticUndefined
                else field.get_default(call_default_factory=True),
                "range": _range(field),
                "unit": field_extra(field, "unit"),
                "example": field_extra(field, "example"),
                "description": field.description or "",
            }
        )
    return rows


def _type_name(annotation: Any) -> str:
    if annotation is type(None):
        return "none"
    arguments = get_args(annotation)
    if not arguments:
        return getattr(annotation, "__name__", str(annotation))
    if all(isinstance(argument, (str, int, float)) for argument in arguments):
        return " | ".join(str(argument) for argument in arguments)
    origin = getattr(annotation, "__origin__", None)
    if origin in (list, tuple, dict):
        return f"{origin.__name__}[{', '.join(_type_name(a) for a in arguments)}]"
    return " | ".join(_type_name(argument) for argument in arguments)


_BOUNDS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "multiple_of": "multiple of"}


def _range(field: FieldInfo) -> str | None:
    parts = [
        f"{sign} {getattr(constraint, attribute)}"
        for constraint in field.metadata
        for attribute, sign in _BOUNDS.items()
        if getattr(constraint, attribute, None) is not None
    ]
    return ", ".join(parts) or None
