"""Irreducible real representations of a finite group, computed from its multiplication table.

Matrices act on row vectors, so that the product in a group whose elements are applied from left to right is the product
of the matrices in the same order.
"""

from dataclasses import dataclass

import numpy as np

from augalgebra.errors import FitError
from augalgebra.operators.groups.arrays import Array
from augalgebra.operators.groups.finite_group import FiniteGroup

ATTEMPTS = 8


@dataclass(frozen=True, eq=False)
class Irrep:
    """An irreducible real representation by orthogonal matrices.

    Attributes:
        matrices: ``[n, k, k]``, one for each element of the group.
        endomorphisms: Dimension of the algebra of matrices that commute with all of them: 1 (real type), 2 (complex)
            or 4 (quaternionic).
    """

    matrices: Array
    endomorphisms: int

    @property
    def dim(self) -> int:
        """Its dimension k."""
        return len(self.matrices[0])

    @property
    def character(self) -> Array:
        """The traces, ``[n]``."""
        traces: Array = np.trace(self.matrices, axis1=1, axis2=2)
        return traces


def real_irreps(group: FiniteGroup) -> tuple[Irrep, ...]:
    """All of them, the trivial one first, then by dimension and character.

    The space of functions on the group is cut into the eigenspaces of a generic symmetric matrix that commutes with
    the regular representation; each is irreducible (Dixon 1970 gives the complex case), and every irreducible
    representation occurs among them. Which of the equivalent matrices come out does not depend on chance.

    Raises:
        FitError: The eigenspaces could not be told apart in float64 (the group is too large).
    """
    for attempt in range(ATTEMPTS):
        found = _distinct(_eigenspaces(group, np.random.default_rng(attempt)), group)
        if found is not None:
            return found
    raise FitError(f"the representations of a group of {len(group)} elements could not be computed")


def _eigenspaces(group: FiniteGroup, generator: np.random.Generator) -> list[Array]:
    """Orthonormal bases ``[n, k]`` of invariant subspaces of the regular representation."""
    size = len(group)
    commuting = np.zeros((size, size))
    for element, weight in enumerate(generator.standard_normal(size)):
        # the map h ↦ element · h commutes with all h ↦ h · g
        commuting[np.arange(size), group.table[element]] += weight
    values, vectors = np.linalg.eigh(commuting + commuting.T)
    cuts = np.flatnonzero(np.diff(values) > 1e-8 * max(1.0, float(np.abs(values).max()))) + 1
    return np.split(vectors, cuts, axis=1)


def _distinct(spaces: list[Array], group: FiniteGroup) -> tuple[Irrep, ...] | None:
    """One representation of each kind; None if some subspace was not irreducible after all."""
    size = len(group)
    found: dict[tuple[float, ...], Irrep] = {}
    for basis in spaces:
        # row vectors: e_h · R(g) = e_{hg}, so the matrix of g has entries sum_h B[h, i] B[hg, j]
        matrices = np.einsum("hi,hgj->gij", basis, basis[group.table])
        character = np.trace(matrices, axis1=1, axis2=2)
        endomorphisms = round(float(character @ character) / size)
        key = tuple(np.round(character, 6) + 0.0)
        if endomorphisms not in (1, 2, 4):
            return None
        if key not in found:
            found[key] = Irrep(_in_standard_basis(matrices), endomorphisms)
    if sum(irrep.dim**2 // irrep.endomorphisms for irrep in found.values()) != size:
        return None
    return tuple(found[key] for key in sorted(found, key=lambda key: (found[key].dim, [-x for x in key])))


def _in_standard_basis(matrices: Array) -> Array:
    """The same representation in a basis that only the group determines, where it can be determined.

    The first vector is one that as few others as possible share the symmetry of; the rest are its images, made
    orthonormal. That gives signs and permutations (exact in floating point) whenever the group allows it.
    """
    dim = matrices.shape[1]
    if dim == 1:
        return np.round(matrices)
    fixed = [_fixed_space(matrix) for matrix in matrices]
    smallest = min((space for space in fixed if len(space)), key=len)
    basis = np.zeros((0, dim))
    for vector in smallest[0] @ matrices:
        rest = vector - (vector @ basis.T) @ basis
        rest -= (rest @ basis.T) @ basis
        if np.linalg.norm(rest) > 1e-6:
            basis = np.vstack([basis, rest / np.linalg.norm(rest)])
    result: Array = basis @ matrices @ basis.T
    halves = np.round(2 * result) / 2
    return np.where(np.abs(result - halves) < 1e-10, halves + 0.0, result)


def _fixed_space(matrix: Array) -> Array:
    """Orthonormal rows that span the vectors which an orthogonal matrix leaves as they are."""
    left, values, _ = np.linalg.svd(matrix - np.eye(len(matrix)))
    return left[:, values < 1e-6].T
