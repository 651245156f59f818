"""``apply``, ``interpolate``, ``sample``, ``recurse``: a trained latent space used on pictures."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from augalg_cli import options, render
from augalg_cli.datasets import load_of
from augalgebra import AugalgebraError

if TYPE_CHECKING:
    from augalgebra.checks.recursion import RecursionReport, Way
    from augalgebra.training.run import Run

Folder = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run.")]
Head = Annotated[str, typer.Option("--head", help="Head to draw with.")]
Picture = Annotated[Path, typer.Option("--out", metavar="FILE", help="The picture to write, a .png.")]
Words = Annotated[
    list[str] | None,
    typer.Option("--word", metavar="WORD", help="A row moved by this word; can be given several times."),
]

_SHOWN = (1, 2, 3, 5, 10, 20, 30, 50, 100)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    panel = "Latent spaces"
    app.command(rich_help_panel=panel, epilog="Example:  augalg apply runs/flips flip_lr seven.png --out moved")(apply)
    app.command(
        rich_help_panel=panel,
        epilog="Example:  augalg interpolate runs/flips 4 9 --word flip_lr --out path.png",
    )(interpolate)
    app.command(rich_help_panel=panel, epilog="Example:  augalg sample runs/flips --word flip_lr --out samples.png")(
        sample
    )
    app.command(
        rich_help_panel=panel, epilog="Example:  augalg recurse runs/flips flip_lr --repeats 50 --out drift.png"
    )(recurse)


def apply(
    run: Folder,
    word: options.Word,
    images: Annotated[list[Path], typer.Argument(metavar="IMAGE...", help="Pictures, or .npz files with images.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the moved pictures.")],
    view: Annotated[
        str, typer.Option("--from", metavar="WORD", help="The word the pictures are under already.")
    ] = "id",
    head: Head = "main",
    refine: Annotated[bool, typer.Option("--refine", help="Refine each code against its picture.")] = False,
    as_json: options.Json = False,
) -> None:
    """Move pictures in a latent space and write what is drawn."""
    from augalgebra.experiments.pictures import output_paths, read_picture, write_picture
    from augalgebra.experiments.transform import LatentTransform

    transform = LatentTransform(_load(run), word, view=view, head=head, refined=refine)
    sources = [read_picture(path, transform.run.space.image_shape) for path in images]
    places = output_paths(out, images, [len(source) for source in sources])
    written = []
    for path, source, files in zip(images, sources, places, strict=True):
        for file, moved in zip(files, transform(source), strict=True):
            write_picture(file, moved)
            written.append({"image": str(path), "output": str(file)})
    if as_json:
        shown = options.catalog().display
        route = shown(transform.route)
        render.emit_json({"run": str(run), "operator": route, "head": head, "refined": refine, "images": written})
        return
    for entry in written:
        render.line(f"{entry['image']} -> {entry['output']}")


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
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Draw the line between the codes of two test images, as it is and moved by words."""
    import torch

    from augalgebra.experiments.latents import interpolate as between
    from augalgebra.experiments.pictures import write_grid

    loaded = _load(run)
    data = load_of(loaded, data_dir, quiet=as_json)
    for number in (first, second):
        if number >= len(data.test):
            raise AugalgebraError(f"there is no test image {number}; {data.name} has {len(data.test)}, from 0")
    names = ["id", *(word or [])] if not powers else (word or [])
    if not names:
        raise AugalgebraError("powers of what? name a word, such as --word flip_lr")
    words = [options.catalog().word(name) for name in names]
    ends = data.test.batch(torch.tensor([first, second]))[0]
    drawn = between(loaded, ends, words, steps=steps, powers=powers, head=head)
    write_grid(out, drawn)
    rows = [f"{name}^{i / (powers - 1):.3g}" for name in names for i in range(powers)] if powers else names
    labels = data.test.labels[[first, second]].tolist()
    if as_json:
        render.emit_json({"run": str(run), "images": [first, second], "labels": labels, "rows": rows, "file": str(out)})
        return
    render.line(f"{out}: from a {labels[0]} to a {labels[1]} in {steps} steps; rows {', '.join(rows)}")


def sample(
    run: Folder,
    out: Picture,
    word: Words = None,
    n: Annotated[int, typer.Option("--n", min=1, help="Codes to draw.")] = 8,
    seed: Annotated[int, typer.Option(help="Seed of the codes.")] = 0,
    head: Head = "main",
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Draw images from random codes: from the box around those of the originals, and a normal fitted to them."""
    import torch

    from augalgebra.experiments.latents import sample as drawn_at_random
    from augalgebra.experiments.pictures import write_grid

    loaded = _load(run)
    names = ["id", *(word or [])]
    words = [options.catalog().word(name) for name in names]
    drawn = drawn_at_random(loaded, load_of(loaded, data_dir, quiet=as_json), words, number=n, head=head, seed=seed)
    write_grid(out, torch.cat(list(drawn.values())))
    rows = [f"{kind}: {name}" for kind in drawn for name in names]
    if as_json:
        render.emit_json({"run": str(run), "n": n, "seed": seed, "rows": rows, "file": str(out)})
        return
    render.line(f"{out}: {n} codes; rows {', '.join(rows)}")


def recurse(
    run: Folder,
    word: options.Word,
    repeats: Annotated[int, typer.Option(min=1, help="How often the word is repeated.")] = 50,
    images: Annotated[int, typer.Option(min=1, help="Test images to repeat it on.")] = 1000,
    plain: Annotated[bool, typer.Option("--plain", help="Without refined encoding, which takes longer.")] = False,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="A .png of losses and pictures.")] = None,
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Repeat a word through decoder and encoder, and measure what drifts: DEC(ENC(.) L), again and again."""
    from augalgebra.experiments.recursion import draw_recursion, recursion_of_run, repeated_pictures

    loaded = _load(run)
    data = load_of(loaded, data_dir, quiet=as_json)
    ways: tuple[Way, ...] = ("plain", "latent") if plain else ("plain", "refined", "latent")
    report = recursion_of_run(loaded, word, repeats=repeats, images=images, ways=ways, data=data)
    if out is not None:
        shown = [repeat for repeat in _SHOWN if repeat <= repeats]
        pictures = repeated_pictures(loaded, word, shown, ways, data=data)
        draw_recursion(report, out, pictures=pictures, shown=shown)
    if as_json:
        render.emit_json({"run": str(run), "file": None if out is None else str(out)} | report.to_json())
        return
    _show_recursion(report)
    if out is not None:
        render.line(f"drawn in {out}")


def _show_recursion(report: "RecursionReport") -> None:
    curves = report.curves
    judged = [way for way, curve in curves.items() if curve.kept and way != "latent"]
    headings = ["repeat", "floor", *curves, *(f"kept, {way}" for way in judged), "nothing"]
    rows: list[list[Any]] = []
    for repeat in sorted({*(shown for shown in _SHOWN if shown <= report.repeats), report.repeats}):
        at = repeat - 1
        rows.append(
            [
                repeat,
                f"{report.floor[at]:.2f}",
                *(f"{curve.bce[at]:.2f}" for curve in curves.values()),
                *(f"{curves[way].kept[at]:.1%}" for way in judged),
                f"{report.nothing[at]:.2f}",
            ]
        )
    title = f"{report.word} repeated on {report.images} test images: loss, and share that keeps its class"
    render.table(headings, rows, right=range(len(headings)), title=title)
    for way, curve in curves.items():
        if curve.worst_label is not None and way != "latent":
            outcome = curve.by_label[curve.worst_label]
            render.line(f"{way}: worst is label {curve.worst_label}, from {outcome.first:.1f} to {outcome.last:.1f}")
    if report.accuracy is not None:
        render.line(f"the classifier knows {report.accuracy:.1%} of the true images")
    if report.cost is not None:
        render.line(f"a refined repeat takes {report.cost:.1f} times as long as a plain one")


def _load(run: Path) -> "Run":
    from augalgebra.training.run import Run

    return Run.load(run, options.catalog())
