"""``.ci/run`` runs the whole suite with nothing allowed to be missing, and fails when it fails."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = "run --all-groups pytest"


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder for PATH that holds the few programs a bare machine has."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in ("bash", "dirname", "env", "git"):
        for place in os.environ["PATH"].split(os.pathsep):
            if (Path(place) / name).is_file():
                (folder / name).symlink_to(Path(place) / name)
                break
    (folder / "chromium").symlink_to(folder / "env")
    return folder


def record(programs: Path, name: str, exit_code: int = 0) -> None:
    """Put a program there that writes down how it was called."""
    program = programs / name
    program.write_text(
        f'#!{programs}/bash\necho "{name} $*" >> "{programs.parent}/calls"\n'
        f'echo "{name} IQF_REQUIRE_ALL=$IQF_REQUIRE_ALL" >> "{programs.parent}/settings"\n'
        f"exit {exit_code}\n"
    )
    program.chmod(0o755)


def run(programs: Path) -> tuple[int, list[str], list[str]]:
    """Run ``.ci/run`` from another folder; return its exit code, the calls and their setting."""
    done = subprocess.run(
        [ROOT / ".ci" / "run"],
        cwd=programs.parent,
        env={"PATH": str(programs)},
        stdin=subprocess.DEVNULL,
        check=False,
    )
    calls, settings = (programs.parent / name for name in ("calls", "settings"))
    return done.returncode, calls.read_text().splitlines(), settings.read_text().splitlines()


def test_it_runs_the_documented_command_and_lets_no_test_skip(programs: Path) -> None:
    record(programs, "uv")
    assert run(programs) == (0, [f"uv {COMMAND}"], ["uv IQF_REQUIRE_ALL=1"])
    assert f"uv {COMMAND}" in (ROOT / "CONTRIBUTING.md").read_text()


@pytest.mark.parametrize("exit_code", [1, 2, 5])
def test_it_fails_when_tests_fail_or_none_ran(programs: Path, exit_code: int) -> None:
    record(programs, "uv", exit_code)
    assert run(programs)[0] == exit_code


def test_it_installs_uv_and_what_the_system_lacks(programs: Path) -> None:
    (programs / "git").unlink()
    (programs / "chromium").unlink()
    record(programs, "apt-get")
    record(programs, "python3")
    code, calls, settings = run(programs)
    assert code == 0
    assert calls == [
        "apt-get update",
        "apt-get install --yes --no-install-recommends git chromium",
        "python3 -m pip install uv",
        f"python3 -m uv {COMMAND}",
    ]
    assert settings[-1] == "python3 IQF_REQUIRE_ALL=1"
