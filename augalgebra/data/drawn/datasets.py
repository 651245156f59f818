"""Data sets that know the factors that their images were drawn from."""

from dataclasses import replace

import torch

from augalgebra.case_progress import CaseProgress, unseen
from augalgebra.data.dataset import Dataset, Split
from augalgebra.data.drawn.glyphs import draw_glyphs
from augalgebra.data.drawn.morpho import draw_stroke_factors, draw_strokes
from augalgebra.data.drawn.pendulum import LEAST_SIDE, SIDE, as_bytes, draw_pendulum, pendulum_grid
from augalgebra.data.streams import TEST_EVERY
from augalgebra.errors import DataError, ImageError
from augalgebra.seeds import generator_for

_ROWS = 1024  # images that are turned into bytes at once


def glyph_data(number: int = 5000, *, flips: bool = False, seed: int = 0) -> Dataset:
    """Glyphs as a data set: four fifths to learn from, the others for testing; labels are shapes.

    Image number i is that of ``draw_glyphs(number, flips=flips, seed=seed)[i]``, which knows its factors.

    Args:
        number: How many images; at least 10.
        flips: Whether some are mirrored.
        seed: Seed of all factors.

    Raises:
        DataError: There are too few.
    """
    if number < 2 * TEST_EVERY:
        raise DataError(f"{number} glyphs are too few; at least {2 * TEST_EVERY} are needed")
    glyphs = draw_glyphs(number, flips=flips, seed=seed)
    first = number - number // TEST_EVERY
    splits = [
        Split(part.images(), part.shapes, number, part.factors)
        for number, part in ((0, glyphs[:first]), (first, glyphs[first:]))
    ]
    return Dataset("glyphs", splits[0], splits[1])


def pendulum_data(*, size: int = SIDE, seed: int = 0) -> Dataset:
    """Pictures of a pendulum as a data set: 7,308 in colour, 5,482 of them to learn from; there are no classes.

    See `augalgebra.data.drawn.pendulum`; what they were drawn from is in the `factors` of each split. The published set
    has the same grid of factors and as many pictures for training, but was drawn by other means.

    Args:
        size: Height and width in pixels, at least 32.
        seed: Seed of the order within each split.

    Raises:
        ImageError: They are too small to read the factors off them.
    """
    if size < LEAST_SIDE:
        raise ImageError(f"factors are read off pictures of a pendulum of at least {LEAST_SIDE} pixels, not {size}")
    factors, *parts = pendulum_grid()
    splits, first = [], 0
    for rows in parts:
        images = torch.empty(len(rows), 3, size, size, dtype=torch.uint8)
        for start in range(0, len(rows), _ROWS):  # as the grid has them: neighbours share most of what is drawn
            some = {name: values[rows[start : start + _ROWS]] for name, values in factors.items()}
            images[start : start + _ROWS] = as_bytes(draw_pendulum(**some, size=(size, size)))
        order = torch.randperm(len(rows), generator=generator_for(seed, "pendulum", first))
        shuffled = {name: values[rows[order]] for name, values in factors.items()}
        splits.append(Split(images[order], torch.zeros(len(rows), dtype=torch.int64), first, shuffled))
        first += len(rows)
    return Dataset("pendulum", splits[0], splits[1], truth="pendulum")


def morpho_data(digits: Dataset, *, seed: int = 0, progress: CaseProgress = unseen) -> Dataset:
    """Digits with thickness, slant and intensity set at random, as a data set that knows these factors.

    See `augalgebra.data.drawn.morpho` for the equations. What pixels show comes near the factors: see
    `augalgebra.data.drawn.strokes.measure_strokes`. Images are drawn once and then kept in the user's cache.

    Args:
        digits: Bright strokes on a dark ground, grey. Split and labels are kept.
        seed: Seed of all factors.
        progress: Called while pictures are drawn.

    Raises:
        ImageError: A digit has no strokes.
    """
    parts = (digits.train, digits.test)
    factors = draw_stroke_factors(sum(map(len, parts)), seed)
    drawn, remarks = draw_strokes(torch.cat([part.images for part in parts]), factors, progress=progress)
    splits, begun = [], 0
    for part in parts:
        rows = slice(begun, begun + len(part))
        own = {name: values[rows] for name, values in factors.items()}
        splits.append(Split(drawn[rows], part.labels, part.first, own))
        begun = rows.stop
    name = "morpho" if digits.name == "mnist" else f"morpho:{digits.name}"
    told = (*digits.remarks, *remarks)
    return replace(digits, name=name, train=splits[0], test=splits[1], remarks=told, truth="strokes")
