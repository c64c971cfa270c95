"""What the results of a study of many runs cost: reading, tables, plots, the report.

    .venv/bin/python benchmarks/many_runs.py [RUNS]

The store is an empty one of MLflow, filled by plain inserts: 12 parameters, 20 metrics and 12 tags
a run, as a study with an image-quality metric has. "through MLflow's client" is the way to stores
that are no file, here to the same one, in pages of 1000. Goal: seconds for 10,000 runs.
"""

from __future__ import annotations

import json
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from iqf_core.experiments.report.report import write_report
from iqf_core.experiments.results.results import Results
from iqf_core.experiments.tracking.mlflow_client import load_client
from iqf_core.experiments.tracking.reading import all_runs
from iqf_core.experiments.tracking.tracker import Tracker, resolve_tracking

REPETITIONS = 50
T = TypeVar("T")


def main() -> None:
    """Fill a store, then time what users do with it."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        target = resolve_tracking(folder)
        experiment = Tracker(target, "many").experiment_id
        _fill(folder / "mlflow.db", experiment, count)
        results = _timed("Results(…), straight from the file", lambda: _open(folder))
        assert len(results) == count
        frame = _timed("frame(), one row a run", results.frame)
        assert frame.shape[0] == count
        grouped = _timed("frame(by=…, metrics=…)", lambda: results.frame("sigma_dn", "val_ap50"))
        assert grouped["runs"].sum() > 0
        _timed("_repr_html_()", results._repr_html_)
        _timed("plot line, PNG", lambda: results.plot("line", out=folder / "p.png"))
        _timed("plot line, HTML", lambda: results.plot("line", out=folder / "p.html"))
        _timed("report", lambda: write_report(results, folder / "report.html"))
        size = (folder / "report.html").stat().st_size / 2**20
        print(f"{'the report':38} {size:6.1f} MiB")
        remote = replace(target, store_path=None)
        client = load_client(remote)
        runs = _timed(
            "all runs through MLflow's client", lambda: all_runs(remote, experiment, client)
        )
        assert len(runs) == count


def _open(folder: Path) -> Results:
    return Results("many", tracking_uri=f"sqlite:///{folder}/mlflow.db")


def _timed(what: str, do: Callable[[], T]) -> T:
    wall, cpu = time.perf_counter(), time.process_time()
    result = do()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{what:38} {wall:6.2f} s wall, {cpu:6.2f} s CPU", flush=True)
    return result


def _fill(store: Path, experiment: str, count: int) -> None:
    generator = random.Random(0)
    runs: list[tuple[Any, ...]] = []
    params: list[tuple[Any, ...]] = []
    tags: list[tuple[Any, ...]] = []
    metrics: list[tuple[Any, ...]] = []
    for number in range(count):
        run = f"{number:032x}"
        point, repetition = divmod(number, REPETITIONS)
        sigma, rate = point % 40, point // 40
        modifier = f"gaussian_noise:sigma_dn={sigma}" if sigma else "none"
        planned: dict[str, Any] = {"modifier": modifier, "learning_rate": rate / 1000}
        if sigma:
            planned["gaussian_noise.sigma_dn"] = sigma
        planned |= {"repetition": repetition, "seed": repetition, "dataset.val": f"val#{sigma}"}
        given = planned | {f"stated_{n}": n for n in range(6)}
        runs.append((run, f"{modifier} #{repetition}", 1000 + number, 2000 + number, experiment))
        params += [(key, str(value), run) for key, value in given.items()]
        written = {
            "iqf.study": "many",
            "iqf.state": "FINISHED",
            "iqf.fingerprint": run,
            "iqf.index": str(number),
            "iqf.identity": json.dumps({"gaussian_noise.sigma_dn": 0}),
            "iqf.planned": json.dumps(list(planned)),
            "iqf.metric.val.psnr": json.dumps({"on": "dataset", "outputs": ["psnr"]}),
            **{f"mlflow.tag_{n}": "x" * 40 for n in range(5)},
        }
        tags += [(key, text, run) for key, text in written.items()]
        values = {"val_ap50": 0.8 - sigma / 100 + generator.gauss(0, 0.01), "zero": 0.0}
        values |= {f"val.psnr.psnr.{name}": 50.0 - sigma for name in ("mean", "median", "std")}
        values |= {f"measure_{n}": generator.random() for n in range(15)}
        metrics += [(key, value, run) for key, value in values.items()]
    with sqlite3.connect(store) as connection:
        connection.executemany(
            "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id,"
            " status, start_time, end_time, source_version, lifecycle_stage, artifact_uri,"
            " experiment_id) VALUES (?, ?, 'LOCAL', '', '', '', 'FINISHED', ?, ?, '', 'active',"
            " '', ?)",
            runs,
        )
        connection.executemany("INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)", params)
        connection.executemany("INSERT INTO tags (key, value, run_uuid) VALUES (?, ?, ?)", tags)
        connection.executemany(
            "INSERT INTO latest_metrics (key, value, timestamp, step, is_nan, run_uuid)"
            " VALUES (?, ?, 0, 0, 0, ?)",
            metrics,
        )
    connection.close()


if __name__ == "__main__":
    main()
