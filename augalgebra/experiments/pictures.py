"""Pictures that a user names: reading them as a latent space wants them, and writing what it draws."""

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from augalgebra.errors import ImageError
from augalgebra.files import write_atomically

_GAP, _FRAME = 2, 160  # pixels between tiles and their grey, in the picture as written


def read_picture(path: str | Path, image_shape: tuple[int, int, int]) -> Float[Tensor, "image channel height width"]:
    """Read a picture, or all images of an ``.npz``.

    Args:
        path: Anything that Pillow reads, turned into grey or colour as needed; or an ``.npz`` with ``images`` of
            shape ``[n, h, w]``, ``[n, h, w, c]`` or ``[n, c, h, w]``, bytes or floats in [0, 1].
        image_shape: Channels, height and width that are expected.

    Raises:
        ImageError: The file is missing or unreadable, of another size, or has pixels outside [0, 1].
    """
    path = Path(path)
    if not path.is_file():
        raise ImageError(f"there is no file {path}")
    images = _read_arrays(path) if path.suffix == ".npz" else _read_pillow(path, image_shape[0])
    if tuple(images.shape[1:]) != image_shape:
        raise ImageError(
            f"{path} has {_size(tuple(images.shape[1:]))}, but this latent space was made for {_size(image_shape)}; "
            "bring it to that size first"
        )
    return images


def _read_pillow(path: Path, channels: int) -> Tensor:
    try:
        with Image.open(path) as picture:
            pixels = np.asarray(picture.convert("L" if channels == 1 else "RGB"))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageError(f"{path} cannot be read as a picture: {' '.join(str(error).split())}") from error
    return torch.from_numpy(np.atleast_3d(pixels).transpose(2, 0, 1)[None].copy()).float() / 255


def _read_arrays(path: Path) -> Tensor:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ImageError(f"{path} cannot be read as an .npz of plain arrays: {error}") from error
    if "images" not in arrays:
        raise ImageError(f"{path} holds {', '.join(arrays) or 'nothing'}; it must hold images")
    images = arrays["images"]
    if images.ndim == 3:
        images = images[:, None]
    elif images.ndim == 4 and images.shape[1] not in (1, 3):
        images = images.transpose(0, 3, 1, 2)
    if images.ndim != 4 or images.shape[1] not in (1, 3) or not len(images):
        raise ImageError(f"{path}: images of shape {images.shape} are neither grey nor in three colours")
    if images.dtype == np.uint8:
        return torch.from_numpy(images.copy()).float() / 255
    if images.dtype.kind != "f":
        raise ImageError(f"{path}: pixels must be bytes or floats in [0, 1], not {images.dtype}")
    if not np.isfinite(images).all():
        raise ImageError(f"{path}: some pixels are NaN or infinite; pixels must lie in [0, 1]")
    if images.min() < 0 or images.max() > 1:
        raise ImageError(f"{path}: pixels must lie in [0, 1]; here they reach from {images.min()} to {images.max()}")
    return torch.from_numpy(images.astype(np.float32))


def write_picture(path: Path, image: Float[Tensor, "channel height width"]) -> Path:
    """Write an image as PNG, in one step; missing folders are made."""
    return _write(path, _bytes(image))


def write_grid(path: Path, images: Float[Tensor, "row column channel height width"], *, scale: int = 3) -> Path:
    """Write images as one PNG of rows and columns, enlarged without smoothing.

    Args:
        path: The file; missing folders are made.
        images: One for each row and column.
        scale: How many times larger.
    """
    rows, columns, _, height, width = images.shape
    height, width = scale * height + _GAP, scale * width + _GAP
    sheet = np.full((rows * height + _GAP, columns * width + _GAP, images.shape[2]), _FRAME, np.uint8)
    for row in range(rows):
        for column in range(columns):
            tile = np.kron(_bytes(images[row, column]), np.ones((scale, scale, 1), np.uint8))
            top, left = row * height + _GAP, column * width + _GAP
            sheet[top : top + len(tile), left : left + tile.shape[1]] = tile
    return _write(path, sheet)


def output_paths(folder: Path, sources: Sequence[Path], counts: Sequence[int]) -> list[list[Path]]:
    """Where the images of each source go: its name with ``.png``, numbered where it holds several.

    Raises:
        ImageError: Two sources would share a file, or one would be overwritten.
    """
    taken: dict[Path, Path] = {source.resolve(): source for source in sources}
    results = []
    for source, count in zip(sources, counts, strict=True):
        names = [f"{source.stem}.png"] if count == 1 else [f"{source.stem}-{number:04}.png" for number in range(count)]
        results.append([folder / name for name in names])
        for path in results[-1]:
            if path.resolve() in taken:
                raise ImageError(
                    f"{path} would take the place of what comes from {taken[path.resolve()]}; "
                    "name another folder, or move pictures of one name one by one"
                )
            taken[path.resolve()] = source
    return results


def _bytes(image: Tensor) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    pixels = (image.detach().cpu().float().clamp(0, 1) * 255).round().byte()
    return pixels.permute(1, 2, 0).contiguous().numpy()


def _write(path: Path, pixels: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> Path:
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(buffer, format="png")
    write_atomically(path, buffer.getvalue())
    return path


def _size(shape: tuple[int, ...]) -> str:
    channels, height, width = shape
    return f"{height}×{width} pixels and {channels} channel{'' if channels == 1 else 's'}"
