"""A causal graph as a drawing: causes above their effects, weights on edges, and what differs from another graph."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from augalgebra.causal.graphs import CausalGraph, Edge
from augalgebra.documents import figures
from augalgebra.errors import AugalgebraError
from augalgebra.storage.files import check_ending, write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_WIDE, _HIGH = 2.3, 1.25  # inches of a node's place
_AT = 0.42  # of an edge, where its number stands
_KINDS = (".png", ".svg")


def draw_causal_graph(
    graph: CausalGraph,
    path: Path,
    *,
    weights: Mapping[Edge, float] | None = None,
    beside: CausalGraph | None = None,
    title: str = "",
) -> Path:
    """Draw a graph as PNG or SVG, which the name of the file says.

    Args:
        graph: The graph.
        path: The file, a .png or an .svg; missing folders are made.
        weights: What stands on edges.
        beside: A graph to compare with, of the same concepts. Edges that only it has are dashed, those that it lacks
            are red.
        title: Line above it.

    Returns:
        The path.

    Raises:
        AugalgebraError: The file is to be neither.
    """
    check_ending(path, *_KINDS)
    missing = frozenset() if beside is None else beside.edges - graph.edges
    grid = arrange(CausalGraph(graph.concepts, graph.edges | missing) if _fits(graph, missing) else graph)
    rows = 1 + max(row for _, row in grid.values())
    columns = max(1 + max(column for column, _ in grid.values()), 2)
    figure = figures.empty(_WIDE * columns, _HIGH * rows + 0.3 * bool(title))
    axes = figure.add_subplot()
    axes.set(xlim=(-0.5 * _WIDE, (columns - 0.5) * _WIDE), ylim=((0.5 - rows) * _HIGH, 0.5 * _HIGH), aspect="equal")
    axes.axis("off")
    places = {concept: (_WIDE * column, -_HIGH * row) for concept, (column, row) in grid.items()}
    if title:
        axes.set_title(title, fontsize=10)
    for edge in sorted(graph.edges):
        known = beside is None or edge in beside.edges
        _arrow(axes, places, edge, figures.INK if known else figures.VERMILION, "-")
    for edge in sorted(missing):
        _arrow(axes, places, edge, figures.FAINT, (0, (4, 3)))
    for edge, weight in (weights or {}).items():
        x, y = _along(places, edge)
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
        axes.text(x, y, f"{weight:.2f}", fontsize=7, ha="center", va="center", color=figures.BLUE, bbox=box)
    for concept, (x, y) in places.items():
        box = {"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": figures.INK, "linewidth": 1.0}
        axes.text(x, y, concept, fontsize=9, ha="center", va="center", bbox=box, zorder=3)
    return _write(figure, path)


def arrange(graph: CausalGraph) -> dict[str, tuple[float, float]]:
    """Where each concept stands: its column, and its row with every cause above its effects."""
    rows: dict[str, int] = {}
    for concept in graph.order:
        rows[concept] = 1 + max((rows[cause] for cause in graph.parents(concept)), default=-1)
    layers = [[concept for concept in graph.order if rows[concept] == row] for row in range(max(rows.values()) + 1)]
    widest = max(map(len, layers))
    columns: dict[str, float] = {}

    def middle(concept: str) -> float:
        """Where the causes of a concept stand, on average."""
        causes = graph.parents(concept)
        return sum(columns[cause] for cause in causes) / max(len(causes), 1)

    for layer in layers:  # each as near below its causes as there is room
        ordered = sorted(layer, key=middle)
        columns |= {concept: number + (widest - len(layer)) / 2 for number, concept in enumerate(ordered)}
    return {concept: (columns[concept], float(rows[concept])) for concept in graph.concepts}


def _fits(graph: CausalGraph, missing: frozenset[Edge]) -> bool:
    """Whether edges can be added without a cycle."""
    try:
        CausalGraph(graph.concepts, graph.edges | missing)
    except AugalgebraError:
        return False
    return True


def _arrow(
    axes: "Axes",
    places: Mapping[str, tuple[float, float]],
    edge: Edge,
    colour: str,
    line: str | tuple[int, tuple[int, int]],
) -> None:
    (start, end), bend = (places[concept] for concept in edge), _bend(places, edge)
    axes.annotate(
        "",
        end,
        start,
        arrowprops={
            "arrowstyle": "-|>",
            "color": colour,
            "linestyle": line,
            "shrinkA": 14,
            "shrinkB": 14,
            "connectionstyle": f"arc3,rad={bend}",
            "linewidth": 1.3,
        },
    )


def _bend(places: Mapping[str, tuple[float, float]], edge: Edge) -> float:
    """How far an edge bends, as a share of its length: outwards, where it passes a row in which others stand."""
    (x, y), (_, to_y) = (places[end] for end in edge)
    middle = sum(place for place, _ in places.values()) / len(places)
    return 0.0 if round(abs(to_y - y) / _HIGH) == 1 else 0.3 if x <= middle else -0.3


def _along(places: Mapping[str, tuple[float, float]], edge: Edge) -> tuple[float, float]:
    """A point of an edge a little before its middle, where its number stands."""
    (x, y), (to_x, to_y), bend = *(places[end] for end in edge), _bend(places, edge)
    # of the quadratic curve that matplotlib calls arc3
    control = (x + to_x) / 2 + bend * (to_y - y), (y + to_y) / 2 - bend * (to_x - x)
    first, second, third = (1 - _AT) ** 2, 2 * _AT * (1 - _AT), _AT**2
    return first * x + second * control[0] + third * to_x, first * y + second * control[1] + third * to_y


def _write(figure: "Figure", path: Path) -> Path:
    if path.suffix.lower() != ".svg":
        return figures.write(figure, path)
    from matplotlib import rc_context

    buffer = io.BytesIO()
    with rc_context({"svg.hashsalt": "augalgebra", "svg.fonttype": "none"}):  # equal graphs give equal files
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    write_atomically(path, buffer.getvalue())
    return path
