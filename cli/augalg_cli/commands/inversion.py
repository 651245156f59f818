"""``augalg invert`` and ``augalg matrix``: what can be undone, and what commutes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from augalg_cli import options, render
from augalg_cli.datasets import SkipBroken, load
from augalg_cli.progress import case_progress
from augalgebra import AugalgebraError, Catalog
from augalgebra.algebra import holding_for
from augalgebra.catalog import examples_of

if TYPE_CHECKING:
    from augalgebra.checks import Inversion, Matrix, Probe

app = typer.Typer()

Size = Annotated[int, typer.Option(min=8, max=options.LARGEST, help="Height and width of the probe images.")]

VERDICTS = {"right": "one-sided (right)", "left": "one-sided (left)"}
WIDEST_GRID = 24
"""Most augmentations whose pairs are drawn on a terminal; a larger table is for a file."""
MOST_RELATIONS = 40
"""Most relations that are listed; ``--json`` gives all."""
_SIZE = 32


@app.command(epilog="Examples:  augalg invert 'flip_lr * rotate(30) * posterize(4)'   augalg invert policy.json")
def invert(
    pipeline: Annotated[
        str,
        typer.Argument(
            metavar="PIPELINE",
            help="A word, a pipeline that albumentations saved (.json, .yaml), what its ReplayCompose recorded of a "
            "picture (.json), or one as it is written in Python, with a seed for what is drawn: "
            "'albumentations:Compose([Transpose(p=1), D4(p=1)], seed=3)'.",
            autocompletion=options.complete_name,
        ),
    ],
    one_sided: Annotated[
        bool, typer.Option("--one-sided", help="Be content with a right inverse: it restores every image.")
    ] = False,
    approximate: Annotated[
        bool, typer.Option("--approximate", help="Be content with an inverse that restores images nearly.")
    ] = False,
    geometry: Annotated[
        bool, typer.Option("--geometry", help="Look at the steps that move pixels alone, as masks and logits need it.")
    ] = False,
    size: Size = 28,
    as_json: options.Json = False,
) -> None:
    """Say whether a pipeline can be undone, step by step; exit code 1 if it cannot exactly.

    A step can be undone exactly, on one side only (a right inverse comes after it and restores every image, as crop
    does after pad; a left one would have to come before it), lossily or not at all. Laws decide; where they are silent,
    inverses are tried on images of several sizes, and images with one result are looked for. What holds for square
    pictures only, or for such with a dark border, says so. A step that is left to chance is refused.
    """
    catalog = options.catalog()
    from augalgebra.checks import invert_pipeline

    found = invert_pipeline(catalog, pipeline, size=size)
    if geometry:
        found = found.geometry()
    accepted = {"exact", *(["right"] if one_sided else []), *(["lossy"] if approximate else [])}
    if as_json:
        render.emit_json({"pipeline": pipeline, **found.to_dict()})
    else:
        items = [*found.steps, *([found.whole] if len(found.steps) != 1 else [])]
        numbers = [number + 1 for number in found.numbers] or list(range(1, len(items) + 1))
        named = list(zip([*numbers, "whole"], items, strict=False))
        rows = [_row(catalog, number, item, found.whole) for number, item in named]
        render.table(["", "step", "can be undone", "by", "says who"], rows, right=[0])
        for number, item in named:
            if item.verdict != "exact" or item.conditions:
                place = "whole" if item is found.whole and len(items) > 1 else number
                render.line(f"{place}: {catalog.shorten(item.reason)}")
    if found.whole.verdict not in accepted:
        raise typer.Exit(1)


@app.command(
    epilog="Examples:  augalg matrix flip_lr rotate_cw invert   augalg matrix --albumentations --out matrix.md   "
    "augalg matrix 'do_light(30)' 'do_shadow_length(4)' --data pendulum"
)
def matrix(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...",
            help="Augmentations or words; all that are registered if none are named.",
            autocompletion=options.complete_name,
        ),
    ] = None,
    examples: Annotated[
        list[str] | None,
        typer.Option(
            "--examples", metavar="PLUGIN", help="The examples that a plugin gives, as well; may be repeated."
        ),
    ] = None,
    albumentations: Annotated[
        bool, typer.Option("--albumentations", help="The same as --examples albumentations.")
    ] = False,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Compare on test pictures of a data set, such as 'pendulum' or a folder, and not on probe images.",
        ),
    ] = None,
    data_dir: options.DataDir = None,
    skip_broken: SkipBroken = False,
    size: Annotated[
        int | None,
        typer.Option(
            min=8,
            max=options.LARGEST,
            help="Height and width of the probe images, 32 if none is given; or squares to bring a folder's pictures "
            "to.",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="A page of Markdown to write.")] = None,
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="A table of all findings to write.")] = None,
    as_json: options.Json = False,
) -> None:
    """Compare augmentations: which are invertible, involutory, idempotent, which pairs commute; laws against images.

    What is gone after another one is told too. Interventions and the like are compared on pictures that they are for.

    Exit code 1 if laws and images disagree. Families are taken at one fixed value of their parameters.
    """
    for option, path in (("--out", out), ("--csv", csv)):
        if path is not None and path.is_dir():
            raise AugalgebraError(f"{option} {path} is a folder; name a file in it")
    options.refuse_one_file(out=out, csv=csv)
    catalog = options.catalog()
    plugins = [*(["albumentations"] if albumentations else []), *(examples or [])]
    chosen = [*(names or []), *(word for plugin in plugins for word in examples_of(catalog, plugin))]
    from augalgebra.checks import as_csv, as_markdown, measure_matrix
    from augalgebra.storage import write_atomically

    probes = None if data is None else [_pictures(data, data_dir, size, quiet=as_json, skip_broken=skip_broken)]
    with case_progress("products on images", quiet=as_json) as progress:
        found = measure_matrix(catalog, chosen or None, probes=probes, size=size or _SIZE, on_progress=progress)
    if not found.rows and names:
        raise AugalgebraError(f"nothing could be measured: {'; '.join(': '.join(item) for item in found.left_out)}")
    if out is not None:
        title = f"Which of {len(found.rows)} augmentations can be undone, and which commute"
        write_atomically(out, as_markdown(found, title, _command(names, plugins, data, size, out)))
    if csv is not None:
        write_atomically(csv, as_csv(found))
    if as_json:
        files = {"markdown": None if out is None else str(out), "csv": None if csv is None else str(csv)}
        render.emit_json(found.to_dict() | files)
    else:
        _show(found)
        for path in filter(None, (out, csv)):
            render.line(f"written to {path}")
    if found.mismatches:
        raise typer.Exit(1)


def _pictures(data: str, data_dir: str | Path | None, size: int | None, *, quiet: bool, skip_broken: bool) -> "Probe":
    """Some pictures of the test part of a data set, evenly spread."""
    import torch

    from augalgebra.checks import MOST_PICTURES, Probe

    test = load(data, data_dir, quiet=quiet, size=size, skip_broken=skip_broken).test
    images, _ = test.batch(torch.linspace(0, len(test) - 1, min(len(test), MOST_PICTURES)).long())
    return Probe(data, images)


def _row(catalog: Catalog, number: object, item: "Inversion", whole: "Inversion") -> tuple[object, ...]:
    inverse = "-" if item.inverse is None else catalog.display(item.inverse)
    name = "the whole" if item is whole and item.name == "the pipeline" else item.name
    verdict = f"{VERDICTS.get(item.verdict, item.verdict)}{holding_for(item.conditions)}"
    return ("" if name == "the whole" else number, name, verdict, inverse, item.basis)


def _show(found: "Matrix") -> None:
    from augalgebra.checks import LEGEND, grid

    rows = [
        (
            number,
            found.shown(row.name),
            row.invertible.text,
            found.shown(row.inverse) or "-",
            row.involutory.text,
            row.idempotent.text,
        )
        for number, row in enumerate(found.rows, start=1)
    ]
    headings = ["", "augmentation", "invertible", "undone by", "involutory", "idempotent"]
    render.table(headings, rows, right=[0])
    symbols = {pair.symbol for pair in found.pairs.values()}
    if 1 < len(found.rows) <= WIDEST_GRID:
        render.line("which pairs commute:")
        for line in grid(found):
            render.line(line)
    for symbol, meaning in LEGEND:
        count = sum(pair.symbol == symbol for pair in found.pairs.values())
        if symbol in symbols:
            render.line(f"  {symbol}  {count:>4} pairs: {meaning}")
    if found.pictures:
        render.note(f"compared on {found.pictures}")
    render.write_bullets("what is overwritten", [*map(found.shown, found.overwritings())], MOST_RELATIONS)
    if len(found.rows) > WIDEST_GRID:
        render.note("the table of all pairs is wide; --out FILE.md writes it")
    for name, reason in found.left_out:
        render.line(f"left out: {name}: {reason}")
    for line in found.mismatches:
        render.line(f"mismatch: {line}")


def _command(names: list[str] | None, plugins: list[str], data: str | None, size: int | None, out: Path) -> str:
    import shlex

    arguments = ["augalg", "matrix", *(names or [])]
    for plugin in plugins:
        arguments += ["--albumentations"] if plugin == "albumentations" else ["--examples", plugin]
    if data is not None:
        arguments += ["--data", data]
    if size not in (None, _SIZE):
        arguments += ["--size", str(size)]
    return shlex.join([*arguments, "--out", str(out)])
