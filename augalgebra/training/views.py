"""The views that a latent space learns from: words, made on the fly as whole batches."""

import functools
import itertools
import operator
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from augalgebra.algebra.words import IDENTITY, Word
from augalgebra.catalog import Catalog
from augalgebra.errors import AugalgebraError, AugmentationError
from augalgebra.operators.groups.finite_group import FiniteGroup

MAX_VIEWS = 32
"""Largest closure whose elements all become views."""


@dataclass(frozen=True, eq=False)
class Views:
    """Words under which every image is seen, and how generators lead from one to another.

    Attributes:
        catalog: Applies the words.
        generators: The augmentations, as words of one letter.
        words: The views; the first is the identity, the original.
        moves: For each generator and each view, the number of the view that the generator leads to; -1 if it
            is not among them.
        group: The finite group that the generators make, or as many of them as make one.
        seed: Seed of everything drawn at random.
    """

    catalog: Catalog
    generators: tuple[Word, ...]
    words: tuple[Word, ...]
    moves: Int64[Tensor, "generator view"]
    group: FiniteGroup | None = None
    seed: int = 0

    @classmethod
    def published(
        cls, catalog: Catalog, augmentations: Sequence[str | Word], *, longest: int = 2, seed: int = 0
    ) -> "Views":
        """The original, each augmentation, and products of different ones in the order given.

        Two augmentations give the published four views: original, first, second, first * second.

        Args:
            catalog: Applies the words.
            augmentations: Any number of them.
            longest: How many augmentations a product may have.
            seed: Seed of everything drawn at random.

        Raises:
            AugalgebraError: There is no augmentation, or one is not a single one, or is given twice.
        """
        generators = _generators(catalog, augmentations)
        return cls._build(catalog, generators, _products(generators, longest), None, seed)

    @classmethod
    def closed(cls, catalog: Catalog, augmentations: Sequence[str | Word], *, seed: int = 0) -> "Views":
        """Every element of the group that the augmentations generate by the exact laws.

        If only some of them generate a group of at most `MAX_VIEWS` elements, these are its elements, each of them
        under each of the others, and products of the others.

        Raises:
            AugalgebraError: There is no augmentation, or one is not a single one, or is given twice.
        """
        generators = _generators(catalog, augmentations)
        members: tuple[Word, ...] = ()
        group = None
        for word in generators:
            larger = _group(catalog, (*members, word))
            if larger is not None:
                members, group = (*members, word), larger
        others = tuple(word for word in generators if word not in members)
        return cls._build(catalog, generators, _around(catalog, group, others), group, seed)

    @classmethod
    def beside(
        cls, catalog: Catalog, trained: Sequence[str | Word], new: Sequence[str | Word], *, seed: int = 0
    ) -> "Views":
        """What operators of new augmentations are fitted on when others have been trained.

        Every element of the trained group, each of them under each of the new augmentations, and products of the new
        ones. The generators are the new ones.

        Raises:
            AugalgebraError: There is no augmentation, or one is not a single one, or is given twice.
        """
        generators = _generators(catalog, new)
        group = cls.closed(catalog, trained).group
        return cls._build(catalog, generators, _around(catalog, group, generators), None, seed)

    @classmethod
    def of_words(cls, catalog: Catalog, words: Sequence[Word], *, seed: int = 0) -> "Views":
        """Just these words, with no generators that lead from one to another.

        Args:
            catalog: Applies the words.
            words: Any number of them.
            seed: Seed of everything drawn at random.
        """
        return cls(catalog, (), tuple(words), torch.empty(0, len(words), dtype=torch.int64), None, seed)

    @classmethod
    def _build(
        cls,
        catalog: Catalog,
        generators: tuple[Word, ...],
        words: Sequence[Word],
        group: FiniteGroup | None,
        seed: int,
    ) -> "Views":
        system = catalog.system(*words, *generators).exact
        forms = {system.normal_form(word): number for number, word in reversed(list(enumerate(words)))}
        moves = [[forms.get(system.normal_form(word * step), -1) for word in words] for step in generators]
        return cls(catalog, generators, tuple(words), torch.tensor(moves, dtype=torch.int64), group, seed)

    def __len__(self) -> int:
        return len(self.words)

    def make(
        self, images: Float[Tensor, "batch channel height width"], ids: Sequence[int]
    ) -> Float[Tensor, "view batch channel height width"]:
        """All views of a batch.

        Args:
            images: The originals.
            ids: Their numbers in the data set, which random draws depend on.

        Raises:
            AugmentationError: A view is of another size than the original; all must fit one network.
        """
        return torch.stack([self._view(word, images, ids) for word in self.words])

    def pick(
        self,
        images: Float[Tensor, "batch channel height width"],
        ids: Sequence[int],
        which: Int64[Tensor, " batch"],
    ) -> Float[Tensor, "batch channel height width"]:
        """One view of each image.

        Args:
            images: The originals.
            ids: Their numbers in the data set.
            which: The number of the view for each image.

        Raises:
            AugmentationError: A view is of another size than the original.
        """
        result = torch.empty_like(images)
        for number in range(len(self)):
            rows = (which == number).nonzero().squeeze(1)
            if len(rows):
                chosen = [ids[row] for row in rows.tolist()]
                result[rows] = self._view(self.words[number], images[rows], chosen)
        return result

    def _view(self, word: Word, images: Tensor, ids: Sequence[int]) -> Tensor:
        view = self.catalog.apply(word, images, seed=self.seed, ids=ids)
        if view.shape != images.shape:
            raise AugmentationError(
                f"{self.catalog.display(word)} turns images of {_size(images)} into {_size(view)} pixels; all "
                "views of one latent space must be of one size, so use square images or other augmentations"
            )
        return view


def _generators(catalog: Catalog, augmentations: Sequence[str | Word]) -> tuple[Word, ...]:
    words = tuple(catalog.word(augmentation) for augmentation in augmentations)
    if not words:
        raise AugalgebraError("a latent space needs at least one augmentation, for example flip_lr")
    for word in words:
        if word.length != 1 or word.letters[0].inverse:
            raise AugalgebraError(
                f"{catalog.display(word)} is not a single augmentation; name those it is made of, one by one"
            )
    if len(set(words)) < len(words):
        twice = next(word for word in words if words.count(word) > 1)
        raise AugalgebraError(f"{catalog.display(twice)} is given twice")
    return words


def _products(generators: Sequence[Word], longest: int = 2) -> list[Word]:
    """The identity and products of different generators in their order."""
    words = [IDENTITY]
    for length in range(1, longest + 1):
        chosen = itertools.combinations(generators, length)
        words.extend(functools.reduce(operator.mul, letters) for letters in chosen)
    return words


def _group(catalog: Catalog, generators: Sequence[Word]) -> FiniteGroup | None:
    # Exact laws only: eight turns by 45° are the identity of the plane, but not of a raster.
    return FiniteGroup.closure(catalog.system(*generators).exact, generators, MAX_VIEWS)


def _around(catalog: Catalog, group: FiniteGroup | None, others: Sequence[Word]) -> tuple[Word, ...]:
    """The elements of a group, each under each of the other augmentations, and products of those; none twice."""
    elements = (IDENTITY,) if group is None else group.elements
    words = [*elements, *(element * other for other in others for element in elements), *_products(others)]
    system = catalog.system(*words).exact
    kept: dict[Word, Word] = {}
    for word in words:
        kept.setdefault(system.normal_form(word), word)
    return tuple(kept.values())


def _size(images: Tensor) -> str:
    return f"{images.shape[2]}×{images.shape[3]}"
