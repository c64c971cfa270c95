"""The program ``iqf``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from iqf_core import __version__
from iqf_core.cli.lazy import LazyGroup
from iqf_core.cli.state import State
from iqf_core.errors import IQFError
from iqf_core.plugins.manager import PluginManager

_COMMANDS = {
    "components": ("iqf_core.cli.components:components", "What the plugins contribute"),
    "dataset": ("iqf_core.cli.dataset:dataset", "Look at datasets; convert, tile and split them"),
    "demo": ("iqf_core.cli.demo:demo", "Write a small complete study and run it"),
    "measure": ("iqf_core.cli.measure:measure", "Measure images: sharpness, noise, similarity …"),
    "modify": ("iqf_core.cli.modify:modify", "Make degraded copies of a dataset"),
    "plan": ("iqf_core.cli.study:plan", "Show the runs of a study"),
    "plugins": ("iqf_core.cli.plugins:plugins", "Installed plugins"),
    "report": ("iqf_core.cli.report:report", "A study as one self-contained page"),
    "results": ("iqf_core.cli.results:results", "Tables and plots of a study's results"),
    "run": ("iqf_core.cli.study:run", "Run a study, or what is left of it"),
    "ui": ("iqf_core.cli.ui:ui", "Open MLflow's web page of the tracking store"),
}


@click.group(
    cls=LazyGroup, lazy=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, prog_name="iqf")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.option("--no-plugins", is_flag=True, help="Use the core alone.")
@click.option(
    "--plugin-file",
    "plugin_files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A Python file with components to use besides (repeatable).",
)
@click.pass_context
def cli(
    context: click.Context, debug: bool, no_plugins: bool, plugin_files: tuple[Path, ...]
) -> None:
    """Image-quality framework for Earth observation.

    Degrade datasets in controlled ways, train or run any model on each degraded copy, and lay the
    results side by side.
    """
    context.obj = State(PluginManager.create(no_plugins=no_plugins, files=plugin_files))


def main(arguments: list[str] | None = None) -> None:
    """Run the program; an error of the user's is one clear line and exit code 2."""
    arguments = sys.argv[1:] if arguments is None else arguments
    debug = "--debug" in arguments
    try:
        code = cli.main(args=arguments, prog_name="iqf", standalone_mode=False)
    except click.exceptions.Exit as error:
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("\nstopped", err=True)
        code = 130
    except IQFError as error:
        if debug:
            raise
        click.echo(f"error: {error}", err=True)
        code = 2
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - nobody reads what is left
        code = 141
    sys.exit(code if isinstance(code, int) else 0)
