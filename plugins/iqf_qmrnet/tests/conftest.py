"""Small networks that the tests share, trained for seconds on synthetic textures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray


def texture(rng: np.random.Generator, side: int = 96) -> NDArray[np.float32]:
    """Return a plane (side, side) in [0, 1] with fine detail: grain, and boxes of all sizes."""
    plane = np.full((side, side), 0.5, np.float32)
    for _ in range(40):
        row, column = rng.integers(0, side, 2)
        height, width = rng.integers(2, side // 2, 2)
        plane[row : row + height, column : column + width] = rng.uniform(0.1, 0.9)
    return np.clip(plane + 0.05 * rng.standard_normal((side, side)), 0, 1).astype(np.float32)


def blurred(plane: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Return the plane after a Gaussian blur, rounded to 8 bits."""
    soft = cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REFLECT_101)
    return np.rint(soft * 255).astype(np.float32) / 255


@pytest.fixture(scope="session")
def make_texture() -> Callable[[int, int], NDArray[np.float32]]:
    """Make a texture from a seed and a side."""
    return lambda seed, side: texture(np.random.default_rng(seed), side)


@pytest.fixture(scope="session")
def blur() -> Callable[[NDArray[np.float32], float], NDArray[np.float32]]:
    """Blur a plane."""
    return blurred


@pytest.fixture(scope="session")
def blur_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a one-head network that reads blur from 1 to 2.5 px, crop 48."""
    import torch
    from iqf_qmrnet.checkpoint import Calibration, Model, save_model
    from iqf_qmrnet.config import NetworkConfig
    from iqf_qmrnet.decoding import soft_labels
    from iqf_qmrnet.grid import parse_heads
    from iqf_qmrnet.networks import build_network

    torch.manual_seed(0)
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    head = replace(parse_heads(["blur:sigma_px=1.0..2.5/16"])[0], unit="px")
    options = {"window": 16, "hidden": 64, "features": 32}
    network = build_network(NetworkConfig(backbone="spectral", options=options), (head,))
    count, side = 1600, 48
    sigma = rng.uniform(0.4, 3.1, count)
    # Parts of scenes of all sizes: some crops are nearly flat.
    scenes = [texture(rng, int(rng.integers(side, 4 * side))) for _ in sigma]
    crops = np.stack(
        [
            blurred(scene[:64, :64], value)[:side, :side]
            for scene, value in zip(scenes, sigma, strict=True)
        ]
    )
    images, values = torch.from_numpy(crops)[:, None], torch.from_numpy(sigma)
    optimiser = torch.optim.AdamW(network.parameters(), 3e-3)
    for step in range(500):
        chosen = torch.randint(count, (64,))
        if step == 400:
            optimiser.param_groups[0]["lr"] = 5e-4
        logits = network(images[chosen])[head.name]
        loss = torch.nn.functional.cross_entropy(logits, soft_labels(head, values[chosen]))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    folder = tmp_path_factory.mktemp("models") / "blur"
    config: dict[str, Any] = {"parameters": [head.specification], "crop": side, "loss": "soft"}
    config |= {"backbone": "spectral", "options": options}
    calibration = {head.name: Calibration(1.0, 1.0)}
    save_model(Model(network.eval(), (head,), config, side, calibration), folder)
    return folder


@pytest.fixture(scope="session")
def two_heads(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an untrained network of two heads, crop 32."""
    import torch
    from iqf_qmrnet.checkpoint import Model, save_model
    from iqf_qmrnet.config import NetworkConfig
    from iqf_qmrnet.grid import parse_heads
    from iqf_qmrnet.networks import build_network

    torch.manual_seed(1)
    heads = parse_heads(["blur:sigma_px=1.0..2.5/7", "snr"])
    options = {"window": 16, "hidden": 16, "features": 8}
    network = build_network(NetworkConfig(backbone="spectral", options=options), heads).eval()
    folder = tmp_path_factory.mktemp("models") / "two"
    config = {"parameters": [head.specification for head in heads], "crop": 32, "loss": "soft"}
    save_model(
        Model(network, heads, config | {"backbone": "spectral", "options": options}, 32), folder
    )
    return folder
