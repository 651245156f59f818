"""Parameter expressions: what may stand between the brackets of ``rotate(a + b)``.

An expression is a Laurent polynomial with rational coefficients, kept in one canonical form, so that two expressions
are equal exactly when they compare equal. That covers additive families (``a + b``), multiplicative ones (``a * b``,
``1 / a``) and conjugation (``-a``), which is all that family laws need.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from functools import cached_property
from typing import TypeAlias, Union

MAX_DIGITS = 300
"""Digits before and after the point of a number: whatever is larger is no float either."""
MAX_TERMS = 100
"""Terms of a sum, and factors of a product."""
_MAX_BITS = 1000

Monomial: TypeAlias = tuple[tuple[str, int], ...]
"""Variables with their non-zero exponents, sorted by name; ``()`` is the constant monomial."""


class Truth(Enum):
    """A truth value as an argument: Python takes ``True`` for the number 1, which is another argument."""

    TRUE = True
    FALSE = False


Value: TypeAlias = Union[Fraction, "Expression", str, Truth, tuple["Value", ...], None]
"""An argument of a symbol. Numbers are always `Fraction`; an `Expression` has at least one variable."""


@dataclass(frozen=True)
class Expression:
    """A sum of monomials with rational coefficients; build it with `variable` and arithmetic.

    Examples:
        >>> a, b = variable("a"), variable("b")
        >>> str(a + b - a)
        'b'
    """

    terms: tuple[tuple[Monomial, Fraction], ...]

    @cached_property
    def variables(self) -> frozenset[str]:
        """The variables that occur."""
        return frozenset(name for monomial, _ in self.terms for name, _ in monomial)

    def __str__(self) -> str:
        text = ""
        for monomial, coefficient in self.terms:
            sign = "-" if coefficient < 0 else "+"
            body = _monomial_text(monomial, abs(coefficient))
            text += f" {sign} {body}" if text else (f"-{body}" if sign == "-" else body)
        return text or "0"

    def __add__(self, other: "Expression | Fraction") -> "Expression | Fraction":
        return add(self, other)

    def __sub__(self, other: "Expression | Fraction") -> "Expression | Fraction":
        return add(self, negate(other))

    def __mul__(self, other: "Expression | Fraction") -> "Expression | Fraction":
        return multiply(self, other)

    def __neg__(self) -> "Expression | Fraction":
        return negate(self)


Number: TypeAlias = Fraction | Expression


def variable(name: str) -> Expression:
    """The expression that is just the variable `name`."""
    return Expression(((((name, 1),), Fraction(1)),))


def value(raw: object) -> Value:
    """Bring a Python object into the canonical form of an argument.

    Floats are read as their shortest decimal, so that ``0.1`` is one tenth exactly and prints as it was typed.

    Raises:
        TypeError: The object is none of number, text, truth value, None, tuple or list of such, or a number is not
            finite or has more than `MAX_DIGITS` digits.
    """
    if isinstance(raw, bool):
        return Truth(raw)
    if raw is None or isinstance(raw, Truth | str):
        return raw
    if isinstance(raw, Fraction):
        return _in_digits(raw)
    if isinstance(raw, Expression):
        return raw if raw.variables else _collapse(dict(raw.terms))
    if isinstance(raw, int):
        return _in_digits(Fraction(raw))
    if isinstance(raw, float):
        if raw != raw or raw in (float("inf"), float("-inf")):
            raise TypeError(f"{raw} is not a finite number")
        return _in_digits(Fraction(repr(float(raw))))  # NumPy's floats are floats that print otherwise
    if isinstance(raw, tuple | list):
        return tuple(value(item) for item in raw)
    if hasattr(raw, "item"):  # numpy and torch scalars
        return value(raw.item())
    raise TypeError(f"{raw!r} cannot stand in a word; use numbers, text, True, False, None or tuples of them")


def add(left: Number, right: Number) -> Number:
    """The sum, in canonical form.

    Raises:
        ValueError: It has too many digits or terms.
    """
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return _bounded(left + right)
    terms = _terms(left)
    for monomial, coefficient in _terms(right).items():
        terms[monomial] = terms.get(monomial, Fraction(0)) + coefficient
    return _collapse(terms)


def negate(number: Number) -> Number:
    """The negative, in canonical form."""
    if isinstance(number, Fraction):
        return -number
    return _collapse({monomial: -coefficient for monomial, coefficient in _terms(number).items()})


def multiply(left: Number, right: Number) -> Number:
    """The product, in canonical form.

    Raises:
        ValueError: It has too many digits or terms.
    """
    if isinstance(left, Fraction) and isinstance(right, Fraction):
        return _bounded(left * right)
    terms: dict[Monomial, Fraction] = {}
    for first, x in _terms(left).items():
        for second, y in _terms(right).items():
            powers = dict(first)
            for name, exponent in second:
                powers[name] = powers.get(name, 0) + exponent
            monomial = tuple(sorted((name, exponent) for name, exponent in powers.items() if exponent))
            terms[monomial] = terms.get(monomial, Fraction(0)) + x * y
    return _collapse(terms)


def divide(left: Number, right: Number) -> Number:
    """The quotient by a number or a single monomial.

    Raises:
        ZeroDivisionError: The divisor is zero.
        ValueError: The divisor is a sum, whose reciprocal is no Laurent polynomial, or the quotient is too large.
    """
    terms = _terms(right)
    if not terms:
        raise ZeroDivisionError("division by zero")
    if len(terms) > 1:
        raise ValueError("can only divide by a number or a product of variables")
    ((monomial, coefficient),) = terms.items()
    reciprocal = {tuple((name, -exponent) for name, exponent in monomial): 1 / coefficient}
    return multiply(left, _collapse(reciprocal))


def difference(left: Value, right: Value) -> Number | None:
    """``left - right``, or None where either is no number."""
    if isinstance(left, Fraction | Expression) and isinstance(right, Fraction | Expression):
        return add(left, negate(right))
    return None


def substitute(expression: Value, bindings: Mapping[str, Value]) -> Value:
    """Replace variables by values.

    Raises:
        ZeroDivisionError: A variable with a negative exponent becomes zero.
        TypeError: A variable inside arithmetic is bound to something that is not a number.
        ValueError: The result has too many digits or terms.
    """
    if isinstance(expression, tuple):
        return tuple(substitute(item, bindings) for item in expression)
    if not isinstance(expression, Expression) or expression.variables.isdisjoint(bindings):
        return expression
    single = as_variable(expression)
    if single is not None:
        return bindings[single]
    total: Number = Fraction(0)
    for monomial, coefficient in expression.terms:
        product: Number = coefficient
        for name, exponent in monomial:
            factor = bindings.get(name, variable(name))
            if not isinstance(factor, Fraction | Expression):
                raise TypeError(f"{name} stands in arithmetic and cannot be {factor!r}")
            for _ in range(abs(exponent)):
                product = multiply(product, factor) if exponent > 0 else divide(product, factor)
        total = add(total, product)
    return total


def variables_of(argument: Value) -> frozenset[str]:
    """The variables that occur in an argument."""
    if isinstance(argument, Expression):
        return argument.variables
    if isinstance(argument, tuple):
        return frozenset().union(*(variables_of(item) for item in argument))
    return frozenset()


def as_variable(argument: Value) -> str | None:
    """The variable's name if `argument` is just a variable, else None."""
    if isinstance(argument, Expression) and len(argument.terms) == 1:
        ((monomial, coefficient),) = argument.terms
        if coefficient == 1 and len(monomial) == 1 and monomial[0][1] == 1:
            return monomial[0][0]
    return None


def value_text(argument: Value) -> str:
    """Print an argument so that parsing it gives the same argument again."""
    if isinstance(argument, Truth):
        return argument.name.lower()
    if argument is None:
        return "none"
    if isinstance(argument, Fraction):
        return _fraction_text(argument)
    if isinstance(argument, str):
        return "'" + argument.replace("\\", "\\\\").replace("'", "\\'") + "'"
    if isinstance(argument, tuple):
        inner = ", ".join(value_text(item) for item in argument)
        return f"({inner},)" if len(argument) == 1 else f"({inner})"
    return str(argument)


def to_python(argument: Value) -> object:
    """The plain Python object an augmentation's function receives: int, float, str, bool, None or tuple."""
    if isinstance(argument, Fraction):
        return argument.numerator if argument.denominator == 1 else float(argument)
    if isinstance(argument, tuple):
        return tuple(to_python(item) for item in argument)
    if isinstance(argument, Expression):
        raise TypeError(f"{argument} has a variable without a value")
    return argument.value if isinstance(argument, Truth) else argument


def _terms(number: Number) -> dict[Monomial, Fraction]:
    if isinstance(number, Expression):
        return dict(number.terms)
    return {(): number} if number else {}


def _collapse(terms: Mapping[Monomial, Fraction]) -> Number:
    kept = {monomial: _bounded(coefficient) for monomial, coefficient in terms.items() if coefficient}
    if len(kept) > MAX_TERMS or any(sum(abs(power) for _, power in monomial) > MAX_TERMS for monomial in kept):
        raise ValueError(f"this expression has more than {MAX_TERMS} terms or factors")
    if not kept:
        return Fraction(0)
    if set(kept) == {()}:
        return kept[()]
    return Expression(tuple(sorted(kept.items(), key=lambda term: (not term[0], term[0]))))


def _bounded(number: Fraction) -> Fraction:
    if _too_long(number):
        raise ValueError(f"this number has more than {MAX_DIGITS} digits")
    return number


def _in_digits(number: Fraction) -> Fraction:
    if _too_long(number):
        raise TypeError(f"a number in a word has at most {MAX_DIGITS} digits")
    return number


def _too_long(number: Fraction) -> bool:
    return number.numerator.bit_length() > _MAX_BITS or number.denominator.bit_length() > _MAX_BITS


def _monomial_text(monomial: Monomial, coefficient: Fraction) -> str:
    above = [name for name, exponent in monomial for _ in range(exponent)]
    below = [name for name, exponent in monomial for _ in range(-exponent)]
    if coefficient.numerator != 1 or not above:
        above.insert(0, str(coefficient.numerator))
    if coefficient.denominator != 1:
        below.insert(0, str(coefficient.denominator))
    return " * ".join(above) + "".join(f" / {name}" for name in below)


def _fraction_text(number: Fraction) -> str:
    if number.denominator == 1:
        return str(number.numerator)
    twos = fives = 0
    rest = number.denominator
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return f"{number.numerator}/{number.denominator}"
    places = max(twos, fives)
    digits = str(abs(number.numerator) * 10**places // number.denominator).rjust(places + 1, "0")
    return f"{'-' if number < 0 else ''}{digits[:-places]}.{digits[-places:]}"
