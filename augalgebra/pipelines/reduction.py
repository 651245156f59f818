"""What the laws alone make of a word: cancelled, merged and reordered, with a proof whose laws were tried on images."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

from augalgebra.algebra.laws import Law
from augalgebra.algebra.rewriting.proofs import Proof
from augalgebra.algebra.words import Letter, Word
from augalgebra.catalog import Catalog
from augalgebra.checks.laws import judge_law
from augalgebra.errors import IncompleteError, NotInvertibleError, ParameterError


@dataclass(frozen=True)
class Reduction:
    """A word, and the shorter one that exact laws make of it.

    Attributes:
        word: The shorter word, without inverses.
        proof: That it equals the first one; the words in it may have inverses.
        checked: The laws in it that were found to hold on images.
        refused: Laws that would have been used and do not hold on images, each with what was seen.
    """

    word: Word
    proof: Proof
    checked: frozenset[Law] = frozenset()
    refused: tuple[tuple[Law, str], ...] = ()


class Reducer:
    """Reduces words by laws that hold exactly and for every picture.

    A plugin is not taken at its word: every law of a proof is tried on images once, and left out if it is violated.

    Args:
        catalog: Where the augmentations and laws are; for pictures of one size if that is known.
    """

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.refused: dict[Law, str] = {}
        self.checked: set[Law] = set()
        self._tried: set[Law] = set()

    def reduce(self, word: Word) -> Reduction:
        """The shortest word that exact laws make of another.

        Raises:
            NotInvertibleError: It has the inverse of what has none.
        """
        spelt = self.catalog.spelt_out(word)
        while True:
            proof = self._derive(word)
            if self._holds(proof):
                break
        end = self.catalog.spelt_out(proof.end)
        if len(end) > len(spelt):
            end, proof = spelt, Proof(word, word)
        return Reduction(end, proof)

    def commute(self, first: Letter, second: Letter) -> Proof | None:
        """The proof that two letters may be exchanged, by exact laws; None if there is none."""
        one, other = Word.from_letters((first, second)), Word.from_letters((second, first))
        while True:
            try:
                proof = self.catalog.system(one).exact.prove(one, other)
            except (NotInvertibleError, IncompleteError):
                return None
            if proof is None or proof.unspelt or self._holds(proof):
                return None if proof is None or proof.unspelt else proof

    def _derive(self, word: Word) -> Proof:
        while True:
            try:
                proof = self.catalog.system(word).exact.derive(word)
            except (ParameterError, NotInvertibleError, IncompleteError):
                return Proof(word, word)
            if proof.unspelt:
                return Proof(word, word)
            if self._is_in_range(proof.end):
                return proof
            out = next(step for step in reversed(proof.steps) if self._is_in_range(step.before)).law
            if not isinstance(out, Law):
                return Proof(word, word)
            self._leave_out([out])

    def _is_in_range(self, word: Word) -> bool:
        """Whether all parameters are; a law may lead out of their ranges."""
        try:
            self.catalog.word(word)
        except ParameterError:
            return False
        return True

    def _leave_out(self, laws: Sequence[Law]) -> None:
        self.catalog = copy.copy(self.catalog)
        self.catalog.laws = tuple(replace(law, status="violated") if law in laws else law for law in self.catalog.laws)

    def _holds(self, proof: Proof) -> bool:
        """Whether the laws of a proof hold on images; those that do not are not used again."""
        bad = []
        for law in proof.premises:
            if law in self._tried:
                continue
            self._tried.add(law)
            if law.status == "checked":
                self.checked.add(law)
            elif law.status == "declared":
                judgement = judge_law(self.catalog, law)
                if judgement.verdict == "holds":
                    self.checked.add(law)
                if judgement.verdict == "violated":
                    bad.append(law)
                    self.refused[law] = judgement.reason
        if bad:
            self._leave_out(bad)
        return not bad
