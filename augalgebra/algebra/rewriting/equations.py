"""Equations between words, the derivations that prove them, and rules: oriented equations.

An equation is proved by a derivation, a derivation is a chain of steps, a step uses an equation. At the bottom stand
the axioms, which are equations with derivations of length 0.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import count
from typing import NamedTuple, TypeAlias

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


class Step(NamedTuple):
    """One use of an equation in a derivation.

    Attributes:
        equation: The equation.
        forward: Whether its left side is replaced by its right side.
        position: How many letters stand before the replaced part.
        bindings: Values for the variables of `equation`.
        times: How often it is used in a row; more than once only where it moves a parameter by its period. `bindings`
            are then those of the use that starts at the left side of the equation: backwards, the last one.
    """

    equation: "Equation"
    forward: bool
    position: int
    bindings: Mapping[str, Value]
    times: int = 1


Derivation: TypeAlias = tuple[Step, ...]
"""The steps that lead from one word to another."""


@dataclass(eq=False)
class Equation:
    """Two words that are equal, with the derivation that proves it; of an axiom that has no steps.

    Attributes:
        lhs: Left side.
        rhs: Right side.
        derivation: The steps from `lhs` to `rhs`; empty for an axiom.
        nonzero: Variables that must not be zero.
        axiom: What an axiom is taken from: a law, or a two-sided inverse that the formal inverse stands for.
    """

    lhs: Codes
    rhs: Codes
    derivation: Derivation = ()
    nonzero: frozenset[str] = frozenset()
    axiom: "Law | TwoSidedInverse | None" = None

    @cached_property
    def conditions(self) -> Conditions:
        """What a picture has to be for the equation to hold."""
        return conditions_of(self.derivation) if self.axiom is None else self.axiom.conditions

    def reversed(self) -> "Equation":
        """The same, read from right to left."""
        return Equation(self.rhs, self.lhs, reverse(self.derivation), self.nonzero)


@dataclass(eq=False)
class TwoSidedInverse:
    """That a letter has a two-sided inverse, which its formal inverse then stands for.

    Attributes:
        letter: The letter; its variables stand for all values.
        right: The equation that the letter times some word is the identity.
        left: The equation that some word times the letter is the identity.
        law: Instead of both, a law that writes the formal inverse and so takes it for granted.
        nonzero: Variables that must not be zero.
    """

    letter: int
    right: Equation | None
    left: Equation | None
    law: Law | None = None
    nonzero: frozenset[str] = frozenset()

    @cached_property
    def conditions(self) -> Conditions:
        """What a picture has to be for the letter to be undone."""
        grounds = (item.conditions for item in (self.right, self.left, self.law) if item is not None)
        return ALWAYS.union(*grounds)


def cite(alphabet: Alphabet, equation: Equation) -> Equation:
    """The same equation, derived in one step from this one."""
    own: Bindings = {name: expressions.variable(name) for name in alphabet.variables_of((*equation.lhs, *equation.rhs))}
    return Equation(equation.lhs, equation.rhs, (Step(equation, True, 0, own),), equation.nonzero)


def reverse(derivation: Iterable[Step]) -> Derivation:
    """The steps of a derivation, read from its end."""
    return tuple(step._replace(forward=not step.forward) for step in reversed(tuple(derivation)))


def mirror(length: int, derivation: Iterable[Step]) -> Derivation:
    """The same steps with their positions counted from the other end, from a word of so many letters."""
    mirrored: list[Step] = []
    for step in derivation:
        old, new = step.equation.lhs, step.equation.rhs
        if not step.forward:
            old, new = new, old
        mirrored.append(step._replace(position=length - step.position - len(old)))
        length += len(new) - len(old)
    return tuple(mirrored)


def applies(alphabet: Alphabet, word: Codes, derivation: Derivation) -> bool:
    """Whether what stands before the place of each step keeps the conditions of its equation."""
    if not conditions_of(derivation):
        return True
    for step in derivation:
        old, new = step.equation.lhs, step.equation.rhs
        if not step.forward:
            old, new = new, old
        if not alphabet.keeps(word[: step.position], step.equation.conditions):
            return False
        after = word[step.position + len(old) :]
        word = word[: step.position] + alphabet.instantiate(new, step.bindings) + after
    return True


def conditions_of(derivation: Iterable[Step]) -> Conditions:
    """What a picture has to be for every step of a derivation to hold."""
    return ALWAYS.union(*[step.equation.conditions for step in derivation])


def equation_text(alphabet: Alphabet, lhs: Codes, rhs: Codes) -> str:
    """Print an equation, with readable names for its variables."""
    names = readable_names(alphabet.variables_of((*lhs, *rhs)))
    left, right = (alphabet.decode(alphabet.instantiate(side, names)) for side in (lhs, rhs))
    return f"{left} = {right}"


def readable_names(names: Iterable[str]) -> Bindings:
    """Rename variables to a, b, c and so on."""
    return {name: expressions.variable(text) for name, text in zip(names, _names(), strict=False)}


def _names() -> Iterator[str]:
    """Yield a, b, …, z, a1, b1 and so on."""
    for turn in count():
        for letter in "abcdefghijklmnopqrstuvwxyz":
            yield f"{letter}{turn or ''}"


def nonzero_of(derivation: Iterable[Step]) -> frozenset[str]:
    """The variables that must not be zero for the steps to make sense.

    Raises:
        Undecided: That cannot be said of single variables.
        ZeroDivisionError: The steps make sense for no values at all.
    """
    found: frozenset[str] = frozenset()
    for step in derivation:
        if step.bindings:
            carried = carry_nonzero(step.equation.nonzero, step.bindings)
            if carried is None:
                raise ZeroDivisionError("a variable that divides became zero")
            found |= carried | denominators(step.bindings.values())
    return found


def tidy(alphabet: Alphabet, about: Codes, equation: Equation, *, special: bool = False) -> Equation | None:
    """The equation with its variables renamed to ``?0``, ``?1`` and so on.

    The arguments of `about` become plain variables where that loses no value. Variables that only occur in the
    derivation are set to 1, and with `special` all that do not occur in `about`.

    Returns:
        The equation, or None when the change of variables leaves the arithmetic that is kept here.
    """
    lhs, rhs, nonzero = equation.lhs, equation.rhs, equation.nonzero
    if not (nonzero or any(step.bindings for step in equation.derivation) or alphabet.variables_of(lhs + rhs)):
        return Equation(lhs, rhs, equation.derivation)
    arguments = [item for code in (*lhs, *rhs) for item in alphabet.arguments[code]]
    names = dict.fromkeys(name for item in arguments for name in sorted(expressions.variables_of(item)))
    for step in equation.derivation:
        for item in step.bindings.values():
            names |= dict.fromkeys(sorted(expressions.variables_of(item)))
    try:
        nonzero |= denominators(arguments) | nonzero_of(equation.derivation)
        change = reparametrise((item for code in about for item in alphabet.arguments[code]), nonzero)
        changed = {name: change.get(name, expressions.variable(name)) for name in names}
        first = alphabet.variables_of(alphabet.instantiate(about, changed))
        final: Bindings = {name: expressions.variable(f"?{place}") for place, name in enumerate(first)}
        further = [name for name in alphabet.variables_of((*lhs, *rhs)) if name not in final and not special]
        final |= {name: expressions.variable(f"?{len(first) + place}") for place, name in enumerate(further)}
        final |= {name: Fraction(1) for name in names if name not in final}
        final = {name: expressions.substitute(item, final) for name, item in changed.items()}
        carried = carry_nonzero(nonzero, final)
        if carried is None:
            return None
        derivation = tuple(
            step._replace(bindings={name: expressions.substitute(item, final) for name, item in step.bindings.items()})
            for step in equation.derivation
        )
        return Equation(alphabet.instantiate(lhs, final), alphabet.instantiate(rhs, final), derivation, carried)
    except (ZeroDivisionError, ValueError, TypeError, Undecided):
        return None


class Rule:
    """An oriented equation, used from left to right only; its variables are called ``?0``, ``?1`` and so on.

    Attributes:
        equation: The equation.
        conditions: What a picture has to be where the rule is used.
        serial: Rules are numbered in the order in which they were found.
        lhs: Left side.
        rhs: Right side.
        shapes: The shapes of the letters of `lhs`.
        marks: The same as text, in which Python searches fastest.
        right_marks: The shapes of the letters of `rhs`, as text.
        patterns: The arguments of `lhs`, all in one list.
        plain: The names of the patterns if all are distinct variables (the common case, which binds at once).
        variables: The variables of `lhs`; the rule is *parametrised* when there are any.
        active: False once another rule made this one superfluous.
    """

    def __init__(self, alphabet: Alphabet, equation: Equation, serial: int) -> None:
        self.serial, self.active = serial, True
        self.lhs = equation.lhs
        self.shapes = alphabet.shapes_of(equation.lhs)
        self.marks = "".join(map(chr, self.shapes))
        self.patterns = tuple(item for code in equation.lhs for item in alphabet.arguments[code])
        names = [expressions.as_variable(item) for item in self.patterns]
        distinct = len(set(names)) == len(names) and None not in names
        self.plain = tuple(name for name in names if name) if distinct else None
        self.variables = tuple(alphabet.variables_of(equation.lhs))
        self._alphabet = alphabet
        self.restate(equation)

    def restate(self, equation: Equation) -> None:
        """Give the rule another right side (its equation has the same left side)."""
        self.equation, self.rhs, self.conditions = equation, equation.rhs, equation.conditions
        self.right_marks = "".join(map(chr, self._alphabet.shapes_of(equation.rhs)))
        self._renamed: dict[str, tuple[Codes, Codes, Bindings]] = {}

    def rename(self, prefix: str) -> tuple[Codes, Codes, Bindings]:
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
        return Rule(self._alphabet, self.equation, self.serial)
