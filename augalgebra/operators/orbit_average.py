"""The orbit average of a latent space: exactly equivariant, because it turns the pixels themselves.

It is the floor that operators of a group are measured against, never a result: whoever has the true transformation of
the pixels needs no operator.
"""

from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.errors import FitError
from augalgebra.operators.registry import EncodedSpace, OperatorRegistry


class Space(EncodedSpace, Protocol):
    """A latent space that encodes and decodes."""

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height and width."""

    @property
    def heads(self) -> tuple[str, ...]:
        """Names of its decoders."""

    def encode(self, images: Tensor) -> Tensor:
        """The codes of a batch."""

    def decode(self, latents: Tensor, head: str) -> Tensor:
        """Images drawn by one head."""


class OrbitFloor:
    """A latent space averaged over a finite group of exact operators π.

    Codes are mean_h ENC(h·x) π(h)⁻¹, so that the code of g·x is exactly the code of x times π(g); pictures are
    mean_h h⁻¹·DEC(z π(h)). Each word then costs exactly what reconstruction costs.

    Args:
        space: The latent space.
        registry: Its operators; the largest finite group of exact ones is averaged over.

    Attributes:
        label: What to write beside every number that comes from it.

    Raises:
        FitError: The registry has no such group.
    """

    label = "floor: averages over the true pixel transforms"

    def __init__(self, space: Space, registry: OperatorRegistry) -> None:
        known = registry.known_group()
        if known is None:
            raise FitError("there is no finite group of exact operators to average over; fit one with 'representation'")
        self._space, self._catalog = space, registry.catalog
        self.dim, self.image_shape = space.dim, space.image_shape
        self._words = known.group.elements
        self._inverses = known.group.inverses.tolist()
        self._operators = [registry.operator(word, reduce=False, readout=False) for word in self._words]

    @property
    def heads(self) -> tuple[str, ...]:
        """Names of its decoders."""
        return self._space.heads

    def fingerprint(self) -> str:
        """That of the latent space, marked; operators of the one do not serve the other."""
        return f"orbit-average-{self._space.fingerprint()}"

    def encode(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch latent"]:
        """The mean over the group of the codes of all views, each moved back."""
        codes = [
            self._operators[inverse].apply(self._space.encode(self._catalog.apply(word, images)))
            for word, inverse in zip(self._words, self._inverses, strict=True)
        ]
        return torch.stack(codes).mean(dim=0)

    def decode(
        self, latents: Float[Tensor, "batch latent"], head: str | None = None
    ) -> Float[Tensor, "batch channel height width"]:
        """The mean over the group of all moved pictures, each turned back; by the first head unless one is named."""
        name = self.heads[0] if head is None else head
        pictures = [
            self._catalog.apply(self._words[inverse], self._space.decode(operator.apply(latents), name))
            for operator, inverse in zip(self._operators, self._inverses, strict=True)
        ]
        return torch.stack(pictures).mean(dim=0)
