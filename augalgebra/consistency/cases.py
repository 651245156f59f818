"""Which words are measured from which views, and what the pairs are called."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from augalgebra.algebra.rewriting.system import RewritingSystem
from augalgebra.algebra.words import IDENTITY, Word, product
from augalgebra.catalog import Catalog
from augalgebra.errors import AugalgebraError, NotInvertibleError

Kind = Literal[
    "reconstruction",
    "augmentation",
    "composition",
    "reverse composition",
    "inverse",
    "inverse of the composition",
    "route",
]


@dataclass(frozen=True)
class Case:
    """One thing to measure: move the codes of a view to those of a word.

    Attributes:
        word: Where to; the moved and decoded codes are scored against the image under this word.
        view: Where from; the empty word is the original image.
        by: The word whose operator moves them, where it is not ``view⁻¹ * word``.
    """

    word: Word
    view: Word = IDENTITY
    by: Word | None = None

    @property
    def route(self) -> Word:
        """The word that leads there: `by`, or else ``view⁻¹ * word`` with what both begin with left out.

        Leaving it out needs no law and no inverse: from ``canny`` to ``canny * flip_lr`` it is just ``flip_lr``.
        """
        if self.by is not None:
            return self.by
        start, goal = self.view.letters, self.word.letters
        shared = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(start, goal, strict=False)))
        return ~Word.from_letters(start[shared:]) * Word.from_letters(goal[shared:])

    def kind(self, generators: Sequence[Word]) -> Kind:
        """What the pair is called.

        Args:
            generators: Their order decides which of ``a * b`` and ``b * a`` is the reverse composition.
        """
        if not self.word:
            return (
                ("inverse" if len(self.view) == 1 else "inverse of the composition") if self.view else "reconstruction"
            )
        if self.view:
            return "route"
        if len(self.word) == 1:
            return "augmentation"
        rank = {generator.letters[0].symbol: index for index, generator in enumerate(generators)}
        order = [rank.get(letter.symbol, len(rank)) for letter in self.word.letters]
        return "reverse composition" if order[::-1] < order else "composition"


class Relabelling:
    """Which trained word each new augmentation stands for (stage 3, mode *relabel*).

    A new pair ``(shear_x, canny)`` that reuses the operators of ``(flip_lr, flip_ud)`` is measured on the codes of the
    flipped images, moved by the flips' operators; only the head, and the images it is scored against, are new.

    Args:
        catalog: Resolves the names.
        meanings: For each new augmentation, the trained word it reuses.

    Raises:
        AugalgebraError: A key is not a single augmentation.
    """

    def __init__(self, catalog: Catalog, meanings: Mapping[str, str] | Mapping[Word, Word] | None = None) -> None:
        self._meanings: dict[object, Word] = {}
        for new, trained in (meanings or {}).items():
            key = catalog.word(new)
            if len(key) != 1 or key.letters[0].inverse:
                raise AugalgebraError(f"{new} cannot be relabelled; relabel single augmentations, not words")
            self._meanings[key.letters[0].symbol] = catalog.word(trained)

    def __bool__(self) -> bool:
        return bool(self._meanings)

    def __call__(self, word: Word) -> Word:
        """The trained word that `word` stands for; augmentations that were not relabelled stand for themselves."""
        if not self._meanings:
            return word
        meanings = ((self._meanings.get(symbol, Word(((symbol, 1),))), inverse) for symbol, inverse in word.letters)
        return product(~meaning if inverse else meaning for meaning, inverse in meanings)


def words_up_to(generators: Sequence[Word], length: int) -> list[Word]:
    """Every product of at most `length` generators, the empty one included; shortest first, then in their order.

    Examples:
        >>> from augalgebra import word_of
        >>> [str(word) for word in words_up_to([word_of("a"), word_of("b")], 2)]
        ['id', 'a', 'b', 'a^2', 'a * b', 'b * a', 'b^2']
    """
    return [product(letters) for size in range(length + 1) for letters in itertools.product(generators, repeat=size)]


def short_words(generators: Sequence[Word]) -> list[Word]:
    """The empty word, each generator, and the products of two different ones in either order.

    Examples:
        >>> from augalgebra import word_of
        >>> [str(word) for word in short_words([word_of("a"), word_of("b")])]
        ['id', 'a', 'b', 'a * b', 'b * a']
    """
    return [IDENTITY, *generators, *(product(pair) for pair in itertools.permutations(generators, 2))]


def default_views(catalog: Catalog, generators: Sequence[Word]) -> list[Word]:
    """The short words, of those that give the same images only the first.

    These are the views of the published stage 1, and both orders where the laws do not say that they agree.
    """
    system = catalog.system(*generators)
    seen: dict[Word, Word] = {}
    for word in short_words(generators):
        seen.setdefault(exact_form(system, word), word)
    return list(seen.values())


def exact_form(system: RewritingSystem, word: Word) -> Word:
    """The normal form by exact laws alone: words that share it have the same image, not just a similar one."""
    try:
        return system.exact.normal_form(word)
    except NotInvertibleError:  # the inverse of what is undone only approximately, or not at all
        return word


def refuse_singular(catalog: Catalog, word: Word) -> None:
    """Raise `NotInvertibleError` if a word undoes an augmentation that the laws say cannot be undone.

    Where the laws are silent it is for the operators to say.
    """
    for symbol, inverse in word.letters:
        base = Word(((symbol, 1),))
        if inverse and catalog.inverse(base).kind == "none":
            law = catalog.system(base).presentation.obstacle(symbol)
            shown = catalog.display(base)
            because = "" if law is None or law.kind == "singular" else f": {catalog.display(law)}"
            owner = f" (declared by {law.owner})" if law is not None and law.owner else ""
            raise NotInvertibleError(f"{shown} has no inverse{because}{owner}")
