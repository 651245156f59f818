"""Matching and unifying parameters of schematic laws."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augalgebra.algebra.expressions import Number, Value, add, multiply, negate, substitute, value, variable
from augalgebra.algebra.parsing import parse_word
from augalgebra.algebra.unification import Undecided, agree, match, match_letters, reparametrise, unify

a, b, c, d = map(variable, "abcd")
numbers = st.fractions(min_value=-20, max_value=20, max_denominator=6)
affine = st.builds(
    lambda first, second, rest: add(add(multiply(first, a), multiply(second, b)), rest), numbers, numbers, numbers
)


def arguments(text: str) -> tuple[Value, ...]:
    (symbol,) = parse_word(f"f({text})", variables=True).symbols
    return symbol.args


@pytest.mark.parametrize(
    ("patterns", "subjects", "expected"),
    [
        ("a, b", "1, 2", {"a": 1, "b": 2}),
        ("a, a", "1, 1", {"a": 1}),
        ("a, a", "1, 2", None),
        ("a, -a", "3, -3", {"a": 3}),
        ("-a, a", "-3, 3", {"a": 3}),
        ("a + b, a", "5, 2", {"a": 2, "b": 3}),
        ("2 * a + 1", "4", {"a": Fraction(3, 2)}),
        ("1 / a", "4", {"a": Fraction(1, 4)}),
        ("1 / a", "0", None),
        ("a * b, a", "6, 3", {"a": 3, "b": 2}),
        ("a * b, a", "6, 0", None),
        ("a", "'text'", {"a": "text"}),
        ("a + 1", "'text'", None),
        ("a, 'x'", "1, 'y'", None),
        ("(a, 1), a", "(2, 1), 2", {"a": 2}),
        ("(a, 1)", "(2, 1, 3)", None),
        ("a + b", "3", None),
    ],
)
def test_matching_binds_the_variables_of_the_pattern(
    patterns: str, subjects: str, expected: dict[str, object] | None
) -> None:
    left, right = arguments(patterns), arguments(subjects)
    bound = None if expected is None else {name: value(item) for name, item in expected.items()}
    assert bound == match(left, right, [None] * len(left))


def test_the_variables_of_a_subject_are_never_bound_even_if_they_have_the_same_names() -> None:
    assert {"a": b, "b": a} == match([a, b], [b, a], [None, None])
    assert match([Fraction(1)], [a], [None]) is None
    assert {"a": add(negate(a), Fraction(1))} == match([add(Fraction(1), negate(a))], [a], [None])


def test_periods_let_arguments_agree_up_to_multiples() -> None:
    full = Fraction(360)
    assert agree(value(30), value(390), full)
    assert not agree(value(30), value(391), full)
    assert agree(add(a, Fraction(370)), add(a, Fraction(10)), full)
    assert {"a": value(180)} == match([a, negate(a)], [value(180), value(180)], [full, full])
    assert match([a, negate(a)], [value(180), value(180)], [None, None]) is None


@given(st.lists(affine, min_size=1, max_size=3), st.lists(affine, min_size=3, max_size=3))
def test_a_unifier_makes_both_sides_equal(left: list[Number], right: list[Number]) -> None:
    right = right[: len(left)]
    unifier = unify(left, right, [None] * len(left))
    if unifier is not None:
        for one, two in zip(left, right, strict=True):
            assert substitute(one, unifier.bindings) == substitute(two, unifier.bindings)


@given(st.lists(affine, min_size=1, max_size=2), st.lists(affine, min_size=2, max_size=2), numbers, numbers)
def test_no_common_instance_is_missed(left: list[Number], right: list[Number], x: Fraction, y: Fraction) -> None:
    # Move the right sides so that the values (x, y) are a common instance, which the unifier must then cover.
    point = {"a": x, "b": y}
    right = [add(two, add(_at(one, point), negate(_at(two, point)))) for one, two in zip(left, right, strict=False)]
    unifier = unify(left, right, [None] * len(left))
    assert unifier is not None
    for name, bound in unifier.bindings.items():
        assert point[name] == substitute(bound, point)


def _at(number: Number, point: dict[str, Fraction]) -> Fraction:
    result = substitute(number, point)
    assert isinstance(result, Fraction)
    return result


def test_products_are_solved_where_that_loses_nothing() -> None:
    unifier = unify([multiply(a, b)], [value(6)], [None])
    assert unifier is not None
    assert Fraction(6) == substitute(multiply(a, b), unifier.bindings)
    assert {"b"} == unifier.nonzero
    assert unify([variable("a") * value(0)], [value(1)], [None]) is None
    with pytest.raises(Undecided):  # a = 0 or b = 0
        unify([multiply(a, b)], [value(0)], [None])
    with pytest.raises(Undecided):  # two square roots
        unify([multiply(a, a)], [value(4)], [None])


def test_variables_stand_for_text_and_tuples_too() -> None:
    unifier = unify([a, (b, value(1))], ["x", (c, d)], [None, None])
    assert unifier is not None
    assert {"a": "x", "b": c, "d": value(1)} == unifier.bindings
    assert unify([(a, a)], [("x", "y")], [None]) is None
    assert unify([a], [(a, value(1))], [None]) is None
    assert unify([add(a, b)], ["x"], [None]) is None


def test_with_a_period_constants_unify_up_to_multiples_and_ambiguity_is_not_guessed() -> None:
    full = Fraction(360)
    assert unify([value(-180)], [value(180)], [full]) is not None
    assert unify([value(-180)], [value(180)], [None]) is None
    with pytest.raises(Undecided):  # 45 and 225
        unify([multiply(value(2), a)], [value(90)], [full])


def test_reparametrising_makes_arguments_plain_without_losing_values() -> None:
    assert {"a": add(a, Fraction(-90))} == reparametrise(arguments("a + 90"), frozenset())
    assert {"a": a} == reparametrise(arguments("a, -a"), frozenset())
    assert {"a": multiply(Fraction(1, 2), a)} == reparametrise(arguments("2 * a"), frozenset())
    # 1 / a is never zero, so replacing it by a would claim more; replacing a by 1 / a claims the same.
    change = reparametrise(arguments("1 / a"), frozenset("a"))
    assert a == substitute(arguments("1 / a")[0], change)
    assert {} == reparametrise(arguments("a + 1"), frozenset("a"))


def test_letters_match_by_name_shape_and_parameters() -> None:
    pattern = parse_word("f(a, fill=b) * g^-1", variables=True).letters
    assert {"a": value(1), "b": "x"} == match_letters(pattern, parse_word("f(1, fill='x') * g^-1").letters)
    assert match_letters(pattern, parse_word("f(1, fill='x') * g").letters) is None
    assert match_letters(pattern, parse_word("f(1) * g^-1").letters) is None
