"""Knuth-Bendix completion of presentations, schematic laws included.

The classical procedure for string rewriting (Sims, *Computation with finitely presented groups*, 1994,
chapter 2) with three additions: the letters of families carry arguments, so that overlaps are found by
unification; an equation ``f(a) = f(a + c)`` becomes a modulus instead of a rule; and letters that are found
to be invertible get a formal inverse. Every rule keeps the chain of equations that proves it.
"""

import heapq
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import count
from math import gcd
from typing import NamedTuple

from augalgebra.algebra.alphabet import Alphabet, Codes
from augalgebra.algebra.expressions import Value, as_variable, difference, substitute, variable
from augalgebra.algebra.inverses import Inverses
from augalgebra.algebra.laws import Law
from augalgebra.algebra.overlaps import critical_pairs, shifted_pairs
from augalgebra.algebra.presentation import Presentation
from augalgebra.algebra.rewriting import RewritingSystem
from augalgebra.algebra.rules import (
    Equation,
    Lemma,
    Link,
    Modulus,
    Rule,
    RuleSet,
    backwards,
    equation_text,
    required_by,
    tidy,
)
from augalgebra.algebra.unification import Undecided, denominators, match


def complete(
    presentation: Presentation, *, max_rules: int = 400, max_length: int = 24, max_steps: int = 20_000
) -> RewritingSystem:
    """Turn a presentation into rewriting rules by which normal forms can be computed.

    The exact laws are completed first, so that what follows from them is never blamed on an approximate one.

    Args:
        presentation: The generators and laws.
        max_rules: Stop when there are more rules.
        max_length: Set equations with a longer side aside (longer laws raise the bound).
        max_steps: Stop after this many equations.

    Returns:
        The rules. They are sound in any case; `RewritingSystem.completed` says whether normal forms decide
        equality.

    Example:
        >>> from augalgebra.algebra.laws import parse_law
        >>> from augalgebra.algebra.parsing import parse_word
        >>> laws = [parse_law("s * s = id"), parse_law("r^4 = id"), parse_law("s * r * s = r^-1")]
        >>> str(complete(Presentation.of(laws)).normal_form(parse_word("r^2 * s * r")))
        'r * s'
    """
    alphabet = Alphabet(late=presentation.defined, preferred=presentation.preferred)
    axioms = [_axiom(alphabet, law) for law in presentation.equations]
    longest = max((len(side) for axiom in axioms for side in (axiom.lhs, axiom.rhs)), default=0)
    limits = _Limits(max_rules, max(max_length, longest), max_steps)
    exact = [axiom for axiom, law in zip(axioms, presentation.equations, strict=True) if law.scope == "exact"]
    run = _Completion(RuleSet(alphabet), Inverses(alphabet), limits)
    run.complete(exact)
    system = RewritingSystem(presentation.exact_only(), run.rules, run.inverses, run.problem(), exact)
    if len(exact) == len(axioms):
        return system
    further = _Completion(run.rules.copy(), run.inverses.copy(), limits)
    further.open = list(run.open)
    further.complete(axioms, already=exact)
    return RewritingSystem(presentation, further.rules, further.inverses, further.problem(), axioms, system)


class _Limits(NamedTuple):
    rules: int
    length: int
    steps: int


class _Open(NamedTuple):
    """A question that completion left open, with the equation to ask it about again if there is one."""

    problem: str
    equation: Equation | None
    rules: tuple[Rule, ...] = ()


class _Completion:
    """One run of the procedure.

    Attributes:
        rules: The rules found so far.
        inverses: The letters found to be invertible.
        open: What could not be settled.
    """

    def __init__(self, rules: RuleSet, inverses: Inverses, limits: _Limits) -> None:
        self.rules, self.inverses, self.limits = rules, inverses, limits
        self.alphabet = rules.alphabet
        self.open: list[_Open] = []
        self._stopped = ""
        self._steps = 0
        self._heap: list[tuple[int, int, Equation]] = []
        self._tickets = count()
        self._serials = count(max((rule.serial for rule in rules.rules), default=-1) + 1)

    def complete(self, axioms: Sequence[Lemma], already: Sequence[Lemma] = ()) -> None:
        """Work until every overlap of rules is settled or a bound is reached."""
        for axiom in axioms:
            if axiom not in already:
                self._push(_stated(self.alphabet, axiom))
        sources = axioms
        while True:
            for fact in self.inverses.learn(sources):
                for lemma in self.inverses.equations(fact):
                    self._push(_stated(self.alphabet, lemma))
            if not self._heap:
                self._ask_again()
            if not self._heap or self._stopped:
                return
            self._drain()
            sources = [rule.lemma for rule in self.rules.rules]

    def problem(self) -> str:
        """Why normal forms may fail to decide equality; empty when they do not."""
        if self._stopped:
            return self._stopped
        left = [question.problem for question in self.open if all(rule.active for rule in question.rules)]
        if not left:
            return ""
        return left[0] + (f" (and {len(left) - 1} more like it)" if len(left) > 1 else "")

    def _drain(self) -> None:
        while self._heap:
            self._steps += 1
            if self._steps > self.limits.steps:
                self._stopped = f"stopped after {self.limits.steps} equations"
            elif len(self.rules) > self.limits.rules:
                self._stopped = f"stopped at {self.limits.rules} rules"
            if self._stopped:
                return
            _, _, equation = heapq.heappop(self._heap)
            reduced = self._reduced(equation)
            if reduced is not None:
                self._settle(reduced)

    def _push(self, equation: Equation) -> None:
        reduced = self._reduced(equation)
        if reduced is not None:
            size = len(reduced.lhs) + len(reduced.rhs)
            heapq.heappush(self._heap, (size, next(self._tickets), reduced))

    def _reduced(self, equation: Equation) -> Equation | None:
        """The equation between the reduced words, or None when they are the same."""
        before: list[Link] = []
        after: list[Link] = []
        lhs = self.rules.reduce(equation.lhs, before)
        rhs = self.rules.reduce(equation.rhs, after)
        if lhs == rhs:
            return None
        try:
            nonzero = equation.nonzero | required_by(before) | required_by(after)
        except (Undecided, ZeroDivisionError):
            text = equation_text(self.alphabet, equation.lhs, equation.rhs)
            self.open.append(_Open(f"the parameters at which {text} holds are too entangled", None))
            return None
        return Equation(lhs, rhs, (*backwards(before), *equation.chain, *after), nonzero)

    def _settle(self, equation: Equation) -> None:
        """Make an equation a rule or a modulus, or set it aside."""
        if max(len(equation.lhs), len(equation.rhs)) > self.limits.length:
            self._set_aside(equation, f"equations longer than {self.limits.length} letters were set aside")
            return
        oriented = self._oriented(equation)
        if oriented is None:
            if not self._found_modulus(equation) and not self._found_modulus(equation.reversed()):
                self._set_aside(equation, "cannot be oriented")
            return
        lemma = tidy(self.alphabet, oriented.lhs, oriented)
        if lemma is None or not _usable(self.alphabet, lemma):
            self._set_aside(equation, "cannot be used as a rule")
            return
        self._add(Rule(self.alphabet, lemma, next(self._serials)))

    def _set_aside(self, equation: Equation, problem: str) -> None:
        text = problem
        if problem.startswith("cannot"):
            text = f"{equation_text(self.alphabet, equation.lhs, equation.rhs)} {problem}"
        self.open.append(_Open(text, equation))

    def _ask_again(self) -> None:
        """Look whether later rules settled what was set aside."""
        questions, self.open = self.open, []
        for question in questions:
            if question.equation is None:
                self.open.append(question)
                continue
            reduced = self._reduced(question.equation)
            if reduced is None:
                continue
            if (reduced.lhs, reduced.rhs) == (question.equation.lhs, question.equation.rhs):
                self.open.append(question)
            else:
                self._push(reduced)

    def _oriented(self, equation: Equation) -> Equation | None:
        """The equation with its larger side first, or None when neither side is larger for all values."""
        alphabet, lhs, rhs = self.alphabet, equation.lhs, equation.rhs
        left, right = alphabet.precedence(lhs), alphabet.precedence(rhs)
        if left == right and not alphabet.variables_of((*lhs, *rhs)):
            # Only finitely many such letters occur in rules, so that comparing arguments is well-founded.
            first, second = alphabet.fine_precedence(lhs), alphabet.fine_precedence(rhs)
            return equation if first > second else equation.reversed()
        if left == right:
            return None
        return equation if left > right else equation.reversed()

    def _add(self, rule: Rule) -> None:
        """Take a rule in, simplify the others with it and queue its overlaps."""
        others = self.rules.rules
        self.rules.add(rule)
        for other in others:
            if self.rules.reducible(other.lhs, rule):
                self._retire(other)
            elif self.rules.reducible(other.rhs, rule):
                self._restate(other)
        for other in self.rules.rules:
            self._push_all(critical_pairs(self.rules, rule, other), rule, other)
            if other is not rule:
                self._push_all(critical_pairs(self.rules, other, rule), rule, other)
        if rule.variables and self.rules.moduli:
            self._push_all(shifted_pairs(self.rules, rule), rule, rule)

    def _retire(self, rule: Rule) -> None:
        """Take a rule out and settle its equation anew."""
        self.rules.remove(rule)
        rule.active = False
        self._push(_stated(self.alphabet, rule.lemma))

    def _restate(self, rule: Rule) -> None:
        """Reduce the right side of a rule, unless that would narrow where it holds."""
        trace: list[Link] = []
        rhs = self.rules.reduce(rule.rhs, trace)
        chain = (*_stated(self.alphabet, rule.lemma).chain, *trace)
        nonzero = rule.lemma.nonzero
        try:
            if required_by(trace) <= nonzero:
                rule.restate(Lemma(rule.lhs, rhs, chain, nonzero=nonzero))
        except (Undecided, ZeroDivisionError):
            return

    def _found_modulus(self, equation: Equation) -> bool:
        """Take in an equation that says that a family repeats itself in one of its arguments."""
        lemma = tidy(self.alphabet, equation.lhs, equation)
        if lemma is None or len(lemma.lhs) != 1 or len(lemma.rhs) != 1 or lemma.nonzero:
            return False
        (code,), (other,) = lemma.lhs, lemma.rhs
        shape = self.alphabet.shapes[code]
        old, new = self.alphabet.arguments[code], self.alphabet.arguments[other]
        plain = [as_variable(item) for item in old]
        moved = [place for place, item in enumerate(old) if item != new[place]]
        if shape != self.alphabet.shapes[other] or None in plain or len(set(plain)) < len(old) or len(moved) != 1:
            return False
        (place,) = moved
        shift = difference(new[place], old[place])
        if not isinstance(shift, Fraction):
            return False
        known = self.rules.moduli.get((shape, place), Modulus(Fraction(0)))
        shifts = [*known.shifts, (shift, lemma)]
        self.rules.set_modulus((shape, place), Modulus(_common_divisor(known.period, shift), shifts))
        for rule in self.rules.rules:
            if any(shape in self.alphabet.shapes_of(side) for side in (rule.lhs, rule.rhs)):
                self._retire(rule)
        return True

    def _push_all(self, pairs: Iterable[Equation | None], first: Rule, second: Rule) -> None:
        for pair in pairs:
            if pair is not None:
                self._push(pair)
                continue
            one = equation_text(self.alphabet, first.lhs, first.rhs)
            two = equation_text(self.alphabet, second.lhs, second.rhs)
            both = one if first is second else f"{one} and {two}"
            self.open.append(_Open(f"the parameters in {both} are too entangled to compare", None, (first, second)))


def _axiom(alphabet: Alphabet, law: Law) -> Lemma:
    lhs, rhs = alphabet.encode(law.lhs), alphabet.encode(law.rhs)
    return Lemma(lhs, rhs, axiom=law, nonzero=denominators(_arguments(alphabet, (*lhs, *rhs))))


def _stated(alphabet: Alphabet, lemma: Lemma) -> Equation:
    """The lemma as an equation that it proves."""
    own: dict[str, Value] = {name: variable(name) for name in alphabet.variables_of((*lemma.lhs, *lemma.rhs))}
    return Equation(lemma.lhs, lemma.rhs, (Link(lemma, True, 0, own),), lemma.nonzero)


def _usable(alphabet: Alphabet, lemma: Lemma) -> bool:
    """Whether matching the left side always binds every variable."""
    opaque: dict[str, Value] = {name: variable(f"!{name}") for name in alphabet.variables_of(lemma.lhs)}
    patterns = _arguments(alphabet, lemma.lhs)
    subjects = [substitute(item, opaque) for item in patterns]
    bindings = match(patterns, subjects, [None] * len(patterns))
    return bindings == opaque and alphabet.variables_of(lemma.rhs).keys() <= opaque.keys()


def _arguments(alphabet: Alphabet, codes: Codes) -> list[Value]:
    return [item for code in codes for item in alphabet.arguments[code]]


def _common_divisor(one: Fraction, two: Fraction) -> Fraction:
    scale = one.denominator * two.denominator
    return Fraction(gcd(int(one * scale), int(two * scale)), scale)
