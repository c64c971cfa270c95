"""A scene of 2,000 x 2,000 x 3 pixels, 16 bits, through `iqf sr upscale`: time and memory.

python benchmarks/sr/large_scene.py MODEL [--size 2000]
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from iqf_core.api import open_image, write_image
from iqf_core.testing import make_image


def main() -> None:
    """Write a scene, enlarge it in a process of its own, and say what that took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--size", type=int, default=2000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_image(folder / "scene.tif", make_image(options.size, options.size, 3, "uint16"))
        command = [sys.executable, "-m", "iqf_core.cli", "sr", "upscale", str(options.model)]
        command += [str(folder / "scene.tif"), "--out", str(folder / "up"), "--peak", "4095"]
        begun = time.perf_counter()
        process = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begun
        if status:
            sys.exit(f"iqf sr upscale failed with {os.waitstatus_to_exitcode(status)}")
        with open_image(folder / "up" / "scene.tif", peak=4095) as reader:
            print(f"result {reader.shape}")
        cpu = usage.ru_utime + usage.ru_stime
        print(f"{cpu:.0f} CPU s, {wall:.0f} s, peak memory {usage.ru_maxrss / 1024:.0f} MB")


if __name__ == "__main__":
    main()
