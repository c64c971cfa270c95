"""The façade: light to import, and every name in it is there."""

from __future__ import annotations

import subprocess
import sys

import pytest

from iqf_core import api


@pytest.mark.parametrize("name", api.__all__)
def test_every_name_can_be_imported(name):
    value = getattr(api, name)
    assert getattr(value, "__name__", name) == name


def test_importing_it_imports_nothing_heavy():
    code = "import sys, iqf_core.api; print([m for m in ('numpy', 'pydantic') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Modifer"):
        _ = api.Modifer
