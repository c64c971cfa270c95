"""The environment of a worker: as many threads as it was given cores, and a tame GDAL."""

from __future__ import annotations

import os
from collections.abc import Mapping

#: Numerical libraries read these when they are imported.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "GDAL_NUM_THREADS",
    "OPENCV_FOR_THREADS_NUM",
)
# GDAL's block cache takes 5 % of the machine's memory by default, in every process.
_GDAL = {"GDAL_CACHEMAX": "128", "GDAL_DISABLE_READDIR_ON_OPEN": "TRUE"}
_ALWAYS = {"MLFLOW_DISABLE_TELEMETRY": "true", "RAY_USAGE_STATS_ENABLED": "0"}


def worker_environment(cpus: int = 1, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables to set in a process before anything is imported there.

    Thread limits always follow `cpus`, whatever the user's shell says, since several workers run
    at once; GDAL settings that the user's environment has are kept, and VRT is added to a
    ``GDAL_SKIP`` (a VRT file can read any other file). `extra` wins over everything.

    Parameters
    ----------
    cpus
        Processor cores the process may use, at least 1.
    extra
        More variables, such as those of a task.
    """
    variables = dict.fromkeys(THREAD_VARIABLES, str(max(1, cpus)))
    variables.update({name: os.environ.get(name, value) for name, value in _GDAL.items()})
    skipped = [name for name in os.environ.get("GDAL_SKIP", "").split() if name != "VRT"]
    variables["GDAL_SKIP"] = " ".join([*skipped, "VRT"])
    return {**variables, **_ALWAYS, **(extra or {})}
