"""A few relations from which all others of a closure follow."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from augalgebra.algebra.froidure_pin import Closure, Indices
from augalgebra.algebra.laws import Law
from augalgebra.algebra.presentation import Presentation
from augalgebra.algebra.rewriting.completion import complete
from augalgebra.algebra.rewriting.system import RewritingSystem
from augalgebra.algebra.words import Letter, Symbol, Word

# partial presentations are often infinite, and then completion does not end by itself
MAX_RULES = 100
MAX_STEPS = 2_000
MAX_COMPLETIONS = 30


class Relation(NamedTuple):
    """An equation between two words in a closure's generators."""

    lhs: Indices
    rhs: Indices


def relations(closure: Closure) -> tuple[Relation, ...]:
    """Relations that imply all that were found, familiar ones preferred.

    Generators that are words in others come first, then periods and exponents, commuting pairs and the rules of the
    closure; one that follows from those taken already is left out, and so, at the end, is one that follows from the
    rest. What follows is decided by completions with a bound, so that now and then a superfluous relation is kept; none
    that is needed is ever left out.

    Examples:
        >>> from augalgebra.algebra.froidure_pin import ExactFinder, close
        >>> mirror_and_turn = close(2, lambda g, s: tuple(s[i] for i in [(1, 0, 3, 2), (1, 2, 3, 0)][g]),
        ...                         (0, 1, 2, 3), ExactFinder(tuple))
        >>> [(relation.lhs, relation.rhs) for relation in relations(mirror_and_turn)]
        [((0, 0), ()), ((1, 1, 1, 1), ()), ((1, 0, 1), (0,))]
    """
    reasoner = _Reasoner(closure.right.shape[1])
    kept: list[Relation] = []
    for relation in dict.fromkeys(_candidates(closure)):
        if not reasoner.follows(relation, kept):
            kept.append(relation)
    for relation in kept[::-1]:
        rest = [other for other in kept if other != relation]
        if reasoner.has_budget and reasoner.follows(relation, rest):
            kept = rest
    return tuple(kept)


class _Reasoner:
    """Says what follows from relations, with a budget of completions."""

    def __init__(self, generators: int) -> None:
        self.symbols = tuple(map(_symbol, range(generators)))
        self.completions = 0
        self._premises: list[Relation] = []
        self._system: RewritingSystem | None = None

    @property
    def has_budget(self) -> bool:
        return self.completions < MAX_COMPLETIONS

    def follows(self, relation: Relation, premises: Sequence[Relation]) -> bool:
        """Whether a relation is seen to follow; out of budget, from the premises known before."""
        if premises and premises != self._premises and self.has_budget:
            self.completions += 1
            self._premises = list(premises)
            laws = tuple(Law(_word(lhs), _word(rhs)) for lhs, rhs in premises)
            self._system = complete(Presentation(self.symbols, laws), max_rules=MAX_RULES, max_steps=MAX_STEPS)
        if not premises or self._system is None:
            return False
        lhs, rhs = (self._system.normal_form(_word(side)) for side in relation)
        return lhs == rhs


def _candidates(closure: Closure) -> Iterator[Relation]:
    generators = range(closure.right.shape[1])
    definitions = [Relation(*rule) for rule in closure.rules if len(rule[0]) == 1]
    yield from definitions
    for generator in generators:
        cycle = closure.cycle(generator)
        if cycle is not None and ((generator,), ()) not in definitions:
            yield Relation((generator,) * (cycle.index + cycle.period), (generator,) * cycle.index)
    for second in generators:
        for first in range(second):
            there, back = closure.find((first, second)), closure.find((second, first))
            if there is not None and there == back:
                yield Relation((first, second), (second, first))
    yield from (Relation(*rule) for rule in closure.rules)


def _word(indices: Indices) -> Word:
    return Word.from_letters(Letter(_symbol(index)) for index in indices)


def _symbol(index: int) -> Symbol:
    # numbers of equal length, so that the alphabetical order is that of the generators
    return Symbol(f"g{index:04d}")
