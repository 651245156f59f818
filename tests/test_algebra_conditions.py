"""Conditions of pictures: what laws say they are for, and where reasoning may use such laws."""

import pytest

from augalgebra import AugalgebraError
from augalgebra.algebra.conditions import ALWAYS, PHRASES
from augalgebra.algebra.laws import parse_law


@pytest.mark.parametrize("conditions", [ALWAYS, *PHRASES])
@pytest.mark.parametrize("sign", ["=", "≈", "≠"])
def test_laws_with_conditions_are_read_and_printed(conditions, sign) -> None:
    suffix = f" for {PHRASES[conditions]}" if conditions else ""
    law = parse_law(f"a(x)^2 {sign} b{suffix}")
    assert law.conditions == conditions
    assert parse_law(str(law)) == law


@pytest.mark.parametrize(("text", "kept"), [("f(x) keeps a dark border", "dark border"), ("f keeps squares", "square")])
def test_what_is_kept_is_a_law_that_is_no_equation(text, kept) -> None:
    law = parse_law(text)
    assert (law.kind, law.conditions, law.is_equation, str(law)) == ("keeps", {kept}, False, text)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a = b for squares", "'for' is followed by 'square pictures'"),
        ("a = b for", "'for' is followed by"),
        ("a = b for square pictures only", "'for' is followed by"),
        ("f keeps", "'keeps' is followed by 'squares', 'a dark border'"),
        ("f keeps a bright border", "'keeps' is followed by"),
    ],
)
def test_pictures_that_no_law_is_for_are_refused(text, wanted) -> None:
    with pytest.raises(AugalgebraError, match=wanted):
        parse_law(text)
