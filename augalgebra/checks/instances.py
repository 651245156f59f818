"""From a law that holds for all parameters to equations that can be tried on images."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from augalgebra.algebra import expressions
from augalgebra.algebra.expressions import Value
from augalgebra.algebra.laws import Law
from augalgebra.algebra.words import Symbol, Word
from augalgebra.augmentation import Augmentation
from augalgebra.catalog import Catalog
from augalgebra.errors import ParameterError
from augalgebra.parameters import REQUIRED, Param
from augalgebra.seeds import numpy_generator

DRAWS = 4
"""Parameter values that a law is tried at."""
MAX_ATTEMPTS = 100
"""Draws that may fall out of range before the law is given up."""
# where no range is declared the scale is unknown: small numbers, angles, shares, negative ones, a row for each attempt
_SCALES = (
    (2, 3, 1, 5),
    (30, 45, 20, 60),
    (Fraction(1, 2), Fraction(1, 4), Fraction(3, 4), Fraction(1, 5)),
    (-1, 4, -2, 6),
)
_SHARES = (2 / 3, 1 / 4, 9 / 10, 2 / 5)


@dataclass(frozen=True)
class Instance:
    """A law at fixed parameters.

    Attributes:
        bindings: Value of each variable.
        lhs: Left side without variables.
        rhs: Right side without variables.
    """

    bindings: Mapping[str, Value]
    lhs: Word
    rhs: Word


def instances(catalog: Catalog, law: Law, *, draws: int = DRAWS, seed: int = 0) -> Iterator[Instance]:
    """Try values for a law's variables, simple ones first.

    A variable takes values from the distribution or range of the parameter that it stands for. Every parameter of the
    instance then has to lie in its range, also such as ``a + b``; values that break that are drawn again.

    Args:
        catalog: Where the parameters are looked up.
        law: A law in canonical form.
        draws: How many instances; one if the law has no variables.
        seed: Seed of the random values.
    """
    if not law.variables:
        yield Instance({}, law.lhs, law.rhs)
        return
    params = {name: _param(catalog, law, name) for name in sorted(law.variables)}
    generator = numpy_generator(seed, len(params))
    seen: set[tuple[Value, ...]] = set()
    for attempt in range(MAX_ATTEMPTS):
        if len(seen) == draws:
            return
        bindings = {
            name: _candidate(param, attempt, place, generator) for place, (name, param) in enumerate(params.items())
        }
        key = tuple(bindings.values())
        if key in seen:
            continue
        instance = instantiate(catalog, law, bindings)
        if instance is not None:
            seen.add(key)
            yield instance


def instantiate(catalog: Catalog, law: Law, bindings: Mapping[str, Value]) -> Instance | None:
    """The law at these values, or None if that puts a parameter out of its range."""

    def at(symbol: Symbol) -> Symbol:
        bound = symbol.substitute(bindings)
        augmentation = catalog.resolve(symbol.name)
        for param, argument in zip(augmentation.params, bound.args, strict=True):
            param.check(augmentation.short_name, argument)
        return bound

    try:
        return Instance(dict(bindings), law.lhs.map(at), law.rhs.map(at))
    except (ParameterError, ZeroDivisionError):
        return None


def _param(catalog: Catalog, law: Law, variable: str) -> Param:
    """What is known of a variable: from a place where it stands alone, else from one where it takes part."""
    alone: list[Param] = []
    within: list[Param] = []
    for symbol in law.symbols:
        augmentation: Augmentation = catalog.resolve(symbol.name)
        for param, argument in zip(augmentation.params, symbol.args, strict=True):
            if expressions.as_variable(argument) == variable:
                alone.append(param)
            elif variable in expressions.variables_of(argument):
                within.append(param)
    # a declared distribution or range says more than none
    return max(alone or within, key=lambda param: (param.draw is not None, param.low is not None, param.whole))


def _candidate(param: Param, attempt: int, place: int, generator: np.random.Generator) -> Value:
    """The attempt-th value for the variable at a place in the list of variables: simple ones first, then random."""
    if not _is_number(param):
        default = None if param.default is REQUIRED else param.default
        return expressions.value(not default if isinstance(default, bool) and (attempt + place) % 2 else default)
    simple = _simple(param, place)
    if attempt < len(simple):
        return simple[attempt]
    if param.draw is not None:
        return _rounded(float(param.draw.draw(generator, 1)[0]), param)
    low, high = _span(param)
    return _rounded(low + (high - low) * generator.random(), param)


def _simple(param: Param, place: int) -> list[Value]:
    if param.draw is not None and param.draw.kind == "choice":
        values: list[Value] = [expressions.value(item) for item in dict.fromkeys(param.draw.values)]
    elif param.draw is not None:
        low, high = param.draw.values
        values = [_rounded(low + (high - low) * share, param) for share in _SHARES]
    elif param.low is not None and param.high is not None:
        inner = [_rounded(param.low + (param.high - param.low) * share, param) for share in _SHARES[:2]]
        values = [*inner, expressions.value(param.low), expressions.value(param.high)]
    else:
        low, high = _span(param)
        numbers = [Fraction(row[place % len(row)]) for row in _SCALES]
        return [n for n in numbers if low <= n <= high and (n.denominator == 1 or not param.whole)]
    # neighbours take different values
    shift = place % len(values)
    return values[shift:] + values[:shift]


def _is_number(param: Param) -> bool:
    if param.draw is not None or param.low is not None or param.high is not None or param.whole:
        return True
    return param.default is REQUIRED or (isinstance(param.default, int | float) and not isinstance(param.default, bool))


def _span(param: Param) -> tuple[float, float]:
    """The range, with an end put where none is declared."""
    default = abs(float(param.default)) if isinstance(param.default, int | float) else 0.0
    reach = max(4.0 * default, 100.0)
    low = param.low if param.low is not None else (-reach if param.high is None else param.high - reach)
    return low, param.high if param.high is not None else low + 2 * reach


def _rounded(number: float, param: Param) -> Fraction:
    """Three significant digits, so that a counterexample is easily read; whole if it has to be."""
    if param.whole or (param.draw is not None and param.draw.kind == "integers"):
        return Fraction(math.floor(number))
    if not number:
        return Fraction(0)
    places = 2 - math.floor(math.log10(abs(number)))
    return Fraction(str(round(number, places)))


def shown_bindings(instance: Instance) -> dict[str, str]:
    """The values for people: a parameter's own name without that of its augmentation."""
    return {name.rpartition(".")[2] or name: expressions.value_text(value) for name, value in instance.bindings.items()}


def without_boundary_inverses(lhs: Word, rhs: Word) -> tuple[tuple[Word, Word], ...]:
    """Equations equivalent to ``lhs = rhs`` in which no side begins, or none ends, with an inverse.

    ``a^-1 = b`` checked as it stands would compare b with what the laws say the inverse of a is, that is with b. Said
    as ``id = a * b`` and ``id = b * a`` it is a statement about images.
    """
    if not any(exponent < 0 for _, exponent in (*lhs.syllables, *rhs.syllables)):
        return ((lhs, rhs),)
    return tuple(dict.fromkeys([_clear_front(lhs, rhs), _clear_back(lhs, rhs)]))


def _clear_front(lhs: Word, rhs: Word) -> tuple[Word, Word]:
    for _ in range(len(lhs) + len(rhs)):
        if lhs and lhs.letters[0].inverse:
            lhs, rhs = _rest(lhs), _alone(lhs.letters[0].symbol) * rhs
        elif rhs and rhs.letters[0].inverse:
            lhs, rhs = _alone(rhs.letters[0].symbol) * lhs, _rest(rhs)
    return lhs, rhs


def _clear_back(lhs: Word, rhs: Word) -> tuple[Word, Word]:
    left, right = _clear_front(_mirrored(lhs), _mirrored(rhs))
    return _mirrored(left), _mirrored(right)


def _mirrored(word: Word) -> Word:
    return Word.from_letters(reversed(word.letters))


def _rest(word: Word) -> Word:
    return Word.from_letters(word.letters[1:])


def _alone(symbol: Symbol) -> Word:
    return Word(((symbol, 1),))
