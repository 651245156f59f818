"""Orthogonal operators one by one: nearest, involutions, operators of a given period."""

import numpy as np
from scipy import linalg

from augalgebra.operators.groups.arrays import Array, polar, symmetric


def procrustes(cross: Array) -> Array:
    """The orthogonal Q that minimises mean ‖z Q - z'‖²: polar(M) (Schönemann 1966).

    Args:
        cross: M = mean zᵀ z' in whitened coordinates, ``[d, d]``.
    """
    return polar(cross)


def involution(cross: Array) -> Array:
    """The symmetric orthogonal Q nearest to M: the sign of its symmetric part, so that Q² = I.

    Args:
        cross: M, which is symmetric already where the views are closed under the operator.
    """
    values, vectors = np.linalg.eigh(symmetric(cross))
    signs = np.where(values < 0, -1.0, 1.0)
    nearest: Array = (vectors * signs) @ vectors.T
    return nearest


def period(cross: Array, order: int) -> Array:
    """An orthogonal Q near M with Qⁿ = I: polar(M) with its eigen-angles rounded to multiples of 2π/n.

    Args:
        cross: M, ``[d, d]``.
        order: n.
    """
    if order == 2:
        return involution(cross)
    T, V = linalg.schur(polar(cross), output="real")
    rounded: Array = V @ round_angles(T, order) @ V.T
    return rounded


def round_angles(form: Array, order: int) -> Array:
    """Round the blocks of an orthogonal matrix in real Schur form to n-th roots of unity.

    -1 alone is no root of unity of odd order; two of them are turned together by the nearest angle there is, and one
    that is left over becomes 1.

    Args:
        form: Quasi-triangular, ``[d, d]``; orthogonal, hence blocks of size 1 and 2 on the diagonal.
        order: n.
    """
    dim = len(form)
    result = np.zeros_like(form)
    negative: list[int] = []
    index = 0
    while index < dim:
        if index + 1 < dim and abs(form[index + 1, index]) > 1e-12:
            angle = np.arctan2(
                form[index, index + 1] - form[index + 1, index], form[index, index] + form[index + 1, index + 1]
            )
            turn = 2 * np.pi / order * np.round(angle * order / (2 * np.pi))
            result[index : index + 2, index : index + 2] = rotation(turn)
            index += 2
            continue
        result[index, index] = np.sign(form[index, index])
        if order % 2 and form[index, index] < 0:
            negative.append(index)
        index += 1
    turn = 2 * np.pi / order * (order // 2)
    for first, second in zip(negative[::2], negative[1::2], strict=False):
        result[np.ix_([first, second], [first, second])] = rotation(turn)
    if len(negative) % 2:
        result[negative[-1], negative[-1]] = 1.0
    return result


def rotation(angle: float) -> Array:
    """[[cos, sin], [-sin, cos]]: turns row vectors from the first axis towards the second."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, sin], [-sin, cos]])
