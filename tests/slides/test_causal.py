"""What the slides claim of causal models follows from what was measured."""

import math
from collections.abc import Mapping
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from augalg_slides.pages.causal import StrokesFindings, digits_claim, pendulum_claims

from augalgebra.causal import AxiomScore, CausalGraph, CausalReport, CompositionScore, CounterfactualScore
from augalgebra.runs import ConceptBlock, ConceptBlocks

GRAPH = CausalGraph.parse("light>length", ["light", "length"])
BLOCKS = ConceptBlocks("run", (ConceptBlock("light", 5, 0.5, ()), ConceptBlock("length", 5, 0.5, ("light",))), 10)


def score(name: str, error: float, kept: float) -> CounterfactualScore:
    readings = {"light": kept, "length": kept}
    return CounterfactualScore(name, error, 1.0, 1.0, 10.0, readings, readings, dict.fromkeys(readings, 0.0))


def report(*, error: float = 1.05, kept: float = 0.01, read: float = 0.05, cut: float = 2.0) -> CausalReport:
    done = tuple(score(f"do({names})", error, kept) for names in ("light", "length", "light, length"))
    axioms = (AxiomScore("light", 0.1, 0.1, math.nan, math.nan), AxiomScore("length", 0.1, 0.1, 0.02, 0.01))
    readings = {"light": read, "length": read}
    composition = (CompositionScore(1, 0.01, 0.1), CompositionScore(10, 0.03, 0.2))
    return CausalReport(10, readings, {}, done, (score("cut light>length", cut, kept),), composition, axioms, None)


def run(distance: int | None = 0) -> Any:
    model = SimpleNamespace(concepts=GRAPH.concepts, deviation=torch.ones(2), graph=GRAPH)
    return SimpleNamespace(model=model, hamming_distance=distance, area_under_curve=1.0)


def verdicts(found: CausalReport, distance: int | None = 0) -> Mapping[str, bool | None]:
    names = ("compressed", "discovered", "outside", "entangled", "partitioned")
    claims = pendulum_claims(run(distance), found, BLOCKS)
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
        (report(error=1.2), {"entangled": None, "partitioned": False}),
        (report(kept=0.7), {"entangled": True}),
        (report(kept=math.nan), {"entangled": True}),  # nothing can be read off what is drawn
        (replace(report(), edits=()), {"outside": None}),
    ],
)
def test_each_verdict_follows_from_its_own_numbers(found: CausalReport, changed: dict[str, bool | None]) -> None:
    assert verdicts(found) == verdicts(report()) | changed


def test_a_graph_is_learned_only_if_every_edge_is() -> None:
    assert verdicts(report(), 1)["discovered"] is False
    assert verdicts(report(), None)["discovered"] is None


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
        (composition, 9.0), dict(zip(("thickness", "intensity"), errors, strict=True)), 0.9, 0.9, 1.0
    )
    assert digits_claim(found, comparable=comparable).holds is verdict
