"""How fast `iqf modify` is beside a bare loop, and two workers beside one.

For each modifier the same photographs are decoded, modified and written as PNG twice: by a bare
one-thread loop around OpenCV, and by IQF in this process with one worker. What counts is CPU time
per image, start-up excluded. Then IQF's wall-clock time with two workers is compared with one.

Run by hand: ``uv run python benchmarks/modify_speed.py [--images 1000]``
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

HEIGHT, WIDTH = 480, 640
Operation = Callable[[Any], Any]


def main() -> None:
    """Make the photographs, run both, print the table."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--images", type=int, default=1000)
    arguments.add_argument("--rounds", type=int, default=2, help="the best of so many is shown")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="iqf-benchmark-") as name:
        folder = Path(name)
        os.environ["IQF_CACHE_DIR"] = str(folder / "cache")
        dataset = folder / "photographs"
        make_photographs(dataset / "images", given.images)
        time.sleep(2.1)  # so that content hashes are kept, as for any dataset not just written
        print(f"{given.images} photographs of {WIDTH} x {HEIGHT}, JPEG; CPU ms per image")
        print(f"{'modifier':32}{'bare loop':>12}{'iqf':>8}{'ratio':>8}", flush=True)
        for specification, operation in OPERATIONS.items():
            bare = min(bare_loop(dataset, folder, operation) for _ in range(given.rounds))
            iqf = min(
                modified(dataset, folder / f"one{turn}", specification, 1)[0]
                for turn in range(given.rounds)
            )
            per_image = 1000 / given.images
            print(
                f"{specification:32}{bare * per_image:12.2f}{iqf * per_image:8.2f}"
                f"{iqf / bare:8.2f}",
                flush=True,
            )
        print(f"\n{'modifier':32}{'1 worker':>12}{'2 workers':>11}{'times':>8}  (seconds)")
        for specification in OPERATIONS:
            times = [
                min(
                    modified(dataset, folder / f"w{workers}-{turn}", specification, workers)[1]
                    for turn in range(given.rounds)
                )
                for workers in (1, 2)
            ]
            print(
                f"{specification:32}{times[0]:12.2f}{times[1]:11.2f}{times[0] / times[1]:8.2f}",
                flush=True,
            )


def make_photographs(folder: Path, count: int) -> None:
    """Write `count` different crops of two photographs, as JPEG of quality 90."""
    from sklearn.datasets import load_sample_images

    sources = [
        cv2.resize(picture[:, :, ::-1], None, fx=1.5, fy=1.5, interpolation=cv2.INTER_AREA)
        for picture in load_sample_images().images
    ]
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for index in range(count):
        source = sources[index % len(sources)]
        top = random.integers(0, source.shape[0] - HEIGHT)
        left = random.integers(0, source.shape[1] - WIDTH)
        crop = np.ascontiguousarray(source[top : top + HEIGHT, left : left + WIDTH])
        cv2.imwrite(str(folder / f"{index:05}.jpg"), crop, [cv2.IMWRITE_JPEG_QUALITY, 90])


def blur(pixels: Any) -> Any:
    """Blur as a user of OpenCV would."""
    return cv2.GaussianBlur(pixels, (0, 0), 1.5)


def noise(pixels: Any) -> Any:
    """Add noise as a user of numpy would."""
    drawn = _RANDOM.standard_normal(pixels.shape, np.float32) * np.float32(8)
    return np.clip(np.rint(pixels + drawn), 0, 255).astype(np.uint8)


def quantization(pixels: Any) -> Any:
    """Quantize through a table."""
    return cv2.LUT(pixels, _TABLE)


def jpeg(pixels: Any) -> Any:
    """Encode and decode."""
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 70])
    return cv2.imdecode(data, cv2.IMREAD_UNCHANGED)


_RANDOM = np.random.Generator(np.random.SFC64(0))
_TABLE = np.rint(np.rint(np.arange(256) / 255 * 7) * 255 / 7).astype(np.uint8)

OPERATIONS: dict[str, Operation] = {
    "blur:sigma_px=1.5": blur,
    "gaussian_noise:sigma_dn=8": noise,
    "quantization:bits=3": quantization,
    "jpeg:quality=70": jpeg,
}


def bare_loop(dataset: Path, folder: Path, operation: Operation) -> float:
    """Return the CPU seconds of decoding, modifying and writing every image with one thread."""
    target = Path(tempfile.mkdtemp(dir=folder))
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    begun = time.process_time()
    for path in sorted((dataset / "images").iterdir()):
        pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
        _, data = cv2.imencode(".png", operation(pixels))
        (target / f"{path.stem}.png").write_bytes(data.tobytes())
    spent = time.process_time() - begun
    cv2.setNumThreads(threads)
    _remove(target)
    return spent


def modified(dataset: Path, out: Path, specification: str, workers: int) -> tuple[float, float]:
    """Return the CPU and wall-clock seconds of making one copy."""
    from iqf_core.components.specification import parse_specification
    from iqf_core.datasets.dataset import open_dataset
    from iqf_core.modification.chain import Chain
    from iqf_core.modification.engine import modify_dataset
    from iqf_core.plugins.manager import PluginManager

    manager = PluginManager.create()
    chain = Chain.resolve([parse_specification(specification)], manager.registry)
    cpu, wall = time.process_time(), time.perf_counter()
    modify_dataset(
        open_dataset(dataset, registry=manager.registry),
        chain,
        manager=manager,
        out=out,
        workers=workers,
        quiet=True,
    )
    spent = time.process_time() - cpu, time.perf_counter() - wall
    _remove(out)
    return spent


def _remove(folder: Path) -> None:
    import shutil

    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
