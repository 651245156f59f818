"""Pictures that a user names: reading them as a latent space wants them, and writing what it draws."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from augalgebra.errors import ImageError
from augalgebra.images import Array, as_images, read_pictures
from augalgebra.storage.files import check_ending, write_atomically
from augalgebra.storage.npz import ArrayArchive

_GAP, _FRAME = 2, 160  # pixels between tiles and their grey, in the picture as written


def read_picture(
    path: str | Path, image_shape: tuple[int, int, int], size: int | None = None
) -> Float[Tensor, "image channel height width"]:
    """Read a picture, or all images of an ``.npz``.

    Args:
        path: A picture, upright as its EXIF data says and turned into grey or colour as needed; or an ``.npz`` with
            ``images`` of shape ``[n, h, w]``, ``[n, h, w, c]`` or ``[n, c, h, w]``, bytes or floats in [0, 1].
        image_shape: Channels, height and width that are expected.
        size: Bring a picture of any size to a square of so many pixels, as a run's settings say of its data.

    Raises:
        ImageError: The file is missing or unreadable, of another size, or has pixels outside [0, 1].
    """
    images = _read(Path(path), image_shape[0], size)
    if tuple(images.shape[1:]) != image_shape:
        raise ImageError(
            f"{path} has {_size(tuple(images.shape[1:]))}, but this latent space was made for {_size(image_shape)}; "
            "bring it to that size first"
        )
    return images


def read_for_stride(
    path: str | Path, channels: int, stride: int
) -> tuple[Float[Tensor, "image channel height width"], bool]:
    """Read a picture of any size, or all images of an ``.npz``, and cut its sides to multiples of a stride.

    What is left over is cut off at opposite borders.

    Args:
        path: As for `read_picture`.
        channels: Channels that are expected.
        stride: What both sides are multiples of then.

    Returns:
        The images, and whether anything was cut off.

    Raises:
        ImageError: The file is missing or unreadable, has other channels or pixels outside [0, 1], or is too small.
    """
    images = _read(Path(path), channels)
    height, width = images.shape[2:]
    if images.shape[1] != channels:
        raise ImageError(f"{path} has {images.shape[1]} channels, but this autoencoder takes {channels}")
    rows, columns = height // stride * stride, width // stride * stride
    if not rows * columns:
        raise ImageError(f"{path} has {height}×{width} pixels; at least {stride}×{stride} are needed")
    top, left = (height - rows) // 2, (width - columns) // 2
    return images[:, :, top : top + rows, left : left + columns], (rows, columns) != (height, width)


def _read(path: Path, channels: int, square: int | None = None) -> Float[Tensor, "image channel height width"]:
    if path.suffix.lower() == ".npz":
        pixels = _from_arrays(path)
    else:
        pixels = read_pictures([path], channels=channels, square=square).pixels
    images = torch.from_numpy(pixels.astype(np.float32))
    return images / 255 if pixels.dtype == np.uint8 else images


def _from_arrays(path: Path) -> Array:
    with ArrayArchive(path) as archive:
        images = archive.read("images")
    if images is None:
        raise ImageError(f"{path} holds {', '.join(archive.names) or 'nothing'}; it must hold images")
    return as_images(path, images)


def write_picture(path: Path, image: Float[Tensor, "channel height width"]) -> Path:
    """Write an image as PNG, in one step; missing folders are made.

    Raises:
        AugalgebraError: The name of the file ends otherwise, or it cannot be written.
    """
    return _write(path, _bytes(image))


def write_grid(path: Path, images: Float[Tensor, "row column channel height width"], *, scale: int = 3) -> Path:
    """Write images as one PNG of rows and columns, enlarged without smoothing.

    Args:
        path: The file; missing folders are made.
        images: One for each row and column.
        scale: How many times larger.

    Raises:
        AugalgebraError: The name of the file does not end in .png, or it cannot be written.
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
    check_ending(path, ".png")
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(buffer, format="png")
    write_atomically(path, buffer.getvalue())
    return path


def _size(shape: tuple[int, ...]) -> str:
    channels, height, width = shape
    return f"{height}×{width} pixels and {channels} channel{'' if channels == 1 else 's'}"
