"""One batch of images under words: what is encoded, moved and drawn of it, each thing once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog
from augalgebra.errors import ImageError
from augalgebra.latent.likelihoods import likelihood_of
from augalgebra.latent.protocol import LatentSpace


class Operator(Protocol):
    """A linear map on latents, perhaps with a shift."""

    def apply(self, latents: Tensor) -> Tensor:
        """Move a batch of codes ``[batch, latent]``."""


class Operators(Protocol):
    """Anything that knows the operator of a word."""

    def operator(self, word: Word) -> Operator:
        """The operator that stands for a word.

        Raises:
            NotInvertibleError: The word undoes what cannot be undone.
            UnknownNameError: There is no operator for an augmentation in it.
        """


class UnreducedOperators:
    """A registry's operators, multiplied out letter by letter.

    A registry simplifies a word by the laws before it looks the operator up, so that ``flip_lr * flip_lr`` is the
    identity whatever was fitted. That is right for use and hides faults, so checks look behind it.

    Args:
        registry: The registry.
    """

    def __init__(self, registry: "Registry") -> None:
        self._registry = registry

    def operator(self, word: Word) -> Operator:
        """The product of the operators of the letters.

        Raises:
            NotInvertibleError: The word undoes what cannot be undone.
        """
        return self._registry.operator(word, reduce=False)


class Registry(Protocol):
    """Operators of words that the laws may simplify first."""

    def operator(self, word: Word, *, reduce: bool = True) -> Operator:
        """The operator that stands for a word."""


def unit_codes(dim: int) -> Float[Tensor, "row latent"]:
    """Each unit vector and then the origin: what an operator does to them is all there is to know of it."""
    return torch.cat([torch.eye(dim), torch.zeros(1, dim)])


@dataclass(frozen=True)
class Setting:
    """What stays the same from batch to batch.

    Attributes:
        space: The latent space.
        catalog: Applies the words.
        seed: Seed of everything drawn at random.
        head: Name of the decoder.
    """

    space: LatentSpace
    catalog: Catalog
    seed: int
    head: str


@dataclass
class Batch:
    """Some images, and whatever was computed of them under words.

    Attributes:
        setting: Latent space, catalog, seed and head.
        originals: The images ``[batch, channel, height, width]``.
        ids: Their numbers in the data set, on which random draws depend.
    """

    setting: Setting
    originals: Tensor
    ids: Sequence[int]
    _images: dict[Word, Tensor] = field(default_factory=dict)
    _codes: dict[Word, Tensor] = field(default_factory=dict)
    _drawn: dict[Word, Tensor] = field(default_factory=dict)

    def image(self, word: Word) -> Float[Tensor, "batch channel height width"]:
        """The images under a word.

        Raises:
            ImageError: The word changes their size to one the latent space cannot draw.
        """
        if word not in self._images:
            setting = self.setting
            result = setting.catalog.apply(word, self.originals, seed=setting.seed, ids=self.ids)
            if tuple(result.shape[1:]) != tuple(setting.space.image_shape):
                raise ImageError(
                    f"{setting.catalog.display(word)} turns images into {_size(result.shape[1:])}, "
                    f"but this latent space was made for {_size(setting.space.image_shape)}"
                )
            self._images[word] = result
        return self._images[word]

    def code(self, word: Word) -> Float[Tensor, "batch latent"]:
        """The codes of the images under a word."""
        if word not in self._codes:
            self._codes[word] = self.setting.space.encode(self.image(word))
        return self._codes[word]

    def drawn(self, word: Word) -> Float[Tensor, "batch channel height width"]:
        """The images under a word, encoded and decoded."""
        if word not in self._drawn:
            self._drawn[word] = self.decode(self.code(word))
        return self._drawn[word]

    def loss(
        self,
        drawn: Float[Tensor, "batch channel height width"],
        target: Float[Tensor, "batch channel height width"],
    ) -> Float[Tensor, " batch"]:
        """What each drawing of an image costs by the likelihood of the latent space."""
        return likelihood_of(self.setting.space).loss(drawn, target)

    def entropy(self, target: Float[Tensor, "batch channel height width"]) -> Float[Tensor, " batch"]:
        """What even perfect drawings cost."""
        return likelihood_of(self.setting.space).entropy(target)

    def decode(self, codes: Float[Tensor, "batch latent"]) -> Float[Tensor, "batch channel height width"]:
        """What the head in use draws of some codes."""
        return self.setting.space.decode(codes, self.setting.head)


def check_images(space: LatentSpace, images: Tensor) -> None:
    """Raise `ImageError` unless there are images in [0, 1], of the size the latent space was made for."""
    if images.ndim != 4 or tuple(images.shape[1:]) != tuple(space.image_shape):
        raise ImageError(
            f"this latent space was made for images of {_size(space.image_shape)}; "
            f"a batch of shape [{', '.join(map(str, images.shape))}] does not fit"
        )
    if not len(images):
        raise ImageError("there are no images to measure on")
    if not bool(torch.isfinite(images).all()):
        raise ImageError("some pixels are NaN or infinite; pixels must lie in [0, 1]")
    low, high = images.aminmax()
    if low < 0 or high > 1:
        raise ImageError(f"pixels must lie in [0, 1]; here they reach from {low:g} to {high:g}")


def _size(shape: Sequence[int]) -> str:
    channels, height, width = shape
    return f"{height}×{width} pixels and {channels} channel{'' if channels == 1 else 's'}"
