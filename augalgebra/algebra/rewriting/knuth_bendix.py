"""The completion procedure itself: equations in, rules out."""

import heapq
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import combinations, count, permutations
from typing import Any, NamedTuple, TypeAlias

from augalgebra.algebra.conditions import ALWAYS, Conditions
from augalgebra.algebra.expressions import Value, as_variable, difference, substitute, variable, variables_of
from augalgebra.algebra.rewriting.alphabet import Alphabet, Codes
from augalgebra.algebra.rewriting.critical_pairs import critical_pair, overlaps, shifted_pairs
from augalgebra.algebra.rewriting.invertibility import Inverses
from augalgebra.algebra.rewriting.rule_set import RuleSet, Shift
from augalgebra.algebra.rewriting.rules import (
    Equation,
    InverseFact,
    Lemma,
    Link,
    Rule,
    backwards,
    equation_text,
    needed_by,
    required_by,
    tidy,
)
from augalgebra.algebra.unification import Bindings, Undecided, carry_nonzero, match, unify

Order: TypeAlias = Callable[[Codes], Any]
"""The key by which words compare, blind to arguments; rules lead to words with smaller keys."""

LETTERS_A_STEP = 300
"""Letters read in reducing an equation that count as much as one more equation."""
MAX_SORTED = 4
"""Letters of self-commuting families whose every order is tried when an equation is tested."""


class Limits(NamedTuple):
    """Where completion stops.

    Attributes:
        rules: Most rules.
        length: Longest side of an equation; longer ones are set aside.
        steps: Most equations looked at, each counted once, once more for every letter with variables in it, and once
            more for every `LETTERS_A_STEP` letters that are read to reduce it.
    """

    rules: int
    length: int
    steps: int


class _Overlap(NamedTuple):
    """A word to which two rules apply, not looked at yet."""

    first: Rule
    second: Rule
    place: int
    shared: int


class _Open(NamedTuple):
    """A question that completion left open, with the equation to ask it about again if there is one."""

    problem: str
    equation: Equation | None
    rules: tuple[Rule, ...] = ()


class Procedure:
    """One run of the completion procedure; it can be resumed with wider limits.

    Attributes:
        rules: The rules found so far.
        inverses: The letters found to be invertible.
        limits: Where to stop.
        cut_short: Whether a limit was met.
    """

    def __init__(self, rules: RuleSet, inverses: Inverses, order: Order, limits: Limits) -> None:
        self.rules, self.inverses, self.order, self.limits = rules, inverses, order, limits
        self.alphabet = rules.alphabet
        self.cut_short = False
        self._open: list[_Open] = []
        self._stopped = ""
        self._steps = 0
        self._heap: list[tuple[bool, int, int, Equation | _Overlap]] = []  # by turn, length, age
        self._tickets = count()
        self._serials = count(max((rule.serial for rule in rules.rules), default=-1) + 1)

    def continued(self) -> "Procedure":
        """A procedure that starts from what this one has found."""
        other = Procedure(self.rules.copy(), self.inverses.copy(), self.order, self.limits)
        other._open, other._heap, other._stopped = list(self._open), list(self._heap), self._stopped
        other._tickets = count(next(self._tickets))
        return other

    def complete(self, axioms: Sequence[Lemma], already: Sequence[Lemma] = ()) -> None:
        """Work until every overlap of rules is settled or a limit is met.

        Args:
            axioms: All equations to start from.
            already: Those among them that were taken in before.
        """
        self._stopped, self.cut_short = "", False
        questions, self._open = self._open, []
        for question in questions:  # the limits may be wider now
            if question.equation is None:
                self._open.append(question)
            else:
                self._push(question.equation)
        for fact in self.inverses.facts:
            self._state(fact)
        for axiom in axioms:
            if axiom not in already:
                self._push(_stated(self.alphabet, axiom))
        sources = axioms
        while True:
            for fact in self.inverses.learn(sources):
                self._state(fact)
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
        left = [question.problem for question in self._open if all(rule.active for rule in question.rules)]
        left += self._forgetful()
        if not left:
            return ""
        return left[0] + (f" (and {len(left) - 1} more like it)" if len(left) > 1 else "")

    def _forgetful(self) -> list[str]:
        """The rules to words that keep less, after which laws for some pictures are no longer seen to apply."""
        alphabet, rules = self.alphabet, self.rules.rules
        needed = [frozenset((one,)) for one in ALWAYS.union(*(rule.conditions for rule in rules))]
        return [
            f"{equation_text(alphabet, rule.lhs, rule.rhs)} leads to a word that is not known to keep as much"
            for rule in rules
            if any(alphabet.keeps(rule.lhs, one) and not alphabet.keeps(rule.rhs, one) for one in needed)
        ]

    def _state(self, fact: InverseFact) -> None:
        for lemma in self.inverses.equations(fact):
            self._push(_stated(self.alphabet, lemma))

    def _drain(self) -> None:
        while self._heap:
            if self._steps > self.limits.steps:
                self._stopped = f"stopped after {self.limits.steps} steps"
            elif len(self.rules) > self.limits.rules:
                self._stopped = f"stopped at {self.limits.rules} rules"
            if self._stopped:
                self.cut_short = True
                return
            *_, item = heapq.heappop(self._heap)
            equation = self._between(item) if isinstance(item, _Overlap) else item
            reduced = None if equation is None else self._reduced(equation)
            if reduced is not None:
                self._settle(reduced)

    def _push(self, equation: Equation) -> None:
        """Queue an equation; equations have their turn before overlaps, of which there may be no end."""
        reduced = self._reduced(equation)
        if reduced is not None:
            length = len(reduced.lhs) + len(reduced.rhs)
            heapq.heappush(self._heap, (False, length, next(self._tickets), reduced))

    def _between(self, overlap: _Overlap) -> Equation | None:
        """The equation that an overlap gives, unless a rule has gone: then its equation was asked anew."""
        first, second = overlap.first, overlap.second
        if not (first.active and second.active):
            return None
        try:
            return critical_pair(self.rules, *overlap)
        except Undecided:
            self._leave_undecided(first, second)
            return None

    def _reduced(self, equation: Equation) -> Equation | None:
        """The equation between the reduced words, or None when they are the same."""
        variables = self.alphabet.variables
        self._steps += 1 + sum(1 for code in (*equation.lhs, *equation.rhs) if variables[code])
        read_before = self.rules.letters_read
        before: list[Link] = []
        after: list[Link] = []
        # Words without variables may be sorted by values; the others only by every order in turn, see below.
        ground = not self.alphabet.variables_of((*equation.lhs, *equation.rhs))
        ranking = self.rules.natural if ground else None
        within = needed_by(equation.chain)  # an equation for every picture stays one
        lhs = self.rules.reduce(equation.lhs, before, ranking, within)
        rhs = self.rules.reduce(equation.rhs, after, ranking, within)
        self._steps += (self.rules.letters_read - read_before) // LETTERS_A_STEP
        if lhs == rhs and not (before or after):
            return None
        try:
            required = required_by(before) | required_by(after)
        except (Undecided, ZeroDivisionError):
            self._leave_open(equation, "holds for parameters that are too entangled")
            return None
        if not required <= equation.nonzero:
            self._leave_open(equation, "could not be settled where a parameter is zero")
        if lhs == rhs:
            return None
        found = Equation(lhs, rhs, (*backwards(before), *equation.chain, *after), equation.nonzero | required)
        if not ground and self._joins_sorted(lhs, rhs, found.nonzero, within):
            return None
        return found

    def _joins_sorted(self, lhs: Codes, rhs: Codes, nonzero: frozenset[str], within: Conditions) -> bool:
        """Whether two words meet once neighbours of self-commuting families are sorted, whatever the values.

        Every order of the letters is tried, and every case in which two of them are equal.
        """
        shapes = self.alphabet.shapes
        letters = list(dict.fromkeys(code for code in (*lhs, *rhs) if shapes[code] in self.rules.commuting))
        if not 1 < len(letters) <= MAX_SORTED:
            return False
        for order in permutations(range(len(letters))):
            ranking = dict(zip(letters, order, strict=True)).get
            traces: tuple[list[Link], list[Link]] = ([], [])
            left, right = (
                self.rules.reduce(side, trace, ranking, within) for side, trace in zip((lhs, rhs), traces, strict=True)
            )
            if left != right:
                return False
            try:
                if not required_by([*traces[0], *traces[1]]) <= nonzero:
                    return False
            except (Undecided, ZeroDivisionError):
                return False
        return all(
            self._joins_where_equal(lhs, rhs, nonzero, within, first, second)
            for first, second in combinations(letters, 2)
            if shapes[first] == shapes[second]
        )

    def _joins_where_equal(
        self, lhs: Codes, rhs: Codes, nonzero: frozenset[str], within: Conditions, first: int, second: int
    ) -> bool:
        alphabet = self.alphabet
        try:
            unifier = unify(
                alphabet.arguments[first], alphabet.arguments[second], self.rules.periods((first,), (second,))
            )
            if unifier is None:
                return True
            carried = carry_nonzero(nonzero, unifier.bindings)
            if carried is None:
                return True
            left, right = (
                self.rules.reduce(alphabet.instantiate(side, unifier.bindings), within=within) for side in (lhs, rhs)
            )
        except (Undecided, ZeroDivisionError, ValueError, TypeError):
            return False
        return left == right or self._joins_sorted(left, right, carried | unifier.nonzero, within)

    def _settle(self, equation: Equation) -> None:
        """Make an equation a rule, a shift or an exchange of neighbours, or set it aside."""
        if max(len(equation.lhs), len(equation.rhs)) > self.limits.length:
            self._open.append(_Open(f"equations longer than {self.limits.length} letters were set aside", equation))
            self.cut_short = True
            return
        oriented = self._oriented(equation)
        if oriented is not None:
            lemma = tidy(self.alphabet, oriented.lhs, oriented)
            if lemma is not None and _is_usable(self.alphabet, lemma):
                self._add(Rule(self.alphabet, lemma, next(self._serials)))
                return
        elif any(
            find(reading)
            for reading in (equation, equation.reversed())
            for find in (self._found_shift, self._found_exchange)
        ):
            return
        self._leave_open(equation, "cannot be oriented", ask_again=True)

    def _leave_open(self, equation: Equation, problem: str, *, ask_again: bool = False) -> None:
        text = equation_text(self.alphabet, equation.lhs, equation.rhs)
        self._open.append(_Open(f"{text} {problem}", equation if ask_again else None))

    def _ask_again(self) -> None:
        """Look whether later rules settled what was set aside."""
        questions, self._open = self._open, []
        for question in questions:
            if question.equation is None:
                self._open.append(question)
                continue
            reduced = self._reduced(question.equation)
            if reduced is None:
                continue
            if (reduced.lhs, reduced.rhs) == (question.equation.lhs, question.equation.rhs):
                self._open.append(question)
            else:
                self._push(reduced)

    def _oriented(self, equation: Equation) -> Equation | None:
        """The equation with its larger side first, or None when neither side is larger for all values."""
        alphabet, lhs, rhs = self.alphabet, equation.lhs, equation.rhs
        left, right = self.order(lhs), self.order(rhs)
        if left == right:
            if alphabet.variables_of((*lhs, *rhs)):
                return None
            # Only finitely many such letters occur in rules, so that comparing arguments is well-founded.
            left, right = alphabet.fine_precedence(lhs), alphabet.fine_precedence(rhs)
        return equation if left > right else equation.reversed()

    def _add(self, rule: Rule) -> None:
        """Take a rule in, simplify the others with it and queue its overlaps."""
        others = self.rules.rules
        self.rules.add(rule)
        for shape, exchange in list(self.rules.commuting.items()):
            if not rule.conditions and self.rules.reducible(exchange.lhs, rule):
                del self.rules.commuting[shape]
                exchange.active = False
                self._push(_stated(self.alphabet, exchange.lemma))
        for other in others:
            if not rule.conditions <= other.conditions:
                continue  # it holds for more pictures, and is still needed for those
            if self.rules.reducible(other.lhs, rule, other.lemma.nonzero):
                self._retire(other)
            elif self.rules.reducible(other.rhs, rule, other.lemma.nonzero):
                self._restate(other)
        for other in (*self.rules.rules, *self.rules.commuting.values()):
            self._push_overlaps(rule, other)
        if rule.variables and self.rules.shifts:
            for pair in shifted_pairs(self.rules, rule):
                if pair is None:
                    self._leave_undecided(rule, rule)
                else:
                    self._push(pair)

    def _retire(self, rule: Rule) -> None:
        """Take a rule out and settle its equation anew."""
        self.rules.remove(rule)
        rule.active = False
        self._push(_stated(self.alphabet, rule.lemma))

    def _restate(self, rule: Rule) -> None:
        """Reduce the right side of a rule, unless that would narrow where it holds."""
        trace: list[Link] = []
        rhs = self.rules.reduce(rule.rhs, trace, within=rule.conditions)
        chain = (*_stated(self.alphabet, rule.lemma).chain, *trace)
        nonzero = rule.lemma.nonzero
        try:
            if required_by(trace) <= nonzero:
                self.rules.restate(rule, Lemma(rule.lhs, rhs, chain, nonzero=nonzero))
        except (Undecided, ZeroDivisionError):
            return

    def _found_shift(self, equation: Equation) -> bool:
        """Take in an equation that says that a family repeats itself in one of its arguments."""
        lemma = tidy(self.alphabet, equation.lhs, equation)
        if lemma is None or len(lemma.lhs) != 1 or len(lemma.rhs) != 1 or lemma.nonzero or lemma.conditions:
            return False
        (code,), (other,) = lemma.lhs, lemma.rhs
        shape = self.alphabet.shapes[code]
        old, new = self.alphabet.arguments[code], self.alphabet.arguments[other]
        moved = [place for place, item in enumerate(old) if item != new[place]]
        fixed = {place: item for place, item in enumerate(old) if not variables_of(item)}
        names = [as_variable(item) for place, item in enumerate(old) if place not in fixed]
        if len(moved) != 1 or None in names or len(set(names)) < len(names):
            return False
        amount = difference(new[moved[0]], old[moved[0]])
        if not isinstance(amount, Fraction) or moved[0] in fixed:
            return False
        self.rules.add_shift(Shift(shape, moved[0], fixed, amount, lemma))
        for rule in self.rules.rules:
            if any(shape in self.alphabet.shapes_of(side) for side in (rule.lhs, rule.rhs)):
                self._retire(rule)
        return True

    def _found_exchange(self, equation: Equation) -> bool:
        """Take in an equation that says that a family commutes with itself."""
        lemma = tidy(self.alphabet, equation.lhs, equation)
        if lemma is None or len(lemma.lhs) != 2 or lemma.rhs != lemma.lhs[::-1] or lemma.nonzero or lemma.conditions:
            return False
        shape, other = self.alphabet.shapes_of(lemma.lhs)
        first, second = ([as_variable(item) for item in self.alphabet.arguments[code]] for code in lemma.lhs)
        apart = [two for one, two in zip(first, second, strict=False) if one != two]
        names = [*first, *apart]
        if shape != other or shape in self.rules.commuting or None in names or len(set(names)) < len(names):
            return False
        exchange = Rule(self.alphabet, lemma, next(self._serials))
        self.rules.commuting[shape] = exchange
        for rule in self.rules.rules:
            self._push_overlaps(exchange, rule)
        return True

    def _push_overlaps(self, rule: Rule, other: Rule) -> None:
        for first, second in ((rule, other), (other, rule)) if other is not rule else ((rule, rule),):
            for place, shared in overlaps(first, second):
                length = max(len(first.lhs), place + len(second.lhs))
                overlap = _Overlap(first, second, place, shared)
                heapq.heappush(self._heap, (True, length, next(self._tickets), overlap))

    def _leave_undecided(self, first: Rule, second: Rule) -> None:
        one = equation_text(self.alphabet, first.lhs, first.rhs)
        two = equation_text(self.alphabet, second.lhs, second.rhs)
        both = one if first is second else f"{one} and {two}"
        problem = f"the parameters in {both} are too entangled to compare"
        self._open.append(_Open(problem, None, (first, second)))


def _stated(alphabet: Alphabet, lemma: Lemma) -> Equation:
    """The lemma as an equation that it proves."""
    own: Bindings = {name: variable(name) for name in alphabet.variables_of((*lemma.lhs, *lemma.rhs))}
    return Equation(lemma.lhs, lemma.rhs, (Link(lemma, True, 0, own),), lemma.nonzero)


def _is_usable(alphabet: Alphabet, lemma: Lemma) -> bool:
    """Whether matching the left side always binds every variable."""
    opaque: Bindings = {name: variable(f"!{name}") for name in alphabet.variables_of(lemma.lhs)}
    patterns: list[Value] = [item for code in lemma.lhs for item in alphabet.arguments[code]]
    subjects = [substitute(item, opaque) for item in patterns]
    bindings = match(patterns, subjects, [None] * len(patterns))
    return bindings == opaque and alphabet.variables_of(lemma.rhs).keys() <= opaque.keys()
