"""Isotypic parts: the latent space cut into what each irreducible representation of a finite group acts on."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from augalgebra.algebra.words import Word
from augalgebra.operators.groups.arrays import Array
from augalgebra.operators.groups.finite_group import FiniteGroup
from augalgebra.operators.groups.irreps import Irrep, real_irreps

UNCHANGED = "unchanged"
"""Name of the part that no element of the group moves."""
_STILL = 1e-6


@dataclass(frozen=True, eq=False)
class IsotypicPart:
    """The part of a latent space on which a group acts by copies of one irreducible representation.

    Attributes:
        name: What the generators do to it, for people.
        irrep: The representation.
        projection: P, ``[latent, latent]`` on row vectors: z ↦ z @ P is the part of z.
        dim: Its dimension, the rank of P; 0 where the group does not act in this way.
    """

    name: str
    irrep: Irrep
    projection: Array
    dim: int

    @property
    def copies(self) -> int:
        """How often the irreducible representation occurs."""
        return self.dim // self.irrep.dim


def isotypic_parts(
    group: FiniteGroup, matrices: Array, display: Callable[[Word], str] = str
) -> tuple[IsotypicPart, ...]:
    """Cut the space on which a representation acts into its isotypic parts, the unchanged one first.

    P = k / (e n) Σ_g χ(g⁻¹) L_g for an irreducible real representation of dimension k, with e endomorphisms and
    character χ (Serre 1977, §2.6, for complex ones). These projections commute with all L_g, each product of two is
    zero, and they add up to the identity; all of that whatever the coordinates.

    Args:
        group: The group of n elements.
        matrices: L, ``[n, latent, latent]``, one for each element in its order.
        display: Shows a generator.

    Returns:
        A part for each irreducible representation, those of dimension 0 too.
    """
    irreps = real_irreps(group)
    parts = []
    for irrep, name in zip(irreps, _names(group, irreps, display), strict=True):
        weights = irrep.character[group.inverses] * (irrep.dim / irrep.endomorphisms / len(group))
        projection = np.einsum("g,gij->ij", weights, matrices)
        # the rank of a projection is its trace
        parts.append(IsotypicPart(name, irrep, projection, round(float(np.trace(projection)))))
    return tuple(parts)


def _names(group: FiniteGroup, irreps: tuple[Irrep, ...], display: Callable[[Word], str]) -> list[str]:
    """What the generators do to each irreducible representation; numbered where that does not tell them apart."""
    names = [
        _name({display(word): irrep.matrices[number] for word, number in group.generators.items()}) for irrep in irreps
    ]
    often, seen = Counter(names), Counter[str]()
    numbered = []
    for name in names:
        seen[name] += 1
        numbered.append(f"{name} ({seen[name]})" if often[name] > 1 else name)
    return numbered


def _name(actions: Mapping[str, Array]) -> str:
    identity = np.eye(len(next(iter(actions.values()))))
    moving = {name: matrix for name, matrix in actions.items() if np.abs(matrix - identity).max() > _STILL}
    turning = {name: matrix for name, matrix in moving.items() if np.abs(matrix @ matrix - identity).max() > _STILL}
    if not moving:
        return UNCHANGED
    if turning:
        return "turned by " + _listed([f"{name} ({_angle(matrix):.3g}°)" for name, matrix in turning.items()])
    if len(identity) == 1:
        return f"changed by {_listed(list(moving))}"
    return f"mixed by {_listed(list(moving))}"


def _angle(matrix: Array) -> float:
    """The smallest angle of an orthogonal matrix that turns anything, in degrees."""
    angles = np.abs(np.degrees(np.angle(np.linalg.eigvals(matrix))))
    return float(angles[(angles > _STILL) & (angles < 180 - _STILL)].min())


def _listed(names: list[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
