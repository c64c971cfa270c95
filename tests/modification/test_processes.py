"""Several processes: results do not depend on them, a copy is made once, and death is survived."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from iqf_core.cli.main import main
from iqf_core.errors import DatasetError
from iqf_core.execution import spreading
from iqf_core.execution.local import LocalExecutor
from iqf_core.modification import work
from iqf_core.modification.engine import ModifiedDataset

Modify = Callable[..., ModifiedDataset]


def content(folder: Path) -> dict[str, bytes]:
    """Return every file of a copy but its manifest."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and ".iqf" not in path.parts
    }


def arguments(modifier_file: Path, dataset: Path, *more: str) -> list[str]:
    return ["--no-plugins", "--plugin-file", str(modifier_file), "modify", str(dataset), *more]


def test_neither_workers_nor_order_change_the_result(
    photographs: Path, modify: Modify, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain = ("mean", "grain", "codec:nbytes=5")
    monkeypatch.setattr(work, "POOL_FROM_S", 0.0)
    monkeypatch.setattr(spreading, "_BATCH_ITEMS", 2)
    one = modify(photographs, *chain, seed=9)
    two = modify(photographs, *chain, seed=9, workers=2, out=photographs.parent / "two")
    items = work.Work._here
    backwards = lambda self, given: items(self, list(given)[::-1])  # noqa: E731
    monkeypatch.setattr(work.Work, "_here", backwards)
    reverse = modify(photographs, *chain, seed=9, out=photographs.parent / "reverse")
    assert content(one.path) == content(two.path) == content(reverse.path)
    assert one.manifest.images == two.manifest.images == reverse.manifest.images


def test_slow_work_moves_to_workers_and_small_work_does_not(
    pngs: Path, modify: Modify, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted: list[str] = []
    submit = LocalExecutor.submit

    def counted(self: LocalExecutor, task: Any) -> Any:
        submitted.append(task.name)
        return submit(self, task)

    monkeypatch.setattr(LocalExecutor, "submit", counted)
    modify(pngs, "mean", workers=2)
    assert submitted == []
    modify(pngs, "slow:seconds=0.35", workers=2)
    assert submitted


def test_an_unreadable_image_stops_the_workers_and_leaves_nothing(
    photographs: Path, modify: Modify, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "POOL_FROM_S", 0.0)
    bad = photographs / "images" / "p3.jpg"
    bad.write_bytes(bad.read_bytes()[:-200])
    with pytest.raises(DatasetError, match=r"p3\.jpg: is truncated"):
        modify(photographs, "mean", workers=2)
    assert {path.name for path in photographs.parent.iterdir()} == {"photographs", ".iqf"}
    assert modify(photographs, "mean", workers=2, on_error="skip").manifest.totals.skipped == 1


def test_two_processes_that_ask_at_once_make_it_once(pngs: Path, modifier_file: Path) -> None:
    program = "import sys; from iqf_core.cli.main import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", program]
    command += arguments(modifier_file, pngs, "slow:seconds=0.1", "grain", "--json")
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    records = []
    for process in processes:
        out, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
        records.append(json.loads(out)["copies"][0])
    assert sorted(record["reused"] for record in records) == [False, True]
    assert records[0]["path"] == records[1]["path"]
    assert records[0]["manifest"] == records[1]["manifest"]


@pytest.fixture(scope="module")
def ready_processes() -> Any:
    """Processes that have everything imported already, so that kills hit the work."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["iqf_core.cli.main", "iqf_core.modification.engine", "iqf_core.execution.local", "cv2"]
    )
    return context


def descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


@pytest.mark.parametrize(
    ("kills", "specification", "workers", "latest_s"),
    [(18, "slow:seconds=0.02", 1, 0.3), (8, "slow:seconds=0.3", 2, 1.5)],
)
def test_a_copy_is_whole_or_not_there_however_often_its_maker_is_killed(
    pngs: Path,
    modifier_file: Path,
    modify: Modify,
    ready_processes: Any,
    kills: int,
    specification: str,
    workers: int,
    latest_s: float,
) -> None:
    expected = content(modify(pngs, "slow:seconds=0", "grain").path)
    given = arguments(modifier_file, pngs, specification, "grain", "--workers", str(workers))
    target = pngs.parent / f"pngs#{specification.replace(':', '-')}#grain-sigma_dn=4"
    moments = random.Random(4)
    killed_at_work = killed_with_workers = 0
    for _ in range(kills):
        process = ready_processes.Process(target=main, args=(given,))
        process.start()
        process.join(moments.uniform(0.0, latest_s))
        below = descendants(process.pid)
        process.kill()
        process.join()
        assert not psutil.wait_procs(below, timeout=10)[1], "a worker outlived its driver"
        killed_with_workers += bool(below)
        killed_at_work += any("partial" in path.name for path in pngs.parent.iterdir())
        if target.exists():
            assert content(target) == expected
            shutil.rmtree(target)
    assert killed_at_work >= kills // 3
    assert killed_with_workers >= 2 or workers == 1
    assert content(modify(pngs, specification, "grain", workers=workers).path) == expected
    assert not [path for path in pngs.parent.iterdir() if "partial" in path.name]


def test_an_interrupt_stops_cleanly(pngs: Path, modifier_file: Path) -> None:
    program = "import sys; from iqf_core.cli.main import main; main(sys.argv[1:])"
    command = [sys.executable, "-c", program]
    command += arguments(modifier_file, pngs, "slow:seconds=0.5", "--workers", "2")
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    deadline = time.monotonic() + 20
    while not any("partial" in path.name for path in pngs.parent.iterdir()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    time.sleep(1.2)  # by now workers are starting, or at work
    below = descendants(process.pid)
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGINT)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "stopped" in errors
    assert "Traceback" not in errors
    assert not psutil.wait_procs(below, timeout=10)[1]
    assert {path.name for path in pngs.parent.iterdir()} == {"pngs", ".iqf"}
