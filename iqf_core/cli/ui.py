"""``iqf ui``: MLflow's web page of a tracking store, on this machine only."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from iqf_core.errors import ConfigurationError, ExecutionError

if TYPE_CHECKING:
    from iqf_core.execution.supervision import SupervisedProcess
    from iqf_core.experiments.tracking.target import TrackingTarget

_HOST = "127.0.0.1"
#: MLflow's server takes half a minute on a slow machine.
_START_LIMIT_S = 180.0


@click.command()
@click.argument("study", type=click.Path(path_type=Path), default=".")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=5000,
    show_default=True,
    help="Port on this machine; 0 for any that is free.",
)
@click.option("--open/--no-open", "open_page", default=True, help="Open the page in a browser.")
@click.option("--tracking-uri", metavar="URI", help="Another tracking store than the study's.")
def ui(study: Path, port: int, open_page: bool, tracking_uri: str | None) -> None:
    """Show the runs of STUDY (a study file, or the folder of one) in MLflow's web page.

    The page is served on this machine only, until Ctrl-C.
    """
    target = _target(study, tracking_uri)
    if target.uri.startswith(("http://", "https://")):
        _announce(target.uri, open_page)
        return
    _check_installed()
    target.check_exists()
    port = _free_port(port)
    with contextlib.suppress(KeyboardInterrupt):
        serve(server_command(target, port), port, open_page=open_page)
    click.echo("stopped")


def _target(study: Path, tracking_uri: str | None) -> TrackingTarget:
    from iqf_core.experiments.tracking.target import resolve_tracking

    if tracking_uri:
        return resolve_tracking(Path.cwd(), tracking_uri)
    if study.is_dir() and not (study / "study.yaml").is_file():
        return resolve_tracking(study)
    from iqf_core.experiments.study_file import read_study

    settings = read_study(study / "study.yaml" if study.is_dir() else study)
    return resolve_tracking(settings.folder, settings.tracking.uri, settings.tracking.registry_uri)


def _check_installed() -> None:
    from importlib.metadata import PackageNotFoundError, version

    try:
        version("mlflow")
    except PackageNotFoundError:
        raise ConfigurationError(
            "iqf ui needs MLflow's web server, which is not installed; "
            "install it with: pip install 'iqf-core[ui]'"
        ) from None


def _free_port(port: int) -> int:
    """Return `port`, or a free one for 0."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise ConfigurationError(
                f"port {port} cannot be used ({error.strerror}); choose another with --port"
            ) from None
        return int(probe.getsockname()[1])


def server_command(target: TrackingTarget, port: int) -> list[str]:
    """Return the program that serves a tracking store, with its arguments."""
    command = [sys.executable, "-m", "mlflow", "server", "--host", _HOST, "--port", str(port)]
    command += ["--workers", "1", "--backend-store-uri", target.uri]
    command += ["--registry-store-uri", target.registry_uri]
    if target.artifact_location is not None:
        command += ["--default-artifact-root", target.artifact_location]
    return command


def serve(command: Sequence[str], port: int, *, open_page: bool) -> None:
    """Run a web server until it ends or we are stopped; none of its processes is left then.

    Parameters
    ----------
    command
        The server's program and arguments.
    port
        Where it answers once it is ready.
    open_page
        Whether to open the page in a browser then.

    Raises
    ------
    ExecutionError
        If it ends by itself, or does not answer in three minutes; with the end of its log.
    """
    from iqf_core.execution.supervision import SupervisedProcess

    _stop_on_terminate()
    with tempfile.TemporaryFile() as log:
        server = SupervisedProcess(
            command,
            folder=Path.cwd(),
            environment={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
            output=log,
        )
        try:
            with _waiting():
                _wait_until_ready(server, port, log)
            _announce(f"http://{_HOST}:{port}", open_page)
            click.echo("Ctrl-C stops it", err=True)
            server.wait()
            raise ExecutionError(f"MLflow's server ended by itself{_end_of(log)}")
        finally:
            server.stop()
            server.wait()


@contextlib.contextmanager
def _waiting() -> Iterator[None]:
    """Say on standard error that this takes a while."""
    text = "starting MLflow's web server, which takes up to half a minute"
    if not sys.stderr.isatty():
        click.echo(f"{text} …", err=True)
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(f"{text} …"):
        yield


def _wait_until_ready(server: SupervisedProcess, port: int, log: IO[bytes]) -> None:
    give_up = time.monotonic() + _START_LIMIT_S
    while not _answers(port):
        if server.wait(0.2) is not None:
            raise ExecutionError(f"MLflow's server did not start{_end_of(log)}")
        if time.monotonic() > give_up:
            raise ExecutionError(
                f"MLflow's server did not answer in {_START_LIMIT_S:.0f} s{_end_of(log)}"
            )


def _answers(port: int) -> bool:
    from http.client import HTTPConnection, HTTPException

    connection = HTTPConnection(_HOST, port, timeout=5)  # no proxy, whatever the environment says
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status < 500
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _end_of(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read().decode(errors="replace").strip().splitlines()
    return ":\n" + "\n".join(lines[-12:]) if lines else ""


def _announce(address: str, open_page: bool) -> None:
    click.echo(address)
    if open_page:
        import webbrowser

        webbrowser.open(address)


def _stop_on_terminate() -> None:
    import signal

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
