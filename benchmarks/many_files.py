"""What 10,000 tiny images cost: fingerprint, plan, a copy, and the same copy asked for again.

Every step runs in a process of its own, so that its peak memory is its own.

Run by hand: ``uv run python benchmarks/many_files.py [--images 10000]``
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path


def main() -> None:
    """Make the images, run every step, print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--images", type=int, default=10_000)
    arguments.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    arguments.add_argument("--dataset", type=Path, help=argparse.SUPPRESS)
    given = arguments.parse_args()
    if given.step:
        measure(given.step, given.dataset)
        return
    with tempfile.TemporaryDirectory(prefix="iqf-benchmark-") as name:
        dataset = Path(name) / "tiny"
        environment = {**os.environ, "IQF_CACHE_DIR": str(Path(name) / "cache")}
        make_images(dataset, given.images)
        time.sleep(2.1)  # so that content hashes are kept, as for any dataset not just written
        print(f"{given.images} images of 16 x 16")
        print(f"{'step':36}{'seconds':>9}{'CPU s':>8}{'peak MiB':>10}", flush=True)
        for step in STEPS:
            command = [sys.executable, __file__, "--step", step, "--dataset", str(dataset)]
            subprocess.run(command, check=True, env=environment)


def make_images(folder: Path, count: int) -> None:
    """Write `count` PNG files of noise."""
    import cv2
    import numpy as np

    folder.mkdir()
    random = np.random.default_rng(0)
    for index in range(count):
        cv2.imwrite(str(folder / f"{index:06}.png"), random.integers(0, 256, (16, 16), np.uint8))


def start_up(dataset: Path) -> None:
    """Import everything, open nothing."""


def fingerprint(dataset: Path) -> None:
    """Hash every file, or find the hashes known."""
    from iqf_core.datasets.dataset import open_dataset

    open_dataset(dataset).fingerprint()


def modify(dataset: Path) -> None:
    """Make a copy, or find it."""
    from iqf_core.components.specification import parse_specification
    from iqf_core.datasets.dataset import open_dataset
    from iqf_core.modification.chain import Chain
    from iqf_core.modification.engine import modify_dataset
    from iqf_core.plugins.manager import PluginManager

    manager = PluginManager.create()
    chain = Chain.resolve([parse_specification("blur:sigma_px=1")], manager.registry)
    modify_dataset(open_dataset(dataset), chain, manager=manager, workers=None, quiet=True)


def plan(dataset: Path) -> None:
    """Plan a study of four copies and two repetitions on it."""
    from iqf_core.experiments.study import Study

    task_folder = dataset.parent / "study"
    task_folder.mkdir(exist_ok=True)
    (task_folder / "train.py").write_text("")
    study = Study(
        "tiny",
        {"train": dataset},
        ["none", "blur:sigma_px=1|2|3"],
        folder=task_folder,
        task={"python_script": {"path": "train.py"}},
        repetitions=2,
    )
    assert len(study.plan().runs) == 8


STEPS: dict[str, Callable[[Path], None]] = {
    "start-up": start_up,
    "fingerprint, first": fingerprint,
    "fingerprint, again": fingerprint,
    "plan of a study": plan,
    "iqf modify": modify,
    "iqf modify, again": modify,
}


def measure(step: str, dataset: Path) -> None:
    """Run one step here and print its line."""
    import iqf_core.modification.engine  # noqa: F401 - start-up is a line of its own

    begun, cpu = time.perf_counter(), time.process_time()
    STEPS[step](dataset)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
    print(f"{step:36}{wall:9.2f}{cpu:8.2f}{peak:10.0f}", flush=True)


if __name__ == "__main__":
    main()
