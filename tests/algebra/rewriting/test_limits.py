"""Words, powers and presentations of any size: an answer or a refusal within seconds, and never anything else."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augalgebra import AugalgebraError, Catalog, load_catalog
from augalgebra.algebra.conditions import SQUARE
from augalgebra.algebra.laws import MAX_LAW, Law, parse_law
from augalgebra.algebra.parsing import parse_statement, parse_symbol, parse_word
from augalgebra.algebra.presentation import Presentation
from augalgebra.algebra.rewriting import queries
from augalgebra.algebra.rewriting.completion import complete
from augalgebra.algebra.rewriting.system import RewritingSystem
from augalgebra.algebra.words import Word, product, word_of
from augalgebra.catalog.declarations import as_laws
from augalgebra.errors import IncompleteError, PluginError

CORNERS = {  # where the corners of a square, numbered clockwise, go
    "flip_lr": (1, 0, 3, 2),
    "flip_ud": (3, 2, 1, 0),
    "rotate_cw": (1, 2, 3, 0),
    "rotate_180": (2, 3, 0, 1),
    "rotate_ccw": (3, 0, 1, 2),
    "transpose": (0, 3, 2, 1),
}
BRAID = ["a * b * a = b * a * b", "b * a * a * b = a^4"]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def system_of(*laws: str) -> RewritingSystem:
    return complete(Presentation.of([parse_law(law) for law in laws]))


def moved(word: Word) -> tuple[int, ...]:
    """The corners after a word, computed without any laws."""
    corners: tuple[int, ...] = (0, 1, 2, 3)
    for symbol, exponent in word.syllables:
        image = CORNERS[symbol.name.removeprefix("dihedral.")]
        for _ in range(exponent):
            corners = tuple(image[corner] for corner in corners)
    return corners


LONG = """
import json, random, time
from augalgebra import load_catalog
from augalgebra.algebra.rewriting import queries

catalog, answers = load_catalog(), []
turns = random.Random(0).choices({names!r}, k=100_000)
rotations = [f"rotate({{degrees}}.25)" for degrees in range(1000)]
for letters in (turns, rotations):
    seconds = []
    for count in (len(letters) // 4, len(letters)):
        word = catalog.word(" * ".join(letters[:count]))
        system = catalog.system(word)
        start = time.process_time()
        form, undone = system.normal_form(word), queries.inverse(system, word)
        equal = queries.equal(system, word, form).equal
        seconds.append(time.process_time() - start)
    forms = [catalog.display(form), catalog.display(undone.word)]
    answers.append([*forms, undone.kind, undone.scope, equal, seconds])
print(json.dumps(answers))
"""


def test_a_hundred_thousand_letters_and_a_thousand_rotations() -> None:
    names = sorted(CORNERS)
    done = subprocess.run([sys.executable, "-c", LONG.format(names=names)], capture_output=True, text=True, check=True)
    turns, rotations = json.loads(done.stdout)
    corners: tuple[int, ...] = (0, 1, 2, 3)
    for name in random.Random(0).choices(names, k=100_000):
        corners = tuple(CORNERS[name][corner] for corner in corners)
    assert moved(parse_word(turns[0])) == corners
    assert moved(parse_word(f"{turns[0]} * {turns[1]}")) == (0, 1, 2, 3)
    assert turns[2:5] == ["two-sided", "exact", True]
    total = sum(Fraction(degrees) + Fraction(1, 4) for degrees in range(1000))
    turned, back = (parse_symbol(text).args[0] for text in rotations[:2])
    assert (turned - total) % 360 == (back + total) % 360 == 0  # type: ignore[operator]  # both are numbers
    assert rotations[2:5] == ["two-sided", "approximate", True]
    for quarter, whole in (turns[5], rotations[5]):  # four times the letters: sixteen times the work if it were squared
        assert whole < 10 * quarter


def test_where_the_exact_laws_take_too_many_steps_others_answer(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Flips pass a rotation one by one until laws for square pictures make it a turn.
    word = catalog.word(" * ".join(["rotate(90)"] * 40 + ["flip_lr", "flip_ud", "flip_lr"] * 40))
    monkeypatch.setattr("augalgebra.algebra.rewriting.rule_set.MAX_STEPS", 1000)
    system = catalog.system(word)
    with pytest.raises(IncompleteError, match="gave up"):
        system.exact.normal_form(word)
    undone = queries.inverse(system, word)
    assert (undone.kind, undone.conditions) == ("two-sided", SQUARE)
    assert undone.word is not None
    assert not system.normal_form(product([word, undone.word]))
    assert queries.equal(system, word, system.normal_form(word)).conditions == SQUARE


def test_a_proof_that_is_too_long_names_its_laws(catalog: Catalog) -> None:
    word = catalog.word(" * ".join(["flip_lr", "rotate_cw"] * 1000))
    proof = catalog.system(word).derive(word)
    assert proof.steps == ()
    assert {law.lhs.symbols[0].name.split(".")[0] for law in proof.laws} == {"dihedral"}
    assert proof.scope == "exact"
    assert not proof.verify()
    assert proof.reversed().laws == proof.laws == proof.then(proof.reversed()).laws


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("rotate_cw^9223372036854775808", "id"),
        ("rotate_cw^9223372036854775807", "rotate_ccw"),
        ("rotate_cw^-18446744073709551617", "rotate_ccw"),
        ("flip_lr^(-340282366920938463463374607431768211455)", "flip_lr"),
        ("roll(1, 0)^99999999999999999999", "roll(99999999999999999999, 0)"),
        ("rotate_cw^9223372036854775808 * flip_lr", "flip_lr"),
    ],
)
def test_powers_beyond_64_bits(catalog: Catalog, text: str, form: str) -> None:
    word = catalog.word(text)
    system = catalog.system(word)
    assert catalog.display(system.normal_form(word)) == form
    assert system.derive(word).end == system.normal_form(word)
    undone = queries.inverse(system, word)
    assert undone.word is not None
    assert not system.normal_form(product([word, undone.word]))
    assert queries.equal(system, word, system.normal_form(word)).equal is True
    assert queries.is_involutory(system, word) is (queries.period(system, word) in (1, 2))


@pytest.mark.parametrize("text", ["gamma(2)^9223372036854775808", "scale(2)^1000000", "canny^9223372036854775808"])
def test_powers_that_do_not_end_are_refused(catalog: Catalog, text: str) -> None:
    word = catalog.word(text)
    with pytest.raises(IncompleteError, match="stays longer than"):
        catalog.system(word).normal_form(word)


def test_a_period_is_not_looked_for_without_end() -> None:
    system = system_of("c * c = id")
    assert queries.period(system, parse_word("a^5000 * b^5000")) is None


@pytest.mark.parametrize("laws", [BRAID, ["a^1000 = id", "b * b = id", "b * a * b = a^-1"]], ids=["braid", "long"])
def test_completion_keeps_to_its_bound_in_time_too(laws: list[str]) -> None:
    start = time.process_time()
    assert not system_of(*laws).completed
    assert time.process_time() - start < 20


def test_a_law_has_sides_of_bounded_length() -> None:
    with pytest.raises(AugalgebraError, match=r"a\^99999999999 = id: a side of a law has at most 1000 letters"):
        parse_law("a^99999999999 = id")
    with pytest.raises(PluginError, match="at most 1000 letters"):
        as_laws([Law(word_of("a") ** (MAX_LAW + 1), Word())], "cases")
    assert parse_law(f"a^{MAX_LAW} = id").lhs.length == MAX_LAW


@pytest.mark.parametrize("text", ["rotate('30')", "rotate('30')^-1", "rotate((1, 2))", "rotate(true)", "rotate(none)"])
def test_what_laws_calculate_with_is_a_number(catalog: Catalog, text: str) -> None:
    with pytest.raises(AugalgebraError, match="rotate: degrees must be a number"):
        catalog.word(text)


def test_an_inverse_that_makes_no_sense_at_a_value_is_unknown() -> None:
    system = system_of("f(a) * f(b) = f(a + b)", "f(0) = id")
    assert queries.inverse(system, parse_word("f('30')")).word != parse_word("f(-30)")
    assert queries.inverse(system, parse_word("f(30)")).word == parse_word("f(-30)")


numbers = st.one_of(
    st.integers(-(10**30), 10**30).map(str), st.floats(allow_nan=False).map(repr), st.sampled_from(["1/3", "(2 - 2)"])
)
values = st.one_of(numbers, st.text(max_size=4).map(repr), st.sampled_from(["true", "none", "(1, 2)", "degrees", "a"]))
names = st.sampled_from(
    [
        "flip_lr",
        "rotate_cw",
        "rotate",
        "shear_x",
        "gamma",
        "roll",
        "canny",
        "id",
        "affine.scale",
        "nothing",
        "posterize",
    ]
)
atoms = st.one_of(
    names, st.tuples(names, st.lists(values, max_size=3)).map(lambda part: f"{part[0]}({', '.join(part[1])})")
)


def extended(inner: "st.SearchStrategy[str]") -> "st.SearchStrategy[str]":
    powers = st.tuples(inner, st.integers(-(10**20), 10**20)).map(lambda part: f"({part[0]})^{part[1]}")
    return st.one_of(
        powers,
        st.lists(inner, min_size=1, max_size=4).map(" * ".join),
        inner.map(lambda text: f"~{text}"),
        inner.map(lambda text: f"({text})"),
        inner.map(lambda text: f"{text}^2"),
    )


words = st.recursive(atoms, extended, max_leaves=6)


def answers(question: Callable[..., Any], *arguments: object) -> None:
    """Ask; whatever is answered or refused on purpose is fine."""
    start = time.process_time()
    try:
        question(*arguments)
    except AugalgebraError as error:
        refusal = str(error)
    else:
        refusal = ""
    assert len(refusal.splitlines()) <= 3
    assert time.process_time() - start < 10


@given(words)
@settings(max_examples=30)
def test_any_word_is_answered_or_refused(text: str) -> None:
    known = load_catalog()
    for question in (parse_word, parse_symbol, known.normal_form, known.spelt_out):
        answers(question, text)


@given(st.lists(st.tuples(names, st.integers(-3, 3)), min_size=1, max_size=3))
@settings(max_examples=25)
def test_an_inverse_undoes_its_word_or_is_refused(catalog: Catalog, letters: list[tuple[str, int]]) -> None:
    word = " * ".join(f"{name}^{exponent}" for name, exponent in letters)

    def inverse() -> None:
        known = catalog.word(word)
        system = catalog.system(known)
        found = queries.inverse(system, known)
        if found.kind == "two-sided" and found.word is not None:
            for both in ([known, found.word], [found.word, known]):
                assert queries.equal(system, product(both), Word()).equal is True

    answers(inverse)


@given(st.one_of(st.text(max_size=60), st.text(alphabet="ab*^~()=≈≠,.'\"\\+-/ 0159eE²٣_\n\0id", max_size=60)))
def test_any_text_is_read_or_refused(text: str) -> None:
    for question in (parse_word, parse_statement, parse_law, parse_symbol):
        answers(question, text)


@pytest.mark.parametrize(
    "text",
    [
        "~" * 20_000 + "a",
        "(" * 20_000 + "a" + ")" * 20_000,
        "a" + "^2" * 20_000,
        "f(" + "-" * 20_000 + "1)",
        "f(" + "(" * 20_000,
        "f(" + "9" * 20_000 + ")",
        "f(" + " * ".join(["9e99"] * 5_000) + ")",
        "f(" + " * ".join(["(a + b + c + d + e + g + h + i)"] * 2_000) + ") = id",
        "f(" + " * ".join(f"a{number}" for number in range(5_000)) + ") = id",
        " * ".join(["((a * b)^50000)^0"] * 3_000),
        "(" * 99 + " * ".join(["a", "b"] * 5_000) + " * a)" * 99,
        "a * " * 60_000,
        " " * 100_000,
        "'" * 99_999,
        "a = " * 30_000,
    ],
    ids=lambda text: f"{text[:20]}...",
)
def test_monstrous_texts_are_refused_soon(text: str) -> None:
    for question in (parse_word, parse_law):
        answers(question, text)
