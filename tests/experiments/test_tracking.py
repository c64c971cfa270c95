from __future__ import annotations

import json
import math
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from iqf_core.errors import TrackingError
from iqf_core.experiments.tracking.limits import safe_keys
from iqf_core.experiments.tracking.reading import record_of
from iqf_core.experiments.tracking.tracker import (
    MetricPoint,
    Tracker,
    TrackingTarget,
    read_experiment,
    resolve_tracking,
)


def test_the_default_store_lies_beside_the_study(tmp_path: Path) -> None:
    target = resolve_tracking(tmp_path)
    assert target.uri == f"sqlite:///{tmp_path}/mlflow.db"
    assert target.artifact_location == f"{tmp_path}/mlartifacts"
    assert target.store_path == tmp_path / "mlflow.db"
    assert not target.store_path.exists()


def test_a_given_address_counts_before_the_environment_and_that_before_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:5000")
    assert resolve_tracking(tmp_path).uri == "http://localhost:5000"
    assert resolve_tracking(tmp_path).artifact_location is None
    assert resolve_tracking(tmp_path, "other.db").uri == f"sqlite:///{tmp_path}/other.db"
    given = resolve_tracking(tmp_path, "sqlite:////elsewhere/m.db", "http://registry")
    assert (given.uri, given.registry_uri) == ("sqlite:////elsewhere/m.db", "http://registry")
    assert given.artifact_location == "/elsewhere/mlartifacts"


@pytest.mark.parametrize("character", ["%", "?"])
def test_a_path_that_mlflow_cannot_open_is_refused_early(tmp_path: Path, character: str) -> None:
    with pytest.raises(TrackingError, match="rename the folder"):
        resolve_tracking(tmp_path / f"50{character} noise")


@pytest.mark.parametrize("uri", ["./mlruns", "file:///tmp/mlruns", "sqlite://", "ftp://x/y"])
def test_an_address_of_another_kind_is_refused(tmp_path: Path, uri: str) -> None:
    with pytest.raises(TrackingError, match="expected"):
        resolve_tracking(tmp_path, uri)


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("hello")
    with pytest.raises(TrackingError, match="is no sqlite file"):
        resolve_tracking(tmp_path)
    connection = sqlite3.connect(tmp_path / "other.db")
    connection.execute("CREATE TABLE experiments (a INTEGER)")
    connection.commit()
    connection.close()
    with pytest.raises(TrackingError, match="cannot be read as an MLflow store"):
        read_experiment(resolve_tracking(tmp_path, "other.db"), "digits")


def test_a_run_comes_back_as_it_was_logged(tracker: Tracker) -> None:
    run_id = tracker.create_run("jpeg #0", {"quality": 30}, {"iqf.fingerprint": "abc"})
    assert tracker.run(run_id).status == "RUNNING"
    warnings = tracker.log(
        run_id,
        params={"lr": 1e-3, "flag": True, "optimizer": "adam", "one": 1.0, "nothing": None},
        metrics=[
            MetricPoint("loss", 2.0, 0),
            MetricPoint("loss", math.nan, 1),
            MetricPoint("loss", 0.0, 2),
            MetricPoint("bound", math.inf),
        ],
        tags={"iqf.state": "FINISHED"},
    )
    tracker.finish(run_id, "FINISHED", {"iqf.git_revision": "f00"})
    assert warnings == []
    (record,) = tracker.runs()
    assert record.params == {
        "quality": 30,
        "lr": 0.001,
        "flag": True,
        "optimizer": "adam",
        "one": 1.0,
        "nothing": None,
    }
    assert [type(record.params[key]) for key in ("quality", "one")] == [int, float]
    assert record.metrics == {"loss": 0.0, "bound": math.inf}
    assert (record.state, record.status, record.fingerprint) == ("FINISHED", "FINISHED", "abc")
    assert record.tags["iqf.git_revision"] == "f00"
    history = tracker.existing_metrics(run_id)["loss"]
    assert [point.step for point in history] == [0, 1, 2]
    assert math.isnan(history[1].value)


def test_both_ways_of_reading_agree(tracker: Tracker) -> None:
    for index in range(3):
        run_id = tracker.create_run(f"r{index}", {"p": index, "text": "ü"}, {"t": "x"})
        values = (math.nan, -math.inf, 0.25)
        points = [MetricPoint(f"m{n}", value, index) for n, value in enumerate(values)]
        tracker.log(run_id, metrics=points)
        if index:
            tracker.finish(run_id, "KILLED")
    fast = tracker.runs()
    slow = [
        record_of(run, tracker.target)
        for run in tracker.client.search_runs(
            [tracker.experiment_id], order_by=["attributes.start_time ASC"]
        )
    ]

    def plain(record: object) -> dict[str, object]:
        return {**vars(record), "metrics": repr(dict(sorted(record.metrics.items())))}  # type: ignore[attr-defined]

    key = lambda item: item["run_id"]  # noqa: E731
    assert sorted(map(plain, fast), key=key) == sorted(map(plain, slow), key=key)
    assert [record.name for record in fast] == ["r0", "r1", "r2"]


def test_runs_are_read_without_importing_mlflow(tracker: Tracker, tmp_path: Path) -> None:
    tracker.create_run("r", {}, {})
    code = (
        "import sys; from pathlib import Path\n"
        "from iqf_core.experiments.tracking.tracker import read_experiment, resolve_tracking\n"
        "assert len(read_experiment(resolve_tracking(Path(sys.argv[1])), 'digits')) == 1\n"
        "assert not {'mlflow', 'pandas', 'sqlalchemy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)


def test_batches_beyond_the_limits_of_mlflow_arrive_whole(tracker: Tracker) -> None:
    run_id = tracker.create_run("big", {}, {})
    tracker.log(
        run_id,
        params={f"p{n}": n for n in range(250)},
        metrics=[MetricPoint("loss", n, n) for n in range(2500)],
        tags={f"t{n}": "x" for n in range(150)},
    )
    record = tracker.run(run_id)
    assert len(record.params) == 250
    assert sum(key.startswith("t") for key in record.tags) == 150
    assert len(tracker.metric_history(run_id, "loss")) == 2500


def test_names_that_mlflow_refuses_are_changed_and_said(tracker: Tracker) -> None:
    run_id = tracker.create_run("r", {}, {})
    warnings = tracker.log(
        run_id,
        params={"a=b": 1, "../up": 2, "/abs//x": 3, "": 4, "k" * 300: 5},
        metrics=[MetricPoint("mAP@0.5", 0.75), MetricPoint("mAP_0.5", 0.25)],
    )
    record = tracker.run(run_id)
    assert len(warnings) == 6
    assert record.params["a_b"] == 1
    assert sorted(record.params.values()) == [1, 2, 3, 4, 5]  # type: ignore[type-var]
    assert record.metrics["mAP_0.5"] == 0.25
    assert sorted(record.metrics.values()) == [0.25, 0.75]


def test_every_name_is_accepted_by_mlflow_and_none_is_shared() -> None:
    from mlflow.utils.validation import _validate_metric_name

    names = ["", ".", "..", "../a", "a/../b", "/", "//", "a//b", "ä ö:/-.", "#%=", "%#=", "___"]
    names += ["x" * 251, "x" * 252, "a/", "a", "~", "\n"]
    chosen = safe_keys(names)
    assert len(set(chosen.values())) == len(names)
    for name in chosen.values():
        _validate_metric_name(name)
        assert 0 < len(name) <= 250


def test_long_values_are_cut_and_kept_whole_as_an_artifact(tracker: Tracker) -> None:
    run_id = tracker.create_run("r", {}, {"long_tag": "t" * 9000})
    warnings = tracker.log(run_id, params={"command": "x" * 7000})
    record = tracker.run(run_id)
    assert len(str(record.params["command"])) == 6000
    assert len(record.tags["long_tag"]) == 8000
    assert "7000 characters" in warnings[0]
    assert record.artifact_path is not None
    kept = json.loads((record.artifact_path / "iqf" / "long_values.json").read_text())
    assert kept["values"] == {"long_tag": "t" * 9000, "command": "x" * 7000}


def test_a_parameter_keeps_its_first_value_and_the_rest_is_still_logged(tracker: Tracker) -> None:
    run_id = tracker.create_run("r", {"lr": 0.1}, {})
    warnings = tracker.log(
        run_id, params={"lr": 0.2, "epochs": 3}, metrics=[MetricPoint("mse", 1.0)]
    )
    record = tracker.run(run_id)
    assert record.params == {"lr": 0.1, "epochs": 3}
    assert record.metrics == {"mse": 1.0}
    assert warnings == ["parameter 'lr' is '0.1' already: '0.2' is not tracked"]


@pytest.mark.parametrize("move", [False, True])
def test_artifacts_lie_in_the_folder_that_mlflow_says(
    prepared_store: Path, tmp_path: Path, move: bool
) -> None:
    study = tmp_path / "my #1 study ü"
    study.mkdir()
    shutil.copyfile(prepared_store, study / "mlflow.db")
    tracker = Tracker(resolve_tracking(study), "digits")
    output = tmp_path / "output"
    (output / "sub").mkdir(parents=True)
    (output / "sub" / "log 2.txt").write_text("hello")
    (output / "link.txt").symlink_to(output / "sub" / "log 2.txt")
    (output / "outside").symlink_to("/")
    os.mkfifo(output / "pipe")
    run_id = tracker.create_run("r", {}, {})
    warnings = tracker.log_artifacts(run_id, output, move=move)
    assert sorted(Path(line.partition(": ")[0]).name for line in warnings) == ["outside", "pipe"]
    listed = [item.path for item in tracker.client.list_artifacts(run_id)]
    assert listed == ["link.txt", "sub"]
    local = tracker.client.download_artifacts(run_id, "sub/log 2.txt")
    assert Path(local).read_text() == "hello"
    folder = study / "mlartifacts" / run_id / "artifacts"
    assert tracker.artifact_folder(run_id) == folder
    assert (folder / "link.txt").read_text() == "hello"
    assert (output / "sub" / "log 2.txt").exists() is not move


def test_artifacts_are_found_after_the_study_was_moved(
    tracker: Tracker, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (tmp_path / "output").mkdir()
    (tmp_path / "output" / "a.txt").write_text("a")
    run_id = tracker.create_run("r", {}, {})
    tracker.log_artifacts(run_id, tmp_path / "output")
    moved = tmp_path_factory.mktemp("moved") / "study"
    shutil.move(tmp_path, moved)
    (record,) = read_experiment(resolve_tracking(moved), "digits")
    assert record.artifact_path is not None
    assert record.artifact_path.is_relative_to(moved)
    assert (record.artifact_path / "a.txt").read_text() == "a"


def test_more_runs_than_a_page_are_all_read(tracker: Tracker) -> None:
    from iqf_core.experiments.tracking import reading as run_reading

    run_id = tracker.create_run("first", {"p": 1}, {})
    connection = sqlite3.connect(str(tracker.target.store_path))
    columns = [row[1] for row in connection.execute("PRAGMA table_info(runs)")]
    others = ", ".join(column for column in columns if column != "run_uuid")
    connection.executemany(
        f"INSERT INTO runs (run_uuid, {others}) SELECT ?, {others} FROM runs WHERE run_uuid = ?",
        [(f"{number:032x}", run_id) for number in range(12_000)],
    )
    connection.execute(
        "INSERT INTO params SELECT 'p', '1', run_uuid FROM runs WHERE name='first'"
        f" AND run_uuid != '{run_id}'"
    )
    connection.commit()
    connection.close()
    started = time.process_time()
    assert len(tracker.runs()) == 12_001
    assert time.process_time() - started < 5
    server = TrackingTarget(tracker.target.uri, tracker.target.uri, None, None)
    run_reading._PAGE, page = 5000, run_reading._PAGE
    try:
        assert len(read_experiment(server, "digits")) == 12_001
    finally:
        run_reading._PAGE = page


def test_a_deleted_experiment_is_said_with_the_way_back(tracker: Tracker) -> None:
    tracker.client.delete_experiment(tracker.experiment_id)
    for action in (
        lambda: Tracker(tracker.target, "digits"),
        lambda: read_experiment(tracker.target, "digits", missing_ok=True),
    ):
        with pytest.raises(TrackingError, match=r"was deleted .* mlflow experiments restore"):
            action()


def test_an_unknown_experiment_names_the_nearest(tracker: Tracker) -> None:
    with pytest.raises(TrackingError, match="did you mean 'digits'"):
        read_experiment(tracker.target, "digit")
    assert read_experiment(tracker.target, "digit", missing_ok=True) == []


def test_reading_makes_no_store(tmp_path: Path) -> None:
    target = resolve_tracking(tmp_path)
    with pytest.raises(TrackingError, match="no tracking store yet"):
        read_experiment(target, "digits")
    assert read_experiment(target, "digits", missing_ok=True) == []
    assert list(tmp_path.iterdir()) == []


def test_a_deleted_run_is_gone_and_tags_select(tracker: Tracker) -> None:
    kept = tracker.create_run("kept", {}, {"iqf.study": "a"})
    tracker.create_run("other", {}, {"iqf.study": "b"})
    tracker.delete_run(tracker.create_run("deleted", {}, {"iqf.study": "a"}))
    assert [run.run_id for run in tracker.runs({"iqf.study": "a"})] == [kept]
    assert [run.name for run in tracker.runs()] == ["kept", "other"]


def test_an_unknown_final_status_is_refused(tracker: Tracker) -> None:
    with pytest.raises(ValueError, match="expected one of FINISHED, FAILED, KILLED"):
        tracker.finish(tracker.create_run("r", {}, {}), "DONE")


def test_a_read_only_store_is_said(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK)  # root may write anyway
    with pytest.raises(TrackingError, match="is read-only"):
        Tracker(tracker.target, "digits")


_WRITER = """
import sys, time
from pathlib import Path
from iqf_core.experiments.tracking.tracker import MetricPoint, Tracker, resolve_tracking
tracker = Tracker(resolve_tracking(Path(sys.argv[1])), "shared")
print("ready", flush=True)
for index in range(int(sys.argv[2])):
    run_id = tracker.create_run(f"{sys.argv[3]} {index}", {"index": index}, {"writer": sys.argv[3]})
    tracker.log(run_id, metrics=[MetricPoint("loss", n, n) for n in range(20)])
    tracker.finish(run_id, "FINISHED")
"""


def _writer(folder: Path, runs: int, name: str, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(folder), str(runs), name],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **options,  # type: ignore[call-overload]
    )


def test_a_killed_maker_and_two_writers_at_once_leave_one_whole_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IQF_CACHE_DIR", str(tmp_path / "cache"))  # no store to copy
    study = tmp_path / "study"
    study.mkdir()
    killed = _writer(study, 0, "killed")
    deadline = time.monotonic() + 60
    while not list(study.glob(".mlflow.db.*.partial")) and time.monotonic() < deadline:
        time.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert list(study.glob(".mlflow.db.*.partial"))
    assert not (study / "mlflow.db").exists()

    writers = [_writer(study, 15, name) for name in ("a", "b")]
    for writer in writers:
        output, errors = writer.communicate(timeout=120)
        assert writer.returncode == 0, errors
        assert (output, errors) == ("ready\n", "")
    runs = read_experiment(resolve_tracking(study), "shared")
    assert sorted(run.tags["writer"] for run in runs) == ["a"] * 15 + ["b"] * 15
    assert {run.status for run in runs} == {"FINISHED"}
    assert {run.metrics["loss"] for run in runs} == {19.0}
    assert sorted(path.name for path in study.iterdir()) == [".mlflow.db.lock", "mlflow.db"]
