"""What a gallery shows, as data: groups of columns of images, with their titles and numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.algebra.words import IDENTITY, Word, product
from augalgebra.catalog import Catalog
from augalgebra.checks.results import Verdict
from augalgebra.consistency.batches import Batch, Operators, Setting
from augalgebra.consistency.cases import Case, Relabelling, refuse_singular
from augalgebra.consistency.report import CompositionReport
from augalgebra.errors import NotInvertibleError
from augalgebra.latent.protocol import MAIN_HEAD, LatentSpace
from augalgebra.plain import finite

Role = Literal["true", "direct", "moved", "encoded"]


@dataclass(frozen=True)
class Column:
    """One column of pictures.

    Attributes:
        role: ``true`` images, ``direct``ly encoded and decoded ones, ``moved`` ones, or those that are ``encoded``.
        images: One for each row, in [0, 1].
    """

    role: Role
    images: Float[Tensor, "row channel height width"]


@dataclass(frozen=True)
class Group:
    """Neighbouring columns about one word.

    Attributes:
        title: What it is about.
        subtitle: The word.
        columns: The columns; none where `note` says why there is nothing to show.
        note: A few words in place of pictures.
        floor: Measured loss of the direct column, in nats per image, over all test images and not only those shown.
        entropy: What even a perfect drawing costs.
        gap_ratio: Measured gap ratio of the moved column, likewise; None where there is none.
        identity_ratio: What it would be if nothing were moved.
        verdict: What is to be said of that word.
    """

    title: str
    subtitle: str
    columns: tuple[Column, ...] = ()
    note: str = ""
    floor: float | None = None
    entropy: float | None = None
    gap_ratio: float | None = None
    identity_ratio: float | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Panel:
    """Groups that share their rows.

    Attributes:
        title: One line above it.
        caption: What the columns are; stands below.
        groups: The groups, left to right.
    """

    title: str
    caption: str
    groups: tuple[Group, ...]


def gallery_panel(
    space: LatentSpace,
    operators: Operators,
    catalog: Catalog,
    images: Float[Tensor, "row channel height width"],
    generators: Sequence[str | Word],
    *,
    title: str,
    report: CompositionReport | None = None,
    head: str = MAIN_HEAD,
    relabelling: Relabelling | None = None,
    seed: int = 0,
    ids: Sequence[int] | None = None,
    remark: str = "",
) -> Panel:
    """Reconstruction, each augmentation, composition, reverse composition and inverses of a few images.

    Args:
        space: Encodes and decodes.
        operators: Knows the operator of a word.
        catalog: Applies the words to images.
        images: One for each row.
        generators: The augmentations, in the order of the composition.
        title: Title of the panel.
        report: Where the gap ratios are taken from.
        head: The decoder that draws.
        relabelling: The trained words that the generators stand for.
        seed: Seed of everything drawn at random.
        ids: Numbers of the images in their data set.
        remark: What else there is to say, below the caption.

    Returns:
        The panel; what cannot be inverted says so in place of pictures.
    """
    letters = [catalog.word(generator) for generator in generators]
    meaning = relabelling or Relabelling(catalog)
    with torch.inference_mode():
        batch = Batch(Setting(space, catalog, seed, head), images, range(len(images)) if ids is None else ids)
        groups = tuple(_Groups(batch, operators, meaning, report).all(letters))
    caption = _caption(catalog, letters, meaning, None if report is None else report.unit)
    return Panel(title, f"{caption}\n{remark}".rstrip(), groups)


def _caption(catalog: Catalog, letters: Sequence[Word], meaning: Relabelling, unit: str | None) -> str:
    show = catalog.display
    renamed = [word for word in letters if meaning(word) != word]
    lines = []
    if renamed:
        pairs = " and ".join(f"{show(word)} by the operator of {show(meaning(word))}" for word in renamed)
        lines.append(
            f"Codes are moved for {pairs}; encoder and operators are unchanged, only the head is new. "
            "Encoded are the images under the old augmentations."
        )
    lines.append(
        "true: the image itself.  direct: encoded and decoded without moving.  moved: the code of the original (for "
        "inverses: of the image to the left) times the operator, decoded."
    )
    if unit is not None:
        lines.append(
            f"Below direct: its loss ({unit} per image), mean of all test images, and in brackets the images' entropy, "
            "which even a perfect drawing costs. Below moved: how many times as much it loses beyond the entropy; in "
            "brackets the same if nothing is moved, or 'vacuous' where that is less than 1.1."
        )
    return "\n".join(lines)


class _Groups:
    """Draws the groups of a panel from one batch."""

    def __init__(
        self, batch: Batch, operators: Operators, meaning: Relabelling, report: CompositionReport | None
    ) -> None:
        self._batch, self._operators, self._meaning, self._report = batch, operators, meaning, report
        self._catalog = batch.setting.catalog

    def all(self, letters: Sequence[Word]) -> Iterator[Group]:
        """Every group for some generators, in the order of the published figures."""
        yield self._forward("original", IDENTITY)
        for letter in letters:
            yield self._forward("augmentation", letter)
        composition, reverse = product(letters), product(reversed(letters))
        longer = [composition] if len(letters) > 1 else []
        if longer:
            yield self._forward("composition", composition)
            yield self._forward("reverse composition", reverse)
        for word in (*letters, *longer):
            yield self._inverse(word)

    def _forward(self, title: str, word: Word) -> Group:
        batch = self._batch
        columns = [Column("true", batch.image(word)), Column("direct", batch.drawn(self._meaning(word)))]
        if word:
            columns.append(Column("moved", self._moved(Case(word))))
        return self._group(title, Case(word), self._catalog.display(word) if word else "", tuple(columns))

    def _inverse(self, word: Word) -> Group:
        case = Case(IDENTITY, word)
        title = "inverse" if len(word) == 1 else "inverse of composition"
        try:
            refuse_singular(self._catalog, case.route)
            moved = Column("moved", self._moved(case))
        except NotInvertibleError:
            return Group(title, self._catalog.display(word), note="no inverse")
        start = Column("encoded", self._batch.image(self._meaning(word)))
        return self._group(title, case, f"from {self._catalog.display(word)}", (start, moved))

    def _moved(self, case: Case) -> Tensor:
        codes = self._batch.code(self._meaning(case.view))
        return self._batch.decode(self._operators.operator(self._meaning(case.route)).apply(codes))

    def _group(self, title: str, case: Case, subtitle: str, columns: tuple[Column, ...]) -> Group:
        show = self._catalog.display
        score = self._report and self._report.get(show(case.word), show(case.view))
        if not score:
            return Group(title, subtitle, columns)
        if case.word == case.view:
            return Group(title, subtitle, columns, floor=score.floor, entropy=score.entropy)
        ratios = finite(score.gap_ratio), finite(score.identity_ratio)
        return Group(title, subtitle, columns, "", score.floor, score.entropy, *ratios, score.verdict)
