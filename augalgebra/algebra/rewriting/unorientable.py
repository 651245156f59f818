"""Equations that no reduction order makes rules: period relations and commutations.

``f(a) = f(a + c)`` makes a parameter periodic, and ``f(a) * f(b) = f(b) * f(a)`` lets neighbours be sorted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from augalgebra.algebra.expressions import Value, as_variable, difference, variables_of
from augalgebra.algebra.rewriting.alphabet import Alphabet
from augalgebra.algebra.rewriting.equations import Equation, tidy


@dataclass(frozen=True, eq=False)
class PeriodRelation:
    """A proved equation ``f(?0) = f(?0 + amount)``, by which one argument counts up to multiples only.

    Attributes:
        shape: The shape of the letter.
        place: Which argument it is.
        fixed: Other arguments that must have these values for the equation to hold.
        amount: By how much the argument moves.
        equation: The equation.
    """

    shape: int
    place: int
    fixed: Mapping[int, Value]
    amount: Fraction
    equation: Equation

    def applies(self, arguments: tuple[Value, ...]) -> bool:
        """Whether the other arguments are as they must be."""
        return all(arguments[place] == item for place, item in self.fixed.items())


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
    return PeriodRelation(alphabet.shapes[code], moved[0], fixed, amount, equation)


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
