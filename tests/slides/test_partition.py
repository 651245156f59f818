"""What is claimed of named parts follows from what was measured, and labels pick the blocks that were planted."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from augalg_slides.measures.separation import Separation
from augalg_slides.pages.partition import (
    COMPONENTS,
    COORDINATES,
    LAWS,
    judge_parts,
    measure_parts,
    prior_claim,
    read_by_probe,
)

from augalgebra.consistency import Alignment
from augalgebra.errors import FitError
from augalgebra.runs import SwapReport, SwapScore


def told(changed: float, unchanged: float) -> dict[str, Separation]:
    return {
        "changed parts": Separation(0.3, changed, 0.0, 0.25),
        "unchanged": Separation(unchanged, 0.25, 0.0, 0.25),
    }


def swapped(
    moved: tuple[float | None, float],
    floor: tuple[float | None, float] = (0.9, 0.8),
    parts: tuple[float | None, float] = (0.5, 0.5),
) -> SwapReport:
    ceiling = SwapScore(None if floor[0] is None else 0.95, 0.9)
    scores = {
        "true pictures": ceiling,
        "encoded and decoded": SwapScore(*floor),
        "nothing done": SwapScore(floor[0], 0.3),
    }
    return SwapReport(
        100, ("id", "flip_lr"), scores | {"pose moved": SwapScore(*moved), "parts swapped": SwapScore(*parts)}
    )


@pytest.mark.parametrize(
    ("changed", "unchanged", "verdict"),
    [(0.95, 0.3, True), (0.95, 0.6, None), (0.8, 0.3, None), (0.5, 0.3, False)],
)
def test_regions_lie_in_the_changed_parts_alone(changed: float, unchanged: float, verdict: bool | None) -> None:
    regions, *_ = judge_parts(told(changed, unchanged), swapped((0.9, 0.8)))
    assert (regions.slide, regions.holds) == ("22", verdict)


def test_a_latent_space_without_a_changed_part_is_refused() -> None:
    still = SimpleNamespace(parts=(SimpleNamespace(name="unchanged"),))
    run: Any = SimpleNamespace(folder="runs/one", partition=lambda **_: still, space=SimpleNamespace(dim=1))
    data: Any = None
    with pytest.raises(FitError, match="runs/one has no part that its augmentations change"):
        measure_parts(run, data=data)


@pytest.mark.parametrize(
    ("moved", "floor", "verdict"),
    [
        ((0.88, 0.78), (0.9, 0.8), True),
        ((0.88, 0.65), (0.9, 0.8), None),
        ((0.4, 0.8), (0.9, 0.8), False),
        ((0.2, 0.3), (0.2, 0.3), None),  # nothing can be seen in what is drawn at all
        ((None, 0.78), (None, 0.8), True),
    ],
)
def test_a_swap_is_judged_by_what_encoding_alone_costs(
    moved: tuple[float | None, float], floor: tuple[float | None, float], verdict: bool | None
) -> None:
    _, moving, parting = judge_parts(told(0.95, 0.3), swapped(moved, floor, (floor[0], 0.0)))
    assert moving.holds is verdict
    assert parting.holds is (None if verdict is None and moved == floor else False)
    assert all(math.isfinite(value) for claim in (moving, parting) for value in claim.values.values())
    assert judge_parts(told(0.95, 0.3), swapped((floor[0], 0.0), floor, moved))[2].holds is verdict


@pytest.mark.parametrize(
    ("laws", "labels", "free", "verdict"), [(0.1, 0.6, 0.1, True), (0.1, 0.2, 0.1, None), (0.1, 0.1, 0.2, False)]
)
def test_priors_are_judged_beside_none(laws: float, labels: float, free: float, verdict: bool | None) -> None:
    gaps = {LAWS: laws, "labels of 1%": labels, COORDINATES: free, COMPONENTS: 0.0}
    priors = {name: Alignment(0, 0, 0, gap, 0, 0, {}) for name, gap in gaps.items()}
    assert prior_claim(priors).holds is verdict


def test_a_probe_finds_what_was_planted() -> None:
    generator = np.random.default_rng(0)
    known, codes = (generator.standard_normal((200, 5)) for _ in range(2))
    read = read_by_probe(known, known[:, 2] - known[:, 4], codes)
    assert read.shape == (200, 1)
    np.testing.assert_allclose(read[:, 0], codes[:, 2] - codes[:, 4], atol=0.05)
    shapes = np.digitize(known[:, 1], [-0.5, 0.5]).astype(float)
    scores = read_by_probe(known, shapes, codes)  # classes have no order, so that each has a score
    assert scores.shape == (200, 3)
    assert np.corrcoef(scores[:, 0], codes[:, 1])[0, 1] < -0.9
