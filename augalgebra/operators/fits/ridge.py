"""Ridge least squares: the baseline, and the only honest fit for what has no inverse."""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from augalgebra.errors import RankError
from augalgebra.operators.fits.affine import AffineMap
from augalgebra.operators.fits.moments import PairMoments

RIDGE = 1e-6
RANK_TOLERANCE = 1e-12


@dataclass(frozen=True, eq=False)
class LeastSquares:
    """A fitted map, with what shows how far the fit can be trusted.

    Attributes:
        map: The operator.
        source_rank: Directions that the sources span; below the latent dimension, the ridge decided the rest.
        source_condition: Largest over smallest eigenvalue of the sources' second moment.
    """

    map: AffineMap
    source_rank: int
    source_condition: float


def least_squares(pairs: PairMoments, ridge: float = RIDGE) -> LeastSquares:
    """L = (S + λI)⁻¹ C, the minimiser of mean ‖z L - z'‖² + λ‖L‖²_F (Hoerl and Kennard 1970).

    Args:
        pairs: Moments of sources and targets; with centres, the map gets a shift, which the ridge leaves alone.
        ridge: λ as a fraction of the mean eigenvalue of S, so that it does not depend on the scale of the latents.

    Raises:
        RankError: All sources are the same, so that λ is 0 too.
    """
    dim = len(pairs.source)
    values = np.linalg.eigvalsh(pairs.source)
    if not np.trace(pairs.source) > 0:
        raise RankError("the codes to be moved are all the same, and nothing says where others go; encode other images")
    largest = max(float(values[-1]), np.finfo(float).tiny)
    rank = int((values > RANK_TOLERANCE * largest).sum())
    damped = pairs.source + (ridge * np.trace(pairs.source) / dim) * np.eye(dim)
    if rank == dim or ridge > RANK_TOLERANCE:
        matrix = linalg.solve(damped, pairs.cross, assume_a="pos")
    else:  # the shortest of all solutions
        matrix = linalg.pinvh(damped, rtol=RANK_TOLERANCE) @ pairs.cross
    return LeastSquares(
        AffineMap.between(matrix, pairs.source_centre, pairs.target_centre),
        rank,
        largest / max(float(values[0]), 0.0) if values[0] > 0 else float("inf"),
    )
