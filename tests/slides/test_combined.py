"""Conditions, operators and charts of classes in one model: how the claims are judged."""

import pytest
from augalg_slides.baselines.control import Control
from augalg_slides.baselines.scores import EQUIVARIANT
from augalg_slides.pages.combined import AFTERWARDS, ALL, CHARTS, TOGETHER, charts_claim, conditions_claim

from augalgebra.consistency import CompositionReport

PRODUCT = "flip_lr * flip_ud"


class Drawn:
    """A report, as far as the claims look at it."""

    def __init__(self, gap: float, still: float) -> None:
        self.worst_gap_ratio = gap
        self._score = type("Score", (), {"gap_ratio": gap, "identity_ratio": still})

    def get(self, word: str, view: str = "id") -> object:
        assert (word, view) == (PRODUCT, "id")
        return self._score


def reports(**gaps: tuple[float, float]) -> dict[str, CompositionReport]:
    """Good ones, but for what is said: gap, and what moving nothing costs."""
    names = {"together": TOGETHER, "charts": CHARTS, "all": ALL}
    good = dict.fromkeys((EQUIVARIANT, AFTERWARDS, *names.values()), (1.01, 13.0))
    return {name: Drawn(*item) for name, item in (good | {names[key]: gaps[key] for key in gaps}).items()}  # type: ignore[misc]


def controls(together: float, charts: float = 0.95, both: float = 0.97) -> list[Control]:
    asked = {EQUIVARIANT: 0.0, AFTERWARDS: 0.4, TOGETHER: together, CHARTS: charts, ALL: both}
    return [Control(model, "augmented", share, 0.0, 0.97, 0.7, 0.7, 0.98, 0.8) for model, share in asked.items()]


@pytest.mark.parametrize(
    ("gap", "still", "asked", "verdict"),
    [
        (1.01, 13.0, 0.6, True),
        (1.01, 13.0, 0.4, False),
        (1.3, 13.0, 0.6, False),
        (1.0, 1.0, 0.6, None),  # a model that draws one blur for all composes trivially
    ],
)
def test_conditions_are_judged_where_the_model_draws_anything(
    gap: float, still: float, asked: float, verdict: bool | None
) -> None:
    assert conditions_claim(PRODUCT, reports(together=(gap, still)), controls(asked)).holds is verdict


@pytest.mark.parametrize(
    ("charts", "both", "shown", "verdict", "judged"),
    [
        ((1.01, 13.0), (1.01, 13.0), (0.95, 0.97), True, ALL),
        ((1.01, 13.0), (1.2, 13.0), (0.95, 0.97), True, CHARTS),
        ((1.01, 13.0), (1.01, 13.0), (0.8, 0.7), False, CHARTS),
        ((1.01, 13.0), (1.0, 1.0), (0.85, 0.97), False, CHARTS),  # the blur is no model to choose
        ((1.0, 1.0), (1.0, 1.0), (0.95, 0.97), None, ALL),
    ],
)
def test_charts_are_judged_by_the_better_model_that_draws_anything(
    charts: tuple[float, float],
    both: tuple[float, float],
    shown: tuple[float, float],
    verdict: bool | None,
    judged: str,
) -> None:
    claim = charts_claim(PRODUCT, reports(charts=charts, all=both), controls(0.4, *shown))
    assert (claim.holds, claim.measured.startswith(judged)) == (verdict, True)
