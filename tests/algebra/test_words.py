"""Words, parameter expressions and laws: printing, reading and their own algebra."""

import re
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augalgebra.algebra import expressions
from augalgebra.algebra.expressions import Expression, Truth, value_text, variable
from augalgebra.algebra.laws import Law, parse_law
from augalgebra.algebra.parsing import parse_statement, parse_symbol, parse_word
from augalgebra.algebra.words import IDENTITY, Letter, Symbol, Word, word_of
from augalgebra.errors import AugalgebraError, WordSyntaxError

RESERVED = {"id", "true", "false", "none"}
parts = st.from_regex(r"[a-z_][a-z0-9_]{0,5}", fullmatch=True).filter(lambda part: part not in RESERVED)
names = st.lists(parts, min_size=1, max_size=2).map(".".join)
numbers = st.fractions(min_value=-1000, max_value=1000, max_denominator=60)
scalars = st.one_of(numbers, st.text(max_size=6), st.sampled_from(Truth), st.none())
arguments = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3).map(tuple), max_leaves=5)
symbols = st.builds(
    lambda name, args, kwargs: Symbol(name, tuple(args), tuple(sorted(kwargs.items()))),
    names,
    st.lists(arguments, max_size=3),
    st.dictionaries(parts, arguments, max_size=2),
)
letters = st.builds(Letter, symbols, st.booleans())
words = st.lists(letters, max_size=6).map(Word.from_letters)
variables = st.sampled_from("abcd").map(variable)
sums = st.recursive(
    st.one_of(numbers, variables),
    lambda inner: st.one_of(
        st.builds(expressions.add, inner, inner),
        st.builds(expressions.multiply, inner, inner),
        inner.map(expressions.negate),
        st.builds(expressions.divide, inner, variables),
    ),
    max_leaves=6,
)


@given(words)
def test_what_is_printed_is_read_as_the_same_word(word: Word) -> None:
    assert word == parse_word(str(word))
    assert str(word) == str(parse_word(str(word)))


@given(sums, sums)
def test_the_parameters_of_a_law_are_read_as_printed(left: expressions.Number, right: expressions.Number) -> None:
    word = word_of("rotate", left) * word_of("shear", right, mode=left)
    assert word == parse_word(str(word), variables=True)


@given(words, words, st.integers(min_value=-3, max_value=3))
def test_brackets_and_powers_are_read_as_products_and_powers(first: Word, second: Word, exponent: int) -> None:
    text = f"(({first}) * ({second}))^{exponent} * ~({first})"
    assert (first * second) ** exponent * ~first == parse_word(text)


@given(words, words, words)
def test_words_form_a_monoid_with_an_involution(first: Word, second: Word, third: Word) -> None:
    assert (first * second) * third == first * (second * third)
    assert first * IDENTITY == first == IDENTITY * first
    assert ~(first * second) == ~second * ~first
    assert ~~first == first


@given(words, st.integers(min_value=0, max_value=4), st.integers(min_value=0, max_value=4))
def test_powers_add_up_and_multiply(word: Word, first: int, second: int) -> None:
    assert word**first * word**second == word ** (first + second)
    assert (word**first) ** second == word ** (first * second)
    assert (~word) ** first == word**-first


@given(words)
def test_spelling_out_and_gathering_are_inverse(word: Word) -> None:
    assert word == Word.from_letters(word.letters)
    assert len(word) == len(word.letters)
    assert word == Word.from_letters(iter(word))


def test_a_letter_and_its_inverse_are_not_cancelled_before_a_law_says_so() -> None:
    canny = word_of("canny")
    assert canny * ~canny != IDENTITY
    assert str(canny * ~canny) == "canny * canny^-1"


@given(sums, sums, sums)
def test_expressions_obey_the_laws_of_a_commutative_ring(
    a: expressions.Number, b: expressions.Number, c: expressions.Number
) -> None:
    add, multiply, negate = expressions.add, expressions.multiply, expressions.negate
    assert add(a, b) == add(b, a)
    assert multiply(a, b) == multiply(b, a)
    assert add(add(a, b), c) == add(a, add(b, c))
    assert multiply(a, add(b, c)) == add(multiply(a, b), multiply(a, c))
    assert add(a, negate(a)) == Fraction(0)


@given(sums, st.dictionaries(st.sampled_from("abcd"), numbers.filter(bool), min_size=4, max_size=4))
def test_substituting_into_an_expression_is_evaluating_its_text(
    expression: expressions.Number, values: dict[str, Fraction]
) -> None:
    # Python's own arithmetic on fractions is the oracle.
    text = re.sub(r"\d+(\.\d+)?", r"Fraction('\g<0>')", value_text(expression))
    assert eval(text, {"Fraction": Fraction, **values}) == expressions.substitute(expression, values)


def test_floats_are_read_as_the_decimals_they_print_as() -> None:
    assert word_of("gamma", 0.1).symbols[0].args == (Fraction(1, 10),)
    assert str(word_of("gamma", 0.1)) == "gamma(0.1)"
    assert str(word_of("rotate", -12.5)) == "rotate(-12.5)"
    assert str(word_of("rotate", Fraction(1, 3))) == "rotate(1/3)"


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), object(), {1: 2}])
def test_what_no_parameter_can_be_is_refused(wrong: object) -> None:
    with pytest.raises(TypeError):
        word_of("rotate", wrong)


@pytest.mark.parametrize(
    ("text", "position", "problem"),
    [
        ("flip_lr *", 9, "expected an augmentation's name"),
        ("flip_lr flip_ud", 8, "expected '*'"),
        ("flip_lr * )", 10, "expected an augmentation's name"),
        ("(flip_lr", 8, "expected ')'"),
        ("flip_lr)", 7, "this ')' closes nothing"),
        ("flip_lr = id", 8, "an equation cannot stand here"),
        ("flip_lr^x", 8, "an exponent is a whole number"),
        ("flip_lr^1.5", 8, "an exponent is a whole number"),
        ("flip_lr^2^3", 9, "two exponents in a row"),
        ("flip_lr**2**3 * flip_ud", 10, "two exponents in a row"),
        ("(flip_lr)^-1^-1", 12, "two exponents in a row"),
        ("flip_lr" + "^2" * 50, 9, "two exponents in a row"),
        ("rotate(" + "9e99 * " * 9 + "1)", 26, "more than 300 digits"),
        ("(a * b)^50000 * " * 11 + "a", 144, "more than 1000000 letters"),
        ("rotate(a)", 7, "a parameter must be a number"),
        ("rotate(1 / 0)", 9, "division by zero"),
        ("rotate((1, 2) + 1)", 14, "'+' works on numbers only"),
        ("rotate(1, a=2, a=3)", 15, "a is given twice"),
        ("rotate(a=1, 2)", 12, "a parameter without a name"),
        ("id(3)", 2, "id takes no parameters"),
        ("flip_lr ? flip_ud", 8, "unexpected character"),
        ("rotate(1e999999999)", 7, "more than 100 digits"),
        ("rotate(" + "9" * 5000 + ")", 7, "more than 100 digits"),
        ("flip_lr^" + "9" * 5000, 8, "too large"),
        ("(" * 1000 + "flip_lr", 100, "levels of nesting"),
        ("~" * 1000 + "flip_lr", 100, "levels of nesting"),
        ("(flip_lr * flip_ud)^99999999", 0, "can be spelt out"),
        ("", 0, "expected an augmentation's name"),
    ],
)
def test_a_slip_is_pointed_at(text: str, position: int, problem: str) -> None:
    with pytest.raises(WordSyntaxError) as caught:
        parse_word(text)
    assert problem in str(caught.value)
    assert caught.value.position == position
    *_, shown, caret = str(caught.value).splitlines()
    assert shown[caret.index("^") :][:1] == text[position : position + 1]
    assert len(shown) < 130


@given(st.text(alphabet="ab*^~()=,.'+-/ 0159e≈id", max_size=25))
def test_any_text_is_a_word_or_a_syntax_error(text: str) -> None:
    try:
        word = parse_word(text)
    except WordSyntaxError:
        return
    assert word == parse_word(str(word))


def test_a_power_of_one_letter_may_be_huge_but_is_not_spelt_out() -> None:
    word = parse_word("flip_lr^1000000000")
    assert len(word) == 10**9
    with pytest.raises(AugalgebraError, match="at most 100000"):
        _ = word.letters


def test_a_law_is_read_with_its_scope() -> None:
    exact = parse_law("rotate(a) * rotate(b) = rotate(a + b)")
    assert (exact.scope, exact.variables) == ("exact", {"a", "b"})
    assert parse_law("rotate(a) * rotate(-a) ≈ id").scope == "approximate"
    assert parse_law("rotate(a) * rotate(-a) = id", tolerance=0.1).scope == "approximate"
    assert str(Law(word_of("canny"), IDENTITY, kind="singular")) == "canny has no inverse"


@pytest.mark.parametrize("text", ["flip_lr", "a = b = c", "= id", "a ="])
def test_what_is_no_law_is_refused(text: str) -> None:
    with pytest.raises(WordSyntaxError):
        parse_statement(text)


def test_a_single_symbol_is_read_with_its_parameters() -> None:
    assert parse_symbol("roll(1, fill='edge')") == Symbol("roll", (Fraction(1),), (("fill", "edge"),))
    with pytest.raises(WordSyntaxError):
        parse_symbol("flip_lr * flip_ud")


def test_expressions_print_as_one_would_write_them() -> None:
    right = parse_statement("x(a) = x(-a + 2 * b / 3 - 1 / c)").rhs
    (argument,) = right.symbols[0].args
    assert isinstance(argument, Expression)
    assert str(argument) == "-a + 2 * b / 3 - 1 / c"


@pytest.mark.parametrize("sign", ["≠", "!="])
def test_laws_that_negate_are_read_and_printed(sign: str) -> None:
    law = parse_law(f"a * b {sign} b * a")
    assert ("unequal", "exact", False, "a * b ≠ b * a") == (law.kind, law.scope, law.is_equation, str(law))
    assert law == parse_law(str(law))


def test_an_exponent_may_be_larger_than_any_machine_number() -> None:
    word = parse_word("flip_lr^9223372036854775808 * flip_lr")
    assert word.length == 9223372036854775809
    assert str(word) == "flip_lr^9223372036854775809"
    assert parse_word("(flip_lr^2)^3") == parse_word("flip_lr^6")


def test_a_long_word_is_read_in_time_that_grows_with_its_length() -> None:
    text = " * ".join(["flip_lr", "rotate_cw"] * 50_000)
    assert parse_word(text).length == 100_000


def test_numbers_and_sums_stay_small_enough_to_be_printed() -> None:
    power = expressions.multiply(Fraction(10**200), expressions.variable("a"))
    with pytest.raises(ValueError, match="more than 300 digits"):
        expressions.multiply(power, Fraction(10**200))
    total: Any = expressions.add(Fraction(1), expressions.variable("a"))
    for _ in range(98):
        total = expressions.multiply(total, expressions.add(Fraction(1), expressions.variable("a")))
    with pytest.raises(ValueError, match="more than 100 terms or factors"):
        expressions.multiply(total, total)
    with pytest.raises(TypeError, match="at most 300 digits"):
        word_of("rotate", 10**5000)
