"""Data sets: resident bytes with labels, split the same way every time."""

import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import numpy as np
import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from augalgebra.data.labels import Numbers
from augalgebra.data.streams import TEST_EVERY
from augalgebra.errors import DataError
from augalgebra.images import Array

Truth: TypeAlias = Literal["", "pendulum", "strokes"]
"""How true pictures of other factors are drawn: from factors alone, by changing strokes, or in no way that is known."""

Part: TypeAlias = tuple[Array, Numbers]
"""Images ``[image, channel, height, width]`` in bytes, and their labels."""

_ROWS = 1024  # images that are turned into bytes at once


@dataclass(frozen=True)
class Split:
    """Images with their labels and their numbers in the data set.

    Attributes:
        images: Bytes.
        labels: Classes, 0 where there are none.
        first: Number of the first image; what is drawn at random for an image depends on its number.
        factors: What the images were drawn from, by name, a value for each; empty where that is not known.
        numbers: The number of each image, where they do not follow one another; else None.
    """

    images: UInt8[Tensor, "image channel height width"]
    labels: Int64[Tensor, " image"]
    first: int = 0
    factors: Mapping[str, Float[Tensor, " image"]] = field(default_factory=dict)
    numbers: Int64[Tensor, " image"] | None = None

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
        numbers = chosen + self.first if self.numbers is None else self.numbers[chosen]
        return self.images[chosen].float() / 255, numbers.tolist()

    def sample(self, number: int | None) -> "Split":
        """So many images that stand for all, or all of them.

        They are the first ones. Where classes come one after another, or a factor only grows or falls, as in folders
        and files that somebody has sorted, they are taken at equal distances.

        Raises:
            DataError: The number is below 1.
        """
        if number is not None and number < 1:
            raise DataError(f"at least one image is needed, not {number}")
        if number is None or number >= len(self) or not self._sorted:
            return self.part(0, number)
        return self.select(torch.arange(number) * len(self) // number)

    def select(self, chosen: Int64[Tensor, " position"]) -> "Split":
        """The images at some positions, with the numbers they have."""
        numbers = chosen + self.first if self.numbers is None else self.numbers[chosen]
        factors = {name: values[chosen] for name, values in self.factors.items()}
        return Split(self.images[chosen], self.labels[chosen], self.first, factors, numbers)

    @functools.cached_property
    def _sorted(self) -> bool:
        classes = len(torch.unique(self.labels))
        if 1 < classes == len(torch.unique_consecutive(self.labels)):
            return True
        steps = (values.diff() for values in self.factors.values())
        return any(bool(step.any()) and bool((step >= 0).all() or (step <= 0).all()) for step in steps)

    def part(self, start: int, stop: int | None) -> "Split":
        """The images from one position to before another, or to the end."""
        factors = {name: values[start:stop] for name, values in self.factors.items()}
        numbers = None if self.numbers is None else self.numbers[start:stop]
        return Split(self.images[start:stop], self.labels[start:stop], self.first + start, factors, numbers)


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
        truth: What is true of the factors, as only who drew the images from them can tell; empty if that is not known.
    """

    name: str
    train: Split
    test: Split
    classes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    size: int | None = None
    truth: Truth = ""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        channels, height, width = self.train.images.shape[1:]
        return channels, height, width

    def part(self, images: int | None) -> "Dataset":
        """The same with only so many images of each split, see `Split.sample`; all of them if None."""
        if images is None:
            return self
        return replace(self, train=self.train.sample(images), test=self.test.sample(images))

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


def split_dataset(
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
    data = make_dataset(name, (images[~testing], labels[~testing]), (images[testing], labels[testing]))
    rows = torch.from_numpy(testing)
    known = [{name: values[chosen] for name, values in (factors or {}).items()} for chosen in (~rows, rows)]
    return replace(data, train=replace(data.train, factors=known[0]), test=replace(data.test, factors=known[1]))


def make_dataset(name: str, train: Part, test: Part) -> Dataset:
    """A data set of images that are split already."""
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
