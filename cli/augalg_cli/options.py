"""Options that several commands share, and the catalog they work on."""

import functools
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from augalg_cli import render
from augalgebra import AugalgebraError
from augalgebra.errors import UnknownNameError

if TYPE_CHECKING:
    from augalgebra import Catalog, PluginInfo

Json = Annotated[bool, typer.Option("--json", help="Write the whole answer as JSON, and nothing else.")]

DataDir = Annotated[
    str | None,  # of which Typer need not make anything, where the variable is set and no data are wanted
    typer.Option("--data-dir", metavar="<path>", help="Where data sets lie.", envvar="AUGALG_DATA", show_envvar=True),
]
Likelihood = Annotated[
    Literal["bernoulli", "gaussian"] | None,
    typer.Option(
        help="'bernoulli' (cross-entropy, as published) or 'gaussian' (squared error); by default 'gaussian' where "
        "the pictures are far from black and white."
    ),
]
Model = Annotated[
    Path | None,
    typer.Option("--model", metavar="RUN", help="Measure in the latent space of this trained run as well."),
]
Jobs = Annotated[int, typer.Option(min=0, help="Pieces of work at a time on this machine; 0: as many as it has cores.")]
Backend = Annotated[
    Literal["loky", "threading", "dask", "ray"],
    typer.Option(help="Processes or threads of this machine, or a cluster."),
]
Scheduler = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="The cluster's scheduler, such as tcp://10.0.0.1:8786.")
]
Images = Annotated[int, typer.Option("--images", min=1, help="Test images to measure on, with --model.")]


@functools.cache
def catalog() -> "Catalog":
    """The catalog of installed plugins, plugin folders and ``augalg.toml``, loaded when first needed."""
    from augalgebra import load_catalog

    loaded = load_catalog()
    for info in loaded.plugins:
        if info.changed:
            render.note(f"{info.name} has changed since it was registered ({info.changed}); register it again")
        elif info.registered and info.status == "failed":
            render.note(f"{info.name} is registered but did not load: {info.reason}")
    return loaded


BUDGET = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>[smh]?)")
SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}

NEEDS_RUN = "a trained run: add --model RUN"

LARGEST = 2048
"""Most pixels of a side of the images that laws and words are tried on."""


def printable(text: str) -> str:
    """A message in which names can neither move the cursor nor colour what follows."""
    return "".join(letter if letter.isprintable() or letter == "\n" else repr(letter)[1:-1] for letter in text)


def shorten(text: str) -> str:
    """A message with full names shortened, if the catalog was needed at all."""
    return catalog().shorten(text) if catalog.cache_info().currsize else text


MOST_PICTURES = 1000
"""Most pictures in one file: as many as fit into memory, and into what programs open of one."""


def check_pictures(count: int) -> None:
    """Refuse more pictures than one file may hold, before they are drawn.

    Raises:
        AugalgebraError: There are more.
    """
    if count > MOST_PICTURES:
        raise AugalgebraError(f"{count} pictures are too many for one file; ask for at most {MOST_PICTURES}")


def png(path: Path | None) -> Path | None:
    """Refuse a file for a picture whose name does not end in .png, before anything is done for it."""
    if path is not None:
        from augalgebra.storage import check_ending

        check_ending(path, ".png")
    return path


def finite(value: float | None) -> float | None:
    """Refuse what is a number for Python and none for people, ``nan`` and ``inf``, in an option."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is no finite number")
    return value


def seconds_of(text: str | None) -> float | None:
    """The seconds that ``--budget`` says.

    Raises:
        AugalgebraError: It is no time.
    """
    if text is None:
        return None
    match = BUDGET.fullmatch(text.strip())
    if match is None or not float(match["number"]):
        raise AugalgebraError(f"{text!r} is no time; write for example 90s, 10m or 1h")
    return float(match["number"]) * SECONDS[match["unit"]]


def is_typed(context: typer.Context, name: str) -> bool:
    """Whether somebody typed the option of a parameter; what an environment variable says does not count."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def refuse_idle(context: typer.Context, needs: str, *names: str) -> None:
    """Refuse options that somebody typed and that have no effect.

    Args:
        context: How the command was called. What an environment variable says is left alone.
        needs: What they need to have one, and how to give it.
        names: The parameters.

    Raises:
        AugalgebraError: One was typed.
    """
    for parameter in context.command.params:
        if parameter.name in names and is_typed(context, parameter.name):
            raise AugalgebraError(f"{parameter.opts[0]} has no effect without {needs}")


def refuse_one_file(**outputs: Path | None) -> None:
    """Refuse one file for two outputs, the later of which would be all that is left.

    Args:
        outputs: The files, by the names of their options without dashes.

    Raises:
        AugalgebraError: Two are the same.
    """
    seen: dict[Path, str] = {}
    for name, path in outputs.items():
        if path is not None and (first := seen.setdefault(path.resolve(), name)) != name:
            raise AugalgebraError(f"--{first} and --{name} are one file, {path}; give each a file of its own")


def plugin_info(known: "Catalog", name: str) -> "PluginInfo":
    """What became of a plugin.

    Raises:
        UnknownNameError: There is none of this name.
    """
    for info in known.plugins:
        if info.name == name:
            return info
    names = [info.name for info in known.plugins]
    raise UnknownNameError("plugin", name, names, "('augalg plugins list' shows all)")


def complete_name(incomplete: str) -> list[str]:
    """Names for shell completion of an augmentation, or of the last augmentation of a word."""
    head, star, last = incomplete.rpartition("*")
    prefix = head + star + (" " if star else "")
    known = catalog()
    names = {known.short_name(name) for name in known.augmentations}
    return sorted(prefix + name for name in names if name.startswith(last.strip()))


Word = Annotated[
    str,
    typer.Argument(
        metavar="WORD",
        help="Augmentations in order of application, e.g. 'flip_lr * rotate_cw^2 * shear_x(-45)^-1'.",
        autocompletion=complete_name,
    ),
]

Generators = Annotated[
    list[str],
    typer.Argument(metavar="NAME...", help="Generators: augmentations or words.", autocompletion=complete_name),
]
