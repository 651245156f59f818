"""Images in arrays: as bytes in memory, or mapped from a file that may be larger than memory."""

import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from augalgebra.errors import DataError
from augalgebra.images import Array, as_images
from augalgebra.storage.npz import map_array

_ROWS = 1024  # images that are turned into bytes at once


def to_bytes(path: Path, images: Array) -> Array:
    """Images of any form that `augalgebra.images.as_images` takes as bytes ``[image, channel, height, width]``.

    Raises:
        ImageError: They are none; the message begins with `path`.
    """
    images = as_images(path, images)
    if images.dtype == np.uint8:
        return images
    pixels = np.empty(images.shape, np.uint8)
    for start in range(0, len(images), _ROWS):  # no second copy in floats of everything
        pixels[start : start + _ROWS] = (images[start : start + _ROWS] * 255).round()
    return pixels


def map_images(path: Path) -> tuple[UInt8[Tensor, "image channel height width"], tuple[str, ...]]:
    """The images of an ``.npy``, of which only those are in memory that are being looked at.

    Bytes with their channels before height and width are mapped as they lie. All others are written as bytes into a
    temporary file first, which is gone when nobody uses it any more.

    Returns:
        Bytes, which must not be written to; and what is to be said of them.

    Raises:
        ImageError: The file is missing or damaged, or its array has no images.
        DataError: There is no room for the temporary file.
    """
    array = map_array(path)
    first = as_images(path, array[:1] if array.ndim else array, array.shape)
    shape = len(array) if array.ndim else 0, *first.shape[1:]
    remarks: tuple[str, ...] = ()
    if array.dtype == np.uint8 and array.shape[1:] in (shape[1:], shape[2:]) and array.flags.c_contiguous:
        pixels = array.reshape(shape)
    else:
        pixels = _converted(path, array, shape)
        remarks = (f"{path} was turned into bytes in a temporary file of {pixels.nbytes / 2**20:,.0f} MiB",)
    with warnings.catch_warnings(action="ignore"):  # of torch, that nobody may write to them
        return torch.from_numpy(pixels), remarks


def _converted(path: Path, array: Array, shape: tuple[int, ...]) -> Array:
    with tempfile.TemporaryFile() as file:
        for start in range(0, len(array), _ROWS):
            part = to_bytes(path, array[start : start + _ROWS])
            try:
                file.write(part.data)
                file.flush()  # here, so that a full disk is told of once and by name
            except OSError as error:
                room = f"{tempfile.gettempdir()} has no room for the bytes of {path}: {error.strerror or error}"
                raise DataError(f"{room}; set TMPDIR, or save it as uint8 of shape [n, c, h, w]") from error
        return np.memmap(file, np.uint8, "r", shape=shape)
