"""``iqf.yaml``: what the user knows about a dataset's images."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from iqf_core.errors import DatasetError, nearest

PROPERTIES_FILE = "iqf.yaml"
SCHEMA = "iqf.dataset/1"

#: An honest file has a few lines; anything beyond this is not one.
_MAX_BYTES = 1_000_000


class DatasetProperties(BaseModel):
    """What the user states about all images of a dataset; every field may be left out.

    Attributes
    ----------
    peak
        The value that means full scale, in DN.
    nodata
        The value of pixels without data, in DN; NaN is allowed.
    bands
        Names of the bands, in order.
    gsd_m
        Ground sampling distance in metres.
    snr
        Signal-to-noise ratio, as a ratio.
    rer
        Relative edge response.
    params
        Anything else worth logging with the runs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)

    peak: float | None = Field(None, gt=0, allow_inf_nan=False)
    nodata: float | None = None
    bands: tuple[str, ...] | None = Field(None, min_length=1)
    gsd_m: float | None = Field(None, gt=0, allow_inf_nan=False)
    snr: float | None = Field(None, gt=0, allow_inf_nan=False)
    rer: float | None = Field(None, gt=0, allow_inf_nan=False)
    params: dict[str, Any] = Field(default_factory=dict)

    @field_validator("nodata")
    @classmethod
    def _finite_or_nan(cls, value: float | None) -> float | None:
        if value is not None and math.isinf(value):
            raise ValueError("input should be a finite number or .nan")
        return value

    @field_validator("params", mode="before")
    @classmethod
    def _plain_values(cls, value: Any) -> Any:
        return _plain(value) if isinstance(value, dict) else value

    def stated(self) -> dict[str, Any]:
        """Return what is stated, as plain YAML/JSON values, without what was left out."""
        values = self.model_dump(exclude_none=True)
        if "bands" in values:
            values["bands"] = list(values["bands"])
        if not values["params"]:
            del values["params"]
        return values


def read_properties(folder: Path) -> DatasetProperties:
    """Read ``iqf.yaml`` in the dataset `folder`; without that file, nothing is stated.

    Raises
    ------
    DatasetError
        If it is no YAML mapping, has an unknown or repeated key, a value of the wrong kind, or was
        written with another major version of the schema.
    """
    path = folder / PROPERTIES_FILE
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return DatasetProperties()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from None
    if len(data) > _MAX_BYTES:
        raise DatasetError(f"{path}: {len(data):,} bytes, expected a few lines of YAML")
    try:
        values = yaml.load(data, _StrictLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: not valid YAML: {_one_line(error)}") from None
    if values is None:
        return DatasetProperties()
    if not isinstance(values, dict):
        raise DatasetError(
            f"{path}: expected a mapping of {', '.join(DatasetProperties.model_fields)}, "
            f"found a {type(values).__name__}"
        )
    _check_schema(path, values.pop("schema", SCHEMA))
    try:
        return DatasetProperties.model_validate(values)
    except (ValidationError, RecursionError) as error:
        raise DatasetError(f"{path}: {_explain(error)}") from None


def write_properties(folder: Path, properties: DatasetProperties) -> None:
    """Write `properties` as ``iqf.yaml`` into the dataset `folder`, atomically."""
    from iqf_core.files import atomic_write_text

    document = {"schema": SCHEMA, **properties.stated()}
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    atomic_write_text(folder / PROPERTIES_FILE, text)


def _plain(value: Any) -> Any:
    """Return `value` as JSON could hold it: YAML's dates become text, as do keys."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, datetime.date):
        return value.isoformat()
    raise ValueError(f"{type(value).__name__} is no plain value; write text or a number")


class _StrictLoader(yaml.SafeLoader):
    """YAML with only plain values, every key once, and no aliases (which can grow without end)."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.constructor.ConstructorError(
                None, None, f"alias *{event.anchor} is not supported here", event.start_mark
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is not None and key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key!r} appears twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


def _check_schema(path: Path, schema: Any) -> None:
    match = re.fullmatch(r"iqf\.dataset/(\d+)(?:\.\d+)*", str(schema))
    if match is None:
        raise DatasetError(f"{path}: schema is {schema!r}, expected {SCHEMA!r}")
    if match[1] != SCHEMA.rpartition("/")[2]:
        raise DatasetError(
            f"{path}: written with schema {schema}, this version of IQF reads {SCHEMA}; "
            "use a newer iqf-core"
        )


def _explain(error: ValidationError | RecursionError) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    known = list(DatasetProperties.model_fields)
    problems = []
    for item in error.errors(include_url=False):
        name = ".".join(str(part) for part in item["loc"] if part != "[key]")
        if item["type"] == "extra_forbidden":
            problems.append(
                f"unknown key {name!r}{nearest(name, known)}; it takes {', '.join(known)} "
                "(anything else goes below params)"
            )
        else:
            message = item["msg"].removeprefix("Value error, ")
            shown = repr(item["input"])[:80]
            problems.append(f"{name} is {shown}: {message[:1].lower()}{message[1:]}")
    return "; ".join(problems)


def _one_line(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return " ".join(str(error).split())
