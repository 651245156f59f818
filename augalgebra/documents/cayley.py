"""The graph of a finite monoid as a picture whose parts a script can find."""

import math
from xml.etree.ElementTree import Element

import numpy as np

from augalgebra.documents.document import Cayley
from augalgebra.documents.elements import tag
from augalgebra.documents.layout import BEND, Arrow, Points, arrows, layout

COLOURS = 6
"""Generators beyond so many share the colours of the first; their names differ."""

_WIDTH, _TALLEST = 640.0, 640.0
_MARGIN, _NAMED_MARGIN = 56.0, 88.0
_NAMED = 8  # elements up to which their words stand beside them
_LONGEST = 20  # letters of a word that fits there


def draw_graph(cayley: Cayley) -> Element:
    """The graph as SVG; parts carry ``data-`` attributes with the numbers that scripts know them by."""
    named = len(cayley.elements) <= _NAMED and max(map(len, cayley.elements)) <= _LONGEST
    points, radius, height = _placed(cayley, _NAMED_MARGIN if named else _MARGIN)
    described = f"Cayley graph of {cayley.title}: {len(cayley.elements)} elements, an arrow for each generator"
    return tag(
        "svg",
        tag("title", described),
        tag("g", (_arrow(item, points, radius) for item in arrows(cayley)), class_="arrows"),
        tag(
            "g",
            (_node(number, word, points, radius, named=named) for number, word in enumerate(cayley.elements)),
        ),
        viewBox=f"0 0 {_WIDTH:.0f} {height:.0f}",
        role="group",
        aria_label=described,
    )


def heads() -> Element:
    """The heads of the arrows of all graphs of a page, which stand in it once."""
    return tag("svg", tag("defs", map(_head, range(COLOURS))), width=0, height=0, class_="heads", aria_hidden="true")


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
    angle += 0.9 * (arrow.bend / BEND)
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
