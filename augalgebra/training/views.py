"""The views that a latent space learns from: words, made on the fly as whole batches."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from augalgebra.algebra.words import IDENTITY, Word
from augalgebra.catalog import Catalog
from augalgebra.errors import AugalgebraError, AugmentationError
from augalgebra.operators.groups import FiniteGroup

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
        group: The group whose elements the views are, if they are one.
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
        words = [IDENTITY]
        for length in range(1, longest + 1):
            for chosen in itertools.combinations(generators, length):
                product = IDENTITY
                for word in chosen:
                    product = product * word
                words.append(product)
        return cls._build(catalog, generators, words, None, seed)

    @classmethod
    def closed(cls, catalog: Catalog, augmentations: Sequence[str | Word], *, seed: int = 0) -> "Views":
        """Every element of the group that the augmentations generate.

        Where the exact laws give no group of at most `MAX_VIEWS` elements, these are the published views.

        Raises:
            AugalgebraError: There is no augmentation, or one is not a single one, or is given twice.
        """
        generators = _generators(catalog, augmentations)
        # Exact laws only: eight turns by 45° are the identity of the plane, but not of a raster.
        group = FiniteGroup.closure(catalog.system(*generators).exact, generators, MAX_VIEWS)
        if group is None:
            return cls.published(catalog, generators, seed=seed)
        return cls._build(catalog, generators, group.elements, group, seed)

    @classmethod
    def beside(
        cls, catalog: Catalog, trained: Sequence[str | Word], new: Sequence[str | Word], *, seed: int = 0
    ) -> "Views":
        """What operators of new augmentations are fitted on when others have been trained.

        Every element of the trained group as it is and under each new augmentation, and the published views of the new
        ones. Without a finite group, the published views of the new ones alone.

        Raises:
            AugalgebraError: There is no augmentation, or one is not a single one, or is given twice.
        """
        published = cls.published(catalog, new, seed=seed)
        words = published.words
        group = cls.closed(catalog, trained, seed=seed).group
        if group is not None:
            orbit = group.elements
            words = (*orbit, *(word * step for step in published.generators for word in orbit), *words)
        return cls._build(catalog, published.generators, tuple(dict.fromkeys(words)), None, seed)

    @classmethod
    def _build(
        cls,
        catalog: Catalog,
        generators: tuple[Word, ...],
        words: Sequence[Word],
        group: FiniteGroup | None,
        seed: int,
    ) -> "Views":
        system = catalog.system(*generators).exact
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
        if len(word) != 1 or word.letters[0].inverse:
            raise AugalgebraError(
                f"{catalog.display(word)} is not a single augmentation; name those it is made of, one by one"
            )
    if len(set(words)) < len(words):
        twice = next(word for word in words if words.count(word) > 1)
        raise AugalgebraError(f"{catalog.display(twice)} is given twice")
    return words


def _size(images: Tensor) -> str:
    return f"{images.shape[2]}×{images.shape[3]}"
