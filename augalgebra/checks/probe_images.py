"""The images that probes are made of: none has a symmetry, and everything is drawn from a seed."""

import functools
import importlib.util
import itertools
import math
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from augalgebra.seeds import numpy_generator

Grid: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]

DISC = 0.62
"""Radius of the disc that smooth content stays in, in half image sizes: a shear by 50° still keeps it in the image."""
DARK_FROM = 0.75
"""Radius from which on a picture with a dark border is dark, in half image sizes."""
DARK = 0.1
"""Largest value of what is dark: what interpolation leaves of an edge."""
WAVES = 12
"""Waves of a texture."""
DIGITS = (2, 3, 4, 5, 7)
"""The digits that have no symmetry, not even nearly."""
TINTS = (1.0, 0.8, 0.6)
"""Grey content gets these factors in the channels of a colour image, so that colours are not all alike."""


def dot_image(
    channels: int, height: int, width: int, *, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "1 channel height width"]:
    """One white pixel on black, off every axis of symmetry: the simplest image that shows where a pixel goes."""
    image = torch.zeros(1, channels, height, width, dtype=dtype)
    image[..., height // 4, width - 1 - width // 8] = 1.0
    return image * _tints(image)


def index_image(
    channels: int, height: int, width: int, *, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "1 channel height width"]:
    """Every pixel another value, equally spaced in [0, 1]: permutations of pixels can be read off exactly.

    The values are scattered over the pixels, since in their natural order the inverted image is the image turned by
    180°, and neighbours hardly differ.
    """
    count = channels * height * width
    order = np.random.default_rng(count).permutation(count)
    values = torch.from_numpy(order).to(torch.float64) / max(count - 1, 1)
    return values.to(dtype).reshape(1, channels, height, width)


def noise_images(
    channels: int, height: int, width: int, *, count: int = 2, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "image channel height width"]:
    """Independent uniform pixels."""
    values = numpy_generator(seed, 1).random((count, channels, height, width))
    return torch.from_numpy(values).to(dtype)


def blob_images(
    channels: int, height: int, width: int, *, count: int = 3, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "image channel height width"]:
    """Sums of soft oblong spots within the central disc, each channel its own, with largest value 1."""
    generator = numpy_generator(seed, 2)
    rows, columns = _grid(height, width)
    images = np.zeros((count, channels, height, width))
    for index in np.ndindex(count, channels):
        for weight in (1.0, 0.8, 0.6):
            angle, radius = generator.uniform(0, 2 * math.pi), generator.uniform(0.2, 0.45)
            tilt, (long, short) = generator.uniform(0, math.pi), generator.uniform((0.18, 0.09), (0.28, 0.13))
            y, x = rows - radius * math.sin(angle), columns - radius * math.cos(angle)
            along, across = x * math.cos(tilt) + y * math.sin(tilt), y * math.cos(tilt) - x * math.sin(tilt)
            images[index] += weight * np.exp(-((along / long) ** 2 + (across / short) ** 2) / 2)
        images[index] *= _window(rows, columns)
        images[index] /= images[index].max()
    return torch.from_numpy(images).to(dtype)


def glyph_images(
    channels: int, height: int, width: int, *, count: int = 3, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "image channel height width"]:
    """Soft strokes through random points of the central disc, like a letter of no alphabet."""
    generator = numpy_generator(seed, 3)
    rows, columns = _grid(height, width)
    images = np.zeros((count, channels, height, width))
    for image in images:
        angles = 2 * math.pi * np.cumsum(generator.uniform(0.2, 0.45, 5))
        radii = generator.uniform(0.2, 0.55, 5)
        points = np.stack([radii * np.sin(angles), radii * np.cos(angles)], axis=1)
        stroke = np.zeros((height, width))
        for start, end in itertools.pairwise(points):
            way = end - start
            share = ((rows - start[0]) * way[0] + (columns - start[1]) * way[1]) / max(float(way @ way), 1e-9)
            share = share.clip(0, 1)
            apart = (rows - start[0] - share * way[0]) ** 2 + (columns - start[1] - share * way[1]) ** 2
            stroke = np.maximum(stroke, np.exp(-apart / (2 * 0.08**2)))
        image[:] = stroke * _window(rows, columns)
        image /= image.max()
    batch = torch.from_numpy(images).to(dtype)
    return batch * _tints(batch)


def core_images(
    channels: int, height: int, width: int, *, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "1 channel height width"]:
    """Independent uniform pixels in the central disc, on black."""
    inside = torch.from_numpy(np.hypot(*_grid(height, width)) <= DISC)
    values = numpy_generator(seed, 4).random((1, channels, height, width))
    return torch.from_numpy(values).to(dtype) * inside


def texture_images(
    channels: int, height: int, width: int, *, count: int = 2, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "image channel height width"]:
    """Waves of random lengths and directions over the whole frame, each channel its own, from 0 to 1."""
    generator = numpy_generator(seed, 5)
    rows, columns = _grid(height, width)
    images = np.zeros((count, channels, height, width))
    for index in np.ndindex(count, channels):
        images[index] = _waves(generator, rows, columns)
    return torch.from_numpy(images).to(dtype)


def scene_images(
    channels: int, height: int, width: int, *, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "1 channel height width"]:
    """What photographs are made of: a bright sky that darkens, textured ground, and a thing before them."""
    generator = numpy_generator(seed, 6)
    rows, columns = _grid(height, width)
    horizon = _step(rows - 0.25 * columns - generator.uniform(-0.2, 0.2))
    y, x = generator.uniform(0.1, 0.4), generator.uniform(-0.5, -0.2)
    thing = _step(0.45 - np.hypot(rows - y, 1.4 * (columns - x)))
    image = np.zeros((1, channels, height, width))
    for channel in image[0]:
        sky = 0.85 + 0.1 * rows + 0.05 * columns
        ground = 0.25 + 0.45 * _waves(generator, rows, columns)
        behind = sky + horizon * (ground - sky)
        channel[:] = (behind + thing * (generator.uniform(0.6, 1) - behind)).clip(0, 1)
    batch = torch.from_numpy(image).to(dtype)
    return batch * _tints(batch)


def has_dark_border(images: Float[Tensor, "image channel height width"], most: float = DARK) -> Bool[Tensor, " image"]:
    """Which images are black, or nearly, but for a disc in the middle: nowhere else brighter than some value."""
    return border_of(images).flatten(1).amax(1) <= most


def border_of(images: Float[Tensor, "image channel height width"]) -> Float[Tensor, "image channel pixel"]:
    """The pixels that are dark in a picture with a dark border."""
    return images[..., _is_border(images)]


def blackened(images: Float[Tensor, "image channel height width"]) -> Float[Tensor, "image channel height width"]:
    """The images with a border that is black."""
    return images.masked_fill(_is_border(images), 0)


def _is_border(images: Tensor) -> Tensor:
    return torch.from_numpy(np.hypot(*_grid(*images.shape[-2:])) > DARK_FROM)


def digit_images(
    channels: int, height: int, width: int, *, each: int = 1, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "image channel height width"]:
    """Handwritten digits of scikit-learn, brought from 8×8 to 20/28 of the shorter side and framed in black."""
    data, labels = _digits()
    chosen = np.concatenate([np.flatnonzero(labels == digit)[:each] for digit in DIGITS])
    small = torch.from_numpy(data[chosen].reshape(-1, 1, 8, 8) / 16.0)
    inner = max(2, round(min(height, width) * 20 / 28))
    large = torch.nn.functional.interpolate(small, size=(inner, inner), mode="bilinear", align_corners=False)
    top, left = (height - inner) // 2, (width - inner) // 2
    frame = (left, width - inner - left, top, height - inner - top)
    batch = torch.nn.functional.pad(large, frame).expand(-1, channels, -1, -1).to(dtype)
    return batch * _tints(batch)


@functools.cache
def _digits() -> tuple[Grid, np.ndarray[Any, Any]]:
    """The data set, whose file takes a while to read."""
    package = importlib.util.find_spec("sklearn")
    # importing the package takes longer than all checks of an augmentation, so only its file is read where it lies
    file = Path(package.origin if package and package.origin else "").parent / "datasets" / "data" / "digits.csv.gz"
    if file.is_file():
        table = np.loadtxt(file, delimiter=",")
        return table[:, :-1], table[:, -1].astype(int)
    from sklearn.datasets import load_digits

    data, labels = load_digits(return_X_y=True)
    return data, labels


def _grid(height: int, width: int) -> tuple[Grid, Grid]:
    """Rows and columns in half image sizes from the centre; the shorter side counts."""
    half = min(height, width) / 2
    rows = (np.arange(height) - (height - 1) / 2) / half
    columns = (np.arange(width) - (width - 1) / 2) / half
    across, down = np.meshgrid(columns, rows)
    return down, across


def _window(rows: Grid, columns: Grid) -> Grid:
    """1 in the middle, falling smoothly to 0 at the rim of the disc."""
    radius = np.hypot(rows, columns) / DISC
    return np.where(radius < 1, np.sqrt(np.cos(np.minimum(radius, 1) * math.pi / 2)), 0.0)


def _tints(images: Tensor) -> Tensor:
    return images.new_tensor(TINTS[: images.shape[1]]).reshape(1, -1, 1, 1)


def _waves(generator: np.random.Generator, rows: Grid, columns: Grid) -> Grid:
    """A sum of waves, longer ones stronger as in photographs, brought to [0, 1]."""
    total = np.zeros_like(rows)
    for _ in range(WAVES):
        angle, phase = generator.uniform(0, 2 * math.pi, 2)
        cycles = generator.uniform(0.3, 1.6)  # in half an image size
        across = rows * math.sin(angle) + columns * math.cos(angle)
        total += np.cos(2 * math.pi * cycles * across + phase) / cycles
    least, most = float(total.min()), float(total.max())
    return (total - least) / (most - least)


def _step(distance: Grid) -> Grid:
    """From 0 to 1 where a distance becomes positive, as softly as lenses draw."""
    return np.asarray(1 / (1 + np.exp(-distance / 0.06)))
