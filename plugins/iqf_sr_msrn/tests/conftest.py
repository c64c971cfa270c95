"""Small photographs, and a network trained on them for seconds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from iqf_core.api import Context, Image, PluginManager, write_image

#: A network and settings that train in a second or two.
TINY = "msrn:blocks=1,features=8,residual=true"
QUICK = {
    "model": TINY,
    "patch_px": 24,
    "batch": 4,
    "steps": 8,
    "validate_every": 4,
    "log_every": 2,
    "precision": "float32",
}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Compute in one thread: results are then the same in every run."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def manager() -> PluginManager:
    return PluginManager()


@pytest.fixture
def context(manager: PluginManager) -> Context:
    return Context(registry=manager.registry, seed=1)


def _photograph(height: int, width: int, seed: int = 0, bands: int = 3) -> Image:
    """Return a picture of blocks of random colours: edges everywhere, as photographs have."""
    rng = np.random.default_rng(seed)
    pixels = np.zeros((height, width, bands))
    for _ in range(60):
        top, left = rng.integers(0, height), rng.integers(0, width)
        size = rng.integers(4, 24, 2)
        pixels[top : top + size[0], left : left + size[1]] = rng.uniform(20, 235, bands)
    return Image(np.rint(pixels).astype(np.uint8), peak=255.0)


@pytest.fixture(scope="session")
def photograph() -> Callable[..., Image]:
    return _photograph


@pytest.fixture(scope="session")
def quick() -> dict[str, Any]:
    """Settings of a training that takes a second."""
    return dict(QUICK)


@pytest.fixture(scope="session")
def run(manager: PluginManager) -> Callable[..., Any]:
    """Train: images, folder of the model, settings other than the quick ones."""
    from iqf_sr_msrn.training.configuration import make_configuration
    from iqf_sr_msrn.training.setup import train

    from iqf_core.api import progress

    def run(
        images: Path,
        out: Path,
        *,
        resume: bool = False,
        plugins: PluginManager = manager,
        **changes: Any,
    ) -> Any:
        settings = make_configuration({**QUICK, "images": images, "out": out, **changes})
        with progress("training", quiet=True) as bar:
            return train(settings, plugins.registry, bar, resume=resume)

    return run


@pytest.fixture(scope="session")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "photographs"
    folder.mkdir()
    for index in range(4):
        write_image(folder / f"{index}.png", _photograph(72, 96, index))
    return folder


@pytest.fixture(scope="session")
def trained(
    tmp_path_factory: pytest.TempPathFactory, photographs: Path, run: Callable[..., Any]
) -> Path:
    """A model folder of a tiny network at scale 2, 3 bands."""
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("models") / "tiny"
    run(photographs, out)
    return out


@pytest.fixture
def iqf() -> Callable[..., Result]:
    """Run the program; an error of the user's is its message and exit code 2."""
    from iqf_core.cli.main import main

    def run(*arguments: Any) -> Result:
        import click

        @click.command(context_settings={"ignore_unknown_options": True})
        def program() -> None:
            main([str(each) for each in arguments])

        return CliRunner().invoke(program, [])

    return run
