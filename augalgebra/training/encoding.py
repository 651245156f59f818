"""Encoding a whole data set once: what stages 2 and 3 start from, since the encoder is frozen then."""

import functools
from collections.abc import Iterator

import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.data.dataset import Split
from augalgebra.latent.lavae import LAVAE
from augalgebra.latent.protocol import LatentSpace, device_of_space
from augalgebra.operators.fits.moments import ViewMoments
from augalgebra.seeds import generator_for
from augalgebra.tasks import Workers, run_tasks
from augalgebra.training.losses import sample
from augalgebra.training.views import Views

BATCH = 500
"""Images encoded at once."""


def view_moments(space: LatentSpace, views: Views, split: Split, workers: Workers | None = None) -> ViewMoments:
    """Moments of the codes of all views, streamed batch by batch.

    Args:
        space: Any latent space; its codes are posterior means, since sampling noise would shrink every fit.
        views: The views.
        split: The images.
        workers: Who encodes; this process by default.
    """
    moments = ViewMoments(views.words, space.dim)
    for codes in encoded_views(space, views, split, workers):
        moments.add(codes)
    return moments


def encoded_views(
    space: LatentSpace, views: Views, split: Split, workers: Workers | None = None
) -> Iterator[Float[Tensor, "view batch latent"]]:
    """The codes of all views, batch by batch in order, on the processor.

    Args:
        space: The latent space.
        views: The views.
        split: The images.
        workers: Who encodes; this process by default.
    """
    parts = (split.part(start, start + BATCH) for start in range(0, len(split), BATCH))
    for _, codes in run_tasks(functools.partial(_encode, space, views), parts, workers, ordered=True):
        yield codes


@torch.no_grad()
def _encode(space: LatentSpace, views: Views, part: Split) -> Float[Tensor, "view batch latent"]:
    made = views.make(*part.batch(slice(None)))
    codes = space.encode(made.flatten(0, 1).to(device_of_space(space)))
    return codes.view(len(views), len(part), -1).cpu()


@torch.no_grad()
def posteriors(
    space: LAVAE, split: Split, views: Views | None = None
) -> tuple[Float[Tensor, "view image latent"], Float[Tensor, "view image latent"]]:
    """Mean and log variance of every view of every image, on the space's device.

    Args:
        space: The latent space.
        split: The images.
        views: The views; None stands for the originals alone.
    """
    device = device_of_space(space)
    means, log_variances = [], []
    for start in range(0, len(split), BATCH):
        images, ids = split.batch(slice(start, start + BATCH))
        made = images[None] if views is None else views.make(images, ids)
        mean, log_variance = space.posterior(made.flatten(0, 1).to(device))
        means.append(mean.view(*made.shape[:2], -1))
        log_variances.append(log_variance.view(*made.shape[:2], -1))
    return torch.cat(means, dim=1), torch.cat(log_variances, dim=1)


def posterior_samples(space: LAVAE, views: Views, split: Split, seed: int) -> Float[Tensor, "view image latent"]:
    """One draw from the posterior of every view, as the published second stage uses them."""
    mean, log_variance = posteriors(space, split, views)
    return sample(mean, log_variance, generator_for(seed, "stage 2 samples", device=mean.device)).cpu()
