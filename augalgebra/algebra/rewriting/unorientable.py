"""Equations that no reduction order makes rules: period relations and commutations.

``f(a) = f(a + c)`` makes a parameter periodic, and ``f(a) * f(b) = f(b) * f(a)`` lets neighbours be sorted.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import gcd
from typing import NamedTuple

from augalgebra.algebra.expressions import Expression, Value, add, as_variable, difference, variables_of
from augalgebra.algebra.rewriting.alphabet import Alphabet, Codes
from augalgebra.algebra.rewriting.equations import Derivation, Equation, Step, reverse, tidy
from augalgebra.algebra.unification import Period


class Term(NamedTuple):
    """A proved equation ``f(?0) = f(?0 + amount)``, and how often it is used (backwards if less than 0 times)."""

    equation: Equation
    amount: Fraction
    times: int


@dataclass(frozen=True, eq=False)
class PeriodRelation:
    """That one argument of a letter counts up to multiples of an amount only.

    Attributes:
        shape: The shape of the letter.
        place: Which argument it is.
        fixed: Other arguments that must have these values.
        amount: By how much the argument moves.
        terms: The equations that prove it: one, or for a common divisor of periods all that add up to it.
    """

    shape: int
    place: int
    fixed: Mapping[int, Value]
    amount: Fraction
    terms: tuple[Term, ...]

    def applies(self, arguments: tuple[Value, ...]) -> bool:
        """Whether the other arguments are as they must be."""
        return all(arguments[place] == item for place, item in self.fixed.items())

    def with_other(self, other: "PeriodRelation") -> "PeriodRelation | None":
        """The relation by the greatest common divisor of both amounts, if they can be about one letter."""
        apart = any(other.fixed.get(place, item) != item for place, item in self.fixed.items())
        if (self.shape, self.place) != (other.shape, other.place) or apart:
            return None
        scale = self.amount.denominator * other.amount.denominator
        amount = Fraction(gcd(int(self.amount * scale), int(other.amount * scale)), scale)
        mine, theirs = int(self.amount / amount), int(other.amount / amount)
        first = pow(mine, -1, abs(theirs))  # first * mine + second * theirs = 1
        first -= abs(theirs) if 2 * first > abs(theirs) else 0
        second = (1 - first * mine) // theirs
        terms = (
            *(term._replace(times=term.times * first) for term in self.terms),
            *(term._replace(times=term.times * second) for term in other.terms),
        )
        return PeriodRelation(self.shape, self.place, {**self.fixed, **other.fixed}, amount, terms)

    def steps(self, alphabet: Alphabet, code: int, times: int) -> Iterator[Step]:
        """The steps that move the argument of a letter by so many times the amount."""
        arguments = alphabet.arguments[code]
        here = arguments[self.place]
        for equation, amount, count in self.terms:
            often = times * count
            if not often:
                continue
            names = [as_variable(item) for item in alphabet.arguments[equation.lhs[0]]]
            bindings = {name: item for name, item in zip(names, arguments, strict=True) if name is not None}
            there = plus(here, often * amount)
            bindings[str(names[self.place])] = here if often > 0 else there
            yield Step(equation, often > 0, 0, bindings, abs(often))
            here = there


class Periods:
    """The periods of letters' arguments, and letters in canonical form: with arguments that are as small as can be.

    Attributes:
        relations: What was stated, in the order in which it was found.
        common: What follows from two of those: relations by the greatest common divisors of their amounts.
    """

    def __init__(self, alphabet: Alphabet) -> None:
        self.relations: list[PeriodRelation] = []
        self.common: list[PeriodRelation] = []
        self._alphabet = alphabet
        self._canonical: dict[int, tuple[int, Derivation]] = {}

    def copy(self) -> "Periods":
        """Periods that can be added to on their own."""
        other = Periods(self._alphabet)
        other.relations, other.common = list(self.relations), list(self.common)
        return other

    def add(self, relation: PeriodRelation) -> list[Equation]:
        """Take in one more relation.

        Returns:
            The equations of relations that were about values which are reduced now, to be stated anew.
        """
        for other in (*self.relations, *self.common):
            common = relation.with_other(other)
            if common is not None and common.amount not in (abs(relation.amount), abs(other.amount)):
                self.common.append(common)
        self.relations.append(relation)
        self._canonical.clear()
        equations = [term.equation for one in self.relations for term in one.terms]
        stale = [equation for equation in equations if self.canonical(equation.lhs[0])[0] != equation.lhs[0]]
        if stale:
            self.relations, self.common = (
                [one for one in those if not any(term.equation in stale for term in one.terms)]
                for those in (self.relations, self.common)
            )
            self._canonical.clear()
        return stale

    def of(self, *words: Iterable[int]) -> list[Period]:
        """The periods of all arguments of a word, in one list; of several words, the smallest that one has."""
        if not self.relations:
            return [None for code in words[0] for _ in self._alphabet.arguments[code]]
        found: list[Period] = []
        for codes in zip(*words, strict=True):
            for place in range(len(self._alphabet.arguments[codes[0]])):
                periods = [self._period(code, place) for code in codes]
                found.append(min((period for period in periods if period is not None), default=None))
        return found

    def canonical(self, code: int) -> tuple[int, Derivation]:
        """The letter with every argument that has a period brought into ``(-period/2, period/2]``, and the steps."""
        found = self._canonical.get(code)
        if found is None:
            reached, steps, place = code, list[Step](), 0
            while place < len(self._alphabet.arguments[code]):
                distance = self._distance(reached, place)
                if not distance:
                    place += 1
                    continue
                relation = next(one for one in self._applying(reached, place) if distance % one.amount == 0)
                steps += relation.steps(self._alphabet, reached, int(distance / relation.amount))
                arguments = list(self._alphabet.arguments[reached])
                arguments[place] = plus(arguments[place], distance)
                reached, place = self._alphabet.with_arguments(reached, tuple(arguments)), 0  # others may depend on it
            found = self._canonical[code] = reached, tuple(steps)
        return found

    def steps(self, codes: Codes, wanted: Codes, position: int) -> Derivation | None:
        """The steps from letters at a position to others that differ by periods only; None if there are none."""
        steps: list[Step] = []
        for place, (code, other) in enumerate(zip(codes, wanted, strict=True), start=position):
            if code != other:
                (middle, there), (same, back) = self.canonical(code), self.canonical(other)
                if middle != same:
                    return None
                steps += (step._replace(position=place) for step in (*there, *reverse(back)))
        return tuple(steps)

    def _applying(self, code: int, place: int) -> list[PeriodRelation]:
        shape, arguments = self._alphabet.shapes[code], self._alphabet.arguments[code]
        return [
            relation
            for relation in (*self.relations, *self.common)
            if relation.shape == shape and relation.place == place and relation.applies(arguments)
        ]

    def _period(self, code: int, place: int) -> Period:
        return min((abs(relation.amount) for relation in self._applying(code, place)), default=None)

    def _distance(self, code: int, place: int) -> Fraction:
        """By how much an argument moves so that its constant part comes into ``(-period/2, period/2]``."""
        argument, period = self._alphabet.arguments[code][place], self._period(code, place)
        if period is None or not isinstance(argument, Fraction | Expression):
            return Fraction(0)
        constant = argument if isinstance(argument, Fraction) else dict(argument.terms).get((), Fraction(0))
        least = constant % period
        return least - constant - (period if 2 * least > period else 0)


def plus(argument: Value, amount: Fraction) -> Value:
    """An argument moved by an amount.

    Raises:
        TypeError: The argument is no number.
    """
    if not isinstance(argument, Fraction | Expression):
        raise TypeError(f"{argument!r} is no number")
    return add(argument, amount)


def as_period_relation(alphabet: Alphabet, given: Equation) -> PeriodRelation | None:
    """The period relation that an equation is, if it says that a family repeats itself in one of its arguments."""
    equation = tidy(alphabet, given.lhs, given)
    if equation is None or len(equation.lhs) != 1 or len(equation.rhs) != 1 or not _is_general(equation):
        return None
    (code,), (other,) = equation.lhs, equation.rhs
    old, new = alphabet.arguments[code], alphabet.arguments[other]
    moved = [place for place, item in enumerate(old) if item != new[place]]
    fixed = {place: item for place, item in enumerate(old) if not variables_of(item)}
    names = [as_variable(item) for place, item in enumerate(old) if place not in fixed]
    if len(moved) != 1 or None in names or len(set(names)) < len(names):
        return None
    amount = difference(new[moved[0]], old[moved[0]])
    if not isinstance(amount, Fraction) or moved[0] in fixed:
        return None
    return PeriodRelation(alphabet.shapes[code], moved[0], fixed, amount, (Term(equation, amount, 1),))


def as_commutation(alphabet: Alphabet, given: Equation) -> Equation | None:
    """The equation with its variables renamed, if it says that a family commutes with itself."""
    equation = tidy(alphabet, given.lhs, given)
    if equation is None or len(equation.lhs) != 2 or equation.rhs != equation.lhs[::-1] or not _is_general(equation):
        return None
    shape, other = alphabet.shapes_of(equation.lhs)
    first, second = ([as_variable(item) for item in alphabet.arguments[code]] for code in equation.lhs)
    names = [*first, *(two for one, two in zip(first, second, strict=False) if one != two)]
    return equation if shape == other and None not in names and len(set(names)) == len(names) else None


def _is_general(equation: Equation) -> bool:
    """Whether it holds for all values of its variables, and for every picture."""
    return not (equation.nonzero or equation.conditions)
