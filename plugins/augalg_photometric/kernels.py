"""Maps of pixel values that work on bytes, as the operations they are named after do."""

import torch
from torch import Tensor

_LEVELS = 256


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
    levels = (images * 255).round_().long().flatten(2)
    pixels = levels.shape[2]
    counts = levels.new_zeros(*levels.shape[:2], _LEVELS).scatter_add(2, levels, torch.ones_like(levels))
    below = counts.cumsum(2)
    # of the smallest value that there is; computed for 256 values, not for every pixel
    smallest = below.masked_fill(counts == 0, pixels).amin(2, keepdim=True)
    spread = ((255.0 * (below - smallest) / (pixels - smallest)).round() / 255).to(images.dtype).gather(2, levels)
    return torch.where(smallest == pixels, images.flatten(2), spread).reshape(images.shape)
