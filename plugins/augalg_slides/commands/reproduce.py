"""``reproduce``: every experiment of the slides, the table of claims, and one report."""

import os
import shlex
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from augalg_slides.commands import options
from augalg_slides.commands.compare import seeds_in
from augalg_slides.commands.options import Size, SkipBroken, time_left
from augalgebra import AugalgebraError, CommandLine

if TYPE_CHECKING:
    from augalg_slides.reproduction.report import Row
    from augalg_slides.reproduction.reproduce import ItemResult, Watch

app = typer.Typer()


@app.command(epilog="Example:  augalg slides reproduce --quick --only recursion,geometry --out runs/two")
def reproduce(
    ctx: typer.Context,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for everything; what is there already is kept.")
    ] = Path("runs/reproduce"),
    quick: Annotated[
        bool,
        typer.Option("--quick", help="On the digits in minutes; without it on MNIST in hours, minutes with a GPU."),
    ] = False,
    data: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Data set, as for 'augalg train'; by default 'mnist', with --quick 'digits'."
        ),
    ] = None,
    data_dir: options.DataDir = None,
    size: Size = None,
    skip_broken: SkipBroken = False,
    seeds: Annotated[
        str | None,
        typer.Option(metavar="NUMBERS", help="Seeds, separated by commas; by default 0,1,2, with --quick 0."),
    ] = None,
    only: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Some experiments only, such as 'recursion,transfer'.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the data of every full training, instead of each one's own.")
    ] = None,
    device: Annotated[str, typer.Option(help="'auto', 'cpu', 'cuda', ...")] = "auto",
    jobs: Annotated[
        int, typer.Option(min=0, help="Trainings of the transfer table at a time; 0: as many as there are cores.")
    ] = 0,
    as_json: options.Json = False,
) -> None:
    """Make every experiment of the slides: a table of claims, figures, and one report to look at.

    Run again, it goes on where it stopped. Exit code 1 if an experiment failed; claims may well not hold.
    """
    cli: CommandLine = ctx.obj
    numbers = None if seeds is None else seeds_in(seeds)
    names = None if only is None else [name.strip() for name in only.split(",") if name.strip()]
    if names == []:
        raise AugalgebraError("--only names no experiment; write for example --only recursion,transfer")
    import torch

    from augalg_slides.reproduction.plan import FULL, QUICK
    from augalg_slides.reproduction.registry import EXPERIMENTS, choose_experiments
    from augalg_slides.reproduction.report import Origin, rows_of, to_dict, write_report
    from augalg_slides.reproduction.reproduce import kept_results
    from augalg_slides.reproduction.reproduce import reproduce as make
    from augalgebra.tasks import Workers
    from augalgebra.training import device_of

    choose_experiments(names)  # what is misspelt is said before anything is downloaded
    plan = QUICK if quick else FULL
    if epochs is not None:
        plan = plan.with_epochs(epochs)
    on = device_of(device)
    name = data or ("digits" if quick else "mnist")
    dataset = cli.load_data(name, data_dir, quiet=as_json, size=size, skip_broken=skip_broken)
    if on.type == "cpu":
        # Batches this small gain little from a second thread, and lose several-fold by it where the machine is shared.
        torch.set_num_threads(1)
    typed = shlex.join(["augalg", *sys.argv[1:]])
    origin = Origin(typed, dataset.name, (len(dataset.train), len(dataset.test)), plan.name, on.type)
    results: list[ItemResult] = []
    catalog = cli.catalog()

    def everything() -> "list[ItemResult]":
        """These results, and those of other experiments that are kept beside them, in their usual order."""
        made = {(result.item.name, result.seeds): result for result in results}
        others = kept_results(out, dataset, catalog, plan=plan, seeds=numbers)
        known = {(result.item.name, result.seeds): result for result in others} | made
        order = [*EXPERIMENTS]
        return sorted(known.values(), key=lambda result: (order.index(result.item.name), result.seeds))

    try:
        with _progress(cli, quiet=as_json) as watch:
            for result in make(
                out,
                dataset,
                catalog,
                plan=plan,
                seeds=numbers,
                only=names,
                device=device,
                workers=Workers(jobs),
                watch=watch,
            ):
                results.append(result)
                _tell(cli, result, quiet=as_json)
    except KeyboardInterrupt:
        if results:
            write_report(everything(), out, origin)
        cli.note(f"what is done is kept in {out}; the same command goes on from there")
        raise
    shown = everything()
    files = write_report(shown, out, origin)
    rows = rows_of(shown)
    if as_json:
        answer = to_dict(shown, rows, origin.sentence(shown))
        cli.emit_json({**answer, "files": {name: str(path) for name, path in files.items()}})
    else:
        _show(cli, rows)
        kept = sum(not result.fresh for result in results)
        if kept:
            cli.note(f"{kept} of {len(results)} results were in {out} already")
        for result in results:
            if result.failure:
                cli.line(f"failed: {result.item.name}: {result.failure}")
        cli.line(f"Look at {files['report.html']}; the table of claims is {files['claims.md']}.")
    if any(result.failure for result in results):
        raise typer.Exit(1)


def _tell(cli: CommandLine, result: "ItemResult", *, quiet: bool) -> None:
    """What is done, notes and failures as they come, on standard error."""
    for note in result.notes:
        cli.note(note)
    if result.failure:
        cli.note(f"{result.item.name} failed and is left out: {cli.catalog().shorten(result.failure)}")
        if os.environ.get("AUGALG_DEBUG"):
            traceback.print_exception(result.error)
    elif result.fresh and not quiet:
        seeds = ", ".join(map(str, result.seeds))
        cli.note(f"{result.item.name}, seed{'s' if len(result.seeds) > 1 else ''} {seeds}: {result.seconds:.0f} s")


def _show(cli: CommandLine, rows: "tuple[Row, ...]") -> None:
    cells = [(row.claim.slide, row.claim.text, row.training, row.verdict, len(row.seeds)) for row in rows]
    cli.table(["slide", "claim", "trained", "verdict", "seeds"], cells, right=[4], title="What the slides say")


@contextmanager
def _progress(cli: CommandLine, *, quiet: bool) -> "Iterator[Watch]":
    """Show experiments done, the time left, and what is being done."""
    with cli.progress(quiet=quiet) as report:
        yield lambda standing, doing: report(standing.done, standing.total, f"{time_left(standing)} {doing}")
