"""Maps of pixel values: of colours, and those that work on bytes, as the operations they are named after do."""

import cv2
import numpy as np
import torch
from torch import Tensor

_LEVELS = 256
_MANY = 2**12
"""Pixels of a picture from which on OpenCV, called for each channel, is faster than PyTorch on all of them."""
_LUMA = (0.299, 0.587, 0.114)  # shares of red, green and blue, as in JPEG


def raise_to(images: Tensor, exponent: float | Tensor) -> Tensor:
    """Raise every value to a power.

    Args:
        images: Float batch ``[batch, channel, height, width]``.
        exponent: One number, or one for each image ``[batch, 1, 1, 1]``.

    Returns:
        A batch of the same shape and type.
    """
    plain = images.device.type == "cpu" and images.dtype == torch.float32 and not images.requires_grad
    if plain and not isinstance(exponent, Tensor) and exponent % 1 and exponent != 0.5:
        # two to four times as fast, and wrong by no more than 1e-7; whole powers and roots are fast as they are
        return images.log().mul_(exponent).exp_()
    return images**exponent


def turn_hue(images: Tensor, turns: float | Tensor) -> Tensor:
    """Turn every pixel's hue on the hexagon of hues, as the models HSV and HSL have it.

    Args:
        images: Float batch ``[batch, 3, height, width]``.
        turns: How far, in whole turns: one number, or one for each image ``[batch, 1, 1, 1]``.

    Returns:
        A batch of the same shape and type.

    Raises:
        ValueError: The pictures are grey.
    """
    red, green, blue = _colours(images, "hue")
    largest, smallest = images.amax(1, keepdim=True), images.amin(1, keepdim=True)
    chroma = largest - smallest
    step = chroma.where(chroma > 0, 1)
    # sixths of a turn, from red by way of green and blue
    place = torch.where(
        red == largest,
        (green - blue) / step,
        torch.where(green == largest, (blue - red) / step + 2, (red - green) / step + 4),
    )
    place = place + 6 * (turns % 1)
    away = (place + place.new_tensor([5, 3, 1]).reshape(1, 3, 1, 1)) % 6
    return largest - chroma * torch.minimum(away, 4 - away).clamp(0, 1)


def saturate(images: Tensor, factor: float | Tensor) -> Tensor:
    """Stretch the distance of every pixel to the grey of equal luma, clipping the result.

    Args:
        images: Float batch ``[batch, 3, height, width]``.
        factor: One number, or one for each image ``[batch, 1, 1, 1]``.

    Returns:
        A batch of the same shape and type.

    Raises:
        ValueError: The pictures are grey.
    """
    colours = _colours(images, "saturation")
    grey = sum(share * colour for share, colour in zip(_LUMA, colours, strict=True))
    return (grey + factor * (images - grey)).clamp(0, 1)


def _colours(images: Tensor, name: str) -> tuple[Tensor, ...]:
    if images.shape[1] != 3:
        raise ValueError(f"grey pictures have no {name} to change; it needs red, green and blue")
    return images.chunk(3, 1)


def posterize(images: Tensor, bits: int | Tensor) -> Tensor:
    """Keep the highest `bits` of every pixel's byte."""
    step = torch.as_tensor(2.0, dtype=images.dtype) ** (8 - bits)
    return ((images * 255).round() / step).floor() * step / 255


def equalize(images: Tensor) -> Tensor:
    """Spread the byte values of each channel of each image evenly over [0, 1].

    A byte v becomes 255 (#{pixels ≤ v} - m) / (n - m), rounded, where n counts the pixels of the channel and
    m those of its smallest value; a channel of a single value is left as it is.

    Args:
        images: Float batch ``[batch, channel, height, width]``.

    Returns:
        A batch of the same shape and type.
    """
    pixels = images.shape[2] * images.shape[3]
    if pixels >= _MANY and images.device.type == "cpu" and images.dtype == torch.float32 and not images.requires_grad:
        return _equalize_by_opencv(images)
    levels = (images * 255).round_().long().flatten(2)
    counts = levels.new_zeros(*levels.shape[:2], _LEVELS).scatter_add(2, levels, torch.ones_like(levels))
    spread, constant = _spread(counts, pixels)
    return torch.where(constant, images.flatten(2), spread.to(images.dtype).gather(2, levels)).reshape(images.shape)


def _spread(counts: Tensor, pixels: int) -> tuple[Tensor, Tensor]:
    """What each of 256 values becomes, from how often it is there; and whether it is the only one."""
    below = counts.cumsum(-1)
    smallest = below.masked_fill(counts == 0, pixels).amin(-1, keepdim=True)
    return (255.0 * (below - smallest) / (pixels - smallest)).round() / 255, smallest == pixels


def _equalize_by_opencv(images: Tensor) -> Tensor:
    """The same, one channel at a time, which stays in the cache."""
    planes = images.contiguous().flatten(0, 1).numpy()
    levels, spread = np.empty(planes.shape, np.uint8), np.empty_like(planes)
    counts = np.empty((len(planes), _LEVELS), np.int64)
    for plane, bytes_, count in zip(planes, levels, counts, strict=True):
        cv2.convertScaleAbs(plane, bytes_, 255)
        count[:] = cv2.calcHist([bytes_], [0], None, [_LEVELS], [0, _LEVELS]).ravel()
    tables, constant = _spread(torch.from_numpy(counts), planes[0].size)
    for plane, bytes_, table, target, alone in zip(
        planes, levels, tables.numpy(), spread, constant.flatten().tolist(), strict=True
    ):
        if alone:
            target[:] = plane
        else:
            cv2.LUT(bytes_, table, target)
    return torch.from_numpy(spread).reshape(images.shape)
