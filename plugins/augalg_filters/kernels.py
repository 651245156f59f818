"""Neighbourhood operations on whole batches, and the two that need a picture at a time or a second size."""

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

_REACH = 3
_CORNER = 8


def gaussian_blur(images: Tensor, sigma: float | Tensor) -> Tensor:
    """Convolve rows and columns with a normal density cut off to seven taps.

    Args:
        images: Float batch ``[batch, channel, height, width]``.
        sigma: Standard deviation in pixels, one for all images or one for each as a tensor
            ``[batch, 1, 1, 1]``.

    Returns:
        A batch of the same shape and type.
    """
    for axis in (-1, -2):
        images = _blurred(images, sigma, axis)
    return images.clamp_(0, 1)


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
    pictures = (images * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
    lows, highs = (torch.as_tensor(level).reshape(-1).expand(len(images)).tolist() for level in (low, high))
    edges = np.zeros(pictures.shape[:3], dtype=np.uint8)
    for index, picture in enumerate(pictures):
        edges[index] = cv2.Canny(np.ascontiguousarray(picture), lows[index], highs[index])
    white = torch.from_numpy(edges).to(images.device)[:, None] == 0
    return white.to(images.dtype).expand_as(images).clone()


def mini_image(images: Tensor) -> Tensor:
    """Paste a small copy of the whole image (bilinear, antialiased) into the top left 8×8 pixels."""
    if not images.numel():
        return images.clone()
    corner = (min(_CORNER, images.shape[-2]), min(_CORNER, images.shape[-1]))
    small = functional.interpolate(images, corner, mode="bilinear", align_corners=False, antialias=True)
    pasted = images.clone()
    pasted[..., : corner[0], : corner[1]] = small.clamp(0, 1)
    return pasted
