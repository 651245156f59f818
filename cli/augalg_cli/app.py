"""The application: commands put together, errors turned into one line and an exit code."""

import os
import signal
import sys
from typing import Annotated

import typer

from augalg_cli import (
    author_commands,
    catalog_commands,
    compare_commands,
    demo_commands,
    geometry_commands,
    inversion_commands,
    law_commands,
    lint_commands,
    options,
    registration_commands,
    report_commands,
    reproduce_commands,
    run_commands,
    sweep_commands,
    use_commands,
    word_commands,
)
from augalg_cli.plugin_commands import WithPlugins
from augalgebra import AugalgebraError, __version__

app = typer.Typer(
    name="augalg",
    cls=WithPlugins,
    help="Augmentations as elements of an algebra: laws checked on images, words reasoned with, "
    "operators learnt in a latent space.",
    epilog="Commands of a plugin are called by its name: augalg NAME --help. 'augalg plugins trace' lists them.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
plugins_app = typer.Typer(help="Plugins: what loaded, what failed and why.", no_args_is_help=True)
app.add_typer(plugins_app, name="plugins", rich_help_panel="Catalog")


@app.callback(invoke_without_command=True)
def global_options(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks instead of one-line errors.")] = False,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.")] = False,
) -> None:
    """Augmentations as elements of an algebra."""
    if debug:
        os.environ["AUGALG_DEBUG"] = "1"
    if version:
        typer.echo(f"augalg {__version__}")
        raise typer.Exit


demo_commands.add_to(app)
catalog_commands.add_to(app, plugins_app)
registration_commands.add_to(app)
author_commands.add_to(plugins_app)
lint_commands.add_to(app, plugins_app)
law_commands.add_to(app)
word_commands.add_to(app)
inversion_commands.add_to(app)
run_commands.add_to(app)
use_commands.add_to(app)
geometry_commands.add_to(app)
compare_commands.add_to(app)
sweep_commands.add_to(app)
reproduce_commands.add_to(app)
report_commands.add_to(app)


def main() -> None:
    """Run the program; exit code 2 and one line for bad input, never a traceback unless asked for.

    Exit codes: 0 fine; 1 a check says no; 2 bad input or usage; 130 interrupted.
    """
    # On a machine that others use too, threads that spin while they wait slow training down several-fold.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    signal.signal(signal.SIGTERM, _interrupted)
    try:
        app()
    except AugalgebraError as error:
        if os.environ.get("AUGALG_DEBUG"):
            raise
        typer.echo(f"error: {options.shorten(str(error))}", err=True)
        sys.exit(2)
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # the reader of a pipe has gone, as in `augalg list | head`; there is nobody left to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


def _interrupted(*_: object) -> None:
    """Asked to end, do as after Ctrl-C: keep what is done, and take workers along."""
    if callable(signal.getsignal(signal.SIGINT)):
        signal.raise_signal(signal.SIGINT)  # training puts it off until the end of a step
    else:  # it is ignored, as in the background of a shell
        raise KeyboardInterrupt


if __name__ == "__main__":
    main()
