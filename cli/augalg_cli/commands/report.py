"""``report``: a trained run as one file to look at."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from augalg_cli import grid_runs, options, render
from augalg_cli.commands.runs import Folder
from augalg_cli.datasets import Moved, load_of
from augalg_cli.progress import case_progress
from augalgebra import AugalgebraError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from augalgebra.data import Dataset
    from augalgebra.runs import GridRun

app = typer.Typer()


@app.command(epilog="Example:  augalg report runs/flips --images 1000")
def report(
    context: typer.Context,
    run: Folder,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The report; by default report.html in the run's folder.")
    ] = None,
    images: Annotated[int | None, typer.Option(min=1, help="Measure on so many test images only.")] = None,
    space: grid_runs.Space = None,
    moved: Moved = None,
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Write all there is to say of a run as one HTML file, which needs no network and no other file.

    Its pictures are left in RUN/figures, or with --out beside that file in a
    folder of its name. Without its data set a run is reported as far as
    that needs no images.
    """
    from augalgebra.documents import write_html
    from augalgebra.reports import document_of_run
    from augalgebra.runs import FIGURES, REPORT, Run, is_causal_run

    path = run / REPORT if out is None else out
    figures = run / FIGURES if out is None else out.with_name(f"{out.stem}-{FIGURES}")
    if path.suffix.lower() not in (".html", ".htm"):
        raise AugalgebraError(f"{path} is no name for a report; let it end in .html")
    if grid_runs.is_grid(run):
        found = grid_runs.load_grid(context, run, "data_dir", space=space, accept_stale=True)
        _report_grid(found, path, figures, kept=out is None, images=images, moved=moved, as_json=as_json)
        return
    options.refuse_idle(context, grid_runs.NEEDS_GRID, "space")
    if is_causal_run(run):
        _report_causal(run, path, figures, data_dir, kept=out is None, images=images, moved=moved, as_json=as_json)
        return
    loaded = Run.load(run, options.catalog(), accept_stale=True)
    stale = loaded.registry.stale()
    data: Dataset | None = None
    missing = ""
    try:
        data = load_of(loaded, data_dir, moved, quiet=as_json)
    except AugalgebraError as error:
        missing = str(error)
        render.note(f"nothing is measured on images: {options.shorten(missing)}")
    with loaded.describing(REPORT, FIGURES) if out is None else nullcontext():
        with case_progress(quiet=as_json) as progress:
            document = document_of_run(loaded, data, missing=missing, images=images, figures=figures, progress=progress)
        write_html(document, path)
    _tell(stale)
    if as_json:
        render.emit_json({"report": str(path), "measured": data is not None, "missing": missing, **document.to_dict()})
        return
    render.line(f"The report is {path}")


def _report_grid(
    run: "GridRun",
    path: Path,
    figures: Path,
    *,
    kept: bool,
    images: int | None,
    moved: str | None,
    as_json: bool,
) -> None:
    """The same of a run of operators on a pretrained autoencoder; without that, or photographs, as far as it goes."""
    from augalgebra.documents import write_html
    from augalgebra.reports import document_of_grid_run
    from augalgebra.runs import FIGURES, REPORT

    missing = ""
    try:
        run.photographs(moved)
        _ = run.space
    except AugalgebraError as error:
        missing = str(error)
        render.note(f"nothing is measured on pictures: {options.shorten(missing)}")
    with run.describing(REPORT, FIGURES) if kept else nullcontext():
        with case_progress(quiet=as_json) as progress:
            document = document_of_grid_run(run, missing=missing, images=images, figures=figures, progress=progress)
        write_html(document, path)
    _tell(run.registry.stale())
    if as_json:
        render.emit_json({"report": str(path), "measured": not missing, "missing": missing, **document.to_dict()})
        return
    render.line(f"The report is {path}")


def _report_causal(
    folder: Path,
    path: Path,
    figures: Path,
    data_dir: str | None,
    *,
    kept: bool,
    images: int | None,
    moved: str | None,
    as_json: bool,
) -> None:
    """The same of a causal model; without its data set as far as that goes."""
    from augalg_cli.commands.causal import load_of as load_causal
    from augalgebra.documents import write_html
    from augalgebra.reports import document_of_causal_run
    from augalgebra.runs import FIGURES, REPORT, CausalRun

    run = CausalRun.load(folder)
    data, missing = None, ""
    try:
        data = load_causal(run, data_dir, moved, quiet=as_json)
    except AugalgebraError as error:
        missing = str(error)
        render.note(f"nothing is measured on images: {missing}")
    with run.describing(REPORT, FIGURES) if kept else nullcontext():
        with case_progress(quiet=as_json) as progress:
            document = document_of_causal_run(
                run, data, missing=missing, images=images, figures=figures, progress=progress
            )
        write_html(document, path)
    if as_json:
        render.emit_json({"report": str(path), "measured": data is not None, "missing": missing, **document.to_dict()})
        return
    render.line(f"The report is {path}")


def _tell(stale: "Mapping[str, Sequence[str]]") -> None:
    for reason in dict.fromkeys(reason for reasons in stale.values() for reason in reasons):
        render.note(f"stale: {options.shorten(reason)}")
