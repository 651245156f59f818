"""A repeated word as a figure: losses and kept classes against the number of repeats, with pictures."""

from collections.abc import Sequence
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from augalgebra.consistency.recursion import RecursionReport, Way
from augalgebra.documents import figures

STYLE: dict[str, tuple[str, str]] = {
    "floor": (figures.FAINT, "directly encoded (floor)"),
    "entropy": (figures.PALE, "drawn perfectly (entropy)"),
    "nothing": (figures.PALE, "nothing moved"),
    "plain": (figures.VERMILION, "encoder alone"),
    "refined": (figures.BLUE, "refined encoding"),
    "latent": (figures.GREEN, "never decoded in between"),
}
"""Colour and name of each curve; Okabe and Ito's palette, which colour-blind readers can tell apart."""
_WIDTH, _CURVES, _CAPTIONS = 11.0, 3.6, 0.7
"""Inches: of the whole figure, of the curves from top to bottom, and of what is written around pictures."""


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
