"""Which letters have inverses: a fixpoint over equations.

In a monoid, ``u = v`` hands invertibility on. If every letter of `v` has a right inverse, so has `u`, and hence so
has the first letter of `u` that is not already known to be invertible: ``p x s w = id`` with `p` invertible gives ``x
(s w p) = id``. Left inverses follow by mirroring, and a letter with both is invertible, the two being equal. Every
finding carries its proof. Starting from ``v = id``, this covers involutions, periods, inverse pairs, units of
families (``f(a) f(b) = f(a + b)`` with ``f(0) = id``) and letters equal to invertible words.
"""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from augalgebra.algebra.expressions import Value, difference, substitute, variable
from augalgebra.algebra.laws import Law
from augalgebra.algebra.rewriting.alphabet import Alphabet, Codes
from augalgebra.algebra.rewriting.equations import Equation, Step, TwoSidedInverse, conditions_of, tidy
from augalgebra.algebra.unification import (
    Bindings,
    Undecided,
    carry_nonzero,
    denominators,
    match,
    unify,
)

MAX_ROUNDS = 12
"""Rounds of the fixpoint; every round costs one pass over the equations."""


class Inverses:
    """What is known about inverses of letters.

    Attributes:
        alphabet: The codes of the letters.
        right: Equations ``x * w = id``, their first letter being the one they are about.
        left: Equations ``w * x = id``, their last letter being the one they are about.
        facts: The letters with two-sided inverses.
    """

    def __init__(self, alphabet: Alphabet) -> None:
        self.alphabet = alphabet
        self.right: list[Equation] = []
        self.left: list[Equation] = []
        self.facts: list[TwoSidedInverse] = []
        self._axioms: dict[tuple[int, bool], Equation] = {}

    def copy(self) -> "Inverses":
        """Knowledge that can grow on its own."""
        other = Inverses(self.alphabet)
        other.right, other.left, other.facts = list(self.right), list(self.left), list(self.facts)
        other._axioms = dict(self._axioms)
        return other

    def learn(self, sources: Sequence[Equation]) -> list[TwoSidedInverse]:
        """Draw all conclusions from equations; returns the letters newly found to be invertible."""
        before = len(self.facts)
        sources = [source for source in sources if not self._is_shift(source)]
        for _ in range(MAX_ROUNDS):
            known = len(self.right), len(self.left), len(self.facts)
            for source in sources:
                for forward in (True, False):
                    self._learn_right(source, forward)
                    self._learn_left(source, forward)
            self._combine()
            if known == (len(self.right), len(self.left), len(self.facts)):
                break
        return self.facts[before:]

    def take_for_granted(self, axioms: Iterable[Equation]) -> None:
        """Believe laws that write the formal inverse of a letter that it has one."""
        alphabet = self.alphabet
        for axiom in axioms:
            for code in (*axiom.lhs, *axiom.rhs):
                if not alphabet.letters[code].inverse or not isinstance(axiom.axiom, Law) or self.fact(code):
                    continue
                letter = alphabet.inverse(code)
                names = {name: variable(f"?{i}") for i, name in enumerate(alphabet.variables_of((letter,)))}
                (letter,) = alphabet.instantiate((letter,), names)
                nonzero = denominators(alphabet.arguments[letter])
                self.facts.append(TwoSidedInverse(letter, None, None, axiom.axiom, nonzero))

    def fact(self, code: int) -> tuple[TwoSidedInverse, Bindings] | None:
        """Why a letter (or the letter that it is the formal inverse of) has an inverse, if it has."""
        if self.alphabet.letters[code].inverse:
            code = self.alphabet.inverse(code)
        for fact in self.facts:
            bindings = self._match(fact.letter, code, fact.nonzero)
            if bindings is not None:
                return fact, bindings
        return None

    def right_inverse(self, codes: Codes) -> tuple[Codes, tuple[Step, ...]] | None:
        """A word `w` with ``codes * w = id``, and its proof, from right inverses of the letters."""
        witness: Codes = ()
        steps: tuple[Step, ...] = ()
        for place, code in enumerate(codes):
            found = self._one_sided(self.right, 0, code)
            if found is None or not self.alphabet.keeps(codes[:place], found[0].conditions):
                return None
            equation, bindings = found
            witness = self.alphabet.instantiate(equation.lhs[1:], bindings) + witness
            steps = (Step(equation, True, place, bindings), *steps)
        return witness, steps

    def left_inverse(self, codes: Codes) -> tuple[Codes, tuple[Step, ...]] | None:
        """A word `w` with ``w * codes = id``, and its proof, from left inverses of the letters."""
        witness: Codes = ()
        steps: tuple[Step, ...] = ()
        for code in reversed(codes):
            found = self._one_sided(self.left, -1, code)
            if found is None or not self.alphabet.keeps(witness, found[0].conditions):
                return None
            equation, bindings = found
            inner = self.alphabet.instantiate(equation.lhs[:-1], bindings)
            steps = (Step(equation, True, len(witness), bindings), *steps)
            witness += inner
        return witness, steps

    def axiom(self, fact: TwoSidedInverse, *, mirrored: bool) -> Equation:
        """``x * x^-1 = id``, or mirrored ``x^-1 * x = id``."""
        key = self.facts.index(fact), mirrored
        found = self._axioms.get(key)
        if found is None:
            pair = (fact.letter, self.alphabet.inverse(fact.letter))
            found = Equation(pair[::-1] if mirrored else pair, (), nonzero=fact.nonzero, axiom=fact)
            self._axioms[key] = found
        return found

    def equations(self, fact: TwoSidedInverse) -> Iterator[Equation]:
        """The two definitions of a formal inverse, and what it equals if a witness is at hand."""
        yield self.axiom(fact, mirrored=False)
        yield self.axiom(fact, mirrored=True)
        if fact.right is not None and self.alphabet.keeps((fact.letter,), fact.right.conditions):
            same = {name: variable(name) for name in self.alphabet.variables[fact.letter]}
            derivation = (  # x^-1 = x^-1 (x w) = (x^-1 x) w = w
                Step(fact.right, False, 1, same),
                Step(self.axiom(fact, mirrored=True), True, 0, same),
            )
            yield Equation((self.alphabet.inverse(fact.letter),), fact.right.lhs[1:], derivation, nonzero=fact.nonzero)

    def _is_shift(self, source: Equation) -> bool:
        """Whether an equation says that a parameter is periodic, from which the same would follow over and over."""
        if len(source.lhs) != 1 or len(source.rhs) != 1:
            return False
        (one,), (other,) = source.lhs, source.rhs
        if self.alphabet.shapes[one] != self.alphabet.shapes[other]:
            return False
        pairs = zip(self.alphabet.arguments[one], self.alphabet.arguments[other], strict=True)
        return all(a == b or isinstance(difference(a, b), Fraction) for a, b in pairs)

    def _learn_right(self, source: Equation, forward: bool) -> None:
        for lhs, rhs, nonzero, own in self._instances(source, forward, self.right, 0):
            place = self._first_open(lhs)
            if place is None or self._one_sided(self.right, 0, lhs[place]):
                continue
            witnessed = self.right_inverse(rhs)
            if witnessed is None:
                continue
            witness, steps = witnessed
            before, letter, after = lhs[:place], lhs[place], lhs[place + 1 :]
            opening, closing = self._inverse_before(before)
            offset = len(before)
            derivation = (
                *opening,
                Step(source, forward, offset, own),
                *(step._replace(position=step.position + offset) for step in steps),
                *closing,
            )
            if self.alphabet.keeps(before, conditions_of(derivation)):
                self._note(self.right, letter, (letter, *after, *witness, *before), derivation, nonzero)

    def _learn_left(self, source: Equation, forward: bool) -> None:
        for lhs, rhs, nonzero, own in self._instances(source, forward, self.left, -1):
            place = self._first_open(lhs[::-1])
            if place is None or self._one_sided(self.left, -1, lhs[-1 - place]):
                continue
            witnessed = self.left_inverse(rhs)
            if witnessed is None:
                continue
            witness, steps = witnessed
            split = len(lhs) - 1 - place
            before, letter, after = lhs[:split], lhs[split], lhs[split + 1 :]
            start = (*after, *witness, *before, letter)
            opening, closing = self._inverse_after(after, len(start))
            derivation = (
                *opening,
                Step(source, forward, len(after) + len(witness), own),
                *(step._replace(position=step.position + len(after)) for step in steps),
                *closing,
            )
            if self.alphabet.keeps(start if after else witness, conditions_of(derivation)):
                self._note(self.left, letter, start, derivation, nonzero)

    def _instances(
        self, source: Equation, forward: bool, equations: list[Equation], end: int
    ) -> Iterator[tuple[Codes, Codes, frozenset[str], dict[str, Value]]]:
        """The equation itself, and instances whose right side has a known one-sided inverse.

        Yields:
            Both sides, the variables that must not be zero, and the values of the source's own variables.
        """
        alphabet = self.alphabet
        lhs, rhs = (source.lhs, source.rhs) if forward else (source.rhs, source.lhs)
        if not lhs:
            return
        own: dict[str, Value] = {name: variable(f"!{name}") for name in alphabet.variables_of((*lhs, *rhs))}
        yield from self._instance(lhs, rhs, source.nonzero, own, {}, frozenset())
        if len(rhs) != 1 or not own:
            return
        (aim,) = alphabet.instantiate(rhs, own)
        for equation in list(equations):
            letter = equation.lhs[end]
            if alphabet.shapes[letter] != alphabet.shapes[aim]:
                continue
            theirs = {name: variable(f"~{name}") for name in alphabet.variables_of(equation.lhs)}
            (letter,) = alphabet.instantiate((letter,), theirs)
            arguments = alphabet.arguments[letter]
            try:
                unifier = unify(alphabet.arguments[aim], arguments, [None] * len(arguments))
            except Undecided:
                continue
            if unifier is not None:
                yield from self._instance(lhs, rhs, source.nonzero, own, unifier.bindings, unifier.nonzero)

    def _instance(
        self,
        lhs: Codes,
        rhs: Codes,
        nonzero: frozenset[str],
        own: dict[str, Value],
        bindings: Bindings,
        required: frozenset[str],
    ) -> Iterator[tuple[Codes, Codes, frozenset[str], dict[str, Value]]]:
        try:
            values = {name: substitute(item, bindings) for name, item in own.items()}
            carried = carry_nonzero(nonzero, values)
            if carried is not None:
                instantiate = self.alphabet.instantiate
                yield instantiate(lhs, values), instantiate(rhs, values), carried | required, values
        except (ZeroDivisionError, ValueError, TypeError, Undecided):
            return

    def _first_open(self, codes: Codes) -> int | None:
        """The place of the first letter that is not known to be invertible."""
        return next((place for place, code in enumerate(codes) if self.fact(code) is None), None)

    def _inverse_before(self, codes: Codes) -> tuple[list[Step], list[Step]]:
        """Steps that put ``p^-1 p`` in front of a word, and steps that cancel it again."""
        opening = [self._cancel(code, place, inverse_first=True)._replace(forward=False)
                   for place, code in enumerate(reversed(codes))]  # fmt: skip
        return opening, [step._replace(forward=True) for step in reversed(opening)]

    def _inverse_after(self, codes: Codes, length: int) -> tuple[list[Step], list[Step]]:
        """Steps that put ``s s^-1`` behind a word of this length, and steps that cancel it where alone."""
        opening = [self._cancel(code, length + place, inverse_first=False)._replace(forward=False)
                   for place, code in enumerate(codes)]  # fmt: skip
        closing = [step._replace(forward=True, position=step.position - length) for step in reversed(opening)]
        return opening, closing

    def _cancel(self, code: int, place: int, *, inverse_first: bool) -> Step:
        found = self.fact(code)
        if found is None:
            raise AssertionError("only letters that are known to be invertible are cancelled")
        fact, bindings = found
        formal = self.alphabet.letters[code].inverse
        return Step(self.axiom(fact, mirrored=inverse_first != formal), True, place, bindings)

    def _note(
        self, equations: list[Equation], letter: int, lhs: Codes, derivation: tuple[Step, ...], nonzero: frozenset[str]
    ) -> None:
        """Add the equation ``lhs = id`` about a letter."""
        if self.alphabet.letters[letter].inverse:
            return
        equation = tidy(self.alphabet, (letter,), Equation(lhs, (), derivation, nonzero), special=True)
        if equation is not None:
            equations.append(equation)

    def _combine(self) -> None:
        """Find letters with a right and a left inverse."""
        alphabet = self.alphabet
        for right in self.right:
            for left in self.left:
                first, last = right.lhs[0], left.lhs[-1]
                if alphabet.shapes[first] != alphabet.shapes[last]:
                    continue
                for general, special, about in ((left, right, first), (right, left, last)):
                    aim = general.lhs[-1] if general is left else general.lhs[0]
                    bindings = self._match(aim, about, general.nonzero)
                    if bindings is None or self.fact(about) is not None:
                        continue
                    try:
                        carried = carry_nonzero(general.nonzero, bindings)
                        lhs = alphabet.instantiate(general.lhs, bindings)
                    except (ZeroDivisionError, ValueError, TypeError, Undecided):
                        continue
                    if carried is None:
                        continue
                    equation = Equation(lhs, (), (Step(general, True, 0, bindings),), nonzero=carried)
                    sides = (special, equation) if general is left else (equation, special)
                    self.facts.append(TwoSidedInverse(about, *sides, nonzero=special.nonzero | carried))

    def _one_sided(self, equations: Iterable[Equation], end: int, code: int) -> tuple[Equation, Bindings] | None:
        fact = self._formal(code, end)
        if fact is not None:
            return fact
        for equation in equations:
            bindings = self._match(equation.lhs[end], code, equation.nonzero)
            if bindings is not None and self._makes_sense(equation, bindings):
                return equation, bindings
        return None

    def _makes_sense(self, equation: Equation, bindings: Bindings) -> bool:
        """Whether a equation says anything at these values: there is no rotation by minus a text."""
        try:
            self.alphabet.instantiate(equation.lhs, bindings)
        except (ZeroDivisionError, ValueError, TypeError):
            return False
        return True

    def _formal(self, code: int, end: int) -> tuple[Equation, Bindings] | None:
        """The definition of the formal inverse, as the one-sided inverse of a letter that has one."""
        found = self.fact(code)
        if found is None:
            return None
        fact, bindings = found
        formal = self.alphabet.letters[code].inverse
        if not formal and fact.right is not None and fact.left is not None:
            return None  # the witness in `right` or `left` says more
        return self.axiom(fact, mirrored=formal == (end == 0)), bindings

    def _match(self, pattern: int, code: int, nonzero: frozenset[str]) -> Bindings | None:
        alphabet = self.alphabet
        if alphabet.shapes[pattern] != alphabet.shapes[code]:
            return None
        arguments = alphabet.arguments[code]
        if pattern == code and not arguments:
            return {}
        bindings = match(alphabet.arguments[pattern], arguments, [None] * len(arguments))
        if bindings is not None and any(bindings[name] == 0 for name in nonzero):
            return None
        return bindings
