"""How well the operators of a latent space compose, swap and invert, measured on images.

Every number comes with its floor (the same view encoded and decoded directly), its baseline (nothing moved at all) and
the entropy of the true images, which even a perfect drawing costs.
Nothing here knows LAVAE: any latent space, and anything that maps words to linear operators, will do.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.case_progress import CaseProgress
from augalgebra.catalog import Catalog
from augalgebra.consistency.batches import Batch, Operators, Setting, check_images
from augalgebra.consistency.cases import Case, Kind, Relabelling, default_views, words_up_to
from augalgebra.consistency.excess import ratio_of_excesses
from augalgebra.consistency.information import Information, Spread, divergence_of
from augalgebra.consistency.plan import Plan, Task
from augalgebra.consistency.relations import relation_residuals
from augalgebra.consistency.report import CompositionReport, OrderSwap, WordScore
from augalgebra.errors import AugalgebraError
from augalgebra.latent.likelihoods import decibels, likelihood_of, squared_error
from augalgebra.latent.protocol import MAIN_HEAD, LatentSpace


def measure_composition(
    space: LatentSpace,
    operators: Operators,
    catalog: Catalog,
    images: Float[Tensor, "image channel height width"],
    generators: Sequence[str | Word],
    *,
    words: Sequence[str | Word] | None = None,
    views: Sequence[str | Word] | None = None,
    max_length: int = 2,
    labels: Int[Tensor, " image"] | None = None,
    ids: Sequence[int] | None = None,
    seed: int = 0,
    head: str = MAIN_HEAD,
    relabelling: Relabelling | None = None,
    batch_size: int = 500,
    on_progress: CaseProgress | None = None,
) -> CompositionReport:
    """Move every view to every word, decode, and score against the true images.

    The score of a word w from a view v is the loss of ``decode(encode(v x) @ L(v⁻¹ w))`` against ``w x``, beside its
    floor ``decode(encode(w x))`` and the baseline ``decode(encode(v x))``, both against the same ``w x``. Views that
    the exact laws prove equal are computed once, and so are operators that agree to 1e-6.

    Args:
        space: Encodes and decodes.
        operators: Knows the operator of a word.
        catalog: Applies words to images, and knows what cannot be undone.
        images: Test images in [0, 1], of the size the latent space was made for.
        generators: The augmentations in play; their order decides which product is the reverse composition.
        words: Words to aim at; by default every product of at most `max_length` generators.
        views: Where from; by default the original, each generator, and the products of two different ones.
        max_length: Longest word by default.
        labels: A label for each image, for a breakdown by label.
        ids: Numbers of the images in their data set, on which random draws depend; 0, 1, 2, … by default.
        seed: Seed of everything drawn at random; the encoded views and the true images share it.
        head: The decoder to draw with.
        relabelling: The trained words that new augmentations stand for: those are encoded and moved by, while the
            loss is taken against the image under the new ones.
        batch_size: Images at a time.
        on_progress: Called with the number of images done and their total after each batch.

    Returns:
        The report. What would undo something without an inverse is listed there, not measured.

    Raises:
        ImageError: The images do not fit the latent space, or a word changes their size.
        UnknownNameError: A name is not registered, or has no operator.
    """
    letters = [catalog.word(generator) for generator in generators]
    goals = words_up_to(letters, max_length) if words is None else [catalog.word(word) for word in words]
    starts = default_views(catalog, letters) if views is None else [catalog.word(view) for view in views]
    return measure_cases(
        space,
        operators,
        catalog,
        images,
        [Case(goal, start) for start in starts for goal in goals if goal != start or not start],
        letters=letters,
        pairs=[(Case(first * second), Case(second * first)) for first, second in itertools.combinations(letters, 2)],
        labels=labels,
        ids=ids,
        seed=seed,
        head=head,
        relabelling=relabelling,
        batch_size=batch_size,
        on_progress=on_progress,
    )


def measure_cases(
    space: LatentSpace,
    operators: Operators,
    catalog: Catalog,
    images: Float[Tensor, "image channel height width"],
    cases: Sequence[Case],
    *,
    letters: Sequence[Word] = (),
    pairs: Sequence[tuple[Case, Case]] = (),
    labels: Int[Tensor, " image"] | None = None,
    ids: Sequence[int] | None = None,
    seed: int = 0,
    head: str = MAIN_HEAD,
    relabelling: Relabelling | None = None,
    batch_size: int = 500,
    on_progress: CaseProgress | None = None,
) -> CompositionReport:
    """Measure chosen cases, as `measure_composition` does those of all short words.

    Args:
        space: Encodes and decodes.
        operators: Knows the operator of a word.
        catalog: Applies words to images, and knows what cannot be undone.
        images: Test images in [0, 1], of the size the latent space was made for.
        cases: What to score, each in the canonical words of the catalog.
        letters: Single augmentations whose relations are measured too; their order decides what is called the
            reverse composition.
        pairs: Cases to compare with each other: how different they are drawn, and how different they truly are.
        labels: As for `measure_composition`, like all that follow.
        ids: Numbers of the images in their data set.
        seed: Seed of everything drawn at random.
        head: The decoder to draw with.
        relabelling: The trained words that new augmentations stand for.
        batch_size: Images at a time.
        on_progress: Called with the number of images done and their total after each batch.

    Raises:
        ImageError: The images do not fit the latent space, or a word changes their size.
        MissingOperatorError: A word has no operator.
        NotInvertibleError: One of a pair would undo what has no inverse.
    """
    check_images(space, images)
    numbers = range(len(images)) if ids is None else ids
    if len(numbers) != len(images) or (labels is not None and len(labels) != len(images)):
        raise AugalgebraError(f"{len(images)} images need as many ids and labels")
    everything = [*cases, *itertools.chain.from_iterable(pairs)]
    words = [*letters, *(word for case in everything for word in (case.word, case.view, case.route))]
    plan = Plan(operators, catalog, space, relabelling or Relabelling(catalog), list(dict.fromkeys(words)))
    plan.add(cases)
    for first, second in pairs:
        plan.add_swap(first, second)
    known, index = torch.zeros(0, dtype=torch.long), torch.zeros(len(images), dtype=torch.long)
    if labels is not None:
        known, index = torch.unique(labels.cpu(), return_inverse=True)
    sums = _Sums(plan, torch.bincount(index))
    setting = Setting(space, catalog, seed, head)
    with torch.inference_mode():
        for start in range(0, len(images), batch_size):
            part = slice(start, min(start + batch_size, len(images)))
            sums.add(Batch(setting, images[part], numbers[part]), index[part])
            if on_progress is not None:
                on_progress(part.stop, len(images))
    return CompositionReport(
        floor=sums.floors(),
        entropy=sums.entropies(),
        words=tuple(sums.score(task, task.case.kind(letters), known.tolist()) for task in plan.tasks),
        no_inverse=plan.no_inverse,
        relations=relation_residuals(operators, catalog, letters, space.dim, plan.relabelling),
        orders=tuple(sums.order(*swap) for swap in plan.swaps),
        images=len(images),
        head=head,
        information=sums.information(),
        likelihood=likelihood_of(space).name,
        psnr=sums.psnr(),
    )


class _Sums:
    """Running sums over batches: losses by label, and what R², the order swap and the spread of drawings need.

    Args:
        plan: What has to be computed.
        counts: Number of images of each label.
    """

    def __init__(self, plan: Plan, counts: Tensor) -> None:
        self._plan, self._counts = plan, counts.double()
        zeros = partial(torch.zeros_like, self._counts)
        self._direct: defaultdict[tuple[Word, Word], Tensor] = defaultdict(zeros)
        self._moved: defaultdict[tuple[int, Word], Tensor] = defaultdict(zeros)
        self._entropy: defaultdict[Word, Tensor] = defaultdict(zeros)
        self._distance: defaultdict[tuple[int, Word], float] = defaultdict(float)
        self._codes: dict[Word, Tensor] = {}
        self._errors: defaultdict[tuple[Word | int, Word], float] = defaultdict(float)
        self._true: defaultdict[tuple[Word, Word], float] = defaultdict(float)
        self._drawn: defaultdict[tuple[int, int], float] = defaultdict(float)
        self._spreads = Spread(), Spread()
        self._divergence: float | None = None

    def add(self, batch: Batch, index: Int[Tensor, " batch"]) -> None:
        """Measure one batch; `index` counts the labels from 0."""

        def by_label(losses: Tensor) -> Tensor:
            return torch.zeros_like(self._counts).index_add_(0, index, losses.cpu().double())

        for code, target in self._plan.direct:
            self._direct[code, target] += by_label(batch.loss(batch.drawn(code), batch.image(target)))
            self._errors[code, target] += _error(batch.drawn(code), batch.image(target))
        for target in dict.fromkeys(target for _, target in self._plan.direct):
            self._entropy[target] += by_label(batch.entropy(batch.image(target)))
        self._inform(batch)
        pictures: dict[int, Tensor] = {}
        for move, (source, operator) in enumerate(self._plan.moves):
            codes = operator.apply(batch.code(source))
            picture = batch.decode(codes)
            for target in self._plan.targets[move]:
                self._moved[move, target] += by_label(batch.loss(picture, batch.image(target)))
                self._errors[move, target] += _error(picture, batch.image(target))
            for goal in self._plan.goals[move]:
                self._distance[move, goal] += _square(codes - batch.code(goal))
            if move in self._plan.swapped:
                pictures[move] = picture
        for goal in self._plan.aims:
            codes = batch.code(goal).cpu().double()
            moments = torch.cat([codes.square().sum()[None], codes.sum(0)])
            self._codes[goal] = self._codes[goal] + moments if goal in self._codes else moments
        for one, other in self._plan.swaps:
            self._true[one.target, other.target] += _square(batch.image(one.target) - batch.image(other.target))
            self._drawn[one.move, other.move] += _square(pictures[one.move] - pictures[other.move])

    def _inform(self, batch: Batch) -> None:
        code = next((code for code, _ in self._plan.direct), Word())
        for spread, images in zip(self._spreads, (batch.image(code), batch.drawn(code)), strict=True):
            spread.add(images)
        divergence = divergence_of(batch.setting.space, batch.image(code))
        if divergence is not None:
            self._divergence = (self._divergence or 0.0) + divergence

    def information(self) -> Information:
        """What drawings of one view tell of its images."""
        true, drawn = (spread.value for spread in self._spreads)
        return Information(true, drawn, None if self._divergence is None else self._divergence / self._images)

    def entropies(self) -> dict[str, float]:
        """The entropy of every view, under its shortest name."""
        show = self._plan.catalog.display
        return {show(word): self._mean(self._entropy[target]) for (_, target), word in self._plan.names.items()}

    def floors(self) -> dict[str, float]:
        """The floor of every view, under its shortest name."""
        show = self._plan.catalog.display
        return {show(word): self._mean(self._direct[pair]) for pair, word in self._plan.names.items()}

    def psnr(self) -> dict[str, float]:
        """The peak signal-to-noise ratio of direct drawings of every view, under its shortest name."""
        show = self._plan.catalog.display
        return {show(word): decibels(self._errors[pair] / self._images) for pair, word in self._plan.names.items()}

    def score(self, task: Task, kind: Kind, labels: Sequence[int]) -> WordScore:
        """What was measured of one task."""
        show = self._plan.catalog.display
        moved, floor = self._moved[task.move, task.target], self._direct[task.goal, task.target]
        entropy = self._entropy[task.target]
        square, *sums = self._codes[task.goal].tolist()
        variance = square - math.fsum(value**2 for value in sums) / self._images
        return WordScore(
            word=show(task.case.word),
            view=show(task.case.view),
            kind=kind,
            route=show(task.route),
            encoded=show(self._plan.relabelling(task.case.view)),
            bce=self._mean(moved),
            floor=self._mean(floor),
            identity_bce=self._mean(self._direct[task.source, task.target]),
            entropy=self._mean(entropy),
            residual=_relative(self._distance[task.move, task.goal], variance),
            trivial=task.trivial,
            psnr=decibels(self._errors[task.move, task.target] / self._images),
            by_label={
                label: ratio_of_excesses(*excesses)
                for label, *excesses in zip(
                    labels, (moved - entropy).tolist(), (floor - entropy).tolist(), entropy.tolist(), strict=False
                )
            },
        )

    def order(self, one: Task, other: Task) -> OrderSwap:
        """What was measured of both orders of a pair."""
        show = self._plan.catalog.display
        pixels = self._images * math.prod(self._plan.image_shape)
        return OrderSwap(
            first=show(one.case.word),
            second=show(other.case.word),
            true_difference=math.sqrt(self._true[one.target, other.target] / pixels),
            drawn_difference=math.sqrt(self._drawn[one.move, other.move] / pixels),
            own=(
                self._mean(self._moved[one.move, one.target]),
                self._mean(self._moved[other.move, other.target]),
            ),
            crossed=(
                self._mean(self._moved[one.move, other.target]),
                self._mean(self._moved[other.move, one.target]),
            ),
            entropy=(self._mean(self._entropy[one.target]), self._mean(self._entropy[other.target])),
        )

    @property
    def _images(self) -> int:
        return int(self._counts.sum())

    def _mean(self, losses: Tensor) -> float:
        return float(losses.sum()) / self._images


def _square(difference: Tensor) -> float:
    return float(difference.square().sum(dtype=torch.float64))


def _error(drawn: Tensor, image: Tensor) -> float:
    return float(squared_error(drawn, image).sum(dtype=torch.float64))


def _relative(distance: float, variance: float) -> float:
    if variance <= 0:  # one image, or codes that are all the same
        return 0.0 if distance == 0 else math.inf
    return distance / variance
