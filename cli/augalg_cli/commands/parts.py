"""``partition``: the latent space of a run in named parts, and parts of two pictures swapped."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from augalg_cli import options, render
from augalg_cli.datasets import Moved, load_of
from augalgebra import AugalgebraError

if TYPE_CHECKING:
    from torch import Tensor

    from augalgebra import Catalog, Word
    from augalgebra.consistency import Alignment
    from augalgebra.data import Dataset
    from augalgebra.runs import Partition, SwapReport

app = typer.Typer()


@app.command(epilog="Example:  augalg partition runs/flips --swap 4 9 --out swapped.png")
def partition(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of the run.")],
    swap: Annotated[
        tuple[int, int] | None,
        typer.Option(
            metavar="A B",
            help="Two test images: draw the content of the one with the pose of the other, and measure on all how "
            "often frozen classifiers see both.",
        ),
    ] = None,
    view: Annotated[
        str | None,
        typer.Option(metavar="WORD", help="With --swap: the word that B is put under; by default an augmentation."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", callback=options.png, help="With --swap: the picture to write, a .png."),
    ] = None,
    factors: Annotated[
        bool,
        typer.Option("--factors", help="Say what each part knows of the factors of glyphs, pendulum or morpho."),
    ] = False,
    images: Annotated[int, typer.Option("--images", min=10, help="Test images to measure on.")] = 1000,
    moved: Moved = None,
    data_dir: options.DataDir = None,
    as_json: options.Json = False,
) -> None:
    """Cut a latent space into named parts: what no augmentation changes, and what each changes."""
    if swap is None:
        options.refuse_idle(context, "two images to swap parts of: --swap A B", "view", "out")
    elif out is None:
        raise AugalgebraError("--swap draws a picture: name its file, such as --out swapped.png")
    from augalgebra.runs import Run, is_causal_run

    if is_causal_run(run):
        options.refuse_idle(context, "a run with augmentations, as 'augalg train' makes one", "view", "factors")
        _partition_causal(run, swap, out, data_dir, moved, images=images, as_json=as_json)
        return
    catalog = options.catalog()
    loaded = Run.load(run, catalog)
    data = load_of(loaded, data_dir, moved, quiet=as_json)
    for number in swap or ():
        if not 0 <= number < len(data.test):
            raise AugalgebraError(f"there is no test image {number}; {data.name} has {len(data.test)}, from 0")
    word, seed = None if view is None else catalog.word(view), loaded.settings.seed
    # a word that cannot be done is refused before the parts are measured
    pair = None if swap is None or word is None else _put_second_under(word, swap, data, catalog, seed)
    parts = loaded.partition(images=images, data=data)
    answer = parts.to_dict()
    aligned: dict[str, Alignment] = {}
    if factors:
        from augalgebra.runs import align_run

        aligned = align_run(loaded, parts, images=images, data=data)
        answer["factors"] = aligned
    if swap is None or out is None:
        if as_json:
            render.emit_json(answer)
        else:
            _show_parts(parts)
            _show_alignment(aligned)
        return

    from augalgebra.runs import draw_swap, measure_swap, write_grid

    if word is None or pair is None:
        word = next(iter(parts.group.generators))
        pair = _put_second_under(word, swap, data, catalog, seed)
    report = measure_swap(loaded, parts, images=images, data=data)  # refuses large groups, before anything is written
    write_grid(out, draw_swap(loaded, parts, pair))
    if as_json:
        about = {"swapped": list(swap), "view": catalog.display(word), "file": str(out)}
        render.emit_json(answer | about | {"swap": report})
        return
    _show_parts(parts)
    _show_alignment(aligned)
    _show_swap(report)
    render.line(
        f"{out}: A, B under {catalog.display(word)}, A with the other parts of B, B with those of A, A in the pose of "
        "B, B in that of A; below views of A, and each brought upright"
    )


def _put_second_under(
    word: "Word", numbers: tuple[int, int], data: "Dataset", catalog: "Catalog", seed: int
) -> "Tensor":
    """Two test images, the second under a word, as long as that keeps its size."""
    import torch

    from augalgebra.training import Views

    pair, ids = data.test.batch(torch.tensor(numbers))
    pair[1:] = Views.of_words(catalog, [word], seed=seed).make(pair[1:], ids[1:])[0]
    return pair


def _partition_causal(
    folder: Path,
    swap: tuple[int, int] | None,
    out: Path | None,
    data_dir: str | None,
    moved: str | None,
    *,
    images: int,
    as_json: bool,
) -> None:
    """The same of a causal model: the block of each concept; blocks of two pictures swapped one by one."""
    import torch

    from augalg_cli.commands.causal import load_of as load_causal
    from augalgebra.runs import CausalRun, swap_blocks, write_grid

    run = CausalRun.load(folder)
    data = load_causal(run, data_dir, moved, quiet=as_json)
    blocks = run.partition(images=images, data=data)
    if swap is not None and out is not None:
        for number in swap:
            if not 0 <= number < len(data.test):
                raise AugalgebraError(f"there is no test image {number}; {data.name} has {len(data.test)}, from 0")
        first, second = data.test.batch(torch.tensor(swap))[0][:, None]
        names = [part.name for part in blocks.parts]
        drawn = [first, second, *(swap_blocks(run.model, first, second, [name]).cpu() for name in names)]
        write_grid(out, torch.stack(drawn, 1), scale=1 if first.shape[-1] > 40 else 3)
    if as_json:
        about = {} if swap is None else {"swapped": list(swap), "file": str(out)}
        render.emit_json(blocks.to_dict() | about)
        return
    rows = [[part.name, part.dim, f"{part.share:.1%}", ", ".join(part.causes) or "-"] for part in blocks.parts]
    title = f"Blocks of concepts: variance of the codes of {blocks.images} test images"
    render.table(["block", "coordinates", "share", "caused by"], rows, right=[1, 2], title=title)
    if swap is not None:
        render.line(f"{out}: A, B, then A with the block of B for {', '.join(part.name for part in blocks.parts)}")


def _show_parts(parts: "Partition") -> None:
    rows = [[part.name, part.dim, f"{part.share:.1%}", f"{part.moved_share:.1%}"] for part in parts.parts]
    title = f"{parts.group_name}: variance of the codes of {parts.images} test images, and of all their views"
    render.table(["part", "coordinates", "share", "all views"], rows, right=[1, 2, 3], title=title)


def _show_alignment(aligned: "Mapping[str, Alignment]") -> None:
    if not aligned:
        return
    information = next(iter(aligned.values())).information
    names = list(next(iter(information.values())))
    rows = [[factor, *(f"{known[name]:.2f}" for name in names)] for factor, known in information.items()]
    title = "mutual information of parts and factors, as a share of the factor's entropy"
    render.table(["factor", *names], rows, right=range(1, 1 + len(names)), title=title)
    measures = ("disentanglement", "completeness", "informativeness", "mig", "sap", "irs")
    scores = [[name, *(f"{getattr(found, key):.2f}" for key in measures)] for name, found in aligned.items()]
    render.table(["blocks", *measures], scores, right=range(1, 1 + len(measures)))


def _show_swap(report: "SwapReport") -> None:
    rows = [
        [name, "-" if score.content is None else f"{score.content:.1%}", f"{score.view:.1%}"]
        for name, score in report.scores.items()
    ]
    title = f"{report.images} pairs in {len(report.views)} views: seen by frozen classifiers"
    render.table(["what", "content of A", "view of B"], rows, right=[1, 2], title=title)
