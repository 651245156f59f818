"""Rules, where they come from, and sets of them that reduce words."""

from bisect import insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count
from typing import NamedTuple, Union

from augalgebra.algebra import expressions
from augalgebra.algebra.alphabet import Alphabet, Codes
from augalgebra.algebra.expressions import Expression, Value
from augalgebra.algebra.laws import Law
from augalgebra.algebra.unification import (
    Bindings,
    Period,
    Undecided,
    carry_nonzero,
    denominators,
    match,
    reparametrise,
)
from augalgebra.errors import IncompleteError

MAX_STEPS = 1_000_000
"""Rewriting steps spent on one word before giving up."""


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

    The arguments of `about` become plain variables where that loses no value. Variables that only occur in
    the chain are set to 1, and with `special` all that do not occur in `about`.

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
        self.lemma, self.rhs = lemma, lemma.rhs
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


@dataclass
class Modulus:
    """That an argument of a family counts only up to multiples of a period.

    Attributes:
        period: The period, the greatest common divisor of the shifts.
        shifts: Proved shifts ``f(?0) = f(?0 + shift)``, in the order in which they were found.
    """

    period: Fraction
    shifts: list[tuple[Fraction, Lemma]] = field(default_factory=list)


class RuleSet:
    """Rules with the moduli of families; reduces words.

    Attributes:
        alphabet: The codes of the letters.
        moduli: The modulus of each argument (shape and place) that has one.
    """

    def __init__(self, alphabet: Alphabet) -> None:
        self.alphabet = alphabet
        self.moduli: dict[tuple[int, int], Modulus] = {}
        self._ground: dict[Codes, Rule] = {}
        self._lengths: dict[int, list[int]] = {}
        self._schematic: dict[int, list[Rule]] = {}
        self._canonical: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._ground) + sum(map(len, self._schematic.values()))

    def copy(self) -> "RuleSet":
        """A set that can grow on its own."""
        other = RuleSet(self.alphabet)
        other.moduli = {place: Modulus(known.period, list(known.shifts)) for place, known in self.moduli.items()}
        for rule in self.rules:
            other.add(rule.copy())
        return other

    @property
    def rules(self) -> list[Rule]:
        """All rules, in the order in which they were found."""
        found = [*self._ground.values(), *(rule for rules in self._schematic.values() for rule in rules)]
        return sorted(found, key=lambda rule: rule.serial)

    def add(self, rule: Rule) -> None:
        """Let a rule take part in reductions."""
        last = rule.lhs[-1]
        if rule.variables:
            insort(
                self._schematic.setdefault(self.alphabet.shapes[last], []),
                rule,
                key=lambda other: (len(other.lhs), other.serial),
            )
            return
        self._ground[rule.lhs] = rule
        lengths = self._lengths.setdefault(last, [])
        if len(rule.lhs) not in lengths:
            insort(lengths, len(rule.lhs))

    def remove(self, rule: Rule) -> None:
        """Take a rule out; lengths that no rule has any more only cost a look-up."""
        if rule.variables:
            self._schematic[self.alphabet.shapes[rule.lhs[-1]]].remove(rule)
        else:
            del self._ground[rule.lhs]

    def set_modulus(self, place: tuple[int, int], modulus: Modulus) -> None:
        """Let an argument count up to multiples of a period only."""
        self.moduli[place] = modulus
        self._canonical.clear()

    def canonical(self, code: int) -> int:
        """The letter with every argument that has a period brought into ``(-period/2, period/2]``."""
        if not self.moduli:
            return code
        found = self._canonical.get(code)
        if found is None:
            shape = self.alphabet.shapes[code]
            old = self.alphabet.arguments[code]
            new = tuple(_reduced(item, self.period(shape, place)) for place, item in enumerate(old))
            found = code if new == old else self.alphabet.with_arguments(code, new)
            self._canonical[code] = found
        return found

    def period(self, shape: int, place: int) -> Period:
        """The period of an argument, if it has one."""
        modulus = self.moduli.get((shape, place))
        return None if modulus is None else modulus.period

    def periods(self, codes: Iterable[int]) -> list[Period]:
        """The periods of all arguments of a word, in one list."""
        shapes, arguments = self.alphabet.shapes, self.alphabet.arguments
        return [self.period(shapes[code], place) for code in codes for place in range(len(arguments[code]))]

    def match(self, rule: Rule, codes: Codes) -> Bindings | None:
        """The bindings that make the left side of a schematic rule into `codes`, of the same shapes."""
        arguments = self.alphabet.arguments
        subjects = [item for code in codes for item in arguments[code]]
        bindings: Bindings | None
        if rule.plain is not None:
            bindings = dict(zip(rule.plain, subjects, strict=True))
        else:
            bindings = match(rule.patterns, subjects, self.periods(codes))
        nonzero = rule.lemma.nonzero
        if bindings is not None and nonzero and any(bindings[name] == 0 for name in nonzero):
            return None
        return bindings

    def rewrite(self, rule: Rule, codes: Codes) -> tuple[Bindings, Codes] | None:
        """The bindings and the instance of the right side with which a schematic rule replaces `codes`."""
        bindings = self.match(rule, codes)
        if bindings is None:
            return None
        try:
            return bindings, self.alphabet.instantiate(rule.rhs, bindings)
        except (ZeroDivisionError, ValueError, TypeError):  # the right side makes no sense at these arguments
            return None

    def reducible(self, codes: Codes, rule: Rule) -> bool:
        """Whether this one rule applies somewhere in a word."""
        length = len(rule.lhs)
        for start in range(len(codes) - length + 1):
            part = codes[start : start + length]
            if not rule.variables:
                if part == rule.lhs:
                    return True
            elif self.alphabet.shapes_of(part) == rule.shapes and self.rewrite(rule, part) is not None:
                return True
        return False

    def reduce(self, codes: Codes, trace: list[Link] | None = None) -> Codes:
        """Rewrite a word until no rule applies.

        Args:
            codes: The word.
            trace: Where the links used are appended; letters are brought into canonical form silently.

        Raises:
            IncompleteError: The word took more than `MAX_STEPS` steps.
        """
        shapes, ground, lengths, schematic = (
            self.alphabet.shapes,
            self._ground,
            self._lengths,
            self._schematic,
        )
        canonical = self.canonical
        out: list[int] = []
        todo = list(codes[::-1])
        steps = 0
        while todo:
            code = canonical(todo.pop())
            out.append(code)
            size = len(out)
            replacement: Codes | None = None
            start, source = 0, None
            bindings: Bindings = {}
            for length in lengths.get(code, ()):
                if length > size:
                    break
                source = ground.get(tuple(out[size - length :]))
                if source is not None:
                    start, bindings, replacement = size - length, {}, source.rhs
                    break
            else:
                for rule in schematic.get(shapes[code], ()):
                    start = size - len(rule.lhs)
                    if start < 0:
                        break
                    part = tuple(out[start:])
                    if tuple([shapes[other] for other in part]) != rule.shapes:
                        continue
                    rewritten = self.rewrite(rule, part)
                    if rewritten is not None:
                        source = rule
                        bindings, replacement = rewritten
                        break
            if replacement is None or source is None:
                continue
            steps += 1
            if steps > MAX_STEPS:
                raise IncompleteError(f"gave up on a word of {len(codes)} letters after {MAX_STEPS} rewriting steps")
            if trace is not None:
                trace.append(Link(source.lemma, True, start, bindings))
            del out[start:]
            todo.extend(replacement[::-1])
        return tuple(out)


def _reduced(argument: Value, period: Period) -> Value:
    """The argument with its constant part in ``(-period/2, period/2]``."""
    if period is None or not isinstance(argument, Fraction | Expression):
        return argument
    constant = argument if isinstance(argument, Fraction) else dict(argument.terms).get((), Fraction(0))
    least = constant % period
    if 2 * least > period:
        least -= period
    return expressions.add(argument, least - constant)
