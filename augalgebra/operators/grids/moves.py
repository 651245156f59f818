"""Moves of a grid of codes: what an augmentation does to pixels, done to the positions of the grid.

A code has one position for each square of ``stride`` × ``stride`` pixels. Where an augmentation moves such squares as
they are, the grid can be moved the same way. That is read off the pixels of pictures (`source_map`), never assumed.
"""

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self, TypeAlias

import torch
from jaxtyping import Bool, Int, Num
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog
from augalgebra.checks.inversion.pixel_maps import VISIBLE, SourceMap, source_map
from augalgebra.errors import AugalgebraError, GridMoveError, ImageError
from augalgebra.plain import PlainData

Sizes: TypeAlias = Sequence[tuple[int, int]]

WIDE = ((5, 7), (7, 9), (4, 4), (9, 5)), ((11, 13), (6, 8))
"""Height and width of the pictures that a move is read off, in positions, and of others that it is compared on. Shifts
are told apart up to 630 positions."""
SQUARE = ((5, 5), (7, 7), (4, 4), (9, 9)), ((11, 11), (6, 6))
"""The same for what moves positions on square grids only."""
ENLARGED = (1, 4, 16)
"""How much larger pictures are tried where an augmentation needs it, such as a crop."""
ANOTHER_SIZE = "moves pixels in another way on pictures of another size"


@dataclass(frozen=True)
class AxisMove(PlainData):
    """What becomes of one axis: a window is cut out of it, which may reach over its end, and may be reversed.

    Attributes:
        start: Where the window begins; counted from the end if negative, from where it would be in the middle if
            `centred`.
        length: Of the window: as given, or so much less than the axis if it is 0 or negative.
        reverse: Whether the window is read backwards.
        wraps: Whether what the window has beyond the end comes from the beginning.
        centred: Whether the window lies in the middle.
    """

    start: int = 0
    length: int = 0
    reverse: bool = False
    wraps: bool = False
    centred: bool = False

    def window(self, size: int) -> tuple[int, int]:
        """Start and length of the window on an axis of some length.

        Raises:
            GridMoveError: It does not fit in there.
        """
        length = self.length if self.length > 0 else size + self.length
        if self.centred and (size - length) % 2:
            raise GridMoveError(f"a window of {length} in the middle of {size} positions begins between two")
        start = self.start + (size - length) // 2 if self.centred else self.start
        start = start % size if self.wraps else start + (size if start < 0 else 0)
        if not 0 < length <= size or not (self.wraps or 0 <= start <= size - length):
            raise GridMoveError(f"{size} positions are too few for a window of {length} that begins at {start}")
        return start, length

    def sources(self, size: int) -> Int[Tensor, " result"]:
        """For each position of the result the position that it shows.

        Raises:
            GridMoveError: The window does not fit.
        """
        start, length = self.window(size)
        places = (start + torch.arange(length)) % size
        return places.flip(0) if self.reverse else places

    def is_inside(self, size: int, reach: int) -> Bool[Tensor, " result"]:
        """Which positions of the result have the neighbours they had, up to some distance."""
        places = self.sources(size)
        here, step = torch.arange(len(places)), -1 if self.reverse else 1
        same = torch.ones(len(places), dtype=torch.bool)
        for away in range(-reach, reach + 1):
            there, before = here + away, places + step * away
            within = (there >= 0) & (there < len(places))
            known = (before >= 0) & (before < size)
            same &= torch.where(within, places[there.clamp(0, len(places) - 1)] == before, ~known)
        return same

    def divided(self, stride: int) -> "AxisMove":
        """The same on an axis with one position for several."""
        return replace(self, start=self.start // stride, length=self.length // stride)

    @classmethod
    def read(cls, seen: "Sequence[tuple[int, Int[Tensor, ' result']]]") -> "AxisMove | None":
        """The move that shows certain positions on axes of certain lengths; None if there is none."""
        flags = [len(places) > 1 and bool(places[1] == (places[0] - 1) % size) for size, places in seen]
        windows = [
            (size, int(places[-1] if back else places[0]), len(places))
            for back, (size, places) in zip(flags, seen, strict=True)
        ]
        wraps = any(start + length > size for size, start, length in windows)
        lengths = {length for *_, length in windows}
        short = {length - size for size, _, length in windows}
        for length in (short if max(short) <= 0 else set()) | lengths:
            for centred in (False, True):
                starts = [(start - (size - own) // 2 * centred, size) for size, start, own in windows]
                found = cls(_common(starts), length, flags[0], wraps, centred)
                if all(_shows(found, size, places) for size, places in seen):
                    return found
        return None


def _common(starts: Sequence[tuple[int, int]]) -> int:
    """The number nearest to 0 that has some remainders by some numbers, or meets the first of them at least."""
    start, size = max(starts, key=lambda item: item[1])
    period = math.lcm(*(other for _, other in starts))
    meeting = [
        number
        for number in range(start % size - period, period, size)
        if all((number - other) % length == 0 for other, length in starts)
    ]
    return min(meeting, key=abs, default=start)


def _shows(move: AxisMove, size: int, places: Tensor) -> bool:
    try:
        return torch.equal(move.sources(size), places)
    except GridMoveError:
        return False


@dataclass(frozen=True)
class GridMove(PlainData):
    """A move of positions: a turn or reflection by quarters, a cyclic shift, a crop, or several of these.

    It is exact for values of every type, acts on every device, and takes no memory of its own.

    Attributes:
        rows: What becomes of the axis that the rows of the result come from.
        columns: The same for columns.
        transpose: Whether rows of the result are columns of the original.
        square: Whether it is a move of positions on square grids alone.
        label: The word, as people write it.

    Examples:
        >>> from augalgebra import load_catalog
        >>> move = GridMove.of(load_catalog(), "flip_lr * roll(8, 0)", stride=8)
        >>> move.apply(torch.arange(4).reshape(1, 1, 1, 4)).tolist()
        [[[[0, 3, 2, 1]]]]
    """

    rows: AxisMove = AxisMove()
    columns: AxisMove = AxisMove()
    transpose: bool = False
    square: bool = False
    label: str = "id"

    @classmethod
    def of(cls, catalog: Catalog, word: str | Word, stride: int) -> "GridMove":
        """The move of the grid that belongs to a word.

        Args:
            catalog: Where the augmentations are.
            word: The word.
            stride: Pixels for each position, in either direction.

        Raises:
            GridMoveError: No move of positions does what the word does to pixels; the message says what does.
            AugalgebraError: The word cannot be applied.
        """
        return read_pixels(catalog, word, stride).divided(stride)

    @property
    def is_identity(self) -> bool:
        """Whether every position stays where it is."""
        return not self.transpose and self.rows == self.columns == AxisMove()

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of what becomes of a grid.

        Raises:
            GridMoveError: It does not act on grids of this size.
        """
        if self.square and height != width:
            raise GridMoveError(f"{self.label} moves whole positions on square grids only, not on {height}×{width}")
        down, across = (width, height) if self.transpose else (height, width)
        try:
            return self.rows.window(down)[1], self.columns.window(across)[1]
        except GridMoveError as error:
            raise GridMoveError(f"{self.label} does not act on a grid of {height}×{width}: {error}") from None

    def apply(
        self, grid: Num[Tensor, "batch channel height width"]
    ) -> Num[Tensor, "batch channel new_height new_width"]:
        """Move the positions of a batch of codes; the result may share its memory with the argument.

        Raises:
            GridMoveError: It does not act on grids of this size.
        """
        self.size(grid.shape[-2], grid.shape[-1])
        result, backwards = grid, []
        # what is transposed comes last: moving along axes that are out of order takes many times as long
        for dim, axis in zip((-1, -2) if self.transpose else (-2, -1), (self.rows, self.columns), strict=True):
            start, length = axis.window(grid.shape[dim])
            if axis.wraps:
                result, start = result.roll(-start, dim), 0
            result = result.narrow(dim, start, length)
            backwards += [dim] * axis.reverse
        result = result.flip(backwards) if backwards else result
        return result.transpose(-2, -1) if self.transpose else result

    def is_inside(self, height: int, width: int, reach: int = 1) -> Bool[Tensor, "new_height new_width"]:
        """Which positions of the result have the neighbours they had before, borders included, up to some distance.

        Beside the seam of a cyclic shift, and at borders that were none, codes are not what encoding would give.

        Args:
            height: Of the grid before.
            width: Of the grid before.
            reach: The distance.

        Raises:
            GridMoveError: It does not act on grids of this size.
        """
        self.size(height, width)
        down, across = (width, height) if self.transpose else (height, width)
        return self.rows.is_inside(down, reach)[:, None] & self.columns.is_inside(across, reach)

    def divided(self, stride: int) -> "GridMove":
        """The same on a grid with one position for each square of positions.

        Raises:
            GridMoveError: It does not move such squares as they are.
        """
        wrong = dict.fromkeys(abs(axis.start) for axis in (self.columns, self.rows) if axis.start % stride)
        if wrong:
            moved = " and ".join(map(str, wrong))
            raise GridMoveError(
                f"{self.label} moves by {moved} pixel{'s' * (moved != '1')}; on this grid only multiples of {stride} do"
            )
        uneven = [axis.length for axis in (self.columns, self.rows) if axis.length % stride]
        if uneven:
            cut = " and ".join(f"leaves {length}" if length > 0 else f"cuts off {-length}" for length in uneven)
            raise GridMoveError(f"{self.label} {cut} pixels; on this grid only multiples of {stride} do")
        return replace(self, rows=self.rows.divided(stride), columns=self.columns.divided(stride))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Read what `to_dict` wrote.

        Raises:
            GridMoveError: It is something else.
        """
        try:
            found = cls(**{**data, **{name: AxisMove(**data[name]) for name in ("rows", "columns")}})
            numbers = [found.rows.start, found.rows.length, found.columns.start, found.columns.length]
        except (TypeError, KeyError, AttributeError):
            raise GridMoveError("this is no move of a grid") from None
        if found.to_dict() != data or not all(isinstance(number, int) for number in numbers):
            raise GridMoveError("this is no move of a grid")
        return found


class _Reading(NamedTuple):
    """A picture's pixel map along its axes."""

    transpose: bool
    rows: tuple[int, Tensor]
    columns: tuple[int, Tensor]


def read_pixels(catalog: Catalog, word: str | Word, stride: int = 1) -> GridMove:
    """The move of pixels that a word is, read off pictures of several sizes.

    Args:
        catalog: Where the augmentations are.
        word: The word.
        stride: The sizes are multiples of it.

    Raises:
        GridMoveError: It is no move of pixels.
        AugalgebraError: The word cannot be applied.
    """
    canonical, label = without_draws(catalog, word)
    move = functools.partial(catalog.apply, canonical)
    try:
        return _read(move, WIDE, stride, label)
    except GridMoveError:
        return replace(_read(move, SQUARE, stride, label), square=True)


def without_draws(catalog: Catalog, word: str | Word) -> tuple[Word, str]:
    """The canonical form of a word, and how people write it.

    Raises:
        GridMoveError: It draws parameters, so that it moves each picture in another way.
    """
    canonical = catalog.word(word)
    label = catalog.display(canonical)
    if any(symbol.variables for symbol in canonical.symbols):
        raise GridMoveError(f"{label} draws its parameters for each picture; give them")
    return canonical, label


def _read(move: Callable[[Tensor], Tensor], sizes: tuple[Sizes, Sizes], stride: int, label: str) -> GridMove:
    tried: list[tuple[int, int]] = []
    for factor in ENLARGED:
        larger, others = ([(h * factor * stride, w * factor * stride) for h, w in part] for part in sizes)
        tried += [*larger, *others]
        try:
            seen = [_axes_of(source_map(move, size), label) for size in larger]
        except ImageError as error:
            raise _no_move(label, str(error).removeprefix("it ")) from None
        except GridMoveError:
            raise
        except AugalgebraError:
            if factor == ENLARGED[-1]:
                raise
            continue
        rows, columns = AxisMove.read([item.rows for item in seen]), AxisMove.read([item.columns for item in seen])
        if rows and columns and len({item.transpose for item in seen}) == 1:
            found = GridMove(rows, columns, seen[0].transpose, label=label)
            for size in tried:
                _check(found, move, size)
            return found
    raise _no_move(label, ANOTHER_SIZE)


def _check(found: GridMove, move: Callable[[Tensor], Tensor], size: tuple[int, int]) -> None:
    """Compare the two on noise, wherever the first can be applied."""
    try:
        found.size(*size)
    except GridMoveError:
        return
    noise = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    before, after = found.apply(noise), move(noise.clone())
    if before.shape != after.shape or float((before - after).abs().max()) > VISIBLE:
        left, right = (pixels.flatten(2).sort()[0] for pixels in (before, after))
        same = left.shape == right.shape and torch.equal(left, right)
        raise _no_move(found.label, ANOTHER_SIZE if same else "changes the values of pixels")


def _axes_of(found: SourceMap, label: str) -> _Reading:
    if not found.whole or not bool(found.inside.all()):
        raise _no_move(label, "mixes pixels" if not found.whole else "fills a part of the picture")
    x, y = found.x[0].round().long(), found.y[0].round().long()
    (height, width), transpose = found.size, not bool((x == x[:1]).all() and (y == y[:, :1]).all())
    if not transpose:
        return _Reading(False, (height, y[:, 0]), (width, x[0]))
    if not bool((x == x[:, :1]).all() and (y == y[:1]).all()):
        raise _no_move(label, "moves pixels one by one")
    return _Reading(True, (width, x[:, 0]), (height, y[0]))


def _no_move(label: str, reason: str) -> GridMoveError:
    return GridMoveError(f"{label} {reason}, and is no move of the positions of a grid; fit a kernel for it instead")
