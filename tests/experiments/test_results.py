from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas
import pytest
from click.testing import CliRunner

from iqf_core.cli.results import results as results_command
from iqf_core.errors import ConfigurationError, TrackingError
from iqf_core.experiments.results.results import Results
from iqf_core.experiments.results.summary import mean_and_spread
from iqf_core.experiments.tracking.tracker import MetricPoint, Tracker

Track = Callable[..., str]
NOISE = {"gaussian_noise.sigma_dn": 0}


@pytest.fixture
def results(tracker: Tracker) -> Callable[[], Results]:
    return lambda: Results("digits", tracking_uri=tracker.target.uri)


@pytest.fixture
def noise_study(track: Track) -> None:
    """Reference, two noise levels in the order 16, 8, and one JPEG quality, twice each."""
    for modifier, identity, value in (
        ("none", {}, 1.0),
        ("gaussian_noise:sigma_dn=16", NOISE, 4.0),
        ("gaussian_noise:sigma_dn=8", NOISE, 2.0),
        ("jpeg:quality=30", {}, 3.0),
    ):
        for repetition in range(2):
            metrics = {"val_mse": value + repetition, "val_accuracy": 0.0}
            track(modifier, metrics, repetition=repetition, identity=identity)


def test_a_frame_has_one_row_a_run_with_correct_types(
    track: Track, results: Callable[[], Results]
) -> None:
    track("none", {"mse": 0.0, "loss": math.nan}, lr=0.5, epochs=3, flag=True, name="adam")
    track("jpeg:quality=30", {"mse": 2.0}, lr=1, epochs=4, flag=False, name="sgd", extra="x")
    frame = results().frame()
    assert list(frame["modifier"]) == ["none", "jpeg:quality=30"]
    assert list(frame.columns[:4]) == ["run", "state", "fingerprint", "repetition"]
    assert list(frame["mse"]) == [0.0, 2.0]
    assert math.isnan(frame["loss"][0])
    assert frame["epochs"].dtype == "int64"
    assert frame["repetition"].dtype == "int64"
    assert frame["lr"].dtype == "float64"
    assert frame["flag"].dtype == "bool"
    assert frame["jpeg.quality"].dtype == "Int64"
    assert frame["jpeg.quality"].isna().tolist() == [True, False]
    assert frame["extra"].isna().tolist() == [True, False]
    assert pandas.api.types.is_string_dtype(frame["name"])


def test_zero_is_a_value_and_grouping_gives_mean_and_spread(
    track: Track, results: Callable[[], Results]
) -> None:
    for repetition, value in enumerate((0.0, 0.0, 3.0)):
        track("jpeg:quality=30", {"mse": value}, repetition=repetition)
    track("jpeg:quality=5", {"mse": 7.0})
    frame = results().frame(by="quality")
    assert frame["jpeg.quality"].tolist() == [5, 30]
    assert frame["runs"].tolist() == [1, 3]
    assert frame["mse_mean"].tolist() == [7.0, 1.0]
    assert math.isnan(frame["mse_std"][0])
    assert frame["mse_std"][1] == pytest.approx(math.sqrt(3))  # (0, 0, 3), n - 1
    assert frame["mse_count"].tolist() == [1, 3]


def test_numbers_are_averaged_as_numbers(track: Track, results: Callable[[], Results]) -> None:
    for repetition in range(3):
        track("none", {"mse": 1.0}, repetition=repetition, min_size=1)
    frame = results().frame(by=["min_size"], metrics=["mse"])
    assert frame["min_size"].tolist() == [1]
    assert frame["mse_mean"].tolist() == [1.0]


@pytest.mark.usefixtures("noise_study")
def test_the_reference_stands_at_the_identity_of_the_parameter(
    results: Callable[[], Results],
) -> None:
    frame = results().frame(by=["sigma_dn"], metrics=["val_mse"])
    assert frame["gaussian_noise.sigma_dn"].tolist() == [0, 8, 16]
    assert frame["val_mse_mean"].tolist() == [1.5, 2.5, 4.5]
    by_quality = results().frame(by=["jpeg.quality"], metrics=["val_mse"])
    assert by_quality["jpeg.quality"].tolist() == [30]


def test_nan_is_left_out_of_the_mean_and_said(track: Track, results: Callable[[], Results]) -> None:
    for repetition, value in enumerate((2.0, math.nan, 4.0)):
        track("none", {"mse": value}, repetition=repetition)
    frame = results().frame(by=["modifier"])
    assert (frame["mse_mean"][0], frame["mse_count"][0], frame["runs"][0]) == (3.0, 2, 3)
    assert any("mse is NaN in 1 of 3 runs" in note for note in results().summary().notes)


def test_averaging_over_something_else_than_repetitions_is_said(
    track: Track, results: Callable[[], Results]
) -> None:
    for rate in (0.1, 0.2):
        track("jpeg:quality=30", {"mse": rate}, learning_rate=rate)
    found = results()
    assert found.frame(by=["quality"]).attrs["averaged_over"] == {"learning_rate": [0.1, 0.2]}
    assert "averaged over learning_rate: 0.1, 0.2" in found.summary(by=["quality"]).notes
    assert found.frame(by=["quality", "learning_rate"]).attrs["averaged_over"] == {}
    assert found.summary().header == ("modifier", "learning_rate", "runs", "mse")


def test_a_newer_run_of_the_same_point_replaces_the_older(
    track: Track, results: Callable[[], Results]
) -> None:
    track("none", {"mse": 1.0}, fingerprint="a")
    track("none", {}, state="FAILED", fingerprint="b", reason="exit code 1")
    track("none", {"mse": 3.0}, fingerprint="b")  # repeated
    track("none", {"mse": 9.0}, fingerprint="c", repetition=1)
    found = results()
    assert [run.metrics["mse"] for run in found.runs()] == [3.0, 9.0]
    assert len(found.runs(superseded=True)) == 4
    assert found.frame()["mse"].tolist() == [3.0, 9.0]
    assert found.frame(superseded=True)["mse"].tolist() == [1.0, 3.0, 9.0]


def test_failed_runs_are_no_rows_unless_asked_for(
    track: Track, results: Callable[[], Results]
) -> None:
    track("none", {"mse": 1.0})
    track("jpeg:quality=5", {"mse": 2.0}, state="TIMED_OUT", reason="took over 10 s")
    found = results()
    assert found.frame()["state"].tolist() == ["FINISHED"]
    assert found.frame(states=("FINISHED", "TIMED_OUT"))["mse"].tolist() == [1.0, 2.0]
    assert [run.reason for run in found.runs("TIMED_OUT")] == ["took over 10 s"]


def test_names_are_found_short_and_mistakes_name_the_nearest(
    track: Track, results: Callable[[], Results]
) -> None:
    track("blur:sigma_px=1 jpeg:quality=5", {"val.bpppc": 1.0, "train.bpppc": 2.0, "mse": 1.0})
    track("sharpen:sigma_px=2", {"mse": 1.0})
    found = results()
    assert found.find_params("quality") == ["jpeg.quality"]
    with pytest.raises(ConfigurationError, match=r"ambiguous; expected blur\.sigma_px or sharpen"):
        found.frame(by=["sigma_px"])
    with pytest.raises(ConfigurationError, match="no parameter 'qualty'.*did you mean 'quality'"):
        found.frame(by=["qualty"])
    with pytest.raises(ConfigurationError, match="metric 'bpppc' is ambiguous"):
        found.frame(metrics=["bpppc"])


def test_a_number_that_the_script_reports_does_not_split_repetitions(
    tracker: Tracker, track: Track, results: Callable[[], Results]
) -> None:
    for repetition, value in enumerate((1.25, 1.5)):
        run_id = track("none", {"mse": value}, repetition=repetition)
        tracker.log(run_id, params={"mse": value, "note": f"run {repetition}"})
    found = results()
    assert found.summary().rows == (("none", "2", "1.38 ± 0.18"),)
    assert found.frame()["mse"].tolist() == [1.25, 1.5]
    assert list(found.frame().columns).count("mse") == 1


def test_runs_of_another_study_in_the_same_experiment_are_left_out(
    tracker: Tracker, track: Track, tmp_path: Path
) -> None:
    track("none", {"mse": 1.0})
    tracker.create_run("foreign", {}, {"iqf.study": "other"})
    (tmp_path / "study.yaml").write_text("study: digits\ndatasets: {train: data}\n")
    assert len(Results(tmp_path / "study.yaml")) == 1
    assert len(Results(tmp_path)) == 1
    assert len(Results("digits", tracking_uri=tracker.target.uri)) == 2


def test_a_study_is_found_by_its_name_in_the_current_folder(
    track: Track, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    track("none", {"mse": 1.0})
    monkeypatch.chdir(tmp_path)
    assert len(Results("digits")) == 1
    with pytest.raises(TrackingError, match="did you mean 'digits'"):
        Results("digit")
    with pytest.raises(ConfigurationError, match="no such study file"):
        Results("other.yaml")
    with pytest.raises(TrackingError, match="no tracking store yet"):
        Results("digits", tracking_uri="elsewhere.db")


def test_a_study_without_a_task_shows_sizes_and_rates(
    track: Track, results: Callable[[], Results]
) -> None:
    metrics = {"train.bytes": 100.0, "train.bpppc": 0.5, "train.images": 4.0}
    track("jpeg:quality=5", metrics, **{"dataset.train": "train#jpeg"})
    assert results().summary().header == ("modifier", "runs", "train.bpppc", "train.bytes")


@pytest.mark.parametrize(
    ("mean", "spread", "count", "text"),
    [
        (0.12345, 0.0123, 3, "0.123 ± 0.012"),
        (1234.5, 12.3, 3, "1234 ± 12"),
        (0.5, math.nan, 1, "0.5000"),
        (0.0, math.nan, 1, "0"),
        (17.0, 0.0, 2, "17 ± 0"),
        (0.0, 0.25, 2, "0.00 ± 0.25"),
        (1.5e-9, 2e-10, 2, "1.500e-09 ± 2.0e-10"),
        (3e12, math.nan, 1, "3.000e+12"),
        (math.nan, math.nan, 0, "-"),
        (math.inf, math.nan, 2, "inf"),
    ],
)
def test_mean_and_spread_are_written_to_the_same_place(
    mean: float, spread: float, count: int, text: str
) -> None:
    assert mean_and_spread(mean, spread, count) == text


@pytest.mark.usefixtures("noise_study")
def test_a_notebook_shows_the_summary(results: Callable[[], Results]) -> None:
    html = results()._repr_html_()
    assert "<table" in html
    assert "2.50 ± 0.71" in html


@pytest.mark.usefixtures("noise_study")
def test_the_command_prints_a_table_and_names_failed_runs(track: Track, tmp_path: Path) -> None:
    track("jpeg:quality=5", state="FAILED", reason="exit code 3")
    (tmp_path / "study.yaml").write_text("study: digits\ndatasets: {train: data}\n")
    printed = subprocess.run(
        [sys.executable, "-m", "iqf_core.cli", "results", "study.yaml"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert printed[0] == "digits: 8 FINISHED, 1 FAILED"
    assert printed[2].split() == ["modifier", "runs", "val_mse", "val_accuracy"]
    assert printed[3].split() == ["none", "2", "1.50", "±", "0.71", "0", "±", "0"]
    assert "1 run did not finish:" in printed
    assert "  jpeg:quality=5 #0  FAILED: exit code 3" in printed


@pytest.mark.usefixtures("noise_study")
def test_the_command_prints_json_and_writes_csv_and_plots(
    tracker: Tracker, track: Track, tmp_path: Path
) -> None:
    track("jpeg:quality=70", {"val_mse": math.nan})
    arguments = ["digits", "--tracking-uri", tracker.target.uri]
    printed = CliRunner().invoke(results_command, [*arguments, "--json"], catch_exceptions=False)
    runs = json.loads(printed.stdout)
    assert len(runs) == 9
    assert {"fingerprint", "state", "params", "metrics", "name", "run_id"} <= set(runs[0])
    assert [run["params"].get("gaussian_noise.sigma_dn") for run in runs[2:5]] == [16, 16, 8]
    assert runs[-1]["metrics"] == {"val_mse": None}

    options = ["--by", "sigma_dn", "--metric", "val_mse", "--csv", str(tmp_path / "t.csv")]
    options += ["--plot", "line", "--out", str(tmp_path / "p.svg")]
    CliRunner().invoke(results_command, [*arguments, *options], catch_exceptions=False)
    table = pandas.read_csv(tmp_path / "t.csv")
    assert table["gaussian_noise.sigma_dn"].tolist() == [0, 8, 16]
    assert table["val_mse_mean"].tolist() == [1.5, 2.5, 4.5]
    assert "<svg" in (tmp_path / "p.svg").read_text()
    CliRunner().invoke(
        results_command, [*arguments, "--csv", str(tmp_path / "all.csv")], catch_exceptions=False
    )
    assert len(pandas.read_csv(tmp_path / "all.csv")) == 9


def test_a_store_of_ten_thousand_runs_is_read_in_seconds(
    prepared_store: Path, tmp_path: Path
) -> None:
    import sqlite3
    import time

    shutil.copyfile(prepared_store, tmp_path / "mlflow.db")
    store = sqlite3.connect(tmp_path / "mlflow.db")
    (experiment,) = store.execute("SELECT experiment_id FROM experiments WHERE name = 'unused'")
    ids = [f"{number:032x}" for number in range(10_000)]
    store.executemany(
        "INSERT INTO runs (run_uuid, name, status, start_time, lifecycle_stage, artifact_uri,"
        " experiment_id) VALUES (?, 'r', 'FINISHED', ?, 'active', '/nowhere', ?)",
        [(run_id, number, experiment[0]) for number, run_id in enumerate(ids)],
    )
    store.executemany(
        "INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)",
        [(f"p{key}", str(key), run_id) for run_id in ids for key in range(20)],
    )
    store.executemany(
        "INSERT INTO latest_metrics VALUES (?, 0.5, 0, 0, 0, ?)",
        [(f"m{key}", run_id) for run_id in ids for key in range(5)],
    )
    store.commit()
    store.close()
    started = time.process_time()
    frame = Results("unused", tracking_uri=str(tmp_path / "mlflow.db")).frame()
    assert time.process_time() - started < 6
    assert frame.shape == (10_000, 29)
    assert (frame["p7"] == 7).all()


def test_metrics_of_several_steps_give_their_last_value(
    tracker: Tracker, results: Callable[[], Results]
) -> None:
    run_id = tracker.create_run("r", {"modifier": "none"}, {})
    tracker.log(run_id, metrics=[MetricPoint("loss", 3 - step, step) for step in range(3)])
    tracker.finish(run_id, "FINISHED")
    assert results().frame()["loss"].tolist() == [1.0]
