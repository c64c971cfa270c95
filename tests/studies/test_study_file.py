"""The study file: what it means, and that every mistake in it is said at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from iqf_core.components.specification import Grid, parse_specification
from iqf_core.errors import ConfigurationError
from iqf_core.experiments.study_file import read_study, settings_from
from iqf_core.yaml12 import parse_yaml

COMPLETE = """
schema: iqf.study/1
study: digits-noise
datasets: {train: data/train, val: data/val}
modifiers:
  - none
  - gaussian_noise: {sigma_dn: [8, 16]}
  - [blur: {sigma_px: [0.5, 1.0]}, jpeg: {quality: [20, 60]}]
  - {blur: {sigma_px: 2}, jpeg: {quality: 5}}
  - jpeg:quality=1..3/3
apply_to: [train]
task: {python_script: {path: train.py, timeout: 10m}}
params: {learning_rate: [1e-2, 012], epochs: 20, layers: {value: [64, 32]}, note: null}
repetitions: 3
executor: {local: {workers: 2}}
seed: 1
"""


def read(text):
    return settings_from(parse_yaml(text, "study.yaml"), Path("/somewhere"))


def mistakes(text):
    with pytest.raises(ConfigurationError) as raised:
        read(text)
    return [str(problem) for problem in raised.value.problems]


def test_a_complete_study_is_read():
    study = read(COMPLETE)
    assert study.name == "digits-noise"
    assert study.datasets["val"] == Path("/somewhere/data/val")
    assert [len(chain) for chain in study.modifiers] == [1, 1, 2, 2, 1]
    assert study.modifiers[2] == (
        parse_specification("blur:sigma_px=0.5|1.0"),
        parse_specification("jpeg:quality=20|60"),
    )
    assert study.apply_to == ("train",)
    assert study.task.params == {"path": "train.py", "timeout": "10m"}
    assert study.params == {
        "learning_rate": Grid((0.01, 12)),
        "epochs": 20,
        "layers": [64, 32],
        "note": None,
    }
    assert (study.repetitions, study.seed) == (3, 1)


def test_what_is_left_out_has_sensible_defaults():
    study = read("study: s\ndatasets: {train: d}")
    assert [str(chain[0]) for chain in study.modifiers] == ["none"]
    assert (study.apply_to, study.repetitions, study.task) == (("train",), 1, None)


def test_every_mistake_is_said_at_once_with_its_place_and_the_nearest_name():
    said = mistakes(
        """study: s
datasets: {train: d, vall: e}
modifers: [none]
modifiers:
  - 7
  - {blur: 3}
task: {python_script: {path: t.py}}
repetitions: many
params: {trainds: 3, deep: {a: 1}, none_left: []}
apply_to: [train]
tracking: {url: x}
"""
    )
    expected = [
        ("study.yaml:3: modifers", "did you mean 'modifiers'"),
        ("study.yaml:2: datasets.vall", "did you mean 'val'"),
        ("study.yaml:8: repetitions", "'many'"),
        ("study.yaml:11: tracking.url", "did you mean 'uri'"),
        ("study.yaml:5: modifiers[0]", "expected one component"),
        ("study.yaml:6: modifiers[1].blur", "parameters as a mapping"),
        ("study.yaml:9: params.trainds", "reserved"),
        ("study.yaml:9: params.deep", "is a mapping"),
        ("study.yaml:9: params.none_left", "empty list"),
    ]
    assert len(said) == len(expected)
    for place, message in expected:
        assert any(line.startswith(place) and message in line for line in said), (place, said)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a", "expected a study"),
        ("study: s", "study.yaml:1: datasets: is required"),
        ("study: a/b\ndatasets: {train: d}", "letters, digits"),
        ("schema: iqf.study/2\nstudy: s\ndatasets: {train: d}", "newer iqf-core"),
        ("study: s\ndatasets: {}", "is empty"),
        ("study: s\ndatasets: {Train: d}", "snake_case"),
        ("study: s\ndatasets: {val: d}\ntask: {python_script: {path: t}}", "needs a train"),
        (
            "study: s\ndatasets: {train: d, valid: e}\ntask: {python_script: {path: t}}",
            "did you mean 'val'",
        ),
        ("study: s\ndatasets: {train: d}\napply_to: [test]", "no dataset has the role 'test'"),
        ("study: s\ndatasets: {train: d}\nmodifiers: []", "is empty"),
        ("study: s\ndatasets: {train: d}\nmodifiers: [[]]", "empty chain"),
        ("study: s\ndatasets: {train: d}\nseed: -1", "seed"),
        ("study: s\ndatasets: {train: d}\nrepetitions: 0", "greater than or equal to 1"),
    ],
)
def test_one_mistake_is_one_line(text, said):
    (line,) = mistakes(text)
    assert said in line


def test_a_study_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(ConfigurationError, match="No such file"):
        read_study(tmp_path / "s.yaml")
    with pytest.raises(ConfigurationError, match="is a folder"):
        read_study(tmp_path)
