"""When a law does not hold: what holds instead.

The search is bounded and says so. It compares images on the same probes and to the same tolerance as the law did, so
that what it names has passed the same check.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor

from augalgebra.algebra.closure import ToleranceFinder
from augalgebra.algebra.words import IDENTITY, Letter, Symbol, Word
from augalgebra.augmentation import REQUIRED, Param
from augalgebra.checks.evaluation import Evaluator, Symbols
from augalgebra.checks.instances import Instance
from augalgebra.checks.results import Alternative
from augalgebra.checks.tolerances import NEAR_RMS, NEAR_SHARE, Norm, differences
from augalgebra.errors import AugalgebraError, AugmentationError, NotInvertibleError, ParameterError

MAX_POWER = 30
"""Powers that are looked through for a period; a shift by one pixel of a 28×28 image is found out."""
MAX_LENGTH = 4
"""Longest word that is looked for."""
MAX_WORDS = 200
"""Words that are tried in one search."""
ALMOST_BEST = 1.1
"""An equation as it was declared is preferred to one with an error smaller by less than this factor."""
GRID = 25
"""Values of a parameter that are tried before the best is refined."""


def find_alternative(evaluator: Evaluator, failing: Sequence[Instance], norm: Norm, tolerance: float) -> Alternative:
    """Say what holds instead of a law that does not.

    Args:
        evaluator: The probes.
        failing: The law at parameters at which it fails, at least one; the first two are looked at.
        norm: The law's measure.
        tolerance: The law's tolerance.
    """
    search = _Search(evaluator, norm, tolerance)
    first = search.instead_of(failing[0].lhs, failing[0].rhs)
    if first.equation is None and len(failing) > 1:
        second = search.instead_of(failing[1].lhs, failing[1].rhs)
        return first if second.equation is None else second
    return first


@dataclass(frozen=True)
class _Piece:
    """A letter of the words that are looked for: how it is written and what is applied."""

    word: Word
    symbols: Symbols


class _Search:
    def __init__(self, evaluator: Evaluator, norm: Norm, tolerance: float) -> None:
        self.evaluator, self.norm, self.tolerance = evaluator, norm, tolerance
        self.catalog = evaluator.catalog

    def instead_of(self, lhs: Word, rhs: Word) -> Alternative:
        try:
            return self._instead_of(lhs, rhs)
        except AugalgebraError as error:
            return Alternative(f"nothing else could be tried: {error}")

    def _instead_of(self, lhs: Word, rhs: Word) -> Alternative:
        if _is_power(lhs) and (not rhs or rhs.symbols == lhs.symbols):
            return self.instead_of_power(lhs, rhs)
        if len(lhs) == 2 and rhs.letters == lhs.letters[::-1]:
            return self.instead_of_commuting(lhs, rhs)
        if _one_family(lhs * rhs) and len(rhs) == 1:
            return self.instead_of_family(lhs, rhs)
        return self.instead_of_equation(lhs, rhs)

    def instead_of_power(self, lhs: Word, rhs: Word) -> Alternative:
        equation, text = self._cycle(Word(((lhs.symbols[0], 1),)))
        if equation is not None:
            return Alternative(text, equation)
        near = self._nearest(lhs, rhs)
        return Alternative(text) if near.equation is None else replace(near, text=f"{near.text}; {text}")

    def instead_of_commuting(self, lhs: Word, rhs: Word) -> Alternative:
        pieces = self._pieces(lhs.symbols)
        first = [piece for piece in pieces if piece.word.symbols == rhs.symbols[:1]]
        swapped = self._word_instead(lhs, rhs, pieces, first)
        return swapped if swapped.equation is not None else self._word_instead(lhs, rhs, pieces, pieces)

    def instead_of_family(self, lhs: Word, rhs: Word) -> Alternative:
        found = self._nearest(lhs, rhs)
        if found.equation is None and _is_power(lhs):
            equation, text = self._cycle(Word(((lhs.symbols[0], 1),)))
            return Alternative(text, equation) if equation else found
        return found

    def instead_of_equation(self, lhs: Word, rhs: Word) -> Alternative:
        pieces = self._pieces((lhs * rhs).symbols, self._companions((lhs * rhs).symbols))
        if not rhs:
            return self._inverse_instead(lhs, pieces)
        if len(lhs) == 1:
            # a word in the others is asked for, not that a = a
            pieces = [piece for piece in pieces if piece.word != lhs]
        return self._word_instead(lhs, rhs, pieces, pieces)

    def _word_instead(self, lhs: Word, rhs: Word, pieces: Sequence[_Piece], first: Sequence[_Piece]) -> Alternative:
        target = self._images(self.evaluator.symbols(lhs))
        found, length = self._shortest(target, IDENTITY, pieces, first, besides=lhs)
        if found is not None:
            equation = self._equation(lhs, found)
            return Alternative(equation, equation, None if self.norm == "max" else self._error(lhs, found))
        near = self._nearest(lhs, rhs)
        if near.equation is not None:
            return near
        names = ", ".join(self.catalog.display(piece.word) for piece in pieces)
        return Alternative(f"no other word of up to {length} letters in {names} equals {self.catalog.display(lhs)}")

    def _inverse_instead(self, lhs: Word, pieces: Sequence[_Piece]) -> Alternative:
        """For ``w a = id``: another word in place of the last letter."""
        kept = Word.from_letters(lhs.letters[:-1])
        identity = [batch.images for batch in self.evaluator.batches]
        target = [images[self._chosen(number)] for number, images in enumerate(identity)]
        # pieces that are formal inverses would only say a * a^-1 = id
        positive = [piece for piece in pieces if not any(letter.inverse for letter in piece.word.letters)]
        found, length = self._shortest(target, kept, positive, positive, besides=lhs)
        if found is not None:
            equation = self._equation(found, IDENTITY)
            return Alternative(equation, equation, None if self.norm == "max" else self._error(found, IDENTITY))
        names = ", ".join(self.catalog.display(piece.word) for piece in positive)
        return Alternative(f"no word of up to {length} letters in {names} undoes {self.catalog.display(kept)}")

    def _cycle(self, word: Word) -> tuple[str | None, str]:
        """The first two powers that are equal, as an equation, and a line about it."""
        shown = self.catalog.display(word)
        (symbol,) = self.evaluator.symbols(word)
        powers: list[list[Tensor]] = []
        for exponent in range(MAX_POWER + 1):
            images = self._images((symbol,) * exponent)
            for earlier, others in enumerate(powers):
                if self._equal(images, others):
                    equation = self._equation(word**exponent, word**earlier)
                    if not earlier:
                        return equation, f"{equation}, so its period is {exponent}"
                    if exponent == earlier + 1:
                        return equation, f"{equation}, so after {earlier}× it changes nothing more"
                    return equation, f"{equation}, and no power is the identity"
            powers.append(images)
        return None, f"no two of the first {MAX_POWER} powers of {shown} are equal"

    def _nearest(self, lhs: Word, rhs: Word) -> Alternative:
        """What holds approximately: the equation itself, or a member of the family in place of the right side."""
        candidates = [(self._near_error(lhs, rhs), rhs)]
        if len(rhs) == 1 and _one_family(lhs * rhs) and rhs.symbols[0].args:
            candidates.extend(self._members(lhs, rhs.symbols[0]))
        error, best = min(candidates, key=lambda item: item[0])
        if candidates[0][0] <= ALMOST_BEST * error:
            error, best = candidates[0]
        moved = min((self._near_error(Word(((s, 1),)), IDENTITY) for s in lhs.symbols), default=0.0)
        if self.norm == "max" and math.isfinite(error) and self._error(lhs, best) <= self.tolerance:
            equation = self._equation(lhs, best)
            return Alternative(equation, equation)
        if error <= NEAR_RMS and error <= NEAR_SHARE * moved:
            equation = f"{self.catalog.display(lhs)} ≈ {self.catalog.display(best)}"
            return Alternative(f"{equation} with an error of {error:.2g} (root mean square)", equation, error)
        return Alternative(
            f"nothing comes near: the best is {self.catalog.display(lhs)} ≈ {self.catalog.display(best)} "
            f"with an error of {error:.2g} (root mean square)"
        )

    def _members(self, lhs: Word, symbol: Symbol) -> Iterator[tuple[float, Word]]:
        """For each number among the arguments, the best member of the family and its error."""
        symbols = self.evaluator.symbols(lhs)
        params = self.catalog.resolve(symbol.name).params
        for place, (param, argument) in enumerate(zip(params, symbol.args, strict=True)):
            if not isinstance(argument, Fraction):
                continue

            def member(number: float, place: int = place, param: Param = param) -> Word:
                rounded = Fraction(round(number)) if param.whole else Fraction(f"{number:.3g}")
                return Word(((Symbol(symbol.name, (*symbol.args[:place], rounded, *symbol.args[place + 1 :])), 1),))

            def error(number: float, member: Callable[[float], Word] = member) -> float:
                return self._near_error_of(symbols, member(number).symbols)

            largest = max(abs(float(a)) for s in lhs.symbols for a in s.args if isinstance(a, Fraction))
            grid = np.unique(np.linspace(*_reach(param, largest), GRID))
            errors = [error(float(number)) for number in grid]
            best = int(np.argmin(errors))
            number = float(grid[best])
            if not param.whole and math.isfinite(errors[best]):
                bounds = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, len(grid) - 1)])
                refined = minimize_scalar(error, bounds=bounds, method="bounded", options={"maxiter": 30})
                number = float(refined.x) if refined.fun < errors[best] else number
            yield error(number), member(number)

    def _near_error(self, lhs: Word, rhs: Word) -> float:
        return self._near_error_of(self.evaluator.symbols(lhs), self.evaluator.symbols(rhs))

    def _near_error_of(self, left: Symbols, right: Symbols) -> float:
        """Root mean square on the smooth images; infinite where the right side cannot be applied."""
        worst = 0.0
        for number, batch in enumerate(self.evaluator.batches):
            if not bool(batch.smooth.any()):
                continue
            images = batch.images[batch.smooth]
            try:
                for symbol in right:
                    augmentation = self.catalog.resolve(symbol.name)
                    for param, argument in zip(augmentation.params, symbol.args, strict=True):
                        param.check(augmentation.short_name, argument)
                    images = self.evaluator.step(symbol, images)
            except (AugmentationError, ParameterError):
                return math.inf
            target = self.evaluator.apply(number, left)[batch.smooth]
            worst = max(worst, float(differences(images, target, "rms").max()))
        return worst

    def _shortest(
        self, target: Sequence[Tensor], start: Word, pieces: Sequence[_Piece], first: Sequence[_Piece], besides: Word
    ) -> tuple[Word | None, int]:
        """The shortest word that leads from `start` to the target, and how long the words were that were all tried."""
        finder: ToleranceFinder[list[Tensor]] = ToleranceFinder(self.tolerance, _flat)
        frontier = [(start, self._images(self.evaluator.symbols(start)))]
        finder.add(frontier[0][1])
        tried = 0
        for length in range(1, MAX_LENGTH + 1):
            grown = []
            for word, images in frontier:
                for piece in first if length == 1 else pieces:
                    if tried == MAX_WORDS:
                        return None, length - 1
                    tried += 1
                    longer = word * piece.word
                    try:
                        after = self._step(images, piece.symbols)
                    except AugmentationError:
                        continue
                    if self._equal(after, target):
                        if longer != besides:
                            return longer, length
                    elif finder.find(after) is None:
                        finder.add(after)
                        grown.append((longer, after))
            frontier = grown
        return None, MAX_LENGTH

    def _pieces(self, symbols: Iterable[Symbol], companions: Iterable[Symbol] = ()) -> list[_Piece]:
        """The symbols, their inverses where the laws know other words for them, and further symbols."""
        symbols = list(dict.fromkeys(symbols))
        pieces = [_Piece(Word(((symbol, 1),)), (symbol,)) for symbol in symbols]
        for symbol in symbols:
            inverse = Word.from_letters([Letter(symbol, inverse=True)])
            try:
                applied = self.evaluator.symbols(inverse)
            except NotInvertibleError:
                continue
            if applied != (symbol,):
                pieces.append(_Piece(inverse, applied))
        more = [symbol for symbol in companions if symbol not in symbols]
        return pieces + [_Piece(Word(((symbol, 1),)), (symbol,)) for symbol in more]

    def _companions(self, symbols: Iterable[Symbol]) -> list[Symbol]:
        """What the same plugins offer without parameters that would have to be chosen."""
        plugins = {self.catalog.resolve(symbol.name).plugin for symbol in symbols}
        return [
            augmentation.bind(Symbol(augmentation.name))
            for augmentation in self.catalog.augmentations.values()
            if augmentation.plugin in plugins
            and not augmentation.random
            and all(param.default is not REQUIRED for param in augmentation.params)
        ]

    def _images(self, symbols: Symbols) -> list[Tensor]:
        return [
            self.evaluator.apply(number, symbols)[self._chosen(number)] for number in range(len(self.evaluator.batches))
        ]

    def _chosen(self, number: int) -> Tensor:
        smooth = self.evaluator.batches[number].smooth
        return torch.ones_like(smooth) if self.norm == "max" else smooth

    def _step(self, images: Sequence[Tensor], symbols: Symbols) -> list[Tensor]:
        result = []
        for batch in images:
            for symbol in symbols:
                batch = self.evaluator.step(symbol, batch)
            result.append(batch)
        return result

    def _equal(self, left: Sequence[Tensor], right: Sequence[Tensor]) -> bool:
        return all(
            bool((differences(a, b, self.norm) <= self.tolerance).all()) for a, b in zip(left, right, strict=True)
        )

    def _error(self, lhs: Word, rhs: Word) -> float:
        left, right = (self._images(self.evaluator.symbols(word)) for word in (lhs, rhs))
        return max(float(differences(a, b, self.norm).max()) for a, b in zip(left, right, strict=True) if len(a))

    def _equation(self, lhs: Word, rhs: Word) -> str:
        sign = "=" if self.norm == "max" else "≈"
        return f"{self.catalog.display(lhs)} {sign} {self.catalog.display(rhs)}"


def _is_power(word: Word) -> bool:
    """Whether a word is a^n with n > 1."""
    return len(word.syllables) == 1 and word.syllables[0][1] > 1


def _one_family(word: Word) -> bool:
    """Whether only members of one family occur."""
    return len({symbol.name for symbol in word.symbols}) == 1 and all(exponent > 0 for _, exponent in word.syllables)


def _reach(param: Param, largest: float) -> tuple[float, float]:
    """Where a parameter is looked for: its range, or up to four times the largest number in play."""
    far = 4.0 * largest + 1.0
    return (-far if param.low is None else float(param.low)), (far if param.high is None else float(param.high))


def _flat(images: Sequence[Tensor]) -> "np.ndarray[Any, Any]":
    return np.concatenate([batch.reshape(-1).numpy() for batch in images])
