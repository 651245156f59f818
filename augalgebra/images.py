"""Pictures in files and folders, as bytes of one size."""

import functools
import os
import warnings
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
from PIL import Image

from augalgebra.decoding import REDUCING_GAP, Picture, decode, in_mode
from augalgebra.errors import DataError, ImageError
from augalgebra.plain import count_of
from augalgebra.storage.files import unpacks_too_much

__all__ = [
    "SUFFIXES",
    "Array",
    "ByteArray",
    "PictureNotes",
    "Pictures",
    "as_images",
    "check_sizes",
    "list_files",
    "map_in_threads",
    "picture_files",
    "read_pictures",
    "read_pixels",
]

Array: TypeAlias = np.ndarray[Any, Any]
ByteArray: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
T = TypeVar("T")
R = TypeVar("R")

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
"""What counts as a picture in a folder; other files there are left alone."""

_MOST_FOLDERS = 100_000
_MOST_THREADS = 8  # each may hold one picture of MOST_PIXELS
_AHEAD = 4  # pictures that are read for each thread before they are asked for
_NAMED = 5  # pictures in a remark


@dataclass(frozen=True)
class Pictures:
    """Pictures that were read.

    Attributes:
        pixels: Bytes ``[image, channel, height, width]``.
        files: Where each comes from.
        remarks: What was not read as it is, or not at all.
    """

    pixels: ByteArray
    files: tuple[Path, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class PictureNotes:
    """What is to be said of pictures that were read.

    Attributes:
        changed: What was done to pictures, such as turning them upright, and to which of them.
        broken: Pictures that cannot be read, and why.
    """

    changed: dict[str, dict[Path | str, None]] = field(default_factory=dict)
    broken: dict[Path | str, str] = field(default_factory=dict)

    def add(self, file: Path | str, done: Sequence[str]) -> None:
        """Note what was done to a picture."""
        for what in done:
            self.changed.setdefault(what, {})[file] = None

    def refusal(self, number: int) -> ImageError:
        """The error that names all broken pictures of so many."""
        if number == 1:
            ((file, why),) = self.broken.items()
            return ImageError(f"{file} cannot be read as a picture: {why}")
        listed = ", ".join(f"{file} ({why})" for file, why in self.broken.items())
        return ImageError(
            f"{len(self.broken)} of {count_of(number, 'picture')} cannot be read: {listed}; "
            "mend them or leave them out (--skip-broken)"
        )

    def remarks(self, number: int) -> tuple[str, ...]:
        """All of it in a line each, if broken ones of so many pictures are left out."""
        lines = [
            f"{count_of(len(named), 'picture')} {what}: {list_files([*named])}" for what, named in self.changed.items()
        ]
        if self.broken:
            out = f"{len(self.broken)} of {count_of(number, 'picture')} left out, since they cannot be read"
            lines.append(f"{out}: {list_files([*self.broken])}")
        return tuple(lines)


def picture_files(folder: Path, *, subfolders: bool = False) -> list[Path]:
    """The pictures of a folder, in the order of their names; what is hidden is left alone.

    Args:
        folder: The folder.
        subfolders: Whether pictures in folders below count too. Links to folders are followed, but never in a circle.

    Raises:
        DataError: There is no such folder, no picture in it, or no end to its subfolders.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder of pictures; give the path of one")
    files: list[Path] = []
    waiting: list[tuple[Path, tuple[tuple[int, int], ...]]] = [(folder, ())]
    opened = 0
    while waiting:
        place, above = waiting.pop()
        try:
            status = place.stat()
            entries = [entry for entry in place.iterdir() if not entry.name.startswith(".")]
        except OSError as error:
            raise DataError(f"cannot read the folder {place}: {error.strerror or error}") from error
        if (status.st_dev, status.st_ino) in above:
            continue
        opened += 1
        if opened > _MOST_FOLDERS:
            raise DataError(f"{folder} has more than {_MOST_FOLDERS} folders below it; name one of them")
        below = (*above, (status.st_dev, status.st_ino))
        for entry in entries:
            if os.path.isdir(entry):  # noqa: PTH112 (a link that leads nowhere is none; Path.is_dir raises)
                waiting += [(entry, below)] * subfolders
            elif entry.suffix.lower() in SUFFIXES:
                files.append(entry)
    if not files:
        raise DataError(f"{folder} holds no pictures; files that end in {', '.join(SUFFIXES)} are read")
    return sorted(files, key=lambda file: file.parts)


def read_pictures(
    files: Sequence[Path],
    *,
    channels: int | None = None,
    size: tuple[int, int] | None = None,
    square: int | None = None,
    skip_broken: bool = False,
) -> Pictures:
    """Read pictures of one size, upright as their EXIF data says; several are decoded at a time.

    Args:
        files: One or more pictures. Those of 16 bits keep the upper 8; transparency is dropped; of several pages the
            first is read.
        channels: 1 converts to grey, 3 to colour; None keeps grey if every picture is grey.
        size: Height and width they are brought to; None keeps their own.
        square: Bring pictures of any size to squares of so many pixels: the shorter side is scaled to it, and the
            middle is cut out.
        skip_broken: Leave out what cannot be read, unless that is all.

    Raises:
        ImageError: A file cannot be read as a picture (all of them are named), or they differ in size.
    """
    if channels not in (None, 1, 3):
        raise ImageError(f"pictures are read with 1 or 3 channels, not {channels}")
    arrays: list[tuple[Path, ByteArray]] = []
    notes = PictureNotes()
    unpacked = packed = 0
    read = functools.partial(read_pixels, channels=channels, size=size, square=square)
    with warnings.catch_warnings(action="ignore"):
        for file, found in map_in_threads(read, files):
            if isinstance(found, ImageError):
                notes.broken[file] = str(found)
                continue
            pixels, done = found
            notes.add(file, done)
            arrays.append((file, pixels))
            unpacked, packed = unpacked + pixels.size, packed + file.stat().st_size
            if unpacks_too_much(unpacked, packed):
                raise ImageError(
                    f"{len(arrays)} pictures up to {file} take {unpacked / 2**20:,.0f} MiB, "
                    f"{unpacked / max(packed, 1):,.0f} times what they take on disk; leave out those that are blank, "
                    "or save all in one .npz with numpy.savez"
                )
    if notes.broken and not (skip_broken and arrays):
        raise notes.refusal(len(files))
    check_sizes(
        Counter(array.shape[1:] for _, array in arrays), {array.shape[1:]: file for file, array in reversed(arrays)}
    )
    stacked = _stacked([array for _, array in arrays])
    return Pictures(stacked, tuple(file for file, _ in arrays), notes.remarks(len(files)))


def map_in_threads(function: Callable[[T], R], items: Iterable[T]) -> Iterator[tuple[T, R]]:
    """Apply a function to items in several threads, a few ahead of what is asked for.

    After an error or an interrupt no thread begins anything new.

    Args:
        function: What is applied.
        items: To what; they may be more than there is memory for.

    Yields:
        Each item with its result, in the order of the items.
    """
    threads = min(_MOST_THREADS, os.cpu_count() or 1)
    waiting: deque[tuple[T, Future[R]]] = deque()
    pool = ThreadPoolExecutor(threads)
    try:
        for item in items:
            waiting.append((item, pool.submit(function, item)))
            if len(waiting) > _AHEAD * threads:
                first, done = waiting.popleft()
                yield first, done.result()
        while waiting:
            first, done = waiting.popleft()
            yield first, done.result()
    finally:
        pool.shutdown(cancel_futures=True)


def read_pixels(
    picture: Picture, *, channels: int | None = None, size: tuple[int, int] | None = None, square: int | None = None
) -> tuple[ByteArray, list[str]] | ImageError:
    """Read one picture as `read_pictures` does; Pillow's warnings are left to the caller.

    Returns:
        Bytes ``[channel, height, width]`` and what was done to it, or why it cannot be read.
    """
    try:
        decoded, done = decode(picture, square)
    except ImageError as error:
        return error
    if channels is not None:
        decoded = in_mode(decoded, "L" if channels == 1 else "RGB")
    if size is not None:
        decoded = decoded.resize(size[::-1], Image.Resampling.BILINEAR)
    if square is not None:
        side = min(decoded.size)
        if side < square:
            done.append(f"enlarged to {square}×{square}")
        left, top = (decoded.width - side) // 2, (decoded.height - side) // 2
        box = (left, top, left + side, top + side)
        decoded = decoded.resize((square, square), Image.Resampling.BICUBIC, box=box, reducing_gap=REDUCING_GAP)
    return np.atleast_3d(np.asarray(decoded)).transpose(2, 0, 1), done


def as_images(path: Path, images: Array, shape: tuple[int, ...] | None = None) -> Array:
    """Images of any layout that is allowed in an ``.npz`` in the one that the library uses.

    Args:
        path: Where they come from, for messages.
        images: Bytes or floats in [0, 1]: ``[n, h, w]``, ``[n, h, w, c]`` or ``[n, c, h, w]``.
        shape: Shape of the array that they are a part of, for messages.

    Returns:
        The same values, ``[image, channel, height, width]``.

    Raises:
        ImageError: There are none, they are neither grey nor in three colours, or have pixels outside [0, 1].
    """
    shape = shape or images.shape
    if images.ndim == 3:
        images = images[:, None]
    elif images.ndim == 4 and images.shape[1] not in (1, 3):
        images = images.transpose(0, 3, 1, 2)
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ImageError(f"{path}: images of shape {shape} are neither grey nor in three colours")
    if not images.size:
        raise ImageError(f"{path} holds no images: their shape is {shape}")
    if images.dtype.kind == "f":
        low, high = images.min(), images.max()
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ImageError(f"{path}: some pixels are NaN or infinite; pixels must lie in [0, 1]")
        if low < 0 or high > 1:
            raise ImageError(f"{path}: pixels must lie in [0, 1]; here they reach from {low} to {high}")
    elif images.dtype != np.uint8:
        raise ImageError(f"{path}: pixels must be bytes or floats in [0, 1], not {images.dtype}")
    return np.ascontiguousarray(images)


def check_sizes(sizes: Mapping[tuple[int, ...], int], examples: Mapping[tuple[int, ...], object]) -> None:
    """See that pictures are of one size.

    Args:
        sizes: How many there are of each height and width.
        examples: The first picture of each.

    Raises:
        ImageError: They are not; the message has the most frequent sizes, with an example of each.
    """
    if len(sizes) > 1:
        listed = [
            f"{height}×{width} ({count}, such as {examples[height, width]})"
            for (height, width), count in Counter(sizes).most_common(_NAMED)
        ]
        raise ImageError(
            f"the pictures have {len(sizes)} sizes: {', '.join(listed)}{', …' * (len(sizes) > _NAMED)}; "
            "--size PIXELS (size= in Python) brings them all to squares of one size"
        )


def _stacked(arrays: list[ByteArray]) -> ByteArray:
    """One array, in three colours if some are."""
    shape = (max(len(array) for array in arrays), *arrays[0].shape[1:])
    pixels = np.empty((len(arrays), *shape), np.uint8)
    for place, array in enumerate(arrays):
        pixels[place] = array
    return pixels


def list_files(files: Sequence[Path | str]) -> str:
    """The first few of some files, for a message."""
    return ", ".join(map(str, files[:_NAMED])) + ", …" * (len(files) > _NAMED)
