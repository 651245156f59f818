"""Rewriting systems: what completion makes of a presentation."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from augalgebra.algebra.conditions import ALL, ALWAYS, Conditions
from augalgebra.algebra.laws import Scope
from augalgebra.algebra.presentation import Presentation
from augalgebra.algebra.rewriting.alphabet import Codes
from augalgebra.algebra.rewriting.derivations import Derivations
from augalgebra.algebra.rewriting.equations import Equation, Step, conditions_of, readable_names, reverse
from augalgebra.algebra.rewriting.invertibility import Inverses, OneSided
from augalgebra.algebra.rewriting.proofs import Proof
from augalgebra.algebra.rewriting.rule_set import RuleSet
from augalgebra.algebra.specialisation import is_covered
from augalgebra.algebra.words import MAX_LETTERS, Letter, Symbol, Word
from augalgebra.errors import IncompleteError, NotInvertibleError

UNANSWERED = (NotInvertibleError, IncompleteError)
"""What one layer says of a word that only another inverts, or reduces in a bounded number of steps."""
_SPELT_OUT = 64
"""Higher powers of one symbol are reduced by repeated squaring."""
_PROVED = 1_000
"""Longer words are not spelt out for a proof, of which only the laws are told."""


class _Start(NamedTuple):
    """A word, its codes, and the steps by which these were made of it (their places are not told)."""

    word: Word
    codes: Codes
    used: tuple[Step, ...] = ()


class RewritingSystem:
    """Rules by which words are brought into normal form; made by `augalgebra.algebra.rewriting.completion.complete`.

    Attributes:
        presentation: What it was made from.
        completed: Whether two words are equal (in the presented monoid) exactly when their normal forms are. If not,
            equal normal forms still prove equality, and different ones prove nothing.
        reason: Why it is not completed; empty if it is.
        exact: The system of those laws alone that hold exactly and for every picture (itself if all do).
        middle: Makes the systems of more laws than that, but not of all, the stronger ones first.
    """

    def __init__(
        self,
        presentation: Presentation,
        rules: RuleSet,
        inverses: Inverses,
        reason: str,
        axioms: Iterable[Equation],
        exact: "RewritingSystem | None" = None,
        deciding: RuleSet | None = None,
    ) -> None:
        self.presentation = presentation
        self.inverses = inverses
        self.completed, self.reason = not reason, reason
        self.exact = self if exact is None else exact
        self.middle: tuple[Callable[[], RewritingSystem], ...] = ()
        self._made: list[RewritingSystem] = []
        self._deciding = deciding
        self._rules, self._alphabet, self._axioms = rules, rules.alphabet, tuple(axioms)

    def __len__(self) -> int:
        return len(self._rules)

    @property
    def layers(self) -> Iterator["RewritingSystem"]:
        """The systems of some of the laws, in the order in which their answers are preferred; this one is the last.

        Laws for every picture come before others, and among laws for the same pictures exact ones come first.
        """
        if self.exact is not self:
            yield self.exact
        for place, make in enumerate(self.middle):
            if place == len(self._made):
                self._made.append(make())
            yield self._made[place]
        yield self

    @property
    def conditions(self) -> Conditions:
        """What a picture has to be for all laws to hold."""
        return ALWAYS.union(*(law.conditions for law in self.presentation.equations))

    @property
    def scope(self) -> Scope:
        """``approximate`` if some laws hold only approximately."""
        return "approximate" if any(law.scope != "exact" for law in self.presentation.equations) else "exact"

    @cached_property
    def _derivations(self) -> Derivations:
        return Derivations(self._alphabet, self._axioms)

    @property
    def rules(self) -> tuple[tuple[Word, Word], ...]:
        """The rules, as pairs of words (the second one smaller), in the order in which they were found."""
        alphabet = self._alphabet
        pairs: list[tuple[Word, Word]] = []
        for rule in self._rules.rules:
            names = readable_names(rule.variables)
            lhs, rhs = (alphabet.decode(alphabet.instantiate(side, names)) for side in (rule.lhs, rule.rhs))
            pairs.append((lhs, rhs))
        return tuple(pairs)

    def decides(self, *words: Word) -> bool:
        """Whether different normal forms of these words prove that the laws do not make them equal."""
        return self.completed and all(is_covered(word, self.presentation.passive) for word in words)

    def is_invertible(self, symbol: Symbol) -> bool:
        """Whether the laws say that a symbol has a two-sided inverse."""
        return self.inverses.fact(self._alphabet.code(Letter(symbol))) is not None

    def normal_form(self, word: Word) -> Word:
        """The shortlex-least equal word (the least that the rules lead to, if the system is not completed).

        Args:
            word: Any word; symbols without laws stand for themselves.

        Raises:
            NotInvertibleError: The word has the inverse of a symbol that is not known to be invertible.
            IncompleteError: The word took too many steps.
        """
        self._check(word)
        return self._alphabet.decode(self._reduce(self._condensed(word, [])))

    def derive(self, word: Word) -> Proof:
        """The proof that a word equals its normal form.

        Raises:
            NotInvertibleError: As for `normal_form`.
            IncompleteError: As for `normal_form`.
        """
        start = self._start(word)
        trace: list[Step] = []
        return self._proof(start, trace, self._reduce(start.codes, trace))

    def prove(self, first: Word, second: Word) -> Proof | None:
        """A proof that two words are equal, or None when their normal forms differ.

        Raises:
            NotInvertibleError: As for `normal_form`.
            IncompleteError: As for `normal_form`.
        """
        start, end = self._start(first), self._start(second)
        there: list[Step] = []
        back: list[Step] = []
        if self._reduce(start.codes, there) != self._reduce(end.codes, back):
            return None
        steps = (*there, *reverse(back))
        if end.used:
            return self._proof(start._replace(used=(*start.used, *end.used)), steps, end.codes, second)
        return self._proof(start, steps, end.codes)

    def right_inverse(self, word: Word) -> tuple[Word, Proof] | None:
        """A word that undoes this one when applied after it, with the proof, if the laws give one.

        Raises:
            NotInvertibleError: As for `normal_form`.
            IncompleteError: As for `normal_form`.
        """
        return self._one_sided(word, self.inverses.right)

    def left_inverse(self, word: Word) -> tuple[Word, Proof] | None:
        """A word that this one undoes when applied after it, with the proof, if the laws give one.

        Raises:
            NotInvertibleError: As for `normal_form`.
            IncompleteError: As for `normal_form`.
        """
        return self._one_sided(word, self.inverses.left)

    def _one_sided(self, word: Word, side: OneSided) -> tuple[Word, Proof] | None:
        start, trace = self._start(word), list[Step]()
        form = self._reduce(start.codes, trace)
        found = side.inverse(form) or self._from_rule(form, side)
        if found is None:
            return None
        witness, steps = found
        other = self._alphabet.decode(witness)
        if not side.opposite:
            whole = _Start(word * other, start.codes + witness, start.used)
        elif self._alphabet.keeps(witness, conditions_of((*start.used, *trace))):
            whole = _Start(other * word, witness + start.codes, start.used)
            trace = [step._replace(position=step.position + len(witness)) for step in trace]
        else:
            return None
        return other, self._proof(whole, (*trace, *steps), ())

    def _from_rule(self, form: Codes, side: OneSided) -> tuple[Codes, tuple[Step, ...]] | None:
        """The rest of a rule ``form * rest = id`` (as it is read)."""
        for rule in self._rules.rules:
            lhs = side.read(rule.lhs)
            if not rule.rhs and not rule.variables and len(lhs) > len(form) and lhs[: len(form)] == side.read(form):
                return side.read(lhs[len(form) :]), (Step(rule.equation, True, 0, {}),)
        return None

    def _reduce(self, codes: Codes, trace: list[Step] | None = None, within: Conditions = ALL) -> Codes:
        """First to the word that decides equality, if other rules do that, and then to a shorter one."""
        if self._deciding is not None:
            codes = self._deciding.reduce(codes, trace, self._deciding.natural, within)
        return self._rules.reduce(codes, trace, self._rules.natural, within)

    def _check(self, word: Word) -> None:
        for symbol, exponent in word.syllables:
            if exponent < 0 and not self.is_invertible(symbol):
                raise NotInvertibleError(f"{symbol}^-1 has no meaning: {why_not_invertible(self.presentation, symbol)}")

    def _start(self, word: Word) -> _Start:
        """A word from which a proof is to start; high powers are reduced where it is too long for a proof anyway."""
        self._check(word)
        if word.length <= _PROVED:
            return _Start(word, self._alphabet.encode(word))
        used: list[Step] = []
        return _Start(word, self._condensed(word, used), tuple(used))

    def _proof(self, start: _Start, steps: Sequence[Step], end: Codes, goal: Word | None = None) -> Proof:
        if start.used:
            goal = self._alphabet.decode(end) if goal is None else goal
            return self._derivations.unspelt(start.word, (*start.used, *steps), goal)
        return self._derivations.proof(start.codes, steps, end)

    def _condensed(self, word: Word, used: list[Step]) -> Codes:
        """The codes of a word, high powers reduced by the steps that are appended."""
        codes: list[int] = []
        within = ALL
        for symbol, exponent in word.syllables:
            code = self._alphabet.code(Letter(symbol, exponent < 0))
            within &= self._alphabet.kept[code]  # what pictures still are after the first letter of the power
            codes += self._power(code, abs(exponent), used, within)
        return tuple(codes)

    def _power(self, code: int, exponent: int, used: list[Step], within: Conditions) -> Codes:
        if exponent <= _SPELT_OUT:
            return (code,) * exponent
        half = self._power(code, exponent // 2, used, within)
        power = self._reduce(half + half + (code,) * (exponent % 2), used, within)
        if len(power) > MAX_LETTERS:
            raise IncompleteError(f"a power {exponent} stays longer than {MAX_LETTERS} letters")
        return power


def why_not_invertible(presentation: Presentation, symbol: Symbol) -> str:
    """The law that speaks against an inverse of a symbol, or that none speaks for it."""
    law = presentation.obstacle(symbol)
    if law is None:
        return f"no declared law says that {symbol} can be undone"
    return f"{law} (declared by {law.owner})" if law.owner else str(law)
