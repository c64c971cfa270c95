"""Images to write and read back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

SHARED_DATA = Path(__file__).parents[2].parent / "shared" / "data"


@pytest.fixture
def shared_data() -> Path:
    if not SHARED_DATA.is_dir():
        pytest.skip(f"no sample data at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def picture() -> NDArray[np.uint8]:
    """A smooth colour picture, 48 x 64, that JPEG keeps within a few levels."""
    y, x = np.mgrid[0:48, 0:64]
    planes = [3 * x + 20, 4 * y + 30, 2 * x + y + 10]
    return np.stack(planes, axis=2).astype(np.uint8)


@pytest.fixture(scope="session")
def noise() -> NDArray[np.uint16]:
    """Six bands of 12-bit noise, 90 x 130, never 0."""
    return np.random.default_rng(0).integers(1, 4096, (90, 130, 6), dtype=np.uint16)
