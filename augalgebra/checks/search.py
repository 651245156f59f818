"""The shortest word that does to all probes what another does."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from augalgebra.algebra.froidure_pin import ToleranceFinder
from augalgebra.algebra.words import Letter, Symbol, Word
from augalgebra.checks.evaluation import Evaluator, Symbols
from augalgebra.checks.tolerances import Norm, differences
from augalgebra.errors import AugmentationError, NotInvertibleError
from augalgebra.parameters import REQUIRED

MAX_LENGTH = 4
"""Longest word that is looked for."""
MAX_WORDS = 200
"""Words that are tried in one search."""


@dataclass(frozen=True)
class Piece:
    """A letter of the words that are looked for: how it is written and what is applied."""

    word: Word
    symbols: Symbols


@dataclass(frozen=True)
class Comparer:
    """What counts as equal on the probes: a law's measure and tolerance.

    Attributes:
        evaluator: The probes.
        norm: The measure; ``rms`` looks at smooth images only.
        tolerance: Largest difference of an image at which it counts as equal.
    """

    evaluator: Evaluator
    norm: Norm
    tolerance: float

    def images(self, symbols: Symbols) -> list[Tensor]:
        """What a word makes of the images that count, one batch for each size."""
        return [
            self.evaluator.apply(number, symbols)[self._chosen(batch.smooth)]
            for number, batch in enumerate(self.evaluator.batches)
        ]

    def of(self, word: Word) -> list[Tensor]:
        """The same for a word that may have inverses.

        Raises:
            NotInvertibleError: There is an inverse that no law replaces.
        """
        return self.images(self.evaluator.symbols(word))

    def equal(self, left: Sequence[Tensor], right: Sequence[Tensor]) -> bool:
        """Whether all images agree."""
        return all(
            bool((differences(a, b, self.norm) <= self.tolerance).all()) for a, b in zip(left, right, strict=True)
        )

    def error(self, lhs: Word, rhs: Word) -> float:
        """How far the two sides of an equation are apart on the image where they differ most."""
        pairs = zip(self.of(lhs), self.of(rhs), strict=True)
        return max(float(differences(a, b, self.norm).max()) for a, b in pairs if len(a))

    def _chosen(self, smooth: Tensor) -> Tensor:
        return torch.ones_like(smooth) if self.norm == "max" else smooth


def shortest_word(
    comparer: Comparer,
    target: Sequence[Tensor],
    start: Word,
    pieces: Sequence[Piece],
    first: Sequence[Piece],
    besides: Word,
) -> tuple[Word | None, int]:
    """Look for the shortest continuation of a word that leads to some images.

    Args:
        comparer: What counts as equal.
        target: The images.
        start: The word that is continued.
        pieces: What it may be continued by.
        first: What may come first of that.
        besides: A word that leads there and is not asked for.

    Returns:
        The word with its beginning, if there is one, and up to which length of the continuation all were tried.
    """
    finder: ToleranceFinder[list[Tensor]] = ToleranceFinder(comparer.tolerance, _flat)
    frontier = [(start, comparer.of(start))]
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
                    after = _step(comparer.evaluator, images, piece.symbols)
                except AugmentationError:
                    continue
                if comparer.equal(after, target):
                    if longer != besides:
                        return longer, length
                elif finder.find(after) is None:
                    finder.add(after)
                    grown.append((longer, after))
        frontier = grown
    return None, MAX_LENGTH


def pieces_of(evaluator: Evaluator, symbols: Iterable[Symbol], companions: Iterable[Symbol] = ()) -> list[Piece]:
    """The symbols, their inverses where the laws know other words for them, and further symbols."""
    symbols = list(dict.fromkeys(symbols))
    pieces = [Piece(Word(((symbol, 1),)), (symbol,)) for symbol in symbols]
    for symbol in symbols:
        inverse = Word.from_letters([Letter(symbol, inverse=True)])
        try:
            applied = evaluator.symbols(inverse)
        except NotInvertibleError:
            continue
        if applied != (symbol,):
            pieces.append(Piece(inverse, applied))
    more = [symbol for symbol in companions if symbol not in symbols]
    return pieces + [Piece(Word(((symbol, 1),)), (symbol,)) for symbol in more]


def companions_of(evaluator: Evaluator, symbols: Iterable[Symbol]) -> list[Symbol]:
    """What the same plugins offer without parameters that would have to be chosen."""
    catalog = evaluator.catalog
    plugins = {catalog.resolve(symbol.name).plugin for symbol in symbols}
    return [
        augmentation.bind(Symbol(augmentation.name))
        for augmentation in catalog.augmentations.values()
        if augmentation.plugin in plugins
        and not augmentation.random
        and all(param.default is not REQUIRED for param in augmentation.params)
    ]


def _step(evaluator: Evaluator, images: Sequence[Tensor], symbols: Symbols) -> list[Tensor]:
    result = list(images)
    for symbol in symbols:
        result = [evaluator.step(symbol, batch) for batch in result]
    return result


def _flat(images: Sequence[Tensor]) -> "np.ndarray[Any, Any]":
    return np.concatenate([batch.reshape(-1).numpy() for batch in images])
