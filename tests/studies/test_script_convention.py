"""The script convention: what a script is called with, and what it may leave behind."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from iqf_core.experiments.durations import format_duration, parse_duration
from iqf_core.experiments.script.arguments import script_arguments
from iqf_core.experiments.script.results_file import MetricValue, ResultsFileError, read_results
from iqf_core.experiments.script.sources import hash_inputs, python_sources


def results(tmp_path, content, given=None):
    path = tmp_path / "results.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return read_results(path, given or {})


class TestArguments:
    def test_datasets_and_hyper_parameters_are_a_list(self):
        arguments = script_arguments(
            Path("/out put"),
            {"train": Path("/d#blur"), "val": Path("/v")},
            {"lr": 1e-3, "name": "adam w", "deep": True, "sizes": [1, 2], "none": None, "n": -3},
            seed=7,
        )
        assert arguments == [
            *["--outputpath", "/out put", "--trainds", "/d#blur", "--valds", "/v"],
            *["--lr", "0.001", "--name", "adam w", "--deep", "true", "--sizes", "[1, 2]"],
            *["--n", "-3", "--seed", "7"],
        ]

    def test_a_text_that_looks_like_an_option_is_passed_as_a_value(self):
        assert script_arguments(Path("/o"), {}, {"flags": "-x"})[-1] == "--flags=-x"

    def test_monitoring_arguments_come_only_when_asked_for(self):
        plain = script_arguments(Path("/o"), {}, {})
        assert not [item for item in plain if item.startswith("--mlf")]
        told = script_arguments(Path("/o"), {}, {}, monitoring={"mlfuri": "u", "mlfrunid": "r"})
        assert told[-4:] == ["--mlfuri", "u", "--mlfrunid", "r"]


class TestResults:
    def test_no_file_is_normal(self, tmp_path):
        read = read_results(tmp_path / "results.json", {})
        assert (read.metrics, read.params, read.warnings) == ([], {}, [])

    def test_a_number_is_a_metric_and_a_parameter(self, tmp_path):
        read = results(tmp_path, {"accuracy": 0.5, "zero": 0})
        assert read.metrics == [MetricValue("accuracy", 0.5, 0), MetricValue("zero", 0.0, 0)]
        assert read.params == {"accuracy": 0.5, "zero": 0}

    def test_texts_and_booleans_are_parameters(self, tmp_path):
        read = results(tmp_path, {"optimizer": "adam", "converged": True})
        assert read.metrics == []
        assert read.params == {"optimizer": "adam", "converged": True}

    def test_lists_are_metrics_over_steps(self, tmp_path):
        read = results(tmp_path, {"loss": [3, 2], "val": [[10, 0.5], [20, 0.25]]})
        assert read.metrics == [
            MetricValue("loss", 3.0, 0),
            MetricValue("loss", 2.0, 1),
            MetricValue("val", 0.5, 10),
            MetricValue("val", 0.25, 20),
        ]
        assert read.params == {}

    def test_not_a_number_is_kept_and_flagged(self, tmp_path):
        read = results(tmp_path, '{"loss": [1, NaN], "a": Infinity}')
        assert math.isnan(read.metrics[1].value)
        assert math.isinf(read.metrics[2].value)
        assert len(read.warnings) == 2

    def test_an_echoed_parameter_keeps_the_studys_value(self, tmp_path):
        read = results(tmp_path, {"lr": 0.1, "epochs": 20.0}, {"lr": 0.2, "epochs": 20})
        assert (read.metrics, read.params) == ([], {})
        assert read.warnings == ["results.json: lr is 0.1, the study's value 0.2 is kept"]

    @pytest.mark.parametrize(
        "value", [None, {"a": 1}, [], ["a", "b"], [1, "b"], [[1, 2, 3]], [[0.5, 1]], [True], [None]]
    )
    def test_other_types_are_warnings(self, tmp_path, value):
        read = results(tmp_path, {"odd": value, "good": 1})
        assert [point.key for point in read.metrics] == ["good"]
        assert len(read.warnings) == 1
        assert "odd" in read.warnings[0]

    @pytest.mark.parametrize("content", ["", "{", "[1]", "3", "\x00", '{"a": 1}}', "[" * 100_000])
    def test_a_file_that_cannot_be_read_is_an_error(self, tmp_path, content):
        with pytest.raises(ResultsFileError, match=r"results.json"):
            results(tmp_path, content)


class TestInputs:
    def test_every_python_file_under_the_scripts_folder_counts(self, tmp_path):
        for name in ("train.py", "lib/model.py", ".hidden/x.py", "env/lib/y.py", "d#blur/z.py"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text("")
        (tmp_path / "env" / "pyvenv.cfg").write_text("")
        found = [path.relative_to(tmp_path).as_posix() for path in python_sources(tmp_path)]
        assert found == ["train.py", "lib/model.py"]

    def test_the_hash_follows_content_and_names_but_not_the_place(self, tmp_path):
        for place in ("one", "two"):
            (tmp_path / place / "data").mkdir(parents=True)
            (tmp_path / place / "data" / "a.txt").write_text("a")
        one, two = tmp_path / "one", tmp_path / "two"
        assert hash_inputs([one / "data"], one) == hash_inputs([two / "data"], two)
        (two / "data" / "a.txt").rename(two / "data" / "b.txt")
        assert hash_inputs([one / "data"], one) != hash_inputs([two / "data"], two)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), (5, 5), (0.5, 0.5), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("2d", 172800)],
)
def test_durations_are_written_as_people_do(text, seconds):
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5", 0, True, None, "5m5h"])
def test_what_is_no_duration_is_refused(text):
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration(text)


def test_durations_are_shown_in_fitting_units():
    assert [format_duration(value) for value in (0.84, 42, 200, 7500)] == [
        "0.8 s",
        "42 s",
        "3 min 20 s",
        "2 h 5 min",
    ]
