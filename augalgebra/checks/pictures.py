"""A folder of pictures as probe images."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError

from augalgebra.checks.probes import Probe
from augalgebra.errors import DataError, ImageError

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


def picture_probe(
    folder: Path | str,
    *,
    channels: int = 1,
    size: tuple[int, int] | None = None,
    limit: int | None = 16,
    dtype: torch.dtype = torch.float32,
) -> Probe:
    """Read the pictures of a folder into one probe, in the order of their names.

    Args:
        folder: The folder; only files with a picture's suffix in it are looked at.
        channels: 1 converts to grey, 3 to colour.
        size: Height and width they are brought to; None keeps their own, which then has to be the same for all.
        limit: The most pictures that are read; None reads all.
        dtype: Floating-point type of the images.

    Raises:
        DataError: There is no such folder, or no picture in it.
        ImageError: A file cannot be read as a picture, or sizes differ and no `size` is given.
    """
    if channels not in (1, 3):
        raise ImageError(f"pictures are read with 1 or 3 channels, not {channels}")
    folder = Path(folder)
    files = _files(folder)[:limit]
    arrays = [_read(file, channels, size) for file in files]
    for file, array in zip(files, arrays, strict=True):
        if array.shape != arrays[0].shape:
            (height, width), (first_height, first_width) = array.shape[1:], arrays[0].shape[1:]
            raise ImageError(
                f"{file} has {height}×{width} pixels but {files[0].name} has {first_height}×{first_width}; "
                "give a size to bring them all to"
            )
    return Probe(folder.name, torch.from_numpy(np.stack(arrays)).to(dtype))


def _files(folder: Path) -> Sequence[Path]:
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder of pictures")
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())
    if not files:
        raise DataError(f"{folder} holds no pictures; files that end in {', '.join(SUFFIXES)} are read")
    return files


def _read(
    file: Path, channels: int, size: tuple[int, int] | None
) -> "np.ndarray[tuple[int, int, int], np.dtype[np.float64]]":
    try:
        with Image.open(file) as picture:
            converted = picture.convert("L" if channels == 1 else "RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageError(f"{file} cannot be read as a picture: {' '.join(str(error).split())}") from None
    if size is not None:
        height, width = size
        converted = converted.resize((width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(converted, dtype=np.float64).reshape(converted.height, converted.width, channels)
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)) / 255.0
