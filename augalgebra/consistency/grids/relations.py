"""How far operators on grids are from fulfilling the laws of what they stand for."""

import itertools
from collections.abc import Sequence
from typing import Protocol

from jaxtyping import Float
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog
from augalgebra.consistency.grids.report import RelationDefect
from augalgebra.consistency.relations import LONGEST, declared_relations, derived_relations
from augalgebra.errors import AugalgebraError

FEW = 5
"""Generators up to which equations between longer products are looked for; there would be too many else."""


class Operator(Protocol):
    """Moves codes."""

    def apply(self, codes: Float[Tensor, "batch code h w"]) -> Float[Tensor, "batch code h2 w2"]:
        """The codes under a word."""


class Operators(Protocol):
    """Knows the operator of a word."""

    def operator(self, word: Word, *, reduce: bool = True) -> Operator:
        """The operator of a word, which the laws may simplify first."""

    def reduced(self, word: Word) -> Word:
        """The word whose operator stands for a word."""


def relation_defects(
    operators: Operators, catalog: Catalog, generators: Sequence[Word], codes: Float[Tensor, "batch code h w"]
) -> tuple[RelationDefect, ...]:
    """‖a − b‖ / ‖b‖ for the two sides of every law between the generators, largest first.

    Both sides are multiplied out letter by letter, since an operator of a word is that of its normal form otherwise.
    Beside the laws stands for each product of two generators the operator that is kept for it.

    Args:
        operators: Knows the operator of a word.
        catalog: Knows the laws.
        generators: Single augmentations.
        codes: What is moved.
    """
    show = catalog.display

    def multiplied(word: Word) -> Tensor:
        moved = codes
        for letter in word.letters:
            moved = operators.operator(Word.from_letters([letter])).apply(moved)
        return moved

    def defect(one: Tensor, other: Tensor) -> float:
        return float((one - other).double().norm() / other.double().norm().clamp(min=1e-30))

    found = []
    longest = LONGEST if len(generators) <= FEW else 2
    derived, declared = derived_relations(catalog, generators, longest), declared_relations(catalog, generators)
    equations = {frozenset(sides): sides for sides in (*derived, *declared)}
    for lhs, rhs in equations.values():
        try:
            found.append(RelationDefect(f"{show(lhs)} = {show(rhs)}", defect(multiplied(lhs), multiplied(rhs))))
        except AugalgebraError:  # an inverse without an operator, or a size that changes on the way
            continue
    for first, second in itertools.product(generators, repeat=2):
        word = first * second
        try:
            distance = defect(operators.operator(word).apply(codes), multiplied(word))
        except AugalgebraError:
            continue
        found.append(RelationDefect(f"L({show(word)}) = L({show(first)}) L({show(second)})", distance, "composition"))
    return tuple(sorted(found, key=lambda item: -item.defect))
