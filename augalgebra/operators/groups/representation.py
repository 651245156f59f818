"""Orthogonal representations of a finite group with a given number of coordinates."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from augalgebra.algebra.words import Word
from augalgebra.errors import FitError
from augalgebra.operators.groups.arrays import Array, IntArray
from augalgebra.operators.groups.finite_group import FiniteGroup
from augalgebra.operators.groups.irreps import Irrep, real_irreps


@dataclass(frozen=True, eq=False)
class Representation:
    """One orthogonal matrix for each element of a finite group.

    Attributes:
        group: The group.
        matrices: ``[n, latent, latent]``; matrix of i @ matrix of j = matrix of i · j.
        multiplicities: How often each irreducible representation (in the order of `real_irreps`) occurs.
    """

    group: FiniteGroup
    matrices: Array
    multiplicities: tuple[int, ...]

    @property
    def dim(self) -> int:
        """Number of coordinates."""
        return len(self.matrices[0])

    @property
    def generators(self) -> dict[Word, Array]:
        """The matrix of each generator."""
        return {word: self.matrices[number] for word, number in self.group.generators.items()}

    def __call__(self, word: Word) -> Array:
        """The matrix of a word in the generators, ``[latent, latent]``.

        Raises:
            MissingOperatorError: The word has a letter that is no generator.
        """
        matrix: Array = self.matrices[self.group.number(word)]
        return matrix


def build_representation(group: FiniteGroup, dim: int) -> Representation:
    """Fill `dim` coordinates as evenly as the group allows: as near to copies of the regular representation as can be.

    In these coordinates the operators are fixed and need no fit; an encoder can be trained around them.

    Args:
        group: The group.
        dim: Number of coordinates; any.

    Returns:
        A representation in blocks, one irreducible representation after the other. Where the group allows it the
        entries are 0 and ±1, so that every relation holds exactly even in float32.

    Examples:
        For two commuting flips and 16 coordinates: signs, four coordinates for each of the four characters.
    """
    irreps = real_irreps(group)
    evenly = np.zeros(len(group))
    evenly[0] = dim
    return assemble(group, irreps, nearest_multiplicities(irreps, evenly, dim))


def regular_representation(
    table: Sequence[Sequence[int]] | IntArray, elements: Sequence[Word], generators: Sequence[Word], dim: int
) -> Representation:
    """The same from a Cayley table: see `build_representation`.

    Args:
        table: The number of row · column.
        elements: A word for each row.
        generators: Words that occur among the elements.
        dim: Number of coordinates.

    Raises:
        FitError: It is not the table of a group.
    """
    return build_representation(FiniteGroup.from_table(generators, elements, table), dim)


def assemble(group: FiniteGroup, irreps: Sequence[Irrep], multiplicities: Sequence[int]) -> Representation:
    """The sum of irreducible representations with given multiplicities, in blocks."""
    blocks = [irrep.matrices for irrep, times in zip(irreps, multiplicities, strict=True) for _ in range(times)]
    matrices = np.stack([linalg.block_diag(*(block[i] for block in blocks)) for i in range(len(group))])
    return Representation(group, matrices, tuple(multiplicities))


def nearest_multiplicities(irreps: Sequence[Irrep], character: Array, dim: int) -> tuple[int, ...]:
    """The multiplicities whose character is nearest to a given one, with dimensions that add up to `dim`.

    Characters of irreducible representations are orthogonal with squared length `Irrep.endomorphisms` (in the mean
    over the group), so this is a sum of one parabola for each of them.

    Args:
        irreps: All irreducible representations.
        character: ``[n]``.
        dim: The dimension to fill.
    """
    wanted = [float(irrep.character @ character) / len(character) / irrep.endomorphisms for irrep in irreps]
    gains = [
        [-irrep.endomorphisms * (times - want) ** 2 for times in range(dim // irrep.dim + 1)]
        for irrep, want in zip(irreps, wanted, strict=True)
    ]
    return best_multiplicities(irreps, gains, dim)[0][1]


def best_multiplicities(
    irreps: Sequence[Irrep], gains: Sequence[Sequence[float]], dim: int, most: int = 1
) -> list[tuple[float, tuple[int, ...]]]:
    """Multiplicities with the largest total gain among those that fill `dim` exactly (dynamic programming).

    Args:
        irreps: Irreducible representations.
        gains: For each of them, what 0, 1, 2, … copies are worth.
        dim: The dimension to fill.
        most: How many choices are wanted.

    Returns:
        Total gain and multiplicities, best first; of equal ones those with more of the earlier representations.

    Raises:
        FitError: Nothing fills it.
    """
    best: dict[int, list[tuple[float, tuple[int, ...]]]] = {0: [(0.0, ())]}
    for irrep, gain in reversed(list(zip(irreps, gains, strict=True))):
        longer: dict[int, list[tuple[float, tuple[int, ...]]]] = {}
        for used, choices in best.items():
            for times in range(min(len(gain), (dim - used) // irrep.dim + 1)):
                extended = longer.setdefault(used + times * irrep.dim, [])
                # rounding makes ties that sums in another order would break by chance real ties
                extended.extend((round(total + gain[times], 9), (times, *chosen)) for total, chosen in choices)
        best = {size: sorted(choices, reverse=True)[:most] for size, choices in longer.items()}
    if dim not in best:
        raise FitError(f"no sum of irreducible representations has dimension {dim}")
    return best[dim]
