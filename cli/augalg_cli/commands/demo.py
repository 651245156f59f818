"""``augalg demo``: the whole story on embedded data."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from augalg_cli import options, render
from augalg_cli.composition import show_composition
from augalg_cli.progress import training_progress

if TYPE_CHECKING:
    from augalgebra.demo import DemoResult

app = typer.Typer()


@app.command(epilog="Example:  augalg demo --out runs/demo")
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the picture, the tables and the trained model.")] = Path(
        "runs/demo"
    ),
    seed: Annotated[int, typer.Option(min=0, help="Seed of everything drawn at random.")] = 0,
    quick: Annotated[bool, typer.Option("--quick", help="Train almost nothing, only to see that all works.")] = False,
    as_json: options.Json = False,
) -> None:
    """Run the whole story on embedded digits: laws, three stages, composition, transfer."""
    import torch

    from augalgebra.demo import FULL, QUICK, run_demo

    # Batches this small gain little from a second thread, and lose several-fold by it where the machine is shared.
    torch.set_num_threads(1)
    with training_progress(quiet=as_json) as progress:
        result = run_demo(
            out,
            seed=seed,
            catalog=options.catalog(),
            progress=progress,
            budget=QUICK if quick else FULL,
            announce=(lambda _: None) if as_json else render.note,
        )
    if as_json:
        render.emit_json(result.to_dict())
    else:
        _show(result)
    if result.findings.laws.violated:
        raise typer.Exit(1)


def _show(result: "DemoResult") -> None:
    found = result.findings
    trained = " and ".join(found.trained)
    render.line(f"Laws on images: {found.laws.count('holds')} hold, {found.laws.violated} violated.")
    render.line(
        f"Losses are nats per image, means over {found.exact.short.images} test digits. The entropy is what even a "
        "perfect drawing costs, the excess what lies beyond. The floor encodes and decodes a view directly; the gap "
        "is the excess after moving codes, over the floor's (1 is perfect); 'nothing' is what it would be if nothing "
        "were moved, and 'recipe' what it is with operators by the published recipe. A word is vacuous where doing "
        "nothing is below 1.1, and trivial where the laws reduce it to nothing."
    )
    show_composition(found.exact.short, title=f"1. Trained on {trained}", beside=("recipe", found.published.short))
    render.line(f"Longer words too: {found.exact.worst}")
    render.line(f"{' ' * 18}{found.published.worst}")
    titles = {
        "relabel": "2. Transfer, relabelled: the trained operators, a new head",
        "extend": "3. Transfer, extended: operators of their own, a new head",
    }
    for mode, transfer in found.transfers.items():
        show_composition(transfer.report, title=titles[mode])
        render.line(f"Original, both and their composition together: {transfer.total:.1f} nats.")
    render.line()
    render.line(f"Look at {result.files['gallery.png']}")
    render.line(f"Everything is in {result.run.folder} ({sum(result.seconds.values()):.0f} s)")
