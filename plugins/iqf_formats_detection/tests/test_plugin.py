"""What the distribution declares."""

from __future__ import annotations

import json
import subprocess
import sys

from iqf_core.testing.component import HEAVY_MODULES


def test_brings_its_two_formats(iqf_registry):
    names = {
        entry.name
        for entry in iqf_registry.entries("format")
        if entry.distribution == "iqf-formats-detection"
    }
    assert names == {"dota", "yolo"}


def test_declaring_them_imports_nothing_heavy():
    program = (
        "import json, sys, iqf_formats_detection.plugin as plugin; plugin.iqf_dataset_formats(); "
        "print(json.dumps(sorted(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert not {*HEAVY_MODULES, "yaml", "shapely"} & set(json.loads(answer.stdout))
