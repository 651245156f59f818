"""Questions about words, answered by moving codes of test photographs."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.consistency.cases import refuse_singular
from augalgebra.consistency.grids.measuring import BATCH, measure_grid, plain_move
from augalgebra.consistency.grids.quality import Decibels, TruePictures
from augalgebra.consistency.grids.report import GridScore, Way, bar_of
from augalgebra.errors import ImageError
from augalgebra.notebooks import render_table
from augalgebra.operators.grids.operator import GridOperator
from augalgebra.operators.grids.registry import GridRegistry
from augalgebra.plain import PlainData
from augalgebra.runs.queries import STILL, find_routes

if TYPE_CHECKING:
    from augalgebra.runs.grids.stored import StoredGridRun

CROPS = 24
"""Test crops that are measured on, unless another number is asked for."""


@dataclass(frozen=True)
class MeasuredGridWord(PlainData):
    """One word in a grid latent space.

    Attributes:
        score: By the operator that the run uses for the word, simplified by the laws.
        as_written: By the operators of its letters, one after the other; None where that is the same.
        images: Number of test crops.
    """

    score: GridScore
    as_written: GridScore | None
    images: int
    level: ClassVar[str] = "latent"
    in_json = "level", "score", "as_written", "images"


@dataclass(frozen=True)
class GridComparison(PlainData):
    """Two words compared in a grid latent space, each letter by letter.

    Differences of pictures are root mean squares over pixels and crops.

    Attributes:
        equal: Whether they are drawn alike; None if their augmentations move nothing that is drawn.
        reason: One line for people.
        threshold: Largest share of `moved` at which they count as drawn alike, if one was asked for.
        agreement: PSNR of what is drawn of one against what is drawn of the other, in dB.
        bar_db: PSNR from which on they count as drawn alike: the one from which on an operator of the first word holds.
            None if a share was asked for.
        residual: ‖a − b‖ / ‖b‖ of the moved codes.
        drawn_difference: Of what is drawn of the two.
        true_difference: Of the true pictures under the two.
        moved: How far the letter that is drawn to move least is drawn to move.
        images: Number of test crops.
    """

    equal: bool | None
    reason: str
    threshold: float | None
    agreement: float
    bar_db: float | None
    residual: float
    drawn_difference: float
    true_difference: float
    moved: float
    images: int
    level: ClassVar[str] = "latent"
    in_json = (
        *("equal", "level", "reason", "threshold", "agreement", "bar_db", "residual", "drawn_difference"),
        *("true_difference", "moved", "images"),
    )


@dataclass(frozen=True)
class GridRoute(PlainData):
    """One way from a view to another.

    Attributes:
        route: The word that leads there.
        applied: How many operators follow each other.
        psnr: What is drawn, against the true picture, in dB.
    """

    route: str
    applied: int
    psnr: float


@dataclass(frozen=True)
class MeasuredGridRoutes(PlainData):
    """The routes between two views that the laws offer, measured in a grid latent space.

    Attributes:
        routes: The routes, shortest first; the first is the one that the run uses.
        floor: What encoding the picture under the goal reaches, in dB.
        nothing: What doing nothing reaches, in dB; None where the two views differ in size.
        images: Number of test crops.
    """

    routes: tuple[GridRoute, ...]
    floor: float
    nothing: float | None
    images: int
    level: ClassVar[str] = "latent"
    in_json = "best.route as route", "level", "best.psnr as psnr", "floor", "nothing", "ranked as candidates", "images"

    def _repr_html_(self) -> str:
        rows = [(item.route, item.applied, item.psnr) for item in self.ranked]
        return render_table(["route", "operators", "PSNR, dB"], rows, f"best first, on {self.images} crops")

    @property
    def best(self) -> GridRoute:
        """The route that is drawn best."""
        return max(self.routes, key=lambda item: (item.psnr, -item.applied))

    @property
    def ranked(self) -> tuple[GridRoute, ...]:
        """The best first."""
        return tuple(sorted(self.routes, key=lambda item: (-item.psnr, item.applied)))


class LetterByLetter:
    """The operators of a registry, one for each letter of a word: what the laws would simplify is not."""

    def __init__(self, registry: GridRegistry) -> None:
        self._registry = registry

    def operator(self, word: Word, *, reduce: bool = True) -> GridOperator:  # noqa: ARG002 (that is the point)
        """The operators of the letters, one after the other."""
        return self._registry.operator(word, reduce=False)

    def reduced(self, word: Word) -> Word:
        """The word itself."""
        return word


def measure_grid_word(run: "StoredGridRun", word: str | Word, *, images: int = CROPS) -> MeasuredGridWord:
    """Move test crops by the operator of a word, decode, and score beside every other way.

    Args:
        run: The run.
        word: The word.
        images: How many test crops to use.

    Raises:
        MissingOperatorError: The run has no operator for the word.
        NotInvertibleError: The word undoes what cannot be undone.
        RunError: The autoencoder or the photographs are not those of the run.
    """
    registry = run.registry
    asked = registry.catalog.word(word)
    refuse_singular(registry.catalog, asked)
    used, spelt = registry.operator(asked), registry.operator(asked, reduce=False)
    ways: list[GridRegistry | LetterByLetter] = [registry]
    if [*map(id, used.maps)] != [*map(id, spelt.maps)]:
        ways.append(LetterByLetter(registry))
    reports = [
        measure_grid(
            run.space,
            operators,
            registry.catalog,
            run.test_crops(images),
            [asked],
            trivial=True,
            drift=False,
            cost=False,
            seed=run.settings.seed,
        )
        for operators in ways
    ]
    scores = [report.scores[0] for report in reports]
    return MeasuredGridWord(scores[0], scores[1] if len(scores) > 1 else None, reports[0].images)


@torch.no_grad()
def compare_grid_words(
    run: "StoredGridRun",
    first: str | Word,
    second: str | Word,
    *,
    threshold: float | None = None,
    images: int = CROPS,
) -> GridComparison:
    """Compare two words by what is drawn of test crops moved by the operators of their letters.

    They count as equal if what is drawn of one stands for what is drawn of the other as well as an operator that holds
    stands for the truth: from the bar on that the run's check has for the first word.

    Args:
        run: The run.
        first: A word.
        second: Another.
        threshold: Largest share of what their letters move at which they count as equal, instead of that bar.
        images: How many test crops to use.

    Raises:
        MissingOperatorError: A letter has no operator.
        NotInvertibleError: A word undoes what cannot be undone.
        RunError: The autoencoder or the photographs are not those of the run.
    """
    catalog, registry, space = run.registry.catalog, run.registry, run.space
    words = [catalog.word(word) for word in (first, second)]
    for word in words:
        refuse_singular(catalog, word)
    operators = [registry.operator(word, reduce=False) for word in words]
    letters = [Word.from_letters([letter]) for letter in dict.fromkeys((words[0] * words[1]).letters)]
    moves = [registry.operator(letter) for letter in letters]
    drawn, true, codes, scale = _Squares(), _Squares(), _Squares(), _Squares()
    moved = [_Squares() for _ in moves]
    agreement, bar = Decibels(), _Bar(run, words[0])
    for originals, batch in _encoded(run, images):
        one, other = (operator.apply(batch) for operator in operators)
        pictures = [_acted(run, word, originals) for word in words]
        if one.shape != other.shape:
            shown = " and ".join(map(catalog.display, words))
            raise ImageError(f"{shown} lead to pictures of different sizes, which cannot be compared")
        codes.add(one, other)
        scale.add(other, torch.zeros_like(other))
        seen = space.decode(one), space.decode(other)
        drawn.add(*seen)
        agreement.add(seen[0], TruePictures(seen[1]))
        true.add(*pictures)
        still = space.decode(batch)
        if threshold is None:
            bar.add(pictures[0], batch, still)
        for squares, operator in zip(moved, moves, strict=True):
            moving = space.decode(operator.apply(batch))
            if moving.shape == still.shape:
                squares.add(moving, still)
    least = min((squares.root for squares in moved if squares.count), default=0.0)
    bar_db, told = (None, "") if threshold is not None else bar.result()
    equal: bool | None
    if [*map(id, operators[0].maps)] == [*map(id, operators[1].maps)]:
        equal, reason = True, "the same operators stand for both"
    elif least < STILL:
        equal = None
        reason = f"the operators are drawn to move nothing ({least:.2g}), so that they cannot be told apart"
    elif threshold is not None:
        equal = drawn.root <= threshold * least
        reason = (
            f"drawn {drawn.root:.2g} apart, {drawn.root / least:.1%} of the {least:.2g} that their augmentations are "
            f"drawn to move; up to {threshold:.0%} counts as equal"
        )
    elif (still_db := -20 * math.log10(least)) >= (bar_db or 0):
        equal = None
        reason = (
            f"their augmentations are drawn to move so little that nothing done agrees to {still_db:.2f} dB, above the "
            f"bar ({told}), so that they cannot be told apart"
        )
    else:
        equal = agreement.mean >= (bar_db or 0)
        reason = (
            f"what is drawn of the two agrees to {agreement.mean:.2f} dB; the bar is the one by which an operator "
            f"holds: {told}"
        )
    residual = codes.root / scale.root if scale.root else 0.0
    return GridComparison(
        equal,
        reason,
        threshold,
        agreement.mean,
        bar_db,
        residual,
        drawn.root,
        true.root,
        least,
        len(agreement.each),
    )


@torch.no_grad()
def measure_grid_routes(
    run: "StoredGridRun", start: str | Word, goal: str | Word, *, images: int = CROPS
) -> MeasuredGridRoutes:
    """Measure the routes from one view to another that the laws prove equal.

    The first is the one that the run uses, an operator for the element as a whole; the others are products of letters.

    Args:
        run: The run.
        start: The view whose codes are moved.
        goal: The view that they are moved to.
        images: How many test crops to use.

    Raises:
        MissingOperatorError: No route has operators.
        NotInvertibleError: `start` cannot be undone.
        RunError: The autoencoder or the photographs are not those of the run.
    """
    registry, space = run.registry, run.space
    catalog = registry.catalog
    here, there = (catalog.word(view) for view in (start, goal))
    shortest = catalog.route(here, there)
    ways: list[tuple[Word, GridOperator]] = [(registry.reduced(shortest), registry.operator(shortest))]
    for word in find_routes(registry, here, there, shortest, registry.letters):
        operator = registry.operator(word, reduce=False)
        if all([*map(id, operator.maps)] != [*map(id, known.maps)] for _, known in ways):
            ways.append((word, operator))
    sums = [Decibels() for _ in ways]
    floor, nothing = Decibels(), Decibels()
    for pictures, _ in _encoded(run, images):
        source, target = (_acted(run, word, pictures) for word in (here, there))
        codes, true = space.encode(source), TruePictures(target)
        floor.add(space.decode(space.encode(target)), true)
        if source.shape == target.shape:
            nothing.add(space.decode(codes), true)
        for found, (_, operator) in zip(sums, ways, strict=True):
            found.add(space.decode(operator.apply(codes)), true)
    routes = tuple(
        GridRoute(catalog.display(word), len(operator.maps), found.mean)
        for found, (word, operator) in zip(sums, ways, strict=True)
    )
    return MeasuredGridRoutes(routes, floor.mean, nothing.mean if nothing.each else None, len(floor.each))


def _encoded(
    run: "StoredGridRun", images: int
) -> Iterator[tuple[Float[Tensor, "batch channel height width"], Float[Tensor, "batch code h w"]]]:
    """Test crops in batches, with their codes."""
    crops = iter(run.test_crops(images))
    while group := list(itertools.islice(crops, BATCH)):
        pictures = (torch.stack(group).float() / 255).to(run.space.device)
        yield pictures, run.space.encode(pictures)


def _acted(run: "StoredGridRun", word: Word, pictures: Tensor) -> Tensor:
    moved = run.registry.catalog.apply(word, pictures.cpu(), seed=run.settings.seed)
    return moved.to(pictures).clamp(0, 1)


class _Bar:
    """The bar that an operator of a word is judged by, from what the other ways reach."""

    def __init__(self, run: "StoredGridRun", word: Word) -> None:
        self._run, self._word = run, word
        self._move = plain_move(run.registry.catalog, word, run.space.stride)
        self._ways: dict[Way, Decibels] = {}

    def add(self, true: Tensor, codes: Tensor, drawn: Tensor) -> None:
        """Count some pictures: those under the word, the codes of the originals, and what is drawn of these."""
        space = self._run.space
        shown: dict[Way, Tensor] = {
            "floor": space.decode(space.encode(true)),
            "round trip": space.decode(space.encode(_acted(self._run, self._word, drawn))),
        }
        if self._move is not None:
            shown["plain"] = space.decode(self._move.apply(codes))
        elif drawn.shape == true.shape:
            shown["identity"] = drawn
        goal = TruePictures(true)
        for way, pictures in shown.items():
            self._ways.setdefault(way, Decibels()).add(pictures, goal)

    def result(self) -> tuple[float, str]:
        """The bar in dB, and the same for people."""
        return bar_of({way: found.mean for way, found in self._ways.items()})


class _Squares:
    """The root mean square of differences, of which only the sum is kept."""

    def __init__(self) -> None:
        self.count, self._total = 0, 0.0

    def add(self, one: Tensor, other: Tensor) -> None:
        self._total += float((one - other).double().square().sum())
        self.count += one.numel()

    @property
    def root(self) -> float:
        return math.sqrt(self._total / self.count) if self.count else 0.0
