"""Neighbourhood operations on whole batches, and the two that need a picture at a time or a second size."""

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

_REACH = 3
_CORNER = 8
_MANY = 2**12
"""Pixels of a picture from which on OpenCV, called for each channel, is faster than PyTorch on all of them."""


def gaussian_blur(images: Tensor, sigma: float | Tensor) -> Tensor:
    """Convolve rows and columns with a normal density cut off to seven taps.

    Args:
        images: Float batch ``[batch, channel, height, width]``.
        sigma: Standard deviation in pixels, one for all images or one for each as a tensor
            ``[batch, 1, 1, 1]``.

    Returns:
        A batch of the same shape and type. On large images OpenCV does it, so that the last bits may differ.
    """
    if _is_for_opencv(images):
        return _blur_by_opencv(images, sigma)
    for axis in (-1, -2):
        images = _blurred(images, sigma, axis)
    return images.clamp_(0, 1)


def _is_for_opencv(images: Tensor) -> bool:
    plain = images.device.type == "cpu" and images.dtype in (torch.float32, torch.float64) and not images.requires_grad
    return plain and images.shape[2] * images.shape[3] >= _MANY


def _blur_by_opencv(images: Tensor, sigma: float | Tensor) -> Tensor:
    blurred = torch.empty(images.shape, dtype=images.dtype)
    size = (2 * _REACH + 1, 2 * _REACH + 1)
    for picture, found, width in zip(images, blurred, _one_each(sigma, len(images)), strict=True):
        for channel, target in zip(picture.numpy(), found.numpy(), strict=True):
            cv2.GaussianBlur(channel, size, width, target, width, cv2.BORDER_REFLECT_101)
        found.clamp_(0, 1)  # while it is in the cache
    return blurred


def _one_each(number: float | Tensor, count: int) -> list[float]:
    """The same number for so many images, or the one of each."""
    return torch.as_tensor(number, dtype=torch.float64).reshape(-1).expand(count).tolist()


def _blurred(images: Tensor, sigma: float | Tensor, axis: int) -> Tensor:
    size = images.shape[axis]
    framed = images.index_select(axis, _mirrored(size, _REACH, images.device))
    precision = -0.5 / torch.as_tensor(sigma, dtype=images.dtype, device=images.device) ** 2
    weights = [torch.exp(precision * offset**2) for offset in range(_REACH + 1)]
    # Adding the two neighbours at a distance first makes this commute with mirroring to the last bit.
    total = weights[0] * images
    for offset, weight in enumerate(weights[1:], start=1):
        before, after = (framed.narrow(axis, _REACH + side, size) for side in (-offset, offset))
        total += (before + after).mul_(weight)
    return total.div_(weights[0] + 2 * sum(weights[1:]))


def _mirrored(size: int, reach: int, device: torch.device) -> Tensor:
    """Indices from -reach to size + reach - 1, mirrored at the border pixels as often as it takes."""
    period = max(2 * (size - 1), 1)
    index = torch.arange(-reach, size + reach, device=device).remainder(period)
    return torch.minimum(index, period - index)


def edge_detect(images: Tensor) -> Tensor:
    """Magnitude of the 4-neighbour Laplacian, at most 1; the frame is continued by its own values."""
    framed = functional.pad(images, (1, 1, 1, 1), mode="replicate")
    across = framed[..., 1:-1, :-2] + framed[..., 1:-1, 2:]
    down = framed[..., :-2, 1:-1] + framed[..., 2:, 1:-1]
    return (across + down - 4 * images).abs().clamp(max=1)


def canny(images: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
    """Canny's edges in black on white, found by OpenCV on bytes, one picture at a time.

    Args:
        images: Float batch ``[batch, channel, height, width]``. Of three channels, the one with the steepest
            gradient counts at each pixel, and the edges are drawn in all of them.
        low: Gradient (sum of absolute Sobel responses to bytes) from which on an edge is continued.
        high: Gradient from which on an edge begins.

    Returns:
        A batch of zeros and ones of the same shape and type.
    """
    pictures = (images * 255).round_().byte().cpu().numpy()
    levels = (_one_each(level, len(images)) for level in (low, high))
    edges = np.empty((len(images), 1, *images.shape[2:]), np.uint8)
    for picture, target, begins, ends in zip(pictures, edges, *levels, strict=True):
        cv2.Canny(cv2.merge(list(picture)), begins, ends, target[0])
    return (torch.from_numpy(edges).to(images.device) == 0).to(images.dtype).repeat(1, images.shape[1], 1, 1)


def mini_image(images: Tensor) -> Tensor:
    """Paste a small copy of the whole image (bilinear, antialiased) into the top left 8×8 pixels."""
    if not images.numel():
        return images.clone()
    corner = (min(_CORNER, images.shape[-2]), min(_CORNER, images.shape[-1]))
    small = functional.interpolate(images, corner, mode="bilinear", align_corners=False, antialias=True)
    pasted = images.clone()
    pasted[..., : corner[0], : corner[1]] = small.clamp(0, 1)
    return pasted
