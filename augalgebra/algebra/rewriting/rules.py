"""Equations between words, the chains that prove them, and rules made of them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import count
from typing import NamedTuple, Union

from augalgebra.algebra import expressions
from augalgebra.algebra.conditions import ALWAYS, Conditions
from augalgebra.algebra.expressions import Value
from augalgebra.algebra.laws import Law
from augalgebra.algebra.rewriting.alphabet import Alphabet, Codes
from augalgebra.algebra.unification import (
    Bindings,
    Undecided,
    carry_nonzero,
    denominators,
    reparametrise,
)


class Link(NamedTuple):
    """One use of an equation in a chain of words.

    Attributes:
        source: The equation.
        forward: Whether its left side is replaced by its right side.
        position: How many letters stand before the replaced part.
        bindings: Values for the variables of `source`.
    """

    source: "Lemma"
    forward: bool
    position: int
    bindings: Mapping[str, Value]


@dataclass(eq=False)
class Lemma:
    """An equation between words, with the chain that proves it.

    Attributes:
        lhs: Left side.
        rhs: Right side.
        chain: The links that lead from `lhs` to `rhs`; empty for an axiom.
        axiom: The law, or the formal inverse and which way round, that an axiom stands for.
        nonzero: Variables that must not be zero.
    """

    lhs: Codes
    rhs: Codes
    chain: tuple[Link, ...] = ()
    axiom: Union[Law, "InverseAxiom", None] = None
    nonzero: frozenset[str] = frozenset()

    @cached_property
    def conditions(self) -> Conditions:
        """What a picture has to be for the equation to hold."""
        if isinstance(self.axiom, Law):
            return self.axiom.conditions
        return needed_by(self.chain) if self.axiom is None else self.axiom.fact.conditions


@dataclass(eq=False)
class InverseFact:
    """That a letter has a two-sided inverse.

    Attributes:
        letter: The letter; its variables stand for all values.
        right: Proof that the letter times some word is the identity.
        left: Proof that some word times the letter is the identity.
        law: Instead of the proofs, a law that writes the formal inverse and so takes it for granted.
        nonzero: Variables that must not be zero.
    """

    letter: int
    right: Lemma | None
    left: Lemma | None
    law: Law | None = None
    nonzero: frozenset[str] = frozenset()

    @cached_property
    def conditions(self) -> Conditions:
        """What a picture has to be for the letter to be undone."""
        grounds = (item.conditions for item in (self.right, self.left, self.law) if item is not None)
        return ALWAYS.union(*grounds)


class InverseAxiom(NamedTuple):
    """``x * x^-1 = id``, or mirrored ``x^-1 * x = id``."""

    fact: InverseFact
    mirrored: bool


class Equation(NamedTuple):
    """Two words that were found to be equal and are not yet a rule; fields as in `Lemma`."""

    lhs: Codes
    rhs: Codes
    chain: tuple[Link, ...]
    nonzero: frozenset[str] = frozenset()

    def reversed(self) -> "Equation":
        """The same, read from right to left."""
        return Equation(self.rhs, self.lhs, backwards(self.chain), self.nonzero)


def backwards(chain: Sequence[Link]) -> tuple[Link, ...]:
    """The links of a chain, read from its end."""
    return tuple(link._replace(forward=not link.forward) for link in reversed(chain))


def needed_by(chain: Iterable[Link]) -> Conditions:
    """What a picture has to be for every link of a chain to hold."""
    return ALWAYS.union(*(link.source.conditions for link in chain))


def equation_text(alphabet: Alphabet, lhs: Codes, rhs: Codes) -> str:
    """Print an equation, with readable names for its variables."""
    names = readable(alphabet.variables_of((*lhs, *rhs)))
    left, right = (alphabet.decode(alphabet.instantiate(side, names)) for side in (lhs, rhs))
    return f"{left} = {right}"


def readable(names: Iterable[str]) -> Bindings:
    """Rename variables to a, b, c and so on."""
    return {name: expressions.variable(text) for name, text in zip(names, _names(), strict=False)}


def _names() -> Iterator[str]:
    """Yield a, b, …, z, a1, b1 and so on."""
    for turn in count():
        for letter in "abcdefghijklmnopqrstuvwxyz":
            yield f"{letter}{turn or ''}"


def required_by(chain: Iterable[Link]) -> frozenset[str]:
    """The variables that must not be zero for the links to make sense.

    Raises:
        Undecided: That cannot be said of single variables.
        ZeroDivisionError: The links make sense for no values at all.
    """
    found: frozenset[str] = frozenset()
    for link in chain:
        if link.bindings:
            carried = carry_nonzero(link.source.nonzero, link.bindings)
            if carried is None:
                raise ZeroDivisionError("a variable that divides became zero")
            found |= carried | denominators(link.bindings.values())
    return found


def tidy(alphabet: Alphabet, about: Codes, equation: Equation, *, special: bool = False) -> Lemma | None:
    """The lemma an equation amounts to, with its variables renamed to ``?0``, ``?1`` and so on.

    The arguments of `about` become plain variables where that loses no value. Variables that only occur in the chain
    are set to 1, and with `special` all that do not occur in `about`.

    Returns:
        The lemma, or None when the change of variables leaves the arithmetic that is kept here.
    """
    lhs, rhs, chain, nonzero = equation
    arguments = [item for code in (*lhs, *rhs) for item in alphabet.arguments[code]]
    names = dict.fromkeys(name for item in arguments for name in sorted(expressions.variables_of(item)))
    for link in chain:
        for item in link.bindings.values():
            names |= dict.fromkeys(sorted(expressions.variables_of(item)))
    try:
        nonzero |= denominators(arguments) | required_by(chain)
        change = reparametrise((item for code in about for item in alphabet.arguments[code]), nonzero)
        changed = {name: change.get(name, expressions.variable(name)) for name in names}
        kept = alphabet.variables_of(alphabet.instantiate(about, changed))
        final: Bindings = {name: expressions.variable(f"?{place}") for place, name in enumerate(kept)}
        further = [name for name in alphabet.variables_of((*lhs, *rhs)) if name not in final and not special]
        final |= {name: expressions.variable(f"?{len(kept) + place}") for place, name in enumerate(further)}
        final |= {name: Fraction(1) for name in names if name not in final}
        final = {name: expressions.substitute(item, final) for name, item in changed.items()}
        carried = carry_nonzero(nonzero, final)
        if carried is None:
            return None
        links = tuple(
            link._replace(bindings={name: expressions.substitute(item, final) for name, item in link.bindings.items()})
            for link in chain
        )
        return Lemma(alphabet.instantiate(lhs, final), alphabet.instantiate(rhs, final), links, nonzero=carried)
    except (ZeroDivisionError, ValueError, TypeError, Undecided):
        return None


class Rule:
    """An equation that is used from left to right only; its variables are called ``?0``, ``?1`` and so on.

    Attributes:
        lemma: The equation.
        conditions: What a picture has to be where the rule is used.
        serial: Rules are numbered in the order in which they were found.
        lhs: Left side.
        rhs: Right side.
        shapes: The shapes of the letters of `lhs`.
        patterns: The arguments of `lhs`, all in one list.
        plain: The names of the patterns if all are distinct variables (the common case, which binds at once).
        variables: The variables of `lhs`; the rule is *schematic* when there are any.
        active: False once another rule made this one superfluous.
    """

    def __init__(self, alphabet: Alphabet, lemma: Lemma, serial: int) -> None:
        self.serial, self.active = serial, True
        self.lhs = lemma.lhs
        self.shapes = alphabet.shapes_of(lemma.lhs)
        self.patterns = tuple(item for code in lemma.lhs for item in alphabet.arguments[code])
        names = [expressions.as_variable(item) for item in self.patterns]
        distinct = len(set(names)) == len(names) and None not in names
        self.plain = tuple(name for name in names if name) if distinct else None
        self.variables = tuple(alphabet.variables_of(lemma.lhs))
        self._alphabet = alphabet
        self.restate(lemma)

    def restate(self, lemma: Lemma) -> None:
        """Give the rule another right side (its lemma has the same left side)."""
        self.lemma, self.rhs, self.conditions = lemma, lemma.rhs, lemma.conditions
        self._renamed: dict[str, tuple[Codes, Codes, Bindings]] = {}

    def renamed(self, prefix: str) -> tuple[Codes, Codes, Bindings]:
        """Both sides with this put before the names of variables, and the renaming."""
        found = self._renamed.get(prefix)
        if found is None:
            names: Bindings = {name: expressions.variable(prefix + name) for name in self.variables}
            instantiate = self._alphabet.instantiate
            found = self._renamed[prefix] = (
                instantiate(self.lhs, names),
                instantiate(self.rhs, names),
                names,
            )
        return found

    def copy(self) -> "Rule":
        """A rule that can be restated on its own."""
        return Rule(self._alphabet, self.lemma, self.serial)
