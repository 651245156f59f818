"""Whether codes say anything of the images: a collapsed latent space draws one picture for all."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.plain import PlainData

LEAST_SPREAD = 0.1
"""Spread of drawings over that of the images, below which they are one picture: not even a hundredth of the variance of
the images is drawn. A space that draws of each image nothing but its brightness has 0.10 on the digits, 0.16 on MNIST
and 0.71 on photographs; one of 64×64 photographs that saw 44 batches, and draws a grey blur, has 0.08."""
LEAST_DIVERGENCE = 0.1
"""Nats per image, a seventh of the answer to one question of yes or no. Codes tell no more of the images than their
mean divergence from the prior (Hoffman and Johnson 2016)."""
REMEDY = "train longer, lower --kl-weight, take another --dim or another --likelihood"


@dataclass(frozen=True)
class Information(PlainData):
    """What drawings tell of the images they were drawn from.

    Attributes:
        true: Root mean square over pixels and images of what images differ from their mean picture by.
        drawn: The same of what is drawn of their codes.
        divergence: Of the codes' distribution from the prior, in nats per image; None where a latent space has none.
    """

    true: float
    drawn: float
    divergence: float | None = None
    in_json = "nothing", "true as true_spread", "drawn as drawn_spread", "divergence"

    @property
    def nothing(self) -> bool:
        """Whether the codes say nothing; never of images that do not differ themselves."""
        if not self.true:
            return False
        drawn_alike = not self.drawn >= LEAST_SPREAD * self.true
        return drawn_alike or (self.divergence is not None and not self.divergence >= LEAST_DIVERGENCE)

    @property
    def warning(self) -> str:
        """One line with what to do where the codes say nothing; else empty."""
        if not self.nothing:
            return ""
        nats = "" if self.divergence is None else f", the divergence is {self.divergence:.2g} nats"
        return (
            f"the codes say nothing of the images: drawings differ by {self.drawn:.2g} (root mean square of pixels), "
            f"images by {self.true:.2g}{nats}; {REMEDY}"
        )


class Spread:
    """Running sums over batches of what images differ from their mean picture by."""

    def __init__(self) -> None:
        self._number = 0
        self._sum: Tensor | None = None
        self._squares = 0.0

    def add(self, images: Float[Tensor, "batch channel height width"]) -> None:
        """Take a batch into account."""
        pixels = images.flatten(1).cpu().double()
        self._number += len(pixels)
        self._sum = pixels.sum(0) if self._sum is None else self._sum + pixels.sum(0)
        self._squares += float(pixels.square().sum())

    def __add__(self, other: "Spread") -> "Spread":
        """The spread of the images of both."""
        if self._sum is None or other._sum is None:
            return other if self._sum is None else self
        both = Spread()
        both._number, both._sum = self._number + other._number, self._sum + other._sum
        both._squares = self._squares + other._squares
        return both

    @property
    def value(self) -> float:
        """Root mean square over pixels and images."""
        if self._sum is None:
            return 0.0
        variance = (self._squares - float(self._sum.square().sum()) / self._number) / (self._number * len(self._sum))
        return math.sqrt(max(variance, 0.0)) if math.isfinite(variance) else math.nan


def divergence_of(space: object, images: Float[Tensor, "batch channel height width"]) -> float | None:
    """Sum over images of the divergence of their codes' distribution from the prior; None if there is no such thing."""
    posterior = getattr(space, "posterior", None)
    if posterior is None:
        return None
    mean, log_variance = posterior(images)
    each = 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum()
    return float(each.to(torch.float32))
