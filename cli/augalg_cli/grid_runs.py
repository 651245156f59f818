"""What commands say and do where a run's latent space is a pretrained autoencoder."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from augalg_cli import options, render
from augalg_cli.progress import case_progress

if TYPE_CHECKING:
    from torch import Tensor

    from augalgebra.consistency import GridReport, GridScore
    from augalgebra.operators import GridEntry, GridFamilyEntry
    from augalgebra.runs import (
        GridComparison,
        GridExtension,
        GridRegistration,
        GridRun,
        MeasuredGridRoutes,
        MeasuredGridWord,
    )
    from augalgebra.tasks import Workers

Space = Annotated[
    str | None,
    typer.Option(
        "--space",
        metavar="KIND:FOLDER",
        help="Where the run's pretrained autoencoder lies now, if it has moved, such as 'taesd:FOLDER'.",
    ),
]

NEEDS_GRID = "a run of operators on a pretrained autoencoder, as 'augalg operators --augs' makes one"
NEEDS_TRAINED = "a latent space that 'augalg train' made; the codes of this run are those of a pretrained autoencoder"

CROPS = 24
"""Test crops that are measured on, unless another number is asked for."""
_MOST_SHOWN = 25
_SHORT = {"round trip": "through pixels", "identity": "nothing"}


def is_grid(folder: Path) -> bool:
    """Whether a run is one of operators on grids; heavy packages are needed for neither answer."""
    from augalgebra.runs import is_grid_run

    return is_grid_run(folder)


def load_grid(
    context: typer.Context,
    folder: Path,
    *idle: str,
    space: str | None,
    moved: str | None = None,
    accept_stale: bool = False,
) -> "GridRun":
    """Read such a run.

    Args:
        context: How the command was called.
        folder: The run's folder.
        idle: Parameters that have no effect on such a run, and are refused if somebody typed them.
        space: What ``--space`` says.
        moved: What ``--data`` says.
        accept_stale: Take operators that should not be trusted any more.

    Raises:
        AugalgebraError: It cannot be read, or an option has no effect.
    """
    from augalgebra.runs import GridRun

    options.refuse_idle(context, NEEDS_TRAINED, *idle)
    run = GridRun.load(folder, options.catalog(), accept_stale=accept_stale)
    settle(run, space=space, moved=moved)
    return run


def settle(run: "GridRun", *, space: str | None, moved: str | None) -> None:
    """Tell a run where its autoencoder and its photographs lie now."""
    run.place = space or ""
    if moved is not None:
        run.photographs(moved)


def read_picture(run: "GridRun", path: Path) -> "Tensor":
    """Read a picture, or all images of an ``.npz``, and cut off what the stride leaves over; says so."""
    from augalgebra.runs import read_for_stride

    space = run.space
    images, cut = read_for_stride(path, space.image_channels, space.stride)
    if cut:
        height, width = images.shape[2:]
        render.note(f"{path} is cut to {width}×{height} pixels, which the stride, {space.stride}, divides")
    return images


def check_grid(
    run: "GridRun", *, max_length: int, images: int | None, workers: "Workers", bar: float | None, as_json: bool
) -> bool:
    """Measure such a run and show what was found; returns whether the bar is met."""
    from augalgebra.reports import write_grid_check

    with case_progress(quiet=as_json) as progress:
        report = run.check(max_length=max_length, images=images or CROPS, workers=workers, progress=progress)
    write_grid_check(run, report)
    missed = "" if bar is None else report.failing(bar)
    if as_json:
        render.emit_json(report.to_dict() | {"bar": bar, "passed": not missed, "reason": missed})
    else:
        show_check(report)
        if bar is not None:
            render.line(f"bar {bar:g}: {f'missed, {missed}' if missed else 'met'}")
    return not missed


def show_check(report: "GridReport") -> None:
    """Write what was measured, worst first."""
    shown = report.worst_first[:_MOST_SHOWN]
    height, width = report.size
    show_scores(shown, f"PSNR in dB on {report.images} test crops of {height}×{width} pixels, worst first")
    if len(report.scores) > _MOST_SHOWN:
        render.note(f"{len(report.scores) - _MOST_SHOWN} better elements are not shown; --json gives all")
    for score in shown:
        if score.verdict in ("fails", "usable"):
            render.line(f"{score.word} {score.verdict}; the bar: {score.bar}")
        for part, ways in score.parts.items():
            told = ", ".join(f"{_SHORT.get(way, way)} {value:.2f}" for way, value in ways.items())
            render.line(f"{score.word}, {part}: {told}")
    if report.drift:
        worst = max(report.drift, key=lambda item: item.lost[-1])
        steps = ", ".join(
            f"{value:.2f} after {count}" for count, value in zip(worst.applications, worst.psnr, strict=True)
        )
        render.line(f"saved and moved again, {worst.word} and {worst.back} by turns lose most: {steps} (dB)")
    if report.relations:
        relation = report.relations[0]
        render.line(f"codes are furthest from {relation.equation}: {relation.defect:.2g} apart")
    if report.cost is not None:
        cost = report.cost
        render.line(
            f"{cost.operator_rate:.0f} images a second, {cost.speedup:.0f} times as many as through pixels; "
            f"{_bytes(cost.operator_bytes)} of operators, or {_bytes(cost.all_views_bytes)} for each image with "
            f"{cost.views} views stored"
        )
    render.line(f"{report.counted}.")


def show_scores(scores: "Sequence[GridScore]", title: str) -> None:
    """Write scores as a table, those that tell nothing faintly, and what they are on the worst crop."""
    from augalgebra.consistency import WAYS

    rows = [
        (
            score.word,
            score.verdict,
            *(f"{score.ways[way].psnr:.2f}" if way in score.ways else "-" for way in WAYS),
            "-" if score.share is None else f"{score.share:.0%}",
        )
        for score in scores
    ]
    headings = ["word", "verdict", "operator", "plain", "pixels", "floor", "nothing", "share"]
    faint = [number for number, score in enumerate(scores) if not score.counts]
    render.table(headings, rows, right=range(2, 8), title=title, faint=faint)
    drawn = [(score.worst_crop.psnr, score.word) for score in scores if score.worst_crop is not None]
    shares = [(score.lowest_share, score.word) for score in scores if score.lowest_share is not None]
    told = [f"{value:.2f} dB ({word})" for value, word in sorted(drawn)[:1]]
    told += [f"{value:.0%} of the way ({word})" for value, word in sorted(shares)[:1]]
    if told:
        render.line(f"on single crops at least {' and '.join(told)}")


def show_operators(run: "GridRun") -> None:
    """Write what operators a run has and where they come from."""
    catalog, registry = run.registry.catalog, run.registry
    entries: list[GridEntry | GridFamilyEntry] = [*registry.entries.values(), *registry.families.values()]
    rows = [
        (
            catalog.shorten(item.word),
            item.fit,
            f"{item.plugin} {item.version}".strip(),
            render.number(item.residual),
            render.number(item.identity_residual),
        )
        for item in (entry.provenance for entry in entries)
    ]
    render.fields(
        [
            ("autoencoder", run.record.source.spec),
            ("codes", f"{registry.channels} channels, one position for {registry.stride}×{registry.stride} pixels"),
            ("photographs", run.record.data["name"]),
        ]
    )
    render.table(["operator", "fit", "plugin", "code error", "plain"], rows, right=[3, 4])
    for entry in entries:
        for reason in registry.staleness(entry):
            render.line(f"stale: {catalog.shorten(entry.provenance.word)}: {reason}")
    for reason in dict.fromkeys(entry.provenance.details.get("no_family", "") for entry in entries):
        if reason:
            render.line(f"no family: {reason}")


def operators_data(run: "GridRun", added: "Sequence[GridExtension]" = ()) -> dict[str, Any]:
    """The same as plain data."""
    source = run.record.source
    about = {"kind": "grid", "space": source.spec, "channels": source.channels, "stride": source.stride}
    return about | {"operators": run.registry.to_dict(), "added": list(added)}


def show_added(folder: Path, added: "Sequence[GridExtension]") -> None:
    """Write what operators were added and what they are worth."""
    render.line()
    for item in added:
        how = item.provenance.fit if item.fitted else "as it was"
        render.line(f"{item.word}: {how}, {item.score.verdict}; the bar: {item.score.bar}")
    show_scores([item.score for item in added], f"Operators in {folder}, PSNR in dB")


def show_word(measured: "MeasuredGridWord", folder: Path) -> None:
    """Write what was measured of one word."""
    scores = [measured.score] + ([] if measured.as_written is None else [measured.as_written])
    show_scores(scores, f"Measured in {folder} on {measured.images} test crops, PSNR in dB")
    if measured.as_written is not None:
        render.line("the second row is by the operators of the letters, one after the other")


def show_comparison(measured: "GridComparison", folder: Path) -> None:
    """Write how two words compare."""
    render.line(f"Measured in {folder} on {measured.images} test crops:")
    render.fields(
        [
            ("  equal", f"{render.yes_no(measured.equal)}: {measured.reason}"),
            ("  drawn alike", f"{measured.agreement:.2f} dB"),
            ("  codes differ by", render.number(measured.residual)),
            ("  truly apart", render.number(measured.true_difference)),
        ]
    )


def show_routes(measured: "MeasuredGridRoutes", folder: Path, most: int) -> None:
    """Write the routes, best first."""
    ranked = measured.ranked
    rows = [(item.route, item.applied, f"{item.psnr:.2f}") for item in ranked[:most]]
    title = f"Measured in {folder} on {measured.images} test crops, PSNR in dB, best first"
    render.table(["route", "operators", "PSNR"], rows, right=[1, 2], title=title)
    nothing = "" if measured.nothing is None else f", nothing done {measured.nothing:.2f}"
    render.line(f"floor {measured.floor:.2f}{nothing}")
    if len(ranked) > most:
        render.note(f"{len(ranked) - most} more routes are not shown; --json gives all")


def show_registration(registration: "GridRegistration") -> None:
    """Write what was found out in the run of something registered."""
    show_added(registration.run, registration.operators)
    for signature in registration.skipped:
        render.note(f"{signature} has no operator: there is one for each value of its parameters only")


def _bytes(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            return f"{count:.3g} {unit}"
        count /= 1000
    raise AssertionError
