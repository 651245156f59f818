"""Families of orthogonal operators that commute exactly, and one-parameter groups among them.

Commuting orthogonal matrices share an orthonormal basis V in which each is made of signs and plane rotations, over the
same axes and planes. The fits below alternate: given V the best signs and angles are known in closed form; given those,
V ← polar(Σ_k M_k V D_kᵀ + M_kᵀ V D_k) climbs Σ_k tr(M_kᵀ V D_k Vᵀ).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from scipy import linalg

from augalgebra.operators.groups.arrays import Array, ComplexArray, polar, symmetric
from augalgebra.seeds import numpy_generator

RESTARTS = 3
MAX_STEPS = 200
CONVERGED = 1e-9

Rounding: TypeAlias = Callable[[Array, ComplexArray], tuple[Array, ComplexArray]]
"""From what is measured on axes ``[k, axes]`` and on planes ``[k, planes]`` to what is allowed there."""


@dataclass(frozen=True, eq=False)
class Frame:
    """An orthonormal basis cut into axes and planes.

    Attributes:
        basis: V, ``[d, d]``; a pair of columns for each plane first, then a column for each axis.
        planes: Number of planes.
    """

    basis: Array
    planes: int

    def blocks(self, matrices: Array) -> tuple[Array, ComplexArray]:
        """What matrices ``[k, d, d]`` do on each axis, and on each plane as a complex number.

        Returns:
            The diagonal ``[k, axes]``, and a + ib ``[k, planes]`` for the nearest [[a, b], [-b, a]].
        """
        seen = self.basis.T @ matrices @ self.basis
        i = np.arange(0, 2 * self.planes, 2)
        turns = (seen[:, i, i] + seen[:, i + 1, i + 1]) / 2 + 1j * (seen[:, i, i + 1] - seen[:, i + 1, i]) / 2
        return np.diagonal(seen, axis1=1, axis2=2)[:, 2 * self.planes :], turns

    def diagonal(self, signs: Array, turns: ComplexArray) -> Array:
        """Block-diagonal matrices ``[k, d, d]`` of numbers on axes ``[k, axes]`` and on planes ``[k, planes]``."""
        result = np.zeros((len(signs), *self.basis.shape))
        i, j = np.arange(0, 2 * self.planes, 2), np.arange(2 * self.planes, len(self.basis))
        result[:, i, i] = result[:, i + 1, i + 1] = turns.real
        result[:, i, i + 1], result[:, i + 1, i] = turns.imag, -turns.imag
        result[:, j, j] = signs
        return result

    def matrices(self, signs: Array, turns: ComplexArray) -> Array:
        """Undo `blocks`, for matrices that have this frame."""
        turned: Array = self.basis @ self.diagonal(signs, turns) @ self.basis.T
        return turned


def fit_commuting(
    crosses: Sequence[Array], periods: Sequence[int | None], *, seed: int = 0, restarts: int = RESTARTS
) -> list[Array]:
    """Orthogonal matrices near measured ones that commute exactly, each with the period it is given.

    Args:
        crosses: M_k in whitened coordinates, ``[d, d]`` each.
        periods: For each of them n with Q^n = I, or None.
        seed: Seed of the random combinations whose Schur form gives the starts.
        restarts: Number of those.
    """

    def allowed(diagonals: Array, turns: ComplexArray) -> tuple[Array, ComplexArray]:
        signs, angles = np.where(diagonals < 0, -1.0, 1.0), np.angle(turns)
        for index, period in enumerate(periods):
            if period is not None:
                angles[index] = 2 * np.pi / period * np.round(angles[index] * period / (2 * np.pi))
                if period % 2:
                    signs[index] = 1.0
        return signs, np.exp(1j * angles)

    targets = [symmetric(cross) if period == 2 else cross for cross, period in zip(crosses, periods, strict=True)]
    frame, signs, turns = joint(targets, [1.0] * len(targets), allowed, seed=seed, restarts=restarts)
    return list(frame.matrices(signs, turns))


def joint(
    crosses: Sequence[Array],
    weights: Sequence[float],
    allowed: Rounding,
    *,
    seed: int,
    restarts: int = RESTARTS,
    planes_only: bool = False,
) -> tuple[Frame, Array, ComplexArray]:
    """The common frame in which allowed signs and turns come nearest to some matrices.

    Args:
        crosses: The matrices, ``[d, d]`` each.
        weights: How much each of them counts.
        allowed: Rounds what is measured on axes and planes.
        seed: Seed of the random combinations.
        restarts: Number of those.
        planes_only: Put axes together in pairs, as many as there are, where an axis could do nothing that a plane
            cannot.

    Returns:
        The frame, the signs ``[k, axes]`` and the turns ``[k, planes]``.
    """
    generator = numpy_generator(seed)
    scaled = np.stack([weight * cross for cross, weight in zip(crosses, weights, strict=True)])
    nearest = polar(np.stack(crosses))
    fits = []
    for _ in range(restarts):
        mixture = np.einsum("k,kij->ij", generator.standard_normal(len(crosses)), nearest)
        fits.append(_alternate(scaled, np.asarray(weights), _start(mixture, planes_only), allowed))
    _, frame, signs, turns = max(fits, key=lambda fit: fit[0])
    return frame, signs, turns


def _start(mixture: Array, planes_only: bool) -> Frame:
    T, V = linalg.schur(mixture, output="real")
    planes, axes, index = [], [], 0
    while index < len(T):
        if index + 1 < len(T) and T[index + 1, index]:
            planes += [index, index + 1]
            index += 1
        else:
            axes.append(index)
        index += 1
    if planes_only:  # -1 in a whole plane comes out as two axes
        axes.sort(key=lambda axis: float(T[axis, axis]))
        paired = len(axes) // 2 * 2
        planes, axes = planes + axes[:paired], axes[paired:]
    return Frame(V[:, planes + axes], len(planes) // 2)


def _alternate(
    crosses: Array, weights: Array, frame: Frame, allowed: Rounding
) -> tuple[float, Frame, Array, ComplexArray]:
    best = -np.inf
    shift = 0.0
    state: tuple[float, Frame, Array, ComplexArray] | None = None
    for _ in range(MAX_STEPS):
        diagonals, planes = frame.blocks(crosses)
        signs, turns = allowed(diagonals / weights[:, None], planes / weights[:, None])
        score = float((signs * diagonals).sum() + 2 * (turns.conj() * planes).real.sum())
        if score < best:
            shift = 2 * shift + float(weights.sum())  # the sum is not convex in V: lean on what there is
        elif score < best + CONVERGED * abs(best):
            break
        if state is None or score > best:
            best, state = score, (score, frame, signs, turns)
        D = frame.diagonal(signs, turns)
        V = frame.basis
        pulled = (crosses @ V @ D.transpose(0, 2, 1) + crosses.transpose(0, 2, 1) @ V @ D).sum(axis=0)
        frame = Frame(polar(pulled + shift * V), frame.planes)
    assert state is not None  # noqa: S101 - the loop runs at least once
    return state
