"""``geometry``, ``fractions``, ``synthetic``: what a latent space looks like, and what lies between augmentations."""

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from augalg_slides.commands import options
from augalg_slides.commands.options import Moved, show_claims
from augalgebra import AugalgebraError, CommandLine
from augalgebra.storage import check_ending, write_atomically

if TYPE_CHECKING:
    from augalgebra.consistency import Gap
    from augalgebra.runs import Run

app = typer.Typer()

Folder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run.")]
Seed = Annotated[int, typer.Option(min=0, help="Seed of everything drawn at random.")]


def _png(path: Path | None) -> Path | None:
    """Refuse the name of another file before anything is measured for it."""
    if path is not None:
        check_ending(path, ".png")
    return path


Picture = Annotated[Path | None, typer.Option("--out", metavar="FILE", callback=_png, help="A .png to write.")]


@app.command(epilog="Example:  augalg slides geometry runs/flips --method ica --out looks")
def geometry(
    ctx: typer.Context,
    run: Folder,
    method: Annotated[
        list[str] | None,
        typer.Option("--method", help="'direct', 'pca', 'ica' or 'tsne'; several times for several. Default: all."),
    ] = None,
    images: Annotated[int, typer.Option(min=10, help="Test images to encode.")] = 1000,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Folder for pictures and numbers; default RUN/geometry.")
    ] = None,
    seed: Seed = 0,
    moved: Moved = None,
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Look at the codes of each view beside those that operators move there, and measure both."""
    import json

    from augalg_slides.measures.projection import check_method, methods_for
    from augalg_slides.pages.geometry import draw_geometry, measure_geometry
    from augalgebra.runs import GEOMETRY

    cli: CommandLine = ctx.obj
    loaded = _load(run, cli)
    methods = [check_method(name, loaded.space.dim) for name in method or methods_for(loaded.space.dim)]
    data = cli.load_data_of(loaded, data_dir, moved, quiet=as_json)
    measured = measure_geometry(loaded, data=data, images=images, seed=seed)
    folder = out or run / GEOMETRY
    with loaded.describing(GEOMETRY) if out is None else nullcontext():
        files = [str(draw_geometry(measured, folder / f"{name}.png", name)) for name in methods]
        answer = measured.to_dict() | {"files": files}
        write_atomically(folder / "geometry.json", json.dumps(answer, indent=2, allow_nan=False) + "\n")
    if as_json:
        cli.emit_json(answer)
        return
    cli.table(
        ["view", "spread, moved / encoded", "within classes", "offset"],
        [
            [item.view, f"{item.ratio:.3f}", f"{item.within:.3f}", f"{item.offset:.3f}"]
            for item in measured.contractions
        ],
        right=[1, 2, 3],
        title=f"{measured.images} test images in {measured.dim} coordinates",
    )
    rows = [("views", name, item) for name, item in measured.views.items()]
    rows += [("classes", name, item) for name, item in measured.classes.items()]
    cli.table(
        ["told apart", "by", "linear", "neighbours", "silhouette", "chance"],
        [
            [what, name, f"{item.linear:.1%}", f"{item.neighbours:.1%}", f"{item.silhouette:.3f}", f"{item.chance:.1%}"]
            for what, name, item in rows
        ],
        right=[2, 3, 4, 5],
    )
    show_claims(cli, measured.claims)
    cli.line(f"drawn in {', '.join(files) or 'no picture, since one coordinate has no plane'}")


@app.command(epilog="Example:  augalg slides fractions runs/flips --out halves.png")
def fractions(
    ctx: typer.Context,
    run: Folder,
    family: Annotated[
        str, typer.Option(help="A family of augmentations with one parameter, to be fitted at several.")
    ] = "rotate",
    fitted: Annotated[str, typer.Option(help="Parameters to fit it at, separated by commas.")] = "15,30,45,60,75,90",
    unseen: Annotated[str, typer.Option(help="Parameters to measure it at as well.")] = "10,20,40,50,70,80",
    images: Annotated[int, typer.Option(min=1, help="Test images to measure on.")] = 500,
    out: Picture = None,
    seed: Seed = 0,
    moved: Moved = None,
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Take half a flip and a third of a rotation, by powers of operators and by a family of them."""
    from augalg_slides.pages.fractions import draw_fractions, measure_fractions

    cli: CommandLine = ctx.obj
    loaded = _load(run, cli)
    measured = measure_fractions(
        loaded,
        data=cli.load_data_of(loaded, data_dir, moved, quiet=as_json),
        images=images,
        family=family,
        fitted=_numbers(fitted, "--fitted"),
        unseen=_numbers(unseen, "--unseen", empty=True),
        seed=seed,
    )
    if out is not None:
        draw_fractions(measured, out)
    if as_json:
        cli.emit_json({"file": None if out is None else str(out)} | measured.to_dict())
        return
    rows: list[list[Any]] = [
        [
            score.of,
            f"{score.at:.3g}",
            "power" if score.way == "power" else "fitted" if score.fitted else "unseen",
            score.truth or "none",
            *(cli.number(value, digits) for value, digits in _gap_numbers(score.gap)),
            cli.number(score.defect),
        ]
        for score in measured.scores
    ]
    headings = ["of", "at", "", "true pixels", "entropy", "floor", "excess", "gap", "nothing", "defect"]
    cli.table(headings, rows, right=[1, *range(4, 10)], title=f"{measured.images} test images")
    for reason in dict.fromkeys(f"{score.of}: {score.reason}" for score in measured.scores if score.reason):
        cli.line(f"no one-parameter group: {reason}")
    show_claims(cli, measured.claims)


@app.command(epilog="Example:  augalg slides synthetic runs/flips --out glyphs.png")
def synthetic(
    ctx: typer.Context,
    reference: Annotated[
        Path | None, typer.Argument(metavar="[RUN]", help="A run of real images, to compare with.")
    ] = None,
    glyphs: Annotated[int, typer.Option(min=60, help="How many glyphs, test images included.")] = 5000,
    samples: Annotated[int, typer.Option(min=1, help="Images shown in each training.")] = 160_000,
    dim: Annotated[int, typer.Option(min=1, help="Latent coordinates.")] = 16,
    out: Picture = None,
    seed: Seed = 0,
    moved: Moved = None,
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Make latent spaces from glyphs of known factors, with and without pairs, and compare how flips act on them."""
    from augalg_slides.pages.synthetic import GAP_ROWS, draw_synthetic, measure_synthetic

    cli: CommandLine = ctx.obj
    loaded = None if reference is None else _load(reference, cli)
    data = None if loaded is None else cli.load_data_of(loaded, data_dir, moved, quiet=as_json)
    with cli.training_progress(quiet=as_json) as progress:
        measured = measure_synthetic(
            cli.catalog(),
            loaded,
            data=data,
            glyphs=glyphs,
            samples=samples,
            dim=dim,
            seed=seed,
            progress=progress,
        )
    if out is not None:
        draw_synthetic(measured, out)
    if as_json:
        cli.emit_json({"file": None if out is None else str(out)} | measured.to_dict())
        return
    names = [score.name for score in measured.scores]
    factors = [
        [factor, *(f"{score.factors[factor]:.2f}" for score in measured.scores)]
        for factor in measured.scores[0].factors
    ]
    factors.append(["shape (accuracy)", *(f"{score.shape:.2f}" for score in measured.scores)])
    right = range(1, len(names) + 1)
    cli.table(["factor of glyphs", *names], factors, right=right, title="R² of a linear probe of codes")
    flips: list[list[Any]] = []
    for flip in measured.scores[0].flips:
        found = [score.flips[flip] for score in measured.scores]
        flips.append([f"{flip}: R²", *(f"{item.r2:.2f}" for item in found)])
        flips.append(["  nothing moved", *(f"{item.identity_r2:.2f}" for item in found)])
        if any(item.gap is not None for item in found):
            for name, title in GAP_ROWS.items():
                flips.append([f"  {title}", *(cli.number(item.measured(name)) for item in found)])
    cli.table(["operator", *names], flips, right=right)
    show_claims(cli, measured.claims)


def _gap_numbers(gap: "Gap | None") -> list[tuple[float | None, int]]:
    """Entropy, floor, excess, gap ratio and that of doing nothing, each with its digits."""
    from augalgebra.plain import finite

    if gap is None:
        return [(None, 3)] * 5
    ratios = (finite(gap.gap_ratio), 3), (finite(gap.identity_ratio), 3)
    return [(gap.entropy, 4), (gap.floor, 4), (gap.excess, 3), *ratios]


def _numbers(text: str, option: str, *, empty: bool = False) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",") if part.strip()]
    except ValueError:
        raise AugalgebraError(f"{option} {text!r} is no list of numbers; write for example 15,30,45") from None
    if not numbers and not empty:
        raise AugalgebraError(f"{option} names no number; write for example 15,30,45")
    return numbers


def _load(run: Path, cli: CommandLine) -> "Run":
    from augalgebra.runs import Run

    return Run.load(run, cli.catalog())
