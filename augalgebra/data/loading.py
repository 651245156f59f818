"""Data sets by name, from a folder, a file, the hub or shards."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from augalgebra.case_progress import CaseProgress, unseen
from augalgebra.data.archives import PUBLISHED, PublishedDataset
from augalgebra.data.array_files import read_npy, read_npz
from augalgebra.data.dataset import Dataset, make_dataset, split_dataset
from augalgebra.data.drawn.datasets import glyph_data, morpho_data, pendulum_data
from augalgebra.data.folder import read_folder
from augalgebra.data.huggingface import open_hub
from augalgebra.data.shards import find_shards, read_shards
from augalgebra.data.streams import CollectedPictures, collect_pictures
from augalgebra.errors import DataError, nearest

DATA_VARIABLE = "AUGALG_DATA"
"""Environment variable that says where data sets lie."""

NAMES = ("digits", *PUBLISHED, "glyphs", "pendulum", "morpho", "morpho:digits")
"""The data sets known by name."""

HUB, SHARDS = "hf:", "webdataset:"
"""What data sets of Hugging Face and WebDataset shards are named with."""

_NO_FOLDER = "{} is no folder of pictures; only such pictures are brought to a size"


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
        return read_npz(Path(name)) if name.lower().endswith(".npz") else read_npy(Path(name))
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
    data = make_dataset(name, found.train, found.test)
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
    return split_dataset("digits", (large * 255).round().byte().numpy(), small.target.astype(np.int64))


def _of_published(published: PublishedDataset, data_dir: str | Path | None, progress: CaseProgress) -> Dataset:
    given = data_dir if data_dir is not None else os.environ.get(DATA_VARIABLE)
    images, labels, test_images, test_labels = published.read(Path(given) if given else None, progress)
    if images.ndim == 3:
        images, test_images = images[:, None], test_images[:, None]
    return make_dataset(published.name, (images, labels.astype(np.int64)), (test_images, test_labels.astype(np.int64)))
