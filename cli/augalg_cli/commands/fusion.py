"""``augalg fuse``: a pipeline reduced by its algebra."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from augalg_cli import grounds, options, render
from augalgebra import AugalgebraError
from augalgebra.catalog import export_pipeline

if TYPE_CHECKING:
    from augalgebra.pipelines import Pipeline

_LONGEST = 60
"""Letters of a step that is still written as a word."""

app = typer.Typer()


@app.command(
    epilog="Examples:  augalg fuse 'rotate(30) * flip_lr * rotate(-10)'   augalg fuse policy.json --out less.json"
)
def fuse(
    pipeline: Annotated[
        str,
        typer.Argument(
            metavar="PIPELINE",
            help="A word, or a pipeline as 'augalg invert' reads it.",
            autocompletion=options.complete_name,
        ),
    ],
    size: Annotated[
        str, typer.Option(metavar="PIXELS", help="Height and width of the images, such as 256 or 480x640.")
    ] = "256",
    channels: Annotated[int, typer.Option(metavar="[1|3]", help="Channels of the images.")] = 3,
    exact: Annotated[
        bool, typer.Option("--exact", help="Leave interpolations as they are: equal up to rounding.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="A file.json to write the reduced pipeline to, for albumentations."),
    ] = None,
    assume: grounds.Assume = None,
    as_json: options.Json = False,
) -> None:
    """Reduce a pipeline by its algebra, and say what was done and why; exit code 1 if there is nothing to reduce.

    Laws that hold exactly cancel, merge and exchange steps; every law is tried on images first. Neighbours that move
    pixels by affine maps then become one interpolation, and neighbours that stretch values one map of values, clipping
    included. Random parameters are drawn as before.
    """
    catalog = grounds.load_catalog(assume)
    sides = _sides(size)
    from augalgebra.pipelines import Pipeline
    from augalgebra.storage import write_atomically

    found = Pipeline(pipeline, catalog).fuse(sides, channels=channels, exact=exact)
    if out is not None:
        write_atomically(out, export_pipeline(catalog, found, str(out)))
    if as_json:
        render.emit_json({"pipeline": pipeline, **found.to_dict(), "file": None if out is None else str(out)})
    else:
        shown = _shortener(found.pipeline)
        for change in found.changes:
            who = "" if not change.declared_by else f"; {', '.join(change.declared_by)}"
            checked = f"{who}, {'' if change.checked else 'not '}checked" if who else ""
            scope = "" if change.scope == "exact" else f"; {change.scope}"
            render.line(shown(f"{change.before} = {change.after}"))
            render.line(f"    [{change.reason}{checked}{scope}]")
        rows = [(number, stage.kind, shown(found.display(stage))) for number, stage in enumerate(found.stages, start=1)]
        render.table(["", "stage", "of"], rows, right=[0])
        for law, reason in found.reduction.refused:
            render.note(
                f"not used, because it does not hold on images: {catalog.display(law)}: {catalog.shorten(reason)}"
            )
        if out is not None:
            render.line(f"written to {out}")
    if not found.changes:
        raise typer.Exit(1)


def _shortener(pipeline: "Pipeline") -> Callable[[str], str]:
    """What writes steps with many settings, such as those read from a file, by their name and number."""
    display = pipeline.catalog.display
    brief = {
        text: f"{step.name.partition('(')[0]} (step {number})"
        for number, step in enumerate(pipeline.steps, start=1)
        if len(text := display(step.word)) > _LONGEST
    }

    def shown(text: str) -> str:
        for long, short in brief.items():
            text = text.replace(long, short)
        return text

    return shown


def _sides(text: str) -> tuple[int, int]:
    sides = text.lower().split("x")
    if len(sides) > 2 or not all(side.isdecimal() and 8 <= int(side) <= options.LARGEST for side in sides):
        raise AugalgebraError(
            f"--size is a number of pixels from 8 to {options.LARGEST}, or HEIGHTxWIDTH, not {text!r}"
        )
    return int(sides[0]), int(sides[-1])
