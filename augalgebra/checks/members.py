"""The member of a family that makes an equation true, or nearly."""

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from augalgebra.algebra.words import Letter, Symbol, Word
from augalgebra.checks.evaluation import Evaluator, Symbols
from augalgebra.checks.tolerances import differences
from augalgebra.errors import AugmentationError, ParameterError
from augalgebra.parameters import Param

GRID = 25
"""Values of a parameter that are tried before the best is refined."""


class Error(NamedTuple):
    """Largest root mean square of an image's difference between two words.

    Attributes:
        smooth: Over the smooth images, which approximate laws speak of.
        overall: Over all images.
    """

    smooth: float
    overall: float

    @property
    def rank(self) -> float:
        """What is made least: the error on smooth images; the others break ties where the smooth ones see nothing."""
        return self.smooth + 0.01 * self.overall


def error_between(evaluator: Evaluator, left: Symbols, right: Symbols) -> Error:
    """How far two words are apart; infinitely far where the right one cannot be applied."""
    smooth = overall = 0.0
    for number, batch in enumerate(evaluator.batches):
        images = batch.images
        try:
            for symbol in right:
                augmentation = evaluator.catalog.resolve(symbol.name)
                for param, argument in zip(augmentation.params, symbol.args, strict=True):
                    param.check(augmentation.short_name, argument)
                # without the evaluator's memory, which one-off parameters would only fill
                images = evaluator.step(symbol, images)
        except (AugmentationError, ParameterError):
            return Error(math.inf, math.inf)
        errors = differences(images, evaluator.apply(number, left), "rms")
        overall = max(overall, float(errors.max()))
        if bool(batch.smooth.any()):
            smooth = max(smooth, float(errors[batch.smooth].max()))
    return Error(smooth, overall)


def best_members(evaluator: Evaluator, lhs: Word, rhs: Word) -> Iterator[tuple[Error, Word]]:
    """For each number in the right side, the value that brings the sides closest, the rest being kept.

    Yields:
        The error and the right side with that value.
    """
    left = evaluator.symbols(lhs)
    numbers = [abs(float(a)) for s in (lhs * rhs).symbols for a in s.args if isinstance(a, Fraction)]
    for position, letter in enumerate(rhs.letters):
        params = evaluator.catalog.resolve(letter.symbol.name).params
        for place, (param, argument) in enumerate(zip(params, letter.symbol.args, strict=True)):
            if isinstance(argument, Fraction) and not letter.inverse:
                search = _Search(evaluator, left, rhs, position, place)
                yield search.best(param, argument, max(numbers))


class _Search:
    """Varies one argument of one letter."""

    def __init__(self, evaluator: Evaluator, left: Symbols, rhs: Word, position: int, place: int) -> None:
        self.evaluator, self.left = evaluator, left
        self.rhs, self.position, self.place = rhs, position, place

    def best(self, param: Param, argument: Fraction, largest: float) -> tuple[Error, Word]:
        grid = [_rounded(number, param) for number in np.linspace(*_reach(param, largest), GRID)]
        # what conjugation and inversion would give, exactly
        special = [-argument, *([1 / argument] if argument else []), Fraction(1)]
        values = sorted({*grid, *(number for number in special if number.denominator == 1 or not param.whole)})
        errors = [self.error(value) for value in values]
        least = int(np.argmin([error.rank for error in errors]))
        value, error = values[least], errors[least]
        if not param.whole and 0 < error.rank < math.inf:
            from scipy.optimize import minimize_scalar  # slow to import, and needed where a law fails only

            bounds = float(values[max(least - 1, 0)]), float(values[min(least + 1, len(values) - 1)])
            refined = minimize_scalar(
                lambda number: self.error(Fraction(float(number))).rank,
                bounds=bounds,
                method="bounded",
                options={"maxiter": 30},
            )
            candidate = _rounded(float(refined.x), param)
            if self.error(candidate).rank < error.rank:
                value, error = candidate, self.error(candidate)
        return error, self.word(value)

    def word(self, value: Fraction) -> Word:
        letters = list(self.rhs.letters)
        symbol = letters[self.position].symbol
        arguments = (*symbol.args[: self.place], value, *symbol.args[self.place + 1 :])
        letters[self.position] = Letter(Symbol(symbol.name, arguments))
        return Word.from_letters(letters)

    def error(self, value: Fraction) -> Error:
        return error_between(self.evaluator, self.left, self.evaluator.symbols(self.word(value)))


def _reach(param: Param, largest: float) -> tuple[float, float]:
    """Where a parameter is looked for: its range, or up to four times the largest number in play."""
    far = 4.0 * largest + 1.0
    return (-far if param.low is None else float(param.low)), (far if param.high is None else float(param.high))


def _rounded(number: float, param: Param) -> Fraction:
    return Fraction(round(number)) if param.whole else Fraction(f"{number:.3g}")
