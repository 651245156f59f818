"""What an augmentation does to places and to values, read off pictures made for it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from augalgebra.checks.inversion.pixel_maps import Move, source_map
from augalgebra.errors import ImageError

CLOSE = 1e-5
"""Largest error of a value, or of a place as a share of the picture, that is put down to rounding."""
BLURRED = 0.02
"""Largest error of noise (root mean square) that is put down to coordinates in coarse steps."""
LEVELS = 1024
"""Grey levels that a map of values is read off."""


@dataclass(frozen=True)
class ValueMap:
    """``clamp(scale * value + offset, low, high)``, for each image and channel.

    Such maps are closed under composition, clipping included: what the second one clips narrows the bounds.

    Attributes:
        scale: What values are multiplied by.
        offset: What is added.
        low: Smallest value that comes out.
        high: Largest value that comes out.
    """

    scale: Float[Tensor, "image channel 1 1"]
    offset: Float[Tensor, "image channel 1 1"]
    low: Float[Tensor, "image channel 1 1"]
    high: Float[Tensor, "image channel 1 1"]

    @property
    def changes_nothing(self) -> bool:
        """Whether it leaves all values in [0, 1] as they are, in every image."""
        ends = (self.scale - 1, self.offset, self.low, self.high - 1)
        return max(float(item.abs().max()) for item in ends) <= CLOSE

    @property
    def first(self) -> "ValueMap":
        """The map of the first image alone."""
        return ValueMap(self.scale[:1], self.offset[:1], self.low[:1], self.high[:1])

    def then(self, other: "ValueMap") -> "ValueMap":
        """This map followed by another."""
        ends = [(other.scale * end + other.offset).clamp(other.low, other.high) for end in (self.low, self.high)]
        return ValueMap(
            self.scale * other.scale,
            self.offset * other.scale + other.offset,
            torch.minimum(*ends),
            torch.maximum(*ends),
        )

    def __call__(self, images: Tensor) -> Tensor:
        """The map of values applied to images in [0, 1]."""
        scale, offset, low, high = (
            item.to(images.device, images.dtype) for item in (self.scale, self.offset, self.low, self.high)
        )
        return (images * scale).add_(offset).clamp_(low, high)


@dataclass(frozen=True)
class PixelMap:
    """An affine map of places: where each pixel of a result comes from.

    Coordinates are pixels from the middle of the picture, x to the right and y down.

    Attributes:
        matrices: ``[[a, b, c], [d, e, f]]`` takes x to a x + b y + c; one for each image, or one for all.
        transposes: Whether height and width are exchanged.
        fill: The value beyond the picture; None if nothing beyond it is ever seen.
        permutes: Whether every pixel comes from one pixel and none is lost: whether it is a turn by right angles, a
            reflection or both, of the whole picture.
    """

    matrices: Float[Tensor, "image 2 3"]
    transposes: bool
    fill: float | None
    permutes: bool


def read_values(move: Move, count: int, channels: int) -> ValueMap | None:
    """The map of values that an augmentation is, on the pictures that it is tried on; None if it is none of this kind.

    Args:
        move: It, as a function of so many images.
        count: How many images.
        channels: Channels of the images.
    """
    generator = torch.Generator().manual_seed(0)
    levels = torch.linspace(0, 1, LEVELS, dtype=torch.float64)
    # in another order in each channel, so that what mixes channels shows
    orders = [torch.randperm(LEVELS, generator=generator) for _ in range(channels)]
    bright = torch.stack([levels[order].view(32, -1) for order in orders]).expand(count, -1, -1, -1).contiguous()
    seen = move(bright.clone())
    if seen.shape != bright.shape or float(seen.min()) < -CLOSE or float(seen.max()) > 1 + CLOSE:
        return None
    free = ((seen > CLOSE) & (seen < 1 - CLOSE)).double()
    total = free.sum((2, 3), keepdim=True)
    x, y = ((free * item).sum((2, 3), keepdim=True) / total.clamp(min=1) for item in (bright, seen))
    spread = (free * (bright - x) ** 2).sum((2, 3), keepdim=True)
    scale = (free * (bright - x) * (seen - y)).sum((2, 3), keepdim=True) / spread.clamp(min=1e-12)
    scale = torch.where(spread > 0, scale, 0)
    offset = torch.where(total > 0, y - scale * x, seen[..., :1, :1])
    found = ValueMap(scale, offset, torch.zeros_like(scale), torch.ones_like(scale))
    # what looks at more than the value itself shows on a picture with other values
    dark = bright * 0.4
    if max(float((found(item) - after).abs().max()) for item, after in ((bright, seen), (dark, move(dark)))) > CLOSE:
        return None
    return found


def read_places(move: Move, size: tuple[int, int], count: int = 1) -> PixelMap | None:
    """The affine map of places that an augmentation is; None if it is no such map, or is one of values as well.

    Args:
        move: It, as a function of so many images.
        size: Height and width of the images.
        count: How many images.
    """
    height, width = size
    x = torch.linspace(0, 1, width, dtype=torch.float64).expand(height, width)
    y = torch.linspace(0, 1, height, dtype=torch.float64)[:, None].expand(height, width)
    noise = torch.rand(3, height, width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    pictures = (torch.zeros_like(x), torch.ones_like(x), x, y)
    dark, light, across, down = (move(item.expand(count, 3, -1, -1).clone()) for item in pictures)
    there = tuple(int(side) for side in dark.shape[2:])
    if there not in (size, size[::-1]):
        return None
    weight = (light - dark).amin(1)
    fill = _fill(dark, weight)
    if fill is not None and float((dark - fill * (1 - weight[:, None])).abs().max()) > CLOSE:
        return None  # another one in each channel, or what was there before
    full = (weight - 1).abs() <= 1e-6
    places = [(item - dark)[:, 0] * (side - 1) for item, side in ((across, width), (down, height))]
    middle = torch.tensor([(width - 1) / 2, (height - 1) / 2], dtype=torch.float64)
    located = torch.stack(places, -1) - middle
    grid = _grid(there)
    matrices = torch.stack([_solve(grid, *pair) for pair in zip(located, full, strict=True)])
    apart, error = (grid @ matrices.transpose(1, 2).unsqueeze(1) - located).abs().amax(-1), 1e-4
    if bool(torch.isnan(matrices).any()) or float(apart[full].max()) > CLOSE * max(size):
        if count > 1:
            return None
        try:  # as OpenCV does it, in steps of 1/32 of a pixel
            found = source_map(move, size)
            matrices, error = _centre(found.affine(), size, there), BLURRED
        except ImageError:
            return None
        if found.unmoved:  # a slight change of values, more likely
            return None
    read = PixelMap(matrices, there != size, fill, _permutes(matrices, size, there))
    ones = noise.new_ones(count, 3, *size)
    inside = sample(ones, [replace(read, fill=0)]) > 1 - 1e-4
    if fill is None and not bool(inside.all()):
        return None  # beyond the picture is what is in it: its rim again, or its mirror image
    several = noise.expand(count, -1, -1, -1)
    wrong = (sample(several, [read]) - move(several.clone()))[inside]
    return read if len(wrong) and float(wrong.square().mean().sqrt()) <= error else None


def _fill(dark: Tensor, weight: Tensor) -> float | None:
    """The value beyond the picture, of what is made of a black one; None if nothing beyond it is ever seen.

    Args:
        dark: What is made of a black picture, ``[image, channel, height, width]``.
        weight: How much of each pixel is of the picture, ``[image, height, width]``.
    """
    least = int(weight.argmin())
    beyond = 1 - float(weight.flatten()[least])
    return None if beyond <= 1e-3 else round(float(dark[:, 0].flatten()[least]) / beyond, 6)


def sample(images: Tensor, maps: Sequence[PixelMap]) -> Tensor:
    """Move pixels by affine maps one after the other, interpolating once.

    What left the picture on the way does not come back, as it does not when the maps are applied one by one.

    Args:
        images: Float batch ``[batch, channel, height, width]``.
        maps: In order of application; all have the same filling.
    """
    size = (int(images.shape[2]), int(images.shape[3]))
    return interpolate(images, trace(maps, size), next((item.fill for item in maps if item.fill), 0.0))


@dataclass(frozen=True)
class Grid:
    """Where each pixel comes from.

    Attributes:
        places: x and y, as `torch.nn.functional.grid_sample` wants them.
        cover: How much of what is there was not lost on the way; None if nothing was.
    """

    places: Float[Tensor, "image height width 2"]
    cover: Float[Tensor, "image 1 height width"] | None


def trace(maps: Sequence[PixelMap], size: tuple[int, int]) -> Grid:
    """Where each pixel comes from when maps are applied one after the other.

    Args:
        maps: In order of application.
        size: Height and width of the images.
    """
    sizes = [size]
    for item in maps:
        sizes.append(sizes[-1][::-1] if item.transposes else sizes[-1])
    places, cover = _grid(sizes[-1])[None, ..., :2], torch.ones(1, *sizes[-1], dtype=torch.float64)
    for number in range(len(maps) - 1, -1, -1):
        matrices, (height, width) = maps[number].matrices[:, None], sizes[number]
        places = places @ matrices[..., :2].transpose(2, 3) + matrices[:, :, None, :, 2]
        half = torch.tensor([width / 2, height / 2], dtype=torch.float64)
        # its rim is mixed with the filling, and is the rim before it if whole pixels were moved
        if number and not maps[number - 1].permutes:
            cover = cover * (half + 0.5 - places.abs()).clamp(0, 1).prod(-1)
    whole = bool((cover > 1 - CLOSE).all())
    return Grid((places / half).float(), None if whole else cover[:, None].float())


def interpolate(images: Tensor, grid: Grid, fill: float) -> Tensor:
    """Images at the places that `trace` gives, bilinearly; beyond them is `fill`."""
    places = grid.places.to(images.device, images.dtype).expand(len(images), -1, -1, -1)
    moved = images - fill if fill else images
    moved = functional.grid_sample(moved, places, padding_mode="zeros", align_corners=False)
    if grid.cover is not None:
        moved.mul_(grid.cover.to(images.device, images.dtype))
    return moved.add_(fill) if fill else moved


def compose(maps: Sequence[PixelMap]) -> Float[Tensor, "image 2 3"]:
    """The maps one after the other as one, as if nothing left the picture on the way."""
    last = torch.tensor([[[0, 0, 1]]], dtype=torch.float64)
    total = torch.eye(3, dtype=torch.float64)[None]
    for item in maps:
        total = total @ torch.cat([item.matrices, last.expand(len(item.matrices), 1, 3)], 1)
    return total[:, :2]


def permute(images: Tensor, matrix: Float[Tensor, "2 3"]) -> Tensor:
    """Turn or reflect images by a map that permutes pixels, exactly."""
    (a, b, _), (c, d, _) = matrix.round().tolist()
    images, down, right = (images, d, a) if a else (images.transpose(-2, -1), b, c)
    turned = [axis for axis, sign in ((-2, down), (-1, right)) if sign < 0]
    return images.flip(turned) if turned else images.clone()


def _grid(size: tuple[int, int]) -> Float[Tensor, "height width 3"]:
    """The place of each pixel from the middle of the picture, and 1."""
    height, width = size
    y, x = torch.meshgrid(
        torch.arange(height, dtype=torch.float64) - (height - 1) / 2,
        torch.arange(width, dtype=torch.float64) - (width - 1) / 2,
        indexing="ij",
    )
    return torch.stack([x, y, torch.ones_like(x)], -1)


def _solve(grid: Tensor, places: Tensor, full: Tensor) -> Tensor:
    """The affine map through the places of pixels that show nothing of the rim; not a number if there are too few."""
    if int(full.sum()) < 16:
        return torch.full((2, 3), torch.nan, dtype=torch.float64)
    solution: Tensor = torch.linalg.lstsq(grid[full], places[full]).solution
    return solution.T


def _permutes(matrices: Tensor, before: tuple[int, int], after: tuple[int, int]) -> bool:
    """Whether places of pictures of one size are those of the other, each once."""
    turns = matrices[:, :, :2].abs()
    straight, across = torch.eye(2, dtype=turns.dtype), torch.eye(2, dtype=turns.dtype).flip(0)
    allowed = [turn for turn, size in ((straight, after), (across, after[::-1])) if size == before]
    apart = [float((turns - turn).abs().max()) for turn in allowed]
    return min(apart) <= CLOSE and float(matrices[:, :, 2].abs().max()) <= CLOSE


def _centre(absolute: Tensor, before: tuple[int, int], after: tuple[int, int]) -> Tensor:
    """Maps of places counted from the first pixel, as maps of places counted from the middle."""
    old, new = (torch.tensor([(side - 1) / 2 for side in size[::-1]], dtype=torch.float64) for size in (before, after))
    shift = absolute[:, :, 2] + absolute[:, :, :2] @ new - old
    return torch.cat([absolute[:, :, :2], shift[..., None]], 2)
