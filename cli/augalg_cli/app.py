"""The application: commands put together, errors turned into one line and an exit code."""

import errno
import gc
import os
import signal
import sys
import textwrap
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from augalg_cli import options, streams
from augalg_cli.commands import CAUSAL_COMMANDS, COMMANDS, LATENT_COMMANDS, PLUGIN_COMMANDS
from augalg_cli.deferred import Deferred, DeferringGroup
from augalgebra import AugalgebraError, __version__

if TYPE_CHECKING:
    from typer.core import TyperGroup

FAULT = 70
"""The exit code of a fault of this program; Python's own, 1, means here that a check says no."""
SHORTAGES = frozenset((errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC))
"""Errors of the operating system that name no file and are still not a fault of this program."""
OUT_OF_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")
"""What PyTorch says when memory is short, on a processor or a card; it raises a `RuntimeError` then."""
MOVED = dict.fromkeys(("advise", "compare", "fractions", "geometry", "reproduce", "sweep", "synthetic"), "slides")
"""Commands that are a plugin's now."""


class Misread(Exception):  # noqa: N818 - it only carries the error that is its cause
    """Something ended too early inside a command: no fault of the terminal's, which is what Typer takes it for."""


class WithPlugins(DeferringGroup):
    """The application's commands, and behind them those of plugins under the plugin's name."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name; plugins are loaded only if no command of our own has it.

        Raises:
            AugalgebraError: A plugin has this command now.
        """
        found = super().get_command(ctx, cmd_name)
        if found is None:
            from augalg_cli.plugins import group_of  # with what isolates plugins

            found = group_of(cmd_name)
        if found is None and cmd_name in MOVED:
            raise AugalgebraError(f"'augalg {cmd_name}' moved; it is 'augalg {MOVED[cmd_name]} {cmd_name}' now")
        return found

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named; Typer would end with exit code 1 and without a word at these errors."""
        try:
            return super().invoke(ctx)
        except (EOFError, BrokenPipeError) as error:
            raise Misread from error


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
    try:
        Path.cwd()
    except OSError:  # some libraries end the program at once when they are loaded in such a place
        raise AugalgebraError("the current folder is gone; change into one that exists") from None


def program() -> "TyperGroup":
    """The program: all its commands, none of them imported yet."""
    group = cast("TyperGroup", typer.main.get_command(app))
    for panel, commands in COMMANDS.items():
        for name, (module, summary) in commands.items():
            group.add_command(Deferred(name, f"augalg_cli.commands.{module}", summary=summary, panel=panel))
    groups = (
        ("plugins", "Plugins: what loaded, what failed and why.", "Catalog", PLUGIN_COMMANDS),
        (
            "latents",
            "Codes that trainers cached: described, moved, verified, stripped.",
            "Latent spaces",
            LATENT_COMMANDS,
        ),
        (
            "causal",
            "Causal models of images: trained, asked for counterfactuals, edited.",
            "Latent spaces",
            CAUSAL_COMMANDS,
        ),
    )
    for title, about, panel, commands in groups:
        inner = DeferringGroup(name=title, help=about, no_args_is_help=True, rich_help_panel=panel)
        for name, (module, summary) in commands.items():
            inner.add_command(Deferred(name, f"augalg_cli.commands.{module}", summary=summary))
        group.add_command(inner)
    return group


def main() -> None:
    """Run the program; one line for whatever goes wrong, never a traceback unless asked for.

    Exit codes: 0 fine; 1 a check says no; 2 bad input or usage, or an answer that could not be written; 70 a fault of
    augalgebra; 130 interrupted.
    """
    # On a machine that others use too, threads that spin while they wait slow training down several-fold.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    signal.signal(signal.SIGTERM, _interrupted)
    streams.secure()
    code = _call()
    lost = streams.failure()
    if lost is not None:
        code = _tell(lost, f"error: the answer could not be written to standard output: {lost.strerror}", 2)
    streams.close()
    isolation = sys.modules.get("augalgebra.isolation")  # without it no code of a plugin has run
    left = () if isolation is None else isolation.threads_left_behind()
    if left:  # Python would wait for them, perhaps for ever
        sys.stderr.write(f"threads of {', '.join(left)} still run; they are not waited for\n")
        sys.stderr.flush()
        os._exit(code if isinstance(code, int) else int(code is not None))
    gc.freeze()  # Python would look through everything once more before it ends
    sys.exit(code)


def _call() -> int | str | None:
    """Run the command that was named; returns the exit code."""
    try:
        _refuse_empty(sys.argv[1:])
        program()()
    except SystemExit as stop:
        return stop.code
    except AugalgebraError as error:
        return _tell(error, f"error: {options.shorten(str(error))}", 2)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        return 130
    except ModuleNotFoundError as error:
        from augalgebra.catalog import missing_package

        package = missing_package(error)
        needs = f"error: this needs {package}, which is not installed; install it: pip install '{package}'"
        return _tell(error, needs, 2) if package else _confess(error)
    except OSError as error:
        about = _explain(error)
        return _tell(error, f"error: {about}", 2) if about else _confess(error)
    except BaseException as error:  # noqa: BLE001 - the exit code of Python would mean that a check says no
        short = isinstance(error, RuntimeError) and any(words in str(error) for words in OUT_OF_MEMORY)
        if short or isinstance(error, MemoryError):
            return _tell(error, "error: there is not enough memory for this; ask for less at a time", 2)
        return _confess(error)
    return 0


def _refuse_empty(arguments: Sequence[str]) -> None:
    """Refuse an empty argument, which as a path would mean the current folder."""
    if "" in arguments:
        raise AugalgebraError("an argument is empty; is a variable of the shell not set?")


def _tell(error: BaseException, text: str, code: int) -> int:
    """Say what went wrong, after the traceback if that was asked for; returns the exit code."""
    if os.environ.get("AUGALG_DEBUG"):
        traceback.print_exception(error)
    sys.stdout.flush()
    sys.stderr.write(f"{options.printable(text)}\n")
    return code


def _confess(error: BaseException) -> int:
    if isinstance(error, Misread):
        error = error.__cause__ or error
    what = textwrap.shorten(f"{type(error).__name__}: {error}", 300, placeholder=" ...")
    return _tell(
        error,
        f"error: this is a fault of augalgebra, not yours: {what}\n"
        f"'augalg --debug ...' shows where; please report that to its authors, with the command (augalg {__version__})",
        FAULT,
    )


def _explain(error: OSError) -> str:
    """What somebody at the keyboard can do about an error of the operating system; "" if nothing."""
    if error.filename is not None:
        name = textwrap.shorten(os.fsdecode(error.filename), 200, placeholder=" ...")
        return f"{name}: {error.strerror}"
    return f"{error.strerror}" if error.errno in SHORTAGES else ""


def _interrupted(*_: object) -> None:
    """Asked to end, do as after Ctrl-C: keep what is done, and take workers along."""
    if callable(signal.getsignal(signal.SIGINT)):
        signal.raise_signal(signal.SIGINT)  # training puts it off until the end of a step
    else:  # it is ignored, as in the background of a shell
        raise KeyboardInterrupt


if __name__ == "__main__":
    main()
