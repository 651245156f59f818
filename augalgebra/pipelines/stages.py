"""What a reduced pipeline consists of: steps as they were, and several of them carried out at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial, reduce
from typing import Literal

from jaxtyping import Float
from torch import Tensor

from augalgebra.algebra.words import Letter, Word
from augalgebra.catalog import Catalog
from augalgebra.checks.inversion.pixel_maps import Move
from augalgebra.errors import AugalgebraError
from augalgebra.pipelines.maps import (
    CLOSE,
    Grid,
    PixelMap,
    ValueMap,
    compose,
    interpolate,
    permute,
    read_places,
    read_values,
    trace,
)

Kind = Literal["step", "permutation", "interpolation", "values"]
SMALL = 48
"""Side in pixels of the pictures that the places of drawn augmentations are read off."""


@dataclass(frozen=True)
class Read:
    """A letter, and what was read off of it.

    Attributes:
        letter: The letter.
        places: The map of places that it is, for the first image.
        values: The map of values that it is, for the first image.
        before: Height and width of the images that it is applied to.
        size: Height and width of the pictures that it is read off again for images with other drawn parameters.
    """

    letter: Letter
    before: tuple[int, int]
    places: PixelMap | None = None
    values: ValueMap | None = None
    size: tuple[int, int] = (SMALL, SMALL)

    @property
    def word(self) -> Word:
        """The letter as a word."""
        return Word.from_letters([self.letter])

    @property
    def kind(self) -> Literal["places", "values", "neither"]:
        """Which of the two maps it is."""
        return "places" if self.places is not None else "values" if self.values is not None else "neither"

    @property
    def drawn(self) -> bool:
        """Whether its parameters are drawn for each image."""
        return bool(self.letter.symbol.variables)


def read_letter(catalog: Catalog, letter: Letter, before: Tensor, after: Tensor) -> Read:
    """What a letter does to places or values, if it is a map of one of them, read off pictures.

    Args:
        catalog: Where its augmentation is.
        letter: The letter.
        before: Pictures of the size and with the channels of the images, as wide in values.
        after: What it makes of them, as images 0, 1, 2, … with seed 0.
    """
    size, channels = (int(before.shape[2]), int(before.shape[3])), int(before.shape[1])
    plain = Read(letter, size)
    move = _move(catalog, plain.word, 0, [0])
    try:
        several = read_values(_move(catalog, plain.word, 0, range(len(before))), len(before), channels)
        # a small picture does not show what depends on the size or changes few pixels
        if (
            several is not None
            and after.shape == before.shape
            and float((several(before) - after).abs().max()) <= CLOSE
        ):
            if plain.drawn and several.changes_nothing:  # it changes so few pixels that chance decides whether any
                return plain
            return Read(letter, size, values=several.first)
        places = read_places(move, size)
        if places is None or not plain.drawn:
            return Read(letter, size, places, size=size)
        side = min(SMALL, *size)
        small = (side, side) if size[0] == size[1] else (side, side + 6) if size[0] < size[1] else (side + 6, side)
        again = read_places(move, small)
    except (AugalgebraError, ValueError):  # not for pictures such as these
        return plain
    if again is None or (again.fill, again.transposes) != (places.fill, places.transposes):
        return plain
    if float((again.matrices - places.matrices).abs().max()) > CLOSE:
        return plain
    return Read(letter, size, places, size=small)


@dataclass(frozen=True)
class Stage:
    """A part of a reduced pipeline that is carried out at once.

    Attributes:
        kind: ``step``: one augmentation as it is; ``permutation``: several that move whole pixels; ``interpolation``:
            several that mix them, by one interpolation; ``values``: several that change values, by one map.
        parts: What it does, in order, with what was read off.
        size: Height and width of the images.
    """

    kind: Kind
    parts: tuple[Read, ...]
    size: tuple[int, int]
    _grid: list[Grid] = field(default_factory=list, repr=False, compare=False)

    @property
    def word(self) -> Word:
        """What it does as a word."""
        return Word.from_letters(part.letter for part in self.parts)

    @property
    def drawn(self) -> bool:
        """Whether it is another map for each image."""
        return any(part.drawn for part in self.parts)

    @property
    def matrix(self) -> Float[Tensor, "2 3"] | None:
        """Where pixels come from, counted from the middle: ``[[a, b, c], [d, e, f]]`` takes x to a x + b y + c.

        None if it does not move them, or another way for each image.
        """
        maps = [part.places for part in self.parts if part.places is not None]
        return compose(maps)[0] if len(maps) == len(self.parts) and not self.drawn else None

    @property
    def fill(self) -> float:
        """The value that enters from beyond the picture."""
        return next((part.places.fill for part in self.parts if part.places and part.places.fill is not None), 0.0)

    @property
    def values(self) -> ValueMap | None:
        """The map of values; None if it changes none, or another way for each image."""
        maps = [part.values for part in self.parts if part.values is not None]
        return reduce(ValueMap.then, maps) if maps and len(maps) == len(self.parts) and not self.drawn else None

    def apply(self, catalog: Catalog, images: Tensor, seed: int, ids: Sequence[int]) -> Tensor:
        """Do it to a batch of images; the parameters of each are drawn as they are without any reduction."""
        if not len(images):  # of which nothing can be read off
            return catalog.apply(self.word, images, seed=seed, ids=ids)
        if self.parts[0].values is not None:
            read = [self._values(catalog, part, images, seed, ids) for part in self.parts]
            found = [item for item in read if item is not None]
            if len(found) == len(read):
                return reduce(ValueMap.then, found)(images)
        elif self.kind == "permutation" and self.matrix is not None:
            return permute(images, self.matrix)
        elif self.kind == "interpolation":
            grid = self._traced(catalog, seed, ids)
            if grid is not None:
                return interpolate(images, grid, self.fill)
        return catalog.apply(self.word, images, seed=seed, ids=ids)

    def _values(self, catalog: Catalog, part: Read, images: Tensor, seed: int, ids: Sequence[int]) -> ValueMap | None:
        if not part.drawn:
            return part.values
        return read_values(_move(catalog, part.word, seed, ids), len(ids), int(images.shape[1]))

    def _traced(self, catalog: Catalog, seed: int, ids: Sequence[int]) -> Grid | None:
        if self._grid:
            return self._grid[0]
        maps = []
        for part in self.parts:
            found = part.places
            if part.drawn:
                found = read_places(_move(catalog, part.word, seed, ids), part.size, len(ids))
            if found is None:
                return None
            maps.append(found)
        grid = trace(maps, self.size)
        if not self.drawn:
            self._grid.append(grid)
        return grid


def group(parts: Sequence[Read], *, exact: bool) -> tuple[Stage, ...]:
    """Put neighbours that can be carried out at once into one stage.

    Args:
        parts: What was read off each letter.
        exact: Leave every interpolation as it is.
    """
    runs: list[list[Read]] = []
    for part in parts:
        if runs and _joins(runs[-1], part, exact=exact):
            runs[-1].append(part)
        else:
            runs.append([part])
    return tuple(Stage(_kind(run), tuple(run), run[0].before) for run in runs)


def _joins(run: Sequence[Read], part: Read, *, exact: bool) -> bool:
    if part.kind == "neither" or run[-1].kind != part.kind:
        return False
    if part.kind == "values":
        return True
    places = [item.places for item in (*run, part) if item.places is not None]
    if exact and any(item.drawn for item in (*run, part)) | any(not item.permutes for item in places):
        return False
    fills = {item.fill for item in places if item.fill is not None}
    return len(fills) <= 1


def _kind(run: Sequence[Read]) -> Kind:
    if len(run) < 2:
        return "step"
    if run[0].kind == "values":
        return "values"
    mixed = any(part.drawn or (part.places is not None and not part.places.permutes) for part in run)
    return "interpolation" if mixed else "permutation"


def _move(catalog: Catalog, word: Word, seed: int, ids: Sequence[int]) -> Move:
    return partial(_apply, catalog, word, seed, ids)


def _apply(catalog: Catalog, word: Word, seed: int, ids: Sequence[int], images: Tensor) -> Tensor:
    return catalog.apply(word, images, seed=seed, ids=ids)
