"""Words reduced in batches, against the reduction of each word."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augalgebra.algebra import CayleyAutomaton
from augalgebra.algebra.laws import parse_law
from augalgebra.algebra.parsing import parse_word
from augalgebra.algebra.presentation import Presentation
from augalgebra.algebra.rewriting.completion import complete
from augalgebra.algebra.words import Word, word_of
from augalgebra.errors import AugalgebraError, IncompleteError

CASES = {
    "a group": (["s^2 = id", "r^4 = id", "s * r * s = r^-1"], ["s", "r"]),
    "names defined by others": (["s^2 = id", "r^6 = id", "s * r * s = r^-1", "half = r^3"], ["s", "r", "half"]),
    "no group": (["p^2 = p", "s^2 = id", "p * s * p = p", "s * p * s * p = s * p"], ["p", "s"]),
    "powers that run into a circle": (["a^7 = a^3", "b^2 = id", "a * b = b * a"], ["a", "b"]),
    "members of a family": (
        ["s^2 = id", "t(a) * t(b) = t(a + b)", "t(0) = id", "t(a) = t(a + 360)", "s * t(a) * s = t(-a)"],
        ["s", "t(120)"],
    ),
}


def made(name):
    laws, letters = CASES[name]
    generators = [parse_word(letter) for letter in letters]
    system = complete(Presentation.around(generators, map(parse_law, laws)))
    return system, CayleyAutomaton.of(system, generators)


def words_in(automaton):
    powers = st.tuples(st.sampled_from([letter.symbol for letter in automaton.letters]), st.integers(-5, 40))
    able = {letter.symbol for letter in automaton.letters if letter.inverse}

    def word(pairs):
        whole = Word()
        for symbol, exponent in pairs:
            whole *= Word(((symbol, exponent if exponent > 0 or symbol in able else 1 - exponent),) if exponent else ())
        return whole

    return st.lists(st.lists(powers, max_size=6).map(word), max_size=12)


@pytest.mark.parametrize("name", CASES)
def test_a_batch_has_the_normal_forms_of_its_words(name):
    system, automaton = made(name)

    @settings(max_examples=40, deadline=None)
    @given(words_in(automaton))
    def check(words):
        assert automaton.reduce(words) == [system.normal_form(word) for word in words]

    check()


def test_a_wrong_step_shows():
    system, automaton = made("a group")
    wrong = automaton._steps.copy()
    wrong[1], wrong[2] = wrong[2], wrong[1]
    words = [parse_word("s * r"), parse_word("r * s")]
    assert replace(automaton, _steps=wrong).reduce(words) != [system.normal_form(word) for word in words]


def test_numbers_of_letters_of_any_whole_type_are_walked_through():
    system, automaton = made("a group")
    numbers = np.random.default_rng(0).integers(0, len(automaton.letters) + 1, (20_000, 9))
    reached = automaton.walk(numbers)
    assert reached.shape == (20_000,)
    np.testing.assert_array_equal(automaton.walk(numbers.astype(np.uint8)), reached)
    for row, element in zip(numbers[::1000], reached[::1000], strict=True):
        word = Word.from_letters(automaton.letters[number - 1] for number in row if number)
        assert automaton.forms[element] == system.normal_form(word)


def test_no_words_and_empty_words():
    _, automaton = made("a group")
    assert automaton.reduce([]) == []
    assert automaton.reduce([Word(), Word()]) == [Word(), Word()]
    assert automaton.walk(np.zeros((0, 3), dtype=np.int64)).shape == (0,)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        (np.zeros(3, dtype=np.int64), r"\[word, letter\]"),
        (np.zeros((1, 3)), "float64"),
        (np.array([[1, 99]]), "not 1 to 99"),
        (np.array([[-1, 0]]), "not -1 to 0"),
    ],
)
def test_numbers_of_no_letter_are_refused(numbers, message):
    with pytest.raises(AugalgebraError, match=message):
        made("a group")[1].walk(numbers)


def test_other_letters_and_endless_words_are_refused():
    _, automaton = made("no group")
    with pytest.raises(AugalgebraError, match="canny is none of the letters here"):
        automaton.reduce([word_of("canny")])
    with pytest.raises(AugalgebraError, match=r"p\^-1 is none of the letters here"):
        automaton.reduce([~word_of("p")])
    with pytest.raises(AugalgebraError, match="1000000 letters"):
        automaton.reduce([word_of("s") ** 1_000_000])


def test_what_has_no_finite_table_is_refused():
    system = complete(Presentation.of([parse_law("s^2 = id"), parse_law("r * r^-1 = id")]))
    with pytest.raises(IncompleteError, match="more than 50 elements"):
        CayleyAutomaton.of(system, [word_of("s"), word_of("r")], max_elements=50)
    with pytest.raises(AugalgebraError, match="no single letter"):
        CayleyAutomaton.of(system, [word_of("s") * word_of("r")])
    endless = complete(Presentation.of([parse_law("a * b * a = b * a * b")]), max_rules=3, max_steps=20)
    assert not endless.completed
    with pytest.raises(IncompleteError, match="reduce one by one"):
        CayleyAutomaton.of(endless, [word_of("a"), word_of("b")])
