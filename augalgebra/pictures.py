"""Images in files: pictures of any kind that Pillow reads, and ``.npz`` archives of arrays."""

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from PIL import Image, UnidentifiedImageError

from augalgebra.errors import DataError, ImageError

Array: TypeAlias = np.ndarray[Any, Any]
ByteArray: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
"""What counts as a picture in a folder; other files there are left alone."""


def picture_files(folder: Path, *, subfolders: bool = False) -> list[Path]:
    """The pictures of a folder, in the order of their names.

    Args:
        folder: The folder.
        subfolders: Whether pictures in folders below count too.

    Raises:
        DataError: There is no such folder, or no picture in it.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder of pictures")
    found = folder.rglob("*") if subfolders else folder.iterdir()
    files = sorted(file for file in found if file.suffix.lower() in SUFFIXES and file.is_file())
    if not files:
        raise DataError(f"{folder} holds no pictures; files that end in {', '.join(SUFFIXES)} are read")
    return files


def read_pictures(
    files: Sequence[Path], *, channels: int | None = None, size: tuple[int, int] | None = None
) -> ByteArray:
    """Read pictures of one size.

    Args:
        files: One or more pictures. Those of 16 bits keep the upper 8; transparency is dropped.
        channels: 1 converts to grey, 3 to colour; None keeps grey if every picture is grey.
        size: Height and width they are brought to; None keeps their own.

    Returns:
        Bytes ``[image, channel, height, width]``.

    Raises:
        ImageError: A file cannot be read as a picture, or they differ in size.
    """
    if channels not in (None, 1, 3):
        raise ImageError(f"pictures are read with 1 or 3 channels, not {channels}")
    pictures = [_open(file) for file in files]
    if channels is None:
        channels = 1 if all(picture.mode == "L" for picture in pictures) else 3
    pictures = [picture.convert("L" if channels == 1 else "RGB") for picture in pictures]
    if size is not None:
        pictures = [picture.resize(size[::-1], Image.Resampling.BILINEAR) for picture in pictures]
    for file, picture in zip(files, pictures, strict=True):
        if picture.size != pictures[0].size:
            (width, height), (first_width, first_height) = picture.size, pictures[0].size
            raise ImageError(
                f"{file} has {height}×{width} pixels but {files[0].name} has {first_height}×{first_width}; "
                "bring them to one size"
            )
    return np.stack([np.atleast_3d(np.asarray(picture)).transpose(2, 0, 1) for picture in pictures])


def read_arrays(path: Path) -> dict[str, Array]:
    """The arrays of an ``.npz``, by name.

    Raises:
        ImageError: The file is missing, damaged, no ``.npz``, or holds Python objects.
    """
    try:
        with path.open("rb") as stream:
            loaded = np.load(stream, allow_pickle=False)
            if isinstance(loaded, np.ndarray):  # as numpy.save writes it
                raise ImageError(f"{path} cannot be read as an .npz of plain arrays: it is one array without a name")
            with loaded:
                return {key: loaded[key] for key in loaded.files}
    except FileNotFoundError as error:
        raise ImageError(f"there is no file {path}") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise ImageError(f"{path} cannot be read as an .npz of plain arrays: {error}") from error


def as_images(path: Path, images: Array) -> Array:
    """Images of any layout that is allowed in an ``.npz`` in the one that the library uses.

    Args:
        path: Where they come from, for messages.
        images: Bytes or floats in [0, 1]: ``[n, h, w]``, ``[n, h, w, c]`` or ``[n, c, h, w]``.

    Returns:
        The same values, ``[image, channel, height, width]``.

    Raises:
        ImageError: There are none, they are neither grey nor in three colours, or have pixels outside [0, 1].
    """
    if images.ndim == 3:
        images = images[:, None]
    elif images.ndim == 4 and images.shape[1] not in (1, 3):
        images = images.transpose(0, 3, 1, 2)
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ImageError(f"{path}: images of shape {images.shape} are neither grey nor in three colours")
    if not images.size:
        raise ImageError(f"{path} holds no images: their shape is {images.shape}")
    if images.dtype.kind == "f":
        if not np.isfinite(images).all():
            raise ImageError(f"{path}: some pixels are NaN or infinite; pixels must lie in [0, 1]")
        if images.min() < 0 or images.max() > 1:
            raise ImageError(
                f"{path}: pixels must lie in [0, 1]; here they reach from {images.min()} to {images.max()}"
            )
    elif images.dtype != np.uint8:
        raise ImageError(f"{path}: pixels must be bytes or floats in [0, 1], not {images.dtype}")
    return np.ascontiguousarray(images)


def _open(path: Path) -> Image.Image:
    """A picture in grey (mode L) or colour (mode RGB)."""
    try:
        with Image.open(path) as picture:
            if picture.mode.startswith("I;16"):  # Pillow would cut these off at 255
                return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
            if picture.mode in ("I", "F"):
                raise ImageError(f"{path} has 32 bits a pixel, and nothing says which is white; save it with 8 or 16")
            return picture.convert("L" if picture.mode in ("1", "L", "LA", "La") else "RGB")
    except FileNotFoundError as error:
        raise ImageError(f"there is no file {path}") from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageError(f"{path} cannot be read as a picture: {' '.join(str(error).split())}") from error
