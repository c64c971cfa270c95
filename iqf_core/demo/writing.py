"""Writing the demonstration study into a folder."""

from __future__ import annotations

import shutil
from pathlib import Path

from iqf_core.demo.export_digits import export_digits
from iqf_core.errors import IQFError

STUDY_NAME = "study.yaml"
_FILES = (STUDY_NAME, "train.py", "export_digits.py")


def write_demo(folder: Path) -> Path:
    """Write the demonstration study into `folder` and return its study file.

    Files that are there already are kept, so that a changed study can be run again.

    Raises
    ------
    IQFError
        If scikit-learn is not installed, or `folder` cannot be written or holds something else.
    """
    study = folder / STUDY_NAME
    if folder.exists() and not study.is_file() and (folder.is_file() or any(folder.iterdir())):
        raise IQFError(f"{folder}: holds something else; name a new folder, as in: iqf demo NEW")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in _FILES:
            if not (folder / name).exists():
                shutil.copyfile(Path(__file__).with_name(name), folder / name)
        if not (folder / "data").is_dir():
            _export(folder)
    except OSError as error:
        raise IQFError(f"{folder}: cannot be written: {error.strerror}") from None
    return study


def _export(folder: Path) -> None:
    """Write the data aside and rename: an interrupted export is no data set."""
    partial = folder / ".data.partial"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        export_digits(partial)
    except ImportError as error:
        raise IQFError(
            f"the demonstration needs {error.name}: pip install 'iqf-core[demo]'"
        ) from None
    partial.rename(folder / "data")
