"""Where the elements of a finite monoid go on a page, and which arrows join them.

A general layout does not do: with networkx's `kamada_kawai_layout` 10 edges of the graph of D4 and 23 of that of D6
cross or touch others, where here none do.
"""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from augalgebra.documents.document import Cayley

Points: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
IntPairs: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

BEND = 0.16
"""How far apart two arrows between the same elements are, as a fraction of their length."""

_ROUNDS = 150
_STARTS = 6
_TOUCHING = 0.12  # of a step: how near an element may come to an edge of others


@dataclass(frozen=True)
class Arrow:
    """What one generator does to one element.

    Attributes:
        start: Number of the element.
        end: Number of the product.
        generator: Position in the list of generators.
        both: Whether the generator also leads back.
        bend: How far it bends aside, as a fraction of its length, seen from the element with the smaller number.
    """

    start: int
    end: int
    generator: int
    both: bool
    bend: float


def layout(cayley: Cayley) -> Points:
    """Where the elements go: of several drawings the one with the fewest crossings, and of those the least strained.

    Drawn are distances on the page that are like numbers of steps in the graph, from several starts; and the powers of
    each generator as a ring with the rest inside, by which a dihedral group is two polygons.

    Returns:
        ``[element, 2]``, mean 0.
    """
    steps = distances(cayley)
    edges = sorted({(min(arrow.start, arrow.end), max(arrow.start, arrow.end)) for arrow in arrows(cayley)})
    pairs = np.array([edge for edge in edges if edge[0] != edge[1]], dtype=np.int64).reshape(-1, 2)
    drawings = [_relaxed(start, steps) for start in _starts(steps)]
    drawings += [rings for generator in cayley.generators if (rings := _rings(cayley, generator, steps)) is not None]
    best = min(drawings, key=lambda points: (crossings(points, pairs), round(_strain(points, steps), 6)))
    return _upright(best - best.mean(axis=0))


def _starts(steps: Points) -> Iterator[Points]:
    """Classical scaling of the numbers of steps, and some random places."""
    count = len(steps)
    centring = np.eye(count) - 1 / count
    values, vectors = np.linalg.eigh(-0.5 * centring @ steps**2 @ centring)
    scaled = vectors[:, ::-1][:, :2] * np.sqrt(np.maximum(values[::-1][:2], 0))
    random = np.random.default_rng(count)
    # a little disorder, as elements that classical scaling puts on one point could never part again
    yield np.pad(scaled, ((0, 0), (0, 2 - scaled.shape[1]))) + random.normal(scale=0.05, size=(count, 2))
    for _ in range(_STARTS):
        yield random.normal(size=(count, 2)) * math.sqrt(count)


def _relaxed(points: Points, steps: Points) -> Points:
    """Stress majorisation (Gansner, Koren, North, "Graph drawing by stress majorization", 2004), weights 1 / steps²."""
    weights = np.divide(1, steps**2, out=np.zeros_like(steps), where=steps > 0)
    inverse = np.linalg.pinv(np.diag(weights.sum(axis=1)) - weights)
    for _ in range(_ROUNDS):
        apart = _apart(points)
        pull = np.divide(weights * steps, apart, out=np.zeros_like(steps), where=apart > 0)
        points = inverse @ ((np.diag(pull.sum(axis=1)) - pull) @ points)
    return points


def _rings(cayley: Cayley, generator: int, steps: Points) -> Points | None:
    """The powers of a generator as a ring, what other generators lead to from there as rings inside."""
    ring = [0]
    while (after := cayley.table[ring[-1]][generator]) not in ring:
        ring.append(after)
    if len(ring) < 3 or after != 0:
        return None
    angles = {element: 2 * math.pi * place / len(ring) for place, element in enumerate(ring)}
    depths = dict.fromkeys(ring, 0)
    waiting = deque(ring)
    while waiting:
        element = waiting.popleft()
        for there in (cayley.table[element][other] for other in cayley.generators):
            if there not in angles:
                angles[there], depths[there] = angles[element], depths[element] + 1
                waiting.append(there)
    if len(angles) < len(steps):
        return None
    deepest = max(depths.values())
    order = range(len(steps))
    radii = [len(ring) / 4 * (1 - depths[element] / (deepest + 1)) for element in order]
    places = [
        (radius * math.cos(angles[e]), radius * math.sin(angles[e])) for e, radius in zip(order, radii, strict=True)
    ]
    points: Points = np.array(places)
    return points if (_apart(points) + np.eye(len(points))).min() > _TOUCHING else None


def crossings(points: Points, edges: IntPairs) -> int:
    """How many pairs of straight edges cross, and how many elements lie on an edge of others."""
    starts, ends = points[edges[:, 0]], points[edges[:, 1]]

    def side(point: Points) -> Points:  # of each edge (rows) is each point (columns)
        along, towards = (ends - starts)[:, None], point - starts[:, None]
        turned: Points = along[..., 0] * towards[..., 1] - along[..., 1] * towards[..., 0]
        return turned

    apart = side(starts) * side(ends) < 0
    shared = (edges[:, None, :, None] == edges[None, :, None, :]).any(axis=(2, 3))
    crossed = int((apart & apart.T & ~shared).sum()) // 2
    lengths = np.linalg.norm(ends - starts, axis=1)[:, None]
    along = ((points - starts[:, None]) * (ends - starts)[:, None]).sum(axis=2) / np.maximum(lengths, 1e-9)
    near = np.abs(side(points)) / np.maximum(lengths, 1e-9) < _TOUCHING
    inside = (along > _TOUCHING) & (along < lengths - _TOUCHING)
    own = (np.arange(len(points)) == edges[:, :1]) | (np.arange(len(points)) == edges[:, 1:])
    return crossed + int((near & inside & ~own).sum())


def _strain(points: Points, steps: Points) -> float:
    """How far distances are from numbers of steps, on average and at the best scale."""
    apart, wanted = (matrix[np.triu_indices(len(steps), 1)] for matrix in (_apart(points), steps))
    if not wanted.size:
        return 0.0
    scale = (apart / wanted).sum() / max(float((apart / wanted) @ (apart / wanted)), 1e-12)
    return float(np.mean((scale * apart / wanted - 1) ** 2))


def _apart(points: Points) -> Points:
    distance: Points = np.linalg.norm(points[:, None] - points, axis=2)
    return distance


def _upright(points: Points) -> Points:
    """The points turned so that they are wider than tall, the first one up and to the left where that is free."""
    spread = points.T @ points
    values, axes = np.linalg.eigh(spread)
    turned = points if np.allclose(*values) else points @ axes[:, ::-1]
    if np.allclose(*values) and turned[0].any():  # as round as a circle: the identity goes to the upper left
        angle = -3 * math.pi / 4 - math.atan2(turned[0, 1], turned[0, 0])
        cosine, sine = math.cos(angle), math.sin(angle)
        turned = turned @ np.array([[cosine, sine], [-sine, cosine]])
    signs = np.where(turned[0] > 0, -1, 1)
    upright: Points = turned * signs
    return upright


def distances(cayley: Cayley) -> Points:
    """The fewest arrows between any two elements, in whichever direction they point, ``[element, element]``."""
    count = len(cayley.elements)
    neighbours: list[set[int]] = [set() for _ in range(count)]
    for start in range(count):
        for generator in cayley.generators:
            end = cayley.table[start][generator]
            neighbours[start].add(end)
            neighbours[end].add(start)
    steps = np.full((count, count), float(count))  # what no arrows connect is far apart
    for origin in range(count):
        steps[origin, origin] = 0
        waiting = deque([origin])
        while waiting:
            here = waiting.popleft()
            for there in neighbours[here]:
                if steps[origin, there] == count:
                    steps[origin, there] = steps[origin, here] + 1
                    waiting.append(there)
    return steps


def arrows(cayley: Cayley) -> list[Arrow]:
    """Every arrow of the graph; those of one generator there and back are one, and several between two bend aside."""
    found: list[tuple[int, int, int, bool]] = []
    for position, generator in enumerate(cayley.generators):
        for start in range(len(cayley.elements)):
            end = cayley.table[start][generator]
            both = end != start and cayley.table[end][generator] == start
            if not (both and end < start):
                found.append((start, end, position, both))
    between: dict[frozenset[int], int] = {}
    for start, end, *_ in found:
        between[frozenset((start, end))] = between.get(frozenset((start, end)), 0) + 1
    seen: dict[frozenset[int], int] = {}
    result = []
    for start, end, position, both in found:
        pair = frozenset((start, end))
        index = seen[pair] = seen.get(pair, -1) + 1
        result.append(Arrow(start, end, position, both, BEND * (2 * index - between[pair] + 1)))
    return result
