"""Parameters of augmentations: their ranges, their defaults, and where they are drawn from."""

import reprlib
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, get_args

from augalgebra.algebra import expressions
from augalgebra.algebra.expressions import Expression, Value
from augalgebra.errors import ParameterError

if TYPE_CHECKING:
    import numpy as np


class _Required:
    def __repr__(self) -> str:
        return "required"

    def __reduce__(self) -> str:
        return "REQUIRED"  # there is one, which pickles and copies find by its name


REQUIRED = _Required()
"""Default of a parameter that has to be given in every word."""

_Kind = Literal["uniform", "log_uniform", "integers", "choice"]
_MOST = 2**63 - 1
"""The largest whole number that can be drawn: NumPy and PyTorch have none of more bits."""


@dataclass(frozen=True)
class Distribution:
    """Where a parameter that is not given is drawn from, once for each image.

    Build it with `uniform`, `log_uniform`, `integers` or `choice`.

    Raises:
        ParameterError: It is of another kind, or its values are not the finite numbers that its kind takes.
    """

    kind: _Kind
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if self.kind not in get_args(_Kind):
            raise ParameterError(f"a distribution is one of {', '.join(get_args(_Kind))}, not {_shown(self.kind)}")
        values = tuple(_number(self.kind, item) for item in self.values)
        if self.kind == "choice" and not values:
            raise ParameterError("choice takes one value or more, such as choice(1, 2)")
        if self.kind != "choice" and len(values) != 2:
            raise ParameterError(f"{self.kind} takes two numbers, low and high, not {len(values)}")
        if self.kind == "integers" and any(item != int(item) for item in values):
            raise ParameterError(f"integers takes whole numbers, not {values[0]:g} and {values[1]:g}")
        whole = [item for item in values if isinstance(item, int) or self.kind == "integers"]
        if self.kind in ("integers", "choice") and any(abs(item) > _MOST for item in whole):
            raise ParameterError(f"{self.kind} draws whole numbers of at most 63 bits, such as {_MOST}")
        object.__setattr__(self, "values", values)

    def draw(self, generator: "np.random.Generator", size: int) -> "np.ndarray[Any, Any]":
        """Draw `size` values; each takes one step of the generator, so that any of them can be reached at once."""
        import numpy as np  # here and below: questions about laws alone are answered sooner without it

        if self.kind == "choice":
            values: np.ndarray[Any, Any] = np.asarray(self.values)
            chosen: np.ndarray[Any, Any] = values[(generator.random(size) * len(values)).astype(np.int64)]
            return chosen
        low, high = self.values
        unit: np.ndarray[Any, Any] = generator.random(size)
        if self.kind == "integers":
            unit = np.floor(low + unit * (high - low)).astype(np.int64)
        elif self.kind == "log_uniform":
            unit = np.exp(np.log(low) + unit * (np.log(high) - np.log(low)))
        else:
            unit = low + unit * (high - low)
        return unit

    def __str__(self) -> str:
        return f"{self.kind}({', '.join(f'{value:.12g}' for value in self.values)})"


def uniform(low: float, high: float) -> Distribution:
    """Uniform on [low, high).

    Raises:
        ParameterError: A bound is not a finite number.
    """
    return Distribution("uniform", (low, high))


def log_uniform(low: float, high: float) -> Distribution:
    """Uniform in the logarithm, on [low, high) with 0 < low.

    Raises:
        ParameterError: A bound is not a finite number.
    """
    return Distribution("log_uniform", (low, high))


def integers(low: int, high: int) -> Distribution:
    """Whole numbers from low to high - 1, all equally likely.

    Raises:
        ParameterError: A bound is not a whole number of at most 63 bits.
    """
    return Distribution("integers", (low, high))


def choice(*values: float) -> Distribution:
    """One of the values, all equally likely.

    Raises:
        ParameterError: There is no value, or one is not a finite number, or a whole number of more than 63 bits.
    """
    return Distribution("choice", values)


@dataclass(frozen=True)
class Param:
    """A parameter of a family.

    Attributes:
        name: Its name in words and in the function's signature.
        default: Value when it is not given; `REQUIRED` if it must be given.
        low: Smallest allowed value.
        high: Largest allowed value.
        draw: Distribution it is drawn from, per image, when it is not given.
        whole: Only whole numbers make sense.
        doc: One line for people.

    Raises:
        ParameterError: A bound is not a finite number, the default cannot stand in a word, or `draw` is no
            distribution.
    """

    name: str
    default: object = REQUIRED
    low: float | None = None
    high: float | None = None
    draw: Distribution | None = None
    whole: bool = False
    doc: str = ""

    def __post_init__(self) -> None:
        for bound in ("low", "high"):
            given = getattr(self, bound)
            if given is not None:
                object.__setattr__(self, bound, _number(f"{self.name}: {bound}", given))
        if self.draw is not None and not isinstance(self.draw, Distribution):
            raise ParameterError(f"{self.name}: draw is a distribution such as uniform(0, 1), not {_shown(self.draw)}")
        if self.default is not REQUIRED and not _stands_in_a_word(self.default):
            raise ParameterError(
                f"{self.name}: the default {_shown(self.default)} cannot stand in a word; use finite numbers of at "
                f"most {expressions.MAX_DIGITS} digits, text, True, False, None or tuples of them"
            )

    def check(self, owner: str, argument: Value) -> None:
        """Raise `ParameterError` unless `argument` is allowed; symbolic values pass."""
        numeric = isinstance(argument, Fraction)
        bounded = self.low is not None or self.high is not None or self.whole
        if isinstance(argument, Expression) or not (bounded or numeric):
            return
        if not isinstance(argument, Fraction):
            raise ParameterError(f"{owner}: {self.name} must be a number, not {expressions.value_text(argument)}")
        text = expressions.value_text(argument)
        if self.whole and argument.denominator != 1:
            raise ParameterError(f"{owner}: {self.name} must be a whole number, not {text}")
        # -42.3 as it is written lies below the nearest float
        below = self.low is not None and argument < self.low and argument < Fraction(str(self.low))
        above = self.high is not None and argument > self.high and argument > Fraction(str(self.high))
        if below or above:
            low = "-inf" if self.low is None else f"{self.low:g}"
            high = "inf" if self.high is None else f"{self.high:g}"
            raise ParameterError(f"{owner}: {self.name} must lie in [{low}, {high}], not {text}")


def _stands_in_a_word(raw: object) -> bool:
    try:
        return not expressions.variables_of(expressions.value(raw))
    except Exception:  # noqa: BLE001 - a plugin's object may raise anything when it is asked what number it is
        return False


def _number(what: str, raw: Any) -> float:
    """A number as Python has it, though it may come from NumPy."""
    plain = raw.item() if hasattr(raw, "item") and _stands_in_a_word(raw) else raw
    if isinstance(plain, Fraction):
        plain = float(plain)
    if isinstance(plain, bool) or not isinstance(plain, int | float) or not _stands_in_a_word(plain):
        raise ParameterError(
            f"{what} takes finite numbers of at most {expressions.MAX_DIGITS} digits, not {_shown(raw)}"
        )
    return plain


def _shown(raw: object) -> str:
    return " ".join(reprlib.repr(raw).split())
