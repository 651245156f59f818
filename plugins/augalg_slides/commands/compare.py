"""``compare``: latent spaces of several kinds, side by side."""

import os
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from augalg_slides.commands import options
from augalg_slides.commands.options import Budget, Data, Size, SkipBroken
from augalgebra import AugalgebraError, CommandLine
from augalgebra.algebra import split_names

if TYPE_CHECKING:
    from augalg_slides.reproduction.compare import CachedResult

app = typer.Typer()

Chosen = Literal["all", "cvae", "combined", "involution", "mlp"]

_EPOCHS, _QUICK_EPOCHS = 20, 4


@app.command(epilog="Example:  augalg slides compare runs/compare --experiment cvae --seeds 0,1,2")
def compare(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder for tables and pictures.")],
    experiment: Annotated[
        Chosen,
        typer.Option(
            help="'cvae': conditions beside operators; 'combined': both in one model; 'involution': the involutory "
            "loss; 'mlp': a network in place of a matrix."
        ),
    ] = "all",
    data: Data = "digits",
    data_dir: options.DataDir = None,
    picture_size: Size = None,
    skip_broken: SkipBroken = False,
    augs: Annotated[str, typer.Option(help="Two augmentations, separated by a comma.")] = "flip_lr,flip_ud",
    dim: Annotated[int | None, typer.Option(min=1, help="Latent coordinates of all networks; 16.")] = None,
    width: Annotated[int | None, typer.Option(min=1, help="Channels of the first convolution; 32, quick 8.")] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the data for each network; 20, quick 4.")
    ] = None,
    budget: Budget = None,
    seeds: Annotated[str, typer.Option(help="Seeds, separated by commas.")] = "0",
    quick: Annotated[bool, typer.Option("--quick", help="Small networks, trained for about a minute in all.")] = False,
    device: Annotated[str, typer.Option(help="'auto', 'cpu', 'cuda', ...")] = "auto",
    as_json: options.Json = False,
) -> None:
    """Train latent spaces of several kinds alike and measure them side by side; what DIR holds already is kept.

    DIR holds results of one choice of data and settings; others are refused. Exit code 1 if an experiment failed.

    With --budget, the time is that of each network, of which there are up to eleven for each seed.
    """
    cli: CommandLine = ctx.obj
    numbers = seeds_in(seeds)
    names = split_names(augs)
    seconds = cli.seconds_of(budget)
    from dataclasses import replace

    import torch

    from augalg_slides.baselines.trained_networks import QUICK, BaselineConfig
    from augalg_slides.reproduction.compare import CachedResult, as_document, kept_comparisons, pooled_claims
    from augalg_slides.reproduction.compare import compare as make
    from augalg_slides.reproduction.comparisons import COMPARISONS
    from augalgebra.storage import write_atomically
    from augalgebra.training import Limit

    if len(names) != 2:
        raise AugalgebraError(f"a comparison takes two augmentations, as in --augs flip_lr,flip_ud, not {len(names)}")
    size = replace(QUICK if quick else BaselineConfig(), augmentations=(names[0], names[1]), device=device)
    size = replace(size, dim=dim or size.dim, width=width or size.width)
    if epochs is None and seconds is None:
        epochs = _QUICK_EPOCHS if quick else _EPOCHS
    limit = Limit(epochs, seconds)
    dataset = cli.load_data(data, data_dir, quiet=as_json, size=picture_size, skip_broken=skip_broken)
    chosen = tuple(COMPARISONS) if experiment == "all" else (experiment,)
    if device == "cpu" or not torch.cuda.is_available():
        # Batches this small gain little from a second thread, and lose several-fold by it where the machine is shared.
        torch.set_num_threads(1)
    catalog, results, failures = cli.catalog(), list[CachedResult](), list[str]()
    with cli.training_progress(quiet=as_json) as progress:
        for result in make(
            folder,
            dataset,
            catalog,
            experiments=chosen,
            seeds=numbers,
            budget=limit,
            size=size,
            progress=progress,
        ):
            if isinstance(result, CachedResult):
                results.append(result)
                continue
            failures.append(f"{result.experiment}, seed {result.seed}, failed: {catalog.shorten(result.reason)}")
            cli.note(failures[-1])
            if os.environ.get("AUGALG_DEBUG"):
                traceback.print_exception(result.error)
    if not results:
        raise typer.Exit(1)
    everything = kept_comparisons(folder, dataset, catalog, budget=limit, size=size)
    trained = f"{epochs} epochs" if epochs is not None else f"{seconds:g} s"
    all_seeds = ",".join(map(str, sorted({result.seed for result in everything})))
    about = (
        f"{data}, {augs}; {size.dim} latent dimensions, width {size.width}, {trained} for each network, seeds "
        f"{all_seeds}; measured on {min(size.images, len(dataset.test))} test images."
    )
    document = folder / "compare.md"
    write_atomically(document, as_document(everything, about))
    claims = pooled_claims(results)
    files = [str(document), *(str(result.picture) for result in results)]
    if as_json:
        cli.emit_json(
            {
                "data": data,
                "augmentations": list(names),
                "results": [dict(result.answer) for result in results],
                "failures": failures,
                "claims": claims,
                "files": files,
            }
        )
    else:
        for result in results:
            if result.seed == numbers[0]:
                _show(cli, result)
        for claim in claims:
            cli.line(f"- {claim}")
        reused = sum(not result.fresh for result in results)
        if reused:
            cli.note(f"{reused} of {len(results)} results were in {folder} already")
        cli.line(f"Everything is in {folder}; read {document}")
    if failures:
        raise typer.Exit(1)


def _show(cli: CommandLine, result: "CachedResult") -> None:
    table = result.answer["table"]
    headings = list(table[0])
    rows = [[cell if isinstance(cell, str) else _number(cell) for cell in row.values()] for row in table]
    title = f"{result.experiment}, seed {result.seed}, {result.answer['images']} test images"
    cli.table(headings, rows, right=range(1, len(headings)), title=title)
    cli.line(result.answer["about"])
    cli.line()


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}" if abs(value) < 100 else f"{value:.3g}"


def seeds_in(text: str) -> list[int]:
    """Seeds separated by commas.

    Raises:
        AugalgebraError: They are not whole numbers, or one is named twice.
    """
    try:
        numbers = [int(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise AugalgebraError(f"{text!r} is no list of seeds; write whole numbers, as in 0,1,2") from error
    if not numbers or len(set(numbers)) < len(numbers):
        raise AugalgebraError(f"{text!r} is no list of seeds; name at least one, none twice, as in 0,1,2")
    return numbers
