"""Questions about words, answered from a rewriting system.

Every answer is three-valued where the laws may not say: true with a proof, false only in a completed system (where it
means *different in the presented monoid*: the laws do not make them equal), and unknown otherwise.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeVar

from augalgebra.algebra.conditions import ALWAYS, Conditions, holding_for
from augalgebra.algebra.laws import Law, Scope
from augalgebra.algebra.rewriting.cayley_tables import CayleyTable as CayleyTable
from augalgebra.algebra.rewriting.cayley_tables import cayley_table as cayley_table
from augalgebra.algebra.rewriting.obstacles import nothing_undoes, undoes_nothing
from augalgebra.algebra.rewriting.proofs import Proof
from augalgebra.algebra.rewriting.system import UNANSWERED, RewritingSystem
from augalgebra.algebra.words import IDENTITY, Word
from augalgebra.errors import IncompleteError, NotInvertibleError
from augalgebra.notebooks import render_table

InverseKind = Literal["two-sided", "right", "left", "none", "unknown"]
Answer = TypeVar("Answer")
MAX_PERIOD = 360
"""Highest power that is tried when a period is looked for."""
_POWER_LETTERS = 300_000
"""Letters of all the powers that are made in search of a period."""
_SHORT_PERIOD = 12  # tried for the inverse of words whose letters are not all known to be invertible


@dataclass(frozen=True)
class Equality:
    """Whether two words are equal.

    Attributes:
        equal: True, False (different in the presented monoid), or None (not decided).
        reason: Why, in one line.
        proof: The proof, if they are equal.
        normal_forms: The normal forms of the two words.
    """

    equal: bool | None
    reason: str
    proof: Proof | None
    normal_forms: tuple[Word, Word]

    @property
    def scope(self) -> Scope:
        """Approximate if the proof uses an approximate law."""
        return "exact" if self.proof is None else self.proof.scope

    @property
    def conditions(self) -> Conditions:
        """What a picture has to be for the words to be equal on it."""
        return ALWAYS if self.proof is None else self.proof.conditions

    def _repr_html_(self) -> str:
        proof = self.proof
        rows = [] if proof is None else [(str(proof.start), ""), *((str(s.after), s.text) for s in proof.steps)]
        return render_table(["word", "by"], rows, f"{self.reason}{holding_for(self.conditions)}")


@dataclass(frozen=True)
class Inverse:
    """What undoes a word.

    Words read in order of application: ``a * b = id`` says that `b` undoes `a`. Then `b` is a *right* inverse of `a`,
    and `a` a *left* inverse of `b` (``pad * crop = id``: crop undoes pad, not the reverse).

    Attributes:
        of: The word that was asked about.
        kind: Whether `word` is inverse on both sides, on one only, or whether there is none, or none is known.
        word: The inverse; None if there is none.
        reason: Why, in one line, naming the law.
        proofs: Proof that the product of the two words is the identity, one for each side on which it is.
    """

    of: Word
    kind: InverseKind
    word: Word | None
    reason: str
    proofs: tuple[Proof, ...] = ()

    @property
    def scope(self) -> Scope:
        """Approximate if a proof uses an approximate law."""
        return "approximate" if any(proof.scope == "approximate" for proof in self.proofs) else "exact"

    @property
    def conditions(self) -> Conditions:
        """What a picture has to be for the word to undo it."""
        return ALWAYS.union(*(proof.conditions for proof in self.proofs))

    @property
    def laws(self) -> tuple[Law, ...]:
        """The laws used."""
        return tuple(dict.fromkeys(law for proof in self.proofs for law in proof.laws))


@dataclass(frozen=True)
class Route:
    """A way from one view to another.

    Attributes:
        word: The shortest.
        proof: That it leads there.
    """

    word: Word
    proof: Proof


def equal(system: RewritingSystem, first: Word, second: Word) -> Equality:
    """Whether two words are equal by the laws; a proof for every picture is preferred, and then an exact one.

    Raises:
        NotInvertibleError: A word has the inverse of a symbol that is not known to be invertible.
        IncompleteError: A word took too many steps.

    Examples:
        >>> from augalgebra.algebra.rewriting.completion import complete
        >>> from augalgebra.algebra.laws import parse_law
        >>> from augalgebra.algebra.parsing import parse_word
        >>> from augalgebra.algebra.presentation import Presentation
        >>> system = complete(Presentation.of([parse_law("a * a = id"), parse_law("a * b = b * a")]))
        >>> equal(system, parse_word("a * b * a"), parse_word("b")).equal
        True
    """
    proof = _strongest_proof(system, first, second)
    forms = (system.normal_form(first), system.normal_form(second))
    if proof is not None:
        count = len(proof.steps)
        what = "the same word" if not count else f"{count} step{'s' if count > 1 else ''}"
        if proof.unspelt:
            what = "more steps than are spelt out"
        what += holding_for(proof.conditions) and f",{holding_for(proof.conditions)}"
        if proof.scope == "approximate":
            what += ", by laws of which some hold approximately only"
        return Equality(True, f"equal: {what}", proof, forms)
    if system.decides(first, second):
        reason = f"the laws do not make them equal: their normal forms are {forms[0]} and {forms[1]}"
        return Equality(False, reason, None, forms)
    weaker = "rules from laws that hold approximately, or for some pictures,"
    rules = weaker if system.exact.decides(first, second) else "rules of rewriting"
    why = system.reason or "they were made for words with other parameters"
    return Equality(None, f"not decided, because the {rules} are incomplete: {why}", None, forms)


def inverse(system: RewritingSystem, word: Word, *, without: Conditions = ALWAYS) -> Inverse:
    """What undoes a word, telling two-sided inverses from one-sided, impossible and unknown ones.

    An inverse for every picture is preferred to one that needs conditions, and then an exact one to others.

    Args:
        system: The rules.
        word: The word.
        without: Conditions that pictures do not meet; laws that need them are not used.

    Raises:
        NotInvertibleError: The word itself has the inverse of a symbol that is not known to be invertible.
        IncompleteError: A word took too many steps.
    """
    problem: NotInvertibleError | IncompleteError | None = None
    one_sided: list[tuple[RewritingSystem, _Sides]] = []
    for layer in system.layers:
        if layer.conditions & without:
            continue
        try:
            sides = _sides(layer, word)
        except UNANSWERED as error:
            problem = error
            continue
        if sides.right is not None and sides.left is not None:
            return _two_sided(word, *sides.right, sides.left[1])
        one_sided.append((layer, sides))
    answer: Inverse | None = None
    for layer, sides in one_sided:  # why there is no other side is looked for once no laws are known to give it
        answer = _one_sided(layer, word, sides)
        if answer.kind != "unknown":
            break
    if answer is None:
        raise problem or NotInvertibleError(f"{word} is not known to have an inverse")
    return answer


class _Sides(NamedTuple):
    """A word in normal form, and what is inverse to it on each side, with the proof, if the laws give it."""

    form: Word
    right: tuple[Word, Proof] | None
    left: tuple[Word, Proof] | None


def _sides(system: RewritingSystem, word: Word) -> _Sides:
    form = system.normal_form(word)
    if not form:
        undone = (IDENTITY, system.derive(word))
        return _Sides(form, undone, undone)
    right, left = _undoing(system, word, form, first=False), _undoing(system, word, form, first=True)
    if right is None and (count := period(system, word, most=_SHORT_PERIOD)) is not None:
        witness = system.normal_form(form ** (count - 1))
        right, left = (_proved(system, word, witness, first=first) for first in (False, True))
    return _Sides(form, right, left)


def _undoing(system: RewritingSystem, word: Word, form: Word, *, first: bool) -> tuple[Word, Proof] | None:
    """What undoes a word (or what it undoes, which comes first), in normal form if that can be proved to do so."""
    find = system.left_inverse if first else system.right_inverse
    found = find(form)  # this is short, so that the word itself is only looked at to prove it
    if found is None:
        return None
    return _proved(system, word, system.normal_form(found[0]), first=first) or find(word)


def _proved(system: RewritingSystem, word: Word, witness: Word, *, first: bool) -> tuple[Word, Proof] | None:
    proof = _strongest_proof(system, witness * word if first else word * witness, IDENTITY)
    return None if proof is None else (witness, proof)


def _two_sided(word: Word, undoing: Word, after: Proof, before: Proof) -> Inverse:
    if not undoing:
        return Inverse(word, "two-sided", IDENTITY, "it is the identity", (after,))
    if after.start == before.start:
        return Inverse(word, "two-sided", undoing, f"{after.start} = id", (after,))
    return Inverse(word, "two-sided", undoing, f"{after.start} = id and {before.start} = id", (after, before))


def _one_sided(system: RewritingSystem, word: Word, sides: _Sides) -> Inverse:
    form = sides.form
    if sides.right is not None:
        undoing, proof = sides.right
        why = undoes_nothing(system, form) or f"no law says that {undoing * word} = id"
        return Inverse(word, "right", undoing, f"{proof.start} = id, but {why}", (proof,))
    if sides.left is not None:
        undone, proof = sides.left
        why = nothing_undoes(system, form) or f"no law says that {word * undone} = id"
        return Inverse(word, "left", undone, f"{proof.start} = id, but {why}", (proof,))
    why = nothing_undoes(system, form) or undoes_nothing(system, form)
    if why:
        return Inverse(word, "none", None, why)
    unknown = next((symbol for symbol in form.symbols if not system.is_invertible(symbol)), form)
    return Inverse(word, "unknown", None, f"no declared law says that {unknown} can be undone")


def invert(
    system: RewritingSystem,
    word: Word,
    side: Literal["two-sided", "right", "left"] = "two-sided",
    *,
    without: Conditions = ALWAYS,
) -> Word:
    """The inverse of a word; a one-sided one only where it is asked for by name, and see `inverse`.

    Raises:
        NotInvertibleError: There is none, or none is known; the message names the law.
    """
    return demand(inverse(system, word, without=without), side)


def demand(found: Inverse, side: Literal["two-sided", "right", "left"] = "two-sided") -> Word:
    """The inverse that was found; a one-sided one only where it is asked for by name.

    Raises:
        NotInvertibleError: There is none, or none is known; the message names the law.
    """
    word = found.of
    if found.word is not None and found.kind in ("two-sided", side):
        return found.word
    if found.word is not None:
        advice = f"ask for the {found.kind} inverse by name"
        raise NotInvertibleError(f"{word} has only a {found.kind} inverse: {found.reason}; {advice}")
    verb = "has no inverse" if found.kind == "none" else "is not known to have an inverse"
    about, same, declared = found.reason.partition(" has no inverse")
    if same and word.length == 1:  # the law says this very thing: better say what it means
        raise NotInvertibleError(f"{word} {verb}: different images can have the same result{declared}")
    raise NotInvertibleError(f"{word} {verb}: {about}{same}{declared}")


def period(system: RewritingSystem, word: Word, most: int = MAX_PERIOD) -> int | None:
    """The least ``n >= 1`` with ``word^n = id`` by the laws; None if there is none up to `most` (or none in reach)."""
    form = system.normal_form(word)
    power, seen = form, set[Word]()
    letters = 0
    for exponent in range(1, most + 1):
        if not power:
            return exponent
        letters += power.length + form.length
        if power in seen or letters > _POWER_LETTERS:  # the powers repeat without passing the identity, or grow
            return None
        seen.add(power)
        power = system.normal_form(power * form)
    return None


def is_idempotent(system: RewritingSystem, word: Word) -> bool | None:
    """Whether ``word * word = word``; None if the laws do not decide it."""
    return _same(system, word * word, word)


def is_involutory(system: RewritingSystem, word: Word) -> bool | None:
    """Whether ``word * word = id``; None if the laws do not decide it."""
    return _same(system, word * word, IDENTITY)


def strongest(
    system: RewritingSystem, question: Callable[[RewritingSystem], Answer | None]
) -> tuple[Answer | None, Conditions, Scope]:
    """The answer to a question by the strongest laws that answer it, what pictures it is for, and how exactly.

    Args:
        system: The rules.
        question: Answered None (or False) by laws that do not say.

    Examples:
        The period of a word, as strongly as it can be had: ``strongest(system, lambda rules: period(rules, word))``.
    """
    answer: Answer | None = None
    for layer in system.layers:
        try:
            answer = question(layer)
        except UNANSWERED:
            if layer is system:
                raise
            continue
        if answer is not None and answer is not False:
            return answer, layer.conditions, layer.scope
    return answer, ALWAYS, "exact"


def route(system: RewritingSystem, start: Word, goal: Word) -> Word:
    """The shortest word that leads from the view under `start` to the view under `goal`.

    Raises:
        NotInvertibleError: `start` cannot be undone.
    """
    return system.normal_form(invert(system, start) * goal)


def find_route(system: RewritingSystem, start: Word, goal: Word) -> Route:
    """The same with the proof that it leads there, which says for which pictures.

    Raises:
        NotInvertibleError: `start` cannot be undone.
    """
    way = route(system, start, goal)
    proof = _strongest_proof(system, start * way, goal)
    if proof is None:
        raise NotInvertibleError(f"no law says that {start * way} = {goal}")
    return Route(way, proof)


def derive(system: RewritingSystem, word: Word) -> Proof:
    """The strongest proof that a word equals its normal form."""
    return _strongest_proof(system, word, system.normal_form(word)) or system.derive(word)


def _same(system: RewritingSystem, first: Word, second: Word) -> bool | None:
    if system.normal_form(first) == system.normal_form(second):
        return True
    return False if system.decides(first, second) else None


def _strongest_proof(system: RewritingSystem, first: Word, second: Word) -> Proof | None:
    """A proof by the strongest laws that prove it."""
    if system.exact is not system:
        try:
            proof = system.exact.prove(first, second)
        except UNANSWERED:
            proof = None
        if proof is not None:
            return proof
    weakest = system.prove(first, second)
    if weakest is None or not system.middle:
        return weakest
    for layer in system.layers:
        try:
            proof = layer.prove(first, second)
        except UNANSWERED:
            continue
        if proof is not None:
            return proof
    return weakest
