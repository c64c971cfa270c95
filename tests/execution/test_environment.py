"""The environment and the capacity of workers."""

from __future__ import annotations

import os

import pytest

from iqf_core.execution.capacity import GpuShares, usable_cores, visible_gpus
from iqf_core.execution.environment import THREAD_VARIABLES, worker_environment


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("GDAL_", "OMP_", "CUDA_")):
            monkeypatch.delenv(name)


def test_threads_follow_the_cpus_whatever_the_shell_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "64")
    assert {worker_environment()[name] for name in THREAD_VARIABLES} == {"1"}
    assert {worker_environment(3)[name] for name in THREAD_VARIABLES} == {"3"}


def test_gdal_is_tamed_and_telemetry_off() -> None:
    variables = worker_environment()
    assert variables["GDAL_CACHEMAX"] == "128"
    assert variables["GDAL_DISABLE_READDIR_ON_OPEN"] == "TRUE"
    assert variables["GDAL_SKIP"] == "VRT"
    assert variables["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert variables["RAY_USAGE_STATS_ENABLED"] == "0"


def test_gdal_settings_of_the_user_are_kept_but_vrt_stays_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GDAL_CACHEMAX", "1024")
    monkeypatch.setenv("GDAL_SKIP", "JP2ECW")
    assert worker_environment()["GDAL_CACHEMAX"] == "1024"
    assert worker_environment()["GDAL_SKIP"] == "JP2ECW VRT"


def test_extra_variables_win() -> None:
    extra = {"OMP_NUM_THREADS": "5", "IQF_SEED": "1"}
    assert worker_environment(2, extra).items() >= extra.items()


def test_usable_cores_are_those_of_the_affinity() -> None:
    assert 1 <= usable_cores() <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("value", "expected"), [("", []), ("-1", []), ("2, 0", ["2", "0"]), ("GPU-ab", ["GPU-ab"])]
)
def test_visible_gpus_are_those_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, value: str, expected: list[str]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", value)
    assert visible_gpus() == expected


def test_shares_of_a_gpu_fill_one_before_the_next() -> None:
    shares = GpuShares(["0", "1"])
    assert [shares.take(0.5) for _ in range(2)] == [("0",), ("0",)]
    assert shares.take(1) == ("1",)
    assert shares.take(0.1) is None
    shares.give_back(("0",), 0.5)
    assert shares.take(1) is None
    assert shares.take(0.5) == ("0",)
