"""Batches of images ``[batch, channel, height, width]``: what they must be, and how messages speak of them."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from augalgebra.errors import ImageError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

__all__ = ["check_batch", "check_finite", "image_numbers", "is_finite", "shape_text", "size_text"]

_LAST_ID = 2**63 - 1


def check_batch(images: "Tensor") -> None:
    """Raise `ImageError` unless `images` is a float batch ``[batch, channel, height, width]``."""
    shape = tuple(getattr(images, "shape", ()))
    if len(shape) != 4:
        raise ImageError(
            f"expected images as a batch [batch, channel, height, width], not shape {shape_text(shape)}; "
            "a single picture is a batch of one: images[None]"
        )
    if shape[1] not in (1, 3):
        raise ImageError(f"expected 1 or 3 channels, not {shape[1]} (shape {shape_text(shape)})")
    if not images.is_floating_point():
        raise ImageError(f"expected floating-point images in [0, 1], not {images.dtype}; divide bytes by 255")


def image_numbers(ids: Sequence[int], images: int | None = None) -> "np.ndarray[Any, np.dtype[np.int64]]":
    """Numbers of images in their data set as an array.

    Args:
        ids: The numbers.
        images: How many images they are for, if that is known.

    Raises:
        ImageError: Something among them is no whole number from 0 to 2⁶³ - 1, or there is not one for each image.
    """
    import numpy as np

    values = np.asarray(ids)
    if values.ndim != 1 or (images is not None and len(values) != images):
        count = "" if images is None else f"{images} "
        raise ImageError(f"{count}images need one id each, not ids of shape {shape_text(values.shape)}")
    if values.dtype.kind in "iu":
        wrong = (values < 0) | (values > _LAST_ID)
    else:
        wrong = np.array([type(value) is not int or not 0 <= value <= _LAST_ID for value in values.tolist()], bool)
    if wrong.any():
        place = int(wrong.argmax())
        raise ImageError(f"ids are whole numbers from 0 to 2⁶³ - 1, but ids[{place}] is {str(values[place])[:40]}")
    return values.astype(np.int64)


def check_finite(images: "Tensor") -> None:
    """Raise `ImageError` if a pixel is NaN or infinite, naming the first image that has one."""
    if not is_finite(images):
        fine = images.isfinite().flatten(1).all(1)
        raise ImageError(f"image {int(fine.int().argmin())} has pixels that are NaN or infinite; pixels lie in [0, 1]")


def is_finite(images: "Tensor") -> bool:
    """Whether every pixel is a finite number."""
    # a sum is found in a twentieth of the time, and is finite only if all are; large ones overflow in half precision
    return math.isfinite(float(images.detach().sum())) or bool(images.isfinite().all())


def size_text(images: "Tensor") -> str:
    """The size and channels of images, in words."""
    channels, height, width = images.shape[1:]
    return f"of {height}×{width} pixels, {channels or 'no'} channel{'' if channels == 1 else 's'}"


def shape_text(shape: Sequence[int]) -> str:
    """A shape as it is written."""
    return "[" + ", ".join(str(int(size)) for size in shape) + "]"
