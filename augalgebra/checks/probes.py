"""Probe images: what laws are checked on.

A symmetric image satisfies laws that are false, so no built-in probe has a symmetry; `symmetries` tells of any image
which ones it has. Everything is drawn from a seed.
"""

import itertools
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.algebra.conditions import Conditions
from augalgebra.algebra.expressions import Expression, Value
from augalgebra.algebra.words import Symbol, Word
from augalgebra.catalog import Catalog
from augalgebra.checks.probe_images import (
    blob_images,
    core_images,
    digit_images,
    dot_image,
    glyph_images,
    has_dark_border,
    index_image,
    noise_images,
    scene_images,
    texture_images,
)
from augalgebra.checks.tolerances import tolerance_of
from augalgebra.errors import ImageError
from augalgebra.image_batches import check_batch
from augalgebra.images import picture_files, read_pictures
from augalgebra.isolation import describe, isolate, seconds_allowed

LEAST = 8
"""Smallest height and width at which the built-in probes have no symmetry."""

MOST_PICTURES = 16
"""How many pictures of a folder are looked at, unless something else is said."""


@dataclass(frozen=True)
class Probe:
    """Images that laws are checked on.

    Attributes:
        name: Its name in reports.
        images: Float batch ``[image, channel, height, width]`` in [0, 1].
        smooth: Band-limited content, which interpolation treats kindly: the images that approximate laws speak of.
        dark_border: Whether the content lies in the middle, on background 0, or nearly, as that of digits does:
            approximate laws for pictures with a dark border are checked on these as well as on others that turn out
            to be dark there, exact ones only on the latter.
        plugin: The plugin that contributed it, or "".
    """

    name: str
    images: Float[Tensor, "image channel height width"]
    smooth: bool = False
    dark_border: bool = False
    plugin: str = ""

    def meeting(self, conditions: Conditions, *, nearly: bool) -> "Probe":
        """The probe with those images alone that meet some conditions, or are said to meet them nearly.

        A dark border is black, but for rounding errors: exact laws for what is nearly black would not follow from one
        another.
        """
        height, width = self.images.shape[-2:]
        kept = torch.ones(len(self.images), dtype=torch.bool)
        if "square" in conditions and height != width:
            kept[:] = False
        if "dark border" in conditions and not nearly:
            kept &= has_dark_border(self.images, tolerance_of(self.images.dtype))
        elif "dark border" in conditions and not self.dark_border:
            kept &= has_dark_border(self.images)
        return replace(self, images=self.images[kept])


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
    if min(height, width) < LEAST:
        raise ImageError(f"probes need at least {LEAST}×{LEAST} pixels to be free of symmetries, not {height}×{width}")
    size = (channels, height, width)
    blobs, glyphs = (make(*size, seed=seed, dtype=dtype) for make in (blob_images, glyph_images))
    digits = digit_images(*size, dtype=dtype)
    return (
        Probe("dot", dot_image(*size, dtype=dtype)),
        Probe("index", index_image(*size, dtype=dtype)),
        Probe("noise", noise_images(*size, seed=seed, dtype=dtype)),
        Probe("core", core_images(*size, seed=seed, dtype=dtype), dark_border=True),
        # a white background: maps of values often go wrong at one end only, and warps at the border
        Probe("negatives", 1 - torch.cat([blobs[:1], glyphs[:1], digits[:1]]), smooth=True),
        Probe("textures", texture_images(*size, seed=seed, dtype=dtype), smooth=True),
        Probe("scene", scene_images(*size, seed=seed, dtype=dtype), smooth=True),
        Probe("blobs", blobs, smooth=True, dark_border=True),
        Probe("glyphs", glyphs, smooth=True, dark_border=True),
        Probe("digits", digits, smooth=True, dark_border=True),
    )


def probe_sizes(size: int, numbers: Collection[int] = ()) -> tuple[tuple[int, int], ...]:
    """The heights and widths that laws are checked at: the square asked for, an odd rectangle and an odd square.

    A roll by half its width is its own inverse at one size only, and what is true of squares may be false of others.
    The sides have no factor in common, so that no roll by a few rows comes round at all sizes.

    Args:
        size: The height and width asked for.
        numbers: Numbers that no side may divide but this one, such as the rows that something is rolled by.

    Examples:
        >>> probe_sizes(28)
        ((28, 28), (23, 33), (25, 25))
    """
    height = _side(max(9, size * 3 // 4), (size,), numbers)
    width = _side(max(height + 4, size * 6 // 5), (size, height), numbers)
    other = _side(height, (size, height, width), numbers)
    return (size, size), (height, width), (other, other)


def _side(least: int, others: Iterable[int], numbers: Iterable[int]) -> int:
    """The first odd number from some number on that has no factor in common with others and divides none of some."""
    return next(
        side
        for side in itertools.count(least | 1, 2)
        if math.gcd(side, math.prod(others)) == 1 and all(number % side for number in numbers)
    )


def numbers_in(words: Iterable[Word]) -> frozenset[int]:
    """The numbers in some words that a roll may come round by: parameters, and how often each letter stands there."""
    found: set[int] = set()
    for word in words:
        counts: Counter[Symbol] = Counter()
        for symbol, exponent in word.syllables:
            counts[symbol] += abs(exponent)
        found.update(counts.values())
        for symbol in counts:
            found.update(abs(number.numerator) for argument in symbol.args for number in _numbers(argument))
    return frozenset(found) - {0}


def _numbers(argument: Value) -> Iterator[Fraction]:
    if isinstance(argument, Fraction):
        yield argument
    elif isinstance(argument, Expression):
        yield from (coefficient for _, coefficient in argument.terms)
    elif isinstance(argument, tuple):
        for item in argument:
            yield from _numbers(item)


def make_probes(
    channels: int = 1,
    size: int = 28,
    *,
    numbers: Collection[int] = (),
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
) -> tuple[Probe, ...]:
    """The built-in probes at every one of `probe_sizes`: all at the size asked for, one image of each at the others."""
    first, *others = probe_sizes(size, numbers)
    found = list(standard_probes(channels, *first, seed=seed, dtype=dtype))
    for height, width in others:
        probes = standard_probes(channels, height, width, seed=seed, dtype=dtype)
        found.extend(replace(probe, images=probe.images[:1]) for probe in probes)
    return tuple(found)


def contributed_probes(
    catalog: Catalog, channels: int, height: int, width: int, *, dtype: torch.dtype = torch.float32
) -> tuple[tuple[Probe, ...], tuple[ProbeFailure, ...]]:
    """The probes of plugins that are for everybody; one that fails is reported and keeps none from being used."""
    own = {name for augmentation in catalog.augmentations.values() for name in augmentation.probes}
    return _made(catalog, (channels, height, width), dtype, lambda name: name not in own)


def suited_probes(
    catalog: Catalog, words: Iterable[Word], *, dtype: torch.dtype = torch.float32
) -> tuple[tuple[Probe, ...], tuple[ProbeFailure, ...]] | None:
    """The probes that suit every augmentation in some words, if one of these is made for certain pictures.

    Args:
        catalog: Where the augmentations are.
        words: The words.
        dtype: Floating-point type of the images.

    Returns:
        None if all of them are for every picture. Otherwise the probes that all name as theirs, and what failed.
    """
    names = dict.fromkeys(symbol.name for word in words for symbol in word.symbols)
    wanted = [catalog.resolve(name).probes for name in names]
    chosen = [set(probes) for probes in wanted if probes]
    if not chosen:
        return None
    common = set.intersection(*chosen)
    return _made(catalog, (1, 28, 28), dtype, common.__contains__, free=common)


def _made(
    catalog: Catalog,
    size: tuple[int, int, int],
    dtype: torch.dtype,
    wanted: Callable[[str], bool],
    free: Collection[str] = (),
) -> tuple[tuple[Probe, ...], tuple[ProbeFailure, ...]]:
    probes: list[Probe] = []
    failures: list[ProbeFailure] = []
    for plugin, manager in sorted(catalog.managers.items()):
        try:
            with isolate(plugin, limit=seconds_allowed()):
                makers = [item for answer in manager.hook.augalg_probes() for item in dict(answer).items()]
        except Exception as error:  # noqa: BLE001 - whatever a plugin raises is reported under its name
            failures.append(ProbeFailure(plugin, "", _reason(error)))
            continue
        for name, make in makers:
            if not wanted(name):
                continue
            try:
                with isolate(plugin, limit=seconds_allowed(), may_draw=True):
                    made = make(*size)
                images = _checked(made, None if name in free else size)
            except Exception as error:  # noqa: BLE001 - the same
                failures.append(ProbeFailure(plugin, name, _reason(error)))
            else:
                probes.append(Probe(name, images.to(dtype), plugin=plugin))
    return tuple(probes), tuple(failures)


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


def stack(probes: Sequence[Probe]) -> Iterator[tuple[Tensor, tuple[tuple[Probe, int], ...]]]:
    """Put all probes of one image size into one batch, with the probe and number each image came from."""
    by_size: dict[tuple[int, ...], list[Probe]] = {}
    for probe in probes:
        by_size.setdefault(tuple(probe.images.shape[1:]), []).append(probe)
    for group in by_size.values():
        labels = tuple((probe, number) for probe in group for number in range(len(probe.images)))
        yield torch.cat([probe.images for probe in group]), labels


def _checked(images: object, size: tuple[int, int, int] | None) -> Tensor:
    if not isinstance(images, Tensor):
        raise ImageError(f"returned {type(images).__name__}, not a tensor")
    check_batch(images)
    if (size is not None and tuple(images.shape[1:]) != size) or not len(images):
        raise ImageError(
            f"returned shape {tuple(images.shape)} when asked for images of (channels, height, width) {size}"
        )
    if not bool(torch.isfinite(images).all()) or float(images.min()) < 0 or float(images.max()) > 1:
        raise ImageError("returned values outside [0, 1]")
    return images


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, ImageError) else describe(error)


def picture_probe(
    folder: Path | str,
    *,
    channels: int | None = None,
    size: tuple[int, int] | None = None,
    limit: int | None = MOST_PICTURES,
    dtype: torch.dtype = torch.float32,
    skip_broken: bool = False,
) -> Probe:
    """Read the pictures of a folder into one probe, in the order of their names.

    Args:
        folder: The folder; only files with a picture's suffix in it are looked at.
        channels: 1 converts to grey, 3 to colour; None keeps grey if every picture is grey.
        size: Height and width they are brought to; None keeps their own, which then has to be the same for all.
        limit: The most pictures that are read; None reads all.
        dtype: Floating-point type of the images.
        skip_broken: Leave out pictures that cannot be read.

    Raises:
        DataError: There is no such folder, or no picture in it.
        ImageError: A file cannot be read as a picture, or sizes differ and no `size` is given.
    """
    folder = Path(folder)
    files = picture_files(folder)[:limit]
    pictures = read_pictures(files, channels=channels, size=size, skip_broken=skip_broken)
    return Probe(folder.name, torch.from_numpy(pictures.pixels).to(torch.float64).div(255).to(dtype))
