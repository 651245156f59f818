"""LPIPS, the distance of pictures as a network sees it: where all that it needs lies on this machine already."""

from collections.abc import Callable
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.errors import SpaceError
from augalgebra.latent.adapters.weights import read_weights

WEIGHTS = "alexnet-owt-7be5be79.pth"
"""The weights of AlexNet, as torchvision calls the file that it keeps."""
SMALLEST = 32
"""Pixels on each side that AlexNet needs."""

Perceptual = Callable[[Float[Tensor, "batch 3 height width"], Float[Tensor, "batch 3 height width"]], float]
"""What is shown and what should be, in [0, 1], to the mean of their distances."""


def find_lpips(side: int, device: torch.device | str = "cpu") -> tuple[Perceptual | None, str]:
    """LPIPS by torchmetrics, with AlexNet.

    Nothing is downloaded: without the packages, or without the weights in torch's own folder, it is left out.

    Args:
        side: Height or width of the pictures, whichever is less.
        device: Where to compute.

    Returns:
        The distance, or None and the reason.
    """
    try:
        import torchvision  # noqa: F401 (torchmetrics takes the network from there)
        from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity
    except (ImportError, RuntimeError) as error:  # a torchvision that was built for another torch raises the latter
        return None, f"LPIPS is not measured: it needs the packages torchmetrics and torchvision ({error})"
    weights = Path(torch.hub.get_dir(), "checkpoints", WEIGHTS)
    if not weights.is_file():
        return None, f"LPIPS is not measured: its weights are not there, and are not downloaded here ({weights})"
    if side < SMALLEST:
        return None, f"LPIPS is not measured: it needs crops of {SMALLEST} pixels at least, and these have {side}"
    try:
        read_weights(weights)  # torchvision would unpickle whatever is in there
    except SpaceError as error:
        return None, f"LPIPS is not measured: {error}"
    metric = LearnedPerceptualImagePatchSimilarity(net_type="alex", normalize=True).to(device)

    def distance(shown: Tensor, true: Tensor) -> float:
        with torch.no_grad():
            found = float(metric(shown, true))
        metric.reset()
        return found

    return distance, ""
