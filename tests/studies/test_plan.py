"""The plan: which runs a study has, and what changes a run's fingerprint."""

from __future__ import annotations

import json

import pytest

from iqf_core.errors import ConfigurationError
from iqf_core.experiments.plan import make_plan

NOISE = "gaussian_noise:sigma_dn=8"


def fingerprints(study):
    return [run.fingerprint for run in study.plan().runs]


def test_runs_are_chains_times_parameters_times_repetitions(make_study):
    plan = make_study(
        modifiers=["none", ["blur:sigma_px=0.5|1", "quantization:bits=2|3"]],
        params={"rate": [1, 2], "name": "x"},
        repetitions=2,
        seed=10,
    ).plan()
    assert len(plan.runs) == (1 + 4) * 2 * 2
    assert [chain.label for chain in plan.chains][:2] == [
        "none",
        "blur:sigma_px=0.5 quantization:bits=2",
    ]
    assert [(run.params["rate"], run.repetition, run.seed) for run in plan.runs[:4]] == [
        (1, 0, 10),
        (1, 1, 11),
        (2, 0, 10),
        (2, 1, 11),
    ]
    assert len({run.fingerprint for run in plan.runs}) == len(plan.runs)


def test_equal_points_of_two_grids_are_planned_once(make_study):
    plan = make_study(modifiers=["blur:sigma_px=1|2", {"blur": {"sigma_px": [2, 3]}}]).plan()
    assert [chain.label[-1] for chain in plan.chains] == ["1", "2", "3"]


def test_planning_again_gives_the_same_fingerprints(make_study):
    assert fingerprints(make_study()) == fingerprints(make_study())


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"params": {"rate": 2}},
        {"pass_seed": True},
        {"apply_to": ["train"]},
        {"task": {"python_script": {"path": "train.py", "inputs": ["extra.txt"]}}},
        {"datasets": {"train": "data/train"}},
    ],
    ids=str,
)
def test_what_determines_the_result_changes_every_fingerprint(make_study, folder, change):
    (folder / "extra.txt").write_text("x")
    before = fingerprints(make_study(params={"rate": 1}))
    after = fingerprints(make_study(**{"params": {"rate": 1}, **change}))
    assert not set(before) & set(after)


@pytest.mark.parametrize(
    "change",
    [
        {"study": "another"},
        {"executor": "local"},
        {"repetitions": 1},
        {"task": {"python_script": {"path": "train.py", "timeout": "5m"}}},
        {"modifiers": ["quantization:bits=2", "none"]},
    ],
    ids=str,
)
def test_what_does_not_determine_it_changes_none(make_study, change):
    assert set(fingerprints(make_study(**change))) <= set(fingerprints(make_study()))


def test_an_edited_script_or_image_is_another_run(make_study, folder):
    before = fingerprints(make_study())
    (folder / "helper.py").write_text("x = 1")
    after_script = fingerprints(make_study())
    assert not set(before) & set(after_script)
    image = folder / "data" / "val" / "images" / "val_0.png"
    image.write_bytes(image.read_bytes() + b"\0")
    assert not set(after_script) & set(fingerprints(make_study()))


def test_the_seed_matters_to_degradations_that_are_random_only(make_study):
    def copies(seed):
        study = make_study(task=None, modifiers=["none", NOISE], seed=seed)
        return fingerprints(study)

    assert copies(1)[0] == copies(2)[0]
    assert copies(1)[1] != copies(2)[1]


def test_a_study_without_a_task_has_one_run_a_chain(make_study):
    plan = make_study(task=None, params={"rate": [1, 2]}, repetitions=3).plan()
    assert len(plan.runs) == 3
    assert any("no effect without a task" in warning for warning in plan.warnings)


def test_a_study_without_a_reference_is_told_so(make_study):
    assert "none" in make_study(modifiers=["blur:sigma_px=1"]).plan().warnings[0]


def test_all_mistakes_in_components_and_data_come_at_once(folder, manager):
    from iqf_core.experiments.study import Study

    (folder / "study.yaml").write_text(
        "study: s\n"
        "datasets: {train: data/trian, val: data/val}\n"
        "modifiers:\n"
        "  - blurr: {sigma_px: 1}\n"
        "  - jpeg: {quality: [0, 50, 200]}\n"
        "task: {python_script: {path: tarin.py}}\n"
    )
    study = Study.from_file(folder / "study.yaml", manager)
    with pytest.raises(ConfigurationError) as raised:
        study.plan()
    said = [str(problem) for problem in raised.value.problems]
    assert len(said) == 5
    for place, message in [
        ("study.yaml:2: datasets.train", "trian"),
        ("study.yaml:4: modifiers[0]", "did you mean 'blur'"),
        ("study.yaml:5: modifiers[1]", "parameter 'quality' is 0"),
        ("study.yaml:5: modifiers[1]", "parameter 'quality' is 200"),
        ("study.yaml:6: task", "tarin.py does not exist"),
    ]:
        assert any(line.startswith(place) and message in line for line in said), (place, said)


def test_mistakes_of_every_sort_come_at_once(folder, manager):
    from iqf_core.experiments.study import Study

    (folder / "study.yaml").write_text(
        "study: s\ndatasets: {train: data/trian}\nrepetitons: 2\nseed: -3\n"
        "modifiers: [blurr, 7]\ntask: {python_scrip: {path: train.py}}\n"
    )
    with pytest.raises(ConfigurationError) as raised:
        Study.from_file(folder / "study.yaml", manager)
    said = "\n".join(str(problem) for problem in raised.value.problems)
    assert len(raised.value.problems) == 6
    for word in ("trian", "'repetitions'", "seed", "'blur'", "7", "'python_script'"):
        assert word in said


def test_a_component_of_a_broken_plugin_fails_at_once_and_others_do_not(make_plugins, folder):
    from iqf_core.experiments.study_file import settings_from
    from iqf_core.plugins.manager import PluginManager
    from iqf_core.testing.fake_plugins import FakePlugin
    from iqf_core.yaml12 import YamlDocument

    def plan(modifier):
        data = {"study": "s", "datasets": {"train": "data/train"}, "modifiers": [modifier]}
        broken = make_plugins(FakePlugin("broken", "raise OSError('libcodec.so is missing')"))
        local = folder / "mine.py"
        local.write_text("from iqf_core.api import Modifier\nclass Mine(Modifier): pass\n")
        return make_plan(
            settings_from(YamlDocument(data), folder), PluginManager(broken, files=[local])
        )

    with pytest.raises(ConfigurationError, match=r"'broken' \(broken\) is broken.*libcodec"):
        plan("sharpen")
    assert len(plan("mine").runs) == 1


def test_iqf_plan_shows_the_runs_and_makes_nothing(folder, iqf):
    (folder / "study.yaml").write_text(
        "study: s\ndatasets: {train: data/train}\nmodifiers: [none, 'blur:sigma_px=1']\n"
        "task: {python_script: {path: train.py}}\n"
    )
    before = sorted(folder.rglob("*"))
    done = iqf("plan", "study.yaml")
    assert done.returncode == 0, done.stderr
    assert "2 runs, 0 done, 2 to do" in done.stdout
    rows = json.loads(iqf("plan", "study.yaml", "--json").stdout)
    assert [row["modifier"] for row in rows] == ["none", "blur:sigma_px=1"]
    assert {row["state"] for row in rows} == {"PLANNED"}
    assert sorted(folder.rglob("*")) == before
