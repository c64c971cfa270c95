"""A supervised program: how it ends, what is known of it, and that nothing of it stays."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
import uuid
from pathlib import Path

import psutil
import pytest

from iqf_core.errors import ExecutionError
from iqf_core.execution import supervision
from iqf_core.execution.supervision import Outcome, SupervisedProcess, run_supervised
from iqf_core.testing.executor import eventually, processes_with

# A child, and a grandchild that left for a session of its own and whose parent is gone.
FAMILY = """
import subprocess, sys, time
sleeper = [sys.executable, "-S", "-c", "import time; time.sleep(600)  # MARK"]
subprocess.Popen(sleeper)
daemon = f"import subprocess; subprocess.Popen({sleeper!r}, start_new_session=True)"
subprocess.run([sys.executable, "-S", "-c", daemon], check=True)
print("family complete", flush=True)
"""


@pytest.fixture
def mark() -> str:
    return uuid.uuid4().hex


def run(code: str, folder: Path, **options: object) -> Outcome:
    return run_supervised(
        [sys.executable, "-S", "-c", code],
        folder=folder,
        log_path=folder / "log.txt",
        **options,  # type: ignore[arg-type]
    )


def test_a_program_that_succeeds(tmp_path: Path) -> None:
    outcome = run("import time; time.sleep(0.2)", tmp_path)
    assert outcome.succeeded
    assert (outcome.exit_code, outcome.signal, outcome.timed_out) == (0, None, False)
    assert 0.2 <= outcome.duration_s < 2


def test_an_exit_code_is_kept(tmp_path: Path) -> None:
    outcome = run("raise SystemExit(3)", tmp_path)
    assert (outcome.exit_code, outcome.signal, outcome.succeeded) == (3, None, False)
    assert str(outcome) == "ended with exit code 3"


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGTERM"])
def test_a_signal_is_named(tmp_path: Path, name: str) -> None:
    outcome = run(f"import os, signal; os.kill(os.getpid(), signal.{name})", tmp_path)
    assert (outcome.exit_code, outcome.signal_name) == (None, name)
    assert not outcome.succeeded
    assert not outcome.cancelled
    assert name in str(outcome)


def test_output_of_both_streams_goes_to_the_log_and_nothing_comes_in(tmp_path: Path) -> None:
    (tmp_path / "log.txt").write_text("of an earlier run")
    run(
        "import sys; print('out', flush=True); print('err', file=sys.stderr, flush=True);"
        "print(repr(sys.stdin.read()))",
        tmp_path,
    )
    assert (tmp_path / "log.txt").read_text() == "out\nerr\n''\n"


def test_folder_environment_and_session(tmp_path: Path) -> None:
    code = "import os; print(os.getcwd(), os.environ['A'], 'HOME' in os.environ, os.getsid(0))"
    started: list[int] = []
    run(code, tmp_path, environment={"A": "1"}, on_started=started.append)
    seen = (tmp_path / "log.txt").read_text().split()
    assert seen == [str(tmp_path), "1", "True", str(started[0])]


def test_arguments_are_passed_as_they_are(tmp_path: Path) -> None:
    arguments = ["a b", "", "$HOME", "*", 'quo"te', "ünï", "--x=1"]
    show = [sys.executable, "-S", "-c", "import sys; print(sys.argv[1:])"]
    run_supervised([*show, *arguments], folder=tmp_path, log_path=tmp_path / "log.txt")
    assert (tmp_path / "log.txt").read_text() == f"{arguments}\n"


def test_signals_that_python_ignores_are_not_ignored_in_the_program(tmp_path: Path) -> None:
    run_supervised(
        ["/bin/sh", "-c", "grep SigIgn /proc/self/status"],
        folder=tmp_path,
        log_path=tmp_path / "log.txt",
    )
    ignored = int((tmp_path / "log.txt").read_text().split()[-1], 16)
    assert not ignored & (1 << (signal.SIGPIPE - 1))


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("no-such-program", "cannot run 'no-such-program': no such program on PATH"),
        ("./absent.sh", "cannot run './absent.sh': no such program in "),
        ("./plain.txt", "cannot run './plain.txt': permission denied"),
        ("a\0b", "null byte"),
    ],
)
def test_a_program_that_cannot_run_is_one_clear_line(
    tmp_path: Path, program: str, said: str
) -> None:
    (tmp_path / "plain.txt").write_text("no program")
    with pytest.raises(ExecutionError) as caught:
        run_supervised([program], folder=tmp_path, log_path=tmp_path / "log.txt")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExecutionError, match=r"no folder .*absent"):
        run_supervised(["true"], folder=tmp_path / "absent", log_path=tmp_path / "log.txt")


def test_peak_memory_is_that_of_the_program_and_its_children(tmp_path: Path) -> None:
    # The driver's own memory must not show: a forked child begins with the peak of its parent.
    ballast = bytearray(200_000_000)
    small = run("pass", tmp_path).peak_memory_bytes
    large = run("bytearray(100_000_000)", tmp_path).peak_memory_bytes
    child = run(
        "import subprocess, sys;"
        "subprocess.run([sys.executable, '-S', '-c', 'bytearray(100_000_000)'])",
        tmp_path,
    ).peak_memory_bytes
    assert len(ballast) and small and large and child
    assert small < 50e6
    assert 100e6 < large < 150e6
    assert 100e6 < child < 150e6


def test_a_timeout_ends_everything(tmp_path: Path, mark: str) -> None:
    code = FAMILY.replace("MARK", mark) + "time.sleep(600)"
    outcome = run(code, tmp_path, timeout_s=1)
    assert "family complete" in (tmp_path / "log.txt").read_text()
    assert outcome.timed_out
    assert not outcome.succeeded
    assert 1 <= outcome.duration_s < 3
    assert not processes_with(mark)


def test_a_timeout_asks_before_it_kills(tmp_path: Path) -> None:
    polite = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit('saved'))\n"
        "time.sleep(60)"
    )
    outcome = run(polite, tmp_path, timeout_s=0.5)
    assert (outcome.timed_out, outcome.exit_code, outcome.succeeded) == (True, 1, False)
    assert (tmp_path / "log.txt").read_text() == "saved\n"


def test_a_program_deaf_to_sigterm_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervision, "GRACE_S", 0.3)
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
    outcome = run(deaf, tmp_path, timeout_s=0.3)
    assert (outcome.timed_out, outcome.signal_name) == (True, "SIGKILL")
    assert 0.6 <= outcome.duration_s < 2


def test_what_a_program_leaves_behind_is_killed(tmp_path: Path, mark: str) -> None:
    outcome = run(FAMILY.replace("MARK", mark), tmp_path)
    assert outcome.succeeded
    assert "family complete" in (tmp_path / "log.txt").read_text()
    assert not processes_with(mark)


def test_helpers_that_a_program_leaves_may_end_by_themselves(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys;"
        "subprocess.Popen([sys.executable, '-S', '-c',"
        "'import time; time.sleep(0.1); print(\"tidied up\")'])"
    )
    assert run(code, tmp_path).succeeded
    assert (tmp_path / "log.txt").read_text() == "tidied up\n"


def test_cancelling_ends_everything(tmp_path: Path, mark: str) -> None:
    cancel = threading.Event()
    log = tmp_path / "log.txt"
    results: list[Outcome] = []
    code = FAMILY.replace("MARK", mark) + "time.sleep(600)"
    thread = threading.Thread(target=lambda: results.append(run(code, tmp_path, cancel=cancel)))
    thread.start()
    assert eventually(lambda: log.exists() and "complete" in log.read_text())
    cancel.set()
    thread.join(10)
    (outcome,) = results
    assert (outcome.cancelled, outcome.timed_out, outcome.succeeded) == (True, False, False)
    assert not processes_with(mark)


def test_an_exception_in_the_driver_ends_everything(tmp_path: Path, mark: str) -> None:
    def interrupt(pid: int) -> None:
        assert eventually(lambda: "complete" in (tmp_path / "log.txt").read_text())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(FAMILY.replace("MARK", mark) + "time.sleep(600)", tmp_path, on_started=interrupt)
    assert not processes_with(mark)


def test_a_killed_supervisor_takes_everything_along(tmp_path: Path, mark: str) -> None:
    def kill_supervisor(pid: int) -> None:
        assert eventually(lambda: "complete" in (tmp_path / "log.txt").read_text())
        os.kill(psutil.Process(pid).ppid(), signal.SIGKILL)

    code = FAMILY.replace("MARK", mark) + "time.sleep(600)"
    outcome = run(code, tmp_path, on_started=kill_supervisor)
    assert outcome.signal_name == "SIGKILL"
    assert not outcome.succeeded
    assert not processes_with(mark)


def test_it_costs_the_driver_little(tmp_path: Path) -> None:
    run("pass", tmp_path)
    begin, runs = time.process_time(), 10
    for _ in range(runs):
        run("pass", tmp_path)
    assert (time.process_time() - begin) / runs < 0.010


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    run("pass", tmp_path)
    before = psutil.Process().num_fds()
    run("pass", tmp_path)
    run("pass", tmp_path, timeout_s=0.001)
    with pytest.raises(ExecutionError):
        SupervisedProcess(["no-such-program"], folder=tmp_path, environment={})
    assert psutil.Process().num_fds() == before
