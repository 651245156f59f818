"""Matching and unifying the arguments of parametrised laws.

Arguments are Laurent polynomials, text, truth values, None and tuples of these. Equations between polynomials are
solved where a variable occurs in one term only and to the power 1 or -1, which covers the additive, multiplicative
and conjugation laws that families declare; whatever lies beyond is reported as undecided, never guessed.
"""

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple, TypeAlias

from augalgebra.algebra import expressions
from augalgebra.algebra.expressions import Expression, Monomial, Number, Value, substitute, variable
from augalgebra.algebra.words import Letter

Bindings: TypeAlias = dict[str, Value]
Period: TypeAlias = Fraction | None
"""The modulus of an argument, if its family repeats itself."""

_UNKNOWN = "?"  # cannot be typed as a name, so it collides with no variable of a subject
_MEANINGLESS = (ZeroDivisionError, ValueError, TypeError)  # what substituting into arithmetic may raise


class Undecided(Exception):  # noqa: N818 - it is an answer between functions of the engine, not an error
    """The equation between arguments is beyond what is solved here."""


class Unifier(NamedTuple):
    """The most general solution of equations between arguments.

    Attributes:
        bindings: The value of every variable that was solved for.
        nonzero: Variables that must not be zero for the solution to make sense.
    """

    bindings: Bindings
    nonzero: frozenset[str]


def agree(left: Value, right: Value, period: Period = None) -> bool:
    """Whether two arguments are equal, up to multiples of the period."""
    if left == right:
        return True
    if period is None:
        return False
    gap = expressions.difference(left, right)
    return isinstance(gap, Fraction) and gap % period == 0


def match(patterns: Sequence[Value], subjects: Sequence[Value], periods: Sequence[Period]) -> Bindings | None:
    """Bind the variables of the patterns so that they become the subjects.

    The subjects' own variables are opaque constants, and may have the same names as variables of the patterns.

    Returns:
        The bindings, or None when there are none (or none that can be found by solving for one variable at a time).
    """
    bindings: Bindings = {}
    waiting = list(zip(patterns, subjects, periods, strict=True))
    while waiting:
        stuck: list[tuple[Value, Value, Period]] = []
        for pattern, subject, period in waiting:
            if isinstance(pattern, tuple):
                if not isinstance(subject, tuple) or len(pattern) != len(subject):
                    return None
                stuck.extend((item, other, None) for item, other in zip(pattern, subject, strict=True))
                continue
            agreed = _match_one(pattern, subject, period, bindings)
            if agreed is False:
                return None
            if agreed is None:
                stuck.append((pattern, subject, period))
        if stuck == waiting:
            return None
        waiting = stuck
    return bindings


def match_letters(patterns: Sequence[Letter], letters: Sequence[Letter]) -> Bindings | None:
    """Bind the variables of some letters so that they become the others."""
    left: list[Value] = []
    right: list[Value] = []
    for (pattern, formal), (symbol, inverse) in zip(patterns, letters, strict=True):
        given, wanted = dict(symbol.kwargs), dict(pattern.kwargs)
        kind = (symbol.name, inverse, len(symbol.args), given.keys())
        if kind != (pattern.name, formal, len(pattern.args), wanted.keys()):
            return None
        left += (*pattern.args, *wanted.values())
        right += (*symbol.args, *given.values())
    return match(left, right, [None] * len(left))


def _match_one(pattern: Value, subject: Value, period: Period, bindings: Bindings) -> bool | None:
    """Whether the argument matches (then `bindings` grows); None when too many variables are still open."""
    if not isinstance(pattern, Expression):
        return agree(pattern, subject, period)
    unbound = [name for name in pattern.variables if name not in bindings]
    if len(unbound) > 1:
        return None
    try:
        if not unbound:
            return agree(substitute(pattern, bindings), subject, period)
        if expressions.as_variable(pattern) is None:
            opened = substitute(pattern, {**bindings, unbound[0]: variable(_UNKNOWN)})
            gap = expressions.difference(opened, subject)
            found = None if gap is None else solve(gap, _UNKNOWN)
            if found is None:
                return False
            subject = found
    except (*_MEANINGLESS, Undecided):
        return False
    bindings[unbound[0]] = subject
    return True


def solve(equation: Number, name: str) -> Number | None:
    """Solve ``equation = 0`` for one variable, treating the others as non-zero where they divide.

    Returns:
        The value, or None when there is none.

    Raises:
        Undecided: The variable does not occur in exactly one term, to the power 1 or -1.
    """
    coefficient, exponent, rest = _isolate(equation, name)
    if exponent == 1:
        return expressions.divide(expressions.negate(rest), coefficient)
    if rest == 0:
        return None
    if isinstance(rest, Expression) and len(rest.terms) > 1:
        raise Undecided
    return expressions.divide(coefficient, expressions.negate(rest))


def unify(left: Sequence[Value], right: Sequence[Value], periods: Sequence[Period]) -> Unifier | None:
    """Make two lists of arguments equal; all variables on both sides may be bound.

    With a period, one solution stands for all that differ from it by multiples of the period.

    Returns:
        The most general unifier, or None when there is none.

    Raises:
        Undecided: A most general unifier could not be found.
    """
    bindings: Bindings = {}
    nonzero: set[str] = set()
    waiting = list(zip(left, right, periods, strict=True))[::-1]
    while waiting:
        first, second, period = waiting.pop()
        try:
            first, second = substitute(first, bindings), substitute(second, bindings)
        except ZeroDivisionError:
            return None
        except (ValueError, TypeError):
            raise Undecided from None
        if isinstance(first, tuple) and isinstance(second, tuple):
            if len(first) != len(second):
                return None
            waiting.extend((a, b, None) for a, b in zip(first, second, strict=True))
            continue
        gap = expressions.difference(first, second)
        if isinstance(gap, Fraction):
            if gap == 0 or (period is not None and gap % period == 0):
                continue
            return None
        solved = _bound(first, second) if gap is None else _pivot(gap, period, nonzero)
        if solved is None:
            if gap is None and first == second:
                continue
            return None
        name, found = solved
        try:
            bindings = {key: substitute(item, {name: found}) for key, item in bindings.items()}
        except ZeroDivisionError:
            return None
        except (ValueError, TypeError):
            raise Undecided from None
        bindings[name] = found
    required = carry_nonzero(nonzero, bindings)
    return None if required is None else Unifier(bindings, required | denominators(bindings.values()))


def _bound(first: Value, second: Value) -> tuple[str, Value] | None:
    """The variable that one of two arguments is, and the other argument as its value."""
    for one, other in ((first, second), (second, first)):
        name = expressions.as_variable(one)
        if name is not None and name not in expressions.variables_of(other):
            return name, other
    return None


def _pivot(equation: Expression, period: Period, nonzero: set[str]) -> tuple[str, Value] | None:
    """Choose a variable of ``equation = 0`` to solve for, such that no solution is lost."""
    choices: list[tuple[int, str]] = []
    for name in sorted(equation.variables):
        try:
            coefficient, exponent, _ = _isolate(equation, name)
        except Undecided:
            continue
        if exponent == 1 and isinstance(coefficient, Fraction):
            choices.append((0 if abs(coefficient) == 1 else 1, name))
    if choices:
        quality, name = min(choices)
        if quality and period is not None:  # dividing a multiple of the period gives further solutions
            raise Undecided
        return name, _solution(equation, name)
    constant = dict(equation.terms).get((), Fraction(0))
    if period is None and constant and len(equation.terms) == 2:  # a product of powers equals a number
        ((monomial, _),) = [term for term in equation.terms if term[0]]
        for name, exponent in monomial:
            if abs(exponent) == 1:
                nonzero.update(other for other, _ in monomial)
                return name, _solution(equation, name)
    if period is None and len(equation.terms) == 1 and all(power < 0 for _, power in equation.terms[0][0]):
        return None  # a reciprocal is never zero
    raise Undecided


def _solution(equation: Expression, name: str) -> Number:
    found = solve(equation, name)
    if found is None:
        raise Undecided
    return found


def carry_nonzero(names: Iterable[str], bindings: Mapping[str, Value]) -> frozenset[str] | None:
    """The variables that must not be zero once `bindings` replace the variables `names`, which must not be.

    Returns:
        The variables, or None when one of `names` becomes zero.

    Raises:
        Undecided: One becomes a sum, of which no single variable can be blamed.
    """
    required: set[str] = set()
    for name in names:
        bound = bindings.get(name, variable(name))
        if bound == 0:
            return None
        if isinstance(bound, Expression):
            if len(bound.terms) > 1:
                raise Undecided
            required |= bound.variables
    return frozenset(required)


def denominators(arguments: Iterable[Value]) -> frozenset[str]:
    """The variables that some argument divides by."""
    found: set[str] = set()
    for argument in arguments:
        if isinstance(argument, tuple):
            found |= denominators(argument)
        elif isinstance(argument, Expression):
            found.update(name for monomial, _ in argument.terms for name, power in monomial if power < 0)
    return frozenset(found)


def reparametrise(arguments: Iterable[Value], nonzero: frozenset[str]) -> Bindings:
    """A change of variables, losing no value, after which as many arguments as possible are plain variables.

    ``f(a + 90) * x = g(a)`` becomes ``f(a) * x = g(a - 90)``, so that matching ``f`` binds its variable at once.

    Args:
        arguments: What should become plain, most important first.
        nonzero: The variables that are known not to be zero.
    """
    bindings: Bindings = {}
    settled: set[str] = set()
    for argument in _flat(arguments):
        current = substitute(argument, bindings)
        if not isinstance(current, Expression):
            continue
        for name in sorted(current.variables - settled):
            change = _change(current, name, nonzero)
            if change is not None:
                bindings = {key: substitute(item, {name: change}) for key, item in bindings.items()}
                bindings.setdefault(name, change)
                settled.add(name)
                break
    return bindings


def _change(argument: Expression, name: str, nonzero: frozenset[str]) -> Number | None:
    """The value of the variable at which the argument becomes that variable itself."""
    try:
        coefficient, exponent, rest = _isolate(argument, name)
    except Undecided:
        return None
    if not isinstance(coefficient, Fraction):
        return None
    if exponent == 1 and (rest == 0 or name not in nonzero):
        return expressions.divide(expressions.add(variable(name), expressions.negate(rest)), coefficient)
    if exponent == -1 and rest == 0:
        return expressions.divide(coefficient, variable(name))
    return None


def _isolate(equation: Number, name: str) -> tuple[Number, int, Number]:
    """Write an expression as ``coefficient * name^exponent + rest``."""
    terms = equation.terms if isinstance(equation, Expression) else ()
    hits = [term for term in terms if any(other == name for other, _ in term[0])]
    if len(hits) != 1:
        raise Undecided
    ((monomial, number),) = hits
    exponent = dict(monomial)[name]
    if abs(exponent) != 1:
        raise Undecided
    others: Monomial = tuple(power for power in monomial if power[0] != name)
    coefficient = Expression(((others, number),)) if others else number
    rest = expressions.value(Expression(tuple(term for term in terms if term is not hits[0])))
    if not isinstance(rest, Fraction | Expression):
        raise TypeError(f"{rest!r} is no number")
    return coefficient, exponent, rest


def _flat(arguments: Iterable[Value]) -> Iterable[Value]:
    for argument in arguments:
        if isinstance(argument, tuple):
            yield from _flat(argument)
        else:
            yield argument
