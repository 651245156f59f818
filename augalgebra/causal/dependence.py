"""Maximal and total information coefficient: how much one number tells of another, whatever the shape of the relation.

These are MICe and TICe of Reshef et al. 2016 (https://jmlr.org/papers/v17/15-308.html). The plane is cut into a grid:
one axis into parts of equal numbers of samples, the other, with fewer parts, wherever most is told. What is told is
the mutual information over the largest there could be. MIC is that of the best grid, TIC the mean of all.
"""

import math
from typing import Any, TypeAlias

import numpy as np
from scipy.special import xlogy
from scipy.stats import rankdata

from augalgebra.errors import AugalgebraError

Numbers: TypeAlias = np.ndarray[Any, np.dtype[Any]]

FEWEST = 10
"""Samples that there must be."""
_EXPONENT = 0.6  # grids have at most n to this power cells
_CANDIDATES = 5  # borders that are tried for each part


def information_coefficients(first: Numbers, second: Numbers) -> tuple[float, float]:
    """MIC and TIC of two numbers for each sample, both from 0 to 1.

    Args:
        first: One of them, ``[sample]``.
        second: The other.

    Raises:
        AugalgebraError: They are too few, of different length, or not finite.

    Examples:
        >>> numbers = np.linspace(-1, 1, 200)
        >>> round(information_coefficients(numbers, numbers**3)[0], 3)
        1.0
    """
    first, second = (np.asarray(values, np.float64) for values in (first, second))
    if first.shape != second.shape or first.ndim != 1 or len(first) < FEWEST:
        raise AugalgebraError(f"information coefficients need two rows of at least {FEWEST} numbers, of equal length")
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise AugalgebraError("information coefficients need finite numbers")
    most = max(4, int(len(first) ** _EXPONENT))
    told = []
    for one, other in ((first, second), (second, first)):
        for equal in range(2, most // 2 + 1):
            fewer = min(equal, most // equal)
            if fewer >= 2:
                told += _best_grids(one, _equal_parts(other, equal), fewer)
    return max(told), float(np.mean(told))


def _equal_parts(values: Numbers, parts: int) -> Numbers:
    """The part of each sample, where parts have about as many samples and equal values share one."""
    found: Numbers = np.minimum(((rankdata(values) - 0.5) * parts / len(values)).astype(int), parts - 1)
    return found


def _best_grids(free: Numbers, rows: Numbers, most: int) -> list[float]:
    """For each number of parts of the free axis from 2 to `most`: what the best of them tell of the rows, at most 1."""
    pieces = np.unique(_equal_parts(free, _CANDIDATES * most), return_inverse=True)[1]
    counts = np.zeros((rows.max() + 1, pieces.max() + 2))
    np.add.at(counts, (rows, pieces + 1), 1)
    before = counts.cumsum(1) / len(free)  # share of each row up to each border
    borders = before.shape[1]
    inside = (before[:, None, :] - before[:, :, None]).clip(min=0)  # [row, from, to]
    whole = inside.sum(0)
    # what the samples between two borders contribute to the entropy of the rows, once their part is known
    left = xlogy(whole, whole) - xlogy(inside, inside).sum(0)
    left[np.tril_indices(borders, -1)] = np.inf
    entropy = -float(xlogy(before[:, -1], before[:, -1]).sum())
    told, best = [], left[0]
    for parts in range(2, most + 1):
        best = (best[:, None] + left).min(0)  # the last part begins at any border
        told.append(min(1.0, max(0.0, entropy - float(best[-1])) / math.log(parts)))
    return told
