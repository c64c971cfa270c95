"""Metrics in studies: what is measured, when, and how it is tracked."""

from __future__ import annotations

import json
import math
import re

import cv2
import numpy as np
import pytest

from iqf_core.errors import ConfigurationError
from iqf_core.experiments.study import Study

#: Brightens its validation images and "predicts" two objects; fails where asked to.
SCRIPT = """
import argparse, json, pathlib, sys
import cv2
parser = argparse.ArgumentParser()
parser.add_argument("--outputpath", type=pathlib.Path)
parser.add_argument("--trainds", type=pathlib.Path)
parser.add_argument("--valds", type=pathlib.Path)
parser.add_argument("--mode", default="images")
options = parser.parse_args()
with open("calls.txt", "a") as calls:
    calls.write("called\\n")
if options.mode == "fail":
    sys.exit("out of memory")
left = []
if options.mode == "images":
    (options.outputpath / "made").mkdir()
    for path in sorted((options.valds / "images").iterdir()):
        name = f"made/{path.stem}.tif"
        cv2.imwrite(str(options.outputpath / name), cv2.imread(str(path)) + 10)
        left.append(name)
elif options.mode == "objects":
    left = [{"image_id": 1, "category_id": 1, "score": 0.5, "bbox": [1, 1, 2, 2]}] * 4
elif options.mode == "outside":
    left = ["../../secret.png"]
if options.mode != "nothing":
    (options.outputpath / "output.json").write_text(json.dumps(left))
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """One cache for all studies: making the first tracking store takes seconds."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def _shared_cache(_own_cache, cache, monkeypatch):
    monkeypatch.setenv("IQF_CACHE_DIR", str(cache))


@pytest.fixture
def folder(tmp_path, picture):
    """A study folder: two training images, two annotated validation images, a script."""
    for role, count in (("train", 2), ("val", 2)):
        for index in range(count):
            picture(tmp_path / "data" / role / "images" / f"{role}{index}.png", 100 + index)
    annotations = {
        "images": [
            {"id": index + 1, "file_name": f"val{index}.png", "width": 30, "height": 20}
            for index in range(2)
        ],
        "categories": [{"id": 1, "name": "ship"}],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5, 5]},
            {"id": 2, "image_id": 2, "category_id": 1, "bbox": [1, 1, 5, 5]},
        ],
    }
    (tmp_path / "data" / "val" / "annotations.json").write_text(json.dumps(annotations))
    (tmp_path / "train.py").write_text(SCRIPT)
    return tmp_path


@pytest.fixture
def make_study(folder, manager, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def make(task=True, **fields) -> Study:
        given = {
            "study": "measured",
            "datasets": {"train": "data/train", "val": "data/val"},
            "modifiers": ["none", "darken:by_dn=20"],
            "executor": "serial",
            **({"task": {"python_script": {"path": "train.py"}}} if task else {}),
            **fields,
        }
        return Study(**given, folder=folder, manager=manager)

    return make


def records(study):
    """Return the finished runs by modifier."""
    return {record.params["modifier"]: record for record in study.tracking.records()}


def test_the_images_of_every_copy_are_measured(make_study, folder):
    study = make_study(task=False, metrics=["brightness", {"difference": {}, "datasets": ["val"]}])
    assert not study.run(quiet=True).failed
    plain, dark = records(study)["none"].metrics, records(study)["darken:by_dn=20"].metrics
    levels = [
        cv2.imread(str(path)).mean() for path in sorted((folder / "data/val/images").iterdir())
    ]
    assert plain["val.brightness.mean.mean"] == pytest.approx(np.mean(levels))
    assert plain["val.brightness.mean.median"] == pytest.approx(np.median(levels))
    assert plain["val.brightness.mean.std"] == pytest.approx(np.std(levels, ddof=1))
    assert plain["val.brightness.mean.count"] == 2
    difference = plain["train.brightness.mean.mean"] - dark["train.brightness.mean.mean"]
    assert difference == pytest.approx(20)
    assert dark["val.difference.psnr.mean"] == pytest.approx(10 * math.log10(255**2 / 20**2))
    assert plain["val.difference.psnr.mean"] == math.inf
    assert "train.difference.psnr.mean" not in dark


def test_what_was_measured_with_is_recorded(make_study):
    study = make_study(task=False, metrics=[{"brightness": {"offset_dn": 2}, "as": "light"}])
    study.run(quiet=True)
    tag = json.loads(records(study)["none"].tags["iqf.metric.val.light"])
    assert tag["metric"] == "brightness:offset_dn=2"
    assert tag["params"] == {"offset_dn": 2.0, "calls": ""}
    assert (tag["version"], tag["on"]) == ("1", "dataset")


def test_a_copy_is_measured_once_for_all_its_runs(make_study, folder):
    calls = folder / "measured.txt"
    study = make_study(
        metrics=[{"brightness": {"calls": str(calls)}, "datasets": ["val"]}],
        modifiers=["none"],
        repetitions=2,
    )
    assert len(study.run(quiet=True).ended) == 2
    assert calls.read_text().splitlines() == ["measured"] * 2
    assert all("val.brightness.mean.mean" in each.metrics for each in study.tracking.records())


def test_measurements_are_kept_for_other_studies_of_the_same_images(make_study, folder):
    calls = folder / "measured.txt"
    metrics = [{"brightness": {"calls": str(calls)}, "datasets": ["val"]}]
    make_study(task=False, metrics=metrics, modifiers=["none"]).run(quiet=True)
    other = make_study(task=False, metrics=metrics, modifiers=["none"], study="other")
    other.run(quiet=True)
    assert len(calls.read_text().splitlines()) == 2
    assert records(other)["none"].metrics["val.brightness.mean.count"] == 2


def test_a_metric_that_is_added_later_repeats_no_training(make_study, folder):
    make_study(modifiers=["none"]).run(quiet=True)
    study = make_study(modifiers=["none"], metrics=["brightness"])
    report = study.run(quiet=True)
    assert (report.reused, len(report.ended)) == (1, 0)
    assert (folder / "calls.txt").read_text().splitlines() == ["called"]
    (record,) = study.tracking.records()
    assert record.metrics["train.brightness.mean.count"] == 2


def test_other_parameters_replace_what_was_measured(make_study):
    make_study(task=False, metrics=["brightness"], modifiers=["none"]).run(quiet=True)
    study = make_study(task=False, metrics=["brightness:offset_dn=-50"], modifiers=["none"])
    before = records(study)["none"].metrics["val.brightness.mean.mean"]
    study.run(quiet=True)
    assert records(study)["none"].metrics["val.brightness.mean.mean"] == pytest.approx(before - 50)


def test_generated_images_are_compared_by_stem_with_the_unmodified_ones(make_study):
    study = make_study(
        metrics=[{"difference": None, "on": "generated"}, {"brightness": None, "on": "generated"}]
    )
    report = study.run(quiet=True)
    assert not report.unmeasured
    dark = records(study)["darken:by_dn=20"].metrics
    assert dark["generated.difference.psnr.mean"] == pytest.approx(10 * math.log10(255**2 / 100))
    assert dark["generated.difference.psnr.count"] == 2
    assert dark["generated.brightness.mean.count"] == 2


def test_predictions_are_held_against_the_copy_s_annotations(make_study):
    study = make_study(metrics=["hits"], params={"mode": "objects"})
    assert not study.run(quiet=True).unmeasured
    metrics = records(study)["darken:by_dn=20"].metrics
    assert metrics["predictions.hits.per_object"] == 2
    assert metrics["predictions.hits.images"] == 2


def test_what_limits_values_is_kept_and_reported(make_study):
    study = make_study(params={"mode": "objects"})
    study.run(quiet=True)
    report = study.measure(["limited"], quiet=True)
    note = ("predictions.limited: half was looked at",)
    assert report.notes == {0: note, 1: note}
    record = records(study)["none"]
    tag = json.loads(record.tags["iqf.metric.predictions.limited"])
    assert tag["notes"] == ["half was looked at"]
    assert tag["reasons"] == {"of.plane": {"no plane": 1}}
    assert record.metrics["predictions.limited.of.ship"] == 0.5
    assert "predictions.limited.of.plane" not in record.metrics


@pytest.mark.parametrize(
    ("mode", "metric", "message"),
    [
        ("nothing", {"difference": None, "on": "generated"}, "left no output.json"),
        ("objects", {"difference": None, "on": "generated"}, "holds predictions, not"),
        ("outside", {"difference": None, "on": "generated"}, "leaves the output folder"),
        ("nothing", "fails", "train.fails: metric 'fails' of plugin .* failed on train0.png"),
    ],
)
def test_what_cannot_be_measured_is_named_and_the_rest_is_kept(make_study, mode, metric, message):
    study = make_study(
        metrics=[metric, {"brightness": None, "datasets": "val"}],
        params={"mode": mode},
        modifiers=["none"],
    )
    report = study.run(quiet=True)
    assert not report.failed
    assert re.search(message, report.unmeasured[0])
    assert records(study)["none"].metrics["val.brightness.mean.count"] == 2


def test_past_runs_are_measured_and_failed_ones_are_named(make_study):
    study = make_study(params={"mode": ["nothing", "fail"]}, modifiers=["none"])
    study.run(quiet=True)
    report = study.measure(["brightness", {"features": None, "datasets": ["val"]}], quiet=True)
    assert list(report.measured) == [0]
    assert report.measured[0]["val.features.colour.first.count"] == 2
    assert list(report.skipped) == [1]
    assert report.skipped[1].startswith("FAILED: the script ended with exit code 1")
    (finished,) = [each for each in study.tracking.records() if each.state == "FINISHED"]
    assert finished.metrics["train.brightness.mean.count"] == 2


def test_applying_again_replaces(make_study, folder):
    study = make_study(task=False, modifiers=["none"])
    study.run(quiet=True)
    for offset in (5, -5):
        study.measure([f"brightness:offset_dn={offset}"], quiet=True)
    level = cv2.imread(str(folder / "data/val/images/val0.png")).mean()
    metrics = records(study)["none"].metrics
    assert metrics["val.brightness.mean.mean"] == pytest.approx(level + 0.5 - 5, abs=1)


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        (["brightnes"], "did you mean 'brightness'"),
        ([{"brightness": {"offset": 1}}], "unknown parameter 'offset'"),
        ([{"brightness": None, "on": "images"}], "on is 'images'; expected dataset, generated"),
        ([{"brightness": None, "datasets": ["tset"]}], "no dataset has the role 'tset'"),
        ([{"brightness": None, "difference": None}], "got brightness, difference"),
        (["brightness", "brightness:offset_dn=1"], "train.brightness is measured twice"),
        ([{"hits": None, "on": "dataset"}], "metric/hits: reads predictions"),
        ([{"brightness": None, "on": "predictions"}], "metric/brightness: reads images"),
        ([{"brightness": None, "reference": "val"}], "reference belongs to metrics that compare"),
    ],
)
def test_mistakes_are_said_with_their_place(make_study, metrics, message):
    with pytest.raises(ConfigurationError) as caught:
        make_study(metrics=metrics).plan()
    assert message in str(caught.value)
    assert "metrics[" in str(caught.value)


def test_a_metric_may_be_an_instance(make_study, manager):
    metric = manager.registry.load("metric", "brightness")
    instance = metric(metric.Params(offset_dn=3))
    study = make_study(task=False, modifiers=["none"], metrics=[instance])
    assert [each.use.label for each in study.plan().metrics] == ["brightness:offset_dn=3"]


def test_without_a_task_nothing_is_generated(make_study):
    with pytest.raises(ConfigurationError, match="on: generated needs a task"):
        make_study(task=False, metrics=[{"difference": None, "on": "generated"}]).plan()


def test_results_show_the_task_s_metrics_before_the_measured_means(make_study):
    study = make_study(task=False, modifiers=["none"], metrics=["brightness", "bytes8"])
    study.run(quiet=True)
    header = study.results().summary().header
    measured = [name for name in header if name.startswith(("train.", "val."))]
    # The first output of each metric comes before the others.
    assert set(measured[:4]) == {
        f"{role}.{name}"
        for role in ("train", "val")
        for name in ("brightness.mean.mean", "bytes8.one.mean")
    }
    assert not [name for name in header if name.endswith((".median", ".std", ".count"))]


def test_the_command_measures_past_runs(make_study, folder, iqf):
    (folder / "study.yaml").write_text(
        "study: measured\n"
        "datasets: {train: data/train, val: data/val}\n"
        "modifiers: [none]\n"
        "task: {python_script: {path: train.py}}\n"
        "params: {mode: [images, fail]}\n"
        "executor: serial\n"
        "metrics: [brightness]\n"
    )
    assert "train.py" not in iqf("run", "study.yaml", code=1).stdout
    measured = ("measure", "--study", "study.yaml", "--metric", "difference", "--on", "generated")
    done = iqf(*measured)
    assert "generated.difference.psnr.mean" in done.stdout
    assert "1 runs measured" in done.stdout
    assert "skipped none mode=fail #0: FAILED" in done.stderr
    document = json.loads(iqf(*measured, "--reference", "val", "--json").stdout)
    assert document["schema"] == "iqf.measure/1"
    assert document["runs"][0]["values"]["generated.difference.psnr.count"] == 2
    assert "belong to --study" in iqf("measure", "data/val", *measured[3:], code=2).stderr
    refused = iqf("measure", "--study", "study.yaml", "--metric", "hits", "--on", "dataset", code=2)
    assert "metric/hits: reads predictions" in refused.stderr
