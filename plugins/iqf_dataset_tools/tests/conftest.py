"""What the tests share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from iqf_core.api import PluginManager

sys.path.append(str(Path(__file__).parent))  # for broken_datasets.py


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IQF_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def registry() -> Any:
    return PluginManager.create().registry
