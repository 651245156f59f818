"""Proofs: chains of words in which each step applies one declared law.

Checking a proof uses nothing of the engine that found it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

from augalgebra.algebra import expressions
from augalgebra.algebra.conditions import ALWAYS, Condition, Conditions
from augalgebra.algebra.expressions import Expression, Value
from augalgebra.algebra.laws import Law, Scope
from augalgebra.algebra.unification import match_letters
from augalgebra.algebra.words import IDENTITY, Letter, Symbol, Word

_MEANINGLESS = (ZeroDivisionError, ValueError, TypeError)


@dataclass(frozen=True)
class InverseDefinition:
    """``x * x^-1 = id``, or mirrored ``x^-1 * x = id``: the meaning of a formal inverse.

    Attributes:
        symbol: The letter; its variables stand for all values.
        mirrored: Whether the inverse stands first.
        right: Proof that the letter times some word is the identity.
        left: Proof that some word times the letter is the identity.
        law: Instead of the proofs, a law that writes the formal inverse and so takes it for granted.
    """

    symbol: Symbol
    mirrored: bool
    right: "Proof | None" = None
    left: "Proof | None" = None
    law: Law | None = None

    @property
    def lhs(self) -> Word:
        """The letter and its inverse."""
        pair = Letter(self.symbol), Letter(self.symbol, inverse=True)
        return Word.from_letters(pair[::-1] if self.mirrored else pair)

    @property
    def rhs(self) -> Word:
        """The identity."""
        return IDENTITY

    @property
    def laws(self) -> tuple[Law, ...]:
        """The laws by which the letter is known to be invertible."""
        proofs = [proof for proof in (self.right, self.left) if proof is not None]
        given = () if self.law is None else (self.law,)
        return tuple(dict.fromkeys((*given, *(law for proof in proofs for law in proof.laws))))

    @property
    def conditions(self) -> Conditions:
        """What a picture has to be for the letter to be undone."""
        return ALWAYS.union(*(law.conditions for law in self.laws if law.is_equation))

    def __str__(self) -> str:
        return f"{self.lhs} = id"

    def flaw(self) -> str | None:
        """What is wrong with the grounds on which the letter counts as invertible, if anything is."""
        if self.law is not None:
            inverse = [Letter(self.symbol, inverse=True)]
            if any(match_letters([letter], inverse) is not None for letter in (self.law.lhs * self.law.rhs).letters):
                return None
            return f"{self.law} does not write the inverse of {self.symbol}"
        for proof, side in ((self.right, "right"), (self.left, "left")):
            if proof is None:
                return f"nothing says that {self.symbol} has a {side} inverse"
            letters = proof.start.letters
            place = 0 if side == "right" else -1
            if not letters or letters[place] != Letter(self.symbol) or proof.end:
                return f"{proof.start} = {proof.end} gives no {side} inverse of {self.symbol}"
            flaw = proof.flaw()
            if flaw is not None:
                return flaw
        return None

    def holds_at(self, bindings: dict[str, Value]) -> bool:
        """Whether the grounds make sense at these values (``1 / a`` makes none at 0)."""
        words = [word for proof in (self.right, self.left) if proof is not None for word in proof.words]
        try:
            for word in words:
                word.map(lambda symbol: symbol.substitute(bindings))
        except _MEANINGLESS:
            return False
        return True


@dataclass(frozen=True)
class ProofStep:
    """One application of a law (or of the definition of a formal inverse).

    Attributes:
        before: The word it is applied to.
        after: The word it gives.
        law: What is applied.
        forward: Whether the left side of the law is replaced by its right side.
        position: How many letters stand before the replaced part.
        bindings: Values for the variables of the law.
        times: How often it is applied in a row; more than once only where it shifts a parameter. `bindings` are then
            those of the application at the left side of the law: the first one forwards, the last one backwards.
        keeping: Laws by which the letters before the replaced part keep the conditions of `law`.
    """

    before: Word
    after: Word
    law: Law | InverseDefinition
    forward: bool
    position: int
    bindings: tuple[tuple[str, Value], ...] = ()
    times: int = 1
    keeping: tuple[Law, ...] = ()

    @property
    def text(self) -> str:
        """The law in words, with how often it is used where that is more than once."""
        name = f"{self.law} (definition of the inverse)" if isinstance(self.law, InverseDefinition) else str(self.law)
        return f"{name}, {self.times} times" if self.times > 1 else name

    def flaw(self) -> str | None:
        """What is wrong with this step, if anything is."""
        bindings = dict(self.bindings)
        try:
            sides = [
                word.map(lambda symbol: symbol.substitute(bindings)).letters for word in (self.law.lhs, self.law.rhs)
            ]
        except _MEANINGLESS as error:
            return f"{self.law} makes no sense here: {error}"
        if isinstance(self.law, InverseDefinition):
            flaw = self.law.flaw()
            if flaw is not None:
                return flaw
            if not self.law.holds_at(bindings):
                return f"{self.law} makes no sense here"
        elif not self.law.is_equation or not self.law.counts:
            return f"{self.law} is no law to reason with"
        for letter in self.before.letters[: max(self.position, 0)]:
            for condition in self.law.conditions:
                if not any(_says_kept(law, letter.symbol, condition) for law in self.keeping):
                    return f"{self.law} does not apply after {letter}, which is not known to keep its condition"
        if self.times != 1:
            repeated = _repeated(sides[0], sides[1], self.times) if can_repeat(self.law) else None
            if repeated is None:
                return f"{self.law} shifts no parameter, so it cannot be applied {self.times} times at once"
            sides[1] = repeated
        old, new = sides if self.forward else sides[::-1]
        before, after = self.before.letters, self.after.letters
        part = before[self.position : self.position + len(old)]
        if self.position < 0 or part != old:
            return f"{self.law} does not apply to {self.before} at letter {self.position + 1}"
        if after != before[: self.position] + new + before[self.position + len(old) :]:
            return f"{self.law} does not turn {self.before} into {self.after}"
        return None


@dataclass(frozen=True)
class Proof:
    """That two words are equal, step by step.

    Attributes:
        start: The first word.
        end: The last word.
        steps: What leads from the one to the other.
        unspelt: The laws used, where there are too many steps to be spelt out; there are no `steps` then.
    """

    start: Word
    end: Word
    steps: tuple[ProofStep, ...] = ()
    unspelt: tuple[Law, ...] = ()

    @property
    def words(self) -> tuple[Word, ...]:
        """All words of the chain, the first and last included."""
        return (self.start, *(step.after for step in self.steps))

    @cached_property
    def laws(self) -> tuple[Law, ...]:
        """The laws used, those that justify formal inverses included, in order of first use."""
        used: dict[Law, None] = dict.fromkeys(self.unspelt)
        for step in self.steps:
            used |= dict.fromkeys((step.law,) if isinstance(step.law, Law) else step.law.laws)
        return tuple(used)

    @cached_property
    def premises(self) -> tuple[Law, ...]:
        """The laws used, and those by which the conditions of laws were kept where they were used."""
        kept = (law for step in self.steps for law in step.keeping)
        grounds = (
            proof.premises
            for step in self.steps
            if isinstance(step.law, InverseDefinition)
            for proof in (step.law.right, step.law.left)
            if proof is not None
        )
        return tuple(dict.fromkeys((*self.laws, *kept, *(law for premises in grounds for law in premises))))

    @property
    def conditions(self) -> Conditions:
        """What a picture has to be for the words to be equal on it: the conditions of all equations used."""
        return ALWAYS.union(*(law.conditions for law in self.laws if law.is_equation))

    @property
    def scope(self) -> Scope:
        """Approximate if any law used is approximate, or conditions were kept approximately only."""
        return "approximate" if any(law.scope == "approximate" for law in self.premises) else "exact"

    def then(self, other: "Proof") -> "Proof":
        """This chain followed by another that starts where it ends."""
        if self.unspelt or other.unspelt:
            return Proof(self.start, other.end, unspelt=tuple(dict.fromkeys(self.premises + other.premises)))
        return Proof(self.start, other.end, self.steps + other.steps)

    def reversed(self) -> "Proof":
        """The chain read from its end."""
        return Proof(self.end, self.start, tuple(_backwards(step) for step in reversed(self.steps)), self.unspelt)

    def flaw(self, laws: Iterable[Law] | None = None) -> str | None:
        """The first thing wrong with this proof, or None.

        Args:
            laws: The laws that may be used; None allows any.
        """
        if self.unspelt:
            return "its steps are too many to be spelt out"
        allowed = None if laws is None else set(laws)
        current = self.start
        for number, step in enumerate(self.steps, start=1):
            if step.before != current:
                return f"step {number} starts from {step.before}, but the word is {current}"
            flaw = step.flaw()
            if flaw is not None:
                return f"step {number}: {flaw}"
            current = step.after
        if current != self.end:
            return f"the steps end at {current}, not at {self.end}"
        if allowed is not None:
            for law in self.premises:
                if law not in allowed:
                    return f"{law} is not one of the laws"
        return None

    def verify(self, laws: Iterable[Law] | None = None) -> bool:
        """Whether every step is right; see `flaw` for what is wrong."""
        return self.flaw(laws) is None

    def __str__(self) -> str:
        lines = [str(self.start), *(f"  = {step.after}    by {step.text}" for step in self.steps)]
        return "\n".join(lines)


def _backwards(step: ProofStep) -> ProofStep:
    return replace(step, before=step.after, after=step.before, forward=not step.forward)


def _says_kept(law: Law, symbol: Symbol, condition: Condition) -> bool:
    """Whether a law says that an augmentation keeps a condition."""
    if law.kind != "keeps" or not law.counts or condition not in law.conditions:
        return False
    return match_letters(law.lhs.letters, [Letter(symbol)]) is not None


def can_repeat(law: Law | InverseDefinition) -> bool:
    """Whether a law that shifts parameters of one letter may be applied to its own result, at any values.

    Each such parameter must have a variable of its own, by which it can be moved by any number.
    """
    if len(law.lhs) != 1 or len(law.rhs) != 1:
        return False
    (old,), (new,) = law.lhs.symbols, law.rhs.symbols
    pairs = list(zip(_arguments(old), _arguments(new), strict=False))
    used = [expressions.variables_of(item) for item, _ in pairs]
    for place, (one, other) in enumerate(pairs):
        own = used[place].difference(*used[:place], *used[place + 1 :])
        moves = isinstance(expressions.difference(other, one), Fraction)
        if one != other and not (moves and any(_is_linear(one, name) for name in own)):
            return False
    return True


def _arguments(symbol: Symbol) -> tuple[Value, ...]:
    return (*symbol.args, *(item for _, item in symbol.kwargs))


def _is_linear(argument: Value, name: str) -> bool:
    """Whether moving a variable moves the argument by a number."""
    moved = expressions.substitute(argument, {name: expressions.add(expressions.variable(name), Fraction(1))})
    return isinstance(expressions.difference(moved, argument), Fraction)


def _repeated(old: tuple[Letter, ...], new: tuple[Letter, ...], times: int) -> tuple[Letter, ...] | None:
    """The result of shifting a letter several times over, if the two letters differ by a shift."""
    if times < 1 or len(old) != 1 or len(new) != 1 or old[0].inverse != new[0].inverse:
        return None
    first, second = old[0].symbol, new[0].symbol
    if (first.name, len(first.args), [key for key, _ in first.kwargs]) != (
        second.name,
        len(second.args),
        [key for key, _ in second.kwargs],
    ):
        return None
    try:
        args = tuple(_moved(a, b, times) for a, b in zip(first.args, second.args, strict=True))
        kwargs = tuple((key, _moved(a, b, times)) for (key, a), (_, b) in zip(first.kwargs, second.kwargs, strict=True))
    except TypeError:
        return None
    return (Letter(Symbol(first.name, args, kwargs), old[0].inverse),)


def _moved(old: Value, new: Value, times: int) -> Value:
    if old == new:
        return old
    shift = expressions.difference(new, old)
    if isinstance(shift, Fraction) and isinstance(old, Fraction | Expression):
        return expressions.add(old, shift * times)
    raise TypeError("no shift")
