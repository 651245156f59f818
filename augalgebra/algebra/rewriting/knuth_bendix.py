"""The completion procedure itself (Knuth and Bendix): equations in, rules out.

Equations wait in a queue. Each is reduced by the rules there are and oriented by the reduction order into a new rule,
by which the others are reduced (inter-reduction) and with which their critical pairs are queued. Once nothing waits,
the rules are confluent: the system is complete.
"""

import heapq
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, NamedTuple, TypeAlias

from augalgebra.algebra.conditions import ALWAYS
from augalgebra.algebra.expressions import Value, substitute, variable
from augalgebra.algebra.rewriting.alphabet import Alphabet, Codes
from augalgebra.algebra.rewriting.critical_pairs import critical_pair, joins_when_sorted, overlaps, period_pairs
from augalgebra.algebra.rewriting.equations import (
    Equation,
    Rule,
    Step,
    TwoSidedInverse,
    cite,
    conditions_of,
    equation_text,
    nonzero_of,
    reverse,
    tidy,
)
from augalgebra.algebra.rewriting.invertibility import Inverses
from augalgebra.algebra.rewriting.rule_set import RuleSet
from augalgebra.algebra.rewriting.unorientable import as_commutation, as_period_relation
from augalgebra.algebra.unification import Bindings, Undecided, match

Order: TypeAlias = Callable[[Codes], Any]
"""The reduction order, as the key by which words compare, blind to arguments: rules lead to smaller keys."""

LETTERS_A_STEP = 300
"""Letters read in reducing an equation that count as much as one more equation."""


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


_Overlap: TypeAlias = tuple[Rule, Rule, int, int]
"""A word to which two rules apply, not looked at yet: where the second begins, and how many letters they share."""


class _Open(NamedTuple):
    """A question that completion left open, with the equation to ask it about again if there is one."""

    problem: str
    equation: Equation | None
    rules: tuple[Rule, ...] = ()


class Completion:
    """One run of the completion procedure; it can be resumed with wider limits.

    Attributes:
        rules: The rules found so far.
        inverses: The letters found to be invertible.
        limits: Where to stop.
        balances: Whether letters may be undone on the other side of an equation; what makes them invertible must
            then be as strong as any equation.
        cut_short: Whether a limit was met.
    """

    def __init__(
        self, rules: RuleSet, inverses: Inverses, order: Order, limits: Limits, *, balances: bool = False
    ) -> None:
        self.rules, self.inverses, self.order, self.limits = rules, inverses, order, limits
        self.balances = balances
        self.alphabet = rules.alphabet
        self.cut_short = False
        self._open: list[_Open] = []
        self._stopped = ""
        self._steps = 0
        self._heap: list[tuple[bool, int, int, Equation | _Overlap]] = []  # by turn, length, age
        self._tickets = count()
        self._serials = count(max((rule.serial for rule in rules.rules), default=-1) + 1)

    def fork(self) -> "Completion":
        """A completion of its own that starts from what this one has found."""
        other = Completion(self.rules.copy(), self.inverses.copy(), self.order, self.limits)
        other._open, other._heap, other._stopped = list(self._open), list(self._heap), self._stopped
        other._tickets = count(next(self._tickets))
        return other

    def complete(self, axioms: Sequence[Equation], already: Sequence[Equation] = ()) -> None:
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
        self.inverses.learn(axioms)
        for fact in self.inverses.facts:
            self._state(fact)
        for axiom in axioms:
            if axiom not in already:
                self._push(self._balanced(cite(self.alphabet, axiom)))
        while True:
            if not self._heap:
                self._ask_again()
            if not self._heap or self._stopped:
                return
            self._process()
            for fact in self.inverses.learn([rule.equation for rule in self.rules.rules]):
                self._state(fact)

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

    def _state(self, fact: TwoSidedInverse) -> None:
        for equation in self.inverses.equations(fact):
            self._push(cite(self.alphabet, equation))

    def _process(self) -> None:
        most_rules, _, most_steps = self.limits
        while self._heap:
            if self._steps > most_steps:
                self._stopped = f"stopped after {most_steps} steps"
            elif len(self.rules) > most_rules:
                self._stopped = f"stopped at {most_rules} rules"
            if self._stopped:
                self.cut_short = True
                return
            *_, item = heapq.heappop(self._heap)
            equation = self._between(item) if isinstance(item, tuple) else item
            reduced = None if equation is None else self._reduced(equation)
            if reduced is not None:
                self._orient(reduced)

    def _balanced(self, equation: Equation) -> Equation:
        """An axiom with half of what its longer side has more moved over, if that can be undone.

        ``r^12 = id`` becomes ``r^6 = r^-6`` at once, instead of one letter at a time by critical pairs. These stay as
        they are: what they say has to be seen by reducing it, not only to follow.
        """
        if len(equation.lhs) < len(equation.rhs):
            equation = equation.reversed()
        if not self.balances or len(equation.lhs) < 3:  # shorter ones say that letters undo each other
            return equation
        many = (len(equation.lhs) - len(equation.rhs)) // 2
        place = len(equation.lhs) - many
        inserted: list[Step] = []
        undone: Codes = ()
        for code in equation.lhs[place:]:
            found = None if self.alphabet.arguments[code] else self.inverses.fact(code)
            if found is None:
                return equation
            axiom = self.inverses.axiom(found[0], mirrored=self.alphabet.letters[code].inverse)
            inserted.append(Step(axiom, False, place + len(inserted), {}))
            undone = (self.alphabet.inverse(code), *undone)
        if not inserted:
            return equation
        derivation = (*inserted, *equation.derivation)
        return Equation(equation.lhs[:place], equation.rhs + undone, derivation, equation.nonzero)

    def _push(self, equation: Equation) -> None:
        """Queue an equation; equations have their turn before overlaps, of which there may be no end."""
        reduced = self._reduced(equation)
        if reduced is not None:
            length = len(reduced.lhs) + len(reduced.rhs)
            heapq.heappush(self._heap, (False, length, next(self._tickets), reduced))

    def _between(self, overlap: _Overlap) -> Equation | None:
        """The equation that an overlap gives, unless a rule has gone: then its equation was asked anew."""
        first, second, place, shared = overlap
        if not (first.active and second.active):
            return None
        if self.rules.is_plain and self._joins(overlap):
            return None
        try:
            return critical_pair(self.rules, first, second, place, shared)
        except Undecided:
            self._leave_undecided(first, second)
            return None

    def _joins(self, overlap: _Overlap) -> bool:
        """Whether both results of an overlap are reduced to one word by plain rules, for which no proof is kept."""
        first, second, place, shared = overlap
        read_before = self.rules.letters_read
        one = self.rules.reduce_on(first.rhs, second.lhs[shared:])
        two = self.rules.reduce_on(first.lhs[:place], second.rhs + first.lhs[place + shared :])
        read, self.rules.letters_read = self.rules.letters_read - read_before, read_before
        if one == two:
            self.rules.letters_read += read
            self._steps += 1 + read // LETTERS_A_STEP
        return one == two

    def _reduced(self, equation: Equation) -> Equation | None:
        """The equation between the reduced words, or None when they are the same."""
        # Words without variables may be sorted by values; the others only by every order in turn, see below.
        ground = self.alphabet.parametrised.isdisjoint(equation.lhs + equation.rhs)
        self._steps += 1
        if not ground:
            self._steps += sum(1 for code in (*equation.lhs, *equation.rhs) if code in self.alphabet.parametrised)
        read_before = self.rules.letters_read
        before: list[Step] = []
        after: list[Step] = []
        ranking = self.rules.natural if ground else None
        # an equation for every picture stays one
        within = ALWAYS if self.rules.is_plain else conditions_of(equation.derivation)
        lhs = self.rules.reduce(equation.lhs, before, ranking, within)
        rhs = self.rules.reduce(equation.rhs, after, ranking, within)
        self._steps += (self.rules.letters_read - read_before) // LETTERS_A_STEP
        if lhs == rhs and not (before or after):
            return None
        try:
            required = nonzero_of(before) | nonzero_of(after)
        except (Undecided, ZeroDivisionError):
            self._leave_open(equation, "holds for parameters that are too entangled")
            return None
        if not required <= equation.nonzero:
            self._leave_open(equation, "could not be settled where a parameter is zero")
        if lhs == rhs:
            return None
        found = Equation(lhs, rhs, (*reverse(before), *equation.derivation, *after), equation.nonzero | required)
        if not ground and joins_when_sorted(self.rules, found, within):
            return None
        return found

    def _orient(self, equation: Equation) -> None:
        """Make an equation a rule, a period relation or a commutation, or set it aside."""
        if max(len(equation.lhs), len(equation.rhs)) > self.limits.length:
            self._open.append(_Open(f"equations longer than {self.limits.length} letters were set aside", equation))
            self.cut_short = True
            return
        oriented = self._oriented(equation)
        if oriented is not None:
            renamed = tidy(self.alphabet, oriented.lhs, oriented)
            if renamed is not None and _is_usable(self.alphabet, renamed):
                self._add(Rule(self.alphabet, renamed, next(self._serials)))
                return
        elif self._add_unorientable(equation) or self._add_unorientable(equation.reversed()):
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
        """Take a rule in, reduce the others by it and queue its critical pairs."""
        others = self.rules.rules
        self.rules.add(rule)
        self._interreduce(rule, others)
        self._push_overlaps(rule, (*self.rules.rules, *self.rules.commutations.values()))
        if rule.variables and self.rules.periods.relations:
            for pair in period_pairs(self.rules, rule):
                if pair is None:
                    self._leave_undecided(rule, rule)
                else:
                    self._push(pair)

    def _interreduce(self, rule: Rule, others: Sequence[Rule]) -> None:
        """Reduce both sides of the other rules by a new one."""
        for shape, commutation in list(self.rules.commutations.items()):
            if not rule.conditions and self.rules.reducible(commutation.lhs, rule):
                del self.rules.commutations[shape]
                commutation.active = False
                self._push(cite(self.alphabet, commutation.equation))
        for other in others:
            if not rule.conditions <= other.conditions:
                continue  # it holds for more pictures, and is still needed for those
            if rule.marks in other.marks and self.rules.reducible(other.lhs, rule, other.equation.nonzero):
                self._remove(other)
            elif rule.marks in other.right_marks and self.rules.reducible(other.rhs, rule, other.equation.nonzero):
                self._reduce_right_side(other)

    def _remove(self, rule: Rule) -> None:
        """Take a rule out and queue its equation."""
        self.rules.remove(rule)
        rule.active = False
        self._push(cite(self.alphabet, rule.equation))

    def _reduce_right_side(self, rule: Rule) -> None:
        """Reduce the right side of a rule, unless that would narrow where it holds."""
        trace: list[Step] = []
        rhs = self.rules.reduce(rule.rhs, trace, within=rule.conditions)
        derivation = (*cite(self.alphabet, rule.equation).derivation, *trace)
        nonzero = rule.equation.nonzero
        try:
            if nonzero_of(trace) <= nonzero:
                self.rules.restate(rule, Equation(rule.lhs, rhs, derivation, nonzero=nonzero))
        except (Undecided, ZeroDivisionError):
            return

    def _add_unorientable(self, equation: Equation) -> bool:
        """Take in an equation that is no rule: a period relation, or a commutation of a family with itself."""
        period = as_period_relation(self.alphabet, equation)
        if period is not None:
            for stale in self.rules.add_period_relation(period):
                self._push(cite(self.alphabet, stale))
            for rule in self.rules.rules:
                if period.shape in (*rule.shapes, *self.alphabet.shapes_of(rule.rhs)):
                    self._remove(rule)
            return True
        renamed = as_commutation(self.alphabet, equation)
        if renamed is None or self.alphabet.shapes[renamed.lhs[0]] in self.rules.commutations:
            return False
        commutation = Rule(self.alphabet, renamed, next(self._serials))
        self.rules.commutations[commutation.shapes[0]] = commutation
        self._push_overlaps(commutation, self.rules.rules)
        return True

    def _push_overlaps(self, rule: Rule, others: Sequence[Rule]) -> None:
        """Queue the overlaps of a rule with others; most share no letter, which is seen at once."""
        start, marks = rule.marks[0], rule.marks
        for other in others:
            if other.marks[0] in marks:
                self._push_overlaps_of(rule, other)
            if start in other.marks and other is not rule:
                self._push_overlaps_of(other, rule)

    def _push_overlaps_of(self, first: Rule, second: Rule) -> None:
        for place, shared in overlaps(first, second):
            length = max(len(first.lhs), place + len(second.lhs))
            heapq.heappush(self._heap, (True, length, next(self._tickets), (first, second, place, shared)))

    def _leave_undecided(self, first: Rule, second: Rule) -> None:
        one = equation_text(self.alphabet, first.lhs, first.rhs)
        two = equation_text(self.alphabet, second.lhs, second.rhs)
        both = one if first is second else f"{one} and {two}"
        problem = f"the parameters in {both} are too entangled to compare"
        self._open.append(_Open(problem, None, (first, second)))


def _is_usable(alphabet: Alphabet, equation: Equation) -> bool:
    """Whether matching the left side always binds every variable."""
    if alphabet.parametrised.isdisjoint(equation.lhs):
        return alphabet.parametrised.isdisjoint(equation.rhs)
    opaque: Bindings = {name: variable(f"!{name}") for name in alphabet.variables_of(equation.lhs)}
    patterns: list[Value] = [item for code in equation.lhs for item in alphabet.arguments[code]]
    subjects = [substitute(item, opaque) for item in patterns]
    bindings = match(patterns, subjects, [None] * len(patterns))
    return bindings == opaque and alphabet.variables_of(equation.rhs).keys() <= opaque.keys()
