"""Probe images: what laws are checked on.

A symmetric image satisfies laws that are false, so no built-in probe has a symmetry; `symmetries` tells of any image
which ones it has. Everything is drawn from a seed.
"""

import functools
import importlib.util
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.augmentation import check_batch
from augalgebra.catalog import Catalog
from augalgebra.errors import ImageError

Grid: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]

DISC = 0.62
"""Radius of the disc that smooth content stays in, in half image sizes: a shear by 50° still keeps it in the image."""
DIGITS = (2, 3, 4, 5, 7)
"""The digits that have no symmetry, not even nearly."""
TINTS = (1.0, 0.8, 0.6)
"""Grey content gets these factors in the channels of a colour image, so that colours are not all alike."""


@dataclass(frozen=True)
class Probe:
    """Images that laws are checked on.

    Attributes:
        name: Its name in reports.
        images: Float batch ``[image, channel, height, width]`` in [0, 1].
        smooth: Band-limited content in the middle on background 0, which interpolation treats kindly: the images that
            approximate laws speak of.
        plugin: The plugin that contributed it, or "".
    """

    name: str
    images: Float[Tensor, "image channel height width"]
    smooth: bool = False
    plugin: str = ""


@dataclass(frozen=True)
class ProbeFailure:
    """A contributed probe that could not be used, and why."""

    plugin: str
    name: str
    reason: str


def standard_probes(
    channels: int = 1, height: int = 28, width: int = 28, *, seed: int = 0, dtype: torch.dtype = torch.float32
) -> tuple[Probe, ...]:
    """The built-in probes, simplest first.

    Raises:
        ImageError: The size is too small to hold an image without symmetries.
    """
    if channels not in (1, 3):
        raise ImageError(f"probes have 1 or 3 channels, not {channels}")
    if min(height, width) < 8:
        raise ImageError(f"probes need at least 8×8 pixels to be free of symmetries, not {height}×{width}")
    size = (channels, height, width)
    blobs, glyphs = (make(*size, seed=seed, dtype=dtype) for make in (blob_images, glyph_images))
    return (
        Probe("dot", dot_image(*size, dtype=dtype)),
        Probe("index", index_image(*size, dtype=dtype)),
        Probe("noise", noise_images(*size, seed=seed, dtype=dtype)),
        # a white background: maps of values often go wrong at one end only
        Probe("negatives", 1 - torch.cat([blobs[:1], glyphs[:1]])),
        Probe("blobs", blobs, smooth=True),
        Probe("glyphs", glyphs, smooth=True),
        Probe("digits", digit_images(*size, dtype=dtype), smooth=True),
    )


def contributed_probes(
    catalog: Catalog, channels: int, height: int, width: int, *, dtype: torch.dtype = torch.float32
) -> tuple[tuple[Probe, ...], tuple[ProbeFailure, ...]]:
    """The probes of plugins; one that fails is reported and keeps nobody else from being used."""
    probes: list[Probe] = []
    failures: list[ProbeFailure] = []
    for plugin, manager in sorted(catalog.managers.items()):
        try:
            answers = manager.hook.augalg_probes()
            makers = [item for answer in answers for item in dict(answer).items()]
        except Exception as error:  # noqa: BLE001 - whatever a plugin raises is reported under its name
            failures.append(ProbeFailure(plugin, "", _reason(error)))
            continue
        for name, make in makers:
            try:
                images = _checked(make(channels, height, width), (channels, height, width))
            except Exception as error:  # noqa: BLE001 - the same
                failures.append(ProbeFailure(plugin, name, _reason(error)))
            else:
                probes.append(Probe(name, images.to(dtype), plugin=plugin))
    return tuple(probes), tuple(failures)


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
    values = np.random.default_rng([seed, 1]).random((count, channels, height, width))
    return torch.from_numpy(values).to(dtype)


def blob_images(
    channels: int, height: int, width: int, *, count: int = 3, seed: int = 0, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "image channel height width"]:
    """Sums of soft oblong spots within the central disc, each channel its own, with largest value 1."""
    generator = np.random.default_rng([seed, 2])
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
    generator = np.random.default_rng([seed, 3])
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


def digit_images(
    channels: int, height: int, width: int, *, each: int = 1, dtype: torch.dtype = torch.float32
) -> Float[Tensor, "image channel height width"]:
    """Handwritten digits of scikit-learn, brought from 8×8 to 20/28 of the size bilinearly and framed in black."""
    data, labels = _digits()
    chosen = np.concatenate([np.flatnonzero(labels == digit)[:each] for digit in DIGITS])
    small = torch.from_numpy(data[chosen].reshape(-1, 1, 8, 8) / 16.0)
    inner = (max(2, round(height * 20 / 28)), max(2, round(width * 20 / 28)))
    large = torch.nn.functional.interpolate(small, size=inner, mode="bilinear", align_corners=False)
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    frame = (left, width - inner[1] - left, top, height - inner[0] - top)
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


_SQUARE: dict[str, Callable[[Tensor], Tensor]] = {
    "flip_lr": lambda x: x.flip(-1),
    "flip_ud": lambda x: x.flip(-2),
    "rotate_180": lambda x: x.flip((-2, -1)),
    "rotate_cw": lambda x: x.rot90(-1, (-2, -1)),
    "rotate_ccw": lambda x: x.rot90(1, (-2, -1)),
    "transpose": lambda x: x.transpose(-2, -1),
    "anti_transpose": lambda x: x.transpose(-2, -1).flip((-2, -1)),
}


def symmetries(images: Float[Tensor, "image channel height width"], tolerance: float = 1e-3) -> tuple[str, ...]:
    """The maps that leave one of the images as it is.

    Tried are the symmetries of the square, shifts by every number of rows and columns, inversion of the values, and
    inversion together with each of those.

    Args:
        images: Float batch.
        tolerance: Largest difference of a pixel at which an image still counts as unmoved.

    Returns:
        Names such as ``flip_lr``, ``roll 3 rows``, ``inversion and rotate_180``.
    """
    height, width = images.shape[-2:]
    moves: list[tuple[str, Tensor]] = []
    for name, move in _SQUARE.items():
        moved = move(images)
        if moved.shape == images.shape:
            moves.append((name, moved))
    moves += [(f"roll {shift} rows", images.roll(shift, -2)) for shift in range(1, height)]
    moves += [(f"roll {shift} columns", images.roll(shift, -1)) for shift in range(1, width)]
    candidates = [*moves, ("inversion", 1 - images), *((f"inversion and {name}", 1 - x) for name, x in moves)]
    return tuple(
        name for name, moved in candidates if bool(((moved - images).abs().flatten(1).amax(1) <= tolerance).any())
    )


def stack(probes: Sequence[Probe]) -> Iterable[tuple[Tensor, tuple[tuple[Probe, int], ...]]]:
    """Put all probes of one image size into one batch, with the probe and number each image came from."""
    by_size: dict[tuple[int, ...], list[Probe]] = {}
    for probe in probes:
        by_size.setdefault(tuple(probe.images.shape[1:]), []).append(probe)
    for group in by_size.values():
        labels = tuple((probe, number) for probe in group for number in range(len(probe.images)))
        yield torch.cat([probe.images for probe in group]), labels


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


def _checked(images: object, size: tuple[int, int, int]) -> Tensor:
    if not isinstance(images, Tensor):
        raise ImageError(f"returned {type(images).__name__}, not a tensor")
    check_batch(images)
    if tuple(images.shape[1:]) != size or not len(images):
        raise ImageError(
            f"returned shape {tuple(images.shape)} when asked for images of (channels, height, width) {size}"
        )
    if not bool(torch.isfinite(images).all()) or float(images.min()) < 0 or float(images.max()) > 1:
        raise ImageError("returned values outside [0, 1]")
    return images


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, ImageError) else f"{type(error).__name__}: {text}"
