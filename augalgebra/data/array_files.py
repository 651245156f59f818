"""Data sets in files of arrays: an ``.npz`` with images, labels and factors, or an ``.npy`` larger than memory."""

from dataclasses import replace
from pathlib import Path

import torch

from augalgebra.data.arrays import map_images, to_bytes
from augalgebra.data.dataset import Dataset, Split, make_dataset, split_dataset
from augalgebra.data.factor_arrays import FACTOR, read_factors
from augalgebra.data.labels import number_classes
from augalgebra.data.streams import TEST_EVERY
from augalgebra.errors import DataError
from augalgebra.storage.npz import ArrayArchive
from augalgebra.storage.values import shown_name

_MOST_TESTED = 10_000  # of an array, as all that is measured on is in memory at once
_NAMED = 10


def read_npz(path: Path) -> Dataset:
    """The data set in an archive of arrays; see `augalgebra.data.load_data` for their names.

    Raises:
        DataError: There are no images in it, or it is damaged.
        ImageError: They cannot be used.
    """
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
    data = make_dataset(str(path), ready[0], ready[1]) if own_split else split_dataset(str(path), *ready[0], factors)
    return replace(data, classes=classes, remarks=(f"{path} also holds {listed}, which is not read",) * bool(others))


def read_npy(path: Path) -> Dataset:
    """The data set in an array of images, which is mapped.

    Its end is for testing: in another split the parts would have to be copied into memory.

    Raises:
        DataError: There are too few images, or the file is damaged.
        ImageError: They cannot be used.
    """
    images, remarks = map_images(path)
    if len(images) < 2 * TEST_EVERY:
        raise DataError(f"{path} has {len(images)} images; at least {2 * TEST_EVERY} are needed")
    tested = min(len(images) // TEST_EVERY, _MOST_TESTED)
    first, labels = len(images) - tested, torch.zeros((), dtype=torch.int64).expand(len(images))
    splits = Split(images[:first], labels[:first]), Split(images[first:], labels[first:], first)
    rule = f"the last {tested} images of {path} are measured on; save them in random order"
    return Dataset(str(path), *splits, remarks=(rule, *remarks))
