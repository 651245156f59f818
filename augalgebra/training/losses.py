"""The second term of the evidence bound, in nats per image; the first is `Likelihood.surprise`."""

import torch
from jaxtyping import Float
from torch import Tensor


def divergence(mean: Float[Tensor, "batch latent"], log_variance: Float[Tensor, "batch latent"]) -> Float[Tensor, ""]:
    """Kullback-Leibler divergence of the posterior from the standard normal prior, averaged over images.

    ½ Σ (μ² + σ² - log σ² - 1), summed over the latent coordinates (Kingma and Welling 2014, appendix B).
    """
    return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum() / len(mean)


def warmed_up(weight: float, warmup: float, fraction: float) -> float:
    """A weight that rises linearly from 0 (Bowman et al. 2016, section 3.1, with a line for their sigmoid).

    Args:
        weight: Where it arrives, and stays.
        warmup: When, as a fraction of the training; 0 is at once.
        fraction: How much of the training is over.
    """
    return weight if fraction >= warmup else weight * fraction / warmup


def sample(
    mean: Float[Tensor, "batch latent"],
    log_variance: Float[Tensor, "batch latent"],
    generator: torch.Generator,
) -> Float[Tensor, "batch latent"]:
    """A draw from the posterior of each image, differentiable in its parameters."""
    return displace(mean, log_variance, normal_like(mean, generator, *mean.shape))


def normal_like(like: Tensor, generator: torch.Generator, *shape: int) -> Tensor:
    """Standard normal numbers of a shape, with the type and on the device of another tensor."""
    return torch.randn(shape, generator=generator, device=like.device, dtype=like.dtype)


def displace(
    mean: Float[Tensor, "batch latent"],
    log_variance: Float[Tensor, "batch latent"],
    noise: Float[Tensor, "batch latent"],
) -> Float[Tensor, "batch latent"]:
    """The draw from the posterior of each image that belongs to some standard normal numbers."""
    return mean + noise * (0.5 * log_variance).exp()
