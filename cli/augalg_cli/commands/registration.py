"""``augalg register`` and ``augalg unregister``: what a workspace has besides the installed plugins."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from augalg_cli import grid_runs, options, render
from augalg_cli.commands.laws import show_laws
from augalg_cli.commands.runs import Budget, Epochs
from augalg_cli.datasets import load_of
from augalg_cli.latent_registration import check_options, show_registration
from augalg_cli.progress import training_progress
from augalgebra import AugalgebraError
from augalgebra.case_progress import unseen

if TYPE_CHECKING:
    from augalgebra.admission import Admission
    from augalgebra.case_progress import CaseProgress

app = typer.Typer()

_MOST_SHOWN = 25

Target = Annotated[
    str,
    typer.Argument(
        metavar="TARGET",
        help="An installed distribution, plugin or module; a Python file or folder; a transform such as "
        "'albumentations:Solarize(threshold_range=(0.5, 0.5))'; or a pipeline that albumentations wrote to a file.",
    ),
]


@app.command(epilog="Example:  augalg register albumentations:HorizontalFlip --accept-proposed")
def register(
    context: typer.Context,
    target: Target,
    name: Annotated[
        str | None,
        typer.Option("--name", help="Name of a transform; by default that of its class, as in 'horizontal_flip'."),
    ] = None,
    accept_proposed: Annotated[
        bool, typer.Option("--accept-proposed", help="Reason with every law that is proposed from now on.")
    ] = False,
    accept: Annotated[
        list[str] | None, typer.Option("--accept", metavar="LAW", help="The same for one proposed law; repeatable.")
    ] = None,
    allow_violated: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-violated",
            metavar="LAW",
            help="Register in spite of this violated law (or kind of law, such as 'commutes'), which is then never "
            "used; repeatable.",
        ),
    ] = None,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model",
            metavar="RUN",
            help="Fit its operator in this trained run as well, on the frozen encoder, and measure it.",
        ),
    ] = None,
    fit: Annotated[
        str | None, typer.Option("--fit", help="With --model: name of the fit; by default the laws decide.")
    ] = None,
    moved: Annotated[
        str | None,
        typer.Option("--data", metavar="NAME", help="With --model: where its data set lies now, if it has moved."),
    ] = None,
    space: grid_runs.Space = None,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", help="With --model: where data sets lie.", envvar="AUGALG_DATA", show_envvar=True),
    ] = None,
    transfer: Annotated[
        bool,
        typer.Option(
            "--transfer",
            help="With --model: train a head that draws it as well (stage 3), and report before and after.",
        ),
    ] = False,
    beside: Annotated[
        str | None,
        typer.Option(
            "--with",
            metavar="OTHER",
            help="With --transfer: make a pair with this augmentation, which reuses the trained operators that suit "
            "it best (the mode 'relabel').",
        ),
    ] = None,
    epochs: Epochs = None,
    budget: Budget = None,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed of the images and parameter values that laws are tried at.")
    ] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Report everything and record nothing.")] = False,
    as_json: options.Json = False,
) -> None:
    """Admit a plugin or transform to this workspace: linted, its laws checked, further laws proposed.

    It is recorded in augalg.toml, and every later command in this folder has it.

    A violated law or a broken promise refuses it with exit code 1; the workspace is then as it was.
    """
    if model is None:
        options.refuse_idle(context, options.NEEDS_RUN, "fit", "moved", "space", "data_dir")
    check_options(model, transfer=transfer, beside=beside, epochs=epochs, budget=budget)
    if model is not None and grid_runs.is_grid(model):
        options.refuse_idle(context, grid_runs.NEEDS_TRAINED, "transfer", "beside", "epochs", "budget", "data_dir")
    elif model is not None:
        options.refuse_idle(context, grid_runs.NEEDS_GRID, "space")
    change = latent = on_grid = None
    with ExitStack() as held:
        with _status(quiet=as_json) as progress:
            from augalgebra.admission import examine

            admission = examine(
                target,
                name=name,
                accept=accept or (),
                accept_proposed=accept_proposed,
                allow_violated=allow_violated or (),
                seed=seed,
                progress=progress,
            )
            admitted = not admission.refusals
            if model is not None and admitted:
                from augalgebra.runs import (
                    CausalRun,
                    GridRun,
                    change_run,
                    open_run,
                    register_grid_operators,
                    register_head,
                    register_operators,
                )

                fitting = f"fitting operators in {model}"
                progress(0, 1, fitting)
                if dry_run:
                    opened = open_run(model, admission.catalog, accept_stale=True)
                    if isinstance(opened, CausalRun):
                        raise AugalgebraError(f"{model} is a causal model, which has no operators of augmentations")
                    run = opened
                else:
                    run = held.enter_context(change_run(model, admission.catalog, accept_stale=True))
                    change = held.enter_context(run.transaction())
                    change.record(admission)
                if isinstance(run, GridRun):
                    grid_runs.settle(run, space=space, moved=moved)
                    on_grid = register_grid_operators(run, admission, fit=fit, images=grid_runs.CROPS, cases=progress)
                else:
                    trained, data = run, load_of(run, data_dir, moved, quiet=as_json)
                    latent = register_operators(
                        run,
                        admission,
                        fit=fit,
                        beside=beside,
                        data=data,
                        progress=lambda report: progress(round(100 * report.fraction), 100, fitting),
                    )
        if latent is not None and transfer:
            with training_progress(quiet=as_json) as bars:
                latent = register_head(
                    trained,
                    latent,
                    beside=beside,
                    epochs=epochs,
                    seconds=options.seconds_of(budget),
                    data=data,
                    progress=bars,
                )
    changed = change.changed if change is not None else admitted and not dry_run and admission.record(Path.cwd())
    if as_json:
        outcome = {"registered": admitted and not dry_run, "changed": changed, "dry_run": dry_run}
        found = latent or on_grid
        in_run = {} if found is None else {"latent": found.to_dict()}
        render.emit_json(admission.to_dict() | in_run | outcome)
    else:
        _show(admission)
        if latent is not None:
            show_registration(latent)
        if on_grid is not None:
            grid_runs.show_registration(on_grid)
        _conclude(admission, changed=changed, dry_run=dry_run)
    if not admitted:
        raise typer.Exit(1)


@app.command(epilog="Example:  augalg unregister horizontal_flip")
def unregister(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="Name of what was registered, or of a plugin or augmentation of it.",
            autocompletion=lambda incomplete: _registered_names(incomplete),
        ),
    ],
    model: Annotated[
        Path | None,
        typer.Option("--model", metavar="RUN", help="Take its operators and heads out of this trained run as well."),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Take something out of this workspace again; files and installed distributions stay where they are."""
    from augalgebra.catalog import WORKSPACE_FILE, erase, find_registration, read_workspace, registrations

    file = Path.cwd() / WORKSPACE_FILE
    item = find_registration(registrations(file, read_workspace(file)), name)
    latent: dict[str, list[str]] = {}
    if model is None:
        erase(file, item.name)
    else:
        from augalgebra.runs import GridRun, change_run, withdraw, withdraw_from_grid

        names = {known.name for known in item.augmentations}
        with change_run(model, options.catalog(), accept_stale=True) as run, run.transaction() as change:
            operators, heads = (
                (withdraw_from_grid(run, names), ()) if isinstance(run, GridRun) else withdraw(run, names)
            )
            change.erase(item.name)
        latent = {"operators": list(operators), "heads": list(heads)}
    if as_json:
        render.emit_json({"unregistered": item.to_dict()} | latent)
        return
    render.line(f"unregistered {item.name} ({item.target})")
    for what, found in latent.items():
        render.line(f"{what} taken out of {model}: {', '.join(found) or 'none'}")
    if item.kind == "installed":
        render.note(
            f"it is installed, and so is loaded all the same; disable = ['{item.name}'] under [plugins] stops that"
        )


def _registered_names(incomplete: str) -> list[str]:
    from augalgebra import Settings

    return [item.name for item in Settings.read().registered if item.name.startswith(incomplete)]


@contextmanager
def _status(*, quiet: bool) -> "Iterator[CaseProgress]":
    """A line on standard error that says what is being done, where somebody is looking."""
    from rich.console import Console

    console = Console(stderr=True, markup=False, highlight=False)
    if quiet or not console.is_terminal:
        yield unseen
        return
    with console.status("starting") as status:
        yield lambda _done, _total, what="", /: status.update(what)


def _show(admission: "Admission") -> None:
    item, catalog = admission.registration, admission.catalog
    source = f"{item.distribution} {item.version}".strip() if item.distribution else ""
    names = [catalog.augmentations[full] for info in catalog.plugins if info.name in item.plugins
             for full in info.augmentations]  # fmt: skip
    kept = sum(result.verdict == "passed" for result in admission.promises)
    render.fields(
        [
            ("name", item.name),
            ("target", item.target),
            ("from", source or None),
            ("augmentations", ", ".join(augmentation.signature for augmentation in names) or "none"),
            ("promises", f"{kept} of {len(admission.promises)} kept" if admission.promises else None),
        ]
    )
    for finding in admission.findings:
        render.line(f"{finding.severity} {finding.code}: {finding.subject}: {finding.message}")
        if finding.hint:
            render.line(f"  {finding.hint}")
    if admission.laws.results:
        render.line()
        render.line("Declared laws")
        show_laws(admission.laws, failures_only=False)
    if admission.refusals:
        return
    render.line()
    if not admission.proposals:
        render.line("No further laws were found to hold")
        return
    render.line("Laws that hold but are not declared")
    rows = [
        (
            proposal.equation,
            render.number(proposal.error, 2),
            render.number(proposal.moved, 2),
            proposal.n,
            "accepted" if proposal in admission.accepted else "proposed",
        )
        for proposal in admission.proposals
    ]
    render.table(["law", "error", "moved", "n", ""], rows, right=[1, 2, 3])


def _conclude(admission: "Admission", *, changed: bool, dry_run: bool) -> None:
    item = admission.registration
    for note in admission.notes:
        render.note(note)
    for refusal in admission.refusals:
        render.line(f"refused: {refusal}")
    if admission.refusals:
        render.line(f"{item.name} is not registered; the workspace is as it was")
        return
    if item.violated:
        render.line(f"admitted as violated, and never used: {'; '.join(map(admission.catalog.shorten, item.violated))}")
    waiting = len(admission.proposals) - len(admission.accepted)
    if dry_run:
        render.line(f"{item.name} could be registered; nothing was recorded")
    else:
        render.line(
            f"registered {item.name} in augalg.toml" if changed else f"{item.name} is registered just so already"
        )
    if waiting:
        render.note("'--accept-proposed', or '--accept LAW' for one, makes proposed laws laws that are reasoned with")
