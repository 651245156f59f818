"""Which generators and laws are in play for a question."""

from fractions import Fraction

import pytest

from augalgebra.algebra.expressions import variable
from augalgebra.algebra.laws import Kind, Law, parse_law
from augalgebra.algebra.parsing import parse_word
from augalgebra.algebra.presentation import Presentation
from augalgebra.algebra.rewriting.completion import complete
from augalgebra.algebra.rewriting.queries import equal
from augalgebra.algebra.specialisation import is_covered, passive_values, special_cases
from augalgebra.algebra.words import IDENTITY, word_of


def law(text: str, kind: Kind = "law") -> Law:
    parsed = parse_law(text)
    return Law(parsed.lhs, parsed.rhs, kind=kind)


LAWS = [
    law("flip_lr^2 = id", "involutory"),
    law("flip_ud^2 = id", "involutory"),
    law("flip_lr * flip_ud = flip_ud * flip_lr", "commutes"),
    law("half = flip_lr * flip_ud", "equals"),
    law("half = cw^2", "equals"),
    law("cw * ccw = id", "inverse"),
    law("ccw * cw = id", "inverse"),
    law("alias = flip_lr", "equals"),
    law("invert^2 = id", "involutory"),
    law("invert * flip_lr = flip_lr * invert", "commutes"),
    law("turn(a) * turn(b) = turn(a + b)"),
    law("turn(90) = cw"),
    law("eighth = turn(45)"),
    law("flip_lr * turn(a) * flip_lr = turn(-a)"),
    law("shear_x(a) * cw = cw * shear_y(-a)"),
    law("shear_y(a) * shear_y(-a) = id"),
    Law(word_of("canny"), IDENTITY, kind="singular"),
    law("canny^2 = canny", "idempotent"),
]


def in_play(*words: str) -> set[str]:
    presentation = Presentation.around(map(parse_word, words), LAWS)
    return {name.name for one in presentation.laws for name in one.symbols} | {
        symbol.name for symbol in presentation.generators
    }


NAMED = {"flip_lr", "flip_ud", "half", "cw", "ccw"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["flip_lr"], NAMED),
        (["half"], NAMED),
        (["ccw"], NAMED),
        (["alias"], NAMED | {"alias"}),
        (["invert"], {"invert"}),
        (["invert", "flip_lr"], NAMED | {"invert"}),
        (["canny"], {"canny"}),
        (["turn(30)"], NAMED | {"turn", "eighth"}),
        (["eighth"], NAMED | {"turn", "eighth"}),
        (["shear_x(10)"], {"shear_x"}),
        (["shear_x(10)", "cw"], NAMED | {"shear_x", "shear_y"}),
        (["unheard_of"], {"unheard_of"}),
        (["id"], set()),
    ],
)
def test_what_is_in_play_for_some_words(words: list[str], expected: set[str]) -> None:
    assert in_play(*words) == expected


def test_a_definition_through_a_family_is_used_where_it_is_the_only_one() -> None:
    system = complete(Presentation.around([parse_word("eighth")], LAWS))
    assert str(system.normal_form(parse_word("eighth^2"))) == "cw"


def test_names_asked_about_are_preferred_and_aliases_come_last() -> None:
    laws = [*map(parse_law, ("b * a = id", "a * b = id", "c * a = id", "a * c = id"))]
    assert str(complete(Presentation.around([parse_word("a")], laws)).normal_form(parse_word("a^-1"))) == "b"
    preferred = Presentation.around([parse_word("a * c")], laws)
    assert str(complete(preferred).normal_form(parse_word("a^-1"))) == "c"
    alias = complete(Presentation.around([parse_word("alias")], LAWS))
    assert str(alias.normal_form(parse_word("alias"))) == "flip_lr"


def test_violated_and_singular_laws_are_no_equations() -> None:
    violated = Law(parse_word("x * y"), IDENTITY, status="violated")
    singular = Law(word_of("x"), IDENTITY, kind="singular")
    presentation = Presentation.of([violated, singular])
    assert presentation.equations == ()
    assert presentation.singular == (singular,)
    assert Presentation.around([word_of("x")], [violated, singular]).laws == (singular,)


def test_obstacles_name_the_law() -> None:
    presentation = Presentation.of(LAWS)
    canny = word_of("canny").symbols[0]
    assert str(presentation.obstacle(canny)) == "canny has no inverse"
    idempotent = Presentation.of(one for one in LAWS if one.kind != "singular")
    assert str(idempotent.obstacle(canny)) == "canny^2 = canny"
    assert idempotent.obstacle(word_of("flip_lr").symbols[0]) is None


def test_exact_only_drops_approximate_laws() -> None:
    laws = [parse_law("a * a = id"), parse_law("b * b ≈ id")]
    assert Presentation.of(laws).exact_only().laws == (laws[0],)


FILLED = [
    parse_law("turn(a, 0) * turn(b, 0) = turn(a + b, 0)"),
    parse_law("turn(a, f) * flip = flip * turn(-a, f)"),
    parse_law("turn(0, f) = id"),
    parse_law("turn(90, f) = cw"),
    parse_law("flip^2 = id"),
    parse_law("cw^4 = id"),
]


def test_parameters_that_are_only_passed_on_are_found() -> None:
    asked = parse_word("turn(30, 0) * flip")
    assert passive_values([asked], FILLED) == {("turn", 1): (Fraction(0),)}
    other = passive_values([parse_word("turn(30, 1)")], FILLED)
    assert other == {("turn", 1): (Fraction(0), Fraction(1))}
    assert is_covered(asked, other)
    assert not is_covered(parse_word("turn(30, 2)"), other)
    unknown = word_of("turn", 30, variable("turn.fill"))
    assert passive_values([unknown], FILLED) == {}


def test_passive_parameters_are_shared_through_laws() -> None:
    laws = [parse_law("x(a, f) * cw = cw * y(-a, f)")]
    values = passive_values([parse_word("x(1, 'edge')")], laws)
    assert values == {("x", 1): ("edge",), ("y", 1): ("edge",)}
    assert list(special_cases(laws[0], values)) == [{"f": "edge"}]
    assert list(special_cases(laws[0], {})) == [{}]


def test_a_law_is_written_out_for_all_combinations() -> None:
    exchange = parse_law("keep(a) * keep(b) = keep(b) * keep(a)")
    values = passive_values([parse_word("keep(1) * keep(2)")], [exchange])
    assert len(list(special_cases(exchange, values))) == 4


def test_what_a_plain_family_decides_a_family_with_a_passed_on_parameter_decides_too() -> None:
    asked = parse_word("turn(30, 0) * flip * cw")
    system = complete(Presentation.around([asked], FILLED))
    assert system.completed, system.reason
    assert equal(system, parse_word("turn(30, 0) * cw"), parse_word("turn(120, 0)")).equal is True
    assert equal(system, parse_word("turn(400, 0)"), parse_word("turn(40, 0)")).equal is True
    answer = equal(system, parse_word("flip * turn(45, 0)^2 * flip"), parse_word("cw^-1"))
    assert answer.equal is True
    assert answer.proof is not None
    assert answer.proof.verify(FILLED)
    assert equal(system, parse_word("turn(30, 0)"), parse_word("turn(31, 0)")).equal is False


def test_negations_are_not_reasoned_with() -> None:
    laws = [parse_law("a * b ≠ b * a"), parse_law("a^2 = id")]
    presentation = Presentation.of(laws)
    assert (laws[1],) == presentation.equations
    around = Presentation.around([parse_word("a * b")], laws)
    assert "a * b" == str(complete(around).normal_form(parse_word("a * b * a * a")))
    assert "b * a" == str(complete(around).normal_form(parse_word("b * a")))
