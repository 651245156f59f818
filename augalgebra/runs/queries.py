"""Questions about words, answered by measuring in the latent space of a trained run.

What the laws say of a word is exact and says nothing about a model; what is measured here is what the model makes of
it, each number beside its floor, the entropy of the images and what doing nothing would score.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Protocol

from augalgebra.algebra.rewriting import queries
from augalgebra.algebra.words import IDENTITY, Word, product
from augalgebra.catalog import Catalog
from augalgebra.consistency.batches import UnreducedOperators
from augalgebra.consistency.cases import Case, words_up_to
from augalgebra.consistency.composition import measure_cases
from augalgebra.consistency.excess import smallest_excess
from augalgebra.consistency.relations import equation_residual
from augalgebra.consistency.report import CompositionReport, WordScore, render_scores
from augalgebra.data.dataset import Dataset
from augalgebra.errors import NotInvertibleError
from augalgebra.notebooks import render_table
from augalgebra.plain import PlainData
from augalgebra.runs.check import images_of_run
from augalgebra.runs.storage.stored_run import StoredRun

IMAGES = 500
"""Test images that are measured on, unless another number is asked for."""
THRESHOLD = 0.1
"""Largest difference of two drawn words, as a share of what their augmentations move, at which they count as equal."""
STILL = 0.01
"""Root mean square over pixels below which nothing is moved, so that nothing can be told apart."""
LONGEST_ROUTE = 4
"""Letters of the routes that are looked through, unless the shortest has more."""
MOST_TRIED = 2000
"""Words that are looked through for routes."""
MOST_ROUTES = 64
"""Routes that are measured."""


@dataclass(frozen=True)
class MeasuredWord(PlainData):
    """One word in the latent space of a run.

    Attributes:
        score: By the operator that the run uses for the word, simplified by the laws.
        as_written: By the product of its letters' operators; None where a letter has none, or its inverse is none.
        images: Number of images.
    """

    score: WordScore
    as_written: WordScore | None
    images: int
    level: ClassVar[str] = "latent"
    in_json = "level", "as_written", "images"

    def _repr_html_(self) -> str:
        scores = [self.score] if self.as_written is None else [self.score, self.as_written]
        return render_scores(scores, f"on {self.images} images")

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return self.score.to_dict() | super().to_dict()


@dataclass(frozen=True)
class LatentComparison(PlainData):
    """Two words compared in the latent space of a run, each multiplied out letter by letter.

    Differences of pictures are root mean squares over pixels and images.

    Attributes:
        equal: Whether they are drawn alike; None if their augmentations move nothing that is drawn.
        reason: One line for people.
        threshold: Largest share of `moved` at which they count as drawn alike.
        residual: ‖L(first) − L(second)‖_F / √d.
        drawn_difference: Of what is drawn of the two.
        true_difference: Of the true images under the two.
        moved: How far the augmentation that is drawn to move least of those in the words is drawn to move.
        loss: Loss of each word against its own image, in nats per image.
        crossed: Loss of each word against the image of the other.
        entropy: What even a perfect drawing of each word's image costs.
        images: Number of images.
    """

    equal: bool | None
    reason: str
    threshold: float
    residual: float
    drawn_difference: float
    true_difference: float
    moved: float
    loss: tuple[float, float]
    crossed: tuple[float, float]
    entropy: tuple[float, float]
    images: int
    level: ClassVar[str] = "latent"
    in_json = (
        *("equal", "level", "reason", "threshold", "residual", "drawn_difference", "true_difference", "moved", "loss"),
        *("crossed", "entropy", "excess", "images"),
    )

    def _repr_html_(self) -> str:
        row = (self.equal, self.drawn_difference, self.true_difference, self.moved, self.residual)
        return render_table(["equal", "drawn apart", "truly apart", "moved", "residual"], [row], self.reason)

    @property
    def excess(self) -> tuple[float, ...]:
        """Loss of each word beyond the entropy of its image."""
        return tuple(loss - least for loss, least in zip(self.loss, self.entropy, strict=True))


@dataclass(frozen=True)
class MeasuredRoutes(PlainData):
    """The routes between two views that the laws offer, measured in the latent space of a run.

    Attributes:
        scores: One for each route, shortest first.
        shortest: The shortest of them all, in letters that have operators.
        images: Number of images.
    """

    scores: tuple[WordScore, ...]
    shortest: WordScore
    images: int
    level: ClassVar[str] = "latent"
    in_json = (
        *("best.route as route", "level", "best.verdict as verdict", "best.gap_ratio as gap_ratio", "shortest"),
        *("ranked as candidates", "images"),
    )

    def _repr_html_(self) -> str:
        rows = [(score.route, score.verdict, score.gap_ratio, score.bce) for score in self.ranked]
        return render_table(["route", "verdict", "gap", "loss"], rows, f"best first, on {self.images} images")

    @property
    def best(self) -> WordScore:
        """The route with the least gap; of those whose losses cannot be told from each other, the shortest."""
        least = min(score.bce for score in self.scores)
        return next(score for score in self.scores if score.bce <= least + smallest_excess(least))

    @property
    def ranked(self) -> tuple[WordScore, ...]:
        """The best first, then the others by their gap."""
        others = sorted((score for score in self.scores if score is not self.best), key=lambda score: score.bce)
        return self.best, *others


def measure_word(
    run: StoredRun,
    word: str | Word,
    *,
    images: int = IMAGES,
    data: Dataset | None = None,
    data_dir: str | Path | None = None,
) -> MeasuredWord:
    """Move test images by the operator of a word, decode, and score against the true images.

    Args:
        run: The run.
        word: The word.
        images: How many test images to use.
        data: The data set of the run, if it is in memory already.
        data_dir: Where downloaded data sets lie.

    Raises:
        MissingOperatorError: The run has no operator for the word.
        NotInvertibleError: The word undoes what cannot be undone.
        RunError: The data are not those of the run.
    """
    registry = run.registry
    asked = registry.catalog.word(word)
    reduced, written = registry.reduced(asked), _spelt(registry, asked)
    _require_operators(run, reduced)
    routes = [reduced, *([written] if written in registry and written != reduced else [])]
    cases = [Case(asked, by=route) for route in routes]
    report = _measured(run, cases, images=images, data=data, data_dir=data_dir, every=False)
    scores = {score.route: score for score in report.words}
    shown = registry.catalog.display(reduced), registry.catalog.display(written)
    if shown[0] not in scores:
        raise NotInvertibleError(report.no_inverse[0].reason)
    return MeasuredWord(scores[shown[0]], scores.get(shown[1]), report.images)


def compare_in_run(
    run: StoredRun,
    first: str | Word,
    second: str | Word,
    *,
    threshold: float = THRESHOLD,
    images: int = IMAGES,
    data: Dataset | None = None,
    data_dir: str | Path | None = None,
) -> LatentComparison:
    """Compare two words by their operators and by what is drawn of test images moved by them.

    Args:
        run: The run.
        first: A word.
        second: Another.
        threshold: Largest share of what their augmentations move at which they count as equal.
        images: How many test images to use.
        data: The data set of the run, if it is in memory already.
        data_dir: Where downloaded data sets lie.

    Raises:
        MissingOperatorError: An augmentation in a word has no operator.
        NotInvertibleError: A word undoes what cannot be undone.
        RunError: The data are not those of the run.
    """
    registry = run.registry
    one, other = (registry.catalog.word(word) for word in (first, second))
    by = tuple(_spelt(registry, word) for word in (one, other))
    _require_operators(run, by[0] * by[1])
    letters = [Word.from_letters([letter]) for letter in dict.fromkeys((by[0] * by[1]).letters)]
    pairs = [(Case(one, by=by[0]), Case(other, by=by[1])), *((Case(IDENTITY), Case(letter)) for letter in letters)]
    report = _measured(run, [], pairs=pairs, images=images, data=data, data_dir=data_dir)
    found, *moves = report.orders
    moved = min((move.drawn_difference for move in moves), default=0.0)
    drawn = found.drawn_difference
    if by[0] == by[1]:
        equal, reason = True, "one product of operators stands for both"
    elif moved < STILL:
        equal = None
        reason = f"the operators are drawn to move nothing ({moved:.2g}), so that they cannot be told apart"
    else:
        equal = drawn <= threshold * moved
        reason = (
            f"drawn {drawn:.2g} apart, {drawn / moved:.1%} of the {moved:.2g} that their augmentations are drawn to "
            f"move; up to {threshold:.0%} counts as equal"
        )
    residual = equation_residual(UnreducedOperators(registry), registry.catalog, by[0], by[1], registry.dim)
    return LatentComparison(
        equal,
        reason,
        threshold,
        residual,
        drawn,
        found.true_difference,
        moved,
        found.own,
        found.crossed,
        found.entropy,
        report.images,
    )


def measure_routes(
    run: StoredRun,
    start: str | Word,
    goal: str | Word,
    *,
    images: int = IMAGES,
    data: Dataset | None = None,
    data_dir: str | Path | None = None,
) -> MeasuredRoutes:
    """Measure the routes from one view to another that the laws prove equal.

    Tried are the shortest by the laws, ``start⁻¹ * goal`` as it stands, and every equal product of a few of the run's
    operators and their inverses, each multiplied out letter by letter.

    Args:
        run: The run.
        start: The view whose codes are moved.
        goal: The view that they are moved to.
        images: How many test images to use.
        data: The data set of the run, if it is in memory already.
        data_dir: Where downloaded data sets lie.

    Raises:
        MissingOperatorError: No route has operators for all of its letters.
        NotInvertibleError: `start` cannot be undone.
        RunError: The data are not those of the run.
    """
    registry = run.registry
    here, there = (registry.catalog.word(view) for view in (start, goal))
    shortest = registry.catalog.route(here, there)
    routes = list(find_routes(registry, here, there, shortest, registry.words))
    if not routes:
        _require_operators(run, registry.reduced(shortest))
    cases = [Case(there, here, by=route) for route in routes]
    report = _measured(run, cases, images=images, data=data, data_dir=data_dir, every=False)
    return MeasuredRoutes(report.words, report.words[0], report.images)


class Registry(Protocol):
    """Knows which words have operators."""

    catalog: Catalog

    def __contains__(self, word: Word) -> bool: ...

    def reduced(self, word: Word) -> Word:
        """The word whose operator stands for a word."""


def find_routes(
    registry: Registry, start: Word, goal: Word, shortest: Word, operators: Sequence[Word]
) -> Iterator[Word]:
    """Equal routes in letters that have operators, shortest first, each once.

    Args:
        registry: The operators.
        start: The view that they lead from.
        goal: The view that they lead to.
        shortest: The shortest route by the laws.
        operators: The letters.
    """
    catalog = registry.catalog
    asked = [registry.reduced(shortest), _spelt(registry, shortest), _spelt(registry, Case(goal, start).route)]
    found = dict.fromkeys(word for word in asked if word in registry)
    letters = list(_movable(catalog, operators))
    system = catalog.system(shortest, *letters)
    form = system.normal_form(shortest)
    length = max([LONGEST_ROUTE, *map(len, found)])
    while length and len(letters) ** length > MOST_TRIED:
        length -= 1
    for word in words_up_to(letters, length) if letters else ():
        if len(found) >= MOST_ROUTES:
            break
        if not _cancels(word) and system.normal_form(word) == form:
            found.setdefault(word)
    yield from sorted(found, key=len)


def _cancels(word: Word) -> bool:
    """Whether a letter stands beside its own inverse: multiplied out, that is a shorter word."""
    return any(one.symbol == two.symbol and one.inverse != two.inverse for one, two in pairwise(word.letters))


def _movable(catalog: Catalog, words: Iterable[Word]) -> Iterator[Word]:
    """Letters, and the inverses of those that have one other than themselves."""
    for word in words:
        yield word
        system = catalog.system(word)
        if queries.inverse(system, word).kind == "two-sided" and not queries.is_involutory(system, word):
            yield ~word


def _spelt(registry: Registry, word: Word) -> Word:
    """The word letter by letter, those without an operator replaced by equal words that have some, if there are."""
    singles = (Word.from_letters([letter]) for letter in word.letters)
    return product(single if single in registry else registry.reduced(single) for single in singles)


def _require_operators(run: StoredRun, word: Word) -> None:
    """Raise `MissingOperatorError` for the first letter without an operator."""
    for symbol in word.symbols:
        run.registry.operator(Word(((symbol, 1),)), reduce=False)


def _measured(
    run: StoredRun,
    cases: Sequence[Case],
    *,
    images: int,
    data: Dataset | None,
    data_dir: str | Path | None,
    pairs: Sequence[tuple[Case, Case]] = (),
    every: bool = True,
) -> CompositionReport:
    """Measure on the run's test images; what cannot be undone is an error if `every` case matters, or if all fail."""
    pictures, labels, ids = images_of_run(run, data_dir, images, data=data)
    report = measure_cases(
        run.space,
        UnreducedOperators(run.registry),
        run.registry.catalog,
        pictures,
        cases,
        pairs=pairs,
        labels=labels,
        ids=ids,
        seed=run.settings.seed,
    )
    if report.no_inverse and (every or not report.words):
        raise NotInvertibleError(report.no_inverse[0].reason)
    return report
