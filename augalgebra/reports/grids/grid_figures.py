"""Pictures of a report on operators on grids: pairs under a slider, error maps, and what adds up."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.consistency.grids.measuring import plain_move
from augalgebra.consistency.grids.report import Drift, Way
from augalgebra.documents import Slider, figures
from augalgebra.runs.grids.grid_run import GridRun
from augalgebra.runs.pictures import write_picture

WORST = 0.25
"""Error of a pixel, as mean over its colours, at the bright end of error maps."""


@dataclass(frozen=True)
class Shown:
    """One crop under a word.

    Attributes:
        word: The word, as people read it.
        true: The true picture.
        ways: What each way draws; ``plain`` is missing where there is no plain move.
    """

    word: str
    true: Float[Tensor, "channel height width"]
    ways: dict[Way, Float[Tensor, "channel height width"]]


@torch.no_grad()
def show_words(run: GridRun, words: Sequence[Word]) -> Iterator[Shown]:
    """One test crop moved each way, from the middle of all.

    Args:
        run: The run.
        words: The words.
    """
    space, catalog = run.space, run.registry.catalog
    (pixels,) = run.test_crops(1)
    picture = (pixels.float() / 255)[None].to(space.device)
    codes = space.encode(picture)
    drawn = space.decode(codes)
    for word in words:

        def act(pictures: Tensor, word: Word = word) -> Tensor:
            return catalog.apply(word, pictures.cpu(), seed=run.settings.seed).to(pictures).clamp(0, 1)

        true = act(picture)
        ways: dict[Way, Tensor] = {"operator": space.decode(run.registry.operator(word).apply(codes))[0]}
        move = plain_move(catalog, word, space.stride)
        if move is not None:
            ways["plain"] = space.decode(move.apply(codes))[0]
        ways["round trip"] = space.decode(space.encode(act(drawn)))[0]
        ways["floor"] = space.decode(space.encode(true))[0]
        yield Shown(catalog.display(word), true[0], ways)


def write_slider(shown: Shown, folder: Path, name: str) -> Slider:
    """A pair under a slider: the plain move, or the true picture where there is none, and the operator.

    Args:
        shown: What was drawn.
        folder: Where the pictures go.
        name: What their files begin with.
    """
    left, other = ("plain move of the grid", shown.ways["plain"]) if "plain" in shown.ways else ("truth", shown.true)
    before = write_picture(folder / f"{name}-before.png", other)
    after = write_picture(folder / f"{name}-after.png", shown.ways["operator"])
    return Slider(before, after, (left, "operator"), f"`{shown.word}` on a test crop, moved as a code and decoded.")


def draw_errors(shown: Shown, path: Path) -> Path:
    """What each way draws beside the truth, and below it where it errs.

    Args:
        shown: What was drawn.
        path: The file.

    Returns:
        The path.
    """
    columns = len(shown.ways) + 1
    figure = figures.empty(2.1 * columns, 4.4, dpi=figures.FINE)
    axes = figure.subplots(2, columns, squeeze=False)
    pictures = [("truth", shown.true), *shown.ways.items()]
    for column, (name, picture) in enumerate(pictures):
        pixels = picture.detach().cpu().clamp(0, 1).permute(1, 2, 0).numpy()
        error = (picture - shown.true).abs().mean(0).detach().cpu().numpy()
        above, below = axes[0][column], axes[1][column]
        above.imshow(pixels[..., 0] if pixels.shape[2] == 1 else pixels, cmap="gray", vmin=0, vmax=1)
        above.set_title(name, fontsize=9)
        below.imshow(error, cmap="magma", vmin=0, vmax=WORST)
        for part in (above, below):
            figures.bare(part)
    return figures.write(figure, path)


def draw_drift(drifts: Sequence[Drift], path: Path) -> Path:
    """PSNR over saved applications, one line for each word, and the floor of encoding anew.

    Args:
        drifts: What was measured.
        path: The file.

    Returns:
        The path.
    """
    figure = figures.empty(6.4, 3.4)
    axes = figure.add_subplot()
    for item, colour in zip(drifts, figures.colours(len(drifts)), strict=True):
        axes.plot(item.applications, item.psnr, color=colour, marker="o", markersize=3, linewidth=1.4, label=item.word)
    floors = [sum(values) / len(drifts) for values in zip(*(item.floor for item in drifts), strict=True)]
    axes.plot(drifts[0].applications, floors, color=figures.FAINT, linestyle=":", label="floor, on average")
    axes.set_xlabel("saved applications", fontsize=8)
    axes.set_ylabel("PSNR, dB", fontsize=8)
    axes.set_xticks(drifts[0].applications)
    axes.tick_params(labelsize=8, length=2)
    axes.grid(axis="y", color="#EEEEEE", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, fontsize=7, ncols=2)
    return figures.write(figure, path)
