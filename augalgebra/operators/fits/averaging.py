"""Making a fitted operator obey laws that are linear in it, given exact operators of a group."""

from collections.abc import Sequence

import numpy as np

from augalgebra.algebra.rewriting.system import RewritingSystem
from augalgebra.algebra.words import IDENTITY, Word
from augalgebra.operators.groups.arrays import Array
from augalgebra.operators.groups.finite_group import FiniteGroup

Sides = tuple[int, int]
"""Elements p, q of the group with p · b · q = b."""


def linear_symmetries(system: RewritingSystem, operator: Word, group: FiniteGroup) -> list[Sides]:
    """All (p, q) with p · b · q = b that follow from laws g · b = b · q about generators g.

    Commuting with g gives (g⁻¹, g); ``flip_lr * shear_x(a) = shear_x(-a) * flip_lr`` gives nothing, since it speaks of
    two different operators.

    Args:
        system: The laws about b and the group.
        operator: b.
        group: The group.
    """
    after = [system.normal_form(operator * element) for element in group.elements]
    found: set[Sides] = set()
    for element, number in [(IDENTITY, 0), *group.generators.items()]:
        form = system.normal_form(element * operator)
        found.update((int(group.inverses[number]), q) for q, other in enumerate(after) if other == form)
    closed = {(0, 0)}
    frontier = [(0, 0)]
    while frontier:
        p, q = frontier.pop()
        for a, b in found:
            product = (int(group.table[a, p]), int(group.table[q, b]))  # a (p b q) b
            if product not in closed:
                closed.add(product)
                frontier.append(product)
    return sorted(closed)


def average(operator: Array, symmetries: Sequence[Sides], representation: Array) -> Array:
    """The mean of π(p) L π(q): the nearest matrix to L that has these symmetries.

    For a closed orbit, whose second moment commutes with π, averaging a least-squares fit gives the least-squares fit
    under the laws. For commuting with everything it is n⁻¹ Σ_g π(g)⁻¹ L π(g).

    Args:
        operator: L, ``[d, d]`` in the coordinates of π.
        symmetries: Closed under products, see `linear_symmetries`.
        representation: π, ``[n, d, d]``.
    """
    total: Array = np.zeros_like(operator)
    for p, q in symmetries:
        total += representation[p] @ operator @ representation[q]
    return total / len(symmetries)
