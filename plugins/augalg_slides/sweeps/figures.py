"""Heat maps of a sweep."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from augalg_slides.sweeps.pairs import ROLES, Role, show_pair
from augalg_slides.sweeps.results import Entry, SweepResult
from augalg_slides.sweeps.settings import CellMode
from augalgebra.consistency import show_loss
from augalgebra.documents import figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

_CELL, _LEFT, _TOP, _FOOT = 1.12, 1.5, 1.15, 0.45  # inches
_NARROWEST = 3.2  # inches for the cells of a row, so that there is room for title and foot
_TITLES = {
    "original": "Original",
    "first": "First augmentation",
    "second": "Second augmentation",
    "composition": "First, then second",
}


def draw_totals(result: SweepResult, mode: CellMode, path: Path) -> Path:
    """Write the totals of one mode as a heat map: mean, spread over seeds, and the slides' figure in each cell.

    Args:
        result: What a sweep found.
        mode: Mode of stage 3; the diagonal shows the native pairs.
        path: The file.

    Returns:
        The path.
    """
    digits = result.settings.digits

    def lines(entry: Entry) -> list[str]:
        spread = f"± {entry.total.deviation:.{digits}f}" if entry.total.n > 1 else ""
        published = "" if entry.published is None else f"slides {entry.published:.1f}"
        return [f"{entry.total.mean:.{digits}f}", spread, published]

    figure, (axes,) = _figure(result, 1)
    _heat(axes, result, mode, lambda entry: entry.total.mean, lines)
    _title(axes, f"All four terms together, {mode}")
    seeds = len(result.settings.seeds)
    settings = result.settings
    foot = f"{settings.data}, {mode}: {settings.unit} per test image, sum of four terms, mean over {seeds} seed(s)"
    if any(entry.published is not None for entry in result.table(mode).values()):
        foot += "; slides: MNIST"
    return _write(figure, foot, path)


def draw_terms(result: SweepResult, mode: CellMode, path: Path) -> Path:
    """Write each term of one mode as a heat map with floor and entropy of each cell.

    Args:
        result: What a sweep found.
        mode: Mode of stage 3; the diagonal shows the native pairs.
        path: The file.

    Returns:
        The path.
    """
    figure, panels = _figure(result, len(ROLES))
    for axes, role in zip(panels, ROLES, strict=True):
        _heat(axes, result, mode, partial(_loss, role), partial(_loss_and_floor, role))
        _title(axes, _TITLES[role])
    return _write(
        figure,
        f"{result.settings.data}, {mode}: {result.settings.unit} per test image; floor: drawn from its own code; "
        "entropy: perfectly",
        path,
    )


def _loss(role: Role, entry: Entry) -> float:
    return entry.loss[role].mean


def _loss_and_floor(role: Role, entry: Entry) -> list[str]:
    floor, entropy = entry.floor[role].mean, entry.entropy[role].mean
    return [show_loss(entry.loss[role].mean), f"floor {show_loss(floor)}", f"entropy {show_loss(entropy)}"]


def _figure(result: SweepResult, panels: int) -> "tuple[Figure, list[Axes]]":
    columns, rows = (2, panels // 2) if panels > 1 else (1, 1)
    wide, high = max(len(result.settings.targets) * _CELL, _NARROWEST), len(result.settings.pairs) * _CELL * 0.6
    width, height = columns * (_LEFT + wide) + 0.2, rows * (_TOP + high) + _FOOT
    figure = figures.empty(width, height, dpi=figures.FINE, constrained=False)
    axes = []
    for number in range(panels):
        row, column = divmod(number, columns)
        left = column * (_LEFT + wide) + _LEFT
        bottom = height - (row + 1) * (_TOP + high)
        axes.append(figure.add_axes((left / width, bottom / height, wide / width, high / height)))
    return figure, axes


def _heat(
    axes: "Axes",
    result: SweepResult,
    mode: CellMode,
    value: Callable[[Entry], float],
    lines: Callable[[Entry], list[str]],
) -> None:
    pairs, targets, table = result.settings.pairs, result.settings.targets, result.table(mode)
    values = np.full((len(pairs), len(targets)), np.nan)
    for (train, target), entry in table.items():
        values[pairs.index(train), targets.index(target)] = value(entry)
    # each target has its own scale, since a column compares what the initial pairs make of the same images
    low, high = np.nanmin(values, axis=0, initial=np.inf), np.nanmax(values, axis=0, initial=-np.inf)
    shades = (values - low) / np.where(high > low, high - low, 1)
    axes.imshow(shades, cmap="cividis_r", vmin=-0.05, vmax=1.05, aspect="auto")
    for (train, target), entry in table.items():
        row, column = pairs.index(train), targets.index(target)
        colour = "white" if shades[row, column] > 0.5 else figures.INK
        first, *more = lines(entry)
        axes.text(column, row - 0.18, first, ha="center", va="center", fontsize=8, fontweight="bold", color=colour)
        for number, line in enumerate(filter(None, more)):
            axes.text(column, row + 0.1 + 0.22 * number, line, ha="center", va="center", fontsize=6, color=colour)
        if train == target:
            axes.add_patch(_frame(row, column))
    axes.set_xticks(range(len(targets)), [show_pair(pair).replace(", ", ",\n") for pair in targets], fontsize=7)
    axes.set_yticks(range(len(pairs)), [show_pair(pair).replace(", ", ",\n") for pair in pairs], fontsize=7)
    axes.tick_params(length=0, top=False, bottom=False, labeltop=True, labelbottom=False, labelcolor=figures.INK)
    for side in axes.spines.values():
        side.set_visible(False)


def _title(axes: "Axes", text: str) -> None:
    axes.set_title(text, fontsize=9, fontweight="bold", color=figures.INK, loc="left", pad=34)


def _frame(row: int, column: int) -> "Rectangle":
    from matplotlib.patches import Rectangle

    return Rectangle((column - 0.48, row - 0.47), 0.96, 0.94, fill=False, edgecolor=figures.INK, linewidth=1.6)


def _write(figure: "Figure", foot: str, path: Path) -> Path:
    note = f"{foot}.\nRows: trained on; columns: drawn; framed: native. Darker is worse, column by column."
    figure.text(0.02, 0.1 / figure.get_figheight(), note, fontsize=6, color=figures.FAINT, va="bottom")
    return figures.write(figure, path)
