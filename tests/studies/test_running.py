"""Running studies: what is tracked, the state of every run, and resuming."""

from __future__ import annotations

import json
import sys

import pytest

from iqf_core.components.specification import Specification
from iqf_core.experiments.running import recording
from iqf_core.experiments.running.runner import StudyBusyError

RUNNER = "iqf_core.experiments.running.runner._Runner"

FAILING = {
    "exit code": ("print('about to fail'); raise SystemExit(3)", "FAILED", "exit code 3"),
    "exception": ("raise ValueError('no such layer')", "FAILED", "ValueError: no such layer"),
    "signal": ("import os; os.kill(os.getpid(), 9)", "KILLED", "SIGKILL"),
    "timeout": ("import time; time.sleep(60)", "TIMED_OUT", "timeout"),
}
BAD_RESULTS = (
    "import sys; p = sys.argv[sys.argv.index('--outputpath') + 1]\n"
    "open(p + '/results.json', 'w').write('{')"
)


def records(study):
    return {(r.params["modifier"], r.params.get("repetition")): r for r in study.tracking.records()}


def test_a_run_is_tracked_with_all_that_made_it(make_study, folder, calls):
    (folder / "data" / "train" / "iqf.yaml").write_text("gsd_m: 0.3\nparams: {city: Rome}\n")
    study = make_study(params={"rate": 0.5, "layers": {"value": [1, 2]}}, seed=5)
    (folder / "train.py").write_text(
        (folder / "train.py")
        .read_text()
        .replace("options =", "parser.add_argument('--layers'); options =")
    )
    report = study.run(quiet=True)
    assert (report.total, len(report.ended), report.failed) == (3, 3, {})
    record = records(study)["quantization:bits=1", 0]
    assert record.state == "FINISHED"
    assert record.params["quantization.bits"] == 1
    assert record.params["dataset.train"] == "train#quantization-bits=1"
    assert record.params["dataset.val"] == "val#quantization-bits=1"
    assert record.params["dataset.train.gsd_m"] == 0.3
    assert record.params["dataset.train.city"] == "Rome"
    assert (record.params["rate"], record.params["layers"]) == (0.5, "[1, 2]")
    assert (record.params["repetition"], record.params["seed"]) == (0, 5)
    assert record.metrics["zero"] == 0.0
    assert record.metrics["curve"] == 1.0
    assert record.metrics["iqf.duration_s"] > 0
    assert record.metrics["iqf.peak_memory_mb"] > 1
    assert record.metrics["train.images"] == 3
    assert json.loads(record.tags["iqf.versions"])["iqf-core"]
    assert record.tags["iqf.study_hash"]
    assert (record.artifact_path / "model.bin").read_bytes() == b"weights"
    assert "hello from the script" in (record.artifact_path / "iqf" / "script.log").read_text()
    tracker = study.tracking.tracker
    history = [(p.step, p.value) for p in tracker.metric_history(record.run_id, "curve")]
    assert history == [(0, 3.0), (1, 2.0), (2, 1.0)]
    assert not list((folder / ".iqf").rglob("results.json"))


def test_degraded_copies_are_what_the_script_gets(make_study, calls):
    make_study().run(quiet=True)
    assert sorted(line.split()[0] for line in calls()) == [
        "train#none",
        "train#quantization-bits=1",
        "train#quantization-bits=2",
    ]


def test_datasets_out_of_apply_to_are_left_as_they_are(make_study, folder):
    study = make_study(apply_to=["val"], modifiers=["blur:sigma_px=1"])
    study.run(quiet=True)
    (record,) = study.tracking.records()
    assert record.params["dataset.train"] == "train"
    assert record.params["dataset.val"] == "val#blur-sigma_px=1"
    assert not (folder / "data" / "train#blur-sigma_px=1").exists()


def test_repetitions_share_data_and_differ_in_seed(make_study, calls):
    study = make_study(modifiers=["none"], repetitions=3, seed=7, pass_seed=True)
    study.run(quiet=True)
    assert [line.split()[2] for line in calls()] == ["0", "1", "2"]
    assert [record.params["seed"] for record in study.tracking.records()] == [7, 8, 9]


@pytest.mark.parametrize("case", FAILING)
@pytest.mark.parametrize("executor", ["serial", "local:workers=2"])
def test_a_run_that_fails_has_a_clear_state_and_stops_no_other(make_study, folder, case, executor):
    code, state, reason = FAILING[case]
    script = (folder / "train.py").read_text()
    (folder / "train.py").write_text(f"import sys\nif 'bits=1' in str(sys.argv): {code}\n{script}")
    task = {"python_script": {"path": "train.py", "timeout": "2s"}}
    study = make_study(task=task, executor=executor)
    report = study.run(quiet=True)
    assert [ended.state for ended in report.failed.values()] == [state]
    found = records(study)
    assert found["quantization:bits=1", 0].state == state
    assert reason in found["quantization:bits=1", 0].reason
    assert found["quantization:bits=1", 0].status in ("FAILED", "KILLED")
    assert found["none", 0].state == found["quantization:bits=2", 0].state == "FINISHED"


def test_unparsable_results_are_a_failure_of_the_run(make_study, folder):
    (folder / "train.py").write_text(BAD_RESULTS)
    study = make_study(modifiers=["none"])
    study.run(quiet=True)
    (record,) = study.tracking.records()
    assert (record.state, record.status) == ("BAD_RESULTS", "FAILED")
    assert "results.json cannot be read" in record.reason


def test_a_failing_scripts_results_are_kept(make_study, folder):
    (folder / "train.py").write_text((folder / "train.py").read_text() + "\nraise SystemExit(1)")
    study = make_study(modifiers=["none"])
    study.run(quiet=True)
    (record,) = study.tracking.records()
    assert (record.state, record.metrics["zero"]) == ("FAILED", 0.0)


def test_a_script_without_results_is_fine(make_study, folder):
    (folder / "train.py").write_text("print('nothing to say')")
    assert make_study(modifiers=["none"]).run(quiet=True).failed == {}


def test_warnings_about_results_are_kept(make_study, folder):
    script = (folder / "train.py").read_text().replace('"zero": 0', '"rate": 9, "odd": None')
    (folder / "train.py").write_text(script)
    study = make_study(modifiers=["none"], params={"rate": 1})
    study.run(quiet=True)
    (record,) = study.tracking.records()
    assert record.params["rate"] == 1
    assert "rate is 9, the study's value 1 is kept" in record.tags["iqf.warnings"]
    assert "odd is null" in record.tags["iqf.warnings"]


def test_an_image_that_cannot_be_read_fails_its_runs_and_names_it(make_study, folder):
    (folder / "data" / "val" / "images" / "val_1.png").write_bytes(b"")
    study = make_study(apply_to=["train", "val"])
    report = study.run(quiet=True)
    assert len(report.failed) == 3
    assert all("val_1.png" in ended.reason for ended in report.failed.values())
    assert make_study(on_error="skip").run(quiet=True).failed == {}


class TestResuming:
    def test_finished_runs_are_not_repeated(self, make_study, calls):
        make_study().run(quiet=True)
        again = make_study().run(quiet=True)
        assert (again.reused, again.ended) == (3, {})
        assert len(calls()) == 3

    def test_new_points_are_added_to_what_is_there(self, make_study, calls):
        make_study().run(quiet=True)
        more = make_study(modifiers=["none", "quantization:bits=1|2|3"], repetitions=2)
        report = more.run(quiet=True)
        assert (report.reused, len(report.ended)) == (3, 5)
        assert len(calls()) == 8

    def test_failed_runs_are_tried_again_and_only_they_when_asked(self, make_study, folder, calls):
        script = (folder / "train.py").read_text()
        flag = folder / "fail"
        (folder / "train.py").write_text(
            f"import sys, pathlib\nif 'bits=1' in str(sys.argv) and pathlib.Path({str(flag)!r})"
            f".exists(): raise SystemExit(1)\n{script}"
        )
        flag.touch()
        study = make_study()
        assert len(study.run(quiet=True).failed) == 1
        flag.unlink()
        wider = make_study(modifiers=["none", "quantization:bits=1|2|3"])
        report = wider.run(quiet=True, only_failed=True)
        assert [ended.state for ended in report.ended.values()] == ["FINISHED"]
        assert len(calls()) == 3
        assert len(wider.run(quiet=True).ended) == 1

    def test_force_runs_everything_again(self, make_study, calls):
        make_study().run(quiet=True)
        assert len(make_study().run(quiet=True, force=True).ended) == 3
        assert len(calls()) == 6

    def test_a_run_that_ended_before_the_driver_died_is_recorded_not_repeated(
        self, make_study, calls, monkeypatch
    ):
        study = make_study(modifiers=["none"])
        record = recording.record_task_run

        def die(tracker, run_id, *arguments, **options):
            # Half of it is logged when the driver dies.
            tracker.log(run_id, metrics=[recording.MetricPoint("curve", 3.0, 0)])
            raise SystemExit("as if killed")

        monkeypatch.setattr(recording, "record_task_run", die)
        monkeypatch.setattr(f"{RUNNER}._mark_stopped", lambda self: None)
        with pytest.raises(SystemExit):
            study.run(quiet=True)
        monkeypatch.setattr(recording, "record_task_run", record)
        assert [r.state for r in study.tracking.records()] == ["RUNNING"]

        report = make_study(modifiers=["none"]).run(quiet=True)
        assert report.failed == {}
        assert len(calls()) == 1
        (found,) = study.tracking.records()
        assert found.state == "FINISHED"
        history = study.tracking.tracker.metric_history(found.run_id, "curve")
        assert [(point.step, point.value) for point in history] == [(0, 3.0), (1, 2.0), (2, 1.0)]
        assert (found.artifact_path / "model.bin").is_file()

    def test_a_run_cut_off_with_the_driver_is_marked_and_run_again(
        self, make_study, calls, monkeypatch
    ):
        study = make_study(modifiers=["none"])
        monkeypatch.setattr(f"{RUNNER}._mark_stopped", lambda self: None)
        with monkeypatch.context() as patch:
            patch.setattr(
                f"{RUNNER}._end",
                lambda *_: (_ for _ in ()).throw(SystemExit("as if killed")),
            )
            with pytest.raises(SystemExit):
                study.run(quiet=True)
        for outcome in (study.folder / ".iqf").rglob("outcome.json"):
            outcome.unlink()  # as if the script had been killed with it
        report = study.run(quiet=True)
        assert [ended.state for ended in report.ended.values()] == ["FINISHED"]
        assert sorted(r.state for r in study.tracking.records()) == ["FINISHED", "KILLED"]
        assert len(calls()) == 2

    def test_two_processes_do_not_run_one_study_at_once(self, make_study):
        import filelock

        study = make_study()
        place = study.folder / ".iqf" / "studies" / "sizes"
        place.mkdir(parents=True)
        with filelock.FileLock(place / "lock"), pytest.raises(StudyBusyError, match="'sizes'"):
            study.run(quiet=True)


FORGETTING = {
    "finished runs": ("iqf_core.experiments.running.runner.latest_records", lambda records: {}),
    "ended scripts": ("iqf_core.experiments.running.runner.read_outcome", lambda work: None),
    "what is logged": (
        "iqf_core.experiments.tracking.tracker.Tracker.existing_metrics",
        lambda self, run_id: {},
    ),
    "interrupted runs": (
        "iqf_core.experiments.running.runner._Runner._finish_interrupted",
        lambda self, interrupted: None,
    ),
}


@pytest.mark.parametrize("what", FORGETTING)
def test_a_resume_that_forgets_something_is_noticed(make_study, calls, monkeypatch, what):
    """The tests of resuming can fail: each of these changes to its code makes them."""
    monkeypatch.setattr(*FORGETTING[what])
    suite = TestResuming()
    with pytest.raises((AssertionError, ValueError)):
        suite.test_a_run_that_ended_before_the_driver_died_is_recorded_not_repeated(
            make_study, calls, monkeypatch
        )
        suite.test_finished_runs_are_not_repeated(make_study, calls)


class TestMonitoring:
    SCRIPT = """
import sys, pathlib, json
a = dict(zip(sys.argv[1::2], sys.argv[2::2]))
from mlflow import MlflowClient
client = MlflowClient(a["--mlfuri"])
for step in range(3):
    client.log_metric(a["--mlfrunid"], "loss", 3 - step, step=step)
assert client.get_run(a["--mlfrunid"]).info.experiment_id == a["--mlfexpid"]
out = pathlib.Path(a["--outputpath"], "results.json")
out.write_text(json.dumps({"loss": [3, 2, 1, 0.5], "score": 1}))
"""

    def test_a_script_may_log_into_its_run_and_nothing_is_logged_twice(self, make_study, folder):
        (folder / "train.py").write_text(self.SCRIPT)
        study = make_study(modifiers=["none"], monitoring=True)
        assert study.run(quiet=True).failed == {}
        (record,) = study.tracking.records()
        assert (record.state, record.status) == ("FINISHED", "FINISHED")
        history = study.tracking.tracker.metric_history(record.run_id, "loss")
        assert [(p.step, p.value) for p in history] == [(0, 3.0), (1, 2.0), (2, 1.0), (3, 0.5)]
        assert record.metrics["score"] == 1.0

    def test_the_exit_code_decides_the_status(self, make_study, folder):
        (folder / "train.py").write_text(self.SCRIPT + "\nraise SystemExit(1)")
        study = make_study(modifiers=["none"], monitoring=True)
        study.run(quiet=True)
        (record,) = study.tracking.records()
        assert (record.state, record.status) == ("FAILED", "FAILED")
        assert record.metrics["loss"] == 0.5


def test_a_study_without_a_task_measures_sizes_and_rates(make_study):
    study = make_study(task=None, modifiers=["none", "jpeg:quality=20|80"])
    assert study.run(quiet=True).failed == {}
    found = {label: record for (label, _), record in records(study).items()}
    low, high = (found[f"jpeg:quality={quality}"].metrics for quality in (20, 80))
    assert 0 < low["train.bpppc"] < high["train.bpppc"]
    assert low["train.bytes"] < high["train.bytes"]
    assert low["train.ratio"] == pytest.approx(8 / low["train.bpppc"])
    assert "train.bytes" not in found["none"].metrics
    assert found["none"].metrics["train.images"] == 3


def test_the_interpreter_and_working_folder_are_as_promised(make_study, folder):
    (folder / "train.py").write_text(
        "import sys, os, json; a = sys.argv; "
        "json.dump({'exe': sys.executable, 'cwd': os.getcwd(), 'stdin': sys.stdin.read()},"
        " open(a[a.index('--outputpath') + 1] + '/results.json', 'w'))"
    )
    study = make_study(modifiers=["none"])
    study.run(quiet=True)
    (record,) = study.tracking.records()
    assert record.params["exe"] == sys.executable
    assert record.params["cwd"] == str(folder)
    assert record.params["stdin"] == ""


def test_plugins_may_observe_and_their_errors_change_nothing(make_plugins, folder, capsys):
    from iqf_core.experiments.study import Study
    from iqf_core.plugins.manager import PluginManager
    from iqf_core.testing.fake_plugins import FakePlugin

    source = """
from iqf_core.plugin import hookimpl
seen = []
@hookimpl
def iqf_run_started(study, run):
    seen.append(("started", study, run["fingerprint"]))
@hookimpl
def iqf_run_finished(run, state):
    seen.append((state, run["metrics"]["zero"], run["fingerprint"]))
"""
    raising = (
        "from iqf_core.plugin import hookimpl\n@hookimpl\ndef iqf_run_started():\n"
        "    raise RuntimeError('boom')\n"
    )
    local = folder / "components" / "same.py"
    local.parent.mkdir()
    local.write_text(
        "from iqf_core.api import Modifier\nclass Same(Modifier):\n"
        "    def modify(self, image, state, context):\n        return image\n"
    )
    points = make_plugins(FakePlugin("watcher", source), FakePlugin("raiser", raising))
    study = Study(
        "s",
        {"train": "data/train"},
        ["same"],
        folder=folder,
        manager=PluginManager(points, files=[local]),
        task={"python_script": {"path": "train.py"}},
        executor="serial",
    )
    (run,) = study.plan().runs
    assert study.run(quiet=True).failed == {}
    seen = sys.modules["watcher_plugin"].seen
    assert seen == [("started", "s", run.fingerprint), ("FINISHED", 0.0, run.fingerprint)]
    assert "'raiser': iqf_run_started raised RuntimeError: boom" in capsys.readouterr().err


def test_a_modifier_written_in_python_works_in_workers(folder, manager):
    from iqf_core.experiments.study import Study
    from iqf_core.plugins.manager import PluginManager

    (folder / "parts").mkdir()
    source = folder / "parts" / "mine.py"
    source.write_text(
        "from iqf_core.api import Modifier, Params, parameter\n"
        "class Invert(Modifier):\n"
        "    class Params(Params):\n"
        "        amount: int = parameter(1, description='How', primary=True)\n"
        "    def modify(self, image, state, context):\n"
        "        return image.with_pixels(255 - image.pixels)\n"
    )
    from iqf_core.plugins.local_files import import_file

    kind = import_file(source).Invert
    study = Study(
        "mine",
        {"train": "data/train"},
        ["none", kind(kind.Params(amount=3))],
        folder=folder,
        manager=PluginManager(),
        task={"python_script": {"path": "train.py"}},
    )
    assert study.run(quiet=True, workers=2, executor=Specification("local")).failed == {}
    assert (folder / "data" / "train#invert-amount=3").is_dir()
    first = [run.fingerprint for run in study.plan().runs]
    assert len(set(first)) == 2
