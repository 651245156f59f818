"""Data sets: resident bytes with labels, split the same way every time."""

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor
from torch.nn import functional

from augalgebra.errors import DataError, nearest
from augalgebra.pictures import Array, as_images, read_arrays
from augalgebra.training.download import FetchProgress, unseen
from augalgebra.training.glyphs import draw_glyphs
from augalgebra.training.pictures import read_folder
from augalgebra.training.published import PUBLISHED, Published

Labels: TypeAlias = Sequence[int] | Array | None

DATA_VARIABLE = "AUGALG_DATA"
"""Environment variable that says where data sets lie."""

NAMES = ("digits", *PUBLISHED, "glyphs")
"""The data sets known by name."""

_TEST_EVERY = 5  # of the data sets that bring no split of their own, every fifth image of a class is for testing


@dataclass(frozen=True)
class Split:
    """Images with their labels and their numbers in the data set.

    Attributes:
        images: Bytes.
        labels: Classes, 0 where there are none.
        first: Number of the first image; what is drawn at random for an image depends on its number.
    """

    images: UInt8[Tensor, "image channel height width"]
    labels: Int64[Tensor, " image"]
    first: int = 0

    def __len__(self) -> int:
        return len(self.images)

    def batch(
        self, positions: Int64[Tensor, " batch"] | slice
    ) -> tuple[Float[Tensor, "batch channel height width"], list[int]]:
        """Some images in [0, 1], and their numbers in the data set.

        Args:
            positions: Which of this split, counted from 0.
        """
        chosen = torch.arange(len(self))[positions]
        return self.images[chosen].float() / 255, (chosen + self.first).tolist()

    def head(self, number: int | None) -> "Split":
        """The first images, or all of them."""
        return Split(self.images[:number], self.labels[:number], self.first)


@dataclass(frozen=True)
class Dataset:
    """A data set in memory.

    Attributes:
        name: What `load_data` was asked for.
        train: The images to learn from.
        test: The images to measure on.
    """

    name: str
    train: Split
    test: Split

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width

    def part(self, images: int | None) -> "Dataset":
        """The same with only the first so many images of each split; all of them if None."""
        if images is None:
            return self
        train, test = (
            Split(split.images[:images], split.labels[:images], split.first) for split in (self.train, self.test)
        )
        return replace(self, train=train, test=test)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all images in order, as hexadecimal digits."""
        digest = hashlib.sha256()
        for split in (self.train, self.test):
            digest.update(repr(tuple(split.images.shape)).encode())
            digest.update(split.images.numpy().data)
        return digest.hexdigest()


def load_data(
    name: str | Path = "digits", data_dir: str | Path | None = None, *, progress: FetchProgress = unseen
) -> Dataset:
    """Load a data set by name, or from a folder of pictures or an ``.npz`` file.

    Args:
        name: ``digits``, which are always there, or ``glyphs``, which are made on the fly; ``mnist``,
            ``fashion-mnist``, ``kmnist`` or ``cifar10``, which are downloaded into the user's cache if they are not in
            `data_dir`; a folder or an ``.npz``. A folder's pictures must be of one size; its subfolders, if there are
            any, are the classes. An ``.npz`` holds ``images`` and perhaps ``labels``, or ``x_train``, ``y_train``,
            ``x_test`` and ``y_test``; images are bytes or floats in [0, 1], ``[n, h, w]``, ``[n, h, w, c]`` or
            ``[n, c, h, w]``.
        data_dir: Where data sets lie, directly, in a folder of their name, or as torchvision lays them out; by
            default what the environment variable ``AUGALG_DATA`` says.
        progress: Called while something is downloaded.

    Raises:
        DataError: There is no such data set, or its files are damaged, or missing and not to be had.
        ImageError: A picture, or what is in an ``.npz``, cannot be used.

    Examples:
        >>> load_data("digits").image_shape
        (1, 28, 28)
    """
    if name == "digits":
        return _digits()
    if name == "glyphs":
        return glyph_data()
    if name in PUBLISHED:
        return _of_published(PUBLISHED[str(name)], data_dir, progress)
    path = Path(name)
    if path.is_dir():
        images, labels = read_folder(path)
        return _split(str(name), images, labels)
    if path.suffix == ".npz":
        return _read_npz(path)
    near = nearest(str(name), NAMES, 1)
    raise DataError(
        f"unknown data set {str(name)!r}; "
        + (f"did you mean {near[0]}? " if near else "")
        + f"Known are {', '.join(NAMES)}, a folder of pictures, or a file.npz"
    )


def _digits() -> Dataset:
    """The 1797 digits that come with scikit-learn, from 8×8 to 20×20 pixels with a margin of 4, as in MNIST."""
    from sklearn.datasets import load_digits  # a second of import that only this data set needs

    small = load_digits()
    grey = torch.from_numpy(small.images).float()[:, None] / 16
    large = functional.interpolate(grey, size=(20, 20), mode="bicubic", align_corners=False).clamp(0, 1)
    large = functional.pad(large, (4, 4, 4, 4))  # what is sheared or turned stays within the picture
    return _split("digits", (large * 255).round().byte().numpy(), small.target)


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
    if number < 2 * _TEST_EVERY:
        raise DataError(f"{number} glyphs are too few; at least {2 * _TEST_EVERY} are needed")
    glyphs = draw_glyphs(number, flips=flips, seed=seed)
    images, first = glyphs.images(), number - number // _TEST_EVERY
    return Dataset(
        "glyphs", Split(images[:first], glyphs.shapes[:first]), Split(images[first:], glyphs.shapes[first:], first)
    )


def _of_published(published: Published, data_dir: str | Path | None, progress: FetchProgress) -> Dataset:
    given = data_dir if data_dir is not None else os.environ.get(DATA_VARIABLE)
    images, labels, test_images, test_labels = published.read(Path(given) if given else None, progress)
    if images.ndim == 3:
        images, test_images = images[:, None], test_images[:, None]
    return _dataset(published.name, (images, labels), (test_images, test_labels))


def _read_npz(path: Path) -> Dataset:
    arrays = read_arrays(path)
    if "images" in arrays:
        return _split(str(path), _as_bytes(path, arrays["images"]), arrays.get("labels"))
    if {"x_train", "x_test"} <= arrays.keys():
        train, test = (_as_bytes(path, arrays[key]) for key in ("x_train", "x_test"))
        return _dataset(str(path), (train, arrays.get("y_train")), (test, arrays.get("y_test")))
    raise DataError(f"{path} holds {', '.join(arrays) or 'nothing'}; it must hold images, or x_train and x_test")


def _as_bytes(path: Path, images: Array) -> Array:
    """Images of any allowed form as bytes ``[n, c, h, w]``."""
    images = as_images(path, images)
    return images if images.dtype == np.uint8 else (images * 255).round().astype(np.uint8)


def _split(name: str, images: Array, labels: Labels) -> Dataset:
    """Every fifth image of each class for testing, the others for training."""
    numbers = _classes(name, images, labels)
    if len(images) < 2 * _TEST_EVERY:
        raise DataError(f"{name} has {len(images)} images; at least {2 * _TEST_EVERY} are needed")
    rank = np.zeros(len(images), np.int64)
    for label in np.unique(numbers):
        rank[numbers == label] = np.arange((numbers == label).sum())
    testing = rank % _TEST_EVERY == _TEST_EVERY - 1
    if not testing.any():  # more classes than images in each: then simply every fifth image
        testing = np.arange(len(images)) % _TEST_EVERY == _TEST_EVERY - 1
    return _dataset(name, (images[~testing], numbers[~testing]), (images[testing], numbers[testing]))


def _classes(name: str, images: Array, labels: Labels) -> np.ndarray[Any, np.dtype[np.int64]]:
    numbers = np.zeros(len(images), np.int64) if labels is None else np.asarray(labels).astype(np.int64)
    if numbers.shape != (len(images),) or not len(images):
        raise DataError(f"{name} has {len(images)} images with {numbers.size} labels; each needs exactly one")
    return numbers


def _dataset(
    name: str,
    train: tuple[Array, Labels],
    test: tuple[Array, Labels],
) -> Dataset:
    splits: list[Split] = []
    for images, labels in (train, test):
        numbers = _classes(name, images, labels)
        first = len(splits[0]) if splits else 0
        splits.append(Split(torch.from_numpy(np.array(images, order="C")), torch.from_numpy(numbers), first))
    if splits[0].images.shape[1:] != splits[1].images.shape[1:]:
        raise DataError(f"{name}: images for training and for testing are not of one size")
    return Dataset(name, *splits)
