"""What is measured of one batch of images, and of many: sums that can be added, wherever they were made."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.consistency.batches import Batch, Setting
from augalgebra.consistency.information import Spread, divergence_of
from augalgebra.consistency.plan import Work
from augalgebra.latent.likelihoods import squared_error


@dataclass
class Sums:
    """Sums over images: losses by label, and what R², the order swap and the spread of drawings need.

    Attributes:
        direct: Losses ``[label]`` of an encoded view against the image of another.
        moved: Losses ``[label]`` of what a move draws against an image.
        entropy: Entropies ``[label]`` of an image.
        distance: Squares of what codes that a move made are away from those of a view.
        codes: Squares of the codes of a view, and then the codes themselves, ``[1 + latent]``.
        errors: Squared errors of pixels, of views and moves against images.
        true: Squared differences of the images of two words.
        drawn: The same of what two moves draw.
        spreads: Of the images that codes should tell of, and of what is drawn of these codes.
        divergence: Of the codes' distribution from the prior; empty where there is no such thing.
    """

    direct: dict[tuple[Word, Word], Tensor] = field(default_factory=dict)
    moved: dict[tuple[int, Word], Tensor] = field(default_factory=dict)
    entropy: dict[Word, Tensor] = field(default_factory=dict)
    distance: dict[tuple[int, Word], float] = field(default_factory=dict)
    codes: dict[Word, Tensor] = field(default_factory=dict)
    errors: dict[tuple[Word | int, Word], float] = field(default_factory=dict)
    true: defaultdict[tuple[Word, Word], float] = field(default_factory=lambda: defaultdict(float))
    drawn: defaultdict[tuple[int, int], float] = field(default_factory=lambda: defaultdict(float))
    spreads: dict[str, Spread] = field(default_factory=dict)
    divergence: dict[str, float] = field(default_factory=dict)

    def add(self, other: "Sums") -> None:
        """Take in the sums over other images."""
        for name, theirs in vars(other).items():
            ours = vars(self)[name]
            for key, value in theirs.items():
                ours[key] = ours[key] + value if key in ours else value


@torch.inference_mode()
def measure_batch(
    setting: Setting,
    work: Work,
    labels: int,
    images: tuple[Float[Tensor, "batch channel height width"], Sequence[int], Int[Tensor, " batch"]],
) -> Sums:
    """Measure one batch.

    Args:
        setting: Latent space, catalog, seed and head.
        work: What to measure.
        labels: How many labels there are.
        images: The images, their numbers in the data set, and their labels, counted from 0.
    """
    originals, ids, index = images
    batch, sums = Batch(setting, originals, ids), Sums()

    def by_label(losses: Tensor) -> Tensor:
        return torch.zeros(labels, dtype=torch.float64).index_add_(0, index, losses.cpu().double())

    for code, target in work.direct:
        sums.direct[code, target] = by_label(batch.loss(batch.drawn(code), batch.image(target)))
        sums.errors[code, target] = _error(batch.drawn(code), batch.image(target))
    for target in dict.fromkeys(target for _, target in work.direct):
        sums.entropy[target] = by_label(batch.entropy(batch.image(target)))
    _inform(sums, batch, work)
    pictures: dict[int, Tensor] = {}
    swapped = {move for one, _, other, _ in work.swaps for move in (one, other)}
    for move, (source, operator) in enumerate(work.moves):
        codes = operator.apply(batch.code(source))
        picture = batch.decode(codes)
        for target in work.targets[move]:
            sums.moved[move, target] = by_label(batch.loss(picture, batch.image(target)))
            sums.errors[move, target] = _error(picture, batch.image(target))
        for goal in work.goals[move]:
            sums.distance[move, goal] = _square(codes - batch.code(goal))
        if move in swapped:
            pictures[move] = picture
    for goal in dict.fromkeys(goal for goals in work.goals for goal in goals):
        codes = batch.code(goal).cpu().double()
        sums.codes[goal] = torch.cat([codes.square().sum()[None], codes.sum(0)])
    for one, target, other, other_target in work.swaps:
        sums.true[target, other_target] += _square(batch.image(target) - batch.image(other_target))
        sums.drawn[one, other] += _square(pictures[one] - pictures[other])
    return sums


def _inform(sums: Sums, batch: Batch, work: Work) -> None:
    code = next((code for code, _ in work.direct), Word())
    for name, images in (("true", batch.image(code)), ("drawn", batch.drawn(code))):
        sums.spreads[name] = Spread()
        sums.spreads[name].add(images)
    divergence = divergence_of(batch.setting.space, batch.image(code))
    if divergence is not None:
        sums.divergence["prior"] = divergence


def _square(difference: Tensor) -> float:
    return float(difference.square().sum(dtype=torch.float64))


def _error(drawn: Tensor, image: Tensor) -> float:
    return float(squared_error(drawn, image).sum(dtype=torch.float64))
