"""Laws: equations between words, with where they hold and who says so."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from augalgebra.algebra.conditions import ALWAYS, KEPT, Conditions, holding_for
from augalgebra.algebra.expressions import variable
from augalgebra.algebra.parsing import parse_statement
from augalgebra.algebra.words import IDENTITY, Symbol, Word, word_of
from augalgebra.errors import AugalgebraError
from augalgebra.notebooks import render_code

MAX_LAW = 1000
"""Letters of a side of a law: completion compares every part of it with every other."""

Kind = Literal[
    "involutory",
    "period",
    "idempotent",
    "inverse",
    "left inverse",
    "right inverse",
    "commutes",
    "equals",
    "additive",
    "multiplicative",
    "law",
    "singular",
    "unequal",
    "keeps",
]
Scope = Literal["exact", "approximate"]
Status = Literal["declared", "checked", "assumed", "unchecked", "violated"]


@dataclass(frozen=True)
class Law:
    """An equation ``lhs = rhs`` that somebody declared (or measured).

    Two kinds are negations of equations, which are checked but never reasoned with: ``unequal`` says that the sides
    differ on some image (at some values of the variables), and ``singular`` that `lhs` has no inverse (different
    images have one result); `rhs` is then the identity and never used. A law of kind ``keeps`` says that pictures
    that meet its condition do so still after `lhs`, so that laws with this condition may be used there.

    Attributes:
        lhs: Left side; both sides may contain variables in their parameters, and then hold for all values.
        rhs: Right side.
        kind: The form in which it was declared.
        scope: ``exact``, or ``approximate``: true up to interpolation, rounding or truncation.
        tolerance: Largest error at which an approximate law still counts as holding (root mean square over pixels);
            None leaves it to the tolerance of the data type.
        owner: Full name of the augmentation that declared it, or the plugin's name.
        conditions: What a picture has to be for the law to hold; empty if it holds for every picture.
        status: How far it can be trusted: ``declared`` by a plugin about its own augmentations; ``checked`` on images;
            ``assumed`` since somebody asked for it by name. What is ``violated``, or speaks of others' augmentations
            and is ``unchecked``, is kept for the record and never reasoned with.
        plugin: The plugin that declared it; empty for laws that come from no plugin.
    """

    lhs: Word
    rhs: Word
    kind: Kind = "law"
    scope: Scope = "exact"
    tolerance: float | None = None
    owner: str = ""
    status: Status = "declared"
    conditions: Conditions = ALWAYS
    plugin: str = field(default="", compare=False)

    def __str__(self) -> str:
        if self.kind == "singular":
            return f"{self.lhs} has no inverse"
        if self.kind == "keeps":
            return f"{self.lhs} keeps {' and '.join(KEPT[item] for item in sorted(self.conditions))}"
        sign = "≠" if self.kind == "unequal" else "=" if self.scope == "exact" else "≈"
        return f"{self.lhs} {sign} {self.rhs}{holding_for(self.conditions)}"

    def _repr_html_(self) -> str:
        return render_code(self)

    @property
    def counts(self) -> bool:
        """Whether it may be reasoned with."""
        return self.status not in ("violated", "unchecked")

    @property
    def is_equation(self) -> bool:
        """Whether it says that two words are equal, which is what is reasoned with."""
        return self.kind not in ("singular", "unequal", "keeps")

    @cached_property
    def symbols(self) -> tuple[Symbol, ...]:
        """The distinct symbols of both sides."""
        return (self.lhs * self.rhs).symbols

    @property
    def variables(self) -> frozenset[str]:
        """The variables that the law holds for all values of."""
        return frozenset().union(*(symbol.variables for symbol in self.symbols))


def involutory(word: Word) -> tuple[Word, Word]:
    """``a * a = id``."""
    return word**2, IDENTITY


def periodic(word: Word, period: int) -> tuple[Word, Word]:
    """``a^n = id``.

    Raises:
        ValueError: The period is not a positive whole number, or too large.
    """
    if not 1 <= period <= MAX_LAW:
        raise ValueError(f"a period is a positive whole number up to {MAX_LAW}, not {period}")
    return word**period, IDENTITY


def idempotent(word: Word) -> tuple[Word, Word]:
    """``a * a = a``."""
    return word**2, word


def commutation(first: Word, second: Word) -> tuple[Word, Word]:
    """``a * b = b * a``."""
    return first * second, second * first


def additive(name: str) -> tuple[Word, Word]:
    """``f(a) * f(b) = f(a + b)`` for a family of one parameter."""
    a, b = variable("a"), variable("b")
    return word_of(name, a) * word_of(name, b), word_of(name, a + b)


def multiplicative(name: str) -> tuple[Word, Word]:
    """``f(a) * f(b) = f(a * b)`` for a family of one parameter."""
    a, b = variable("a"), variable("b")
    return word_of(name, a) * word_of(name, b), word_of(name, a * b)


def parse_law(text: str, *, tolerance: float | None = None, owner: str = "") -> Law:
    """Read a law from text: ``a * b = b * a``, with ``≈`` if it holds approximately and ``≠`` if it does not hold.

    A law that does not hold for every picture ends with ``for square pictures``, ``for pictures with a dark border`` or
    ``for square pictures with a dark border``. ``rotate(a) keeps a dark border`` and ``pad keeps squares`` say after
    what such laws may be used.

    Args:
        text: The equation.
        tolerance: Makes the law approximate, with this as its largest error (root mean square over pixels; of what
            keeps a dark border, the largest value that a black border may get).
        owner: Who declares it.

    Raises:
        WordSyntaxError: The text is no law.
        AugalgebraError: A side of it is too long.

    Examples:
        >>> str(parse_law("rotate(a) * rotate(b) ≈ rotate(a + b) for pictures with a dark border"))
        'rotate(a) * rotate(b) ≈ rotate(a + b) for pictures with a dark border'
    """
    read = parse_statement(text)
    scope: Scope = "approximate" if read.sign == "≈" or tolerance is not None else "exact"
    if max(read.lhs.length, read.rhs.length) > MAX_LAW:
        raise AugalgebraError(f"{text}: a side of a law has at most {MAX_LAW} letters")
    if read.sign == "keeps":
        return Law(read.lhs, read.rhs, "keeps", scope, tolerance, owner, conditions=read.conditions)
    kind: Kind = "unequal" if read.sign == "≠" else "law"
    return Law(read.lhs, read.rhs, kind, scope, tolerance, owner, conditions=read.conditions)
