"""``operators``: what a run has, more of them, and runs of operators on somebody's pretrained autoencoder."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from augalg_cli import grid_runs, options, render
from augalg_cli.commands.runs import Folder, names_in
from augalg_cli.datasets import SkipBroken, load_of
from augalg_cli.progress import fitting_progress, training_progress
from augalgebra import AugalgebraError
from augalgebra.tasks import Workers

if TYPE_CHECKING:
    from augalgebra.operators import Entry, FamilyEntry
    from augalgebra.runs import Extension

app = typer.Typer()

NEEDS_AUGS = "operators to make on a pretrained autoencoder: --space KIND:FOLDER --augs NAMES"
NEEDS_ADD = "operators to add: --add AUGMENTATION"
MAKING = ("kernel", "size", "crops", "seed", "device", "skip_broken", "overwrite", "jobs", "backend", "scheduler")
"""Parameters that have an effect where a run is made."""


@app.command(
    epilog="Examples:  augalg operators runs/flips --add 'rotate(30)'\n\n"
    "augalg operators runs/taef2 --space taesd:models/taef2 --data photographs --augs flip_lr,rotate_cw"
)
def operators(
    context: typer.Context,
    run: Folder,
    add: Annotated[
        list[str] | None,
        typer.Option(
            "--add",
            metavar="AUGMENTATION",
            help="Fit an operator of this one as well, on the frozen encoder, and measure it; repeatable.",
        ),
    ] = None,
    space: Annotated[
        str | None,
        typer.Option(
            "--space",
            metavar="KIND:FOLDER",
            help="A pretrained autoencoder, such as 'taesd:FOLDER' or 'diffusers:FOLDER': make a run of operators on "
            "its codes, with --augs; or where that of this run lies now.",
        ),
    ] = None,
    augs: Annotated[
        str | None, typer.Option("--augs", help="With --space: augmentations to fit, separated by commas.")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="NAME",
            help="With --augs: a folder of photographs of any sizes to fit on. Else where the run's data lie now, if "
            "they have moved.",
        ),
    ] = None,
    fit: Annotated[
        str | None,
        typer.Option(
            "--fit",
            help="Name of the fit; by default the laws decide, and on an autoencoder it is 'kernel+residual', of "
            "'channels', 'kernel', 'kernel+residual' and 'flow'.",
        ),
    ] = None,
    kernel: Annotated[int, typer.Option(min=1, help="With --augs: positions that a kernel sees in a row, odd.")] = 5,
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget",
            metavar="TIME",
            help="Time for the networks of 'kernel+residual' and 'flow', such as 90s, 10m or 1h.",
        ),
    ] = None,
    size: Annotated[int, typer.Option(min=8, help="With --augs: side of the crops to fit on, in pixels.")] = 256,
    crops: Annotated[int, typer.Option(min=1, help="With --augs: crops to fit on.")] = 280,
    images: Annotated[int, typer.Option(min=1, help="Test crops to measure on, on an autoencoder.")] = 24,
    seed: Annotated[int, typer.Option(min=0, help="With --augs: seed of everything drawn at random.")] = 0,
    device: Annotated[str, typer.Option(help="With --augs: 'auto', 'cpu', 'cuda', ...")] = "auto",
    jobs: options.Jobs = 1,
    backend: options.Backend = "loky",
    scheduler: options.Scheduler = None,
    skip_broken: SkipBroken = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="With --augs: replace a run in this folder.")] = False,
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Show the operators of a run: where each comes from and how far to trust it; or add more.

    With --space and --augs, make a run of operators on a pretrained autoencoder:
    one for every element that the augmentations generate, which moves its codes.
    """
    if augs is not None:
        if space is None:
            raise AugalgebraError("--augs makes operators on a pretrained autoencoder: add --space taesd:FOLDER")
        if data is None:
            raise AugalgebraError("operators are fitted on photographs: add --data FOLDER")
        options.refuse_idle(context, "a run that is there: leave --space and --augs out", "add", "data_dir")
        settings = {"fit": fit, "kernel": kernel, "size": size, "crops": crops, "seed": seed}
        _make(
            run,
            space,
            data,
            names_in(augs),
            settings,
            budget=budget,
            images=images,
            device=device,
            skip_broken=skip_broken,
            overwrite=overwrite,
            workers=Workers(jobs, backend, scheduler),
            as_json=as_json,
        )
        return
    options.refuse_idle(context, NEEDS_AUGS, *MAKING)
    if not add:
        options.refuse_idle(context, NEEDS_ADD, "data", "data_dir", "budget", "images")
    if fit is not None and not add:
        raise AugalgebraError("--fit is for the operators that are added: --add AUGMENTATION")
    names = tuple(name for text in add or () for name in names_in(text))
    if grid_runs.is_grid(run):
        options.refuse_idle(context, grid_runs.NEEDS_TRAINED, "data_dir")
        _grid_operators(run, names, space=space, moved=data, fit=fit, budget=budget, images=images, as_json=as_json)
        return
    options.refuse_idle(context, grid_runs.NEEDS_GRID, "space", "budget", "images")
    _trained_operators(run, names, fit=fit, moved=data, data_dir=data_dir, as_json=as_json)


def _make(
    run: Path,
    space: str,
    data: str,
    names: tuple[str, ...],
    settings: Mapping[str, object],
    *,
    budget: str | None,
    images: int,
    device: str,
    skip_broken: bool,
    overwrite: bool,
    workers: Workers,
    as_json: bool,
) -> None:
    from augalgebra.runs import make_grid_run
    from augalgebra.training import GridSettings

    seconds = options.seconds_of(budget)
    given = {name: value for name, value in {**settings, "seconds": seconds}.items() if value is not None}
    chosen = GridSettings(**given)  # type: ignore[arg-type]  # it looks at them itself
    with fitting_progress(quiet=as_json) as (progress, cases):
        made = make_grid_run(
            run,
            space,
            data,
            names,
            chosen,
            options.catalog(),
            device=device,
            overwrite=overwrite,
            skip_broken=skip_broken,
            workers=workers,
            progress=progress,
            cases=cases,
        )
    for remark in made.photographs().remarks:
        render.note(remark)
    if not as_json:
        grid_runs.show_operators(made)
    grid_runs.check_grid(made, max_length=1, images=images, workers=workers, bar=None, as_json=as_json)
    if not as_json:
        render.line(f"The run is in {run}")


def _grid_operators(
    run: Path,
    names: tuple[str, ...],
    *,
    space: str | None,
    moved: str | None,
    fit: str | None,
    budget: str | None,
    images: int,
    as_json: bool,
) -> None:
    from augalgebra.runs import GridRun

    if not names:
        loaded = GridRun.load(run, options.catalog(), accept_stale=True)
        if as_json:
            render.emit_json(grid_runs.operators_data(loaded))
        else:
            grid_runs.show_operators(loaded)
        return
    with GridRun.open(run, options.catalog(), accept_stale=True) as loaded:
        grid_runs.settle(loaded, space=space, moved=moved)
        seconds = options.seconds_of(budget)
        with fitting_progress(quiet=as_json) as (progress, cases):
            added = loaded.add_operators(names, fit=fit, seconds=seconds, images=images, progress=progress, cases=cases)
    if as_json:
        render.emit_json(grid_runs.operators_data(loaded, added))
        return
    grid_runs.show_operators(loaded)
    grid_runs.show_added(run, added)


def _trained_operators(
    run: Path,
    names: tuple[str, ...],
    *,
    fit: str | None,
    moved: str | None,
    data_dir: str | None,
    as_json: bool,
) -> None:
    from augalgebra.runs import Run

    catalog = options.catalog()
    added: tuple[Extension, ...] = ()
    if names:
        with Run.open(run, catalog, accept_stale=True) as loaded:
            data = load_of(loaded, data_dir, moved, quiet=as_json)
            with training_progress(quiet=as_json) as progress:
                added = loaded.add_operators(names, fit=fit, data=data, progress=progress)
    else:
        loaded = Run.load(run, catalog, accept_stale=True)
    table = loaded.registry
    entries: list[Entry | FamilyEntry] = [*table.entries.values(), *table.families.values()]
    if as_json:
        render.emit_json(
            {
                "operators": [
                    item.provenance.to_dict() | {"r2": item.provenance.r2, "stale": list(table.staleness(item))}
                    for item in entries
                ],
                "added": added,
            }
        )
        return
    rows = [
        (
            catalog.shorten(item.word),
            item.fit,
            f"{item.plugin} {item.version}".strip(),
            render.number(item.r2),
            item.rank,
            render.number(item.condition),
        )
        for item in (entry.provenance for entry in entries)
    ]
    render.table(["operator", "fit", "plugin", "R²", "rank", "condition"], rows, right=[3, 4, 5])
    for entry in entries:
        for reason in table.staleness(entry):
            render.line(f"stale: {catalog.shorten(entry.provenance.word)}: {reason}")
    if added:
        from augalg_cli.latent_registration import show_operators

        show_operators(run, added)
