"""Claims and what several seeds say of them."""

import json
import math

import numpy as np
import pytest
from augalg_slides.evidence.claims import Claim, over_seeds, pool
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

NUMBERS = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=8).filter(lambda values: np.std(values) > 1e-6)


@given(NUMBERS)
def test_mean_spread_and_interval_are_those_of_the_t_test(values):
    spread = over_seeds(values)

    assert spread.n == len(values)
    assert spread.mean == pytest.approx(np.mean(values), abs=1e-9)
    assert spread.deviation == pytest.approx(np.std(values, ddof=1))
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert spread.interval == pytest.approx(tuple(expected), rel=1e-6, abs=1e-6)


def test_one_seed_has_no_interval_and_none_no_mean():
    single = over_seeds([3.5])

    assert (str(single), single.deviation, single.interval) == ("3.5", 0.0, (-math.inf, math.inf))
    assert single.to_dict()["interval"] == [None, None]
    with pytest.raises(ValueError, match="nothing was measured"):
        over_seeds([])


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [([True, True], True), ([False, False], False), ([True, False], None), ([None, None], None), ([True, None], None)],
)
def test_a_claim_holds_if_it_does_with_every_seed(verdicts, expected):
    runs = [
        [Claim("8", "Stable.", f"{seed}", verdict, {"loss": float(seed)}), Claim("9", "Drifts.", "", True)]
        for seed, verdict in enumerate(verdicts)
    ]
    first, second = pool(runs)

    assert (first.holds, first.values["loss"], second.slide) == (expected, 0.5, "9")
    assert "2 seeds" in first.measured


def test_seeds_without_a_number_are_left_out_and_counted():
    seeds = [
        {"plain": 0.25, "told": math.nan},
        {"plain": math.nan, "told": math.nan},
        {"plain": 0.75, "told": math.inf},
    ]
    (claim,) = pool([[Claim("14", "Partitioned.", "", None, values)] for values in seeds])

    assert claim.values["plain"] == 0.5
    assert math.isnan(claim.values["told"])
    assert claim.measured == "plain: 0.5 ± 0.35 (with 2 of 3); told: no number (3 seeds)"


def test_what_is_not_a_number_is_null_in_json():
    claim = Claim("8", "Stable.", "", None, {"loss": math.nan, "gap": 1.5})

    assert json.loads(json.dumps(claim.to_dict(), allow_nan=False))["values"] == {"loss": None, "gap": 1.5}
    assert str(claim).startswith("Slide 8, undecided: Stable.")
