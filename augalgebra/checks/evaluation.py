"""Applying words to all probes at once, remembering what the beginnings of words gave."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from augalgebra.algebra import expressions
from augalgebra.algebra.conditions import Conditions
from augalgebra.algebra.words import Symbol, Word
from augalgebra.catalog import Catalog
from augalgebra.checks.probes import Probe, stack
from augalgebra.checks.tolerances import Norm, differences
from augalgebra.errors import AugmentationError

CACHE_BYTES = 256 * 2**20
"""Memory for images that may be needed again."""

Symbols: TypeAlias = tuple[Symbol, ...]


@dataclass(frozen=True)
class Batch:
    """Probes of one image size, stacked.

    Attributes:
        images: Float batch ``[image, channel, height, width]``.
        labels: For each image the probe it came from and its number there.
        smooth: Which images are smooth; all of them if none of the probes are.
    """

    images: Float[Tensor, "image channel height width"]
    labels: tuple[tuple[Probe, int], ...]
    smooth: Bool[Tensor, " image"]

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the images."""
        height, width = self.images.shape[-2:]
        return height, width


class Evaluator:
    """Applies words without variables to probes.

    Attributes:
        catalog: Where augmentations are looked up.
        probes: The probes.
        batches: The probes, one batch for each image size.
    """

    def __init__(self, catalog: Catalog, probes: Sequence[Probe]) -> None:
        self.catalog, self.probes = catalog, tuple(probes)
        any_smooth = any(probe.smooth for probe in probes)
        self.batches = tuple(
            Batch(images, labels, torch.tensor([probe.smooth or not any_smooth for probe, _ in labels]))
            for images, labels in stack(probes)
        )
        self._cache: OrderedDict[tuple[int, Symbols], Tensor] = OrderedDict()
        self._bytes = 0
        self._inverses: dict[Symbol, Symbols] = {}
        self._meeting: dict[tuple[Conditions, bool], Evaluator] = {}

    def meeting(self, conditions: Conditions, *, nearly: bool = False) -> "Evaluator":
        """An evaluator of those images alone that meet some conditions, or nearly; it has no batches if none do."""
        if not conditions:
            return self
        if (conditions, nearly) not in self._meeting:
            kept = [probe.meeting(conditions, nearly=nearly) for probe in self.probes]
            self._meeting[conditions, nearly] = Evaluator(self.catalog, [probe for probe in kept if len(probe.images)])
        return self._meeting[conditions, nearly]

    @property
    def dtype(self) -> torch.dtype:
        """The floating-point type of the probes."""
        return self.probes[0].images.dtype

    def symbols(self, word: Word) -> Symbols:
        """The symbols to apply one after the other, inverses replaced by what the laws say they are.

        Raises:
            NotInvertibleError: There is an inverse that no law replaces.
        """
        found: list[Symbol] = []
        for symbol, inverse in word.letters:
            found.extend(self._inverse(symbol) if inverse else (symbol,))
        return tuple(found)

    def _inverse(self, symbol: Symbol) -> Symbols:
        if symbol not in self._inverses:
            word = self.catalog.spelt_out(Word(((symbol, -1),)))
            self._inverses[symbol] = tuple(letter.symbol for letter in word.letters)
        return self._inverses[symbol]

    def apply(self, batch: int, symbols: Symbols) -> Float[Tensor, "image channel height width"]:
        """The images of a batch under a word; not to be changed.

        Raises:
            AugmentationError: An augmentation failed, broke its promise or returned values that are not finite.
        """
        if not symbols:
            return self.batches[batch].images
        key = (batch, symbols)
        found = self._cache.get(key)
        if found is not None:
            self._cache.move_to_end(key)
            return found
        # not recursive: words may be longer than the stack is deep
        known = len(symbols) - 1
        while known and (batch, symbols[:known]) not in self._cache:
            known -= 1
        images = self.apply(batch, symbols[:known]) if known else self.batches[batch].images
        for end in range(known, len(symbols)):
            images = self.step(symbols[end], images)
            self._remember((batch, symbols[: end + 1]), images)
        return images

    def step(
        self, symbol: Symbol, images: Float[Tensor, "image channel height width"]
    ) -> Float[Tensor, "image channel height width"]:
        """Apply one augmentation, which cannot get at the original images.

        Raises:
            AugmentationError: See `apply`.
        """
        augmentation = self.catalog.resolve(symbol.name)
        arguments = [expressions.to_python(argument) for argument in symbol.args]
        # a copy, since an augmentation that works in place would spoil every later comparison
        result = augmentation.apply(images.clone(), arguments)
        if not bool(torch.isfinite(result).all()):
            raise AugmentationError(
                f"{augmentation.name} returned values that are not finite for {self.catalog.display(symbol)}"
            )
        return result

    def moved(self, batch: int, symbols: Symbols, norm: Norm) -> Float[Tensor, " image"]:
        """How far a word displaces each image."""
        return differences(self.apply(batch, symbols), self.batches[batch].images, norm)

    def _remember(self, key: tuple[int, Symbols], images: Tensor) -> None:
        self._cache[key] = images
        self._bytes += images.nbytes
        while self._bytes > CACHE_BYTES and len(self._cache) > 1:
            _, oldest = self._cache.popitem(last=False)
            self._bytes -= oldest.nbytes
