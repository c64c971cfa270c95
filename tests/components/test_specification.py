"""Specification strings: what they mean, that they read back, and what is said of a bad one."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iqf_core.components.specification import (
    Grid,
    Specification,
    expand_chain,
    format_specification,
    parse_specification,
    specification_from_yaml,
)
from iqf_core.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "name", "params"),
    [
        ("none", "none", {}),
        ("blur:sigma_px=1.5", "blur", {"sigma_px": 1.5}),
        ("jpeg:quality=70,subsampling=420", "jpeg", {"quality": 70, "subsampling": 420}),
        ("blur@my-plugin:sigma_px=1e-3", "blur@my-plugin", {"sigma_px": 1e-3}),
        ("qmrnet:model=models/rer,mode=match", "qmrnet", {"model": "models/rer", "mode": "match"}),
        ("x:path='a,b|c:d=e'", "x", {"path": "a,b|c:d=e"}),
        ('x:path="it\'s"', "x", {"path": "it's"}),
        ("x:path=it's", "x", {"path": "it's"}),
        ("x:a='7',b=''", "x", {"a": "7", "b": ""}),
        ("x:a=true,b=null,c=yes", "x", {"a": True, "b": None, "c": "yes"}),
        ("x:a=012,b=1:30", "x", {"a": 12, "b": "1:30"}),
        ("x:url=s3:bucket/key", "x", {"url": "s3:bucket/key"}),
    ],
)
def test_a_string_names_a_component_and_its_parameters(text, name, params):
    assert parse_specification(text) == Specification(name, params)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("x:q=10|30|50", (10, 30, 50)),
        ("x:q=1|a|'b|c'", (1, "a", "b|c")),
        ("x:q=1..2.5/4", (1.0, 1.5, 2.0, 2.5)),
        ("x:q=10..30/3", (10, 20, 30)),
        ("x:q=0..1/3", (0.0, 0.5, 1.0)),
        ("x:q=-1..1/3", (-1, 0, 1)),
        ("x:q=3..1/3", (3, 2, 1)),
        ("x:q=0.1..0.3/3", (0.1, 0.2, 0.3)),
    ],
)
def test_bars_and_ranges_make_grids(text, values):
    grid = parse_specification(text).params["q"]
    assert grid == Grid(values)
    assert [type(value) for value in grid.values] == [type(value) for value in values]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no component name"),
        ("Blur", "lower-case"),
        ("blur:", "parameters expected"),
        ("blur:sigma_px", "not parameter=value"),
        ("blur:=1", "not parameter=value"),
        ("blur:a=1,a=2", "given twice"),
        ("blur:a=", "value is missing"),
        ("blur:a='x", "not closed"),
        ("blur:a='x'y", "not closed"),
        ("blur:a=1..2/1", "expected 2 to"),
        ("blur:a=1..2/99999999", "expected 2 to"),
    ],
)
def test_a_bad_string_is_one_clear_line(text, said):
    with pytest.raises(ConfigurationError, match=said) as raised:
        parse_specification(text)
    assert "\n" not in str(raised.value)


@given(st.text())
def test_any_text_is_a_specification_or_an_error_of_ours(text):
    with contextlib.suppress(ConfigurationError):
        parse_specification(text)


_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1).filter(
        lambda text: not ("'" in text and '"' in text)
    ),
)


@given(st.dictionaries(st.from_regex(r"[a-z_][a-z0-9_]{0,5}", fullmatch=True), _VALUES))
def test_a_written_specification_reads_back(params):
    text = format_specification("some_name", params)
    assert parse_specification(text) == Specification("some_name", params)


def test_a_grid_reads_back():
    text = "x:a=1|2.5|three,b=4"
    assert str(parse_specification(text)) == text


def test_the_last_parameter_varies_fastest():
    points = parse_specification("x:a=1|2,b=u|v").expand()
    assert [tuple(point.params.values()) for point in points] == [
        (1, "u"),
        (1, "v"),
        (2, "u"),
        (2, "v"),
    ]


def test_a_chain_has_every_combination_of_its_links():
    chains = expand_chain([parse_specification("a:x=1|2"), parse_specification("b:y=3|4")])
    assert [" ".join(map(str, chain)) for chain in chains] == [
        "a:x=1 b:y=3",
        "a:x=1 b:y=4",
        "a:x=2 b:y=3",
        "a:x=2 b:y=4",
    ]


def test_a_grid_beyond_reason_is_refused_before_it_is_made():
    axes = ",".join(f"{name}=1..9/1000" for name in "abcd")
    with pytest.raises(ConfigurationError, match="points"):
        parse_specification(f"x:{axes}").expand()


def test_yaml_mappings_mean_the_same_as_strings():
    assert specification_from_yaml({"jpeg": {"quality": [10, 30]}}, "s") == parse_specification(
        "jpeg:quality=10|30"
    )
    assert specification_from_yaml({"none": None}, "s") == parse_specification("none")
    assert specification_from_yaml({"x": {"list": {"value": [1, 2]}}}, "s").params == {
        "list": [1, 2]
    }


@pytest.mark.parametrize(
    "node", [3, [], {}, {"a": {}, "b": {}}, {"a": 3}, {"A": {}}, {"a": {1: 2}}]
)
def test_a_yaml_node_that_is_no_component_says_where(node):
    with pytest.raises(ConfigurationError, match=r"study.yaml:7"):
        specification_from_yaml(node, "study.yaml:7")
