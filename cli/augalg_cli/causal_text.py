"""What people write of causal models on the command line, and how graphs are drawn in a terminal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from augalgebra import AugalgebraError

if TYPE_CHECKING:
    from augalgebra.causal import CausalGraph, Edit


def values_in(text: str, option: str = "") -> dict[str, float]:
    """Values of concepts, such as ``light=20, angle=-10``.

    Args:
        text: What was written.
        option: Where, for messages.

    Raises:
        AugalgebraError: It is not of that form, or names a concept twice.
    """
    values: dict[str, float] = {}
    for part in _parts(text):
        name, sign, number = (piece.strip() for piece in part.partition("="))
        try:
            value = float(number)
        except ValueError:
            raise AugalgebraError(f"{option}{part!r} sets no concept to a number; write it as in light=20") from None
        if not name or not sign:
            raise AugalgebraError(f"{option}{part!r} sets no concept to a number; write it as in light=20")
        if name in values:
            raise AugalgebraError(f"{option}{name} is set twice, to {values[name]:g} and to {value:g}")
        values[name] = value
    if not values:
        raise AugalgebraError(f"{option}nothing is set; write what to set as in light=20,angle=-10")
    return values


def names_of(text: str) -> tuple[str, ...]:
    """Names with commas between them."""
    return tuple(_parts(text))


def share_in(text: str) -> float:
    """A share such as ``10%`` or ``0.1``.

    Raises:
        AugalgebraError: It is none.
    """
    number, percent = text.strip().removesuffix("%"), text.strip().endswith("%")
    try:
        share = float(number) / (100 if percent else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise AugalgebraError(f"{text!r} is no share of the images; write for example 10% or 0.1")
    return share


def edits_in(
    cut: Sequence[str], add: Sequence[str], put: Sequence[str], freeze: Sequence[str], do: Sequence[str]
) -> "list[Edit]":
    """The edits that options say: what has no causes any more comes before what could close a cycle otherwise.

    Args:
        cut: Edges, as in ``light>shadow_length``.
        add: Edges with weights, as in ``angle>light=0.5``.
        put: Mechanisms, as in ``shadow_length=4 + 0.1*angle``.
        freeze: Concepts.
        do: Values, as in ``light=20``.

    Raises:
        AugalgebraError: Something is not of that form, two options say different things of a concept, or an edge is cut
            or added that leads to one which another option says.
    """
    from augalgebra.causal import Edit, Formula

    edits = [Edit("cut", effect, cause) for cause, effect in map(_edge, cut)]
    edits += [Edit("freeze", concept) for text in freeze for concept in names_of(text)]
    edits += [Edit("do", concept, number=value) for text in do for concept, value in values_in(text).items()]
    formulas: list[tuple[str, Formula]] = []
    for text in put:
        concept, sign, formula = (piece.strip() for piece in text.partition("="))
        if not concept or not sign:
            raise AugalgebraError(f"{text!r} sets no mechanism; write it as in shadow_length=4 or as in y=2 + 0.1*x")
        formulas.append((concept, Formula.parse(formula)))
    formulas.sort(key=lambda pair: bool(pair[1].weights))
    edits += [Edit("set", concept, formula=formula) for concept, formula in formulas]
    for text in add:
        edge, _, weight = text.rpartition("=")
        try:
            number = float(weight)
        except ValueError:
            edge = ""
        if not edge:
            raise AugalgebraError(f"{text!r} says no weight; write an edge to add as in angle>shadow_length=0.1")
        cause, effect = _edge(edge)
        edits.append(Edit("add", effect, cause, number))
    said: dict[tuple[str, ...], Edit] = {}
    for edit in edits:
        # an edge may be cut and added anew, but a concept follows from one thing alone
        key = (edit.kind, edit.cause, edit.concept) if edit.cause else (edit.concept,)
        if key in said:
            raise AugalgebraError(f"one option says {said[key]}, another {edit}; keep one of them")
        said[key] = edit
    for edit in edits:
        whole = said.get((edit.concept,))
        if edit.cause and whole is not None:
            raise AugalgebraError(f"{edit} has no effect, as {whole} leaves no trained causes; keep one of them")
    return edits


def graph_lines(graph: "CausalGraph", weights: Mapping[tuple[str, str], float] | None = None) -> list[str]:
    """A graph as lines of text: what each concept is caused by.

    Args:
        graph: The graph.
        weights: What is written beside edges.

    Examples:
        >>> from augalgebra.causal import CausalGraph
        >>> graph_lines(CausalGraph.parse("light>length, angle>length", ["light", "angle", "length"]))
        ['light', 'angle', 'light ─┐', 'angle ─┴─> length']
    """
    lines: list[str] = []
    effects = {concept: _causes(graph, concept, weights or {}) for concept in graph.order}
    width = max((len(text) for causes in effects.values() for text in causes), default=0)
    for concept, causes in effects.items():
        if not causes:
            lines.append(concept)
        for number, text in enumerate(causes):
            first, last = number == 0, number == len(causes) - 1
            mark = "──" if first and last else "┐" if first else "┴─" if last else "┤"
            lines.append(f"{text.ljust(width)} ─{mark}{f'> {concept}' if last else ''}")
    return lines


def _causes(graph: "CausalGraph", concept: str, weights: Mapping[tuple[str, str], float]) -> list[str]:
    width = max((len(cause) for cause, _ in graph.edges), default=0)
    return [
        f"{cause.ljust(width)} ({weights[cause, concept]:.3f})" if (cause, concept) in weights else cause
        for cause in graph.parents(concept)
    ]


def _edge(text: str) -> tuple[str, str]:
    ends = [end.strip() for end in text.split(">")]
    if len(ends) != 2 or not all(ends):
        raise AugalgebraError(f"{text!r} is no edge; write cause>effect, as in light>shadow_length")
    return ends[0], ends[1]


def _parts(text: str) -> Iterable[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
