"""Letters as small integers, which is what the rewriting engine works on."""

from collections.abc import Collection, Iterable, Mapping
from typing import TypeAlias

from augalgebra.algebra import expressions
from augalgebra.algebra.conditions import Conditions
from augalgebra.algebra.expressions import Value
from augalgebra.algebra.laws import Law
from augalgebra.algebra.unification import match_letters
from augalgebra.algebra.words import Letter, Symbol, Word

Codes: TypeAlias = tuple[int, ...]
"""A word as the codes of its letters."""

Rank: TypeAlias = tuple[bool, bool, bool, bool, str, int, tuple[str, ...]]


class Alphabet:
    """Gives every letter a code, and says how letters compare.

    Letters that differ in their arguments only have one *shape*. Shapes are ranked: plain names come before members
    of families and formal inverses last; among those, names that are defined by others come later, preferred names
    first, and then the name decides.

    Attributes:
        letters: The letter of each code.
        shapes: The shape of each code.
        arguments: The arguments of each code, positional and then keyword.
        variables: The variables in the arguments of each code.
        parametrised: The codes that have variables.
        kept: The conditions of pictures that each code keeps; what a letter keeps, its inverse keeps too.
        ranks: The rank of each shape; smaller comes first.
    """

    def __init__(
        self, *, late: Collection[str] = (), preferred: Collection[str] = (), keeping: Iterable[Law] = ()
    ) -> None:
        self._late, self._preferred = frozenset(late), frozenset(preferred)
        self._keeping: dict[str, list[Law]] = {}
        for law in keeping:
            self._keeping.setdefault(law.lhs.symbols[0].name, []).append(law)
        self._codes: dict[Letter, int] = {}
        self._shapes: dict[tuple[str, bool, int, tuple[str, ...]], int] = {}
        self._members: dict[tuple[int, tuple[Value, ...]], int] = {}
        self.letters: list[Letter] = []
        self.shapes: list[int] = []
        self.arguments: list[tuple[Value, ...]] = []
        self.variables: list[frozenset[str]] = []
        self.parametrised: set[int] = set()
        self.kept: list[Conditions] = []
        self.ranks: list[Rank] = []

    def code(self, letter: Letter) -> int:
        """The code of a letter, new or known."""
        code = self._codes.get(letter)
        if code is None:
            code = self._codes[letter] = len(self.letters)
            symbol = letter.symbol
            self.letters.append(letter)
            self.shapes.append(self._shape(letter))
            self.arguments.append((*symbol.args, *(item for _, item in symbol.kwargs)))
            self.variables.append(symbol.variables)
            if self.variables[code]:
                self.parametrised.add(code)
            self.kept.append(frozenset().union(*(law.conditions for law in self.keeping(code))))
        return code

    def keeping(self, code: int) -> tuple[Law, ...]:
        """The laws by which a letter keeps conditions."""
        plain = [Letter(self.letters[code].symbol)]
        known = self._keeping.get(plain[0].symbol.name, ())
        return tuple(law for law in known if match_letters(law.lhs.letters, plain) is not None)

    def keeps(self, codes: Iterable[int], conditions: Conditions) -> bool:
        """Whether a picture that meets some conditions does so still after a word."""
        return not conditions or all(conditions <= self.kept[code] for code in codes)

    def may_keep(self, codes: Iterable[int], conditions: Conditions) -> bool:
        """Whether a word that is not known to keep conditions does so at some values of its variables."""
        return all(
            conditions <= self.kept[code]
            or (
                conditions
                <= self.kept[code].union(
                    *(law.conditions for law in self._keeping.get(self.letters[code].symbol.name, ()))
                )
                and bool(self.variables[code])
            )
            for code in codes
        )

    def encode(self, word: Word) -> Codes:
        """The codes of a word."""
        return tuple(map(self.code, word.letters))

    def decode(self, codes: Iterable[int]) -> Word:
        """The word of these codes."""
        return Word.from_letters(self.letters[code] for code in codes)

    def with_arguments(self, code: int, arguments: tuple[Value, ...]) -> int:
        """The letter of the same shape at other arguments."""
        shape = self.shapes[code]
        known = self._members.get((shape, arguments))
        if known is not None:
            return known
        symbol, inverse = self.letters[code]
        places = len(symbol.args)
        named = tuple((key, item) for (key, _), item in zip(symbol.kwargs, arguments[places:], strict=True))
        found = self.code(Letter(Symbol(symbol.name, arguments[:places], named), inverse))
        self._members[shape, arguments] = found
        return found

    def inverse(self, code: int) -> int:
        """The formal inverse of a letter; of a formal inverse, the letter."""
        symbol, inverse = self.letters[code]
        return self.code(Letter(symbol, not inverse))

    def instantiate(self, codes: Codes, bindings: Mapping[str, Value]) -> Codes:
        """Replace variables by values, as `expressions.substitute` does."""
        if not bindings or self.parametrised.isdisjoint(codes):
            return codes
        return tuple(
            self.with_arguments(code, tuple(expressions.substitute(item, bindings) for item in self.arguments[code]))
            if self.variables[code]
            else code
            for code in codes
        )

    def shapes_of(self, codes: Codes) -> tuple[int, ...]:
        """The shapes of a word's letters."""
        return tuple([self.shapes[code] for code in codes])

    def variables_of(self, codes: Codes) -> dict[str, None]:
        """The variables of a word, in order of appearance (sorted within one letter)."""
        if self.parametrised.isdisjoint(codes):
            return {}
        variables = self.variables
        return dict.fromkeys(name for code in codes if variables[code] for name in sorted(variables[code]))

    def precedence(self, codes: Codes) -> tuple[int, tuple[Rank, ...]]:
        """The shortlex key of a word, blind to arguments so that it also orders parametrised words."""
        return len(codes), tuple([self.ranks[self.shapes[code]] for code in codes])

    def fine_precedence(self, codes: Codes) -> tuple[object, ...]:
        """The key that decides between words of the same shapes and no variables."""
        return tuple(tuple(argument_key(item) for item in self.arguments[code]) for code in codes)

    def _shape(self, letter: Letter) -> int:
        symbol, inverse = letter
        keys = tuple(key for key, _ in symbol.kwargs)
        kind = (symbol.name, inverse, len(symbol.args), keys)
        shape = self._shapes.get(kind)
        if shape is None:
            shape = self._shapes[kind] = len(self.ranks)
            late, known = symbol.name in self._late, symbol.name in self._preferred
            family = bool(symbol.args or keys)
            self.ranks.append((inverse, family, late, not known, symbol.name, len(symbol.args), keys))
        return shape


def argument_key(argument: Value) -> tuple[object, ...]:
    """A total order on arguments: numbers by size, then text, tuples and the rest."""
    if isinstance(argument, expressions.Truth) or argument is None:
        return (3, str(argument))
    if isinstance(argument, str):
        return (1, argument)
    if isinstance(argument, tuple):
        return (2, len(argument), tuple(argument_key(item) for item in argument))
    if isinstance(argument, expressions.Expression):
        return (4, str(argument))
    return (0, abs(argument), argument < 0)
