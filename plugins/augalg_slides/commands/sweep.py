"""``sweep`` and ``advise``: which pair of augmentations to start from, measured and predicted."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from augalg_slides.commands import options
from augalg_slides.commands.options import Data, Fit, Size, SkipBroken, time_left
from augalgebra import AugalgebraError, CommandLine

if TYPE_CHECKING:
    from augalg_slides.sweeps.advice import Advice
    from augalg_slides.sweeps.results import SweepResult
    from augalg_slides.sweeps.sweep import SweepProgress

app = typer.Typer()

_PAIRS = "'slides' (their four), 'extended' (all seven of their set-up), or such as 'flip_lr,flip_ud; shear_x,canny'."
Preset = Annotated[Literal["equivariant", "faithful"], typer.Option(help="'faithful' is the published recipe.")]
Seeds = Annotated[str, typer.Option(metavar="NUMBERS", help="Seeds, separated by commas.")]


@app.command(
    epilog="Example:  augalg slides sweep runs/sweep --pairs slides --seeds 0,1,2 --epochs 8 --transfer-epochs 4 "
    "--jobs 2"
)
def sweep(
    ctx: typer.Context,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder of the sweep; what is there already is kept.")],
    pairs: Annotated[str, typer.Option(metavar="PAIRS", help=f"Initial pairs: {_PAIRS}")] = "slides",
    targets: Annotated[
        str | None, typer.Option(metavar="PAIRS", help="Pairs to transfer to; by default the initial ones.")
    ] = None,
    seeds: Seeds = "0",
    mode: Annotated[
        Literal["relabel", "extend", "both"],
        typer.Option(help="Stage 3 reuses the trained operators ('relabel'), or fits new ones ('extend')."),
    ] = "both",
    data: Data = "digits",
    data_dir: options.DataDir = None,
    size: Size = None,
    skip_broken: SkipBroken = False,
    preset: Preset = "equivariant",
    likelihood: options.Likelihood = None,
    dim: Annotated[int, typer.Option(min=0, help="Latent coordinates; 0: what suits the images, 16 for digits.")] = 0,
    width: Annotated[int, typer.Option(min=0, help="Channels of the first convolution; 0: the preset's.")] = 0,
    kl_weight: Annotated[float, typer.Option(min=0, help="Weight of the divergence from the prior in stage 1.")] = 1.0,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the data in stage 1.")] = None,
    budget: Annotated[str | None, typer.Option(metavar="TIME", help="Time for each stage 1, such as 90s.")] = None,
    transfer_epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the data for each head.")] = None,
    transfer_budget: Annotated[
        str | None, typer.Option(metavar="TIME", help="Time for each head, such as 30s.")
    ] = None,
    decoder: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Decoder of a plugin for each head, such as slides.deep; see 'transfer'."),
    ] = None,
    transfer_rate: Annotated[float, typer.Option(min=0, help="Step size of each head; 0: the preset's.")] = 0,
    fit: Fit = None,
    device: Annotated[str, typer.Option(help="'auto', 'cpu', 'cuda', ...")] = "auto",
    jobs: Annotated[
        int, typer.Option(min=0, help="Trainings at a time on this machine; 0: as many as it has cores.")
    ] = 1,
    backend: Annotated[
        Literal["loky", "threading", "dask", "ray"],
        typer.Option(help="Processes or threads of this machine, or a cluster."),
    ] = "loky",
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="The cluster's scheduler, such as tcp://10.0.0.1:8786.")
    ] = None,
    threads: Annotated[
        int, typer.Option(min=0, help="Threads of each training; 0: cores over jobs, 1 on a cluster.")
    ] = 0,
    as_json: options.Json = False,
) -> None:
    """Train on every pair, transfer to every pair, and compare; run again, it goes on where it stopped."""
    from augalg_slides.sweeps.pairs import parse_pairs
    from augalg_slides.sweeps.settings import MODES, SweepSettings
    from augalg_slides.sweeps.sweep import run_sweep
    from augalg_slides.sweeps.tables import write_result
    from augalgebra.tasks import Workers

    cli: CommandLine = ctx.obj
    catalog = cli.catalog()
    settings = SweepSettings(
        pairs=parse_pairs(pairs, catalog),
        targets=() if targets is None else parse_pairs(targets, catalog),
        seeds=_numbers(seeds),
        modes=MODES if mode == "both" else (mode,),
        data=data,
        preset=preset,
        likelihood=likelihood,
        dim=dim,
        width=width,
        kl_weight=kl_weight,
        epochs=epochs,
        seconds=cli.seconds_of(budget),
        transfer_epochs=transfer_epochs,
        transfer_seconds=cli.seconds_of(transfer_budget),
        decoder=decoder,
        transfer_rate=transfer_rate,
        fit=fit,
        device=device,
        size=size,
    )
    workers = Workers(jobs, backend, scheduler, threads)
    dataset = cli.load_data(data, data_dir, quiet=as_json, size=size, skip_broken=skip_broken)
    with _progress(cli, quiet=as_json) as progress:
        result = run_sweep(out, settings, catalog, data=dataset, workers=workers, progress=progress)
    files = write_result(result, out)
    for note in result.notes:
        cli.note(note)
    if as_json:
        cli.emit_json({**result.to_dict(), "files": {name: str(path) for name, path in files.items()}})
    else:
        _show_sweep(cli, result)
        cli.line(f"Tables, heat maps and every cell are in {out}")
    if result.missing:
        raise typer.Exit(1)


@app.command(epilog="Example:  augalg slides advise shear_x,canny --from runs/sweep --mode relabel")
def advise(
    ctx: typer.Context,
    target: Annotated[str, typer.Argument(metavar="PAIR", help="The pair to be drawn, such as shear_x,canny.")],
    pairs: Annotated[str | None, typer.Option(metavar="PAIRS", help=f"Candidates to start from: {_PAIRS}")] = None,
    sweep_folder: Annotated[
        Path | None,
        typer.Option("--from", metavar="SWEEP", help="Take candidates from a sweep, and check the advice against it."),
    ] = None,
    mode: Annotated[Literal["relabel", "extend"], typer.Option(help="Mode of stage 3.")] = "relabel",
    data: Annotated[
        str | None, typer.Option(metavar="NAME", help="Data set; by default the sweep's, else 'digits'.")
    ] = None,
    data_dir: options.DataDir = None,
    size: Size = None,
    skip_broken: SkipBroken = False,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the data of each short run.")] = 2,
    images: Annotated[int, typer.Option(min=20, help="Learn from so many images at most in a short run.")] = 1500,
    dim: Annotated[int | None, typer.Option(min=1, help="Latent coordinates; by default the sweep's, else 16.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything drawn at random.")] = 0,
    as_json: options.Json = False,
) -> None:
    """Predict from laws and short runs which initial pair transfers best to a target."""
    from augalg_slides.sweeps.advice import ShortRun, advise_from, advise_pairs
    from augalg_slides.sweeps.pairs import parse_pairs

    cli: CommandLine = ctx.obj
    catalog = cli.catalog()
    goals = parse_pairs(target, catalog)
    if len(goals) != 1:
        raise AugalgebraError(f"name one pair to be drawn, not {len(goals)}")
    if sweep_folder is not None and pairs is not None:
        raise AugalgebraError("--from brings the candidates along; leave out --pairs")
    if sweep_folder is None:
        candidates = parse_pairs(pairs or "extended", catalog)
        short = ShortRun(data or "digits", dim or 16, epochs, images, seed)
        dataset = cli.load_data(short.data, data_dir, quiet=as_json, size=size, skip_broken=skip_broken)
        with _progress(cli, quiet=as_json, unit="candidates") as progress:
            advice = advise_pairs(goals[0], candidates, catalog, short, data=dataset, mode=mode, progress=progress)
    else:
        from augalg_slides.sweeps.store import SweepStore
        from augalg_slides.sweeps.sweep import read_sweep

        settings, _ = SweepStore(sweep_folder).settings()
        short = ShortRun(data or settings.data, dim or settings.dim, epochs, images, seed, settings.preset)
        dataset = cli.load_data(short.data, data_dir, quiet=as_json, size=size or settings.size, skip_broken=True)
        found = read_sweep(sweep_folder, catalog, dataset)
        for told in found.notes:
            cli.note(told)
        with _progress(cli, quiet=as_json, unit="candidates") as progress:
            advice = advise_from(found, goals[0], catalog, short, data=dataset, mode=mode, progress=progress)
    if as_json:
        cli.emit_json(advice.to_dict())
    else:
        _show_advice(cli, advice)


def _show_sweep(cli: CommandLine, result: "SweepResult") -> None:
    from augalg_slides.sweeps.pairs import show_pair
    from augalgebra.consistency import show_loss

    several, digits = len(result.settings.seeds) > 1, result.settings.digits
    for mode in result.settings.modes:
        table = result.table(mode)
        rows = []
        for (train, target), entry in table.items():
            spread = show_loss(entry.total.mean) + (f" ± {entry.total.deviation:.{digits}f}" if several else "")
            floor = sum(item.mean for item in entry.floor.values())
            published = "" if entry.published is None else f"{entry.published:.1f}"
            kind = " (native)" if train == target else ""
            entropy = sum(item.mean for item in entry.entropy.values())
            numbers = show_loss(entropy), show_loss(floor), spread, show_loss(entry.excess.mean), published
            rows.append((show_pair(train), show_pair(target) + kind, *numbers))
        title = f"Totals in {result.settings.unit} per image, {mode}"
        if result.settings.comparable:
            title += "; the slides' figures are of MNIST"
        headings = ["trained on", "drawn", "entropy", "floor", "total", "excess", "slides"]
        cli.table(headings, rows, right=range(2, 7), title=title)
    from augalgebra.documents import HOLDS

    for claim in result.claims:
        cli.line(f"Slides {claim.slide}: {claim.text} {HOLDS[claim.holds]}: {claim.measured}")
    for failure in result.failures:
        cli.line(f"failed: {failure}")


def _show_advice(cli: CommandLine, advice: "Advice") -> None:
    from augalg_slides.sweeps.pairs import show_pair
    from augalgebra.consistency import show_loss

    observed = any(item.observed is not None for item in advice.candidates)
    rows = []
    for number, item in enumerate(advice.candidates, 1):
        measured = [] if not observed else ["" if item.observed is None else show_loss(item.observed)]
        rows.append((number, show_pair(item.pair), f"{item.score:.2f}", *measured, "; ".join(item.reasons)))
    headings = ["", "start from", "rank", *(["sweep"] if observed else []), "because"]
    title = f"Where to start for {show_pair(advice.target)}, {advice.mode}; best first"
    cli.table(headings, rows, right=[0, 2, *([3] if observed else [])], title=title)
    if advice.predictors:
        scores = [
            (item.name, cli.number(item.spearman, 2), cli.number(item.kendall, 2), item.targets)
            for item in advice.predictors
        ]
        cli.table(
            ["predictor", "Spearman", "Kendall", "targets"],
            scores,
            right=[1, 2, 3],
            title="Rank correlation with the sweep, mean over its targets (1 is perfect, 0 is chance)",
        )
        cli.line(advice.verdict)


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise AugalgebraError(f"{text!r} are no seeds; write whole numbers such as 0,1,2") from error


@contextmanager
def _progress(cli: CommandLine, *, quiet: bool, unit: str = "cells") -> "Iterator[SweepProgress]":
    """Show progress; told after an interrupt that the same command goes on."""
    try:
        with cli.progress(unit, quiet=quiet) as report:
            yield lambda standing: report(standing.done, standing.total, f"{unit} {time_left(standing)}")
    except KeyboardInterrupt:
        if unit == "cells":
            cli.note("what is done is kept; the same command goes on from there")
        raise
