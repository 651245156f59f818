"""Data sets: resident bytes with labels, split the same way every time."""

import functools
import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor
from torch.nn import functional

from augalgebra.case_progress import CaseProgress, unseen
from augalgebra.data.archives import PUBLISHED, PublishedDataset
from augalgebra.data.arrays import map_images, to_bytes
from augalgebra.data.factor_arrays import FACTOR, read_factors
from augalgebra.data.folder import read_folder
from augalgebra.data.glyphs import draw_glyphs
from augalgebra.data.huggingface import open_hub
from augalgebra.data.labels import Numbers, number_classes
from augalgebra.data.morpho import draw_stroke_factors, draw_strokes
from augalgebra.data.pendulum import SIDE, as_bytes, draw_pendulum, pendulum_grid
from augalgebra.data.shards import find_shards, read_shards
from augalgebra.data.streams import TEST_EVERY, CollectedPictures, collect_pictures
from augalgebra.errors import DataError, nearest
from augalgebra.images import Array
from augalgebra.seeds import generator_for
from augalgebra.storage.npz import ArrayArchive
from augalgebra.storage.values import shown_name

Part: TypeAlias = tuple[Array, Numbers]
"""Images ``[image, channel, height, width]`` in bytes, and their labels."""

DATA_VARIABLE = "AUGALG_DATA"
"""Environment variable that says where data sets lie."""

NAMES = ("digits", *PUBLISHED, "glyphs", "pendulum", "morpho", "morpho:digits")
"""The data sets known by name."""

HUB, SHARDS = "hf:", "webdataset:"
"""What data sets of Hugging Face and WebDataset shards are named with."""

_NO_FOLDER = "{} is no folder of pictures; only such pictures are brought to a size"
_MOST_TESTED = 10_000  # of an array, as all that is measured on is in memory at once
_ROWS = 1024  # images that are turned into bytes at once
_NAMED = 10


@dataclass(frozen=True)
class Split:
    """Images with their labels and their numbers in the data set.

    Attributes:
        images: Bytes.
        labels: Classes, 0 where there are none.
        first: Number of the first image; what is drawn at random for an image depends on its number.
        factors: What the images were drawn from, by name, a value for each; empty where that is not known.
    """

    images: UInt8[Tensor, "image channel height width"]
    labels: Int64[Tensor, " image"]
    first: int = 0
    factors: Mapping[str, Float[Tensor, " image"]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.images)

    def batch(
        self, positions: Int64[Tensor, " batch"] | slice
    ) -> tuple[Float[Tensor, "batch channel height width"], list[int]]:
        """Some images in [0, 1], and their numbers in the data set.

        Args:
            positions: Which of this split, counted from 0.
        """
        chosen = torch.arange(*positions.indices(len(self))) if isinstance(positions, slice) else positions
        return self.images[chosen].float() / 255, (chosen + self.first).tolist()

    def head(self, number: int | None) -> "Split":
        """The first images, or all of them."""
        return self.part(0, number)

    def part(self, start: int, stop: int | None) -> "Split":
        """The images from one position to before another, or to the end."""
        factors = {name: values[start:stop] for name, values in self.factors.items()}
        return Split(self.images[start:stop], self.labels[start:stop], self.first + start, factors)


@dataclass(frozen=True)
class Dataset:
    """A data set in memory, or mapped into it from a file.

    Attributes:
        name: What `load_data` was asked for.
        train: The images to learn from.
        test: The images to measure on.
        classes: Names of the labels 0, 1, 2, …; none where labels are numbers of their own.
        remarks: What its owner should know: pictures that were left out, turned or reduced, and the like.
        size: Height and width that a folder's pictures were brought to; None if they were taken as they are.
    """

    name: str
    train: Split
    test: Split
    classes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    size: int | None = None

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width

    def part(self, images: int | None) -> "Dataset":
        """The same with only the first so many images of each split; all of them if None."""
        if images is None:
            return self
        return replace(self, train=self.train.head(images), test=self.test.head(images))

    def label_name(self, label: int) -> str | int:
        """What a label is called: the name of its class, or the label itself."""
        return self.classes[label] if self.classes else label

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 of all images in order, as hexadecimal digits."""
        digest = hashlib.sha256()
        for split in (self.train, self.test):
            digest.update(repr(tuple(split.images.shape)).encode())
            for start in range(0, len(split), _ROWS):
                digest.update(split.images[start : start + _ROWS].contiguous().numpy().data)
        return digest.hexdigest()


def load_data(
    name: str | Path = "digits",
    data_dir: str | Path | None = None,
    *,
    size: int | None = None,
    skip_broken: bool = False,
    progress: CaseProgress = unseen,
) -> Dataset:
    """Load a data set by name, from a folder of pictures, or from an ``.npz`` or ``.npy`` file.

    Args:
        name: ``digits``, which are always there; ``glyphs`` or ``pendulum``, which are made on the fly; ``mnist``,
            ``fashion-mnist``, ``kmnist`` or ``cifar10``, which are downloaded into the user's cache if they are not in
            `data_dir`; ``morpho`` or ``morpho:digits``, which are MNIST and the digits with strokes that have causes
            (`morpho_data`), drawn once and kept in the user's cache; a folder, an ``.npz`` or an ``.npy``;
            ``hf:PLACE`` (`augalgebra.data.huggingface.open_hub`) or ``webdataset:SHARDS``
            (`augalgebra.data.shards.find_shards`), which may be larger than memory. A path is never one of these names,
            nor is text with a separator: ``./digits``. A folder's subfolders, if there are any, are the classes, or
            ``train`` and ``test`` with classes in them. An ``.npz`` holds ``images`` and perhaps ``labels`` and
            ``factor_NAME``, or ``x_train``, ``y_train``, ``x_test`` and ``y_test``; images are bytes or floats in
            [0, 1], ``[n, h, w]``, ``[n, h, w, c]`` or ``[n, c, h, w]``; labels are text or whole numbers, factors
            numbers that images were drawn from. An ``.npy`` holds such images, has
            no labels and may be larger than memory: it is mapped, its order is kept, and the last fifth, at most
            10,000, is for testing.
        data_dir: Where data sets lie, directly, in a folder of their name, or as torchvision lays them out; by
            default what the environment variable ``AUGALG_DATA`` says.
        size: Bring pictures of any size to squares of so many pixels: the shorter side is scaled to it, and
            the middle is cut out. None takes them as they are; they must then be of one size.
        skip_broken: Leave out pictures that cannot be read.
        progress: Called while something is downloaded, or pictures are drawn or read.

    Raises:
        DataError: There is no such data set, its files are damaged, or missing and not to be had; or it is no folder
            and a size is given.
        ImageError: A picture, or what is in an ``.npz``, cannot be used.

    Examples:
        >>> load_data("digits").image_shape
        (1, 28, 28)
    """
    if isinstance(name, Path):
        shown = f"./{name}" if str(name) in NAMES else str(name)
        return _of_files(shown, size, skip_broken=skip_broken, progress=progress)
    if size is not None and name in NAMES:
        raise DataError(_NO_FOLDER.format(name))
    if name == "digits":
        data = _digits()
    elif name == "glyphs":
        data = glyph_data()
    elif name == "pendulum":
        data = pendulum_data()
    elif name == "morpho":
        data = morpho_data(_of_published(PUBLISHED["mnist"], data_dir, progress), progress=progress)
    elif name == "morpho:digits":
        data = morpho_data(_digits(), progress=progress)
    elif name in PUBLISHED:
        data = _of_published(PUBLISHED[name], data_dir, progress)
    elif name.startswith((HUB, SHARDS)):
        _check_size(size)
        read = _of_hub if name.startswith(HUB) else _of_shards
        return read(name, size, skip_broken=skip_broken, progress=progress)
    else:
        return _of_files(name, size, skip_broken=skip_broken, progress=progress)
    if os.path.isdir(name) and not (data_dir and Path(data_dir).samefile(".")):  # noqa: PTH112
        here = f"{name!r} is the data set of that name, not the folder {name} that lies here; for that write ./{name}"
        data = replace(data, remarks=(*data.remarks, here))
    return data


def _of_files(name: str, size: int | None, *, skip_broken: bool, progress: CaseProgress) -> Dataset:
    """The data set in a folder or a file."""
    if os.path.isdir(name):  # noqa: PTH112 (of a name that is too long Path.is_dir raises)
        _check_size(size)
        found = read_folder(name, size=size, skip_broken=skip_broken, progress=progress)
        return _collected(name, found, (), size)
    if name.lower().endswith((".npz", ".npy")):
        if size is not None:
            raise DataError(_NO_FOLDER.format(name))
        return _read_npz(Path(name)) if name.lower().endswith(".npz") else _read_npy(Path(name))
    near = nearest(name, NAMES, 1)
    raise DataError(
        f"unknown data set {name[:80]!r}; "
        + (f"did you mean {near[0]}? " if near else "")
        + f"Known are {', '.join(NAMES)}, a folder of pictures, hf:NAME, webdataset:SHARDS, a file.npz or a file.npy"
    )


def _of_hub(name: str, size: int | None, *, skip_broken: bool, progress: CaseProgress) -> Dataset:
    pictures = open_hub(name.removeprefix(HUB))
    found = collect_pictures(
        name, pictures, size=size, skip_broken=skip_broken, total=pictures.total, progress=progress
    )
    return _collected(name, replace(found, classes=pictures.classes or found.classes), pictures.remarks, size)


def _of_shards(name: str, size: int | None, *, skip_broken: bool, progress: CaseProgress) -> Dataset:
    shards, remarks = find_shards(name.removeprefix(SHARDS))
    items = read_shards(shards, skip_broken=skip_broken, remarks=remarks)
    found = collect_pictures(name, items, size=size, skip_broken=skip_broken, progress=progress)
    return _collected(name, found, remarks, size)


def _collected(name: str, found: CollectedPictures, remarks: Sequence[str], size: int | None) -> Dataset:
    data = _dataset(name, found.train, found.test)
    return replace(data, classes=found.classes, remarks=(*remarks, *found.remarks), size=size)


def _check_size(size: int | None) -> None:
    if size is not None and size < 1:
        raise DataError(f"pictures cannot be brought to {size} pixels")


def _digits() -> Dataset:
    """The 1797 digits that come with scikit-learn, from 8×8 to 20×20 pixels with a margin of 4, as in MNIST."""
    from sklearn.datasets import load_digits  # a second of import that only this data set needs

    small = load_digits()
    grey = torch.from_numpy(small.images).float()[:, None] / 16
    large = functional.interpolate(grey, size=(20, 20), mode="bicubic", align_corners=False).clamp(0, 1)
    large = functional.pad(large, (4, 4, 4, 4))  # what is sheared or turned stays within the picture
    return _split("digits", (large * 255).round().byte().numpy(), small.target.astype(np.int64))


def glyph_data(number: int = 5000, *, flips: bool = False, seed: int = 0) -> Dataset:
    """Glyphs as a data set: four fifths to learn from, the others for testing; labels are shapes.

    Image number i is that of ``draw_glyphs(number, flips=flips, seed=seed)[i]``, which knows its factors.

    Args:
        number: How many images; at least 10.
        flips: Whether some are mirrored.
        seed: Seed of all factors.

    Raises:
        DataError: There are too few.
    """
    if number < 2 * TEST_EVERY:
        raise DataError(f"{number} glyphs are too few; at least {2 * TEST_EVERY} are needed")
    glyphs = draw_glyphs(number, flips=flips, seed=seed)
    first = number - number // TEST_EVERY
    splits = [
        Split(part.images(), part.shapes, number, part.factors)
        for number, part in ((0, glyphs[:first]), (first, glyphs[first:]))
    ]
    return Dataset("glyphs", splits[0], splits[1])


def pendulum_data(*, size: int = SIDE, seed: int = 0) -> Dataset:
    """Pictures of a pendulum as a data set: 7,308 in colour, 5,482 of them to learn from; there are no classes.

    See `augalgebra.data.pendulum`; what they were drawn from is in the `factors` of each split. The published set has
    the same grid of factors and as many pictures for training, but was drawn by other means.

    Args:
        size: Height and width in pixels, at least 32.
        seed: Seed of the order within each split.

    Raises:
        ImageError: They are too small to read the factors off them.
    """
    factors, *parts = pendulum_grid()
    splits, first = [], 0
    for rows in parts:
        images = torch.empty(len(rows), 3, size, size, dtype=torch.uint8)
        for start in range(
            0, len(rows), _ROWS
        ):  # in the order of the grid, where neighbours share most of what is drawn
            some = {name: values[rows[start : start + _ROWS]] for name, values in factors.items()}
            images[start : start + _ROWS] = as_bytes(draw_pendulum(**some, size=(size, size)))
        order = torch.randperm(len(rows), generator=generator_for(seed, "pendulum", first))
        shuffled = {name: values[rows[order]] for name, values in factors.items()}
        splits.append(Split(images[order], torch.zeros(len(rows), dtype=torch.int64), first, shuffled))
        first += len(rows)
    return Dataset("pendulum", splits[0], splits[1])


def morpho_data(digits: Dataset, *, seed: int = 0, progress: CaseProgress = unseen) -> Dataset:
    """Digits with thickness, slant and intensity set at random, as a data set that knows these factors.

    See `augalgebra.data.morpho` for the equations. What pixels show comes near the factors: see
    `augalgebra.data.strokes.measure_strokes`. Images are drawn once and then kept in the user's cache.

    Args:
        digits: Bright strokes on a dark ground, grey. Split and labels are kept.
        seed: Seed of all factors.
        progress: Called while pictures are drawn.

    Raises:
        ImageError: A digit has no strokes.
    """
    parts = (digits.train, digits.test)
    factors = draw_stroke_factors(sum(map(len, parts)), seed)
    drawn, remarks = draw_strokes(torch.cat([part.images for part in parts]), factors, progress=progress)
    splits, begun = [], 0
    for part in parts:
        rows = slice(begun, begun + len(part))
        own = {name: values[rows] for name, values in factors.items()}
        splits.append(Split(drawn[rows], part.labels, part.first, own))
        begun = rows.stop
    name = "morpho" if digits.name == "mnist" else f"morpho:{digits.name}"
    return replace(digits, name=name, train=splits[0], test=splits[1], remarks=(*digits.remarks, *remarks))


def _of_published(published: PublishedDataset, data_dir: str | Path | None, progress: CaseProgress) -> Dataset:
    given = data_dir if data_dir is not None else os.environ.get(DATA_VARIABLE)
    images, labels, test_images, test_labels = published.read(Path(given) if given else None, progress)
    if images.ndim == 3:
        images, test_images = images[:, None], test_images[:, None]
    return _dataset(published.name, (images, labels.astype(np.int64)), (test_images, test_labels.astype(np.int64)))


def _read_npz(path: Path) -> Dataset:
    with ArrayArchive(path) as archive:
        own_split = "images" not in archive.names and {"x_train", "x_test"} <= set(archive.names)
        keys = [("x_train", "y_train"), ("x_test", "y_test")] if own_split else [("images", "labels")]
        found = [(archive.read(images), archive.read(labels)) for images, labels in keys]
        first = found[0][0]
        factors = {} if own_split or first is None or not first.ndim else read_factors(path, archive, len(first))
        read = {*(name for pair in keys for name in pair), *(f"{FACTOR}{name}" for name in factors)}
        others = [name for name in archive.names if name not in read]
    listed = ", ".join(map(shown_name, others[:_NAMED])) + ", …" * (len(others) > _NAMED)
    parts = [(to_bytes(path, images), labels) for images, labels in found if images is not None]
    if not parts:
        raise DataError(f"{path} holds {listed or 'nothing'}; it must hold images, or x_train and x_test")
    labelled = [(key, labels, len(images)) for (_, key), (images, labels) in zip(keys, parts, strict=True)]
    numbers, classes = number_classes(str(path), labelled)
    ready = [(images, labels) for (images, _), labels in zip(parts, numbers, strict=True)]
    data = _dataset(str(path), ready[0], ready[1]) if own_split else _split(str(path), *ready[0], factors)
    return replace(data, classes=classes, remarks=(f"{path} also holds {listed}, which is not read",) * bool(others))


def _read_npy(path: Path) -> Dataset:
    """The end of the file for testing: in another split the parts would have to be copied into memory."""
    images, remarks = map_images(path)
    if len(images) < 2 * TEST_EVERY:
        raise DataError(f"{path} has {len(images)} images; at least {2 * TEST_EVERY} are needed")
    tested = min(len(images) // TEST_EVERY, _MOST_TESTED)
    first, labels = len(images) - tested, torch.zeros((), dtype=torch.int64).expand(len(images))
    splits = Split(images[:first], labels[:first]), Split(images[first:], labels[first:], first)
    rule = f"the last {tested} images of {path} are measured on; save them in random order"
    return Dataset(str(path), *splits, remarks=(rule, *remarks))


def _split(
    name: str, images: Array, labels: Numbers, factors: Mapping[str, Float[Tensor, " image"]] | None = None
) -> Dataset:
    """Every fifth image of each class for testing, the others for training."""
    if len(images) < 2 * TEST_EVERY:
        raise DataError(f"{name} has {len(images)} images; at least {2 * TEST_EVERY} are needed")
    rank = np.zeros(len(images), np.int64)
    for label in np.unique(labels):
        rank[labels == label] = np.arange((labels == label).sum())
    testing = rank % TEST_EVERY == TEST_EVERY - 1
    if not testing.any():  # more classes than images in each: then simply every fifth image
        testing = np.arange(len(images)) % TEST_EVERY == TEST_EVERY - 1
    data = _dataset(name, (images[~testing], labels[~testing]), (images[testing], labels[testing]))
    rows = torch.from_numpy(testing)
    known = [{name: values[chosen] for name, values in (factors or {}).items()} for chosen in (~rows, rows)]
    return replace(data, train=replace(data.train, factors=known[0]), test=replace(data.test, factors=known[1]))


def _dataset(name: str, train: Part, test: Part) -> Dataset:
    for part, (images, _) in (("learn from", train), ("measure on", test)):
        if not len(images):
            raise DataError(f"{name} has no images to {part}")
    if train[0].shape[1:] != test[0].shape[1:]:
        raise DataError(f"{name}: images for training and for testing are not of one size")
    splits = [
        # torch wants memory that it may write to, which that of a file is not
        Split(torch.from_numpy(np.require(images, requirements=["C", "W"])), torch.from_numpy(labels), first)
        for (images, labels), first in ((train, 0), (test, len(train[0])))
    ]
    return Dataset(name, splits[0], splits[1])
