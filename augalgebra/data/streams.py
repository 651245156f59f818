"""Pictures that come one after the other, such as those of an archive: decoded in threads, and kept in a file.

Only some pictures are in memory at a time. What they become, bytes of one size, is written into a temporary file and
mapped from there, so that there may be more than memory holds. The file is gone when nobody uses it any more.
"""

import functools
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from augalgebra.case_progress import CaseProgress, unseen
from augalgebra.data.labels import Numbers, number_classes
from augalgebra.decoding import PackedPicture, Picture
from augalgebra.errors import DataError, ImageError
from augalgebra.images import (
    Array,
    ByteArray,
    PictureNotes,
    check_sizes,
    map_in_threads,
    read_pixels,
)
from augalgebra.storage.files import unpacks_too_much

TRAIN, TEST = "train", "test"
"""The parts of a data set."""
PICTURES_READ = "pictures read"
"""What progress is of while pictures are read: it counts them, and no bytes."""
TEST_EVERY = 5
"""Where a data set brings no split, every so many-th picture of a class is for testing."""

_FEWEST = 2 * TEST_EVERY


@dataclass(frozen=True)
class LabelledPicture:
    """A picture of a data set.

    Attributes:
        picture: Where it is read from.
        label: The name or number of its class; None if it has none.
        part: ``train``, ``test``, or nothing if the data set brings no split.
    """

    picture: Picture
    label: str | int | None = None
    part: str = ""


@dataclass(frozen=True)
class CollectedPictures:
    """What became of a stream of pictures.

    Attributes:
        train: Images ``[image, channel, height, width]``, mapped from a file, and their labels.
        test: The same of those to measure on.
        classes: Names of the labels 0, 1, 2, …; none where labels are numbers of their own.
        remarks: What was not read as it is, or not at all.
    """

    train: tuple[ByteArray, Numbers]
    test: tuple[ByteArray, Numbers]
    classes: tuple[str, ...]
    remarks: tuple[str, ...]


def collect_pictures(
    source: str,
    items: Iterable[LabelledPicture],
    *,
    size: int | None = None,
    skip_broken: bool = False,
    total: int = 0,
    progress: CaseProgress = unseen,
) -> CollectedPictures:
    """Read a stream of pictures; grey if every one is grey, and else in three colours.

    Args:
        source: What they are of, for messages.
        items: The pictures. Where they bring no split, every fifth of each class is for testing.
        size: Bring all to squares of so many pixels, see `augalgebra.images.read_pictures`; None keeps their own size.
        skip_broken: Leave out pictures that cannot be read.
        total: How many there are, if that is known.
        progress: Called as they are read.

    Raises:
        DataError: There are too few, some have labels and some have none, or there is no room for them on the disk.
        ImageError: Pictures cannot be read, or they differ in size.
    """
    read = functools.partial(_read, square=size)
    with _Collector(source) as collector, warnings.catch_warnings(action="ignore"):
        for number, (item, found) in enumerate(map_in_threads(read, items), 1):
            progress(number, max(number, total) if total else 0, PICTURES_READ)
            collector.take(item, found)
        return collector.finish(skip_broken=skip_broken)


class _Collector:
    """Takes pictures as they are read, and sorts them into two parts."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._notes, self._taken = PictureNotes(), 0
        self._sizes, self._examples = Counter[tuple[int, ...]](), dict[tuple[int, ...], object]()
        self._split, self._seen = False, Counter[object]()
        self._files = {TRAIN: _PixelFile(source), TEST: _PixelFile(source)}
        self._labels: dict[str, list[str | int | None]] = {TRAIN: [], TEST: []}
        self._unpacked = self._packed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files.values():
            file.close()

    def take(self, item: LabelledPicture, found: tuple[ByteArray, list[str]] | ImageError) -> None:
        """Take a picture, or note why it cannot be read."""
        self._taken += 1
        name = item.picture if isinstance(item.picture, Path) else item.picture.name
        if isinstance(found, ImageError):
            self._notes.broken[name] = str(found)
            return
        pixels, done = found
        self._notes.add(name, done)
        self._sizes[pixels.shape[1:]] += 1
        self._examples.setdefault(pixels.shape[1:], name)
        if len(self._sizes) > 1:
            return  # all are looked at, so that the error can tell how many there are of each size
        self._split = self._split or bool(item.part)
        part = item.part or (TEST if self._seen[item.label] % TEST_EVERY == TEST_EVERY - 1 else TRAIN)
        self._seen[item.label] += 1
        self._files[part].add(pixels)
        self._labels[part].append(item.label)
        self._unpacked, self._packed = self._unpacked + pixels.size, self._packed + _size(item.picture)
        if unpacks_too_much(self._unpacked, self._packed):
            is_file = isinstance(item.picture, Path)
            raise ImageError(
                f"{self._taken} pictures up to {name} take {self._unpacked / 2**20:,.0f} MiB, "
                f"{self._unpacked / max(self._packed, 1):,.0f} times what they take "
                f"{'on disk' if is_file else f'in {self._source}'}; leave out those that are blank"
                f"{', or save all in one .npz with numpy.savez' if is_file else ''}"
            )

    def finish(self, *, skip_broken: bool) -> CollectedPictures:
        """See that what was taken is a data set."""
        if self._notes.broken and not (skip_broken and self._sizes):
            raise self._notes.refusal(self._taken)
        check_sizes(self._sizes, self._examples)
        if not self._split and self._sizes.total() < _FEWEST:
            raise DataError(f"{self._source} has {self._sizes.total()} images; at least {_FEWEST} are needed")
        channels = max(file.channels for file in self._files.values())
        train, test = (file.map(channels) for file in self._files.values())
        labels = self._labels
        if not self._split and not labels[TEST]:  # no class has as many as five
            train, test, labels = self._spread(train, labels[TRAIN])
        arrays = [(f"the {part} part", self._as_array(some), len(some)) for part, some in labels.items()]
        numbers, classes = number_classes(self._source, arrays)
        return CollectedPictures((train, numbers[0]), (test, numbers[1]), classes, self._notes.remarks(self._taken))

    def _spread(
        self, pictures: ByteArray, labels: list[str | int | None]
    ) -> tuple[ByteArray, ByteArray, dict[str, list[str | int | None]]]:
        """Every fifth of all is for testing; the last fifth would be of classes that nothing is learned of."""
        files, parted = {part: _PixelFile(self._source) for part in self._files}, dict[str, list[str | int | None]]()
        for number, (pixels, label) in enumerate(zip(pictures, labels, strict=True)):
            part = TEST if number % TEST_EVERY == TEST_EVERY - 1 else TRAIN
            files[part].add(pixels)
            parted.setdefault(part, []).append(label)
        train, test = (file.map(len(pictures[0])) for file in files.values())
        for file in files.values():
            file.close()
        return train, test, parted

    def _as_array(self, labels: list[str | int | None]) -> Array | None:
        kinds = {type(label) for label in labels}
        if len(kinds) > 1:
            how = "there and some are not" if None in labels else "numbers and some are text"
            raise DataError(f"{self._source}: some labels are {how}; name the classes of all pictures, or of none")
        return None if kinds <= {type(None)} else np.array(labels, np.str_ if kinds == {str} else np.int64)


def _read(item: LabelledPicture, square: int | None) -> tuple[ByteArray, list[str]] | ImageError:
    return read_pixels(item.picture, square=square)


def _size(picture: Picture) -> int:
    return len(picture.content) if isinstance(picture, PackedPicture) else picture.stat().st_size


class _PixelFile:
    """Pictures of one size in a temporary file, one after the other."""

    def __init__(self, source: str) -> None:
        self._source, self._file = source, tempfile.TemporaryFile()  # noqa: SIM115 (closed by `close`)
        self._shape: tuple[int, ...] = (0, 0, 0)
        self._count = 0

    @property
    def channels(self) -> int:
        return self._shape[0]

    def add(self, pixels: ByteArray) -> None:
        """Write one more; what is grey becomes colour once anything is."""
        if not self._count:
            self._shape = pixels.shape
        elif len(pixels) > self.channels:
            self._widen(len(pixels))
        self._write(np.broadcast_to(pixels, self._shape))
        self._count += 1

    def map(self, channels: int) -> ByteArray:
        """All of them, mapped; what is written to them stays in memory."""
        if not self._count:
            return np.empty((0, *self._shape), np.uint8)
        if channels > self.channels:
            self._widen(channels)
        self._file.flush()
        return np.memmap(self._file, np.uint8, "c", shape=(self._count, *self._shape))

    def close(self) -> None:
        """Close the file; what was mapped stays."""
        self._file.close()

    def _widen(self, channels: int) -> None:
        grey = self.map(self.channels)
        self.close()
        self._file, self._shape = tempfile.TemporaryFile(), (channels, *self._shape[1:])  # noqa: SIM115 (as above)
        for pixels in grey:
            self._write(np.broadcast_to(pixels, self._shape))

    def _write(self, pixels: ByteArray) -> None:
        try:
            self._file.write(np.ascontiguousarray(pixels).data)
        except OSError as error:
            folder, why = tempfile.gettempdir(), error.strerror or error
            raise DataError(f"{folder} has no room for the bytes of {self._source}: {why}; set TMPDIR") from error
