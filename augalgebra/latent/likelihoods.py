"""Likelihoods: how a drawn picture is compared with the true one, in training and in measuring.

A decoder answers with log odds; their sigmoid is the picture it draws, in [0, 1], whatever the likelihood. What differs
is the meaning of a drawn pixel: the chance that it is white (Bernoulli), or the mean of what it is (Gaussian).
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Literal, TypeAlias

import torch
from jaxtyping import Float, UInt8
from torch import Tensor
from torch.nn import functional

from augalgebra.errors import AugalgebraError, nearest

Images: TypeAlias = Float[Tensor, "batch channel height width"]

LikelihoodName = Literal["bernoulli", "gaussian"]

GREYEST = 0.5
"""Bits of grey in a pixel, on average, above which images are no longer nearly black and white.

MNIST has 0.08, the digits 0.20, photographs 0.8; a pixel between black and white has 1.
"""

SMALLEST_VARIANCE = 1 / (12 * 255**2)
"""That of rounding to bytes; no variance of pixels is taken to be smaller."""


def greyness(images: UInt8[Tensor, "image channel height width"], most: int = 1000) -> float:
    """How far images are from black and white: mean entropy of a pixel taken as a chance of white, in bits.

    It is 0 where every pixel is black or white, and 1 where all are halfway between.

    Args:
        images: Bytes.
        most: Look at about so many of them, evenly taken.
    """
    chances = images[:: max(1, len(images) // most)].float() / 255
    return float(LIKELIHOODS["bernoulli"].entropy(chances).mean()) / (math.prod(chances.shape[1:]) * math.log(2))


def choose_likelihood(images: UInt8[Tensor, "image channel height width"]) -> LikelihoodName:
    """The likelihood that suits images: Bernoulli where they are nearly black and white, Gaussian otherwise."""
    return "gaussian" if greyness(images) > GREYEST else "bernoulli"


def alone(mean: Tensor) -> Tensor:
    """The mean over a batch of which there is no other part."""
    return mean


def squared_error(drawn: Images, target: Images) -> Float[Tensor, " batch"]:
    """Mean squared error of each image over its pixels and channels, whatever the likelihood."""
    return (drawn - target).square().flatten(1).mean(1)


class Likelihood(ABC):
    """How likely true pixels are where a decoder has drawn something.

    Attributes:
        name: How it is called in settings and files.
        unit: What its loss is counted in, for each image.
        settled: How far above the entropy of an image the loss of a drawing may be that is as good as exact.
    """

    name: ClassVar[LikelihoodName]
    unit: ClassVar[str]
    settled: ClassVar[float]

    @abstractmethod
    def loss(self, drawn: Images, target: Images) -> Float[Tensor, " batch"]:
        """What each drawing costs, see `unit`.

        Args:
            drawn: Pixels in [0, 1].
            target: True pixels in [0, 1].
        """

    @abstractmethod
    def loss_of_logits(self, logits: Images, target: Images) -> Float[Tensor, " batch"]:
        """The same of what a decoder answers, before the sigmoid."""

    @abstractmethod
    def entropy(self, target: Images) -> Float[Tensor, " batch"]:
        """What even a perfect drawing of each image costs: the loss of an image as its own drawing."""

    @abstractmethod
    def surprise(
        self, logits: Images, targets: Images, pooled: Callable[[Tensor], Tensor] = alone
    ) -> Float[Tensor, ""]:
        """Negative log likelihood in nats per image, averaged over images: the first term of the evidence bound.

        Args:
            logits: What a decoder answers, before the sigmoid.
            targets: True pixels in [0, 1].
            pooled: Makes a mean over these images one over all of a batch that they are a part of. What is no mean
                itself, but made of one, is otherwise not that of the batch on average over its parts.
        """

    @abstractmethod
    def slope(self, drawn: Float[Tensor, "*pixels"], target: Float[Tensor, "*pixels"]) -> Float[Tensor, "*pixels"]:
        """The derivative of the loss by the logits, times −1 and a positive number that is the same for all pixels."""

    @abstractmethod
    def curvature(self, drawn: Float[Tensor, "*pixels"]) -> Float[Tensor, "*pixels"]:
        """The Fisher information of the logits of drawn pixels, times the same number as in `slope`."""


class Bernoulli(Likelihood):
    """Each pixel is white with the drawn chance; a grey one counts as so much of white and so much of black.

    The likelihood of the published recipe, and right for pictures that are nearly black and white.
    """

    name, unit, settled = "bernoulli", "nats", 0.005

    def loss(self, drawn: Images, target: Images) -> Float[Tensor, " batch"]:
        """Binary cross-entropy of each image, summed over its pixels and channels, in nats."""
        return functional.binary_cross_entropy(drawn, target, reduction="none").flatten(1).sum(1)

    def loss_of_logits(self, logits: Images, target: Images) -> Float[Tensor, " batch"]:
        """The same of log odds, finite where the sigmoid rounds to 0 or 1."""
        return functional.binary_cross_entropy_with_logits(logits, target, reduction="none").flatten(1).sum(1)

    def entropy(self, target: Images) -> Float[Tensor, " batch"]:
        """−Σ x log x + (1 − x) log(1 − x), in nats; 0 only of pictures that are black and white throughout."""
        pixels: Tensor = torch.special.entr(target) + torch.special.entr(1 - target)
        return pixels.flatten(1).sum(1)

    def surprise(
        self,
        logits: Images,
        targets: Images,
        pooled: Callable[[Tensor], Tensor] = alone,  # noqa: ARG002 (a mean, which averages as it is)
    ) -> Float[Tensor, ""]:
        """Binary cross-entropy summed over pixels and channels, averaged over images."""
        return functional.binary_cross_entropy_with_logits(logits, targets, reduction="sum") / len(targets)

    def slope(self, drawn: Float[Tensor, "*pixels"], target: Float[Tensor, "*pixels"]) -> Float[Tensor, "*pixels"]:
        """Error x − p."""
        return target - drawn

    def curvature(self, drawn: Float[Tensor, "*pixels"]) -> Float[Tensor, "*pixels"]:
        """Variance p (1 − p)."""
        return drawn * (1 - drawn)


class Gaussian(Likelihood):
    """Each pixel is the drawn one and noise, whose variance is the best one: the mean squared error itself.

    With σ² = MSE, over all pixels of all images of a batch, the negative log likelihood is D/2 (log 2πσ² + 1) for
    D pixels, so that errors and divergence are in balance without a weight to be set (Rybkin, Daniilidis and Levine
    2021, σ-VAE, equations 5 and 6). Measured is the mean squared error, whose entropy is 0.
    """

    name, unit, settled = "gaussian", "mean squared error", 1e-6

    def loss(self, drawn: Images, target: Images) -> Float[Tensor, " batch"]:
        """Squared error of each image, averaged over its pixels and channels."""
        return squared_error(drawn, target)

    def loss_of_logits(self, logits: Images, target: Images) -> Float[Tensor, " batch"]:
        """The same of log odds."""
        return self.loss(logits.sigmoid(), target)

    def entropy(self, target: Images) -> Float[Tensor, " batch"]:
        """0 of each image: a perfect drawing has no error."""
        return target.new_zeros(len(target))

    def surprise(
        self, logits: Images, targets: Images, pooled: Callable[[Tensor], Tensor] = alone
    ) -> Float[Tensor, ""]:
        """D/2 (log 2πσ² + 1) with σ² the mean squared error of the batch, but for `SMALLEST_VARIANCE`."""
        error = pooled(self.loss_of_logits(logits, targets).mean())
        variance = error.clamp_min(SMALLEST_VARIANCE)
        return math.prod(targets.shape[1:]) / 2 * ((2 * math.pi * variance).log() + error / variance)

    def slope(self, drawn: Float[Tensor, "*pixels"], target: Float[Tensor, "*pixels"]) -> Float[Tensor, "*pixels"]:
        """Error (x − p) p (1 − p)."""
        return (target - drawn) * drawn * (1 - drawn)

    def curvature(self, drawn: Float[Tensor, "*pixels"]) -> Float[Tensor, "*pixels"]:
        """The square of p (1 − p)."""
        return (drawn * (1 - drawn)).square()


LIKELIHOODS: dict[str, Likelihood] = {kind.name: kind for kind in (Bernoulli(), Gaussian())}
"""All there are, by name."""


def find_likelihood(name: str) -> Likelihood:
    """The likelihood of a name.

    Raises:
        AugalgebraError: There is none of that name.
    """
    if name not in LIKELIHOODS:
        near = nearest(str(name), tuple(LIKELIHOODS), 1)
        raise AugalgebraError(
            f"there is no likelihood {name!r}; there are {', '.join(LIKELIHOODS)}"
            + (f". Did you mean {near[0]}?" if near else "")
        )
    return LIKELIHOODS[name]


def likelihood_of(space: object) -> Likelihood:
    """The likelihood by which a latent space is measured: its attribute `likelihood`, or Bernoulli if it has none."""
    found = getattr(space, "likelihood", LIKELIHOODS["bernoulli"])
    return found if isinstance(found, Likelihood) else find_likelihood(found)


def decibels(error: float) -> float:
    """Peak signal-to-noise ratio (PSNR) of pixels in [0, 1] in dB, −10 log₁₀ of their mean squared error.

    Args:
        error: Mean squared error; of several images its mean, so that the ratio of all of them together comes out.
    """
    return math.inf if error == 0 else -10 * math.log10(error)
