"""What a latent space has to offer; operators, registries and checks rely on nothing else."""

from collections.abc import Callable, Iterable
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

MAIN_HEAD = "main"
"""Name of the decoder head that stage 1 trains."""


@runtime_checkable
class LatentSpace(Protocol):
    """Anything with encode, decode and a dimension.

    Attributes:
        dim: Number of latent coordinates.
        image_shape: Channels, height and width of the images it was made for.
        heads: Names of its decoders; the first is the one stage 1 trained.
    """

    dim: int
    image_shape: tuple[int, int, int]

    @property
    def heads(self) -> tuple[str, ...]:
        """Names of its decoders."""

    def encode(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch latent"]:
        """The codes of a batch: posterior *means*, since sampling noise shrinks every fit."""

    def decode(
        self, latents: Float[Tensor, "batch latent"], head: str = MAIN_HEAD
    ) -> Float[Tensor, "batch channel height width"]:
        """Images in [0, 1] drawn by one head."""

    def fingerprint(self) -> str:
        """A digest of the encoder, by which stored operators know what they were fitted on."""


def device_of_space(space: object) -> torch.device:
    """The device that a latent space computes on: that of its weights, or the processor if it has none."""
    held: list[Callable[[], Iterable[Tensor]]] = [getattr(space, name, tuple) for name in ("parameters", "buffers")]
    return next((tensor.device for tensors in held for tensor in tensors()), torch.device("cpu"))
