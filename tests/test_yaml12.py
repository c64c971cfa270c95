"""Study files are YAML 1.2: what numbers are, what is refused, where things stand."""

from __future__ import annotations

import pytest

from iqf_core.errors import ConfigurationError
from iqf_core.yaml12 import load_yaml, parse_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("012", 12),
        ("1:30", "1:30"),
        ("yes", "yes"),
        ("off", "off"),
        ("0x1F", 31),
        ("0o17", 15),
        (".5", 0.5),
        ("-.inf", float("-inf")),
        ("true", True),
        ("~", None),
        ("2024-01-01", "2024-01-01"),
        ("'7'", "7"),
        ("1_000", "1_000"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text, value):
    assert parse_yaml(f"a: {text}", "s.yaml").data == {"a": value}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3", r"s.yaml:3: the key 'a' is given twice"),
        ("a: [1", r"s.yaml:1: not valid YAML"),
        ("x: !!python/object/apply:os.system [ls]", "cannot be read|tag"),
        ("a: &b [*b]", "alias within itself"),
        ("? [1, 2]\n: 3", "no plain word"),
        ("a: 1\n---\nb: 2", "not valid YAML"),
    ],
)
def test_what_is_refused_says_the_line(text, said):
    with pytest.raises(ConfigurationError, match=said):
        parse_yaml(text, "s.yaml")


def test_aliases_cannot_blow_up():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(ConfigurationError, match="too many values"):
        parse_yaml("\n".join(lines), "s.yaml")


def test_every_value_knows_its_line():
    document = parse_yaml("a:\n  - x\n  - {b: 1,\n     c: 2}\n", "s.yaml")
    assert document.where(("a", 1, "c")) == "s.yaml:4: a[1].c"
    assert document.where(("a", 1, "zzz")) == "s.yaml:3: a[1].zzz"
    assert document.where() == "s.yaml:1"


def test_a_file_that_is_no_text_is_one_line(tmp_path):
    (tmp_path / "s.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        load_yaml(tmp_path / "s.yaml")
    with pytest.raises(ConfigurationError, match="No such file"):
        load_yaml(tmp_path / "missing.yaml")
