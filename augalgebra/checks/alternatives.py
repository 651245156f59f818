"""When a law does not hold: what holds instead.

The search is bounded and says so. It compares images on the same probes and to the same tolerance as the law did, so
that what it names has passed the same check.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from augalgebra.algebra.words import IDENTITY, Word
from augalgebra.checks.evaluation import Evaluator, Symbols
from augalgebra.checks.instances import Instance
from augalgebra.checks.members import best_members, error_between
from augalgebra.checks.results import Alternative
from augalgebra.checks.search import Comparer, Piece, companions_of, pieces_of, shortest_word
from augalgebra.checks.tolerances import NEAR_RMS, NEAR_SHARE, Norm
from augalgebra.errors import AugalgebraError

MAX_POWER = 30
"""Powers that are looked through for a period; a shift by one pixel of a 28×28 image is found out."""
ALMOST_BEST = 1.1
"""An equation as it was declared is preferred to one with an error smaller by less than this factor."""


def find_alternative(evaluator: Evaluator, failing: Sequence[Instance], norm: Norm, tolerance: float) -> Alternative:
    """Say what holds instead of a law that does not.

    Args:
        evaluator: The probes.
        failing: The law at parameters at which it fails, at least one; the first two are looked at.
        norm: The law's measure.
        tolerance: The law's tolerance.
    """
    search = _Search(Comparer(evaluator, norm, tolerance))
    first = search.instead_of(failing[0].lhs, failing[0].rhs)
    if first.equation is None and len(failing) > 1:
        second = search.instead_of(failing[1].lhs, failing[1].rhs)
        return first if second.equation is None else second
    return first


class _Search:
    def __init__(self, comparer: Comparer) -> None:
        self.comparer, self.evaluator = comparer, comparer.evaluator
        self.display = comparer.evaluator.catalog.display

    def instead_of(self, lhs: Word, rhs: Word) -> Alternative:
        if len(lhs) < len(rhs) == 1:
            lhs, rhs = rhs, lhs
        try:
            if len(lhs) == 1 and not rhs:
                return self._nothing(lhs)
            if _is_power(lhs) and (not rhs or rhs.symbols == lhs.symbols):
                return self._power(lhs, rhs)
            if not rhs:
                return self._inverse(lhs)
            if len(lhs) == 2 and rhs.letters == lhs.letters[::-1]:
                return self._commuting(lhs, rhs)
            if _one_family(lhs * rhs) and len(rhs) == 1:
                return self._family(lhs, rhs)
            return self._equation(lhs, rhs)
        except AugalgebraError as error:
            return Alternative(f"nothing else could be tried: {error}")

    def _nothing(self, letter: Word) -> Alternative:
        """For ``f(1) = id``: the member of the family that does nothing, or the period."""
        for error, member in best_members(self.evaluator, IDENTITY, letter):
            if math.isfinite(error.rank) and self.comparer.error(member, IDENTITY) <= self.comparer.tolerance:
                return self._stated(member, IDENTITY)
        return self._cycle(letter)

    def _power(self, lhs: Word, rhs: Word) -> Alternative:
        """For ``a^n = id`` and ``a^n = a``: where the powers of a really repeat."""
        found = self._cycle(Word(((lhs.symbols[0], 1),)))
        if found.equation is None:
            near = self._near(lhs, rhs)
            return found if near is None else replace(near, text=f"{near.text}; {found.text}")
        return found

    def _inverse(self, lhs: Word) -> Alternative:
        """For ``w a = id``: another word in place of the last letter."""
        kept = Word.from_letters(lhs.letters[:-1])
        # formal inverses would only say that a * a^-1 = id
        pieces = [piece for piece in self._pieces(lhs) if piece.symbols == piece.word.symbols]
        found, length = shortest_word(self.comparer, self.comparer.of(IDENTITY), kept, pieces, pieces, besides=lhs)
        if found is not None:
            return self._stated(found, IDENTITY)
        return self._near(lhs, IDENTITY) or Alternative(
            f"no word of up to {length} letters in {self._names(pieces)} undoes {self.display(kept)}"
        )

    def _commuting(self, lhs: Word, rhs: Word) -> Alternative:
        """For ``a * b = b * a``: a word that begins with b, or b and another member of a's family, or any word."""
        pieces = pieces_of(self.evaluator, lhs.symbols)
        first = [piece for piece in pieces if piece.word.symbols == rhs.symbols[:1]]
        target = self.comparer.of(lhs)
        swapped, _ = shortest_word(self.comparer, target, IDENTITY, pieces, first, besides=lhs)
        if swapped is not None:
            return self._stated(lhs, swapped)
        return self._near(lhs, rhs) or self._word(lhs, target, pieces)

    def _family(self, lhs: Word, rhs: Word) -> Alternative:
        """For ``f(a) * f(b) = f(c)``: another c."""
        near = self._near(lhs, rhs)
        if near is not None:
            return near
        if _is_power(lhs):
            found = self._cycle(Word(((lhs.symbols[0], 1),)))
            if found.equation is not None:
                return found
        return Alternative(f"{self.display(lhs)} is no {self.display(rhs.map(lambda s: replace(s, args=())))} at all")

    def _equation(self, lhs: Word, rhs: Word) -> Alternative:
        """For any other equation: another word that equals the left side."""
        # the letters of the right side first: it is likely to be nearly right
        pieces = self._pieces(rhs * lhs)
        if len(lhs) == 1:
            # a word in the others is asked for, not that a = a
            pieces = [piece for piece in pieces if piece.word != lhs]
        found = self._word(lhs, self.comparer.of(lhs), pieces)
        return found if found.equation is not None else self._near(lhs, rhs) or found

    def _word(self, lhs: Word, target: Sequence[Tensor], pieces: Sequence[Piece]) -> Alternative:
        found, length = shortest_word(self.comparer, target, IDENTITY, pieces, pieces, besides=lhs)
        if found is not None:
            return self._stated(lhs, found)
        return Alternative(
            f"no other word of up to {length} letters in {self._names(pieces)} equals {self.display(lhs)}"
        )

    def _cycle(self, word: Word) -> Alternative:
        """The first two powers that are equal."""
        powers: list[list[Tensor]] = []
        for exponent in range(MAX_POWER + 1):
            images = self.comparer.of(word**exponent)
            for earlier, others in enumerate(powers):
                if self.comparer.equal(images, others):
                    found = self._stated(word**exponent, word**earlier)
                    if not earlier:
                        return replace(found, text=f"{found.text}, so its period is {exponent}")
                    if exponent == earlier + 1:
                        return replace(found, text=f"{found.text}, so after {earlier}× it changes nothing more")
                    return replace(found, text=f"{found.text}, and no power is the identity")
            powers.append(images)
        return Alternative(f"no two of the first {MAX_POWER} powers of {self.display(word)} are equal")

    def _near(self, lhs: Word, rhs: Word) -> Alternative | None:
        """The equation with another value of one parameter, or as it is if it nearly holds."""
        left = self.evaluator.symbols(lhs)
        as_declared = error_between(self.evaluator, left, self.evaluator.symbols(rhs))
        members = (item for item in best_members(self.evaluator, lhs, rhs) if item[1] != lhs)
        error, best = min([(as_declared, rhs), *members], key=lambda item: item[0].rank)
        if as_declared.rank <= ALMOST_BEST * error.rank:
            error, best = as_declared, rhs
        if not math.isfinite(error.rank):
            return None
        if self.comparer.error(lhs, best) <= self.comparer.tolerance:
            return self._stated(lhs, best)
        moved = min(error_between(self.evaluator, (), (symbol,)).smooth for symbol in left)
        if error.smooth > min(NEAR_RMS, NEAR_SHARE * min(moved, self._contrast(left))):
            return None
        equation = f"{self.display(lhs)} ≈ {self.display(best)}"
        return Alternative(f"{equation} with an error of {error.smooth:.2g} (root mean square)", equation, error.smooth)

    def _contrast(self, symbols: Symbols) -> float:
        """How much there is to see of the smooth images under a word: nothing can be said of blank ones."""
        return min(
            float(self.evaluator.apply(number, symbols)[batch.smooth].flatten(1).std(1).min())
            for number, batch in enumerate(self.evaluator.batches)
            if bool(batch.smooth.any())
        )

    def _stated(self, lhs: Word, rhs: Word) -> Alternative:
        """An equation that passed the law's own check."""
        exact = self.comparer.norm == "max"
        equation = f"{self.display(lhs)} {'=' if exact else '≈'} {self.display(rhs)}"
        return Alternative(equation, equation, None if exact else self.comparer.error(lhs, rhs))

    def _pieces(self, word: Word) -> list[Piece]:
        return pieces_of(self.evaluator, word.symbols, companions_of(self.evaluator, word.symbols))

    def _names(self, pieces: Sequence[Piece]) -> str:
        return ", ".join(self.display(piece.word) for piece in pieces)


def _is_power(word: Word) -> bool:
    """Whether a word is a^n with n > 1."""
    return len(word.syllables) == 1 and word.syllables[0][1] > 1


def _one_family(word: Word) -> bool:
    """Whether only members of one family occur."""
    return len({symbol.name for symbol in word.symbols}) == 1 and all(exponent > 0 for _, exponent in word.syllables)
