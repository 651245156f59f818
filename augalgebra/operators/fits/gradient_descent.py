"""The published second stage: gradient descent towards an operator that maps latents and squares to the identity."""

import numpy as np

from augalgebra.errors import MomentsError
from augalgebra.operators.fits.moments import ArrayLike, to_numpy
from augalgebra.operators.groups.arrays import Array
from augalgebra.seeds import numpy_generator

LEARNING_RATE = 1e-3
BETAS = (0.9, 0.999)
EPSILON = 1e-16
BATCH = 64
EPOCHS = 60


def fit_by_descent(
    original: ArrayLike,
    augmented: ArrayLike,
    *,
    weight: float = 1.0,
    epochs: int = EPOCHS,
    batch: int = BATCH,
    learning_rate: float = LEARNING_RATE,
    seed: int = 0,
) -> Array:
    """Minimise mean (z L - z')² + weight ‖I - L²‖²_F by AdaBelief, as the slides' second stage does.

    It sees pairs (original, augmented) only. It is kept for comparison: see `least_squares` and
    `nearest_representation` for what closed forms reach.

    Args:
        original: Encodings of the original images, ``[pair, latent]``; the published recipe samples the posterior.
        augmented: Encodings of the same images, augmented.
        weight: Weight of the involution term, λ.
        epochs: Passes over the pairs.
        batch: Pairs for each step.
        learning_rate: Learning rate.
        seed: Seed of the start (uniform in ±1/√d, as in torch's linear layers) and of the order of the pairs.

    Returns:
        L, ``[latent, latent]``; it acts as z @ L.

    Raises:
        MomentsError: The encodings do not match in shape, or are not finite.
    """
    Z, target = to_numpy(original).astype(np.float64), to_numpy(augmented).astype(np.float64)
    if Z.ndim != 2 or Z.shape != target.shape or not len(Z):
        raise MomentsError(
            "expected encodings [pair, latent] of images and of the same images moved, "
            f"not {list(Z.shape)} and {list(target.shape)}"
        )
    if not (np.isfinite(Z).all() and np.isfinite(target).all()):
        raise MomentsError("some encodings are NaN or infinite; the encoder has diverged")
    dim = Z.shape[1]
    generator = numpy_generator(seed)
    L: Array = generator.uniform(-1, 1, (dim, dim)) / np.sqrt(dim)
    eye, steps = np.eye(dim), AdaBelief(learning_rate)
    for _ in range(epochs):
        order = generator.permutation(len(Z))
        for start in range(0, len(Z), batch):
            rows = order[start : start + batch]
            source = Z[rows]
            excess = eye - L @ L
            gradient = source.T @ (source @ L - target[rows]) * (2 / source.size)
            gradient -= 2 * weight * (excess @ L.T + L.T @ excess)
            L = L + steps(gradient)
    return L


class AdaBelief:
    """Steps scaled by how far each gradient is from its running mean (Zhuang et al., arXiv 2010.07468, algorithm 2).

    Without weight decay and rectification, which the published recipe does not mention.

    Args:
        learning_rate: Learning rate.
        betas: Decay rates of the running mean and of the running squared deviation.
        epsilon: Added to the squared deviation at each step, and to its root.
    """

    def __init__(self, learning_rate: float, betas: tuple[float, float] = BETAS, epsilon: float = EPSILON) -> None:
        self.learning_rate, self.betas, self.epsilon = learning_rate, betas, epsilon
        self._count = 0
        self._mean: Array | float = 0.0
        self._deviation: Array | float = 0.0

    def __call__(self, gradient: Array) -> Array:
        """The step to add to the parameters."""
        first, second = self.betas
        self._count += 1
        self._mean = first * self._mean + (1 - first) * gradient
        self._deviation = second * self._deviation + (1 - second) * (gradient - self._mean) ** 2 + self.epsilon
        scale = np.sqrt(self._deviation / (1 - second**self._count)) + self.epsilon
        step: Array = -self.learning_rate / (1 - first**self._count) * self._mean / scale
        return step
