"""``density``: how likely codes of a class in a view are."""

from pathlib import Path
from typing import Annotated

import typer

from augalg_cli import options, render
from augalg_cli.datasets import Moved, load_of

app = typer.Typer()


@app.command(epilog="Example:  augalg density runs/flips --fit")
def density(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run.")],
    fit: Annotated[
        bool, typer.Option("--fit", help="Fit it to the codes of training images, and keep it in the run.")
    ] = False,
    no_classes: Annotated[
        bool, typer.Option("--no-classes", help="With --fit: do not tell it the classes of the images.")
    ] = False,
    images: Annotated[int, typer.Option(min=1, help="With --fit: training images to fit, at most.")] = 20_000,
    steps: Annotated[int, typer.Option(min=1, help="With --fit: steps, of 512 codes each.")] = 3000,
    moved: Moved = None,
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Show how likely codes are, given class and view, beside normals and mixtures; or fit that.

    Codes are drawn accordingly by
    'augalg sample RUN --kind flow --class NAME --view WORD --out samples.png'.
    """
    if not fit:
        options.refuse_idle(context, "a fit: --fit", "no_classes", "images", "steps", "moved", "data_dir")
    from augalgebra.runs import Run, density_of

    catalog = options.catalog()
    loaded = Run.load(run, catalog)
    if fit:
        data = load_of(loaded, data_dir, moved, quiet=as_json)
        loaded.fit_density(classes=not no_classes, images=images, steps=steps, data=data)
    found = density_of(loaded)
    views = [catalog.display(view) for view in found.views]
    if as_json:
        render.emit_json({"run": str(run)} | found.to_dict() | {"views": views})
        return
    render.fields(
        [
            ("classes", ", ".join(found.names) or "none"),
            ("views", ", ".join(views)),
            ("fitted on", f"{found.images} training images, best after {found.steps} steps"),
        ]
    )
    title = f"log density of codes of {found.held_out} test images in all views, nats per coordinate; higher is better"
    told = {"normal": "nothing", "mixture": "nothing"}
    condition = "class and view" if found.names else "view"
    rows = [[model, told.get(model, condition), f"{value:.3f}"] for model, value in found.nats.items()]
    render.table(["model", "told", "nats"], rows, right=[2], title=title)
