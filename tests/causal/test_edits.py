"""Edits: what they make of a world, their words, and which are refused."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from augalgebra.causal import CausalGraph, Edit, Formula, GraphError, World
from augalgebra.errors import AugalgebraError, ParameterError, UnknownNameError
from augalgebra.storage.values import Fields

CONCEPTS = ("light", "angle", "length", "position")
TRUE = CausalGraph.parse("light>length, angle>length, light>position, angle>position", CONCEPTS)
WORLD = World.of(TRUE)

EDITS = [
    Edit("cut", "length", "light"),
    Edit("add", "angle", "light", 0.5),
    Edit("set", "length", formula=Formula.parse("4 + 0.25*angle - light")),
    Edit("freeze", "position"),
    Edit("do", "light", number=-20.5),
]


@pytest.mark.parametrize("edit", EDITS, ids=str)
def test_an_edit_comes_back_from_plain_data(edit: Edit) -> None:
    assert Edit.from_fields(Fields(edit.to_dict(), "edit")) == edit


def test_edits_are_told_in_words() -> None:
    assert [str(edit) for edit in EDITS] == [
        "cut light>length",
        "add light>angle with weight 0.5",
        "set length = 4 + 0.25*angle - 1*light",
        "freeze position",
        "do light = -20.5",
    ]


def test_edits_change_the_graph_as_they_say_and_nothing_else() -> None:
    cut, add, replace, freeze, do = EDITS
    assert WORLD.edit(cut).graph == TRUE.cut("light", "length")
    assert WORLD.edit(add).graph == TRUE.add("light", "angle")
    assert WORLD.edit(replace).graph == TRUE
    assert WORLD.edit(Edit("set", "length", formula=Formula(4.0))).graph == TRUE.without_causes_of(["length"])
    assert WORLD.edit(freeze).graph == TRUE.without_causes_of(["position"])
    assert WORLD.edit(do).graph == TRUE
    assert WORLD.edit(cut).edit(Edit("add", "length", "light", 2.0)).graph == TRUE


@given(st.floats(-5, 5), st.floats(-5, 5), st.sampled_from(CONCEPTS))
def test_of_two_interventions_on_a_concept_the_last_counts(first: float, second: float, concept: str) -> None:
    one, two = Edit("do", concept, number=first), Edit("do", concept, number=second)
    assert World.of(TRUE, [one, two]) == World.of(TRUE, [two])
    assert World.of(TRUE, [one, one]) == World.of(TRUE, [one])


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        ([Edit("cut", "angle", "light")], "no edge light>angle to cut"),
        ([Edit("add", "light", "length", 1.0)], "length -> light -> length|light -> length -> light"),
        ([Edit("add", "length", "light", 1.0)], "already"),
        ([Edit("set", "light", formula=Formula.parse("2*length"))], "is a cycle"),
        ([Edit("freeze", "length"), Edit("cut", "length", "light")], "length is frozen and has no trained mechanism"),
        ([Edit("do", "length"), Edit("cut", "length", "light")], "length is held at a value"),
        ([EDITS[2], Edit("cut", "length", "light")], "length is set to a formula"),
    ],
)
def test_what_cannot_be_edited_is_refused(edits: list[Edit], message: str) -> None:
    with pytest.raises(GraphError, match=message):
        World.of(TRUE, edits)


@pytest.mark.parametrize(
    "edits",
    [
        [Edit("set", "light", formula=Formula.parse("2*length")), Edit("set", "length", formula=Formula(4.0))],
        [Edit("set", "light", formula=Formula.parse("2*length")), Edit("cut", "length", "light")],
        [Edit("add", "light", "length", 1.0), Edit("freeze", "length")],
        [Edit("add", "light", "length", 1.0), Edit("do", "length", number=4.0)],
    ],
)
def test_edits_may_pass_through_a_cycle_if_they_leave_none(edits: list[Edit]) -> None:
    world = World.of(TRUE, edits)
    assert ("length", "light") in world.graph.edges
    assert ("light", "length") not in world.graph.edges
    with pytest.raises(GraphError, match="is a cycle"):
        World.of(TRUE, edits[:1])


def test_an_unknown_concept_is_refused_with_the_nearest() -> None:
    for edit in (
        Edit("freeze", "lenght"),
        Edit("cut", "length", "lihgt"),
        Edit("add", "length", "lihgt", 1.0),
        Edit("set", "length", formula=Formula.parse("2*lihgt")),
    ):
        with pytest.raises(UnknownNameError, match=r"did you mean (light|length)"):
            WORLD.edit(edit)


@pytest.mark.parametrize("number", [math.nan, math.inf])
def test_numbers_are_finite(number: float) -> None:
    for edit in (Edit("do", "light", number=number), Edit("add", "angle", "light", number)):
        with pytest.raises(ParameterError, match="finite"):
            WORLD.edit(edit)
    with pytest.raises(ParameterError, match="finite"):
        Formula(number)


NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


@given(NUMBERS, st.dictionaries(st.sampled_from(CONCEPTS), NUMBERS))
def test_a_formula_comes_back_from_its_text_to_the_last_digit(constant: float, weights: dict[str, float]) -> None:
    assert Formula.parse(str(Formula(constant, weights))) == Formula(constant, weights)


def test_numbers_are_told_in_as_few_digits_as_give_them_back() -> None:
    assert str(Formula.parse("4.12345678 + 0.123456789*angle - 5*light")) == (
        "4.12345678 + 0.123456789*angle - 5*light"
    )
    assert str(Edit("add", "light", "angle", 0.123456789)) == "add angle>light with weight 0.123456789"
    assert str(Edit("do", "light", number=-20.1234567)) == "do light = -20.1234567"


def test_a_number_may_be_written_as_python_writes_it() -> None:
    for text in (".5e1", "5", "5.", "5e0", "50E-1", "+.05e+2"):
        assert Formula.parse(text) == Formula(5.0)


@pytest.mark.parametrize("text", ["", "  ", "2 light", "2*", "light angle", "2**3", "__import__('os')", "nan*"])
def test_text_that_is_no_formula_is_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="a formula is a number or a sum"):
        Formula.parse(text)


def test_what_holds_a_tensor_is_not_written_to_a_file() -> None:
    with pytest.raises(AugalgebraError, match="cannot be written"):
        Edit("do", "light", number=torch.zeros(3)).to_dict()
