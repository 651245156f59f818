"""Which pair to start from: features, ranks, and the check against a sweep."""

import itertools

import numpy as np
import pytest
from augalg_slides.sweeps.advice import (
    ADVICE,
    Advice,
    ShortRun,
    advise_from,
    advise_pairs,
    chance_level,
    check,
    observations,
    predict,
    scores,
)
from augalg_slides.sweeps.pairs import FLIPS, MINI_EDGE, ROLES, SHEAR_CANNY, TURN_FLIP, Pair
from augalg_slides.sweeps.predictors import Features, collisions, participation, relation_cost
from augalg_slides.sweeps.results import SweepResult
from augalg_slides.sweeps.settings import CellKey, SweepSettings
from augalg_slides.sweeps.store import Cell, Term
from scipy.stats import spearmanr

import augalgebra as aa
from augalgebra.data.loading import load_data
from augalgebra.errors import AugalgebraError
from augalgebra.operators import Operator
from augalgebra.operators.fits.affine import AffineMap

CATALOG = aa.load_catalog()
DATA = load_data().part(40)
TURNS: Pair = ("rotate_cw", "rotate_ccw")
SHORT = ShortRun(dim=4, epochs=1, images=40)


def costs(relations: float, readout: float, native: float) -> Features:
    return {
        "relations": relations,
        "collisions": 0.0,
        "spectrum": 1e-10 * native,  # rounding errors
        "readout": readout,
        "original": readout,
        "own native loss": native,
    }


def test_relations_are_compared_with_the_augmentations_renamed() -> None:
    assert relation_cost(FLIPS, FLIPS, CATALOG) == 0
    assert relation_cost(FLIPS, ("flip_ud", "flip_lr"), CATALOG) == 0
    assert relation_cost(MINI_EDGE, SHEAR_CANNY, CATALOG) == 0
    assert relation_cost(FLIPS, MINI_EDGE, CATALOG) == 1
    assert 0 < relation_cost(FLIPS, TURN_FLIP, CATALOG) < 1


def test_views_collide_where_the_trained_laws_say_more_than_the_new_ones() -> None:
    assert collisions(TURNS, SHEAR_CANNY, CATALOG) == 1
    assert collisions(TURNS, TURNS, CATALOG) == 0
    assert collisions(FLIPS, TURNS, CATALOG) == 0
    assert collisions(MINI_EDGE, FLIPS, CATALOG) == 0


def test_participation_counts_the_directions_that_are_kept() -> None:
    def of(*values: float) -> float:
        return participation(Operator.of(AffineMap.linear(np.diag(values)), label="L"))

    assert (of(1, 1, -1, 1), of(2, 0, 0, 0), of(1, 1, 0, 0), of(0, 0)) == pytest.approx((1, 0.25, 0.5, 0))


def test_a_score_is_the_mean_rank_and_rounding_errors_are_ties() -> None:
    features = {FLIPS: costs(0.0, 0.1, 900), MINI_EDGE: costs(0.5, 0.2, 100), TURN_FLIP: costs(1.0, 0.3, 500)}
    # of five features three rank 1, 2, 3 and two tie at 2
    assert scores(features) == pytest.approx({FLIPS: 7 / 5, MINI_EDGE: 2.0, TURN_FLIP: 13 / 5})


def test_a_planted_order_is_found_and_a_planted_contrary_one_as_well() -> None:
    features = {FLIPS: costs(0.0, 0.1, 900), MINI_EDGE: costs(0.5, 0.2, 500), TURN_FLIP: costs(1.0, 0.3, 100)}
    observed = {SHEAR_CANNY: {FLIPS: 300.0, MINI_EDGE: 310.0, TURN_FLIP: 400.0}}
    by_name = {item.name: item for item in check({SHEAR_CANNY: predict(SHEAR_CANNY, features)}, observed)}
    assert (by_name[ADVICE].spearman, by_name[ADVICE].kendall) == pytest.approx((1, 1))
    assert (by_name["own native loss"].spearman, by_name["own native loss"].kendall) == pytest.approx((-1, -1))
    assert by_name["always the flips"].spearman == pytest.approx(np.sqrt(3) / 2)
    # where nothing is ranked nothing is claimed
    assert (by_name["collisions"].spearman, by_name["the target itself"].targets) == (None, 0)

    contrary = {SHEAR_CANNY: {FLIPS: 400.0, MINI_EDGE: 310.0, TURN_FLIP: 300.0}}
    assert check({SHEAR_CANNY: predict(SHEAR_CANNY, features)}, contrary)[0].spearman == pytest.approx(-1)


def test_a_predictor_that_orders_one_target_of_four_knows_a_quarter_as_much() -> None:
    pairs = (FLIPS, MINI_EDGE, TURN_FLIP, TURNS)
    totals = dict(zip(pairs, (1.0, 2.0, 3.0, 4.0), strict=True))
    observed = dict.fromkeys(pairs, totals)
    predictions = {target: {"one": totals if target == FLIPS else dict.fromkeys(pairs, 0.0)} for target in pairs}
    (found,) = check(predictions, observed)
    assert (found.spearman, found.kendall, found.targets) == (0.25, 0.25, 4)
    # beside a bound over the same targets it is no more than chance
    assert chance_level(observed) == pytest.approx(0.8)


def test_chance_is_what_random_orders_reach_once_in_twenty_times() -> None:
    four = {SHEAR_CANNY: {FLIPS: 1.0, MINI_EDGE: 2.0, TURN_FLIP: 3.0, TURNS: 4.0}}
    assert chance_level(four) == pytest.approx(0.8)  # of 24 orders one has 1 and three have 0.8
    many = {pair: dict(four[SHEAR_CANNY]) for pair in (FLIPS, MINI_EDGE, TURN_FLIP, TURNS, SHEAR_CANNY)}
    assert chance_level(many) == pytest.approx(0.8)  # the same over again is no further evidence
    assert chance_level({SHEAR_CANNY: {FLIPS: 1.0}}) is None


@pytest.mark.parametrize("rows", [[[3, 1, 4, 2, 5], [2, 7, 1, 8, 3]], [[1, 2, 3, 5, 4], [1, 2, 4, 3, 5]]])
def test_chance_is_the_stricter_of_orders_for_each_target_and_for_all(rows: list[list[int]]) -> None:
    pairs = [FLIPS, MINI_EDGE, TURN_FLIP, TURNS, SHEAR_CANNY]
    orders = list(itertools.permutations(range(5)))
    first, second = (np.array([spearmanr(order, row).statistic for order in orders]) for row in rows)
    each = np.quantile(np.add.outer(first, second) / 2, 0.95)
    common = np.quantile((first + second) / 2, 0.95)

    level = chance_level({pairs[n]: dict(zip(pairs, map(float, row), strict=True)) for n, row in enumerate(rows)})

    assert abs(each - common) > 0.1
    assert level == pytest.approx(max(each, common), abs=0.06)


def test_the_verdict_says_whether_it_is_more_than_chance() -> None:
    features = {pair: costs(n / 4, n / 4, n) for n, pair in enumerate((FLIPS, MINI_EDGE, TURN_FLIP, TURNS))}
    targets = (SHEAR_CANNY, ("mini_image", "canny"))

    def verdict(totals: tuple[float, ...]) -> str:
        observed = {target: dict(zip(features, totals, strict=True)) for target in targets}
        predictions = {target: predict(target, features) for target in targets}
        return Advice(SHEAR_CANNY, "relabel", (), check(predictions, observed), chance_level(observed)).verdict

    assert "which is better than chance" in verdict((1.0, 2.0, 3.0, 4.0))
    assert "no better than chance" in verdict((2.0, 4.0, 1.0, 3.0))
    assert "too few" in Advice(SHEAR_CANNY, "relabel", ()).verdict


def synthetic(totals: dict[Pair, float]) -> SweepResult:
    found = tuple(
        Cell(CellKey(pair, SHEAR_CANNY, "relabel", 0, {}), dict.fromkeys(ROLES, Term(total / 4, 1, 1, 0.5)), 10, (1,))
        for pair, total in totals.items()
    )
    return SweepResult(SweepSettings(pairs=tuple(totals), targets=(SHEAR_CANNY,), modes=("relabel",)), found)


def test_advice_comes_from_short_runs_and_is_checked_against_a_sweep() -> None:
    sweep = synthetic({FLIPS: 300.0, TURNS: 500.0})
    told: list[int] = []
    advice = advise_from(
        sweep, SHEAR_CANNY, CATALOG, SHORT, data=DATA, progress=lambda standing: told.append(standing.done)
    )
    assert [0, 1, 2] == told
    assert {FLIPS: 300.0, TURNS: 500.0} == {item.pair: item.observed for item in advice.candidates}
    turns = next(item for item in advice.candidates if item.pair == TURNS)
    assert 1 == turns.features["collisions"]
    assert "1 pair of views falls together" in turns.reasons
    assert 0 <= turns.features["spectrum"] < 0.9
    assert [item.score for item in advice.candidates] == sorted(item.score for item in advice.candidates)
    assert {ADVICE, "collisions", "always the flips", "own native loss"} <= {item.name for item in advice.predictors}
    answer = advice.to_dict()
    assert answer["candidates"][0]["pair"] in ([*FLIPS], [*TURNS])
    assert {SHEAR_CANNY: {FLIPS: 300.0, TURNS: 500.0}} == observations(sweep, "relabel")

    # the numbers of the sweep do not enter the advice
    other = advise_from(synthetic({FLIPS: 500.0, TURNS: 300.0}), SHEAR_CANNY, CATALOG, SHORT, data=DATA)
    assert [(item.pair, item.score) for item in advice.candidates] == [
        (item.pair, item.score) for item in other.candidates
    ]
    flips = [
        next(item.spearman for item in found.predictors if item.name == "always the flips") for found in (advice, other)
    ]
    assert flips == pytest.approx([1, -1])


def test_extending_looks_at_operators_of_the_targets_own() -> None:
    advice = advise_pairs(SHEAR_CANNY, [TURNS], CATALOG, SHORT, data=DATA, mode="extend")
    (only,) = advice.candidates
    assert (0.0, 1.0) == (only.features["collisions"], only.score)
    assert only.features["spectrum"] > 1e-3  # canny loses most of the code
    assert () == advice.predictors


def test_advice_without_anything_to_advise_is_refused() -> None:
    with pytest.raises(AugalgebraError, match="at least one pair"):
        advise_pairs(SHEAR_CANNY, [], CATALOG, SHORT, data=DATA)
    with pytest.raises(AugalgebraError, match="no cell of mode extend"):
        advise_from(synthetic({FLIPS: 1.0}), SHEAR_CANNY, CATALOG, SHORT, data=DATA, mode="extend")
