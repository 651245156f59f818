"""Which letters have inverses: a fixpoint over equations.

In a monoid, ``u = v`` hands invertibility on. If every letter of `v` has a right inverse, so has `u`, and hence so
has the first letter of `u` that is not already known to be invertible: ``p x s w = id`` with `p` invertible gives ``x
(s w p) = id``. The same in the opposite monoid gives left inverses. A letter with both is invertible, and the two are
equal. Every finding carries its derivation. Starting from ``v = id``, this covers involutions, periods, inverse pairs,
units of families (``f(a) f(b) = f(a + b)`` with ``f(0) = id``) and letters equal to invertible words.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

from augalgebra.algebra.expressions import Value, difference, substitute, variable
from augalgebra.algebra.laws import Law
from augalgebra.algebra.rewriting.alphabet import Alphabet, Codes
from augalgebra.algebra.rewriting.equations import (
    Derivation,
    Equation,
    Step,
    TwoSidedInverse,
    applies,
    mirror,
    reverse,
    tidy,
)
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


class OneSided:
    """What is known about inverses of letters on one side.

    Left inverses are the right inverses of the opposite monoid, in which words are read from their ends. All is said
    for right inverses here, of words as they are read.

    Attributes:
        opposite: Whether words are read from their ends.
        equations: ``x * w = id``, as it is read: the first letter is the one they are about.
    """

    def __init__(self, inverses: "Inverses", *, opposite: bool) -> None:
        self.opposite = opposite
        self.equations: list[Equation] = []
        self._inverses, self._alphabet = inverses, inverses.alphabet

    def read(self, codes: Codes) -> Codes:
        """A word as it is read, or of such a word how it is written."""
        return codes[::-1] if self.opposite else codes

    def letter(self, equation: Equation) -> int:
        """The letter that an equation is about."""
        return self.read(equation.lhs)[0]

    def inverse(self, codes: Codes) -> tuple[Codes, Derivation] | None:
        """A word `w` with ``codes * w = id`` (as it is read), and the derivation of that."""
        found = self._inverse(self.read(codes))
        if found is None:
            return None
        whole = self.read(self.read(codes) + found[0])
        derivation = self._written(whole, found[1])
        return (self.read(found[0]), derivation) if applies(self._alphabet, whole, derivation) else None

    def of_letter(self, code: int) -> tuple[Equation, Bindings] | None:
        """An equation that gives the inverse of a letter, with the values of its variables."""
        fact = self._formal(code)
        if fact is not None:
            return fact
        for equation in self.equations:
            bindings = self._inverses.match(self.letter(equation), code, equation.nonzero)
            if bindings is not None and self._makes_sense(equation, bindings):
                return equation, bindings
        return None

    def learn(self, source: Equation, forward: bool) -> None:
        """Conclude from an equation that one more letter has an inverse, if it says so."""
        for lhs, rhs, nonzero, own in self._instances(source, forward):
            place = next((place for place, code in enumerate(lhs) if self._inverses.fact(code) is None), None)
            if place is None or self.of_letter(lhs[place]) or self._alphabet.letters[lhs[place]].inverse:
                continue
            found = self._inverse(rhs)
            if found is None:
                continue
            witness, steps = found
            before, letter, after = lhs[:place], lhs[place], lhs[place + 1 :]
            closing = [self._cancellation(code, place) for place, code in enumerate(reversed(before))][::-1]
            derivation = (  # x s w p = p^-1 (p x s) w p = p^-1 (r w) p = p^-1 p = id
                *reverse(closing),
                Step(source, forward, place, own),
                *(step._replace(position=step.position + place) for step in steps),
                *closing,
            )
            word = self.read((letter, *after, *witness, *before))
            derivation = self._written(word, derivation)
            if applies(self._alphabet, word, derivation):
                equation = Equation(word, (), derivation, nonzero)
                renamed = tidy(self._alphabet, (letter,), equation, special=True)
                if renamed is not None:
                    self.equations.append(renamed)

    def _inverse(self, codes: Codes) -> tuple[Codes, Derivation] | None:
        witness: Codes = ()
        derivation: Derivation = ()
        for place, code in enumerate(codes):
            found = self.of_letter(code)
            if found is None:
                return None
            equation, bindings = found
            witness = self._alphabet.instantiate(self.read(equation.lhs)[1:], bindings) + witness
            derivation = (Step(equation, True, place, bindings), *derivation)
        return witness, derivation

    def _written(self, word: Codes, derivation: Derivation) -> Derivation:
        """The steps from a written word, given with places as they are read."""
        return mirror(len(word), derivation) if self.opposite else derivation

    def _instances(
        self, source: Equation, forward: bool
    ) -> Iterator[tuple[Codes, Codes, frozenset[str], Mapping[str, Value]]]:
        """The equation itself, and instances whose right side has a known inverse.

        Yields:
            Both sides as they are read, the variables that must not be zero, and the values of the source's own
            variables.
        """
        alphabet = self._alphabet
        lhs, rhs = map(self.read, (source.lhs, source.rhs) if forward else (source.rhs, source.lhs))
        if not lhs:
            return
        own: dict[str, Value] = {name: variable(f"!{name}") for name in alphabet.variables_of(source.lhs + source.rhs)}
        if not own:
            yield lhs, rhs, source.nonzero, own
            return
        yield from self._instance(lhs, rhs, source.nonzero, own, {}, frozenset())
        if len(rhs) != 1:
            return
        (aim,) = alphabet.instantiate(rhs, own)
        for equation in list(self.equations):
            letter = self.letter(equation)
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
                instantiate = self._alphabet.instantiate
                yield instantiate(lhs, values), instantiate(rhs, values), carried | required, values
        except (ZeroDivisionError, ValueError, TypeError, Undecided):
            return

    def _cancellation(self, code: int, place: int) -> Step:
        """The step that cancels a letter against its inverse before it."""
        found = self._inverses.fact(code)
        if found is None:
            raise AssertionError("only letters that are known to be invertible are cancelled")
        fact, bindings = found
        formal = self._alphabet.letters[code].inverse
        return Step(self._inverses.axiom(fact, mirrored=formal == self.opposite), True, place, bindings)

    def _makes_sense(self, equation: Equation, bindings: Bindings) -> bool:
        """Whether a equation says anything at these values: there is no rotation by minus a text."""
        try:
            self._alphabet.instantiate(equation.lhs, bindings)
        except (ZeroDivisionError, ValueError, TypeError):
            return False
        return True

    def _formal(self, code: int) -> tuple[Equation, Bindings] | None:
        """The definition of the formal inverse, as the one-sided inverse of a letter that has one."""
        found = self._inverses.fact(code)
        if found is None:
            return None
        fact, bindings = found
        formal = self._alphabet.letters[code].inverse
        if not formal and fact.right is not None and fact.left is not None:
            return None  # the witness in `equations` says more
        return self._inverses.axiom(fact, mirrored=formal != self.opposite), bindings


class Inverses:
    """What is known about inverses of letters.

    Attributes:
        alphabet: The codes of the letters.
        right: Their right inverses.
        left: Their left inverses: the right inverses of the opposite monoid.
        facts: The letters with two-sided inverses.
    """

    def __init__(self, alphabet: Alphabet) -> None:
        self.alphabet = alphabet
        self.right, self.left = OneSided(self, opposite=False), OneSided(self, opposite=True)
        self.facts: list[TwoSidedInverse] = []
        self._known: dict[int, tuple[TwoSidedInverse, Bindings]] = {}
        self._axioms: dict[tuple[int, bool], Equation] = {}

    def copy(self) -> "Inverses":
        """Knowledge that can grow on its own."""
        other = Inverses(self.alphabet)
        other.right.equations, other.left.equations = list(self.right.equations), list(self.left.equations)
        other.facts, other._axioms = list(self.facts), dict(self._axioms)
        return other

    def learn(self, sources: Sequence[Equation]) -> list[TwoSidedInverse]:
        """Draw all conclusions from equations; returns the letters newly found to be invertible."""
        before = len(self.facts)
        sources = [source for source in sources if not self._is_period_relation(source)]
        for _ in range(MAX_ROUNDS):
            known = self._counts()
            for source in sources:
                for forward, side in ((True, source.lhs), (False, source.rhs)):
                    settled = self._known.keys() >= set(side) and self.alphabet.parametrised.isdisjoint(side)
                    if not settled:
                        self.right.learn(source, forward)
                        self.left.learn(source, forward)
            self._combine()
            if known == self._counts():
                break
        return self.facts[before:]

    def _counts(self) -> tuple[int, int, int]:
        return len(self.right.equations), len(self.left.equations), len(self.facts)

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
        known = self._known.get(code)
        if known is not None:
            return known
        about = code
        if self.alphabet.letters[code].inverse:
            code = self.alphabet.inverse(code)
        for fact in self.facts:
            bindings = self.match(fact.letter, code, fact.nonzero)
            if bindings is not None:
                self._known[about] = fact, bindings
                return fact, bindings
        return None

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

    def _is_period_relation(self, source: Equation) -> bool:
        """Whether an equation says that a parameter is periodic, from which the same would follow over and over."""
        if len(source.lhs) != 1 or len(source.rhs) != 1:
            return False
        (one,), (other,) = source.lhs, source.rhs
        if self.alphabet.shapes[one] != self.alphabet.shapes[other]:
            return False
        pairs = zip(self.alphabet.arguments[one], self.alphabet.arguments[other], strict=True)
        return all(a == b or isinstance(difference(a, b), Fraction) for a, b in pairs)

    def _combine(self) -> None:
        """Find letters with a right and a left inverse."""
        alphabet = self.alphabet
        for right in self.right.equations:
            for left in self.left.equations:
                first, last = right.lhs[0], left.lhs[-1]
                if alphabet.shapes[first] != alphabet.shapes[last]:
                    continue
                for general, special, about in ((left, right, first), (right, left, last)):
                    aim = general.lhs[-1] if general is left else general.lhs[0]
                    bindings = self.match(aim, about, general.nonzero)
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

    def match(self, pattern: int, code: int, nonzero: frozenset[str]) -> Bindings | None:
        """The bindings that make one letter into another without making a variable zero that must not be."""
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
