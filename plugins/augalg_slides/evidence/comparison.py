"""What comparisons of latent spaces have in common: a table, claims, and pictures in strips."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from jaxtyping import Float
from torch import Tensor

from augalg_slides.evidence.claims import Claim
from augalgebra.documents import figures
from augalgebra.markdown import markdown_table
from augalgebra.plain import PlainData, finite

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = (
    *(figures.FAINT, figures.BLUE, figures.SKY, figures.GREEN, figures.VERMILION, figures.ORANGE, figures.PURPLE),
    *(figures.YELLOW, figures.INK),
)
"""A grey for baselines, and the palette behind it."""
DPI = 130
"""Of the pictures of comparisons."""

Strips = Mapping[str, Float[Tensor, "row column channel height width"]]


@dataclass(frozen=True)
class Table:
    """Names and numbers.

    Attributes:
        headings: One for each column.
        rows: The name of the row, then its numbers; None where there is none.
    """

    headings: tuple[str, ...]
    rows: tuple[tuple[str | float | None, ...], ...]

    @property
    def cells(self) -> list[list[str]]:
        """Everything as text."""
        return [[_text(cell) for cell in row] for row in self.rows]

    def to_dict(self) -> list[dict[str, Any]]:
        """Plain data for JSON: one object for each row."""
        return [
            {
                heading: finite(cell) if isinstance(cell, float) else cell
                for heading, cell in zip(self.headings, row, strict=True)
            }
            for row in self.rows
        ]

    def to_markdown(self) -> str:
        """A table whose columns are aligned."""
        return markdown_table([list(self.headings), *self.cells], names=1)


@dataclass(frozen=True, kw_only=True)
class Comparison(PlainData):
    """What was measured of latent spaces side by side.

    Attributes:
        name: Which comparison it is.
        seed: Seed of everything that was random.
        images: How many test images were measured.
        claims: What the slides say, beside what was measured.
        table: All numbers that matter.
        about: What the numbers of the table are.
        strips: Pictures by title, each with its columns named in `columns`; not part of the JSON.
        columns: Names of the columns of each strip.
    """

    name: str
    seed: int
    images: int
    claims: tuple[Claim, ...]
    table: Table
    about: str
    strips: Strips = field(default_factory=dict, repr=False)
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)
    in_json: ClassVar[tuple[str, ...]] = "name as experiment", "seed", "images", "claims", "table", "about"

    def to_markdown(self) -> str:
        """The claims and the table as a section of a document."""
        claims = "\n".join(f"- {claim}" for claim in self.claims)
        return f"{claims}\n\n{self.table.to_markdown()}\n\n{self.about}\n"


def draw_bars(axes: "Axes", names: Sequence[str], values: Sequence[float], *, title: str, line: float | None) -> None:
    """Horizontal bars with their numbers, and a line that marks what would be perfect; what is no number has no bar."""
    colours = [COLOURS[number % len(COLOURS)] for number in range(len(names))]
    bars = axes.barh(range(len(names)), [finite(value) or 0.0 for value in values], color=colours)
    axes.bar_label(bars, labels=[_text(value) for value in values], fontsize=7, padding=2)
    axes.set_yticks(range(len(names)), names, fontsize=7)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.tick_params(labelsize=7)
    axes.set_title(title, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    if line is not None:
        axes.axvline(line, color=figures.INK, linewidth=0.8, linestyle=":")


def draw_strips(figure: "Figure", cell: Any, comparison: Comparison) -> None:
    """The pictures of a comparison in the cell of a grid, one strip beside the other."""
    widths = [images.shape[1] for images in comparison.strips.values()]
    grid = cell.subgridspec(1, len(widths), width_ratios=widths)
    for number, (title, images) in enumerate(comparison.strips.items()):
        axes = figure.add_subplot(grid[number])
        columns, width = images.shape[1], images.shape[-1]
        # [row, column, channel, height, width] to [rows height, columns width, channel]
        sheet = images.permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1).cpu()
        axes.imshow(sheet.squeeze(-1).numpy(), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_title(textwrap.fill(title, 8 * columns), fontsize=7)
        names = comparison.columns.get(title, [""] * columns)
        axes.set_xticks(
            [(column + 0.5) * width for column in range(columns)], names, fontsize=6, rotation=40, ha="right"
        )
        axes.set_yticks([])
        axes.tick_params(length=0)


def _text(cell: str | float | None) -> str:
    if isinstance(cell, str):
        return cell
    if cell is None or finite(cell) is None:
        return "-"
    return f"{cell:.3f}" if abs(cell) < 100 else f"{cell:.3g}"
