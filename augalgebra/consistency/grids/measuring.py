"""Pictures moved as codes, beside every other way to move them; crops are streamed, and only sums are kept."""

import itertools
from collections.abc import Iterable, Iterator, Sequence

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from augalgebra.algebra.words import IDENTITY, Word
from augalgebra.case_progress import CaseProgress, unseen
from augalgebra.catalog import Catalog
from augalgebra.consistency.grids.costs import measure_cost
from augalgebra.consistency.grids.perceptual import Perceptual, find_lpips
from augalgebra.consistency.grids.quality import Decibels, QualitySums, Spread, TruePictures
from augalgebra.consistency.grids.relations import Operator, Operators, relation_defects
from augalgebra.consistency.grids.report import Drift, GridReport, GridScore, RelationDefect, Way
from augalgebra.errors import AugalgebraError, ImageError
from augalgebra.latent.grids import GridSpace
from augalgebra.operators.grids.moves import GridMove, read_pixels

APPLICATIONS = (1, 2, 4, 8)
"""Saved applications after which drift is looked at."""
BATCH = 8
"""Crops that are measured at a time."""
REACH = 2
"""Positions of the grid beside a tear that count as border."""


def measure_grid(
    space: GridSpace,
    operators: Operators,
    catalog: Catalog,
    crops: Iterable[UInt8[Tensor, "channel height width"]],
    words: Sequence[Word],
    *,
    generators: Sequence[Word] = (),
    trivial: bool = False,
    drift: bool = True,
    cost: bool = True,
    operator_bytes: int = 0,
    batch: int = BATCH,
    seed: int = 0,
    progress: CaseProgress = unseen,
) -> GridReport:
    """Measure words beside the plain move of the grid, the round trip through pixels, the floor and doing nothing.

    Words that the laws say are one element are measured once. LPIPS is measured where its weights are at hand; the
    report says why it is not.

    Args:
        space: The autoencoder.
        operators: Knows the operator of a word.
        catalog: Augmentations and their laws.
        crops: Pictures of one size, which the stride divides; bytes.
        words: What to measure.
        generators: Augmentations whose laws are measured.
        trivial: Whether to measure words that the laws reduce to nothing.
        drift: Whether to measure what adds up over saved results.
        cost: Whether to take the time.
        operator_bytes: Bytes of all operators, for the report.
        batch: How many crops at a time.
        seed: Seed of parameters that are drawn at random.
        progress: Told before each batch.

    Raises:
        ImageError: There are no crops, or they are of several sizes.
        MissingOperatorError: A word has no operator.
    """
    elements: dict[Word, list[Word]] = {}
    for word in words:
        elements.setdefault(operators.reduced(word), []).append(word)
    if not trivial:
        elements.pop(IDENTITY, None)
    measured = [_Element(space, operators, catalog, form, seed, drift=drift) for form in elements]
    remark = ""
    relations: tuple[RelationDefect, ...] = ()
    costs = None
    size: tuple[int, int] | None = None
    count = 0
    with torch.no_grad():
        for images in _batches(crops, batch):
            shape = (int(images.shape[2]), int(images.shape[3]))
            if size not in (None, shape):
                raise ImageError(f"crops of {size} and of {shape} pixels cannot be measured together")
            first, size = size is None, shape
            if first:
                perceptual, remark = find_lpips(min(shape), space.device)
                for element in measured:
                    element.perceptual = perceptual
            images = images.to(space.device)
            codes = space.encode(images)
            drawn = space.decode(codes)
            originals = TruePictures(images)
            for place, element in enumerate(measured):
                progress(count * len(measured) + place, 0, catalog.display(element.word))
                element.add(images, originals, codes, drawn, range(count, count + len(images)))
            if first:
                relations = relation_defects(operators, catalog, generators, codes)
                if cost and measured:
                    moves = [(item.operator, item.word) for item in measured]
                    costs = measure_cost(space, catalog, moves, codes, operator_bytes)
            count += len(images)
    if size is None:
        raise ImageError("there are no crops to measure on")
    scores = tuple(
        element.score(min(spelt, key=len), len(spelt))
        for element, spelt in zip(measured, elements.values(), strict=True)
    )
    drifts = tuple(item for element in measured if (item := element.drift()) is not None)
    return GridReport(scores, drifts, relations, costs, count, size, (remark,) if remark else ())


def plain_move(catalog: Catalog, word: Word, stride: int) -> GridMove | None:
    """The plain move of the grid, or None where the stride forbids it or the word does more than move pixels."""
    try:
        return GridMove.of(catalog, word, stride)
    except AugalgebraError:
        return None


def tell_parts(
    catalog: Catalog, word: Word, size: tuple[int, int], reach: int
) -> dict[str, Bool[Tensor, "new_height new_width"]]:
    """The inside and the border of pictures under a word that tears neighbours apart, as a roll does.

    An autoencoder that sees both sides of a tear draws other things there than one that saw the rim of the picture.

    Args:
        catalog: Applies the word.
        word: The word.
        size: Height and width of the pictures.
        reach: How far away, in pixels, neighbours may be others than they were.

    Returns:
        ``inside`` and ``border`` as masks of the moved picture. Nothing where the word tears nothing apart, is no move
        of pixels, or leaves no inside.
    """
    try:
        inside = read_pixels(catalog, word).is_inside(*size, reach)
    except AugalgebraError:
        return {}
    return {"inside": inside, "border": ~inside} if bool(inside.any()) and not bool(inside.all()) else {}


class _Element:
    """One word and the sums over the batches so far."""

    def __init__(
        self, space: GridSpace, operators: Operators, catalog: Catalog, word: Word, seed: int, *, drift: bool
    ) -> None:
        self.word, self.operator = word, operators.operator(word)
        self.perceptual: Perceptual | None = None
        self._space, self._catalog, self._seed = space, catalog, seed
        self._move = plain_move(catalog, word, space.stride)
        self._back = _way_back(operators, catalog, word) if drift else None
        self._sums: dict[Way, QualitySums] = {}
        self._spread = Spread()
        self._parts: dict[str, Tensor] | None = None
        self._drift = {number: (Decibels(), Decibels()) for number in APPLICATIONS}

    def add(self, images: Tensor, originals: TruePictures, codes: Tensor, drawn: Tensor, ids: Sequence[int]) -> None:
        """Move some pictures each way."""
        space = self._space

        def act(pictures: Tensor) -> Tensor:
            moved = self._catalog.apply(self.word, pictures.cpu(), seed=self._seed, ids=ids)
            return moved.to(pictures).clamp(0, 1)

        pictures = act(images)
        true = TruePictures(pictures)
        target = space.encode(pictures)
        direct = space.decode(target)
        moved = self.operator.apply(codes)
        shown = space.decode(moved)
        if self._parts is None:
            height, width = images.shape[2:]
            self._parts = tell_parts(self._catalog, self.word, (height, width), REACH * space.stride)
        self._spread.add(target)
        self._count("operator", shown, true, moved, target)
        self._count("floor", direct, true)
        if self._move is not None:
            plain = self._move.apply(codes)
            self._count("plain", space.decode(plain), true, plain, target)
        again = space.encode(act(drawn))
        self._count("round trip", space.decode(again), true, again, target)
        if drawn.shape == pictures.shape:
            self._count("identity", drawn, true, codes, target)
        if self._back is not None and moved.shape == codes.shape:
            self._add_drift(self._back[1], (originals, drawn), (true, direct), moved, shown)

    def _count(
        self, way: Way, shown: Tensor, true: TruePictures, codes: Tensor | None = None, target: Tensor | None = None
    ) -> None:
        self._sums.setdefault(way, QualitySums(self.perceptual)).add(shown, true, codes, target, self._parts)

    def _add_drift(
        self,
        back: Operator,
        start: tuple[TruePictures, Tensor],
        goal: tuple[TruePictures, Tensor],
        moved: Tensor,
        shown: Tensor,
    ) -> None:
        for number in range(1, max(APPLICATIONS) + 1):
            if number > 1:
                moved = (self.operator if number % 2 else back).apply(moved)
            if number in self._drift:
                true, direct = goal if number % 2 else start
                now = shown if number == 1 else self._space.decode(moved)
                sums, floor = self._drift[number]
                sums.add(now, true)
                floor.add(direct, true)

    def score(self, word: Word, spellings: int) -> GridScore:
        """What the word is worth."""
        spread = self._spread.total
        ways: dict[Way, QualitySums] = self._sums
        names = () if self._parts is None else tuple(self._parts)
        return GridScore(
            self._catalog.display(word),
            self._catalog.display(self.word),
            {way: sums.result(spread) for way, sums in ways.items()},
            {name: {way: sums.parts[name] for way, sums in ways.items()} for name in names},
            spellings,
            {way: tuple(sums.decibels.each) for way, sums in ways.items()},
        )

    def drift(self) -> Drift | None:
        """What adds up; None where nothing was measured."""
        if self._back is None or not all(sums.each for sums, _ in self._drift.values()):
            return None
        seen = [(sums.mean, floor.mean) for sums, floor in self._drift.values()]
        psnr, floor = (tuple(column) for column in zip(*seen, strict=True))
        show = self._catalog.display
        return Drift(show(self.word), show(self._back[0]), APPLICATIONS, psnr, floor)


def _way_back(operators: Operators, catalog: Catalog, word: Word) -> tuple[Word, Operator] | None:
    """The inverse with its operator; None where there is none, or nothing to undo."""
    if not word:
        return None
    found = catalog.inverse(word)
    if found.kind != "two-sided" or found.word is None:
        return None
    try:
        back = operators.reduced(found.word)
        return back, operators.operator(back)
    except AugalgebraError:
        return None


def _batches(
    crops: Iterable[UInt8[Tensor, "channel height width"]], size: int
) -> Iterator[Float[Tensor, "batch channel height width"]]:
    stream = iter(crops)
    while group := list(itertools.islice(stream, size)):
        if len({tuple(crop.shape) for crop in group}) > 1:
            raise ImageError("crops must all be of one size to be measured together")
        yield torch.stack(group).float() / 255
