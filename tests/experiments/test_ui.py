from __future__ import annotations

import importlib.metadata
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from iqf_core.cli.ui import server_command, ui
from iqf_core.errors import ConfigurationError, TrackingError
from iqf_core.experiments.tracking.tracker import TrackingTarget

#: Stands in for MLflow's server: answers after a while, with a process of its own.
_SERVER = """
import http.server, subprocess, sys, time
worker = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(worker.pid, file=open(sys.argv[2], "w"), flush=True)
time.sleep(0.5)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b"OK")
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
_DRIVER = """
import sys
from iqf_core.cli.ui import serve
serve([sys.executable, "-c", *sys.argv[2:]], int(sys.argv[1]), open_page=False)
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _driver(port: int, *server: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", _DRIVER, str(port), *server],
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):  # it may end between the two looks
        return True
    return state == "Z"


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_address_is_printed_once_it_answers_and_nothing_outlives_a_stop(
    tmp_path: Path, end: signal.Signals
) -> None:
    port = _free_port()
    driver = _driver(port, _SERVER, str(port), str(tmp_path / "pid"))
    assert driver.stdout is not None
    assert driver.stdout.readline() == f"http://127.0.0.1:{port}\n"
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    worker = int((tmp_path / "pid").read_text())
    driver.send_signal(end)
    _, errors = driver.communicate(timeout=20)
    deadline = time.monotonic() + 10
    while not _gone(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _gone(worker)
    while _answers(port) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _answers(port)
    assert "half a minute" in errors


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def test_a_server_that_does_not_start_is_said_with_its_last_words() -> None:
    driver = _driver(_free_port(), "raise SystemExit('the database is too old')")
    _, errors = driver.communicate(timeout=60)
    assert driver.returncode != 0
    assert "MLflow's server did not start:\nthe database is too old" in errors


def test_without_the_extra_the_way_to_install_it_is_said(
    target: TrackingTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    with pytest.raises(ConfigurationError, match=r"pip install 'iqf-core\[ui\]'") as caught:
        CliRunner().invoke(ui, [str(tmp_path)], catch_exceptions=False)
    assert "\n" not in str(caught.value)
    assert target.store_path is not None


def test_a_store_that_is_not_there_and_a_port_in_use_are_said(
    target: TrackingTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "3.17.2")
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrackingError, match="no tracking store yet"):
        CliRunner().invoke(ui, [str(tmp_path / "empty")], catch_exceptions=False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with pytest.raises(ConfigurationError, match="choose another with --port"):
            CliRunner().invoke(ui, [str(tmp_path), "--port", port], catch_exceptions=False)


def test_a_tracking_server_is_opened_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://tracking.example:5000")
    printed = CliRunner().invoke(ui, ["--no-open"], catch_exceptions=False)
    assert printed.stdout == "http://tracking.example:5000\n"


def test_the_server_listens_on_this_machine_only(target: TrackingTarget) -> None:
    command = server_command(target, 5000)
    assert command[command.index("--host") + 1] == "127.0.0.1"
    assert command[command.index("--backend-store-uri") + 1] == target.uri
