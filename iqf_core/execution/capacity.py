"""What this machine has: usable processor cores and GPUs."""

from __future__ import annotations

import math
import os
from pathlib import Path

_CGROUP_LIMIT = Path("/sys/fs/cgroup/cpu.max")


def usable_cores() -> int:
    """Return how many cores this process may use: its affinity, and a container's share of time."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    try:
        quota, period = _CGROUP_LIMIT.read_text().split()
        if quota != "max":
            cores = min(cores, math.ceil(int(quota) / int(period)))
    except (OSError, ValueError):
        pass  # no such limit here
    return max(1, cores)


def visible_gpus() -> list[str]:
    """Return the NVIDIA GPUs this process may use, as ``CUDA_VISIBLE_DEVICES`` names them."""
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip() not in ("", "-1")]
    devices = [path.name.removeprefix("nvidia") for path in Path("/dev").glob("nvidia[0-9]*")]
    return sorted((name for name in devices if name.isdigit()), key=int)


class GpuShares:
    """Which GPUs are free, whole or in part.

    Parameters
    ----------
    names
        The GPUs.
    """

    def __init__(self, names: list[str]) -> None:
        self._free = dict.fromkeys(names, 1.0)

    def problem(self, amount: float) -> str | None:
        """Return why `amount` can never be given, None when it can."""
        if amount < 0 or (amount > 1 and amount != int(amount)):
            return f"asks for {amount:g} GPUs; expected a whole number or a share below 1"
        if amount > len(self._free):
            return f"asks for {amount:g} GPUs; this machine has {len(self._free)}"
        return None

    def take(self, amount: float) -> tuple[str, ...] | None:
        """Take `amount` GPUs, or a share of one; None when they are not free now."""
        share, count = (amount, 1) if amount < 1 else (1.0, int(amount))
        # The fullest first, so that whole GPUs stay whole.
        able = sorted((free, name) for name, free in self._free.items() if free >= share - 1e-9)
        if len(able) < count:
            return None
        chosen = tuple(name for _, name in able[:count])
        for name in chosen:
            self._free[name] -= share
        return chosen

    def give_back(self, names: tuple[str, ...], amount: float) -> None:
        """Give back what :meth:`take` gave for `amount`."""
        for name in names:
            self._free[name] += min(amount, 1.0)
