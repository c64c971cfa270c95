"""Parameter models: validation messages, documentation, examples."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest

from iqf_core.api import ConfigurationError, Params, parameter
from iqf_core.components.parameters import (
    describe,
    example_values,
    file_hashes,
    primary_names,
    validate,
)


class Codec(Params):
    quality: int = parameter(description="Quality", unit="%", ge=1, le=100, example=70)
    subsampling: Literal["420", "444"] = parameter("420", description="Chroma", primary=True)
    strength: float = parameter(1.0, description="Strength", gt=0)


def test_valid_values_become_typed_attributes():
    params = validate(Codec, {"quality": "70"}, "modifier/codec")
    assert (params.quality, params.subsampling, params.strength) == (70, "420", 1.0)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"quality": 0}, "modifier/codec: parameter 'quality' is 0: .*greater than or equal to 1"),
        ({}, r"parameter 'quality' is required \(Quality, for example 70\)"),
        ({"qualty": 3, "quality": 3}, "unknown parameter 'qualty'; did you mean 'quality'"),
        ({"quality": float("nan")}, "quality"),
        ({"quality": 5, "strength": float("inf")}, "strength.*finite"),
        ({"quality": 5, "subsampling": "422"}, "'420' or '444'"),
    ],
)
def test_a_mistake_names_component_parameter_and_what_was_expected(values, said):
    with pytest.raises(ConfigurationError, match=said):
        validate(Codec, values, "modifier/codec")


def test_all_mistakes_come_at_once_with_their_place():
    with pytest.raises(ConfigurationError) as raised:
        validate(Codec, {"quality": 0, "strength": -1, "x": 2}, "modifier/codec", "s.yaml:3")
    assert len(raised.value.problems) == 3
    assert {problem.where for problem in raised.value.problems} == {"s.yaml:3"}


def test_parameters_are_fixed_once_made():
    params = validate(Codec, {"quality": 70}, "modifier/codec")
    with pytest.raises(ValueError, match="frozen"):
        params.quality = 3


def test_names_show_required_and_primary_parameters():
    assert primary_names(Codec) == ["quality", "subsampling"]


def test_the_description_has_type_default_range_unit_and_example():
    quality, subsampling, strength = describe(Codec)
    assert quality == {
        "name": "quality",
        "type": "int",
        "required": True,
        "default": None,
        "range": ">= 1, <= 100",
        "unit": "%",
        "example": 70,
        "description": "Quality",
    }
    assert subsampling["type"] == "420 | 444"
    assert strength["range"] == "> 0"


def test_a_required_parameter_without_example_cannot_be_tried():
    class Bare(Params):
        size: int = parameter(description="Size")

    assert example_values(Codec) == {"quality": 70}
    with pytest.raises(ConfigurationError, match="no example declared for size"):
        example_values(Bare)


class Weighted(Params):
    model: Path = parameter(description="Weights", example="model")


def test_files_and_folders_count_by_their_content(tmp_path):
    assert file_hashes(Weighted(model=tmp_path / "missing")) == {}
    one, other = tmp_path / "one", tmp_path / "other"
    for folder in (one, other):
        (folder / "inner").mkdir(parents=True)
        (folder / "inner" / "weights").write_bytes(b"1234")
    (other / ".hidden").write_text("does not count")
    alike = [file_hashes(Weighted(model=folder)) for folder in (one, other)]
    assert alike[0] == alike[1]
    (other / "inner" / "weights").write_bytes(b"1235")
    assert file_hashes(Weighted(model=other)) != alike[0]
    assert file_hashes(Weighted(model=one / "inner" / "weights"))["model"]
