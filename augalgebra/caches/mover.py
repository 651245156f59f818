"""Codes of a cache moved: to each element of a group by the operator that reaches it best."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.caches.placement import Placement
from augalgebra.errors import (
    AugalgebraError,
    DataError,
    ImageError,
    MissingOperatorError,
    NotInvertibleError,
    ParameterError,
)
from augalgebra.operators.grids.operator import GridOperator
from augalgebra.operators.grids.registry import GridRegistry
from augalgebra.seeds import generator_for

__all__ = ["FLIP", "Mover", "Way", "check_record"]

FLIP = "flip_lr"
"""The augmentation that the second copies of trainers stand for."""


@dataclass(frozen=True)
class Way:
    """How the code of a picture under a word is made.

    Attributes:
        operator: What moves a code that is there.
        from_copy: Whether that is the second copy.
    """

    operator: GridOperator
    from_copy: bool = False


class Mover:
    """Moves codes as they lie on the disk.

    It holds operators and no catalog, so that it can be sent to another process.

    Args:
        registry: The operators.
        words: The words that codes are moved by.
        scale: What codes on the disk were multiplied by; 1 if they are raw.
        shift: What was subtracted first.
        noise: Seed of noise as strong as what operators miss; None for none.

    Attributes:
        channels: Channels of a code.
        stride: Pixels for each position of the grid.
    """

    def __init__(
        self,
        registry: GridRegistry,
        words: Iterable[Word],
        scale: float = 1.0,
        shift: float = 0.0,
        noise: int | None = None,
    ) -> None:
        self.channels, self.stride = registry.channels, registry.stride
        self._scale, self._shift, self._noise = scale, shift, noise
        self._ways: dict[Word, tuple[Way | AugalgebraError, ...]] = {}
        self._placements: dict[Word, Placement] = {}
        flip = registry.catalog.word(FLIP)
        for word in words:
            self._placements[word] = Placement.of(registry.catalog, word)
            self._ways[word] = _way(registry, word), _way(registry, flip * word, from_copy=True)

    @property
    def stale(self) -> tuple[str, ...]:
        """Why operators in it should not be trusted any more."""
        ways = [way for both in self._ways.values() for way in both if isinstance(way, Way)]
        return tuple(dict.fromkeys(reason for way in ways for reason in way.operator.stale))

    @property
    def digest(self) -> str:
        """SHA-256 of the words and of all that their operators have learned, by which other operators are noticed."""
        found = hashlib.sha256()
        for word, both in self._ways.items():
            for way in both:
                if isinstance(way, Way):
                    found.update(f"{word}: {way.operator.label}".encode())
                    for item in way.operator.maps:
                        for name, tensor in item.state_dict().items():
                            found.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
        return found.hexdigest()

    def way(self, word: Word, *, has_copy: bool) -> Way:
        """How the code under a word is made: by the fewest operators.

        What lies there flipped needs to be moved by the flip, which is its own inverse, and the word.

        Raises:
            MissingOperatorError: The word has no operator, or could be made of a second copy only.
            NotInvertibleError: The word undoes what no law can undo.
            ParameterError: There shall be noise, and it is not known what the operator misses.
        """
        direct, through = self._ways[word]
        ways = [way for way in (direct, through if has_copy else direct) if isinstance(way, Way)]
        if not ways:
            raise cast(AugalgebraError, direct)
        way = min(ways, key=lambda way: len(way.operator.maps))
        if self._noise is not None and not way.operator.has_noise:
            raise ParameterError(
                f"it is not known what the operator of {way.operator.label} misses; fit it again, by its own name, or "
                "leave the noise out"
            )
        return way

    def placement(self, word: Word) -> Placement:
        """Where things in a picture lie under a word."""
        return self._placements[word]

    def source_of_noise(self, name: Path, key: str, word: Word) -> torch.Generator | None:
        """Where the noise of an array under a word is drawn from, whichever came before; None for no noise."""
        return None if self._noise is None else generator_for(self._noise, f"{key} of {name.as_posix()} under {word}")

    def move(
        self,
        codes: Tensor,
        operator: GridOperator,
        generator: torch.Generator | None = None,
        *,
        moments: bool = False,
    ) -> Tensor:
        """Move codes by an operator.

        Args:
            codes: ``[batch, channel, height, width]`` as they lie on the disk.
            operator: The operator.
            generator: Source of noise as strong as what it misses; None for none.
            moments: Whether channels are means and then log variances. Where the operator is of the means alone, log
                variances follow the grid.

        Raises:
            ImageError: They have other channels, or are not finite, before or after in their own type.
        """
        self.check(codes)
        if moments and codes.shape[1] == 2 * self.channels:
            means, variances = codes.chunk(2, dim=1)
            for item in operator.maps:
                variances = variances if item.move is None else item.move.apply(variances)
            return torch.cat([self.move(means, operator, generator), variances], dim=1)
        if operator.is_identity and codes.shape[1] == self.channels:
            return codes
        if self._scale == 1 and not self._shift:
            return operator.apply(codes, generator)  # which refuses other channels
        moved = operator.apply(codes.float() / self._scale + self._shift, generator)
        moved = ((moved - self._shift) * self._scale).to(codes.dtype)
        if not bool(torch.isfinite(moved).all()):
            kind = str(codes.dtype).removeprefix("torch.")
            raise ImageError(f"codes moved by {operator.label} are too large for {kind}; save them in float32")
        return moved

    def raw(self, codes: Tensor) -> Tensor:
        """Codes from the disk as the autoencoder answers them, in float32."""
        return codes.float() / self._scale + self._shift

    def means(self, codes: Tensor, *, moments: bool) -> int:
        """How many channels of codes are means, where they are moments; else all."""
        return self.channels if moments and codes.shape[1] == 2 * self.channels else codes.shape[1]

    def check(self, codes: Tensor) -> None:
        """See that all codes are numbers.

        Raises:
            ImageError: Some are not.
        """
        if not bool(torch.isfinite(codes).all()):
            raise ImageError("these codes are NaN or infinite; encode these pictures again")


def check_record(record: Mapping[str, object], registry: GridRegistry, *, scaled: bool) -> None:
    """See that codes that this program made before are of the autoencoder of the operators.

    Raises:
        DataError: They are of another, or said to be scaled otherwise.
    """
    if record and record.get("model") != registry.fingerprint:
        raise DataError(
            "these codes were made with operators of another autoencoder; name the run of that one with --model"
        )
    if record and record.get("scaled") != scaled:
        was = "scaled" if record.get("scaled") else "raw"
        raise DataError(f"these codes were taken for {was} codes when they were made; do so again")


def _way(registry: GridRegistry, word: Word, *, from_copy: bool = False) -> Way | AugalgebraError:
    try:
        return Way(registry.operator(word), from_copy)
    except (MissingOperatorError, NotInvertibleError) as error:
        return error
