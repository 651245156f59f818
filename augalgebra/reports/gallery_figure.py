"""Pictures as PNG files: galleries of moved images, and gap ratios at a glance."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float
from torch import Tensor

from augalgebra.consistency.report import CompositionReport, WordScore
from augalgebra.documents import figures
from augalgebra.reports.composition_table import mark
from augalgebra.reports.gallery import Group, Panel, Role

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROLE_COLOURS: dict[Role, str] = {
    "true": "#444444",
    "direct": figures.BLUE,
    "moved": figures.VERMILION,
    "encoded": figures.GREEN,
}
SERIES_COLOURS = (figures.VERMILION, figures.BLUE, figures.PURPLE, figures.GREEN, figures.ORANGE)
SERIES_MARKERS = ("o", "D", "s", "^", "v")
FRAME = 0.7

# Everything else here in pixels of the figure.
_TILE, _GAP, _GROUP_GAP, _PANEL_GAP, _MARGIN = 84, 6, 30, 64, 36
_LINE = 20
_POINT = figures.FINE / 72


@dataclass(frozen=True)
class _Sheet:
    """A figure that is addressed in pixels from its top left corner."""

    figure: "Figure"
    width: int
    height: int

    @classmethod
    def blank(cls, width: int, height: int) -> "_Sheet":
        return cls(
            figures.empty(width / figures.FINE, height / figures.FINE, dpi=figures.FINE, constrained=False),
            width,
            height,
        )

    def text(self, x: float, y: float, text: str, size: float, **style: Any) -> None:
        """Put lines of text below each other, the first with its top at `y`."""
        style = {"color": figures.INK, **style}
        for number, line in enumerate(text.splitlines()):
            # set on base lines, so that neighbours align whatever letters they have
            baseline = y + number * _LINE + 0.8 * size * _POINT
            self.figure.text(x / self.width, 1 - baseline / self.height, line, fontsize=size, **style)

    def rule(self, x: float, y: float, width: float) -> None:
        """Draw a thin horizontal line."""
        from matplotlib.lines import Line2D

        ends, height = [x / self.width, (x + width) / self.width], 1 - y / self.height
        line = Line2D(ends, [height, height], transform=self.figure.transFigure, color=figures.PALE, linewidth=0.7)
        self.figure.add_artist(line)

    def picture(self, x: int, y: int, pixels: np.ndarray[Any, Any]) -> None:
        """Put an array ``[height, width, 3]`` without resampling it."""
        self.figure.figimage(pixels, x, self.height - y - pixels.shape[0], origin="upper")


def draw_gallery(panels: Sequence[Panel], path: Path) -> Path:
    """Write panels below each other as one PNG, atomically.

    Args:
        panels: What to show.
        path: The file; missing folders are made.

    Returns:
        The path.
    """
    layouts = [_Layout(panel) for panel in panels]
    width = max(layout.width for layout in layouts) + 2 * _MARGIN
    heights = [layout.height(width - 2 * _MARGIN) for layout in layouts]
    sheet = _Sheet.blank(width, sum(heights) + _PANEL_GAP * (len(panels) - 1) + 2 * _MARGIN)
    top = _MARGIN
    for layout, height in zip(layouts, heights, strict=True):
        layout.draw(sheet, top)
        top += height + _PANEL_GAP
    return figures.write(sheet.figure, path)


class _Layout:
    """Where the groups of one panel go."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        shapes = [column.images.shape for group in panel.groups for column in group.columns]
        self._rows = max((shape[0] for shape in shapes), default=1)
        # a whole number of screen pixels for each image pixel keeps them all of one size
        sides = [max(shape[-2:]) for shape in shapes] or [_TILE]
        self._scale = max(1, round(_TILE / max(sides)))
        self._tile_width = max((shape[-1] for shape in shapes), default=_TILE) * self._scale
        self._tile_height = max((shape[-2] for shape in shapes), default=_TILE) * self._scale
        self.width = sum(map(self._group_width, panel.groups)) + _GROUP_GAP * (len(panel.groups) - 1)
        self._titles = [self._wrapped(group.title, group, 8) for group in panel.groups]
        self._words = [self._wrapped(group.subtitle, group, 7) for group in panel.groups]

    def _group_width(self, group: Group) -> int:
        columns = max(len(group.columns), 2)
        return columns * self._tile_width + (columns - 1) * _GAP

    def _wrapped(self, text: str, group: Group, size: float) -> list[str]:
        return textwrap.wrap(text, max(8, int(self._group_width(group) / (size * _POINT * 0.52))))

    def _caption(self, width: int) -> list[str]:
        columns = int(width / (7 * _POINT * 0.55))
        return [line for part in self._panel.caption.splitlines() for line in textwrap.wrap(part, columns)]

    def height(self, width: int) -> int:
        """Height of the panel with its caption set to a width."""
        return self._tiles_top + self._rows * (self._tile_height + _GAP) + 2 * _LINE + len(self._caption(width)) * _LINE

    @property
    def _words_top(self) -> int:
        return 2 * _LINE + 4 + _LINE * max(map(len, self._titles), default=1)

    @property
    def _roles_top(self) -> int:
        return self._words_top + _LINE * max(map(len, self._words), default=1) + 8

    @property
    def _tiles_top(self) -> int:
        return self._roles_top + _LINE

    def draw(self, sheet: _Sheet, top: int) -> None:
        """Draw the panel with its top at `top`."""
        sheet.text(_MARGIN, top, self._panel.title, 11, fontweight="bold")
        left = _MARGIN
        for group, title, words in zip(self._panel.groups, self._titles, self._words, strict=True):
            self._draw_group(sheet, left, top, group, title, words)
            left += self._group_width(group) + _GROUP_GAP
        below = top + self._tiles_top + self._rows * (self._tile_height + _GAP) + 3 * _LINE
        caption = "\n".join(self._caption(sheet.width - 2 * _MARGIN))
        sheet.text(_MARGIN, below, caption, 7, color=figures.FAINT)

    def _draw_group(
        self, sheet: _Sheet, left: int, top: int, group: Group, title: Sequence[str], words: Sequence[str]
    ) -> None:
        width, tiles = self._group_width(group), top + self._tiles_top
        sheet.text(left, top + 2 * _LINE, "\n".join(title), 8, fontweight="bold")
        sheet.text(left, top + self._words_top, "\n".join(words), 7)
        sheet.rule(left, top + self._roles_top - 5, width)
        bottom = tiles + self._rows * (self._tile_height + _GAP)
        if group.note:
            middle = (tiles + bottom) / 2
            sheet.text(left + width / 2, middle, group.note, 8, color=figures.FAINT, ha="center")
        for column in group.columns:
            centre = left + self._tile_width / 2
            sheet.text(centre, top + self._roles_top, column.role, 7, color=ROLE_COLOURS[column.role], ha="center")
            for row, image in enumerate(column.images):
                sheet.picture(left, tiles + row * (self._tile_height + _GAP), _tile(image, self._scale))
            if column.role == "direct" and group.floor is not None:
                sheet.text(centre, bottom, f"{group.floor:.4g}", 7.5, color=ROLE_COLOURS["direct"], ha="center")
                sheet.text(centre, bottom + _LINE, f"({group.entropy:.4g})", 7, color=figures.FAINT, ha="center")
            if column.role == "moved" and group.gap_ratio is not None:
                sheet.text(centre, bottom, f"×{group.gap_ratio:.2f}", 8, ha="center", fontweight="bold")
                still = group.identity_ratio
                below = group.verdict if group.verdict == "vacuous" else "" if still is None else f"(×{still:.2f})"
                sheet.text(centre, bottom + _LINE, below, 7, color=figures.FAINT, ha="center")
            left += self._tile_width + _GAP


def _tile(image: Float[Tensor, "channel height width"], scale: int) -> np.ndarray[Any, Any]:
    """An image as float RGB, enlarged without smoothing, with a thin frame."""
    pixels = image.detach().cpu().float().clamp(0, 1).numpy().transpose(1, 2, 0)
    pixels = np.repeat(np.repeat(pixels, scale, axis=0), scale, axis=1)
    pixels = np.array(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))
    pixels[[0, -1]] = FRAME
    pixels[:, [0, -1]] = FRAME
    return pixels


def draw_gap_chart(reports: Mapping[str, CompositionReport], path: Path, *, title: str, most: int = 30) -> Path:
    """Write gap ratios as one PNG: a row for each word, a mark for each report, and doing nothing as baseline.

    Args:
        reports: What was measured of the same words, by the name the legend gives it. The first also provides the
            baseline.
        path: The file; missing folders are made.
        title: One line above.
        most: Only the worst of the first report are shown beyond so many rows.

    Returns:
        The path.
    """
    first = next(iter(reports.values()))
    worst = [score for score in first.worst_first if score.kind != "route" and not score.trivial][:most]
    scores = [score for score in first.words if score in worst]
    row, top, bottom, left = 34, 3 * _LINE + _MARGIN, 3 * _LINE, 460
    sheet = _Sheet.blank(1280, top + bottom + row * len(scores))
    sheet.text(_MARGIN, _MARGIN / 2, title, 11, fontweight="bold")
    axes = sheet.figure.add_axes(
        (
            left / sheet.width,
            bottom / sheet.height,
            1 - (left + _MARGIN) / sheet.width,
            1 - (top + bottom) / sheet.height,
        )
    )
    rows = np.arange(len(scores))
    baseline = np.array([score.identity_ratio for score in scores])
    series = {name: np.array([_same(report, score) for score in scores]) for name, report in reports.items()}
    lowest = np.fmin.reduce([*series.values(), baseline])
    axes.hlines(rows, np.minimum(lowest, 1), baseline, color="#E3E3E3", linewidth=1.6, zorder=1)
    axes.axvline(1, color=figures.INK, linewidth=0.9, zorder=1)
    axes.scatter(baseline, rows, s=30, facecolor="white", edgecolor=figures.FAINT, label="nothing moved", zorder=2)
    for (name, ratios), colour, marker in zip(series.items(), SERIES_COLOURS, SERIES_MARKERS, strict=False):
        axes.scatter(ratios, rows, s=34, color=colour, marker=marker, label=name, zorder=3, linewidth=0)
    _dress(axes, scores)
    sheet.figure.legend(
        loc="upper left",
        bbox_to_anchor=(left / sheet.width - 0.01, 1 - (_MARGIN + _LINE) / sheet.height),
        ncols=4,
        frameon=False,
        fontsize=8,
        handletextpad=0.2,
        columnspacing=1.4,
    )
    return figures.write(sheet.figure, path)


def _dress(axes: "Axes", scores: Sequence[WordScore]) -> None:
    """Names instead of row numbers, a logarithmic scale with plain numbers, and no box."""
    from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator, StrMethodFormatter

    axes.set_xscale("log")
    low, high = axes.get_xlim()
    ticks = [tick for tick in (0.5, 1, 1.2, 1.5, 2, 3, 5, 10, 20, 50, 100) if low <= tick <= high]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.set_xlabel(
        "gap ratio: loss beyond the entropy, over that of the directly encoded view (1 is perfect)",
        fontsize=8,
        color=figures.FAINT,
    )
    axes.set_ylim(len(scores) - 0.5, -0.5)
    names = [
        (f"{score.kind}: {score.word}" if score.view == "id" else f"{score.kind}: from {score.view}")
        + mark(score.verdict)
        for score in scores
    ]
    axes.set_yticks(range(len(scores)), names, fontsize=8)
    axes.tick_params(length=0, labelsize=8, labelcolor=figures.INK)
    for side in axes.spines.values():
        side.set_visible(False)
    axes.grid(axis="x", color="#EEEEEE", linewidth=0.8)
    axes.set_axisbelow(True)


def _same(report: CompositionReport, score: WordScore) -> float:
    """The gap ratio that another report has for the same word and view."""
    other = report.get(score.word, score.view)
    return other.gap_ratio if other is not None else float("nan")
