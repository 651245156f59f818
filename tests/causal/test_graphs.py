"""Graphs of causes: what can be said of them, and what is refused."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augalgebra.causal import CausalGraph, GraphError, GraphPrior, area_under_curve, hamming_distance
from augalgebra.errors import UnknownNameError
from augalgebra.storage.values import Fields

PENDULUM = ("light", "angle", "length", "position")
TRUE = CausalGraph.parse("light>length, angle>length, light>position, angle>position", PENDULUM)


@st.composite
def graphs(draw: st.DrawFn) -> CausalGraph:
    names = tuple("abcdef"[: draw(st.integers(1, 6))])
    order = draw(st.permutations(names))
    pairs = list(itertools.combinations(order, 2))
    return CausalGraph(names, frozenset(draw(st.sets(st.sampled_from(pairs))) if pairs else ()))


@given(graphs())
def test_text_and_matrix_say_the_same_graph(graph: CausalGraph) -> None:
    assert CausalGraph.parse(str(graph), graph.concepts) == graph
    assert CausalGraph.of_matrix(graph.concepts, graph.matrix) == graph
    assert CausalGraph.from_fields(Fields(graph.to_dict(), "graph")) == graph


@given(graphs())
def test_causes_come_before_their_effects(graph: CausalGraph) -> None:
    order = graph.order
    assert sorted(order) == sorted(graph.concepts)
    assert all(order.index(cause) < order.index(effect) for cause, effect in graph.edges)


@given(graphs())
def test_a_cut_removes_one_edge_and_adding_it_brings_it_back(graph: CausalGraph) -> None:
    for edge in graph.edges:
        cut = graph.cut(*edge)
        assert graph.edges - cut.edges == {edge}
        assert cut.edges <= graph.edges
        assert cut.add(*edge) == graph


@given(graphs())
def test_an_intervention_cuts_all_causes_and_nothing_else(graph: CausalGraph) -> None:
    for concept in graph.concepts:
        left = graph.without_causes_of([concept])
        assert left.parents(concept) == ()
        assert all(left.parents(other) == graph.parents(other) for other in graph.concepts if other != concept)
        assert left.without_causes_of([concept]) == left


@given(graphs())
def test_descendants_are_those_whose_ancestor_one_is(graph: CausalGraph) -> None:
    for first, second in itertools.permutations(graph.concepts, 2):
        assert (first in graph.ancestors(second)) == (second in graph.descendants(first))


@pytest.mark.parametrize(
    ("edges", "cycle"),
    [
        ("light>angle, angle>light", "light -> angle -> light"),
        ("light>light", "light -> light"),
        ("light>angle, angle>length, length>position, position>angle", "angle -> length -> position -> angle"),
    ],
)
def test_a_cycle_is_named(edges: str, cycle: str) -> None:
    with pytest.raises(GraphError, match=cycle):
        CausalGraph.parse(edges, PENDULUM)


def test_adding_an_edge_that_closes_a_cycle_is_refused() -> None:
    with pytest.raises(GraphError, match=r"length -> light -> length|light -> length -> light"):
        TRUE.add("length", "light")


def test_an_unknown_concept_has_a_nearest_one() -> None:
    with pytest.raises(UnknownNameError, match="did you mean light"):
        CausalGraph.parse("ligth>length", PENDULUM)
    with pytest.raises(UnknownNameError, match="did you mean angle"):
        TRUE.parents("angel")


@pytest.mark.parametrize("text", ["light", "light>", "light>angle>length", "light-angle"])
def test_text_that_is_no_edge_is_refused(text: str) -> None:
    with pytest.raises(GraphError, match="cause>effect"):
        CausalGraph.parse(text, PENDULUM)


def test_an_edge_that_is_not_there_cannot_be_cut() -> None:
    with pytest.raises(GraphError, match=r"no edge light>angle to cut; angle is caused by nothing"):
        TRUE.cut("light", "angle")


def test_a_concept_is_named_once() -> None:
    with pytest.raises(GraphError, match="'light' is named twice"):
        GraphPrior.roles(["light"], ["light", "length"])


def test_priors_allow_what_they_say() -> None:
    roles = GraphPrior.roles(PENDULUM[:2], PENDULUM[2:])
    assert not roles.mask[:, :2].any()
    assert roles.mask[:, 2:].sum() == 6
    assert GraphPrior.order(PENDULUM).mask.tolist() == np.triu(np.ones((4, 4)), 1).astype(bool).tolist()
    assert GraphPrior.free(PENDULUM).mask.sum() == 12
    assert GraphPrior.given(TRUE).mask.tolist() == TRUE.matrix.tolist()
    assert GraphPrior.from_fields(Fields(roles.to_dict(), "prior")) == roles


def test_a_prior_names_every_concept_and_no_other() -> None:
    with pytest.raises(GraphError, match="nothing is said of position"):
        GraphPrior.free(PENDULUM[:3]).for_concepts(PENDULUM)
    with pytest.raises(UnknownNameError, match="unknown concept 'colour'"):
        GraphPrior.free((*PENDULUM, "colour")).for_concepts(PENDULUM)


def test_distance_counts_missing_added_and_turned_edges_once() -> None:
    assert hamming_distance(TRUE, TRUE) == 0
    assert hamming_distance(TRUE, TRUE.cut("light", "length")) == 1
    assert hamming_distance(TRUE, TRUE.cut("light", "length").add("length", "light")) == 1
    assert hamming_distance(TRUE, TRUE.add("light", "angle")) == 1
    assert hamming_distance(TRUE, CausalGraph(PENDULUM)) == 4


def test_the_area_is_that_of_ranking_edges_by_strength() -> None:
    assert area_under_curve(TRUE.matrix.astype(float), TRUE) == 1
    assert area_under_curve(1 - TRUE.matrix.astype(float), TRUE) == 0
    assert area_under_curve(-2.0 * TRUE.matrix, TRUE) == 1
    assert area_under_curve(np.zeros((4, 4)), TRUE) == 0.5
    assert math.isnan(area_under_curve(np.zeros((4, 4)), CausalGraph(PENDULUM)))
