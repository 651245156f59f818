"""How far operators are from fulfilling the laws of what they stand for."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog
from augalgebra.consistency.batches import Operator, Operators, unit_codes
from augalgebra.consistency.cases import Relabelling, words_up_to
from augalgebra.consistency.report import RelationResidual
from augalgebra.operators.operator import Operator as FittedOperator

LONGEST = 4
"""Letters on the longer side of an equation that is derived from the laws; declared ones may be of any length."""


def relation_residuals(
    operators: Operators,
    catalog: Catalog,
    generators: Sequence[Word],
    dim: int,
    relabelling: Relabelling | None = None,
) -> tuple[RelationResidual, ...]:
    """‖L(lhs) − L(rhs)‖_F / √d for every law between the generators, largest first.

    Both sides are multiplied out letter by letter: an operator source that simplifies words by the laws before it
    looks them up would otherwise fulfil them by construction. Readouts, which are applied once after a whole word and
    stand for nothing in the algebra, are left out. Beside the declared laws stand those that follow from
    them, and for each product of two generators the distance between the operator that is kept for it and the product
    of theirs (the composition defect).

    Args:
        operators: Knows the operator of a word.
        catalog: Knows the laws.
        generators: Single augmentations.
        dim: Number of latent coordinates.
        relabelling: The trained words that the generators stand for.
    """
    measured = _Residuals(operators, dim, relabelling or Relabelling(catalog))
    show = catalog.display
    found = []
    equations = {
        frozenset(sides): sides
        for sides in (*derived_relations(catalog, generators), *declared_relations(catalog, generators))
    }
    for lhs, rhs in equations.values():
        distance = measured.distance(measured.multiplied(lhs), measured.multiplied(rhs))
        found.append(RelationResidual(f"{show(lhs)} = {show(rhs)}", distance))
    for pair in itertools.product(generators, repeat=2):
        word = pair[0] * pair[1]
        distance = measured.distance(measured.kept(word), measured.multiplied(word))
        equation = f"L({show(word)}) = L({show(pair[0])}) L({show(pair[1])})"
        found.append(RelationResidual(equation, distance, "composition"))
    return tuple(sorted(found, key=lambda relation: -relation.residual))


def equation_residual(operators: Operators, catalog: Catalog, lhs: Word, rhs: Word, dim: int) -> float:
    """‖L(lhs) − L(rhs)‖_F / √d for one equation, both sides multiplied out letter by letter and without readouts.

    Raises:
        MissingOperatorError: A letter has no operator.
        NotInvertibleError: A side undoes what cannot be undone.
    """
    measured = _Residuals(operators, dim, Relabelling(catalog))
    return measured.distance(measured.multiplied(lhs), measured.multiplied(rhs))


def derived_relations(catalog: Catalog, generators: Sequence[Word], longest: int = LONGEST) -> list[tuple[Word, Word]]:
    """The equations between short products of the generators that follow from the laws, none from a shorter one.

    Args:
        catalog: Knows the laws.
        generators: Single augmentations.
        longest: Letters on the longer side.

    Examples:
        >>> from augalgebra import load_catalog
        >>> catalog = load_catalog()
        >>> flips = [catalog.word("flip_lr"), catalog.word("flip_ud")]
        >>> [f"{catalog.display(a)} = {catalog.display(b)}" for a, b in derived_relations(catalog, flips)]
        ['flip_lr^2 = id', 'flip_ud * flip_lr = flip_lr * flip_ud', 'flip_ud^2 = id']
    """
    system = catalog.system(*generators)
    first: dict[Word, Word] = {}
    reducible: set[tuple[object, ...]] = set()
    found = []
    for word in words_up_to(generators, longest):
        letters = word.letters
        parts = (letters[i:j] for i in range(len(letters)) for j in range(i + 1, len(letters) + 1))
        if any(part in reducible for part in parts):
            continue
        shortest = first.setdefault(system.normal_form(word), word)
        if shortest != word:
            reducible.add(letters)
            found.append((word, shortest))
    return found


def declared_relations(catalog: Catalog, generators: Sequence[Word]) -> Iterator[tuple[Word, Word]]:
    """The sides of each equation between the generators that is declared and counts."""
    symbols = {letter.symbol for generator in generators for letter in generator.letters}
    for law in catalog.laws:
        if law.is_equation and law.counts and symbols.issuperset(law.symbols):
            yield law.lhs, law.rhs


def without_readout(operator: Operator) -> Operator:
    """The operator without what is applied once after a whole word."""
    if isinstance(operator, FittedOperator) and any(factor.readout for factor in operator.factors):
        return replace(
            operator, factors=tuple(replace(factor, readout=None) for factor in operator.factors), _tensors={}
        )
    return operator


class _Residuals:
    """Operators of words as what they do to the origin and to each unit vector."""

    def __init__(self, operators: Operators, dim: int, relabelling: Relabelling) -> None:
        self._operators, self._dim, self._relabelling = operators, dim, relabelling

    def kept(self, word: Word) -> Float[Tensor, "row latent"]:
        """By the operator that the source has for the whole word."""
        return without_readout(self._operators.operator(self._relabelling(word))).apply(unit_codes(self._dim))

    def multiplied(self, word: Word) -> Float[Tensor, "row latent"]:
        """By the operators of its letters, one after the other, and by no readout."""
        codes = unit_codes(self._dim)
        for letter in self._relabelling(word).letters:
            codes = without_readout(self._operators.operator(Word.from_letters([letter]))).apply(codes)
        return codes

    def distance(self, one: Float[Tensor, "row latent"], other: Float[Tensor, "row latent"]) -> float:
        """Frobenius distance of the matrices, with the shift as a further row, over √d."""
        difference = (one - other).double()
        difference[:-1] -= difference[-1:].clone()
        return float(torch.linalg.matrix_norm(difference)) / math.sqrt(self._dim)
