"""Which concept causes which: graphs without cycles, what is known of them beforehand, and how far two are apart."""

import itertools
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from augalgebra.errors import AugalgebraError, UnknownNameError
from augalgebra.storage.values import Fields

Edge: TypeAlias = tuple[str, str]
"""A cause and its effect."""
Matrix: TypeAlias = np.ndarray[Any, np.dtype[Any]]
"""A number for each pair of concepts, ``[cause, effect]``."""
PriorKind = Literal["given", "roles", "order", "free"]
"""What is known of a graph: all of it, which concepts have causes, an order, or nothing."""


class GraphError(AugalgebraError):
    """A graph that cannot be: with a cycle, with a concept twice, or an edge that is not there or is there already."""


@dataclass(frozen=True)
class CausalGraph:
    """Concepts, and which of them causes which.

    Attributes:
        concepts: Names of the concepts.
        edges: Pairs of a cause and its effect.

    Raises:
        GraphError: A concept is there twice, or there is a cycle; the message names it.
        UnknownNameError: An edge joins something that is no concept.

    Examples:
        >>> graph = CausalGraph(("light", "angle", "length"), frozenset({("light", "length"), ("angle", "length")}))
        >>> graph.parents("length"), str(graph.cut("light", "length"))
        (('light', 'angle'), 'angle>length')
    """

    concepts: tuple[str, ...]
    edges: frozenset[Edge] = frozenset()

    def __post_init__(self) -> None:
        _check_concepts(self.concepts)
        for edge in sorted(self.edges):
            for concept in edge:
                self.index(concept)
        cycle = self._find_cycle()
        if cycle:
            raise GraphError(f"{' -> '.join(cycle)} is a cycle; no concept may be among its own causes")

    @classmethod
    def parse(cls, text: str, concepts: Sequence[str]) -> "CausalGraph":
        """Read edges such as ``light>length, angle>length``; empty text is a graph without edges.

        Args:
            text: Edges, with commas between them.
            concepts: Names of all concepts.

        Raises:
            AugalgebraError: The text is not of that form, or there is no such graph.
        """
        edges = set()
        for part in filter(None, (part.strip() for part in text.split(","))):
            ends = [end.strip() for end in part.split(">")]
            if len(ends) != 2 or not all(ends):
                raise GraphError(f"an edge is written cause>effect, as in light>shadow_length, not {part[:60]!r}")
            edges.add((ends[0], ends[1]))
        return cls(tuple(concepts), frozenset(edges))

    @classmethod
    def of_parents(cls, parents: Mapping[str, Iterable[str]]) -> "CausalGraph":
        """The graph in which each concept has these causes."""
        edges = frozenset((cause, effect) for effect, causes in parents.items() for cause in causes)
        return cls(tuple(parents), edges)

    @classmethod
    def of_matrix(cls, concepts: Sequence[str], matrix: Matrix) -> "CausalGraph":
        """The graph with an edge for each entry ``[cause, effect]`` that is not 0."""
        found = zip(*(places.tolist() for places in np.nonzero(matrix)), strict=True)
        return cls(tuple(concepts), frozenset((concepts[cause], concepts[effect]) for cause, effect in found))

    def __str__(self) -> str:
        return ", ".join(f"{cause}>{effect}" for cause, effect in self.sorted_edges)

    @property
    def sorted_edges(self) -> tuple[Edge, ...]:
        """The edges in the order of the concepts, by their effect first."""
        return tuple((cause, effect) for effect in self.concepts for cause in self.parents(effect))

    @property
    def matrix(self) -> Matrix:
        """Whether there is an edge, ``[cause, effect]``, bool."""
        names = self.concepts
        return np.array([[(cause, effect) in self.edges for effect in names] for cause in names], bool).reshape(
            len(names), len(names)
        )

    @property
    def order(self) -> tuple[str, ...]:
        """The concepts with every cause before its effects, else as they stand."""
        done: list[str] = []
        while len(done) < len(self.concepts):
            done.append(
                next(c for c in self.concepts if c not in done and all(cause in done for cause in self.parents(c)))
            )
        return tuple(done)

    def index(self, concept: str) -> int:
        """The place of a concept.

        Raises:
            UnknownNameError: There is none of that name.
        """
        if concept not in self.concepts:
            raise UnknownNameError("concept", concept, self.concepts, f"(the concepts are {', '.join(self.concepts)})")
        return self.concepts.index(concept)

    def parents(self, concept: str) -> tuple[str, ...]:
        """What causes a concept directly."""
        self.index(concept)
        return tuple(cause for cause in self.concepts if (cause, concept) in self.edges)

    def ancestors(self, concept: str) -> frozenset[str]:
        """Whatever causes a concept, directly or through others."""
        found: set[str] = set()
        waiting = list(self.parents(concept))
        while waiting:
            cause = waiting.pop()
            if cause not in found:
                found.add(cause)
                waiting += self.parents(cause)
        return frozenset(found)

    def descendants(self, concept: str) -> frozenset[str]:
        """Whatever a concept causes, directly or through others."""
        self.index(concept)
        return frozenset(other for other in self.concepts if concept in self.ancestors(other))

    def cut(self, cause: str, effect: str) -> "CausalGraph":
        """The graph without one edge.

        Raises:
            GraphError: It is not there.
        """
        self.index(cause), self.index(effect)
        if (cause, effect) not in self.edges:
            raise GraphError(
                f"there is no edge {cause}>{effect} to cut; {effect} is caused by "
                f"{' and '.join(self.parents(effect)) or 'nothing'}"
            )
        return CausalGraph(self.concepts, self.edges - {(cause, effect)})

    def add(self, cause: str, effect: str) -> "CausalGraph":
        """The graph with one edge more.

        Raises:
            GraphError: It is there already, or closes a cycle.
        """
        self.index(cause), self.index(effect)
        if (cause, effect) in self.edges:
            raise GraphError(f"there is an edge {cause}>{effect} already; cut it before it is added anew")
        return CausalGraph(self.concepts, self.edges | {(cause, effect)})

    def without_causes_of(self, concepts: Collection[str]) -> "CausalGraph":
        """The graph in which nothing causes some concepts: what an intervention on them leaves."""
        for concept in concepts:
            self.index(concept)
        return CausalGraph(self.concepts, frozenset(edge for edge in self.edges if edge[1] not in concepts))

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {"concepts": list(self.concepts), "edges": [list(edge) for edge in self.sorted_edges]}

    @classmethod
    def from_fields(cls, fields: Fields) -> "CausalGraph":
        """Undo `to_dict`.

        Raises:
            AugalgebraError: The data are no graph.
        """
        return cls(fields.texts("concepts", 1000), read_edges(fields, "edges"))

    def _find_cycle(self) -> list[str]:
        """The concepts of a cycle in order, the first again at the end."""
        for start in self.concepts:
            if start in self.ancestors(start):
                cycle, here = [start], start
                while len(cycle) == 1 or here != start:  # back along causes that lie on a way from the start
                    here = next(p for p in self.parents(here) if p == start or start in self.ancestors(p))
                    cycle.append(here)
                    if here in cycle[:-1] and here != start:
                        cycle = cycle[cycle.index(here) :]
                        break
                return cycle[::-1]
        return []


@dataclass(frozen=True)
class GraphPrior:
    """What is known of a graph before it is learned.

    Attributes:
        kind: What is known.
        concepts: Names of the concepts.
        allowed: Edges that there may be; of a graph that is given, those that there are.
    """

    kind: PriorKind
    concepts: tuple[str, ...]
    allowed: frozenset[Edge]

    def __post_init__(self) -> None:
        _check_concepts(self.concepts)

    @classmethod
    def given(cls, graph: CausalGraph) -> "GraphPrior":
        """The graph itself."""
        return cls("given", graph.concepts, graph.edges)

    @classmethod
    def roles(cls, exogenous: Sequence[str], endogenous: Sequence[str]) -> "GraphPrior":
        """Which concepts have no causes among the others, and which may have.

        Args:
            exogenous: Those without.
            endogenous: Those that any other may cause.

        Raises:
            GraphError: One is named twice.
        """
        concepts = (*exogenous, *endogenous)
        edges = {(cause, effect) for cause in concepts for effect in endogenous if cause != effect}
        return cls("roles", concepts, frozenset(edges))

    @classmethod
    def order(cls, concepts: Sequence[str]) -> "GraphPrior":
        """An order in which no concept is caused by a later one."""
        return cls("order", tuple(concepts), frozenset(itertools.combinations(concepts, 2)))

    @classmethod
    def free(cls, concepts: Sequence[str]) -> "GraphPrior":
        """Nothing but that there is no cycle."""
        return cls("free", tuple(concepts), frozenset(itertools.permutations(concepts, 2)))

    @property
    def is_given(self) -> bool:
        """Whether there is nothing to be learned."""
        return self.kind == "given"

    @property
    def mask(self) -> Matrix:
        """Whether there may be an edge, ``[cause, effect]``, bool."""
        return np.array([[(cause, effect) in self.allowed for effect in self.concepts] for cause in self.concepts])

    def for_concepts(self, concepts: Sequence[str]) -> "GraphPrior":
        """The same with the concepts in another order.

        Raises:
            UnknownNameError: A concept is none of these.
            GraphError: One of these is left out.
        """
        for concept in self.concepts:
            if concept not in concepts:
                raise UnknownNameError("concept", concept, concepts, f"(the concepts are {', '.join(concepts)})")
        missing = [concept for concept in concepts if concept not in self.concepts]
        if missing:
            raise GraphError(f"nothing is said of {', '.join(missing)}; a prior names every concept")
        return GraphPrior(self.kind, tuple(concepts), self.allowed)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        edges = sorted(self.allowed, key=lambda edge: [self.concepts.index(concept) for concept in edge])
        return {"kind": self.kind, "concepts": list(self.concepts), "allowed": [list(edge) for edge in edges]}

    @classmethod
    def from_fields(cls, fields: Fields) -> "GraphPrior":
        """Undo `to_dict`.

        Raises:
            AugalgebraError: The data are no prior.
        """
        kind: PriorKind = fields.one_of("kind", get_args(PriorKind))
        prior = cls(kind, fields.texts("concepts", 1000), read_edges(fields, "allowed"))
        if prior.is_given:
            CausalGraph(prior.concepts, prior.allowed)  # refuses what is no graph
        return prior


def read_edges(fields: Fields, key: str) -> frozenset[Edge]:
    """A list of pairs of texts.

    Raises:
        AugalgebraError: It is none.
    """
    value = fields.data.get(key)
    if not isinstance(value, list) or not all(
        isinstance(edge, list) and len(edge) == 2 and all(isinstance(end, str) for end in edge) for edge in value
    ):
        raise fields.wrong(key, "a list of pairs of concepts", value)
    return frozenset((cause, effect) for cause, effect in value)


def hamming_distance(first: CausalGraph, second: CausalGraph) -> int:
    """Structural Hamming distance: edges that only one has, where one turned round counts once.

    Raises:
        GraphError: They have different concepts.
    """
    if set(first.concepts) != set(second.concepts):
        raise GraphError(
            f"graphs of different concepts are not compared: {', '.join(first.concepts)}; {', '.join(second.concepts)}"
        )
    return len({frozenset(edge) for edge in first.edges ^ second.edges})


def area_under_curve(weights: Matrix, truth: CausalGraph) -> float:
    """Area under the ROC curve of telling edges from what is none by their weights; NaN where all or none are edges.

    Args:
        weights: How strong each edge is, ``[cause, effect]``, in the order of the concepts of `truth`; signs are left
            out, and so is the diagonal.
        truth: The true graph.
    """
    from sklearn.metrics import roc_auc_score  # heavy

    pairs = ~np.eye(len(truth.concepts), dtype=bool)
    edges = truth.matrix[pairs]
    return float(roc_auc_score(edges, np.abs(weights)[pairs])) if 0 < edges.sum() < len(edges) else math.nan


def _check_concepts(concepts: Sequence[str]) -> None:
    if not concepts:
        raise GraphError("a graph needs concepts")
    for concept in concepts:
        if concepts.count(concept) > 1:
            raise GraphError(f"the concept {concept!r} is named twice")
