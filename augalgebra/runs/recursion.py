"""A word repeated through a trained run: losses, classes and pictures of what drifts and what does not."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.algebra.words import IDENTITY, Word
from augalgebra.consistency.batches import UnreducedOperators
from augalgebra.consistency.recursion import (
    WAYS,
    Classify,
    RecursionReport,
    Way,
    find_undoing_word,
    measure_recursion,
    repeat,
)
from augalgebra.data.dataset import Dataset, load_data
from augalgebra.documents import figures
from augalgebra.latent.protocol import MAIN_HEAD, device_of_space
from augalgebra.runs.classifier import powers_of, train_classifier
from augalgebra.runs.moves import operator_for
from augalgebra.runs.storage.stored_run import StoredRun
from augalgebra.training.precision import bfloat16_pays

STYLE: dict[str, tuple[str, str]] = {
    "floor": (figures.FAINT, "directly encoded (floor)"),
    "entropy": (figures.PALE, "drawn perfectly (entropy)"),
    "nothing": (figures.PALE, "nothing moved"),
    "plain": (figures.VERMILION, "encoder alone"),
    "refined": (figures.BLUE, "refined encoding"),
    "latent": (figures.GREEN, "never decoded in between"),
}
"""Colour and name of each curve; Okabe and Ito's palette, which colour-blind readers can tell apart."""
_ROWS = 5
_WIDTH, _CURVES, _CAPTIONS = 11.0, 3.6, 0.7
"""Inches: of the whole figure, of the curves from top to bottom, and of what is written around pictures."""


def recursion_of_run(
    run: StoredRun,
    word: str | Word,
    *,
    repeats: int = 50,
    images: int | None = 1000,
    ways: Sequence[Way] = WAYS,
    judged: bool = True,
    data: Dataset | None = None,
    data_dir: str | Path | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> RecursionReport:
    """Repeat a word on test images of a run.

    Args:
        run: The run.
        word: The word.
        repeats: How often.
        images: How many test images, if not all.
        ways: Which ways to compare.
        judged: Whether a classifier is trained on the training images, to say what the drawn images still show. It
            sees them with the word undone where that is exact, else it learns images under the powers of the word.
            Without labels there is none.
        data: The data set of the run, if it is in memory already.
        data_dir: Where downloaded data sets lie.
        on_progress: Called with the number of images done and their total.

    Raises:
        RunError: The data are not those of the run.
        AugalgebraError: The word has no operator, or changes the size of images.
    """
    catalog, seed, device = run.registry.catalog, run.settings.seed, device_of_space(run.space)
    canonical = catalog.word(word)
    operator_for(run, canonical)  # what is missing is said before a classifier is trained
    data = data or load_data(run.settings.data, data_dir)
    run.check_data(data)
    labelled = len(torch.unique(data.train.labels)) > 1
    classify: Classify | None = None
    if judged and labelled:
        seen = (IDENTITY,) if find_undoing_word(catalog, canonical) is not None else powers_of(catalog, canonical)
        classify = train_classifier(data.train, catalog, seen, seed=seed, device=device)
    pictures, ids = data.test.batch(slice(images))
    report = measure_recursion(
        run.space,
        UnreducedOperators(run.registry),
        catalog,
        pictures.to(device),
        canonical,
        repeats=repeats,
        ways=ways,
        classify=classify,
        labels=data.test.labels[: len(ids)] if labelled else None,
        ids=ids,
        seed=seed,
        bfloat16=bfloat16_pays(device),
        on_progress=on_progress,
    )
    return replace(report, classes=data.classes)


def draw_recursion(
    report: RecursionReport,
    path: Path,
    *,
    pictures: dict[Way, Float[Tensor, "row repeat channel height width"]] | None = None,
    shown: Sequence[int] = (),
) -> Path:
    """Write loss and kept classes against the number of repeats as PNG, with pictures beside them.

    Args:
        report: What was measured.
        path: The file.
        pictures: For each way, some images after the repeats in `shown`.
        shown: The repeats that the pictures were taken at.
    """
    from matplotlib.ticker import StrMethodFormatter

    pictures = pictures or {}
    heights = [_CURVES]
    if pictures:
        tallest = max(rows / columns for rows, columns, *_ in (images.shape for images in pictures.values()))
        heights.append(_WIDTH / len(pictures) * tallest + _CAPTIONS)
    figure = figures.empty(_WIDTH, sum(heights), dpi=130)
    grid = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    upper = grid[0].subgridspec(1, 2)
    left, right = (figure.add_subplot(upper[column]) for column in range(2))
    axis = range(1, report.repeats + 1)
    for name, values in (("nothing", report.nothing), ("floor", report.floor), ("entropy", report.entropy)):
        colour, label = STYLE[name]
        # standing still is right after every second flip, so that this line fills the plot
        left.plot(axis, values, color=colour, label=label, linewidth=0.5 if name == "nothing" else 1, linestyle=":")
    for way, curve in report.curves.items():
        colour, label = STYLE[way]
        left.plot(axis, curve.bce, color=colour, label=label)
        if curve.kept:
            right.plot(axis, curve.kept, color=colour, label=label)
    left.set(xlabel="repeats", ylabel=f"loss, {report.unit} per image", title=f"DEC(ENC(·) L) for {report.word}")
    left.set_yscale("log")
    for formatter in (left.yaxis.set_major_formatter, left.yaxis.set_minor_formatter):
        formatter(StrMethodFormatter("{x:.4g}"))
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper center", ncols=5, frameon=False, fontsize=8)
    right.set(xlabel="repeats", ylabel="share", title="class of one application kept", ylim=(0, 1.02))
    for plot in (left, right):
        plot.spines[["top", "right"]].set_visible(False)
        plot.title.set_fontsize(10)
    if pictures:
        blocks = grid[1].subgridspec(1, len(pictures))
        for number, (way, drawn) in enumerate(pictures.items()):
            plot = figure.add_subplot(blocks[number])
            rows, columns, _, _, width = drawn.shape
            sheet = drawn.permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1)  # [rows height, columns width, channel]
            plot.imshow(sheet.squeeze(-1).cpu().numpy(), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            plot.set_title(STYLE[way][1], fontsize=10, color=STYLE[way][0])
            plot.set_xticks([(column + 0.5) * width for column in range(columns)], [str(repeat) for repeat in shown])
            plot.set_yticks([])
            plot.tick_params(length=0, labelsize=8)
            plot.set_xlabel(f"repeats, {rows} images", fontsize=8)
    return figures.write(figure, path)


def repeated_pictures(
    run: StoredRun,
    word: str | Word,
    shown: Sequence[int],
    ways: Sequence[Way],
    *,
    data: Dataset | None = None,
    data_dir: str | Path | None = None,
) -> dict[Way, Float[Tensor, "row repeat channel height width"]]:
    """The first test image of some labels after some repeats, in each way."""
    data = data or load_data(run.settings.data, data_dir)
    device = device_of_space(run.space)
    labels = data.test.labels.tolist()
    rows = torch.tensor([labels.index(label) for label in sorted(set(labels))][:_ROWS])
    originals = data.test.batch(rows)[0].to(device)
    operator = operator_for(run, run.registry.catalog.word(word))
    pictures: dict[Way, Tensor] = {}
    with torch.no_grad():
        for way in ways:
            drawn = repeat(
                run.space, operator, originals, max(shown), way, head=MAIN_HEAD, bfloat16=bfloat16_pays(device)
            )
            kept = [images for repeat, images in enumerate(drawn, start=1) if repeat in shown]
            pictures[way] = torch.stack(kept, dim=1)
    return pictures
