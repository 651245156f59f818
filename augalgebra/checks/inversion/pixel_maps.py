"""Where pixels come from: the geometry of augmentations, read off what they do to pictures made for it.

Coordinates are in pixels, x to the right and y downwards, with (0, 0) in the middle of the first pixel.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Bool, Float, Num
from torch import Tensor

from augalgebra.errors import ImageError

Move: TypeAlias = Callable[[Tensor], Tensor]
"""A function of batches of images."""

WHOLE = 2e-3
"""Pixels by which a coordinate may miss a whole number and still count as one."""
FITTING = 0.1
"""Largest distance in pixels from the affine map that a movement is called; OpenCV works in steps of 1/32."""
ROUNDS, MOST = 5, 0.75
"""How often the fit of an affine map is made anew, and the least share of pixels that it has to fit."""
RIM = 1.0
"""Largest distance from it in pixels where the rim of the picture is mixed in."""
SAMPLES = 4096
"""Most pixels that an affine map is fitted to."""
TILES = 4
"""Parts of a side when it is tried whether what changes stays at its place."""
VISIBLE = 1e-4
"""Change of a pixel that counts as one."""


@dataclass(frozen=True)
class SourceMap:
    """For each pixel of a result the place in the original that it shows; one map for each image, or one for all.

    Attributes:
        x: Columns of the original, in pixels.
        y: Rows of the original, in pixels.
        inside: Whether the pixel shows the original at all, and no filling.
        size: Height and width of the original.
    """

    x: Float[Tensor, "image height width"]
    y: Float[Tensor, "image height width"]
    inside: Bool[Tensor, "image height width"]
    size: tuple[int, int]

    @property
    def whole(self) -> bool:
        """Whether every pixel shows exactly one pixel."""
        apart = torch.stack([self.x - self.x.round(), self.y - self.y.round()])
        return bool((apart.abs().amax(0)[self.inside] <= WHOLE).all())

    @property
    def unmoved(self) -> bool:
        """Whether every pixel that shows the original shows the same place of it."""
        x, y = _places(*self.size, self.x)
        if self.inside.shape[1:] != self.size:
            return False
        apart = torch.maximum((self.x - x).abs(), (self.y - y).abs())
        return float(apart[self.inside].max()) <= (WHOLE if self.whole else FITTING)

    def affine(self) -> Float[Tensor, "image 2 3"]:
        """The affine maps from the result to the original: ``[[a, b, c], [d, e, f]]`` takes x to a x + b y + c.

        Raises:
            ImageError: The movement is no such map.
        """
        return torch.stack([_fit(*item) for item in zip(self.x, self.y, self.inside, strict=True)])

    def take(self, values: Num[Tensor, "image channel height width"], *, smooth: bool) -> Tensor:
        """What the result shows of other values than the images: each pixel the nearest one, and 0 beyond the rim.

        Args:
            values: Of any type, as large as the original.
            smooth: Interpolate between the four neighbours, where pixels do not show exactly one.
        """
        # where whole numbers are meant, rounding errors must not decide
        if self.whole or not smooth:
            return self._at(values, self.x.round().long(), self.y.round().long())
        left, top = self.x.floor(), self.y.floor()
        result = torch.zeros((), dtype=values.dtype)
        for down in (0, 1):
            for right in (0, 1):
                weight = (1 - (self.x - left - right).abs()) * (1 - (self.y - top - down).abs())
                part = self._at(values, (left + right).long(), (top + down).long())
                result = result + part * weight[:, None].to(values.dtype)
        return result

    def _at(self, values: Tensor, x: Tensor, y: Tensor) -> Tensor:
        height, width = self.size
        images = torch.arange(len(values))[:, None, None]
        inside = (self.inside & (x >= 0) & (x < width) & (y >= 0) & (y < height)).expand(len(values), -1, -1)
        taken = values.permute(0, 2, 3, 1)[images, y.clamp(0, height - 1), x.clamp(0, width - 1)]
        return torch.where(inside[..., None], taken, torch.zeros((), dtype=values.dtype)).permute(0, 3, 1, 2)


def source_map(move: Move, size: tuple[int, int], count: int = 1) -> SourceMap:
    """Read off where pixels come from, by moving pictures that grow by equal steps from side to side.

    Args:
        move: What is to be read off. It has to leave values as they are; it may fill what it uncovers.
        size: Height and width of the images that it is applied to.
        count: How many images it is applied to, if it moves each in its own way.

    Raises:
        ImageError: It changes values, or moves pixels neither each to a place of its own nor by an affine map.
        AugalgebraError: It cannot be applied.
    """
    height, width = size
    x, y = _places(height, width, torch.zeros(0, dtype=torch.float64))
    generator = torch.Generator().manual_seed(0)
    noise = torch.rand(height, width, generator=generator, dtype=torch.float64)
    black = torch.zeros_like(noise)
    pictures = (black, black + 1, x / max(width - 1, 1), y / max(height - 1, 1), noise)
    dark, light, across, down, seen = (move(item.expand(count, 3, -1, -1).clone())[:, 0] for item in pictures)
    weight = light - dark
    full = (weight - 1).abs() <= VISIBLE  # at the rim, interpolation mixes in what fills the rest
    if not bool(full.flatten(1).any(1).all()) or bool(full.sum() < (weight.abs() > VISIBLE).sum() / 2):
        raise ImageError("it changes the values of pixels")
    found = SourceMap((across - dark) * (width - 1), (down - dark) * (height - 1), full, size)
    if found.whole:
        there = found.take(noise.expand(count, 1, -1, -1), smooth=False)[:, 0]
        if float((there - seen)[full].abs().max()) > VISIBLE:
            raise ImageError("it changes the values of pixels")
        return found
    x, y = _places(int(full.shape[1]), int(full.shape[2]), noise)
    maps = found.affine()[..., None, None]
    x, y = (maps[:, row, 0] * x + maps[:, row, 1] * y + maps[:, row, 2] for row in (0, 1))
    inside = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
    return SourceMap(x, y, inside, size)


def _fit(x: Tensor, y: Tensor, inside: Tensor) -> Float[Tensor, "2 3"]:
    """The affine map of most pixels: those that the rim of the picture disturbs are left out, half of all at first."""
    rows, columns = inside.nonzero(as_tuple=True)
    few = torch.linspace(0, len(rows) - 1, min(SAMPLES, len(rows))).long()
    rows, columns = rows[few], columns[few]
    here = torch.stack([columns, rows, torch.ones_like(rows)], 1).to(torch.float64)
    there = torch.stack([x[rows, columns], y[rows, columns]], 1).to(torch.float64)
    kept = torch.arange(len(here))
    for _ in range(ROUNDS):
        if len(kept) < 3 or int(torch.linalg.matrix_rank(here[kept])) < 3:
            raise ImageError("too little of the picture is left to tell where it was")
        found = torch.linalg.lstsq(here[kept], there[kept]).solution
        apart = (here @ found - there).abs().amax(1)
        kept = (apart <= torch.maximum(apart.median(), apart.new_tensor(FITTING / 2))).nonzero()[:, 0]
    whole = bool((there - there.round()).abs().max() <= WHOLE)
    if float((apart <= FITTING).double().mean()) < MOST or float(apart.max()) > (FITTING if whole else RIM):
        raise ImageError("it does not move pixels by one affine map")
    near = found.round()
    best: Tensor = near if float((here @ (near - found)).abs().max()) <= FITTING / 2 else found
    return best.T


def stays_put(move: Move, size: tuple[int, int]) -> bool:
    """Whether every pixel stays at its place, whatever becomes of its value.

    What leaves values as they are shows its geometry itself. Of anything else, parts of a picture are shuffled: what
    changes has to lie in the same part, or as far around it on all sides, as it does after a filter.
    """
    try:
        return source_map(move, size).unmoved
    except ImageError:
        pass
    height, width = size
    generator = torch.Generator().manual_seed(0)
    picture = 0.1 + 0.8 * torch.rand(1, 3, height, width, generator=generator, dtype=torch.float64)
    before = move(picture.clone())
    if before.shape != picture.shape:
        return False
    margins: list[int] = []
    for rows in np.array_split(np.arange(height), min(TILES, height)):
        for columns in np.array_split(np.arange(width), min(TILES, width)):
            shuffled = picture.clone()
            part = (..., slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
            flat = picture[part].flatten(2)
            shuffled[part] = flat[..., torch.randperm(flat.shape[2], generator=generator)].view_as(picture[part])
            changed = ((move(shuffled) - before).abs().amax((0, 1)) > VISIBLE).nonzero()
            if len(changed):
                low, high = changed.amin(0).tolist(), changed.amax(0).tolist()
                for side, place, first, last in zip(size, (rows, columns), low, high, strict=True):
                    if last < place[0] or first > place[-1]:
                        return False
                    margins += [int(place[0] - first)] * (first > 0) + [int(last - place[-1])] * (last < side - 1)
    return not margins or max(margins) - min(margins) <= 1


def _places(height: int, width: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Column and row of each pixel."""
    x = torch.arange(width, dtype=like.dtype).expand(height, width)
    y = torch.arange(height, dtype=like.dtype)[:, None].expand(height, width)
    return x, y
