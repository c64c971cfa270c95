"""What a study costs per run beside the script itself: CPU time of the driving process.

    .venv/bin/python benchmarks/study_overhead.py [RUNS]

Every run reports 100 metric points and leaves 5 artifacts; the script itself needs no imports. The
store is made and MLflow imported before the clock starts. Goal: at most 60 ms CPU of the driver.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from iqf_core.experiments.study import Study

SCRIPT = """
import json, sys
out = sys.argv[sys.argv.index("--outputpath") + 1]
for number in range(5):
    open(f"{out}/artifact_{number}.txt", "w").write("x" * 1000)
results = {"loss": [1 / (step + 1) for step in range(98)], "accuracy": 0.5, "score": 2}
json.dump(results, open(f"{out}/results.json", "w"))
"""


def main() -> None:
    """Run the study once to warm up, then a larger one; print the difference per run."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        _write_images(folder / "data")
        (folder / "train.py").write_text(SCRIPT)
        for executor in ("serial", "local:workers=2"):
            _study(folder, f"warm-{executor[:5]}", 2, executor).run(quiet=True)
            study = _study(folder, f"timed-{executor[:5]}", runs, executor)
            _ = study.tracking.tracker
            wall, cpu = time.perf_counter(), time.process_time()
            report = study.run(quiet=True)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            assert len(report.ended) == runs
            assert not report.failed
            print(
                f"{executor:16} {runs} runs: {1000 * cpu / runs:5.1f} ms CPU of the driver per "
                f"run, {1000 * wall / runs:5.1f} ms wall"
            )


def _study(folder: Path, name: str, runs: int, executor: str) -> Study:
    return Study(
        name,
        {"train": "data"},
        folder=folder,
        task={"python_script": {"path": "train.py"}},
        params={"number": list(range(runs))},
        executor=executor,
    )


def _write_images(folder: Path) -> None:
    import cv2
    import numpy as np

    (folder / "images").mkdir(parents=True)
    for number in range(3):
        cv2.imwrite(str(folder / "images" / f"{number}.png"), np.zeros((16, 16, 3), np.uint8))


if __name__ == "__main__":
    main()
