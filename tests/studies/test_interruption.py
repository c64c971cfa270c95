"""Ctrl-C and ``kill -9`` of ``iqf run``: nothing lost, nothing twice, nobody left behind."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter

import psutil
import pytest

from iqf_core.experiments.tracking.reading import read_experiment
from iqf_core.experiments.tracking.target import resolve_tracking

STUDY = """
study: s
datasets: {train: data/train, val: data/val}
modifiers: [none, 'quantization:bits=1|2|3', 'blur:sigma_px=0.5|1']
task: {python_script: {path: train.py}}
params: {rate: [1, 2]}
executor: {local: {workers: 2}}
"""
RUNS = 12


@pytest.fixture
def slow_study(folder):
    script = (folder / "train.py").read_text()
    slow = "import subprocess, time\ntime.sleep(0.15)\nsubprocess.run(['sleep', '0.1'])\n"
    (folder / "train.py").write_text(slow + script)
    (folder / "study.yaml").write_text(STUDY)
    return folder


def start(folder):
    return subprocess.Popen(
        [sys.executable, "-m", "iqf_core.cli", "run", "study.yaml"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=dict(os.environ),
        start_new_session=True,
    )


def records(folder):
    return read_experiment(resolve_tracking(folder), "s", missing_ok=True)


def finished(folder):
    return {record.run_id for record in records(folder) if record.state == "FINISHED"}


def left_behind(folder):
    """Processes of the study that are still there a moment after their driver's end."""
    deadline = time.monotonic() + 5
    while True:
        found = []
        for process in psutil.process_iter(["cmdline", "cwd"]):
            words = [*(process.info["cmdline"] or ()), process.info["cwd"] or ""]
            if any(str(folder) in word for word in words) and process.pid != os.getpid():
                found.append(words)
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def check_complete(folder):
    everything = records(folder)
    done = [record for record in everything if record.state == "FINISHED"]
    assert max(Counter(record.fingerprint for record in done).values()) == 1
    assert len(done) == RUNS
    assert {record.state for record in everything} <= {"FINISHED", "KILLED"}
    for record in done:
        assert record.metrics["zero"] == 0.0
        assert (record.artifact_path / "model.bin").read_bytes() == b"weights"
        assert (record.artifact_path / "iqf" / "script.log").is_file()
    from iqf_core.experiments.tracking.tracker import Tracker

    tracker = Tracker(resolve_tracking(folder), "s")
    for record in done:
        history = [(p.step, p.value) for p in tracker.metric_history(record.run_id, "curve")]
        assert history == [(0, 3.0), (1, 2.0), (2, 1.0)]
    assert not [path for path in (folder / "data").iterdir() if "partial" in path.name]
    assert not list((folder / ".iqf").rglob("outcome.json"))


def test_kill_9_at_random_moments(slow_study):
    moments = random.Random(3)
    kept = set()
    for attempt in range(20):
        driver = start(slow_study)
        try:
            # A busy machine may need longer than a moment to start: the last one is let alone.
            driver.wait(moments.uniform(1.0, 4.5) if attempt < 19 else 240)
        except subprocess.TimeoutExpired:
            driver.send_signal(signal.SIGKILL)
        driver.communicate()
        assert left_behind(slow_study) == []
        now = finished(slow_study)
        assert kept <= now, "a finished run was lost"
        kept = now
        if driver.returncode == 0:
            break
    assert driver.returncode == 0
    check_complete(slow_study)


def test_ctrl_c_stops_cleanly_marks_the_runs_and_a_second_start_continues(slow_study):
    driver = start(slow_study)
    deadline = time.monotonic() + 60
    while len(finished(slow_study)) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    driver.send_signal(signal.SIGINT)
    output, _ = driver.communicate(timeout=30)
    assert driver.returncode == 130
    assert "Traceback" not in output
    assert left_behind(slow_study) == []
    states = Counter(record.state for record in records(slow_study))
    assert set(states) <= {"FINISHED", "KILLED"}
    assert 3 <= states["FINISHED"] < RUNS
    kept = finished(slow_study)
    again = start(slow_study)
    output, _ = again.communicate(timeout=120)
    assert again.returncode == 0, output
    assert kept <= finished(slow_study)
    check_complete(slow_study)


def test_run_exits_1_when_a_run_failed_and_names_it(folder, iqf):
    script = (folder / "train.py").read_text()
    (folder / "train.py").write_text(
        f"import sys\nif 'bits=1' in str(sys.argv): raise SystemExit('out of luck')\n{script}"
    )
    (folder / "study.yaml").write_text(STUDY.replace("params: {rate: [1, 2]}\n", ""))
    done = iqf("run", "study.yaml", "--workers", "2")
    assert done.returncode == 1
    assert "6 runs: 5 finished now, 0 before, 1 failed" in done.stdout
    assert "quantization:bits=1" in done.stderr
    assert "out of luck" in done.stderr
    rows = json.loads(iqf("run", "study.yaml", "--json", "--executor", "serial").stdout)
    assert [(row["state"], row["params"]["modifier"]) for row in rows] == [
        ("FAILED", "quantization:bits=1")
    ]
    assert len(rows[0]["fingerprint"]) == 32


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "missing.yaml"], "No such file"),
        (["run", "study.yaml", "--executor", "locl"], "did you mean 'local'"),
        (["run", "study.yaml", "--executor", "local:workrs=2"], "did you mean 'workers'"),
        (["run", "study.yaml", "--force", "--only-failed"], "exclude each other"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(folder, iqf, arguments, said):
    (folder / "study.yaml").write_text(STUDY)
    done = iqf(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
