"""What the slides claim of causal models follows from what was measured."""

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from augalg_slides.pages.causal import (
    LearnedGraph,
    StrokesFindings,
    digits_claim,
    left_unexplained,
    measure_graph,
    pendulum_claims,
)
from causal_runs import few_pendulums

from augalgebra.causal import (
    AxiomScore,
    CausalArchitecture,
    CausalGraph,
    CausalModel,
    CausalReport,
    CompositionScore,
    CounterfactualScore,
    GraphPrior,
    Learner,
    known_graph,
)
from augalgebra.errors import AugalgebraError
from augalgebra.runs import ConceptBlock, ConceptBlocks

GRAPH = CausalGraph.parse("light>length", ["light", "length"])
BLOCKS = ConceptBlocks("run", (ConceptBlock("light", 5, 0.5, ()), ConceptBlock("length", 5, 0.5, ("light",))), 10)


def score(name: str, error: float, kept: float, *, identity: float = 10.0) -> CounterfactualScore:
    readings = {"light": kept, "length": kept}
    return CounterfactualScore(name, error, 1.0, 1.0, identity, readings, readings, dict.fromkeys(readings, 0.0))


def report(*, error: float = 1.05, kept: float = 0.01, read: float = 0.05, cut: float = 2.0) -> CausalReport:
    done = tuple(score(f"do({names})", error, kept) for names in ("light", "length", "light, length"))
    axioms = (AxiomScore("light", 0.1, 0.1, math.nan, math.nan), AxiomScore("length", 0.1, 0.1, 0.02, 0.01))
    readings = {"light": read, "length": read}
    composition = (CompositionScore(1, 0.01, 0.1), CompositionScore(10, 0.03, 0.2))
    return CausalReport(10, readings, {}, done, (score("cut light>length", cut, kept),), composition, axioms, None)


def run() -> Any:
    model = SimpleNamespace(concepts=GRAPH.concepts, deviation=torch.ones(2), graph=GRAPH)
    return SimpleNamespace(model=model, settings=SimpleNamespace(threshold=0.3))


def verdicts(found: CausalReport, *distances: int) -> dict[str, bool | None]:
    names = ("compressed", "discovered", "outside", "entangled", "partitioned")
    graphs = [LearnedGraph(seed, distance, 1.0, 0.5, 0.1) for seed, distance in enumerate(distances or (0, 0))]
    claims = pendulum_claims(run(), found, BLOCKS, graphs)
    assert [claim.slide for claim in claims] == ["3", "3", "3", "4", "17"]
    return dict(zip(names, (claim.holds for claim in claims), strict=True))


def test_a_good_model_bears_out_what_is_hoped_and_refutes_what_is_feared() -> None:
    assert verdicts(report()) == {
        "compressed": True,
        "discovered": True,
        "outside": True,
        "entangled": False,
        "partitioned": True,
    }


@pytest.mark.parametrize(
    ("found", "changed"),
    [
        (report(read=0.3), {"compressed": None}),
        (report(read=0.6), {"compressed": False}),
        (report(read=math.nan), {"compressed": False}),
        (report(cut=7.0), {"outside": None}),
        (report(cut=11.0), {"outside": False}),
        (replace(report(), edits=(score("cut", 2.0, 0.01, identity=1e-9),)), {"outside": None}),  # nothing changes
        (report(error=1.2), {"entangled": None, "partitioned": False}),
        (report(kept=0.7), {"entangled": True}),
        (report(kept=math.nan), {"entangled": True}),  # nothing can be read off what is drawn
        (replace(report(), edits=()), {"outside": None}),
    ],
)
def test_each_verdict_follows_from_its_own_numbers(found: CausalReport, changed: dict[str, bool | None]) -> None:
    assert verdicts(found) == verdicts(report()) | changed


def test_a_graph_is_learned_only_if_every_edge_is_with_every_seed() -> None:
    assert verdicts(report(), 0, 1)["discovered"] is None
    assert verdicts(report(), 1, 2)["discovered"] is False


def test_strengths_of_a_learned_graph_say_how_far_the_threshold_is() -> None:
    concepts = ("light", "angle", "shadow_length", "shadow_position")
    model = CausalModel(CausalArchitecture((3, 16, 16), concepts, width=2), GraphPrior.free(concepts))
    true, strengths = known_graph("pendulum", concepts), torch.full((4, 4), 0.1)
    assert true is not None
    strengths.fill_diagonal_(9.0)
    strengths[torch.as_tensor(true.matrix)] = torch.tensor([0.8, 0.7, -0.6, 0.9])
    strengths[3, 0] = 0.2
    model.mechanisms.edges.copy_(torch.as_tensor(true.cut("angle", "shadow_position").matrix))
    found = measure_graph(Learner(model, strengths), few_pendulums(), 3)
    assert (found.seed, found.distance, found.area) == (3, 1, 1)
    assert (found.weakest, found.strongest) == pytest.approx((0.6, 0.2))
    other = CausalModel(CausalArchitecture((3, 16, 16), ("age", "dose"), width=2), GraphPrior.free(("age", "dose")))
    with pytest.raises(AugalgebraError, match="the true graph of age, dose is not known"):
        measure_graph(Learner(other, torch.ones(2, 2)), few_pendulums(), 0)


def test_what_follows_from_two_others_is_told_from_what_does_not() -> None:
    first, second, noise = torch.rand(3, 2000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    left = left_unexplained({"first": first, "second": second, "sum": first + second, "noise": noise})
    determined = [left["sum", ("first", "second")], left["first", ("second", "sum")], left["second", ("first", "sum")]]
    assert max(determined) < 0.02
    assert left["noise", ("first", "second")] > 0.8
    assert left["first", ("second", "noise")] > 0.8
    assert len(left) == 12


@pytest.mark.parametrize(
    ("errors", "composition", "comparable", "verdict"),
    [
        ((0.1, 5.0), 2.5, True, True),
        ((0.1, 6.0), 2.5, True, None),
        ((0.2, 6.0), 3.0, True, False),
        ((0.1, 5.0), 2.5, False, None),  # of other digits than the published ones
    ],
)
def test_digits_stand_beside_the_published_row(
    errors: tuple[float, float], composition: float, comparable: bool, verdict: bool | None
) -> None:
    found = StrokesFindings(
        (composition, 9.0), dict(zip(("thickness", "intensity"), errors, strict=True)), 0.9, 0.9, 1.0, 0.0
    )
    assert digits_claim(found, comparable=comparable).holds is verdict
    assert "cannot be read off 25.0%" in digits_claim(replace(found, unread=0.25), comparable=comparable).measured
