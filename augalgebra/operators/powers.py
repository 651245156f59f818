"""Real powers of operators, through the spectrum: half a quarter turn, a third of a shear."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from augalgebra.errors import FitError, NotInvertibleError
from augalgebra.operators.fits.affine import AffineMap
from augalgebra.operators.groups.arrays import Array

NEGATIVE_TOLERANCE = 1e-6
"""Angle to the negative real axis below which an eigenvalue counts as lying on it."""
CLUSTER = 1e-3
"""Relative distance up to which negative eigenvalues count as one, which may be partners."""
ZERO_TOLERANCE = 1e-6
"""Eigenvalues below this fraction of the norm count as zero; what is nilpotent has some of the order of √ε."""


@dataclass(frozen=True, eq=False)
class RealPower:
    """A real power of an operator.

    Attributes:
        map: The power.
        one_parameter: Whether power s times power t is power s + t for all real s and t.
        reason: Why not; empty if so.
    """

    map: AffineMap
    one_parameter: bool
    reason: str


def real_power(operator: AffineMap, exponent: float) -> RealPower:
    """The operator to a real power.

    Positive and complex eigenvalues are raised by the principal logarithm. A pair of equal negative ones turns by πt in
    a plane. Negative eigenvalues without a partner have no real logarithm (Culver 1966): there the power is
    |λ|ᵗ cos(πt), as in half a flip = P₊ + cos(πt) P₋; it fits at whole t, and is labelled as not a one-parameter group.

    Args:
        operator: The operator.
        exponent: t.

    Raises:
        NotInvertibleError: t is negative and the operator is singular.
        FitError: The operator forgets only after several steps (it is nilpotent somewhere): it has no real powers.
    """
    lifted = operator.matrix if operator.is_linear else operator.homogeneous
    power, alone = _power(lifted, exponent)
    reason = ""
    if alone:
        which = "-1" if alone.all_minus_one else "a negative eigenvalue"
        reason = (
            f"{which} has multiplicity {alone.multiplicity} without a partner in the spectrum, so there is no real "
            "logarithm; its part is scaled by cos(πt)"
        )
    result = AffineMap.linear(power) if operator.is_linear else AffineMap.from_homogeneous(power)
    return RealPower(result, not alone, reason)


@dataclass(frozen=True)
class _Alone:
    multiplicity: int
    all_minus_one: bool


def _power(matrix: Array, exponent: float) -> tuple[Array, _Alone | None]:
    scale = max(float(np.linalg.norm(matrix, 2)), np.finfo(float).tiny)
    alone: list[_Alone] = []

    def zero(block: Array) -> Array:
        if exponent < 0:
            raise NotInvertibleError(
                f"the operator has rank {len(matrix) - len(block)} of {len(matrix)} and no negative powers; "
                "ask for the pseudo-inverse by name if that will do"
            )
        if np.linalg.norm(block) > ZERO_TOLERANCE * scale:
            raise FitError("the operator is nilpotent on a part of the latent space and has no real powers there")
        return np.eye(len(block)) if exponent == 0 else np.zeros_like(block)

    def negative(block: Array) -> Array:
        values = np.linalg.eigvals(block)
        least = float(values.real.min())

        def is_least(re: float, im: float) -> bool:
            return bool(np.hypot(re - least, im) <= CLUSTER * abs(least))

        if not all(is_least(value.real, value.imag) for value in values):
            return _split(block, is_least, negative, negative)  # different values are partners of none but their own
        size = len(block)
        radius = float(-np.trace(block)) / size
        uniform = bool(np.linalg.norm(block + radius * np.eye(size)) < 1e-6 * radius * np.sqrt(size))
        stretched = _principal(-block, exponent)
        if size % 2 == 0 and uniform:
            turn = linalg.block_diag(*[np.array([[0.0, 1.0], [-1.0, 0.0]])] * (size // 2))
            turned: Array = stretched * np.cos(np.pi * exponent) + stretched @ turn * np.sin(np.pi * exponent)
            return turned
        alone.append(_Alone(size, uniform and abs(radius - 1) < 1e-6))
        shrunk: Array = stretched * np.cos(np.pi * exponent)
        return shrunk

    def is_zero(re: float, im: float) -> bool:
        return bool(np.hypot(re, im) <= ZERO_TOLERANCE * scale)

    def is_negative(re: float, im: float) -> bool:
        return bool(re < 0 and abs(im) <= NEGATIVE_TOLERANCE * abs(re))

    def rest(block: Array) -> Array:
        return _split(block, is_negative, negative, lambda other: _principal(other, exponent))

    return _split(matrix, is_zero, zero, rest), alone[0] if alone else None


def _split(
    matrix: Array,
    chosen: Callable[[float, float], bool],
    inside: Callable[[Array], Array],
    outside: Callable[[Array], Array],
) -> Array:
    """Apply one function to the invariant subspace of the chosen eigenvalues, another to that of the others."""
    T, V, count = linalg.schur(matrix, output="real", sort=chosen)
    if count in (0, len(matrix)):
        return inside(matrix) if count else outside(matrix)
    first, second = T[:count, :count], T[count:, count:]
    # V [[f(A), f(A) X - X g(B)], [0, g(B)]] Vᵀ, where A X - X B is the upper right block (Golub and Van Loan, §9.1.4)
    X = linalg.solve_sylvester(first, -second, T[:count, count:])
    upper, lower = inside(first), outside(second)
    result = linalg.block_diag(upper, lower)
    result[:count, count:] = upper @ X - X @ lower
    power: Array = V @ result @ V.T
    return power


def _principal(matrix: Array, exponent: float) -> Array:
    """The principal power, real because no eigenvalue is negative."""
    power: Array = np.real(linalg.fractional_matrix_power(matrix, exponent))
    return power
