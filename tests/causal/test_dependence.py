"""Information coefficients: 1 for any function, little for what is independent, less with more noise."""

import numpy as np
import pytest

from augalgebra.causal.dependence import information_coefficients
from augalgebra.errors import AugalgebraError

RANDOM = np.random.default_rng(0)
X = RANDOM.uniform(-1, 1, 500)


def test_a_function_is_told_whole() -> None:
    assert information_coefficients(X, X) == pytest.approx((1, 1), abs=0.05)
    assert information_coefficients(X, -np.exp(3 * X)) == pytest.approx((1, 1), abs=0.05)
    assert information_coefficients(X, X**2)[0] == pytest.approx(1, abs=0.05)


def test_what_is_independent_tells_little_and_noise_takes_away() -> None:
    noise = RANDOM.normal(size=500)
    found = [information_coefficients(X, X + scale * noise)[0] for scale in (0.0, 0.2, 0.6, 50.0)]
    assert found == sorted(found, reverse=True)
    assert found[-1] < 0.3
    assert information_coefficients(X, noise)[1] < 0.1


def test_neither_order_nor_units_matter() -> None:
    other = X + 0.3 * RANDOM.normal(size=500)
    found = information_coefficients(X, other)
    assert information_coefficients(other, X) == pytest.approx(found)
    assert information_coefficients(100 * X + 3, np.exp(other)) == pytest.approx(found)


def test_equal_values_are_not_told_apart() -> None:
    assert information_coefficients(np.zeros(50), np.arange(50.0)) == (0, 0)


@pytest.mark.parametrize(
    ("first", "second"), [(X[:5], X[:5]), (X, X[:-1]), (X, np.full(500, np.nan)), (X[:, None], X[:, None])]
)
def test_bad_numbers_are_refused(first: np.ndarray, second: np.ndarray) -> None:  # type: ignore[type-arg]
    with pytest.raises(AugalgebraError, match="information coefficients need"):
        information_coefficients(first, second)
