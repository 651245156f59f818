"""One-parameter families: L(θ) = exp(θ A), fitted on several θ at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import linalg, optimize

from augalgebra.operators.fits.commuting import joint
from augalgebra.operators.groups.arrays import Array, ComplexArray

GRID, FINEST = 256, 1 << 15
"""Positive frequencies among which the best is looked for before it is refined: at least, and at most."""
CANDIDATES, NEWTON_STEPS = 64, 4
"""Peaks that are refined before the highest is taken: parameters that lie close together make many nearly as high."""
OPTIONS: Any = {"maxiter": 500, "ftol": 1e-14, "gtol": 1e-10}


@dataclass(frozen=True, eq=False)
class Sample:
    """What was measured at one parameter, in whitened coordinates.

    Attributes:
        parameter: θ, not 0.
        source: Mean zᵀ z of the sources, ``[d, d]``.
        cross: Mean zᵀ z' of sources and targets, ``[d, d]``.
        weight: How much it counts: the number of pairs of views it was pooled from.
    """

    parameter: float
    source: Array
    cross: Array
    weight: float


def orthogonal_generator(samples: Sequence[Sample], *, period: float | None = None, seed: int = 0) -> Array:
    """A skew A whose exp(θ A) is near every measured M_θ: plane rotations with one frequency for each plane.

    The phases at all θ are used together, so that a plane may turn by more than half a circle within the largest of
    them. Frequencies are looked for up to π / (smallest difference between two |θ|); a plane that turns faster is
    mistaken for a slower one, which more closely spaced θ would tell apart.

    Args:
        samples: At least one.
        period: The θ at which the family returns to the identity, if frequencies shall be multiples of 2π / period.
        seed: Seed of the random starts.

    Returns:
        A, ``[d, d]``.
    """
    parameters = np.array([sample.parameter for sample in samples])
    weights = np.array([sample.weight for sample in samples])
    search = _FrequencySearch.between(parameters, weights, period)

    def allowed(diagonals: Array, turns: ComplexArray) -> tuple[Array, ComplexArray]:
        return np.ones_like(diagonals), np.exp(1j * np.outer(parameters, search(turns)))

    frame, axes, turns = joint(
        [sample.cross for sample in samples], list(weights), allowed, seed=seed, planes_only=True
    )
    # the turns are exactly e^{iωθ}, so the same search finds ω again
    generator: Array = frame.matrices(np.zeros((1, axes.shape[1])), 1j * search(turns)[None])[0]
    return generator


@dataclass(frozen=True, eq=False)
class _FrequencySearch:
    """Finds for each plane the ω that maximises Σ_θ w_θ Re(conj(m_θ) e^{iωθ})."""

    parameters: Array
    weights: Array
    grid: Array
    waves: ComplexArray
    rounded: bool

    @classmethod
    def between(cls, parameters: Array, weights: Array, period: float | None) -> "_FrequencySearch":
        highest = highest_frequency(parameters)
        # what is maximised has peaks as narrow as 2π / (largest |θ|), which no step may jump over
        fine = max(highest / FINEST, min(highest / GRID, np.pi / (8 * np.abs(parameters).max())))
        step = 2 * np.pi / period if period is not None else fine
        half = int(highest / step + 1e-9)
        grid = np.arange(-half, half + 1) * step
        return cls(parameters, weights, grid, np.exp(1j * np.outer(grid, parameters)), period is not None)

    def __call__(self, turns: ComplexArray) -> Array:
        """From m ``[parameters, planes]`` to ω ``[planes]``."""
        pulls = self.weights[:, None] * turns.conj()
        heights = (self.waves @ pulls).real
        if self.rounded:
            tallest: Array = self.grid[heights.argmax(axis=0)]
            return tallest
        peaks = (heights >= np.roll(heights, 1, axis=0)) & (heights >= np.roll(heights, -1, axis=0))
        highest = np.argpartition(np.where(peaks, heights, -np.inf), -CANDIDATES, axis=0)[-CANDIDATES:]
        found: Array = self.grid[np.sort(highest, axis=0)]  # [candidate, plane]
        for _ in range(NEWTON_STEPS):
            seen = self._seen(pulls, found)
            slope = -np.tensordot(self.parameters, seen.imag, 1)
            curvature = -np.tensordot(self.parameters**2, seen.real, 1)
            found = found - np.where(curvature < 0, slope / np.minimum(curvature, -1e-300), 0.0)
        # frequencies that these parameters do not tell apart are as high; the slowest of them is meant
        faster = np.abs(found) / self.grid[-1]
        worse = np.abs(pulls).sum(axis=0) * (1e-9 * faster + 3 * (faster > 1 + 1e-6))
        best = (self._seen(pulls, found).real.sum(axis=0) - worse).argmax(axis=0)
        chosen: Array = np.take_along_axis(found, best[None], axis=0)[0]
        return chosen

    def _seen(self, pulls: ComplexArray, found: Array) -> ComplexArray:
        """What each parameter says for each candidate, ``[parameter, candidate, plane]``."""
        seen: ComplexArray = pulls[:, None] * np.exp(1j * np.multiply.outer(self.parameters, found))
        return seen


def highest_frequency(parameters: Array) -> float:
    """The largest |ω| that samples at some θ can tell from smaller ones."""
    return float(np.pi / np.diff(np.unique(np.abs([0.0, *parameters]))).min())


def free_generator(samples: Sequence[Sample], start: Array, free: npt.NDArray[np.bool_] | None = None) -> Array:
    """Any A, at a minimum of Σ_θ w_θ mean ‖z exp(θ A) - z'‖².

    Quasi-Newton (L-BFGS); the gradient of the matrix exponential is that of Al-Mohy and Higham (2009).

    Args:
        samples: At least one.
        start: Where to begin, ``[d, d]``.
        free: Which entries of A may move; all of them by default.
    """
    dim = len(start)
    mask = np.ones((dim, dim), dtype=bool) if free is None else free
    # the scale of θ must not decide how well the problem is conditioned
    scale = max(abs(sample.parameter) for sample in samples)

    def loss(entries: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        A = start * scale
        A[mask] = entries
        total, gradient = 0.0, np.zeros((dim, dim))
        for sample in samples:
            step = sample.parameter / scale
            E = linalg.expm(step * A)
            moved = sample.source @ E
            total += sample.weight * float(np.sum(E * moved) - 2 * np.sum(E * sample.cross))
            outer = 2 * sample.weight * (moved - sample.cross)
            gradient += step * np.asarray(linalg.expm_frechet(step * A.T, outer, compute_expm=False), dtype=np.float64)
        return total, gradient[mask]

    first = np.asarray(scale * start[mask], dtype=np.float64)
    found = optimize.minimize(loss, first, jac=True, method="L-BFGS-B", options=OPTIONS)
    generator = start.copy()
    generator[mask] = found.x / scale
    return generator


def logarithmic_start(samples: Sequence[Sample], ridge: float = 1e-6) -> Array:
    """log(L_θ) / θ for the smallest θ, where logarithms are least ambiguous; L_θ by least squares."""
    nearest = min(samples, key=lambda sample: abs(sample.parameter))
    dim = len(nearest.source)
    damped = nearest.source + ridge * np.trace(nearest.source) / dim * np.eye(dim)
    values, vectors = np.linalg.eig(linalg.solve(damped, nearest.cross, assume_a="pos"))
    # what is nearly forgotten has no useful logarithm; far below the rest is as good as gone
    logarithms = np.log(np.maximum(np.abs(values), 1e-6)) + 1j * np.angle(values)
    generator: Array = np.real((vectors * logarithms) @ np.linalg.inv(vectors)) / nearest.parameter
    return generator
