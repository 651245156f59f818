"""Words: products of augmentations and integer powers, read left to right in order of application."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from augalgebra.algebra import expressions
from augalgebra.algebra.expressions import Value, value_text
from augalgebra.errors import AugalgebraError
from augalgebra.notebooks import render_code

MAX_LETTERS = 100_000
"""Longest word that is spelt out letter by letter; longer powers of products are refused."""


@dataclass(frozen=True, eq=False)
class Symbol:
    """An augmentation's name with the parameters it is used at, e.g. ``rotate(30)``.

    Attributes:
        name: The name, full (``affine.rotate``) once a catalog has resolved it.
        args: Positional arguments in canonical form (numbers as `Fraction`).
        kwargs: Keyword arguments, sorted by name.
    """

    name: str
    args: tuple[Value, ...] = ()
    kwargs: tuple[tuple[str, Value], ...] = ()

    @cached_property
    def _hash(self) -> int:
        return hash((self.name, self.args, self.kwargs))

    def __reduce__(self) -> tuple[object, ...]:  # texts hash differently in another process
        return Symbol, (self.name, self.args, self.kwargs)

    def __hash__(self) -> int:  # words are hashed all the time, and hashing fractions is slow
        return self._hash

    def __eq__(self, other: object) -> bool:  # and so is comparing them
        if self is other:
            return True
        if not isinstance(other, Symbol):
            return NotImplemented
        same = self._hash == other._hash and self.name == other.name
        return same and self.args == other.args and self.kwargs == other.kwargs

    def __str__(self) -> str:
        inner = [value_text(arg) for arg in self.args] + [f"{k}={value_text(v)}" for k, v in self.kwargs]
        return f"{self.name}({', '.join(inner)})" if inner else self.name

    @property
    def variables(self) -> frozenset[str]:
        """The variables in its arguments (only the symbols of family laws have any)."""
        arguments = (*self.args, *(item for _, item in self.kwargs))
        return frozenset().union(*(expressions.variables_of(item) for item in arguments))

    def substitute(self, bindings: Mapping[str, Value]) -> "Symbol":
        """Replace variables by values."""
        if not (self.args or self.kwargs):
            return self
        return Symbol(
            self.name,
            tuple(expressions.substitute(arg, bindings) for arg in self.args),
            tuple((key, expressions.substitute(arg, bindings)) for key, arg in self.kwargs),
        )


class Letter(NamedTuple):
    """A symbol or its formal inverse: what rewriting works on."""

    symbol: Symbol
    inverse: bool = False

    def __str__(self) -> str:
        return f"{self.symbol}^-1" if self.inverse else str(self.symbol)


@dataclass(frozen=True)
class Word:
    """A product of powers of symbols; the empty word is the identity.

    Neighbouring powers of one symbol are merged when their exponents have the same sign. ``a * a^-1`` is *not*
    cancelled: whether it is the identity is for the laws to say (Canny has no inverse).

    Examples:
        >>> a, b = word_of("flip_lr"), word_of("rotate_cw")
        >>> str(~(a * b**2))
        'rotate_cw^-2 * flip_lr^-1'
    """

    syllables: tuple[tuple[Symbol, int], ...] = ()

    @classmethod
    def from_letters(cls, letters: Iterable[Letter]) -> "Word":
        """Gather letters into powers."""
        return cls(_merge((letter.symbol, -1 if letter.inverse else 1) for letter in letters))

    @cached_property
    def letters(self) -> tuple[Letter, ...]:
        """The word spelt out, one letter for each application.

        Raises:
            AugalgebraError: The word is longer than `MAX_LETTERS`.
        """
        if self.length > MAX_LETTERS:
            raise AugalgebraError(f"this word has {self.length} letters; at most {MAX_LETTERS} can be spelt out")
        return tuple(Letter(symbol, exponent < 0) for symbol, exponent in self.syllables for _ in range(abs(exponent)))

    @property
    def symbols(self) -> tuple[Symbol, ...]:
        """The distinct symbols, in order of first use."""
        return tuple(dict.fromkeys(symbol for symbol, _ in self.syllables))

    @cached_property
    def length(self) -> int:
        """How many letters there are: what ``len`` says, which Python confines to 64 bits."""
        return sum(abs(exponent) for _, exponent in self.syllables)

    def __len__(self) -> int:
        return self.length

    def __reduce__(self) -> tuple[object, ...]:
        return Word, (self.syllables,)

    def __bool__(self) -> bool:
        return bool(self.syllables)

    def __iter__(self) -> Iterator[Letter]:
        return iter(self.letters)

    def __str__(self) -> str:
        powers = (str(symbol) if exponent == 1 else f"{symbol}^{exponent}" for symbol, exponent in self.syllables)
        return " * ".join(powers) or "id"

    def __repr__(self) -> str:
        return f"Word({str(self)!r})"

    def _repr_html_(self) -> str:
        return render_code(self)

    def __mul__(self, other: "Word") -> "Word":
        if not isinstance(other, Word):
            return NotImplemented
        return Word(_merge((*self.syllables, *other.syllables)))

    def __invert__(self) -> "Word":
        return Word(tuple((symbol, -exponent) for symbol, exponent in reversed(self.syllables)))

    def __pow__(self, exponent: int) -> "Word":
        if not isinstance(exponent, int):
            return NotImplemented
        base = self if exponent >= 0 else ~self
        if exponent == 0 or not base:
            return IDENTITY
        if len(base.syllables) == 1:
            ((symbol, power),) = base.syllables
            return Word(((symbol, power * abs(exponent)),))
        length = base.length * abs(exponent)
        if length > MAX_LETTERS:
            raise AugalgebraError(f"this power would have {length} letters; at most {MAX_LETTERS} can be spelt out")
        return Word(_merge(base.syllables * abs(exponent)))

    def map(self, function: Callable[[Symbol], Symbol]) -> "Word":
        """Replace every symbol, keeping the exponents."""
        images = {symbol: function(symbol) for symbol in self.symbols}
        return Word(_merge((images[symbol], exponent) for symbol, exponent in self.syllables))


IDENTITY = Word()
"""The empty word: the augmentation that does nothing."""


def product(words: Iterable[Word]) -> Word:
    """The words one after the other; unlike ``*`` in a loop, in time that grows with their length alone."""
    return Word(_merge(syllable for word in words for syllable in word.syllables))


def word_of(name: str, *args: object, **kwargs: object) -> Word:
    """The word of one letter.

    Examples:
        >>> str(word_of("rotate", 30) * word_of("flip_lr"))
        'rotate(30) * flip_lr'
    """
    named = tuple(sorted((key, expressions.value(arg)) for key, arg in kwargs.items()))
    return Word(((Symbol(name, tuple(expressions.value(arg) for arg in args), named), 1),))


def _merge(syllables: Iterable[tuple[Symbol, int]]) -> tuple[tuple[Symbol, int], ...]:
    merged: list[tuple[Symbol, int]] = []
    for symbol, exponent in syllables:
        if not exponent:
            continue
        if merged and merged[-1][0] == symbol and (merged[-1][1] > 0) == (exponent > 0):
            merged[-1] = (symbol, merged[-1][1] + exponent)
        else:
            merged.append((symbol, exponent))
    return tuple(merged)
