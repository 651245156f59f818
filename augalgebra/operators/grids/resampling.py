"""What a grid of codes can do of a word that is no move of its positions: the rest is left to a local map."""

import functools
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from augalgebra.algebra.words import Word, product
from augalgebra.catalog import Catalog
from augalgebra.checks.inversion.pixel_maps import FITTING, source_map, stays_put
from augalgebra.errors import GridMoveError, ImageError
from augalgebra.operators.grids.moves import ANOTHER_SIZE, AxisMove, GridMove, read_pixels, without_draws
from augalgebra.plain import PlainData

SIZES = ((16, 16), (13, 20), (18, 11))
"""Height and width of the pictures that an affine map is read off, in positions."""


@dataclass(frozen=True)
class ResampledMove(PlainData):
    """An affine map of the plane, about the middle of the grid, by interpolation between the four nearest positions.

    Positions that show nothing of the original show what is nearest at its border.

    Attributes:
        matrix: Rows of M; the result shows at u what the original has at M u + shift, both measured from the middle,
            in positions, x to the right and y downwards.
        shift: In positions.
        label: The word, as people write it.
    """

    matrix: tuple[tuple[float, float], tuple[float, float]]
    shift: tuple[float, float]
    label: str

    @classmethod
    def of(cls, catalog: Catalog, word: str | Word, stride: int) -> "ResampledMove":
        """Read it off pictures of several sizes.

        Args:
            catalog: Where the augmentations are.
            word: The word.
            stride: Pixels for each position, in either direction.

        Raises:
            GridMoveError: It moves pixels by no affine map about the middle, or changes their values.
            AugalgebraError: The word cannot be applied.
        """
        canonical, label = without_draws(catalog, word)
        found: list[tuple[Tensor, Tensor, float]] = []
        for height, width in SIZES:
            size = height * stride, width * stride
            try:
                seen = source_map(functools.partial(catalog.apply, canonical), size)
                affine = seen.affine()[0]
            except ImageError as error:
                raise GridMoveError(f"{label} is neither a move of positions nor an affine map: {error}") from None
            if seen.inside.shape[1:] != size:
                raise GridMoveError(f"{label} changes the size of pictures and mixes pixels; no fit can do that")
            middle = torch.tensor([(size[1] - 1) / 2, (size[0] - 1) / 2], dtype=affine.dtype)
            found.append((affine[:, :2], affine[:, :2] @ middle + affine[:, 2] - middle, float(middle.max())))
        matrix, shift, _ = found[0]
        for other, offset, reach in found:
            if float((other - matrix).abs().sum(1).max()) * reach + float((offset - shift).abs().max()) > FITTING:
                raise GridMoveError(f"{label} {ANOTHER_SIZE}")
        (a, b), (c, d) = matrix.tolist()
        x, y = (shift / stride).tolist()
        return cls(((a, b), (c, d)), (x, y), label)

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of what becomes of a grid: the same."""
        return height, width

    def apply(self, grid: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch channel height width"]:
        """Resample a batch of codes, in float32 at least."""
        height, width = grid.shape[-2:]
        (a, b), (c, d) = self.matrix
        x, y = self.shift
        # in units where an axis reaches from -1 to 1
        theta = [[a, b * height / width, 2 * x / width], [c * width / height, d, 2 * y / height]]
        dtype = torch.promote_types(grid.dtype, torch.float32)
        affine = torch.tensor(theta, dtype=dtype, device=grid.device).expand(len(grid), 2, 3)
        places = functional.affine_grid(affine, [len(grid), 1, height, width], align_corners=False)
        moved = functional.grid_sample(grid.to(dtype), places, padding_mode="border", align_corners=False)
        return moved.to(grid.dtype)

    def is_inside(self, height: int, width: int, reach: int = 1) -> Bool[Tensor, "height width"]:
        """Which positions show a place that is at least so far from the border of the original, in positions."""
        down, across = torch.meshgrid(
            torch.arange(height) - (height - 1) / 2, torch.arange(width) - (width - 1) / 2, indexing="ij"
        )
        (a, b), (c, d) = self.matrix
        x, y = a * across + b * down + self.shift[0], c * across + d * down + self.shift[1]
        slack = 1e-6 - reach
        return (x.abs() <= (width - 1) / 2 + slack) & (y.abs() <= (height - 1) / 2 + slack)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Read what `to_dict` wrote.

        Raises:
            GridMoveError: It is something else.
        """
        try:
            (a, b), (c, d) = data["matrix"]
            x, y = data["shift"]
            return cls(((float(a), float(b)), (float(c), float(d))), (float(x), float(y)), str(data["label"]))
        except (TypeError, KeyError, ValueError):
            raise GridMoveError("this is no resampling of a grid") from None


class NearestMove(NamedTuple):
    """What a grid can do of a word.

    Attributes:
        move: A move of positions if there is one near, or a resampling.
        rest: What is left to do after a move of positions: pixels to the right and down, at most half the stride.
        exact: Whether the word does just this to pixels, so that nothing is left to do.
    """

    move: GridMove | ResampledMove
    rest: tuple[int, int]
    exact: bool

    def is_inside(self, height: int, width: int, reach: int = 1) -> Bool[Tensor, "new_height new_width"]:
        """Which positions of the result have the neighbours they had before, up to some distance.

        Where something is left to do, the next move on the way has to say so too.

        Args:
            height: Of the grid before.
            width: Of the grid before.
            reach: The distance.

        Raises:
            GridMoveError: It does not act on grids of this size.
        """
        inside = self.move.is_inside(height, width, reach)
        if isinstance(self.move, GridMove) and any(self.rest):
            right, down = self.rest
            rows, columns = _moved_on(self.move.rows, down), _moved_on(self.move.columns, right)
            inside &= replace(self.move, rows=rows, columns=columns).is_inside(height, width, reach)
        return inside


def find_nearest_move(catalog: Catalog, word: str | Word, stride: int) -> NearestMove:
    """What a grid can do of any word.

    Letters that leave pixels at their places (colours, blurs, noise) are left out: they are all for the local map. Of
    the rest, shifts are rounded to multiples of the stride (towards none, in the middle between two).

    Args:
        catalog: Where the augmentations are.
        word: The word.
        stride: Pixels for each position, in either direction.

    Raises:
        GridMoveError: The rest is neither a move of positions nor an affine map about the middle, or cuts the picture
            where no position ends.
        AugalgebraError: The word cannot be applied.
    """
    canonical, _ = without_draws(catalog, word)
    try:
        pixels, whole = read_pixels(catalog, canonical, stride), True
    except GridMoveError:
        geometric, whole = _geometric(catalog, canonical, (SIZES[0][0] * stride, SIZES[0][1] * stride)), False
        try:
            pixels = read_pixels(catalog, geometric, stride)
        except GridMoveError:
            return NearestMove(ResampledMove.of(catalog, geometric, stride), (0, 0), exact=False)
    (rows, down), (columns, right) = (_rounded(axis, stride) for axis in (pixels.rows, pixels.columns))
    move = replace(pixels, rows=rows, columns=columns).divided(stride)
    return NearestMove(move, (right, down), exact=whole and not (right or down))


def _geometric(catalog: Catalog, word: Word, size: tuple[int, int]) -> Word:
    """The letters that move pixels."""
    letters = [Word(((symbol, 1),)) for symbol, _ in catalog.spelt_out(word).letters]
    return product(letter for letter in letters if not stays_put(functools.partial(catalog.apply, letter), size))


def _rounded(axis: AxisMove, stride: int) -> tuple[AxisMove, int]:
    """The axis with a start that is a multiple of the stride, and how far the result has to move forward still."""
    sign = 1 if axis.start > 0 else -1
    start = sign * ((abs(axis.start) + (stride - 1) // 2) // stride) * stride
    # what begins earlier shows everything further on, unless it is read backwards
    return replace(axis, start=start), (axis.start - start) if axis.reverse else (start - axis.start)


def _moved_on(axis: AxisMove, way: int) -> AxisMove:
    """The axis moved by one position more, forward or backward, where it is a cyclic shift."""
    step = (way > 0) - (way < 0)
    return replace(axis, start=axis.start + (step if axis.reverse else -step)) if axis.wraps else axis
