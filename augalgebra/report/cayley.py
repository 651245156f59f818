"""The graph of a finite monoid: where its elements go, and how its arrows are drawn."""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias
from xml.etree.ElementTree import Element

import numpy as np

from augalgebra.report.document import Cayley
from augalgebra.report.elements import tag

Points: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
IntPairs: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

COLOURS = 6
"""Generators beyond so many share the colours of the first; their dashes and names differ."""

_WIDTH, _TALLEST = 640.0, 640.0
_MARGIN, _NAMED_MARGIN = 56.0, 88.0
_NAMED = 8  # elements up to which their words stand beside them
_LONGEST = 20  # letters of a word that fits there
_ROUNDS = 150
_STARTS = 6
_TOUCHING = 0.12  # of a step: how near an element may come to an edge of others
_BEND = 0.16


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
        result.append(Arrow(start, end, position, both, _BEND * (2 * index - between[pair] + 1)))
    return result


def drawing(cayley: Cayley) -> Element:
    """The graph as SVG; parts carry ``data-`` attributes with the numbers that scripts know them by."""
    named = len(cayley.elements) <= _NAMED and max(map(len, cayley.elements)) <= _LONGEST
    points, radius, height = _placed(cayley, _NAMED_MARGIN if named else _MARGIN)
    described = f"Cayley graph of {cayley.title}: {len(cayley.elements)} elements, an arrow for each generator"
    return tag(
        "svg",
        tag("title", described),
        tag("defs", (_head(position) for position in range(min(len(cayley.generators), COLOURS)))),
        tag("g", (_arrow(item, points, radius) for item in arrows(cayley)), class_="arrows"),
        tag(
            "g",
            (_node(number, word, points, radius, named=named) for number, word in enumerate(cayley.elements)),
        ),
        viewBox=f"0 0 {_WIDTH:.0f} {height:.0f}",
        role="group",
        aria_label=described,
    )


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


def _placed(cayley: Cayley, margin: float) -> tuple[Points, float, float]:
    """Places on the page, the radius of the elements, and the height of the page."""
    points = layout(cayley)
    low, high = points.min(axis=0), points.max(axis=0)
    size = high - low
    inner = _WIDTH - 2 * margin
    scale = min(inner / max(size[0], 1e-9), (_TALLEST - 2 * margin) / max(size[1], 1e-9))
    scale = scale if scale < 1e6 else 0.0  # a single element
    # two elements far apart would be a long line with nothing in it
    scale = min(scale, inner / 1.6)
    height = size[1] * scale + 2 * margin
    placed = (points - (low + high) / 2) * scale + np.array([_WIDTH / 2, height / 2])
    nearest = np.linalg.norm(placed[:, None] - placed, axis=2) + 1e9 * np.eye(len(placed))
    return placed, float(min(24, max(4, nearest.min() / 2.8))), float(height)


def _head(position: int) -> Element:
    return tag(
        "marker",
        tag("path", d="M0 0L10 5L0 10z"),
        id=f"head_{position}",
        class_=f"g{position}",
        viewBox="0 0 10 10",
        refX=9,
        refY=5,
        markerWidth=14,
        markerHeight=14,
        markerUnits="userSpaceOnUse",
        orient="auto-start-reverse",
    )


def _arrow(arrow: Arrow, points: Points, radius: float) -> Element:
    colour = arrow.generator % COLOURS
    return tag(
        "path",
        d=_loop(points, arrow, radius) if arrow.start == arrow.end else _curve(points, arrow, radius),
        class_=f"arrow g{colour}",
        marker_end=None if arrow.both else f"url(#head_{colour})",
        data_from=arrow.start,
        data_to=arrow.end,
        data_by=arrow.generator,
        data_both="" if arrow.both else None,
    )


def _curve(points: Points, arrow: Arrow, radius: float) -> str:
    start, end = points[arrow.start], points[arrow.end]
    along = end - start
    aside = np.array([-along[1], along[0]]) * (1 if arrow.start < arrow.end else -1)
    control = (start + end) / 2 + arrow.bend * aside
    first, last = (point + _towards(control - point) * (radius + 3) for point in (start, end))
    return f"M{_xy(first)}Q{_xy(control)} {_xy(last)}"


def _loop(points: Points, arrow: Arrow, radius: float) -> str:
    """A loop beside its element, on the outer side; each generator has its own direction."""
    centre = points[arrow.start]
    angle = 0.0 if centre[0] >= points[:, 0].mean() - 1 else math.pi
    angle += 0.9 * (arrow.bend / _BEND)
    ends = [centre + (radius + 3) * _direction(angle + turn) for turn in (-0.45, 0.45)]
    controls = [centre + (radius + 46) * _direction(angle + turn) for turn in (-0.6, 0.6)]
    return f"M{_xy(ends[0])}C{_xy(controls[0])} {_xy(controls[1])} {_xy(ends[1])}"


def _node(number: int, word: str, points: Points, radius: float, *, named: bool) -> Element:
    x, y = points[number]
    aside = -(radius + 18) if y < points[:, 1].mean() - 1 else radius + 20
    beside = tag("text", word, x=_short(x), y=_short(y + aside), class_="word") if named else None
    size = _short(1.1 * radius - 4)
    inside = (
        tag("text", str(number), x=_short(x), y=_short(y), class_="number", font_size=size) if radius >= 12 else None
    )
    return tag(
        "g",
        tag("title", f"{number}: {word}"),
        tag("circle", cx=_short(x), cy=_short(y), r=_short(radius)),
        inside,
        beside,
        class_="node",
        data_node=number,
    )


def _towards(vector: Points) -> Points:
    length = float(np.linalg.norm(vector))
    return vector / length if length else vector


def _direction(angle: float) -> Points:
    return np.array([math.cos(angle), math.sin(angle)])


def _xy(point: Points) -> str:
    return f"{_short(point[0])} {_short(point[1])}"


def _short(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
