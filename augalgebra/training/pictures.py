"""A folder of pictures as bytes."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from augalgebra.errors import DataError
from augalgebra.training.idx import ByteArray

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm"})
"""What counts as a picture; other files in the folder are left alone."""


def read_folder(folder: Path) -> tuple[ByteArray, list[int]]:
    """Read all pictures of a folder, in order of their names.

    Args:
        folder: Pictures, or subfolders with pictures. Each subfolder is a class.

    Returns:
        Bytes ``[n, c, h, w]``, grey if every picture is grey and in three colours otherwise; and the classes,
        numbered in order of their names.

    Raises:
        DataError: There is no picture, one cannot be read, or they differ in size.
    """
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not files:
        raise DataError(f"{folder} holds no picture ({', '.join(sorted(SUFFIXES))})")
    pictures = [_open(path) for path in files]
    for path, picture in zip(files, pictures, strict=True):
        if picture.size != pictures[0].size:
            raise DataError(
                f"{path} is {_size(picture)} but {files[0]} is {_size(pictures[0])}; bring them to one size first"
            )
    mode = "L" if all(picture.mode in ("1", "L", "LA", "I;16") for picture in pictures) else "RGB"
    arrays = [np.atleast_3d(np.asarray(picture.convert(mode))).transpose(2, 0, 1) for picture in pictures]
    return np.stack(arrays), _classes(path.parent for path in files)


def _open(path: Path) -> Image.Image:
    try:
        with Image.open(path) as picture:
            picture.load()
            return picture.copy()
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"cannot read the picture {path}: {error}") from error


def _classes(folders: Iterable[Path]) -> list[int]:
    places = list(folders)
    order = sorted(set(places))
    return [order.index(place) for place in places]


def _size(picture: Image.Image) -> str:
    return f"{picture.width}×{picture.height} pixels"
