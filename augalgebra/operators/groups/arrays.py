"""Names for the arrays of this package, and the few matrix functions that several fits share."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import linalg

Array: TypeAlias = npt.NDArray[np.floating[Any]]
"""Float64; which axes it has is said where it is used: matrices ``[latent, latent]`` act on row vectors."""

ComplexArray: TypeAlias = npt.NDArray[np.complexfloating[Any, Any]]

IntArray: TypeAlias = npt.NDArray[np.int64]


def polar(matrix: Array) -> Array:
    """The orthogonal matrix nearest to a square one: it maximises tr(Qᵀ M) (Schönemann 1966).

    Args:
        matrix: ``[d, d]``, or a stack of those.
    """
    left, _, right = np.linalg.svd(matrix)
    nearest: Array = left @ right
    return nearest


def symmetric(matrix: Array) -> Array:
    """The symmetric part."""
    return (matrix + np.swapaxes(matrix, -1, -2)) / 2


def random_orthogonal(dim: int, generator: np.random.Generator) -> Array:
    """An orthogonal matrix, uniform in the Haar measure (Mezzadri 2007)."""
    Q, R = linalg.qr(generator.standard_normal((dim, dim)))
    haar: Array = Q * np.sign(np.diag(R))
    return haar
