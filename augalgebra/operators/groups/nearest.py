"""Exact representations of a finite group near measured operators, and the readout that follows them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from augalgebra.operators.groups.arrays import Array, polar, random_orthogonal, symmetric
from augalgebra.operators.groups.finite_group import FiniteGroup
from augalgebra.operators.groups.irreps import Irrep, real_irreps
from augalgebra.operators.groups.representation import (
    Representation,
    assemble,
    best_multiplicities,
    nearest_multiplicities,
)
from augalgebra.seeds import numpy_generator

RESTARTS = 4
SEARCHED = 32
"""Most dimensions in which random starts are tried. In 128, after four epochs on photographs, eight of them took two
thirds of the time and ended at the same agreement to six digits as the start that the projections suggest."""
CANDIDATES = 12
"""Most multiplicities that are tried."""
FINALISTS = 2
"""Of those, how many get random starts too."""
GOOD_ENOUGH = 1e-4
"""Agreement that is not worth searching for."""
MAX_STEPS = 300
SCOUTING_STEPS = 60
CONVERGED = 1e-12


@dataclass(frozen=True, eq=False)
class RepresentationFit:
    """A representation near measured operators.

    Attributes:
        representation: π; all relations of the group hold to rounding error.
        agreement: Mean over the group of tr(M_gᵀ π(g)) / d; 1 where the measured operators are the representation.
        basis: U, ``[d, d]``, in whose columns π is a sum of irreducible representations.
    """

    representation: Representation
    agreement: float
    basis: Array


def nearest_representation(
    operators: Array,
    group: FiniteGroup,
    *,
    seed: int = 0,
    restarts: int = RESTARTS,
    multiplicities: tuple[int, ...] | None = None,
) -> RepresentationFit:
    """The representation of a group nearest to one measured matrix for each of its elements.

    For given multiplicities of the irreducible representations, with π₀ their sum, U ← polar(Σ_g M_g U π₀(g)ᵀ) climbs
    the agreement Σ_g tr(M_gᵀ U π₀(g) Uᵀ) / nd. M_g of closed orbits are blocks of a permutation representation, so that
    it is convex in U and no step leads down; for other M_g the identity is given enough extra weight to ensure that.
    The multiplicities nearest to the characters tr M_g are tried, and those with the largest upper bounds of what they
    can reach, until nothing that is left can be better.

    Args:
        operators: M, ``[n, d, d]`` in whitened coordinates; M of the inverse of an element is Mᵀ of the element.
        group: The group of n elements.
        seed: Seed of the random starts.
        restarts: How many random starts there are besides the one that the isotypic projections suggest, in up to
            `SEARCHED` dimensions.
        multiplicities: Those to keep to, if no others shall be tried.
    """
    copies = [_Copies.of(operators, irrep) for irrep in real_irreps(group)]
    fits: list[RepresentationFit] = []
    candidates = _candidates(operators, copies) if multiplicities is None else [(np.inf, multiplicities)]
    for bound, choice in candidates:
        if fits and fits[0].agreement >= bound - GOOD_ENOUGH:
            continue
        first = polar(np.hstack([item.columns(times) for item, times in zip(copies, choice, strict=True)]))
        model = assemble(group, [item.irrep for item in copies], choice)
        fits.append(_climb(operators, model, first, SCOUTING_STEPS))
        fits.sort(key=lambda fit: -fit.agreement)
    generator = numpy_generator(seed)
    starting = restarts if operators.shape[1] <= SEARCHED else 0
    for scout in fits[:FINALISTS]:
        model = assemble(group, [item.irrep for item in copies], scout.representation.multiplicities)
        starts = [scout.basis, *(random_orthogonal(model.dim, generator) for _ in range(starting))]
        fits.extend(_climb(operators, model, start, MAX_STEPS) for start in starts)
    return max(fits, key=lambda fit: fit.agreement)


@dataclass(frozen=True, eq=False)
class _Copies:
    """Where the measured operators have copies of one irreducible representation, best first.

    Attributes:
        irrep: The representation ρ, of dimension k and with e endomorphisms.
        values: Eigenvalues of V ↦ n⁻¹ Σ_g M_g V ρ(g)ᵀ on matrices V ``[d, k]``, largest first. Were M a representation,
            they would be 1 (e times for each copy) and 0.
        vectors: The eigenvectors, ``[d k, d, k]``.
    """

    irrep: Irrep
    values: Array
    vectors: Array

    @classmethod
    def of(cls, operators: Array, irrep: Irrep) -> "_Copies":
        size, dim, _ = operators.shape
        mean = np.einsum("gab,gij->aibj", operators, irrep.matrices) / size
        values, vectors = np.linalg.eigh(symmetric(mean.reshape(dim * irrep.dim, -1)))
        return cls(irrep, values[::-1], vectors.T[::-1].reshape(-1, dim, irrep.dim))

    def bounds(self) -> list[float]:
        """The most that 0, 1, 2, … copies can add to d times the agreement, whatever else there is."""
        repeats = self.irrep.endomorphisms
        totals = np.concatenate([[0.0], np.cumsum(self.values)]) * self.irrep.dim / repeats
        return [float(totals[times * repeats]) for times in range(self.vectors.shape[1] // self.irrep.dim + 1)]

    def columns(self, times: int) -> Array:
        """Columns for some copies, ``[d, times k]``."""
        best = self.vectors[:: self.irrep.endomorphisms][:times] * np.sqrt(self.irrep.dim)
        columns: Array = best.transpose(1, 0, 2).reshape(best.shape[1], -1)
        return columns


def _candidates(operators: Array, copies: Sequence[_Copies]) -> list[tuple[float, tuple[int, ...]]]:
    """Multiplicities worth trying, with upper bounds of the agreement they can reach."""
    dim = operators.shape[1]
    bounds = [item.bounds() for item in copies]
    irreps = [item.irrep for item in copies]
    nearest = nearest_multiplicities(irreps, np.trace(operators, axis1=1, axis2=2), dim)
    total = sum(bound[times] for bound, times in zip(bounds, nearest, strict=True))
    promising = best_multiplicities(irreps, bounds, dim, CANDIDATES)
    return [(bound / dim, choice) for bound, choice in dict.fromkeys([(round(total, 9), nearest), *promising])]


def _climb(operators: Array, model: Representation, start: Array, most: int) -> RepresentationFit:
    size, dim, _ = operators.shape
    wide = operators.transpose(1, 0, 2).reshape(dim, size * dim)
    tall = model.matrices.transpose(0, 2, 1)
    U, shift, best = start, 0.0, -np.inf
    for _ in range(most):
        pulled = wide @ (U @ tall).reshape(size * dim, dim)
        score = float(np.einsum("ij,ij->", U, pulled)) / (size * dim)
        if score < best - CONVERGED:
            shift = 2 * shift + size * 0.1  # not convex: lean on the identity, whose term is constant
        elif score < best + CONVERGED:
            break
        best = max(best, score)
        U = polar(pulled + shift * U)
    matrices = U @ model.matrices @ U.T
    agreement = float(np.einsum("gij,gij->", operators, matrices)) / (size * dim)
    return RepresentationFit(Representation(model.group, matrices, model.multiplicities), agreement, U)


def readout(operators: Array, sources: Array, weights: Array, representation: Representation) -> Array:
    """What, applied once after π of a whole word, recovers most of the latent error that exactness costs.

    The least-squares solution of z π(g) K ≈ z' over all g at once: (Σ_g w_g π(g)ᵀ S_g π(g))⁻¹ Σ_g w_g π(g)ᵀ M_g. For
    closed orbits, where S_g = I, that is n⁻¹ Σ_g π(g)ᵀ M_g.

    Args:
        operators: M, ``[n, d, d]`` in whitened coordinates.
        sources: S, the second moments of what each element was measured on, ``[n, d, d]``.
        weights: How many pairs of views each element was measured on, ``[n]``.
        representation: π.
    """
    matrices = representation.matrices
    turned = matrices.transpose(0, 2, 1)
    solution: Array = np.linalg.solve(
        np.einsum("g,gij->ij", weights, turned @ sources @ matrices),
        np.einsum("g,gij->ij", weights, turned @ operators),
    )
    return solution
