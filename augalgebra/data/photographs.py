"""A folder of photographs of any size, as crops of one size; only one of them is in memory at a time."""

import functools
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Self, TypeAlias

import numpy as np
import torch
from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from augalgebra.data.folder import find_pictures
from augalgebra.data.streams import TRAIN
from augalgebra.decoding import decode_picture, read_size
from augalgebra.errors import DataError, ImageError
from augalgebra.images import PictureNotes, list_files
from augalgebra.seeds import derived_seed

Crop: TypeAlias = UInt8[Tensor, "3 size size"]

_SMALLEST_SCALE = 0.5


@dataclass(frozen=True, eq=False)
class Photographs:
    """A folder of photographs.

    They are read in colour and upright: see `augalgebra.images.read_pictures` for what becomes of each kind.

    Attributes:
        folder: Where they lie.
        train: Those to learn from, in order of their names.
        test: Those to measure on, in order of their names.

    Examples:
        >>> photographs = Photographs.open("photographs")  # doctest: +SKIP
        >>> batch = torch.stack([*photographs.draw_crops(64, 256)]) / 255  # doctest: +SKIP
    """

    folder: Path
    train: tuple[Path, ...]
    test: tuple[Path, ...]
    _sizes: dict[Path, tuple[int, int]] = field(repr=False)
    _skip_broken: bool = field(repr=False)
    _said: dict[str, None] = field(repr=False)
    _notes: PictureNotes = field(repr=False)

    @classmethod
    def open(cls, folder: str | Path, *, held_out_every: int = 4, skip_broken: bool = False) -> Self:
        """Look through a folder and its subfolders. Of each picture only the first bytes are read.

        Args:
            folder: Pictures of any size and kind. If its subfolders are ``train`` and ``test`` (or ``val``), these
                are the parts.
            held_out_every: Otherwise every so many-th picture, in order of names, is measured on.
            skip_broken: Leave out pictures that cannot be read, and say so in `remarks`.

        Raises:
            DataError: There are no pictures, or too few for two parts.
            ImageError: Pictures cannot be read; all whose first bytes say so are named. Others are named when they
                are decoded.
        """
        folder = Path(folder)
        places, held_out, remarks = find_pictures(folder)
        notes, sizes = PictureNotes(), {}
        for file in places:
            try:
                sizes[file] = read_size(file)
            except ImageError as error:
                notes.broken[file] = str(error)
        if notes.broken and not (skip_broken and sizes):
            raise notes.refusal(len(places))
        if held_out:
            train = tuple(file for file in sizes if places[file].parts[0] == TRAIN)
        else:
            train = tuple(file for place, file in enumerate(sizes, 1) if place % held_out_every)
        learned = set(train)
        test = tuple(file for file in sizes if file not in learned)
        if not train or not test:
            raise DataError(
                f"{folder} has {len(train)} pictures to learn from and {len(test)} to measure on; both are needed"
                + (f", and every {held_out_every}th of {len(sizes)} is measured on" if not held_out else "")
            )
        return cls(folder, train, test, sizes, skip_broken, dict.fromkeys(remarks), notes)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is not read as it is, or not at all; more may be known after pictures were decoded."""
        return (*self._said, *self._notes.remarks(self._number()))

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the names within the folder and the bytes of all files of both parts, as hexadecimal digits.

        Raises:
            DataError: A file cannot be read.
        """
        digest = hashlib.sha256()
        for file in (*self.train, *self.test):
            try:
                with file.open("rb") as stream:
                    content = hashlib.file_digest(stream, "sha256").digest()
            except OSError as error:
                raise DataError(f"cannot read {file}: {error.strerror or error}") from error
            name = file.relative_to(self.folder).as_posix().encode()
            digest.update(hashlib.sha256(name).digest() + content)
        return digest.hexdigest()

    def draw_crops(self, number: int, size: int, seed: int = 0) -> Iterator[Crop]:
        """Random crops of the pictures to learn from; each picture is decoded once.

        All pictures give equally many crops, up to one; which give one more, and the order of the pictures, is random.
        A crop is a random square of the picture, brought to `size` by the factor 1/2 to 1: it is never enlarged.
        Smaller pictures are left out, which `remarks` says. What a picture that turns out to be broken owes is taken
        from the next one.

        Args:
            number: How many.
            size: Their height and width in pixels.
            seed: Seed of pictures, places and factors.

        Yields:
            Bytes ``[3, size, size]``.

        Raises:
            DataError: No picture is large enough.
            ImageError: A picture cannot be read and is not to be skipped, or none can.
        """
        files = self._large_enough(self.train, size)
        generator = np.random.default_rng(derived_seed(seed, "crops"))
        return self._drawn([files[place] for place in generator.permutation(len(files))], number, size, generator)

    def _drawn(self, order: list[Path], number: int, size: int, generator: np.random.Generator) -> Iterator[Crop]:
        owed, last = 0, None
        for place, file in enumerate(order[:number]):
            owed += number // len(order) + (place < number % len(order))
            picture = self._decoded(file)
            if picture is not None:
                last = picture
                for _ in range(owed):
                    yield _random_crop(picture, size, generator)
                owed = 0
        if owed:  # by broken ones at the end
            if last is None:
                raise self._refusal()
            for _ in range(owed):
                yield _random_crop(last, size, generator)

    def tile(self, size: int, part: Literal["train", "test"] = "test", limit: int | None = None) -> Iterator[Crop]:
        """Disjoint crops of the pictures of one part, in order of their names and row by row.

        A picture is not scaled. It is cut into as many squares as it has room for; what is left over is shared by
        opposite borders. Smaller pictures are left out, which `remarks` says.

        Args:
            size: Height and width of a crop in pixels.
            part: Which pictures.
            limit: At most so many crops, taken evenly from all of them; None takes all.

        Yields:
            Bytes ``[3, size, size]``.

        Raises:
            DataError: No picture is large enough.
            ImageError: A picture cannot be read and is not to be skipped, or none can.
        """
        files = self._large_enough(getattr(self, part), size)
        total = sum((height // size) * (width // size) for height, width in (self._sizes[file] for file in files))
        number = total if limit is None else min(limit, total)
        chosen = {(2 * k + 1) * total // (2 * number) for k in range(number)}
        return self._tiled(files, size, chosen)

    def _tiled(self, files: list[Path], size: int, chosen: set[int]) -> Iterator[Crop]:
        first, readable = 0, False
        for file in files:
            height, width = self._sizes[file]
            rows, columns = height // size, width // size
            wanted = [k - first for k in range(first, first + rows * columns) if k in chosen]
            first += rows * columns
            picture = self._decoded(file) if wanted else None
            if picture is None:
                continue
            readable = True
            rows, columns = picture.height // size, picture.width // size  # these are upright
            above, before = (picture.height - rows * size) // 2, (picture.width - columns * size) // 2
            for k in wanted:
                top, left = above + k // columns * size, before + k % columns * size
                yield _pixels(picture.crop((left, top, left + size, top + size)))
        if chosen and not readable:
            raise self._refusal()

    def _large_enough(self, files: tuple[Path, ...], size: int) -> list[Path]:
        small = [file for file in files if min(self._sizes[file]) < size]
        if size < 1 or len(small) == len(files):
            largest = max(min(self._sizes[file]) for file in files)
            raise DataError(f"no crop of {size}×{size} pixels fits into a picture of {self.folder}; 1 to {largest} do")
        if small:
            some = f"{len(small)} of {len(files)} pictures"
            self._said[f"{some} are smaller than {size}×{size} and left out: {list_files(small)}"] = None
        return [file for file in files if min(self._sizes[file]) >= size]

    def _decoded(self, file: Path) -> Image.Image | None:
        """A picture in colour; None if it is broken and left out."""
        try:
            picture, done = decode_picture(file)
        except ImageError as error:
            self._notes.broken[file] = str(error)
            if not self._skip_broken:
                raise self._refusal() from error
            return None
        self._notes.add(file, done)
        return picture.convert("RGB")

    def _refusal(self) -> ImageError:
        return self._notes.refusal(self._number())

    def _number(self) -> int:
        """How many pictures there are, those included that are left out."""
        return len(self._sizes.keys() | self._notes.broken.keys())


def _random_crop(picture: Image.Image, size: int, generator: np.random.Generator) -> Crop:
    side = min(round(size / generator.uniform(_SMALLEST_SCALE, 1)), picture.height, picture.width)
    top, left = (int(generator.integers(length - side + 1)) for length in picture.size[::-1])
    box = (left, top, left + side, top + side)
    return _pixels(picture.resize((size, size), Image.Resampling.BICUBIC, box=box))


def _pixels(picture: Image.Image) -> Crop:
    return torch.from_numpy(np.array(picture).transpose(2, 0, 1).copy())
