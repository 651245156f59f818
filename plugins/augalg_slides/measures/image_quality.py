"""How good drawn images are, beside images that nothing was trained on."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from torch import Tensor

from augalgebra.errors import AugalgebraError
from augalgebra.operators import Array
from augalgebra.plain import PlainData
from augalgebra.runs import PixelClassifier

COMPONENTS = 16
"""Principal components of held-out images in which all but the classifier's confidence is measured."""
NEIGHBOURS = 5
"""Held-out images whose distance makes the ball around each, as Naeem et al. recommend."""


@dataclass(frozen=True)
class Quality(PlainData):
    """How good some images are.

    Attributes:
        likelihood: Mean log density under a kernel estimate on the whitened principal components of held-out images.
            High for images that look typical, even if they all look alike.
        density: How many held-out images' balls each image lies in, as a fraction of the five that it would be.
        coverage: Share of held-out images with a drawn one in their ball (density and coverage: Naeem et al. 2020).
        confidence: Mean probability that a classifier gives its answer; None without labels.
    """

    likelihood: float
    density: float
    coverage: float
    confidence: float | None


class ImageQuality:
    """Compares images with held-out ones.

    Args:
        held_out: Images that neither latent space nor classifier has seen.
        classifier: A frozen one, if there are classes.

    Raises:
        AugalgebraError: There are too few held-out images.
    """

    def __init__(
        self, held_out: Float[Tensor, "image channel height width"], classifier: PixelClassifier | None = None
    ) -> None:
        from sklearn.decomposition import PCA
        from sklearn.neighbors import KernelDensity, NearestNeighbors

        if len(held_out) <= 2 * NEIGHBOURS:
            raise AugalgebraError(f"{len(held_out)} held-out images are too few to compare with; take at least 11")
        flat = _flat(held_out)
        components = min(COMPONENTS, len(flat) // 2, flat.shape[1])
        self._classifier = classifier
        self._components = PCA(components, svd_solver="full").fit(flat)
        self._scale = np.sqrt(self._components.explained_variance_) + 1e-9
        self._known: Array = self._components.transform(flat)
        # Scott's rule; in whitened coordinates all directions have one bandwidth
        self._estimate = KernelDensity(bandwidth="scott").fit(self._known / self._scale)
        # the nearest of the held-out images to one of them is itself
        distances = NearestNeighbors(n_neighbors=NEIGHBOURS + 1).fit(self._known).kneighbors(self._known)[0]
        self._radii: Array = distances[:, -1]

    def __call__(self, images: Float[Tensor, "image channel height width"]) -> Quality:
        """Judge some images."""
        from sklearn.metrics import pairwise_distances

        points = self._components.transform(_flat(images))
        inside = pairwise_distances(self._known, points) < self._radii[:, None]
        confidence = None
        if self._classifier is not None:
            confidence = float(self._classifier.probabilities(images).amax(1).mean())
        return Quality(
            float(self._estimate.score_samples(points / self._scale).mean()),
            float(inside.sum(axis=0).mean() / NEIGHBOURS),
            float(inside.any(axis=1).mean()),
            confidence,
        )


def _flat(images: Tensor) -> Array:
    pixels: Array = images.detach().cpu().flatten(1).double().numpy()
    return pixels
