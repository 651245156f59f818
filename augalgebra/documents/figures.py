"""What all figures share: the colours, an empty figure, a scatter of points, rows of images, and the file.

Drawn on matplotlib's Agg canvas without pyplot, so that nothing global is touched and no display is needed.
"""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from torch import Tensor

from augalgebra.operators.groups.arrays import Array
from augalgebra.storage.files import check_ending, write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

DPI, FINE = 110, 160
"""Pixels of an inch: of a plot, and of a figure that is full of small pictures or numbers."""
# Okabe and Ito's palette, which colour-blind readers can tell apart.
BLUE, VERMILION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, YELLOW = "#E69F00", "#56B4E9", "#F0E442"
INK, FAINT, PALE = "#222222", "#767676", "#BBBBBB"
"""Of texts and what matters, of what stands beside it, and of lines that only lead the eye."""
COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, INK, YELLOW, "#8C564B", "#999999")
"""Of series that are equals."""


def colours(count: int) -> list[str]:
    """As many colours as asked for; beyond those of the palette they begin again."""
    return [COLOURS[number % len(COLOURS)] for number in range(count)]


def empty(width: float, height: float, *, dpi: int = DPI, constrained: bool = True) -> "Figure":
    """A figure without axes.

    Args:
        width: Its width in inches.
        height: Its height in inches.
        dpi: Pixels of an inch.
        constrained: Whether axes make room for each other and for their texts by themselves.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=dpi, facecolor="white", layout="constrained" if constrained else None)
    FigureCanvasAgg(figure)
    return figure


def write(figure: "Figure", path: Path) -> Path:
    """Write a figure as PNG, in one step; missing folders are made.

    Raises:
        AugalgebraError: The name of the file ends otherwise, or it cannot be written.
    """
    check_ending(path, ".png")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    write_atomically(path, buffer.getvalue())
    return path


def scatter(axes: "Axes", points: Array, groups: Sequence[int], names: Sequence[str], *, size: float = 5) -> None:
    """Points in the colour of their group.

    Args:
        axes: Where.
        points: ``[point, 2]``.
        groups: The number of the group of each point.
        names: The name of each group.
        size: Area of a dot.
    """
    numbers = np.asarray(groups)
    for number, (name, colour) in enumerate(zip(names, colours(len(names)), strict=True)):
        chosen = points[numbers == number]
        axes.scatter(chosen[:, 0], chosen[:, 1], s=size, color=colour, label=name, alpha=0.55, linewidth=0)
    bare(axes)


def bare(axes: "Axes") -> None:
    """No ticks, and a frame that does not catch the eye."""
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_color("#CCCCCC")


def tiles(axes: "Axes", images: Float[Tensor, "row column channel height width"]) -> None:
    """Rows of images in one picture, labels to be set at `(n + 0.5)` times their width and height."""
    sheet = images.detach().cpu().float().clamp(0, 1).permute(0, 3, 1, 4, 2)
    pixels: np.ndarray[Any, Any] = sheet.flatten(2, 3).flatten(0, 1).numpy()
    axes.imshow(pixels[..., 0] if pixels.shape[2] == 1 else pixels, cmap="gray", vmin=0, vmax=1, interpolation="none")
    bare(axes)
    axes.tick_params(length=0, labelsize=8)


def label_tiles(axes: "Axes", size: tuple[int, int], rows: Sequence[str], columns: Sequence[str]) -> None:
    """Names beside the rows and below the columns of `tiles`.

    Args:
        axes: Where they are.
        size: Height and width of one image.
        rows: Names from top to bottom.
        columns: Names from left to right.
    """
    height, width = size
    axes.set_yticks([(number + 0.5) * height - 0.5 for number in range(len(rows))], rows)
    axes.set_xticks([(number + 0.5) * width - 0.5 for number in range(len(columns))], columns)
