"""The graph of a finite monoid: where its elements go, and how its arrows are drawn."""

import math
from collections import deque
from dataclasses import dataclass
from typing import Any, TypeAlias
from xml.etree.ElementTree import Element

import numpy as np

from augalgebra.report.document import Cayley
from augalgebra.report.elements import tag

Points: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]

COLOURS = 6
"""Generators beyond so many share the colours of the first; their dashes and names differ."""

_WIDTH, _MARGIN, _TALLEST = 640.0, 84.0, 640.0
_NAMED = 8  # elements up to which their words stand beside them
_LONGEST = 20  # letters of a word that fits there
_ROUNDS = 200
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
    """Where the elements go, so that distances on the page are like numbers of steps in the graph.

    Classical scaling of the numbers of steps, then steps of stress majorisation (de Leeuw, "Applications of convex
    analysis to multidimensional scaling", 1977), by which a square stays a square and a cube looks like one.

    Returns:
        ``[element, 2]``, mean 0, a step about 1 long.
    """
    steps = distances(cayley)
    count = len(steps)
    centring = np.eye(count) - 1 / count
    values, vectors = np.linalg.eigh(-0.5 * centring @ steps**2 @ centring)
    points = vectors[:, ::-1][:, :2] * np.sqrt(np.maximum(values[::-1][:2], 0))
    points = np.pad(points, ((0, 0), (0, 2 - points.shape[1])))
    # elements that classical scaling puts on one point could never part again
    angles = np.arange(count) * math.pi * (3 - math.sqrt(5))
    points = points + 0.05 * np.column_stack([np.cos(angles), np.sin(angles)])
    for _ in range(_ROUNDS):
        apart = np.linalg.norm(points[:, None] - points, axis=2)
        pull = np.divide(steps, apart, out=np.zeros_like(steps), where=apart > 0)
        weights = np.diag(pull.sum(axis=1)) - pull
        points = weights @ points / count
    return _upright(points - points.mean(axis=0))


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
    points, radius, height = _placed(cayley)
    named = len(cayley.elements) <= _NAMED and max(map(len, cayley.elements)) <= _LONGEST
    described = f"Cayley graph of {cayley.title}: {len(cayley.elements)} elements, an arrow for each generator"
    return tag(
        "svg",
        tag("title", described),
        tag("defs", (_head(position) for position in range(min(len(cayley.generators), COLOURS)))),
        tag("g", (_arrow(item, points, radius) for item in arrows(cayley)), class_="arrows"),
        tag(
            "g",
            (
                _node(number, word, points[number], radius, named=named)
                for number, word in enumerate(cayley.elements)
            ),
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


def _placed(cayley: Cayley) -> tuple[Points, float, float]:
    """Places on the page, the radius of the elements, and the height of the page."""
    points = layout(cayley)
    low, high = points.min(axis=0), points.max(axis=0)
    size = high - low
    inner = _WIDTH - 2 * _MARGIN
    scale = min(inner / max(size[0], 1e-9), (_TALLEST - 2 * _MARGIN) / max(size[1], 1e-9))
    scale = scale if scale < 1e6 else 0.0  # a single element
    # two elements far apart would be a long line with nothing in it
    scale = min(scale, inner / 1.6)
    height = size[1] * scale + 2 * _MARGIN
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
    """A loop on the outer side; each generator has its own direction."""
    centre = points[arrow.start]
    outward = centre - points.mean(axis=0)
    angle = math.atan2(outward[1], outward[0]) if outward.any() else -math.pi / 2
    angle += 0.9 * (arrow.bend / _BEND)
    ends = [centre + (radius + 3) * _direction(angle + turn) for turn in (-0.45, 0.45)]
    controls = [centre + (radius + 46) * _direction(angle + turn) for turn in (-0.6, 0.6)]
    return f"M{_xy(ends[0])}C{_xy(controls[0])} {_xy(controls[1])} {_xy(ends[1])}"


def _node(number: int, word: str, place: Points, radius: float, *, named: bool) -> Element:
    x, y = place
    below = tag("text", word, x=_short(x), y=_short(y + radius + 22), class_="word") if named else None
    inside = tag("text", str(number), x=_short(x), y=_short(y), class_="number") if radius >= 12 else None
    return tag(
        "g",
        tag("title", f"{number}: {word}"),
        tag("circle", cx=_short(x), cy=_short(y), r=_short(radius)),
        inside,
        below,
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
