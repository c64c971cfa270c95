"""A scene of 20,000 x 20,000 pixels and 4 bands of uint16 through ``blur`` and ``gaussian_noise``.

    .venv/bin/python benchmarks/large_scene.py [EDGE]

Makes the scene (about 3 GB), runs ``iqf modify`` on it in a process of its own, and prints time and
peak memory. Goal: at most 1 GB.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from iqf_core.api import Image, ImageWriter, Window

BANDS = 4
PEAK = 4095


def write_scene(path: Path, edge: int) -> None:
    """Write a smooth 12-bit scene with some texture, window by window."""
    template = Image(np.zeros((1, 1, BANDS), np.uint16), peak=PEAK)
    generator = np.random.default_rng(0)
    texture = generator.integers(0, 64, (1024, 1024, BANDS)).astype(np.uint16)
    with ImageWriter.like(path, template, shape=(edge, edge, BANDS)) as writer:
        for row in range(0, edge, 1024):
            for column in range(0, edge, 1024):
                height, width = min(1024, edge - row), min(1024, edge - column)
                base = 1000 + (row + column) * 2000 // (2 * edge)
                writer.write(
                    (texture[:height, :width] + base).astype(np.uint16),
                    Window(row, column, height, width),
                )


def main() -> None:
    """Make the scene, modify it twice, and report."""
    edge = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    iqf = str(Path(sys.executable).with_name("iqf"))
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR", "/var/tmp")) as place:
        images = Path(place) / "scene" / "images"
        images.mkdir(parents=True)
        write_scene(images / "scene.tif", edge)
        size = (images / "scene.tif").stat().st_size
        print(f"{edge} x {edge} x {BANDS} uint16, {size / 1e9:.2f} GB on disk")
        for modifier in ("blur:sigma_px=1.5", "gaussian_noise:sigma_dn=8"):
            begun = time.perf_counter()
            process = subprocess.Popen(
                [iqf, "modify", str(images.parent), modifier, "--peak", str(PEAK)],
                stdout=subprocess.DEVNULL,
            )
            _, status, usage = os.wait4(process.pid, 0)
            assert status == 0
            print(
                f"{modifier:28} {time.perf_counter() - begun:6.0f} s wall, "
                f"{usage.ru_utime + usage.ru_stime:6.0f} s CPU, peak {usage.ru_maxrss / 1e6:.2f} GB"
            )


if __name__ == "__main__":
    main()
