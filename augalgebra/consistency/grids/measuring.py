"""Pictures moved as codes, beside every other way to move them; crops are streamed, and only sums are kept."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

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
from augalgebra.consistency.grids.report import Drift, GridReport, GridScore, Way
from augalgebra.errors import AugalgebraError, ImageError
from augalgebra.latent.grids import GridSpace
from augalgebra.operators.grids.moves import GridMove, read_pixels
from augalgebra.tasks import Workers, run_tasks

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
    workers: Workers | None = None,
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
        workers: Who measures, a word at a time on all crops, which are then in memory at once; this process by default.
        progress: Told before each word of each batch, or after each word that a worker has measured.

    Raises:
        ImageError: There are no crops, or they are of several sizes.
        MissingOperatorError: A word has no operator.
    """
    elements: dict[Word, list[Word]] = {}
    for word in words:
        elements.setdefault(operators.reduced(word), []).append(word)
    if not trivial:
        elements.pop(IDENTITY, None)
    moves = [(operators.operator(form), form) for form in elements]
    stream = iter(crops)
    first = list(itertools.islice(stream, batch))
    if not first:
        raise ImageError("there are no crops to measure on")
    crops = itertools.chain(first, stream)
    items = [(form, min(spelt, key=len), len(spelt)) for form, spelt in elements.items()]
    if workers is None or workers.is_alone:
        found, count = _Measurement(space, operators, catalog, crops, batch, seed, drift).score(items, progress)
    else:
        crops = list(crops)
        found, count = [], len(crops)
        measurement = _Measurement(space, operators, catalog, crops, batch, seed, drift)
        for (form, *_), scored in run_tasks(measurement, items, workers, ordered=True):
            found.append(scored)
            progress(len(found), len(items), catalog.display(form))
    height, width = first[0].shape[1:]
    with torch.no_grad():
        codes = space.encode(next(_batches(first, batch)).to(space.device))
        relations = relation_defects(operators, catalog, generators, codes)
        costs = measure_cost(space, catalog, moves, codes, operator_bytes) if cost and moves else None
    _, remark = find_lpips(min(height, width), space.device)
    drifts = tuple(item for _, item in found if item is not None)
    remarks = (remark,) if remark else ()
    return GridReport(tuple(score for score, _ in found), drifts, relations, costs, count, (height, width), remarks)


_Item: TypeAlias = tuple[Word, Word, int]
"""The normal form of a word, its shortest spelling, and how many there are."""


@dataclass(frozen=True)
class _Measurement:
    """What words are measured with; called with one, measures it."""

    space: GridSpace
    operators: Operators
    catalog: Catalog
    crops: Iterable[UInt8[Tensor, "channel height width"]]
    batch: int
    seed: int
    drift: bool

    def __call__(self, item: _Item) -> tuple[GridScore, Drift | None]:
        ((found,), _) = self.score([item], unseen)
        return found

    @torch.no_grad()
    def score(self, items: Sequence[_Item], progress: CaseProgress) -> tuple[list[tuple[GridScore, Drift | None]], int]:
        """Measure words on all crops; returns what was found of each, and how many crops there were."""
        space, catalog = self.space, self.catalog
        elements = [_Element(space, self.operators, catalog, form, self.seed, drift=self.drift) for form, *_ in items]
        size: tuple[int, int] | None = None
        count = 0
        for images in _batches(self.crops, self.batch):
            shape = (int(images.shape[2]), int(images.shape[3]))
            if size not in (None, shape):
                raise ImageError(f"crops of {size} and of {shape} pixels cannot be measured together")
            if size is None:
                perceptual, _ = find_lpips(min(shape), space.device)
                for element in elements:
                    element.perceptual = perceptual
            size = shape
            images = images.to(space.device)
            codes = space.encode(images)
            drawn = space.decode(codes)
            originals = TruePictures(images)
            for place, element in enumerate(elements):
                progress(count * len(elements) + place, 0, catalog.display(element.word))
                element.add(images, originals, codes, drawn, range(count, count + len(images)))
            count += len(images)
        scores = [element.score(word, spellings) for element, (_, word, spellings) in zip(elements, items, strict=True)]
        return [(score, element.drift()) for score, element in zip(scores, elements, strict=True)], count


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
