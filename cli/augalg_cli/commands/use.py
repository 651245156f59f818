"""``apply``, ``interpolate``, ``sample``, ``recurse``: a trained latent space used on pictures."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from augalg_cli import grid_runs, options, render
from augalg_cli.datasets import Moved, load_of
from augalgebra import AugalgebraError

if TYPE_CHECKING:
    from augalg_slides.evidence.claims import Claim
    from torch import Tensor

    from augalgebra.consistency import RecursionReport, Way
    from augalgebra.data import Dataset
    from augalgebra.runs import Run

app = typer.Typer()

Folder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run.")]
Head = Annotated[str, typer.Option("--head", help="Head to draw with.")]
Picture = Annotated[
    Path, typer.Option("--out", metavar="FILE", callback=options.png, help="The picture to write, a .png.")
]
Words = Annotated[
    list[str] | None,
    typer.Option("--word", metavar="WORD", help="A row moved by this word; can be given several times."),
]

_SHOWN = (1, 2, 3, 5, 10, 20, 30, 50, 100)


@app.command(epilog="Example:  augalg apply runs/flips flip_lr seven.png --out moved")
def apply(
    context: typer.Context,
    run: Folder,
    word: options.Word,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Pictures, or .npz files with images.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the moved pictures.")],
    view: Annotated[
        str, typer.Option("--from", metavar="WORD", help="The word the pictures are under already.")
    ] = "id",
    head: Head = "main",
    refine: Annotated[bool, typer.Option("--refine", help="Refine each code against its picture.")] = False,
    space: grid_runs.Space = None,
    as_json: options.Json = False,
) -> None:
    """Move pictures in a latent space and write what is drawn.

    On a pretrained autoencoder they may be of any size; what its stride leaves over is cut off at the borders.
    """
    from augalgebra.runs import output_paths, write_picture

    sources: Sequence[Tensor]
    transform: Callable[[Tensor], Tensor]
    if grid_runs.is_grid(run):
        loaded = grid_runs.load_grid(context, run, "head", "refine", space=space)
        route = loaded.route(word, view)
        loaded.registry.operator(route)  # says what is missing before pictures are read
        sources = [grid_runs.read_picture(loaded, path) for path in images]
        transform = partial(loaded.transform, word=word, view=view)
    else:
        from augalgebra.runs import LatentTransform, read_picture

        options.refuse_idle(context, grid_runs.NEEDS_GRID, "space")
        transform = trained = LatentTransform(_load(run), word, view=view, head=head, refined=refine)
        route = trained.route
        sources = [read_picture(path, trained.run.space.image_shape, trained.run.settings.size) for path in images]
    places = output_paths(out, images, [len(source) for source in sources])
    written = []
    for path, source, files in zip(images, sources, places, strict=True):
        for file, moved in zip(files, transform(source), strict=True):
            write_picture(file, moved)
            written.append({"image": str(path), "output": str(file)})
    if as_json:
        shown = options.catalog().display(route)
        render.emit_json({"run": str(run), "operator": shown, "head": head, "refined": refine, "images": written})
        return
    for entry in written:
        render.line(f"{entry['image']} -> {entry['output']}")


@app.command(epilog="Example:  augalg interpolate runs/flips 4 9 --word flip_lr --out path.png")
def interpolate(
    run: Folder,
    first: Annotated[int, typer.Argument(metavar="A", min=0, help="Number of a test image.")],
    second: Annotated[int, typer.Argument(metavar="B", min=0, help="Number of another; may be the same.")],
    out: Picture,
    word: Words = None,
    steps: Annotated[int, typer.Option(min=2, help="Pictures in a row.")] = 7,
    powers: Annotated[
        int, typer.Option(min=0, help="Rows for so many real powers of each word, from 0 to 1, instead of one row.")
    ] = 0,
    head: Head = "main",
    moved: Moved = None,
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Draw the line between the codes of two test images, as it is and moved by words."""
    import torch

    from augalgebra.runs import interpolate as between
    from augalgebra.runs import write_grid

    loaded = _load(run)
    data = load_of(loaded, data_dir, moved, quiet=as_json)
    for number in (first, second):
        if number >= len(data.test):
            raise AugalgebraError(f"there is no test image {number}; {data.name} has {len(data.test)}, from 0")
    names = ["id", *(word or [])] if not powers else (word or [])
    if not names:
        raise AugalgebraError("powers of what? name a word, such as --word flip_lr")
    options.check_pictures(len(names) * (powers or 1) * steps)
    words = [options.catalog().word(name) for name in names]
    ends = data.test.batch(torch.tensor([first, second]))[0]
    drawn = between(loaded, ends, words, steps=steps, powers=powers, head=head)
    write_grid(out, drawn)
    rows = [f"{name}^{i / (powers - 1):.3g}" for name in names for i in range(powers)] if powers else names
    labels = [data.label_name(int(data.test.labels[number])) for number in (first, second)]
    if as_json:
        render.emit_json({"run": str(run), "images": [first, second], "labels": labels, "rows": rows, "file": str(out)})
        return
    render.line(f"{out}: from a {labels[0]} to a {labels[1]} in {steps} steps; rows {', '.join(rows)}")


@app.command(epilog="Example:  augalg sample runs/flips --word flip_lr --out samples.png")
def sample(
    context: typer.Context,
    run: Folder,
    out: Picture,
    word: Words = None,
    n: Annotated[int, typer.Option("--n", min=1, help="Codes to draw.")] = 8,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            "--kind",
            help="How codes are drawn: 'prior', 'box', 'gaussian', 'mixture', 'whitened' or 'flow', for which 'augalg "
            "density RUN --fit' is needed; several times for several. Default: all there are.",
        ),
    ] = None,
    label: Annotated[
        str | None, typer.Option("--class", metavar="NAME", help="Codes of this class only, of the kind 'flow'.")
    ] = None,
    view: Annotated[
        str | None, typer.Option("--view", metavar="WORD", help="Codes of this view, of the kind 'flow'.")
    ] = None,
    compare: Annotated[
        bool, typer.Option("--compare", help="Compare the kinds instead, by how good their images are.")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the codes.")] = 0,
    head: Head = "main",
    moved: Moved = None,
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Draw images from random codes: from the box around those of the originals, and from what is fitted to them."""
    import torch

    from augalgebra.runs import FLOW, KINDS, check_kind, density_of, write_grid
    from augalgebra.runs import sample as drawn_at_random

    kinds = [check_kind(name) for name in kind or ()]
    if compare:
        needs = "samples that are drawn, not compared: leave --compare out"
        options.refuse_idle(context, needs, "word", "n", "kind", "label", "view", "head")
    loaded = _load(run)
    if not kinds:
        there = [FLOW] if loaded.density is not None else []
        kinds = [FLOW] if label is not None or view is not None else [*KINDS, *there]
    number = None if label is None else density_of(loaded).find_class(label)
    words = [options.catalog().word(name) for name in ("id", *(word or []))]
    shown = options.catalog().word(view or "id")
    data = load_of(loaded, data_dir, moved, quiet=as_json)
    if compare:
        _compare(loaded, data, out, seed, as_json=as_json)
        return
    options.check_pictures(len(kinds) * len(words) * n)
    drawn = drawn_at_random(loaded, data, words, number=n, kinds=kinds, label=number, view=shown, head=head, seed=seed)
    write_grid(out, torch.cat(list(drawn.values())))
    rows = [f"{way}: {name}" for way in drawn for name in ("id", *(word or []))]
    if as_json:
        asked = {} if kinds != [FLOW] else {"class": label, "view": options.catalog().display(shown)}
        render.emit_json({"run": str(run), "n": n, "seed": seed} | asked | {"rows": rows, "file": str(out)})
        return
    render.line(f"{out}: {n} codes; rows {', '.join(rows)}")


def _compare(run: "Run", data: "Dataset", out: Path, seed: int, *, as_json: bool) -> None:
    from augalg_slides.pages.sampling import draw_sampling, measure_sampling

    measured = measure_sampling(run, data=data, density=run.density, seed=seed)
    draw_sampling(measured, out)
    if as_json:
        render.emit_json({"file": str(out)} | measured.to_dict())
        return
    rows = [
        [
            kind,
            f"{item.likelihood:.2f}",
            f"{item.density:.2f}",
            f"{item.coverage:.2f}",
            "-" if item.confidence is None else f"{item.confidence:.1%}",
        ]
        for kind, item in measured.qualities.items()
    ]
    headings = ["kind", "log density", "density", "coverage", "confidence"]
    render.table(headings, rows, right=[1, 2, 3, 4], title=f"{measured.number} images each, against test images")
    _show_claims(measured.claims)
    render.line(f"drawn in {out}")


@app.command(epilog="Example:  augalg recurse runs/flips flip_lr --repeats 50 --out drift.png")
def recurse(
    context: typer.Context,
    run: Folder,
    word: options.Word,
    repeats: Annotated[int, typer.Option(min=1, help="How often the word is repeated.")] = 50,
    images: Annotated[int, typer.Option(min=1, help="Test images to repeat it on.")] = 1000,
    plain: Annotated[bool, typer.Option("--plain", help="Without refined encoding, which takes longer.")] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", callback=options.png, help="A .png of losses and pictures."),
    ] = None,
    trajectory: Annotated[
        Path | None,
        typer.Option(
            "--trajectory",
            metavar="FILE",
            callback=options.png,
            help="A .png of where a 7 and a 2 go in the latent space.",
        ),
    ] = None,
    outcomes: Annotated[
        Path | None,
        typer.Option("--outcomes", metavar="FILE", callback=options.png, help="A .png of which class becomes which."),
    ] = None,
    method: Annotated[str, typer.Option(help="Projection of the trajectory: 'ica', 'pca' or 'direct'.")] = "ica",
    moved: Moved = None,
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Repeat a word through decoder and encoder, and measure what drifts: DEC(ENC(.) L), again and again."""
    options.refuse_one_file(out=out, trajectory=trajectory, outcomes=outcomes)
    if trajectory is None:
        options.refuse_idle(context, "a trajectory: --trajectory FILE", "method")
    from augalg_slides.measures.projection import check_method
    from augalg_slides.pages.recursion import draw_outcomes, draw_trajectories, follow, recursion_claims

    from augalgebra.reports import draw_recursion
    from augalgebra.runs import recursion_of_run, repeated_pictures

    loaded = _load(run)
    if trajectory is not None:
        check_method(method, loaded.space.dim)
    data = load_of(loaded, data_dir, moved, quiet=as_json)
    ways: tuple[Way, ...] = ("plain", "latent") if plain else ("plain", "refined", "latent")
    report = recursion_of_run(loaded, word, repeats=repeats, images=images, ways=ways, data=data)
    if out is not None:
        shown = [repeat for repeat in _SHOWN if repeat <= repeats]
        pictures = repeated_pictures(loaded, word, shown, ways, data=data)
        draw_recursion(report, out, pictures=pictures, shown=shown)
    claims = recursion_claims(report, data.name)
    answer = {"run": str(run), "file": None if out is None else str(out)} | report.to_dict()
    answer["claims"] = claims
    if trajectory is not None:
        paths = [follow(loaded, word, repeats=repeats, way=way, data=data) for way in ways]
        draw_trajectories(paths, trajectory, method)
        answer["trajectories"] = paths
    if outcomes is not None:
        draw_outcomes(report, outcomes)
    if as_json:
        render.emit_json(answer)
        return
    _show_recursion(report)
    if any(factor.readout for factor in loaded.registry.operator(word).factors):
        # on MNIST codes wandered off with it, and did not without: docs/mnist.md
        render.note(
            "these operators have a readout, meant to follow a word once; over repeats it adds up. For repeats train "
            "with --fit representation"
        )
    _show_claims(claims)
    for file in filter(None, (out, trajectory, outcomes)):
        render.line(f"drawn in {file}")


def _show_recursion(report: "RecursionReport") -> None:
    from augalgebra.consistency import show_loss

    curves = report.curves
    judged = [way for way, curve in curves.items() if curve.kept and way != "latent"]
    headings = ["repeat", "entropy", "floor", *curves, *(f"kept, {way}" for way in judged), "nothing"]
    rows: list[list[Any]] = []
    for repeat in sorted({*(shown for shown in _SHOWN if shown <= report.repeats), report.repeats}):
        at = repeat - 1
        rows.append(
            [
                repeat,
                show_loss(report.entropy[at], 2),
                show_loss(report.floor[at], 2),
                *(show_loss(curve.bce[at], 2) for curve in curves.values()),
                *(f"{curves[way].kept[at]:.1%}" for way in judged),
                show_loss(report.nothing[at], 2),
            ]
        )
    title = f"{report.word} repeated on {report.images} test images: loss, and share that keeps its class"
    render.table(headings, rows, right=range(len(headings)), title=title)
    for way, curve in curves.items():
        if curve.worst_label is not None and way != "latent":
            outcome = curve.by_label[curve.worst_label]
            lost = f"from {show_loss(outcome.first)} to {show_loss(outcome.last)} beyond the entropy ({report.unit})"
            render.line(f"{way}: worst is label {report.label_name(curve.worst_label)}, {lost}")
    if report.accuracy is not None:
        render.line(f"the classifier knows {report.accuracy:.1%} of the true images")
    if report.cost is not None:
        render.line(f"a refined repeat takes {report.cost:.1f} times as long as a plain one")


def _show_claims(claims: "Sequence[Claim]") -> None:
    from augalgebra.documents import HOLDS

    for claim in claims:
        render.line(f"slide {claim.slide}: {claim.text}: {HOLDS[claim.holds]}")
        render.line(f"  {claim.measured}")


def _load(run: Path) -> "Run":
    from augalgebra.runs import Run

    return Run.load(run, options.catalog())
