"""Questions about words, answered from a rewriting system.

Every answer is three-valued where the laws may not say: true with a proof, false only in a completed system (where it
means *different in the presented monoid*: the laws do not make them equal), and unknown otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from augalgebra.algebra.laws import Law
from augalgebra.algebra.proofs import Proof, Scope
from augalgebra.algebra.rewriting import RewritingSystem
from augalgebra.algebra.unification import match_letters
from augalgebra.algebra.words import IDENTITY, Word
from augalgebra.errors import NotInvertibleError

InverseKind = Literal["two-sided", "right", "left", "none", "unknown"]
MAX_PERIOD = 360
"""Highest power that is tried when a period is looked for."""
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
    def laws(self) -> tuple[Law, ...]:
        """The laws used."""
        return tuple(dict.fromkeys(law for proof in self.proofs for law in proof.laws))


@dataclass(frozen=True)
class CayleyTable:
    """The products of the elements that some generators reach.

    Attributes:
        generators: The generators.
        elements: The elements, each as the shortlex-least word in the generators; the identity comes first.
        products: ``products[i][j]`` is the index of ``elements[i] * elements[j]``; None if it was not reached.
        complete: Whether all elements were found, and surely none twice.
        reason: Why it is not complete; empty if it is.
    """

    generators: tuple[Word, ...]
    elements: tuple[Word, ...]
    products: tuple[tuple[int | None, ...], ...]
    complete: bool
    reason: str = ""


def equal(system: RewritingSystem, first: Word, second: Word) -> Equality:
    """Whether two words are equal by the laws; an exact proof is preferred.

    Raises:
        NotInvertibleError: A word has the inverse of a symbol that is not known to be invertible.
        IncompleteError: A word took too many steps, or the proof is too long to be spelt out.

    Examples:
        >>> from augalgebra.algebra.completion import complete
        >>> from augalgebra.algebra.laws import parse_law
        >>> from augalgebra.algebra.parsing import parse_word
        >>> from augalgebra.algebra.presentation import Presentation
        >>> system = complete(Presentation.of([parse_law("a * a = id"), parse_law("a * b = b * a")]))
        >>> equal(system, parse_word("a * b * a"), parse_word("b")).equal
        True
    """
    proof = _exact_proof(system, first, second) or system.prove(first, second)
    forms = (system.normal_form(first), system.normal_form(second))
    if proof is not None:
        count = len(proof.steps)
        what = "the same word" if not count else f"{count} step{'s' if count > 1 else ''}"
        if proof.scope == "approximate":
            what += ", by laws of which some hold approximately only"
        return Equality(True, f"equal: {what}", proof, forms)
    if system.decides(first, second):
        reason = f"the laws do not make them equal: their normal forms are {forms[0]} and {forms[1]}"
        return Equality(False, reason, None, forms)
    rules = "rules from approximate laws" if system.exact.decides(first, second) else "rules of rewriting"
    why = system.reason or "they were made for words with other parameters"
    return Equality(None, f"not decided, because the {rules} are incomplete: {why}", None, forms)


def inverse(system: RewritingSystem, word: Word) -> Inverse:
    """What undoes a word, telling two-sided inverses from one-sided, impossible and unknown ones.

    Raises:
        NotInvertibleError: The word itself has the inverse of a symbol that is not known to be invertible.
        IncompleteError: A word took too many steps, or a proof is too long to be spelt out.
    """
    form = system.normal_form(word)
    if not form:
        return Inverse(word, "two-sided", IDENTITY, "it is the identity", (system.derive(word),))
    right, left = system.right_inverse(word), system.left_inverse(word)
    if right is None and (count := period(system, word, most=_SHORT_PERIOD)) is not None:
        witness = system.normal_form(word ** (count - 1))
        power = system.prove(word * witness, IDENTITY), system.prove(witness * word, IDENTITY)
        right, left = ((witness, proof) if proof is not None else None for proof in power)
    if right is not None and left is not None:
        undoing, after = _tidied(system, word, *right)
        _, before = _tidied(system, word, *left, first=True)
        if after.start == before.start:
            return Inverse(word, "two-sided", undoing, f"{after.start} = id", (after,))
        return Inverse(word, "two-sided", undoing, f"{after.start} = id and {before.start} = id", (after, before))
    if right is not None:
        undoing, proof = _tidied(system, word, *right)
        why = _no_left(system, form) or f"no law says that {undoing * word} = id"
        return Inverse(word, "right", undoing, f"{proof.start} = id, but {why}", (proof,))
    if left is not None:
        undone, proof = _tidied(system, word, *left, first=True)
        why = _no_right(system, form) or f"no law says that {word * undone} = id"
        return Inverse(word, "left", undone, f"{proof.start} = id, but {why}", (proof,))
    why = _no_right(system, form) or _no_left(system, form)
    if why:
        return Inverse(word, "none", None, why)
    unknown = next((symbol for symbol in form.symbols if not system.is_invertible(symbol)), form)
    return Inverse(word, "unknown", None, f"no declared law says that {unknown} can be undone")


def invert(system: RewritingSystem, word: Word, side: Literal["two-sided", "right", "left"] = "two-sided") -> Word:
    """The inverse of a word; a one-sided one only where it is asked for by name.

    Raises:
        NotInvertibleError: There is none, or none is known; the message names the law.
    """
    found = inverse(system, word)
    if found.word is not None and found.kind in ("two-sided", side):
        return found.word
    if found.word is not None:
        advice = f"ask for the {found.kind} inverse by name"
        raise NotInvertibleError(f"{word} has only a {found.kind} inverse: {found.reason}; {advice}")
    verb = "has no inverse" if found.kind == "none" else "is not known to have an inverse"
    about, same, declared = found.reason.partition(" has no inverse")
    if same and len(word) == 1:  # the law says this very thing: better say what it means
        raise NotInvertibleError(f"{word} {verb}: different images can have the same result{declared}")
    raise NotInvertibleError(f"{word} {verb}: {about}{same}{declared}")


def period(system: RewritingSystem, word: Word, most: int = MAX_PERIOD) -> int | None:
    """The least ``n >= 1`` with ``word^n = id`` by the laws; None if there is none up to `most`."""
    form = system.normal_form(word)
    power, seen = form, set[Word]()
    for exponent in range(1, most + 1):
        if not power:
            return exponent
        if power in seen:  # the powers repeat without passing the identity
            return None
        seen.add(power)
        power = system.normal_form(power * form)
    return None


def is_idempotent(system: RewritingSystem, word: Word) -> bool | None:
    """Whether ``word * word = word``; None if the laws do not decide it."""
    return _same(system, word**2, word)


def is_involutory(system: RewritingSystem, word: Word) -> bool | None:
    """Whether ``word * word = id``; None if the laws do not decide it."""
    return _same(system, word**2, IDENTITY)


def route(system: RewritingSystem, start: Word, goal: Word) -> Word:
    """The shortest word that leads from the view under `start` to the view under `goal`.

    Raises:
        NotInvertibleError: `start` cannot be undone.
    """
    return system.normal_form(invert(system, start) * goal)


def cayley_table(system: RewritingSystem, generators: Sequence[Word], max_elements: int = 200) -> CayleyTable:
    """The multiplication table of what some words generate.

    Args:
        system: The rules.
        generators: The generators; elements are named by the shortest words in them.
        max_elements: Stop when more are found; the table is then incomplete.

    Raises:
        NotInvertibleError: A generator has the inverse of a symbol that is not known to be invertible.
    """
    generators = tuple(generators)
    forms = {IDENTITY: 0}
    elements, normal = [IDENTITY], [IDENTITY]
    spelt: list[tuple[int, ...]] = [()]
    successors: list[list[int | None]] = []
    overflown = False
    while len(successors) < len(normal):
        here = len(successors)
        row: list[int | None] = []
        for index, generator in enumerate(generators):
            form = system.normal_form(normal[here] * generator)
            found = forms.get(form)
            if found is None and len(elements) < max_elements:
                found = forms[form] = len(elements)
                normal.append(form)
                elements.append(elements[here] * generator)
                spelt.append((*spelt[here], index))
            overflown = overflown or found is None
            row.append(found)
        successors.append(row)
    products = tuple(tuple(_follow(successors, here, path) for path in spelt) for here in range(len(elements)))
    reason = f"stopped at {max_elements} elements" if overflown else system.reason
    return CayleyTable(generators, tuple(elements), products, not reason, reason)


def _follow(successors: Sequence[Sequence[int | None]], start: int, path: Sequence[int]) -> int | None:
    here: int | None = start
    for index in path:
        if here is None:
            return None
        here = successors[here][index]
    return here


def _same(system: RewritingSystem, first: Word, second: Word) -> bool | None:
    if system.normal_form(first) == system.normal_form(second):
        return True
    return False if system.decides(first, second) else None


def _exact_proof(system: RewritingSystem, first: Word, second: Word) -> Proof | None:
    """A proof by exact laws alone, where there are others too."""
    if system.exact is system:
        return None
    try:
        return system.exact.prove(first, second)
    except NotInvertibleError:  # known to be invertible by approximate laws only
        return None


def _tidied(
    system: RewritingSystem, word: Word, witness: Word, proof: Proof, *, first: bool = False
) -> tuple[Word, Proof]:
    """A one-sided inverse in normal form, with the best proof at hand."""
    short = system.normal_form(witness)
    better = equal(system, short * word if first else word * short, IDENTITY).proof
    return (witness, proof) if better is None else (short, better)


def _no_right(system: RewritingSystem, form: Word) -> str:
    """Why nothing undoes a word, as far as the laws say; empty if they do not."""
    for law in system.presentation.singular:
        for place in _occurrences(law.lhs, form):
            # What comes before must reach all images, or the singular part may be harmless (as crop is after
            # pad).
            if system.left_inverse(Word.from_letters(form.letters[:place])) is not None:
                return f"{law} (declared by {law.owner})" if law.owner else str(law)
    for other in _others(system, form):
        if system.normal_form(other * form) == form:
            return f"{other * form} = {form}, and {other} is not the identity"
    return ""


def _no_left(system: RewritingSystem, form: Word) -> str:
    """Why a word undoes nothing, as far as the laws say; empty if they do not."""
    for other in _others(system, form):
        if system.normal_form(form * other) == form:
            return f"{form * other} = {form}, and {other} is not the identity"
    return ""


def _others(system: RewritingSystem, form: Word) -> list[Word]:
    """Words that are surely not the identity of the presented monoid."""
    if not system.decides(form):
        return []
    symbols = dict.fromkeys((*form.symbols, *system.presentation.generators))
    candidates = [form, *(Word(((symbol, 1),)) for symbol in symbols)]
    return [word for word in candidates if system.normal_form(word)]


def _occurrences(pattern: Word, word: Word) -> list[int]:
    """The places at which an instance of the pattern stands in a word."""
    size = len(pattern)
    return [
        place
        for place in range(len(word) - size + 1)
        if match_letters(pattern.letters, word.letters[place : place + size]) is not None
    ]
