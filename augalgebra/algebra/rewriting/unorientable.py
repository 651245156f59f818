"""Equations that no reduction order makes rules: period relations and commutations.

``f(a) = f(a + c)`` makes a parameter periodic, and ``f(a) * f(b) = f(b) * f(a)`` lets neighbours be sorted.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import gcd
from typing import NamedTuple

from augalgebra.algebra.expressions import Expression, Value, add, as_variable, difference, variables_of
from augalgebra.algebra.rewriting.alphabet import Alphabet
from augalgebra.algebra.rewriting.equations import Equation, Step, tidy


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
