"""Glyphs: images drawn from factors that are known, without any file.

Each image is a few strokes of one of six letters, at a place, of a size, turned, thick and bright as its factors say.
No letter looks like itself, or like another one, when it is mirrored or turned, so that the eight symmetries of the
square take every image to eight different ones.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor

from augalgebra.seeds import generator_for

SIDE = 28
"""Pixels along each side."""

SHAPES: Mapping[str, tuple[tuple[tuple[float, float], ...], ...]] = {
    "F": (((-0.5, -1), (-0.5, 1), (0.6, 1)), ((-0.5, 0.1), (0.3, 0.1))),
    "P": (((-0.5, -1), (-0.5, 1), (0.5, 1), (0.5, 0.1), (-0.5, 0.1)),),
    "L": (((-0.4, 1), (-0.4, -1), (0.6, -1)),),
    "J": (((0.4, 1), (0.4, -1), (-0.5, -1), (-0.5, -0.3)),),
    "G": (((0.6, 1), (-0.6, 1), (-0.6, -1), (0.6, -1), (0.6, 0), (0, 0)),),
    "4": (((0.3, -1), (0.3, 1), (-0.6, -0.2), (0.7, -0.2)),),
}
"""Strokes of each shape, as corners (x to the right, y up) in units of half the height; labels count in this order."""

RANGES: Mapping[str, tuple[float, float]] = {
    "x": (-2.0, 2.0),
    "y": (-2.0, 2.0),
    "size": (5.5, 8.0),
    "angle": (-20.0, 20.0),
    "stroke": (0.8, 1.5),
    "intensity": (0.6, 1.0),
}
"""Lowest and highest value of each factor: x, y, half the height and half the thickness in pixels, the angle in degrees
counter-clockwise, the brightness in [0, 1]. Even the largest stays within the picture."""

FLIPS = ("flip_lr", "flip_ud")
"""Factors that say whether an image is mirrored, 0 or 1."""

_BATCH = 200


@dataclass(frozen=True)
class Glyphs:
    """Some glyphs, by their factors.

    Attributes:
        shapes: Number of the shape of each, in the order of `SHAPES`.
        factors: A value for each, by the name of the factor: those of `RANGES` and of `FLIPS`.
    """

    shapes: Int64[Tensor, " image"]
    factors: Mapping[str, Float[Tensor, " image"]]

    def __len__(self) -> int:
        return len(self.shapes)

    def __getitem__(self, rows: slice | Int64[Tensor, " row"] | Bool[Tensor, " image"]) -> "Glyphs":
        """Some of them."""
        return Glyphs(self.shapes[rows], {name: values[rows] for name, values in self.factors.items()})

    def images(self) -> UInt8[Tensor, "image 1 side side"]:
        """The images, drawn with soft edges. Mirrored ones are exactly the mirror images."""
        drawn = torch.zeros(len(self), 1, SIDE, SIDE, dtype=torch.uint8)
        for number, strokes in enumerate(SHAPES.values()):
            rows = (self.shapes == number).nonzero().squeeze(1)
            for part in torch.split(rows, _BATCH):
                drawn[part] = _draw(strokes, {name: values[part] for name, values in self.factors.items()})
        return drawn


def draw_glyphs(number: int = 5000, *, flips: bool = False, seed: int = 0) -> Glyphs:
    """Draw factors evenly and independently of each other.

    Args:
        number: How many glyphs; shapes take turns.
        flips: Whether half of them are mirrored left to right, and half top to bottom; otherwise none is.
        seed: Seed of all factors.

    Examples:
        >>> glyphs = draw_glyphs(12)
        >>> glyphs.images().shape, sorted(glyphs.factors)[:3]
        (torch.Size([12, 1, 28, 28]), ['angle', 'flip_lr', 'flip_ud'])
    """
    even = torch.rand(number, len(RANGES), generator=generator_for(seed, "glyphs"), dtype=torch.float64)
    factors = {name: low + (high - low) * even[:, place] for place, (name, (low, high)) in enumerate(RANGES.items())}
    mirrored = torch.randint(2, (number, len(FLIPS)), generator=generator_for(seed, "glyph flips")) * int(flips)
    factors |= {name: mirrored[:, place].double() for place, name in enumerate(FLIPS)}
    return Glyphs(torch.arange(number) % len(SHAPES), factors)


def _draw(
    strokes: tuple[tuple[tuple[float, float], ...], ...], factors: Mapping[str, Tensor]
) -> UInt8[Tensor, "image 1 side side"]:
    ends = [pair for corners in strokes for pair in itertools.pairwise(corners)]
    points = torch.tensor(ends, dtype=torch.float64)  # [segment, end, coordinate]
    angle = factors["angle"].deg2rad()
    cos, sin = angle.cos()[:, None, None], angle.sin()[:, None, None]
    x, y = points[..., 0], points[..., 1]
    size = factors["size"][:, None, None]
    x, y = (
        factors["x"][:, None, None] + size * (cos * x - sin * y),
        factors["y"][:, None, None] + size * (sin * x + cos * y),
    )  # [image, segment, end]
    centres = torch.arange(SIDE, dtype=torch.float64) - (SIDE - 1) / 2
    across, up = centres[None, :], -centres[:, None]
    start_x, start_y, end_x, end_y = (
        item[..., None, None] for item in (x[..., 0], y[..., 0], x[..., 1], y[..., 1])
    )  # [image, segment, 1, 1]
    step_x, step_y = end_x - start_x, end_y - start_y
    along = ((across - start_x) * step_x + (up - start_y) * step_y) / (step_x**2 + step_y**2)
    along = along.clamp(0, 1)
    distance = torch.hypot(across - start_x - along * step_x, up - start_y - along * step_y).amin(1)
    # one pixel from full to nothing at the edge of a stroke
    ink = (factors["stroke"][:, None, None] + 0.5 - distance).clamp(0, 1) * factors["intensity"][:, None, None]
    ink = torch.where(factors["flip_lr"][:, None, None] > 0, ink.flip(-1), ink)
    ink = torch.where(factors["flip_ud"][:, None, None] > 0, ink.flip(-2), ink)
    return (ink * 255).round().byte()[:, None]
