"""How well the operators of a latent space compose, swap and invert, measured on images.

Every number comes with its floor (the same view encoded and decoded directly), its baseline (nothing moved at all) and
the entropy of the true images, which even a perfect drawing costs.
Nothing here knows LAVAE: any latent space, and anything that maps words to linear operators, will do.
"""

import itertools
import math
from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.case_progress import CaseProgress
from augalgebra.catalog import Catalog
from augalgebra.consistency.batches import Operators, Setting, check_images
from augalgebra.consistency.cases import Case, Kind, Relabelling, default_views, words_up_to
from augalgebra.consistency.excess import ratio_of_excesses
from augalgebra.consistency.information import Information
from augalgebra.consistency.plan import Plan, Task
from augalgebra.consistency.relations import relation_residuals
from augalgebra.consistency.report import CompositionReport, OrderSwap, WordScore
from augalgebra.consistency.sums import Sums, measure_batch
from augalgebra.errors import AugalgebraError
from augalgebra.latent.likelihoods import decibels, likelihood_of
from augalgebra.latent.protocol import MAIN_HEAD, LatentSpace
from augalgebra.tasks import Workers, run_tasks


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
    workers: Workers | None = None,
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
        workers: Who measures the batches; this process by default.
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
        workers=workers,
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
    workers: Workers | None = None,
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
        workers: Who measures the batches; this process by default.
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
    measure = partial(measure_batch, Setting(space, catalog, seed, head), plan.work, max(1, len(known)))
    parts = (slice(start, start + batch_size) for start in range(0, len(images), batch_size))
    batches = ((images[part], numbers[part], index[part]) for part in parts)
    sums, done = Sums(), 0
    for (part, *_), measured in run_tasks(measure, batches, workers, ordered=True):
        sums.add(measured)
        done += len(part)
        if on_progress is not None:
            on_progress(done, len(images))
    found = _Findings(plan, sums, len(images))
    return CompositionReport(
        floor=found.floors(),
        entropy=found.entropies(),
        words=tuple(found.score(task, task.case.kind(letters), known.tolist()) for task in plan.tasks),
        no_inverse=plan.no_inverse,
        relations=relation_residuals(operators, catalog, letters, space.dim, plan.relabelling),
        orders=tuple(found.order(*swap) for swap in plan.swaps),
        images=len(images),
        head=head,
        information=found.information(),
        likelihood=likelihood_of(space).name,
        psnr=found.psnr(),
    )


class _Findings:
    """What the sums over all images say.

    Args:
        plan: What was measured.
        sums: The sums.
        images: Number of images.
    """

    def __init__(self, plan: Plan, sums: Sums, images: int) -> None:
        self._plan, self._sums, self._images = plan, sums, images

    def information(self) -> Information:
        """What drawings of one view tell of its images."""
        true, drawn = (self._sums.spreads[name].value for name in ("true", "drawn"))
        divergence = self._sums.divergence.get("prior")
        return Information(true, drawn, None if divergence is None else divergence / self._images)

    def entropies(self) -> dict[str, float]:
        """The entropy of every view, under its shortest name."""
        show = self._plan.catalog.display
        return {show(word): self._mean(self._sums.entropy[target]) for (_, target), word in self._plan.names.items()}

    def floors(self) -> dict[str, float]:
        """The floor of every view, under its shortest name."""
        show = self._plan.catalog.display
        return {show(word): self._mean(self._sums.direct[pair]) for pair, word in self._plan.names.items()}

    def psnr(self) -> dict[str, float]:
        """The peak signal-to-noise ratio of direct drawings of every view, under its shortest name."""
        show = self._plan.catalog.display
        return {show(word): decibels(self._sums.errors[pair] / self._images) for pair, word in self._plan.names.items()}

    def score(self, task: Task, kind: Kind, labels: Sequence[int]) -> WordScore:
        """What was measured of one task."""
        show = self._plan.catalog.display
        moved, floor = self._sums.moved[task.move, task.target], self._sums.direct[task.goal, task.target]
        entropy = self._sums.entropy[task.target]
        square, *sums = self._sums.codes[task.goal].tolist()
        variance = square - math.fsum(value**2 for value in sums) / self._images
        return WordScore(
            word=show(task.case.word),
            view=show(task.case.view),
            kind=kind,
            route=show(task.route),
            encoded=show(self._plan.relabelling(task.case.view)),
            bce=self._mean(moved),
            floor=self._mean(floor),
            identity_bce=self._mean(self._sums.direct[task.source, task.target]),
            entropy=self._mean(entropy),
            residual=_relative(self._sums.distance[task.move, task.goal], variance),
            trivial=task.trivial,
            psnr=decibels(self._sums.errors[task.move, task.target] / self._images),
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
            true_difference=math.sqrt(self._sums.true[one.target, other.target] / pixels),
            drawn_difference=math.sqrt(self._sums.drawn[one.move, other.move] / pixels),
            own=(
                self._mean(self._sums.moved[one.move, one.target]),
                self._mean(self._sums.moved[other.move, other.target]),
            ),
            crossed=(
                self._mean(self._sums.moved[one.move, other.target]),
                self._mean(self._sums.moved[other.move, one.target]),
            ),
            entropy=(self._mean(self._sums.entropy[one.target]), self._mean(self._sums.entropy[other.target])),
        )

    def _mean(self, losses: Tensor) -> float:
        return float(losses.sum()) / self._images


def _relative(distance: float, variance: float) -> float:
    if variance <= 0:  # one image, or codes that are all the same
        return 0.0 if distance == 0 else math.inf
    return distance / variance
