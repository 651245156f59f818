"""Measures of alignment on codes where the answer is planted, and mutual information beside that of scikit-learn."""

import numpy as np
import pytest
from scipy.linalg import hadamard
from scipy.stats import special_ortho_group

from augalgebra.consistency.alignment import Alignment, classes_of, measure_alignment, mutual_information
from augalgebra.errors import AugalgebraError

NAMES = ("disentanglement", "completeness", "mig", "sap", "irs")
COUNT, DIM = 600, 4


def make_factors(seed: int = 0) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    return {
        "x": generator.uniform(-1, 1, COUNT),
        "y": generator.uniform(-1, 1, COUNT),
        "flip": generator.integers(0, 2, COUNT).astype(float),
        "shape": generator.integers(0, 4, COUNT).astype(float),
        "constant": np.ones(COUNT),
    }


def codes_of(factors: dict[str, np.ndarray]) -> np.ndarray:
    columns = np.stack([values for name, values in factors.items() if name != "constant"], axis=1)
    noise = 0.01 * np.random.default_rng(1).standard_normal(columns.shape)
    return (columns - columns.mean(axis=0)) / columns.std(axis=0) + noise


def measure(codes: np.ndarray) -> Alignment:
    return measure_alignment({str(number): codes[:, [number]] for number in range(DIM)}, make_factors())


def test_codes_that_are_the_factors_are_aligned() -> None:
    found = measure(codes_of(make_factors()))
    assert all(getattr(found, name) > 0.85 for name in NAMES), found
    assert found.informativeness > 0.95
    assert set(found.information) == {"x", "y", "flip", "shape"}
    assert max(found.information["x"], key=lambda name: found.information["x"][name]) == "0"


def test_rotated_codes_know_as_much_and_are_not_aligned() -> None:
    rotation = hadamard(DIM) / 2  # each coordinate is made of all factors, in equal shares
    straight, rotated = measure(codes_of(make_factors())), measure(codes_of(make_factors()) @ rotation)
    for name in NAMES:
        assert getattr(rotated, name) < getattr(straight, name) - 0.3, name
    assert rotated.informativeness > 0.6


def test_codes_of_nothing_are_about_zero() -> None:
    found = measure(np.random.default_rng(5).standard_normal((COUNT, DIM)))
    assert all(getattr(found, name) < 0.15 for name in (*NAMES, "informativeness")), found


@pytest.mark.parametrize("sizes", [(14, 1), (10, 4, 2), (3, 1, 1, 1)])
def test_large_blocks_of_nothing_are_about_zero(sizes: tuple[int, ...]) -> None:
    generator = np.random.default_rng(2)
    blocks = {str(number): generator.standard_normal((COUNT, size)) for number, size in enumerate(sizes)}
    found = measure_alignment(blocks, make_factors())
    assert all(getattr(found, name) < 0.15 for name in (*NAMES, "informativeness")), found


def test_a_factor_that_is_read_counts_for_itself_alone() -> None:
    generator, factors = np.random.default_rng(3), make_factors()
    blocks = {"reads": factors["x"][:, None], "noise": generator.standard_normal((COUNT, 14))}
    found = measure_alignment(blocks, {name: factors[name] for name in ("x", "y", "flip", "shape")})
    for name in ("disentanglement", "completeness", "mig", "sap", "informativeness"):
        assert 0.2 < getattr(found, name) < 0.35, name


def test_dead_coordinates_do_not_count_in_robustness() -> None:
    generator = np.random.default_rng(0)
    factors = {name: generator.integers(0, 4, COUNT).astype(float) for name in ("first", "second")}
    alive = {name: (values + 0.01 * generator.standard_normal(COUNT))[:, None] for name, values in factors.items()}
    dead = {f"dead {number}": 5 + 1e-6 * generator.standard_normal((COUNT, 1)) for number in range(6)}
    without, beside = measure_alignment(alive, factors).irs, measure_alignment(alive | dead, factors).irs
    assert without > 0.97
    assert beside == pytest.approx(without, abs=1e-4)  # they move a millionth as far


def test_codes_that_are_all_the_same_know_nothing() -> None:
    found = measure_alignment({name: np.full((COUNT, 2), 3.0) for name in ("a", "b")}, make_factors())
    assert all(getattr(found, name) == 0 for name in (*NAMES, "informativeness")), found


def test_a_block_of_several_coordinates_is_measured_as_a_whole() -> None:
    factors = make_factors()
    generator = np.random.default_rng(7)
    first, second = (codes_of(factors)[:, [number]] for number in (0, 2))
    spread = {
        "x": first @ special_ortho_group(3, seed=1).rvs()[:1] + 0.01 * generator.standard_normal((COUNT, 3)),
        "flip": second @ special_ortho_group(3, seed=2).rvs()[:1] + 0.01 * generator.standard_normal((COUNT, 3)),
    }
    found = measure_alignment(spread, {name: factors[name] for name in spread})
    assert min(found.disentanglement, found.completeness, found.mig, found.sap) > 0.8, found


def test_names_of_many_values_are_classes_however_they_are_numbered() -> None:
    generator = np.random.default_rng(3)
    view, other = generator.integers(0, 16, COUNT), generator.uniform(-1, 1, COUNT)
    turn = 2 * np.pi * view / 16
    code = np.stack([np.cos(turn), np.sin(turn)], axis=1) + 0.01 * generator.standard_normal((COUNT, 2))
    blocks = {"turn": code, "other": other[:, None]}
    numbered = [view, generator.permutation(16)[view]]
    found = [measure_alignment(blocks, {"view": names, "other": other}, nominal={"view"}) for names in numbered]
    for each in found:
        assert min(each.sap, each.informativeness, each.information["view"]["turn"]) > 0.9, each
    for name in (*NAMES, "informativeness"):
        assert getattr(found[0], name) == pytest.approx(getattr(found[1], name), abs=0.01), name
    with pytest.raises(AugalgebraError, match=f"view has {COUNT} classes among {COUNT} images; give at least"):
        measure_alignment(blocks, {"view": np.arange(COUNT), "other": other}, nominal={"view"})


@pytest.mark.parametrize("noise", [0.02, 0.5, 10.0])
def test_mutual_information_is_that_of_scikit_learn(noise: float) -> None:
    from sklearn.feature_selection import mutual_info_classif

    factors = make_factors()
    codes = factors["x"][:, None] + noise * np.random.default_rng(2).standard_normal((COUNT, 1))
    classes = classes_of(factors["x"])
    assert np.bincount(classes).tolist() == [COUNT // 10] * 10
    expected = float(mutual_info_classif(codes, classes, n_neighbors=3, random_state=0)[0])
    assert mutual_information(codes, classes) == pytest.approx(expected, abs=0.02)


def test_a_value_that_nearly_all_images_share_is_one_class() -> None:
    factors, codes = make_factors(), codes_of(make_factors())
    rare = np.where(np.arange(COUNT) % 12 == 0, 1 + factors["x"] ** 2, 0.0)
    assert set(classes_of(rare)) == {0, 1}
    assert ((classes_of(rare) == 1) == (rare > 0)).all()
    blocks = {"a": np.column_stack([rare, codes[:, 0]]), "b": codes[:, 1:]}
    found = measure_alignment(blocks, {"rare": rare, "flip": factors["flip"]})
    assert found.information["rare"]["a"] > found.information["rare"]["b"] + 0.3


def test_what_says_nothing_is_refused() -> None:
    factors, codes = make_factors(), codes_of(make_factors())
    blocks = {"a": codes[:, :2], "b": codes[:, 2:]}
    with pytest.raises(AugalgebraError, match="2 blocks and 1 factors that vary say nothing"):
        measure_alignment(blocks, {"x": factors["x"], "constant": factors["constant"]})
    with pytest.raises(AugalgebraError, match="needs at least 100 images"):
        measure_alignment({name: block[:50] for name, block in blocks.items()}, factors)
    blocks["a"][0, 0] = np.nan
    with pytest.raises(AugalgebraError, match="a has values that are NaN or infinite"):
        measure_alignment(blocks, factors)
