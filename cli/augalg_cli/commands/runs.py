"""``train``, ``transfer``, ``check``: latent spaces and what their operators are worth."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from augalg_cli import grid_runs, options, render
from augalg_cli.composition import SHORT_KINDS, show_composition, show_scores, show_verdicts
from augalg_cli.datasets import Data, Moved, Size, SkipBroken, load, load_of
from augalg_cli.progress import training_progress
from augalgebra import AugalgebraError
from augalgebra.tasks import Workers

if TYPE_CHECKING:
    from augalgebra.consistency import CompositionReport, WordScore
    from augalgebra.data import Dataset
    from augalgebra.runs import Run

app = typer.Typer()

Folder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run.")]
Budget = Annotated[str | None, typer.Option("--budget", metavar="TIME", help="Time to train, such as 90s, 10m or 1h.")]
Epochs = Annotated[int | None, typer.Option("--epochs", min=1, help="Passes over the data.")]
Fit = Annotated[str | None, typer.Option("--fit", help="Name of the fit; by default the laws decide.")]

_MOST_SHOWN = 25
_TRAINED_ONLY = "head", "by_label", "data_dir"


@app.command(epilog="Example:  augalg train runs/flips --data mnist --augs flip_lr,flip_ud --budget 10m")
def train(
    run: Folder,
    data: Data = "digits",
    data_dir: options.DataDir = None,
    size: Size = None,
    skip_broken: SkipBroken = False,
    augs: Annotated[str, typer.Option(help="Augmentations, separated by commas.")] = "flip_lr,flip_ud",
    preset: Annotated[
        Literal["equivariant", "faithful"], typer.Option(help="'faithful' is the published recipe.")
    ] = "equivariant",
    likelihood: options.Likelihood = None,
    dim: Annotated[int, typer.Option(min=0, help="Latent coordinates; 0: what suits the images, 16 for digits.")] = 0,
    width: Annotated[int, typer.Option(min=0, help="Channels of the first convolution; 0: the preset's.")] = 0,
    learning_rate: Annotated[
        float, typer.Option(min=0, callback=options.finite, help="Step size of stage 1; 0: the preset's.")
    ] = 0,
    batch_size: Annotated[int, typer.Option(min=0, help="Images in a step (faithful: views); 0: the preset's.")] = 0,
    kl_weight: Annotated[
        float, typer.Option(min=0, callback=options.finite, help="Weight of the divergence from the prior.")
    ] = 1.0,
    kl_warmup: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Fraction of stage 1 over which that weight rises from 0; else the preset's."),
    ] = None,
    epochs: Epochs = None,
    budget: Budget = None,
    fit: Fit = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything drawn at random.")] = 0,
    device: Annotated[str, typer.Option(help="'auto', 'cpu', 'cuda', ...")] = "auto",
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"], typer.Option(help="'auto': bfloat16 where matrix units make it faster.")
    ] = "auto",
    devices: Annotated[
        int, typer.Option(min=1, help="Train on so many devices; torchrun says it itself, on all machines.")
    ] = 1,
    strategy: Annotated[
        str, typer.Option(metavar="NAME", help="Lightning Fabric's way to train on several, such as 'ddp'.")
    ] = "auto",
    resume: Annotated[
        bool, typer.Option("--resume", help="Take up an interrupted run with the same settings.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a run in this folder.")] = False,
    as_json: options.Json = False,
) -> None:
    """Train a latent space and fit its operators; Ctrl-C keeps what was learned."""
    from augalgebra.runs import check_folder
    from augalgebra.runs import train as train_run
    from augalgebra.training import TrainSettings, Views, is_first_process

    quiet = as_json or not is_first_process()
    settings = TrainSettings(
        data=data,
        augmentations=names_in(augs),
        preset=preset,
        likelihood=likelihood,
        dim=dim,
        width=width,
        learning_rate=learning_rate,
        batch_size=batch_size,
        kl_weight=kl_weight,
        kl_warmup=kl_warmup,
        epochs=epochs,
        seconds=options.seconds_of(budget),
        fit=fit,
        seed=seed,
        device=device,
        precision=precision,
        size=size,
    )
    # before much is read
    check_folder(run, resume=resume, overwrite=overwrite)
    Views.published(options.catalog(), settings.augmentations, longest=1)
    dataset = load(data, data_dir, quiet=quiet, size=size, skip_broken=skip_broken)
    if likelihood is None and is_first_process():
        tell_likelihood(dataset)
    with training_progress(quiet=quiet) as progress:
        trained = train_run(
            run,
            settings,
            options.catalog(),
            data=dataset,
            progress=progress,
            watch=not quiet,
            resume=resume,
            overwrite=overwrite,
            devices=devices,
            strategy=strategy,
        )
    report = _measured(trained, dataset, max_length=2, head=None, images=None)
    _keep(trained, report, dataset)
    if as_json:
        about = {"steps": trained.steps, "ended": trained.ended, "likelihood": trained.settings.likelihood}
        render.emit_json({"run": str(run), **about, **report.to_dict()})
    else:
        render.line(f"{trained.steps} steps, {_ending(trained.ended)}; the run is in {run}")
        show_composition(report, title=f"Operators of {augs} on {report.images} test images of {data}")
    render.exit_if_interrupted(trained.ended)


@app.command(epilog="Example:  augalg transfer runs/flips shear_x,canny --mode relabel")
def transfer(
    run: Folder,
    augs: Annotated[str, typer.Argument(help="New augmentations, separated by commas.")],
    mode: Annotated[
        Literal["extend", "relabel"],
        typer.Option(help="'extend' fits operators of their own; 'relabel' reuses the trained ones, as published."),
    ] = "extend",
    head: Annotated[str | None, typer.Option(help="Name of the new head; by default the augmentations' names.")] = None,
    decoder: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Decoder of a plugin for the new head, such as slides.deep ('augalg plugins trace' lists them); by "
            "default the mirror image of the encoder.",
        ),
    ] = None,
    fit: Fit = None,
    epochs: Epochs = None,
    budget: Budget = None,
    learning_rate: Annotated[
        float, typer.Option(min=0, callback=options.finite, help="Step size of stage 3; 0: the preset's.")
    ] = 0,
    moved: Moved = None,
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Train a head that draws other augmentations; encoder and operators stay as they are (stage 3)."""
    from augalgebra.runs import Run

    with Run.open(run, options.catalog()) as loaded:
        dataset = load_of(loaded, data_dir, moved, quiet=as_json)
        with training_progress(quiet=as_json) as progress:
            added = loaded.transfer(
                names_in(augs),
                mode=mode,
                head=head,
                decoder=decoder,
                fit=fit,
                epochs=epochs,
                seconds=options.seconds_of(budget),
                learning_rate=learning_rate,
                data=dataset,
                progress=progress,
            )
    report = _measured(loaded, dataset, max_length=2, head=added.head, images=None)
    if as_json:
        answer = {"head": added.head, "decoder": decoder, "mode": added.mode, "ended": added.ended}
        render.emit_json(answer | report.to_dict())
    else:
        again = "what it learned is kept; a --head of another name can be trained to the end"
        render.line(f"head {added.head}: {added.steps} steps, {_ending(added.ended, again)}")
        show_composition(report, title=f"Transfer to {augs}, {mode}")
    render.exit_if_interrupted(added.ended)


@app.command(epilog="Example:  augalg check runs/flips --max-length 4 --bar 1.05")
def check(
    context: typer.Context,
    run: Folder,
    max_length: Annotated[int, typer.Option(min=1, max=12, help="Longest word that is measured.")] = 2,
    head: Annotated[str | None, typer.Option(help="Head to draw with; by default the trained one.")] = None,
    bar: Annotated[
        float | None,
        typer.Option(
            min=0,
            callback=options.finite,
            help="Exit with 1 if the worst gap ratio of the words that count is above this, or none counts. On a "
            "pretrained autoencoder: if a word makes a smaller share of the way from the plain move to the floor.",
        ),
    ] = None,
    images: Annotated[int | None, typer.Option(min=1, help="Measure on so many test images only.")] = None,
    by_label: Annotated[bool, typer.Option("--by-label", help="Show the worst label of each word.")] = False,
    jobs: options.Jobs = 1,
    backend: options.Backend = "loky",
    scheduler: options.Scheduler = None,
    space: grid_runs.Space = None,
    moved: Moved = None,
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Measure every word from every view beside entropy, floor and the identity; worst first.

    On a pretrained autoencoder: every element that has an operator, and with
    --max-length longer words, beside the plain move of its codes, the way through
    pixels, floor and identity.
    """
    workers = Workers(jobs, backend, scheduler)
    if grid_runs.is_grid(run):
        found = grid_runs.load_grid(context, run, *_TRAINED_ONLY, space=space, moved=moved)
        length = max_length if options.is_typed(context, "max_length") else 1
        if not grid_runs.check_grid(found, max_length=length, images=images, workers=workers, bar=bar, as_json=as_json):
            raise typer.Exit(1)
        return
    options.refuse_idle(context, grid_runs.NEEDS_GRID, "space")
    loaded = _load(run)
    dataset = load_of(loaded, data_dir, moved, quiet=as_json)
    report = _measured(loaded, dataset, max_length=max_length, head=head, images=images, workers=workers)
    missed = "" if bar is None else report.failing(bar)
    if as_json:
        render.emit_json(report.to_dict() | {"bar": bar, "passed": not missed, "reason": missed})
    else:
        _show_check(report, by_label=by_label)
        if bar is not None:
            render.line(f"bar {bar:g}: {f'missed, {missed}' if missed else 'met'}")
    if missed:
        raise typer.Exit(1)


def tell_likelihood(data: "Dataset") -> None:
    """Say which likelihood the images decide for, and why."""
    from augalgebra.latent import GREYEST, LIKELIHOODS, choose_likelihood, greyness

    kind = choose_likelihood(data.train.images)
    (other,) = LIKELIHOODS.keys() - {kind}
    render.note(
        f"{kind} likelihood, since pixels of {data.name} have {greyness(data.train.images):.2f} bits of grey on "
        f"average (gaussian above {GREYEST:g}); '--likelihood {other}' takes the other"
    )


def names_in(text: str) -> tuple[str, ...]:
    """Split at commas that are not between brackets."""
    from augalgebra.algebra import split_names

    names = split_names(text)
    if not names:
        raise AugalgebraError("name at least one augmentation, such as --augs flip_lr,flip_ud")
    return names


def _load(run: Path) -> "Run":
    from augalgebra.runs import Run

    return Run.load(run, options.catalog())


def _measured(
    run: "Run",
    data: "Dataset",
    *,
    max_length: int,
    head: str | None,
    images: int | None,
    workers: Workers | None = None,
) -> "CompositionReport":
    from augalgebra.runs import measure_run

    return measure_run(run, data=data, max_length=max_length, head=head, images=images, workers=workers)


def _keep(run: "Run", report: "CompositionReport", data: "Dataset") -> None:
    from augalgebra.reports import write_check

    write_check(run, report, data=data)


def _worst_label(score: "WordScore") -> str:
    label = score.worst_label
    return "" if label is None else f"{label} ({score.by_label[label]:.3f})"


def _ending(ended: str, again: str = "'augalg train --resume' goes on") -> str:
    return {"interrupted": f"interrupted; {again}", "limit": "finished"}.get(ended, ended)


def _show_check(report: "CompositionReport", *, by_label: bool) -> None:
    shown = report.worst_first[:_MOST_SHOWN]
    names = ["word", "from", *(["worst label"] if by_label else ["kind"])]
    cells = (
        (score.word, score.view, _worst_label(score) if by_label else SHORT_KINDS.get(score.kind, score.kind))
        for score in shown
    )
    show_scores(shown, names, cells, title=f"{report.images} test images, worst first")
    if len(report.words) > _MOST_SHOWN:
        render.note(f"{len(report.words) - _MOST_SHOWN} better or silent words are not shown; --json gives all")
    for entry in report.no_inverse:
        render.line(f"from {entry.view} there is no way back: {entry.reason}")
    render.write_bullets(
        "relations", [f"{item.equation}: {item.residual:.2g}" for item in report.relations[:_MOST_SHOWN]], _MOST_SHOWN
    )
    for order in report.orders:
        if order.mistaken:
            render.line(f"{order.first} is drawn more like {order.second} than like itself")
    show_verdicts(report)
    if report.worst is None:
        render.line("no word counts" if report.words else "nothing could be measured")
    elif report.worst_gap_ratio is None:
        render.line("floors are the images' entropy up to rounding, so that there is no gap ratio")
    else:
        render.line(f"worst gap ratio {report.worst_gap_ratio:.4f}")
