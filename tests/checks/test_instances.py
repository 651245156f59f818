"""The parameter values that laws with variables are tried at."""

import types
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import augalgebra as aa
from augalgebra.algebra.laws import Law, parse_law
from augalgebra.algebra.parsing import parse_word
from augalgebra.checks.instances import instances, shown_bindings, without_boundary_inverses
from augalgebra.checks.laws import check_laws


def catalog_with(params: Sequence[aa.Param], function: Callable[..., Any], **keywords: Any) -> aa.Catalog:
    module = types.ModuleType("planted")

    @aa.hookimpl
    def augalg_register(register: Any) -> None:
        register("f", params=params, **keywords)(function)

    module.augalg_register = augalg_register  # type: ignore[attr-defined]
    catalog = aa.load_catalog(aa.Settings(), modules=[module], installed=False)
    assert catalog.plugins[0].reason == ""
    return catalog


def one(x: Any, a: Any) -> Any:
    return x


def values(catalog: aa.Catalog, text: str, draws: int = 4, seed: int = 0) -> list[dict[str, str]]:
    law = catalog.law(parse_law(text))
    return [shown_bindings(instance) for instance in instances(catalog, law, draws=draws, seed=seed)]


@given(
    st.integers(-20, 20),
    st.integers(1, 30),
    st.booleans(),
    st.sampled_from(["f(a) * f(b) = f(a + b)", "f(a) * f(b) = f(a * b)", "f(a) = f(-a)", "f(2 * a) = f(a)"]),
    st.integers(0, 3),
)
def test_every_parameter_lies_in_its_range(low: int, width: int, whole: bool, text: str, seed: int) -> None:
    catalog = catalog_with([aa.Param("a", low=low, high=low + width, whole=whole)], one)
    found = list(instances(catalog, catalog.law(parse_law(text)), seed=seed))
    for instance in found:
        for symbol in (*instance.lhs.symbols, *instance.rhs.symbols):
            (argument,) = symbol.args
            assert isinstance(argument, Fraction)
            assert low <= argument <= low + width
            assert not whole or argument.denominator == 1
    assert len({tuple(instance.bindings.items()) for instance in found}) == len(found) <= 4
    if low <= 0 <= low + width and "a + b" in text:
        assert found


def test_values_come_from_the_declared_distribution() -> None:
    catalog = catalog_with([aa.Param("a", draw=aa.uniform(-50, -45))], one)
    found = [float(Fraction(item["a"])) for item in values(catalog, "f = id", draws=20)]
    assert len(found) == 20
    assert all(-50 <= number <= -45 for number in found)
    assert len({item["a"] for item in values(catalog, "f = id", draws=20)}) == 20
    chosen = catalog_with([aa.Param("a", draw=aa.choice(1, 3, 7))], one)
    assert {item["a"] for item in values(chosen, "f = id", draws=9)} == {"1", "3", "7"}
    whole = catalog_with([aa.Param("a", draw=aa.integers(3, 6))], one)
    assert {item["a"] for item in values(whole, "f = id", draws=9)} == {"3", "4", "5"}


def test_the_ends_of_a_range_are_tried() -> None:
    catalog = catalog_with([aa.Param("a", low=0.5, high=4)], one)
    assert {"0.5", "4"} <= {item["a"] for item in values(catalog, "f(a) = id")}


def test_a_range_that_no_values_satisfy_is_not_checked() -> None:
    catalog = catalog_with([aa.Param("a", low=2, high=3)], one, laws=["f(a) * f(b) = f(a + b)"])
    (result,) = check_laws(catalog).results
    assert (
        result.verdict,
        result.reason,
    ) == ("not checked", "found no parameter values at which every parameter lies in its range")


def test_division_by_zero_is_drawn_again() -> None:
    catalog = catalog_with([aa.Param("a", low=0, high=4)], one)
    found = values(catalog, "f(a) * f(1 / a) = id", draws=6)
    assert len(found) == 6
    assert "0" not in {item["a"] for item in found}


def test_unbounded_parameters_are_tried_at_several_scales() -> None:
    catalog = catalog_with([], one)
    found = [abs(float(Fraction(item["a"]))) for item in values(catalog, "f(a) = id")]
    assert min(found) < 1 < 10 < max(found)


def test_parameters_that_are_no_numbers_keep_their_default() -> None:
    def several(x: Any, mode: str = "soft", flag: bool = False, to: Any = None) -> Any:
        return x

    catalog = catalog_with([], several)
    found = values(catalog, "f(m, b, t) = id")
    assert {item["m"] for item in found} == {"'soft'"}
    assert {item["b"] for item in found} == {"true", "false"}
    assert {item["t"] for item in found} == {"none"}


def test_seeds_give_other_random_values_and_the_same_simple_ones() -> None:
    catalog = catalog_with([aa.Param("a", low=0, high=1)], one)
    first, again, other = (values(catalog, "f(a) = id", draws=8, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert first[:4] == other[:4]
    assert first[4:] != other[4:]


def test_a_law_without_variables_is_one_instance() -> None:
    catalog = catalog_with([], one)
    assert values(catalog, "f(1) = id", draws=9) == [{}]


@pytest.mark.parametrize(
    ("law", "forms"),
    [
        ("a * b = c", ["a * b = c"]),
        ("a^-1 = b", ["id = a * b", "id = b * a"]),
        ("a^-2 = b", ["id = a^2 * b", "id = b * a^2"]),
        ("a^-1 * b = c^-1", ["c * a^-1 * b = id", "a^-1 * b * c = id"]),
        ("a * b^-1 * c = a", ["a * b^-1 * c = a"]),
        ("b * a^-1 = a", ["b * a^-1 = a", "b = a^2"]),
    ],
)
def test_inverses_at_the_ends_go_to_the_other_side(law: str, forms: list[str]) -> None:
    parsed = parse_law(law)
    found = [str(Law(lhs, rhs)) for lhs, rhs in without_boundary_inverses(parsed.lhs, parsed.rhs)]
    group_equal(law, found)
    assert all(
        not (lhs and lhs.letters[0].inverse) or not (lhs and lhs.letters[-1].inverse)
        for lhs in (side for form in found for side in (parse_law(form).lhs, parse_law(form).rhs))
    )
    if "c^-1" not in law:
        assert forms == found


def group_equal(law: str, forms: list[str]) -> None:
    """In a free group the forms say the same as the law: lhs⁻¹ rhs is a conjugate or the same up to moving ends."""
    parsed = parse_law(law)
    wanted = reduced_cycle(~parsed.lhs * parsed.rhs)
    for form in forms:
        other = parse_law(form)
        assert wanted in (reduced_cycle(~other.lhs * other.rhs), reduced_cycle(~(~other.lhs * other.rhs)))


def reduced_cycle(word: aa.Word) -> frozenset[tuple[str, ...]]:
    """The cyclic rotations of a freely and cyclically reduced word."""
    letters: list[tuple[str, bool]] = []
    for letter in word.letters:
        item = (str(letter.symbol), letter.inverse)
        if letters and letters[-1] == (item[0], not item[1]):
            letters.pop()
        else:
            letters.append(item)
    while len(letters) > 1 and letters[0] == (letters[-1][0], not letters[-1][1]):
        letters = letters[1:-1]
    texts = [name + ("'" if inverse else "") for name, inverse in letters]
    return frozenset(tuple(texts[i:] + texts[:i]) for i in range(max(len(texts), 1)))


def test_the_empty_word_is_fine() -> None:
    assert ((parse_word("id"), parse_word("a")),) == without_boundary_inverses(parse_word("id"), parse_word("a"))
