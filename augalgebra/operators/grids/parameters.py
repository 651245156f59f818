"""Which augmentations differ in some parameters alone, and how far a member is from doing nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import log

from augalgebra.algebra import expressions
from augalgebra.algebra.expressions import Value
from augalgebra.algebra.words import Symbol, Word
from augalgebra.catalog import Catalog
from augalgebra.errors import FitError
from augalgebra.operators.families import find_family


@dataclass(frozen=True)
class ParameterFamily:
    """Augmentations that differ in some parameters, and do nothing at one choice of these.

    Attributes:
        symbol: The member that does nothing.
        positions: Which arguments vary.
        logarithmic: Whether members are told apart by the logarithms of their parameters, since those multiply.
    """

    symbol: Symbol
    positions: tuple[int, ...]
    logarithmic: bool = False

    @classmethod
    def of(cls, catalog: Catalog, word: str | Word) -> "ParameterFamily":
        """The family of an augmentation.

        Args:
            catalog: Augmentations and their laws.
            word: A member.

        Raises:
            FitError: It is no single augmentation, or no law says at which parameters it does nothing.
        """
        symbol = _symbol_of(catalog.word(word))
        shown = catalog.display(catalog.word(word))
        if symbol is None or not symbol.args or symbol.variables:
            raise FitError(f"{shown} is no single augmentation with parameters, so that it belongs to no family")
        try:
            found = find_family(catalog.laws, symbol)
        except FitError:
            pass
        else:
            return cls(found.symbol, (found.position,), found.scale == "multiplicative")
        for law in catalog.laws_of(symbol.name):
            if law.counts and law.is_equation and not law.rhs and len(law.lhs) == 1:
                (still, inverse), *_ = law.lhs.letters
                varying = _numbers_in(still, symbol)
                if not inverse and still.name == symbol.name and varying:
                    changed = {place: still.args[place] for place in varying}
                    return cls(_replaced(symbol, changed), varying)
        raise FitError(
            f"no law says at which parameters {symbol.name.rpartition('.')[2]} does nothing; declare it, as in "
            "'brightness(0) = id', or fit an operator for each parameter"
        )

    @property
    def key(self) -> str:
        """Text for it: the member with a dot for each parameter that varies, such as ``affine.rotate(·, 0)``."""
        arguments = [
            "·" if place in self.positions else expressions.value_text(argument)
            for place, argument in enumerate(self.symbol.args)
        ]
        return f"{self.symbol.name}({', '.join(arguments)})"

    def parameters(self, word: Word) -> tuple[Fraction, ...] | None:
        """The parameters of a word of one letter; None if it is no member."""
        symbol = _symbol_of(word)
        if symbol is None or symbol.name != self.symbol.name or len(symbol.args) != len(self.symbol.args):
            return None
        values = tuple(symbol.args[place] for place in self.positions)
        numbers = tuple(value for value in values if isinstance(value, Fraction))
        if len(numbers) < len(values) or (self.logarithmic and min(numbers) <= 0):
            return None
        return numbers if _replaced(symbol, self._still) == self.symbol else None

    def word(self, parameters: Sequence[float | Fraction]) -> Word:
        """The member at some parameters.

        Raises:
            FitError: There are more or fewer of them, or one of them is not allowed.
        """
        if len(parameters) != len(self.positions):
            raise FitError(f"{self.key} has {len(self.positions)} parameters, not {len(parameters)}")
        values = {place: expressions.value(value) for place, value in zip(self.positions, parameters, strict=True)}
        return Word(((_replaced(self.symbol, values), 1),))

    def distances(self, parameters: Sequence[Fraction]) -> tuple[float, ...]:
        """How far parameters are from those at which nothing is done; by their logarithms, if those tell."""
        pairs = zip(parameters, self._still.values(), strict=True)
        return tuple(log(own) if self.logarithmic else float(own - still) for own, still in pairs)

    @property
    def still(self) -> tuple[float, ...]:
        """The parameters at which nothing is done."""
        return tuple(map(float, self._still.values()))

    @property
    def _still(self) -> dict[int, Fraction]:
        values = {place: self.symbol.args[place] for place in self.positions}
        return {place: value for place, value in values.items() if isinstance(value, Fraction)}


def _symbol_of(word: Word) -> Symbol | None:
    return word.letters[0].symbol if word.length == 1 and not word.letters[0].inverse else None


def _replaced(symbol: Symbol, values: Mapping[int, Value]) -> Symbol:
    arguments = (values.get(place, argument) for place, argument in enumerate(symbol.args))
    return Symbol(symbol.name, tuple(arguments), symbol.kwargs)


def _numbers_in(still: Symbol, member: Symbol) -> tuple[int, ...]:
    """The arguments of a law's symbol that are numbers; none if another one says something else than the member."""
    pairs = list(enumerate(zip(still.args, member.args, strict=False)))
    free = [place for place, (own, _) in pairs if expressions.as_variable(own) is not None]
    numbers = [place for place, (own, _) in pairs if isinstance(own, Fraction)]
    return tuple(numbers) if len(free) + len(numbers) == len(member.args) else ()
