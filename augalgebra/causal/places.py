"""Where a picture shows which concept.

A place shows the fewest concepts after which no others tell anything more of it. Where causes would tell as much as
their effects, the effects are what is shown: an effect that is set by itself is then drawn, though no training image
has it without its causes. Where that is not clear nothing is ruled out: a place shows all concepts if it takes more
than three of them, or if those that tell most leave more than half unexplained. So does every place if they are many.
"""

import itertools
import math
from collections.abc import Sequence

import torch
from jaxtyping import Bool, Float, Int64, UInt8
from torch import Tensor
from torch.nn import functional

from augalgebra.causal.graphs import CausalGraph

STRIDE = 2
"""Pixels from one place to the next."""
_MOST = 3  # concepts that are looked at together, beside all of them
_MANY = 8  # concepts beyond which there are too many sets of them to look at each
_QUERIES, _NEIGHBOURS, _ROWS = 400, 6, 50
_TELLS, _NOTHING = 0.8, 1e-6  # of what is left unexplained: below it, others tell more; what counts as none
_HALF = 0.5  # of what there is to explain: what may be left, else there is something that no concept tells


def grid_of_places(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of places."""
    return math.ceil(height / STRIDE), math.ceil(width / STRIDE)


@torch.no_grad()
def find_places(
    images: UInt8[Tensor, "image channel height width"],
    labels: Float[Tensor, "image concept"],
    graph: CausalGraph,
    generator: torch.Generator,
) -> Bool[Tensor, "concept row column"]:
    """Which concepts each place shows.

    How much some concepts tell is seen by predicting images from those whose labels of these concepts are nearest.

    Args:
        images: Images to learn from.
        labels: Their labels in standard units, in the order of the concepts of the graph.
        graph: What causes what.
        generator: Where the images that are predicted are drawn from.

    Returns:
        The places; a concept that was found nowhere is shown everywhere, since what is not shown can never be learned.
    """
    count, queries = len(graph.concepts), torch.randperm(len(images), generator=generator)[:_QUERIES]
    if count > _MANY:
        return torch.ones(count, *grid_of_places(*images.shape[2:]), dtype=torch.bool)
    sets = [chosen for size in range(min(_MOST, count) + 1) for chosen in itertools.combinations(range(count), size)]
    sets += [tuple(range(count))] * (count > _MOST)
    left = {chosen: _unexplained(images, labels, chosen, queries) for chosen in sets}
    costs = {chosen: sum(1 + len(graph.descendants(graph.concepts[place])) for place in chosen) for chosen in sets}
    shown = torch.ones(count, *left[()].shape, dtype=torch.bool)
    undecided = torch.ones_like(left[()], dtype=torch.bool)
    for chosen in sorted(sets, key=lambda chosen: (costs[chosen], chosen)):
        enough = undecided.clone()
        for other in _rivals(chosen, sets):
            enough &= left[other] >= _TELLS * left[chosen] - _NOTHING
        clear = enough & (left[chosen] <= _HALF * left[()] + _NOTHING)
        for concept in range(count):
            shown[concept] = shown[concept].where(~clear, torch.tensor(concept in chosen))
        undecided &= ~enough
    shown[~shown.flatten(1).any(1)] = True
    return shown


def _rivals(chosen: tuple[int, ...], sets: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Sets of concepts that must not tell more than one of them: those with some more, of the largest all as large."""
    if len(chosen) == _MOST:
        return [other for other in sets if len(other) >= _MOST]
    return [other for other in sets if set(chosen) < set(other)]


def _unexplained(
    images: UInt8[Tensor, "image channel height width"],
    labels: Float[Tensor, "image concept"],
    chosen: Sequence[int],
    queries: Int64[Tensor, " query"],
) -> Float[Tensor, "row column"]:
    """Mean squared error, around each place, of predicting images from some of their labels.

    The mean of k neighbours errs by itself: labels that tell nothing would leave 1 + 1/k of the variance, which is
    taken out.
    """
    total = torch.zeros(images.shape[2:])
    mean = images[queries].float().mean(0) / 255
    neighbours = min(_NEIGHBOURS, len(images) - 1)
    own = neighbours / (neighbours + 1) if chosen else 1.0
    for rows in torch.split(queries, _ROWS):
        true = images[rows].float() / 255
        if chosen:
            distances = torch.cdist(labels[rows][:, list(chosen)], labels[:, list(chosen)])
            distances[torch.arange(len(rows)), rows] = torch.inf
            nearest = distances.topk(neighbours, largest=False).indices
            predicted = images[nearest.flatten()].view(*nearest.shape, *images.shape[1:]).float().mean(1) / 255
        else:
            predicted = mean
        total += (predicted - true).square().mean(1).sum(0)
    padded = functional.pad(total, (0, total.shape[1] % 2, 0, total.shape[0] % 2))
    return functional.avg_pool2d(own * padded[None, None] / len(queries), 2 * STRIDE, STRIDE, padding=1)[0, 0]
