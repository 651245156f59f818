"""``augalg demo``: the whole story on embedded data."""

from pathlib import Path
from typing import Annotated

import typer

from augalg_cli import options, render
from augalg_cli.progress import training_progress


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command(rich_help_panel="Start here", epilog="Example:  augalg demo --out runs/demo")(demo)


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the picture, the tables and the trained model.")] = Path(
        "runs/demo"
    ),
    seed: Annotated[int, typer.Option(help="Seed of everything drawn at random.")] = 0,
    as_json: options.Json = False,
) -> None:
    """Run the whole story on embedded digits: laws, three stages, composition, transfer."""
    from augalgebra.experiments.demo import run_demo

    with training_progress(quiet=as_json) as progress:
        result = run_demo(out, seed=seed, catalog=options.catalog(), progress=progress)
    if as_json:
        render.emit_json(result.to_json())
