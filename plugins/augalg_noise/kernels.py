"""Noise without a random state: each pixel's fate is a hash of the seed and of its row and column."""

import torch
from torch import Tensor

_WORD = 2**32
_FACTOR = 0x45D9F3B
"""Odd, so that multiplying loses nothing; below 2^27, so that no product with a 32-bit word overflows."""


def salt_and_pepper(images: Tensor, amount: float | Tensor, seed: int | Tensor) -> Tensor:
    """Set a share of the pixels, chosen by the seed, to 0 or 1.

    Which pixels are replaced, and by what, depends on the seed alone: not on the picture, the rest of the
    batch, or the size of the image.

    Args:
        images: Float batch ``[batch, channel, height, width]``.
        amount: Probability that a pixel is replaced, in all its channels at once.
        seed: A whole number for all images, or one for each as a tensor ``[batch, 1, 1, 1]``.

    Returns:
        A batch of the same shape and type.
    """
    height, width = images.shape[-2:]
    rows = torch.arange(height, device=images.device).reshape(1, 1, height, 1)
    columns = torch.arange(width, device=images.device)
    words = torch.as_tensor(seed, device=images.device).long().remainder(_WORD)
    for index in (rows, columns):
        words = _scrambled(_scrambled(words) ^ index)
    salt = (words % 2).to(images.dtype)
    share = (words // 2).double() / (_WORD // 2)
    return torch.where(share < amount, salt, images)


def _scrambled(words: Tensor) -> Tensor:
    """A bijection of the 32-bit words that lets every bit of the input reach every bit of the output."""
    for _ in range(2):
        words = ((words ^ (words >> 16)) * _FACTOR) % _WORD
    return words ^ (words >> 16)
