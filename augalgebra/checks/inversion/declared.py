"""What the laws say of single augmentations and of pairs, without completing more than is needed."""

from collections.abc import Iterable
from typing import NamedTuple

from augalgebra.algebra.conditions import ALWAYS, Conditions
from augalgebra.algebra.laws import Law
from augalgebra.algebra.presentation import Presentation
from augalgebra.algebra.rewriting import queries
from augalgebra.algebra.rewriting.completion import complete
from augalgebra.algebra.rewriting.proofs import Proof
from augalgebra.algebra.unification import match_letters
from augalgebra.algebra.words import IDENTITY, Word
from augalgebra.catalog import Catalog
from augalgebra.checks.inversion.matrix_report import Declared
from augalgebra.checks.tolerances import NEAR_RMS
from augalgebra.errors import AugalgebraError


class Claim(NamedTuple):
    """What follows from the laws.

    Attributes:
        declared: Whether it holds, exactly or nearly; None if the laws are silent.
        allowed: The root-mean-square error that they allow where it holds nearly.
        conditions: The pictures that it is declared for.
    """

    declared: Declared | None
    allowed: float = 0.0
    conditions: Conditions = ALWAYS


SILENT = Claim(None)


class DeclaredProperties:
    """Asks the laws; what they do not say is None, never "no".

    Attributes:
        catalog: Where the laws are.
    """

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        usable = [law for law in catalog.laws if law.is_equation and law.counts]
        self._mentioned = {symbol.name for law in usable for symbol in law.symbols}
        # by the names in them: looking through all laws for each of many pairs takes longer than comparing images
        self._exchanges: dict[frozenset[str], list[Law]] = {}
        for law in usable:
            if len(law.lhs) == len(law.rhs):
                names = frozenset(symbol.name for symbol in law.symbols)
                self._exchanges.setdefault(names, []).append(law)

    def inverse(self, word: Word) -> tuple[Claim, Word | None]:
        """Whether there is a two-sided inverse, and which word it is if it can be spelt out."""
        try:
            found = queries.inverse(self.catalog.system(word), word)
            if found.kind == "none":
                return Claim("no"), None
            if found.kind != "two-sided" or found.word is None:
                return SILENT, None
            claim = Claim(found.scope, max(map(_allowed, found.proofs), default=0.0), found.conditions)
            return claim, self.catalog.spelt_out(found.word)
        except AugalgebraError:
            return SILENT, None

    def involutory(self, word: Word) -> Claim:
        """Whether ``a * a = id``."""
        return self._equal(word**2, IDENTITY)

    def idempotent(self, word: Word) -> Claim:
        """Whether ``a * a = a``."""
        return self._equal(word**2, word)

    def overwritten(self, first: Word, second: Word) -> Claim:
        """Whether ``a * b = b``."""
        return self._equal(first * second, second)

    def commute(self, first: Word, second: Word) -> Claim:
        """Whether ``a * b = b * a``.

        A law that says just that is looked for first. Beyond that the exact laws are completed if they link the two at
        all, and the approximate ones for two members of one family only: completing those of all pairs takes minutes.
        """
        ahead, back = first * second, second * first
        names = [{symbol.name for symbol in word.symbols} for word in (first, second)]
        if any(self._mentioned.isdisjoint(some) for some in names):
            return SILENT
        for law in self._exchanges.get(frozenset(names[0] | names[1]), ()):
            if len(law.lhs) == len(ahead) and any(
                match_letters((*law.lhs.letters, *law.rhs.letters), (*one.letters, *other.letters)) is not None
                for one, other in ((ahead, back), (back, ahead))
            ):
                return Claim(law.scope, law.tolerance or NEAR_RMS, law.conditions)
        if names[0] == names[1]:
            return self._equal(ahead, back)
        presentation = Presentation.around([first, second], self.catalog.laws).exact_only()
        if not _linked(presentation, *names):
            return SILENT
        try:
            proof = complete(presentation).prove(ahead, back)
        except AugalgebraError:
            return SILENT
        return Claim("exact", conditions=proof.conditions) if proof is not None else SILENT

    def _equal(self, one: Word, other: Word) -> Claim:
        try:
            found = queries.equal(self.catalog.system(one, other), one, other)
        except AugalgebraError:
            return SILENT
        return SILENT if found.proof is None else Claim(found.scope, _allowed(found.proof), found.conditions)


def _allowed(proof: Proof) -> float:
    """The error that a proof may add up to: that of each step, and of each law where the steps are not spelt out."""
    total = _error(proof.unspelt)
    for step in proof.steps:
        if isinstance(step.law, Law):
            # an approximate law is checked on pictures that are nearly as it needs them, an exact one is not
            total += step.times * (_error((step.law,)) or _error(step.keeping))
        else:
            grounds = [ground for ground in (step.law.right, step.law.left) if ground is not None]
            given = () if step.law.law is None else (step.law.law,)
            total += step.times * (_error(given) + sum(map(_allowed, grounds)))
    return total


def _error(laws: Iterable[Law]) -> float:
    return sum(law.tolerance or NEAR_RMS for law in laws if law.scope == "approximate")


def _linked(presentation: Presentation, first: set[str], second: set[str]) -> bool:
    """Whether laws lead from one of some names to one of others, or make an end of one."""
    reached, grown = set(first), True
    laws = [{symbol.name for symbol in law.symbols} for law in presentation.equations]
    while grown:
        grown = False
        for names in laws:
            if names & reached and not names <= reached:
                reached |= names
                grown = True
    return bool(reached & second) or any(law.rhs == IDENTITY and len(law.lhs) == 1 for law in presentation.equations)
