import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augalgebra import parse_law, parse_word
from augalgebra.algebra.presentation import Presentation
from augalgebra.algebra.rewriting.completion import complete
from augalgebra.errors import FitError, MissingOperatorError
from augalgebra.operators import FiniteGroup, build_representation, regular_representation
from augalgebra.operators.groups.irreps import Irrep, real_irreps
from augalgebra.operators.groups.representation import best_multiplicities, nearest_multiplicities

PRESENTATIONS = {
    "Z2": ["a^2 = id"],
    "Z2xZ2": ["a^2 = id", "b^2 = id", "a * b = b * a"],
    "Z3": ["a^3 = id"],
    "Z4": ["a^4 = id"],
    "Z6": ["a^6 = id"],
    "S3": ["a^2 = id", "b^3 = id", "a * b * a = b^2"],
    "D4": ["a^2 = id", "b^4 = id", "a * b * a = b^3"],
    "Q8": ["a^4 = id", "b^2 = a^2", "b * a * b^3 = a^3"],
    "A4": ["a^2 = id", "b^3 = id", "(a * b)^3 = id"],
    "S4": ["a^2 = id", "b^4 = id", "(a * b)^3 = id"],
}
# dimension and dimension of the commuting algebra of each, from the character tables in any textbook
REAL_IRREPS = {
    "Z2": [(1, 1)] * 2,
    "Z2xZ2": [(1, 1)] * 4,
    "Z3": [(1, 1), (2, 2)],
    "Z4": [(1, 1), (1, 1), (2, 2)],
    "Z6": [(1, 1), (1, 1), (2, 2), (2, 2)],
    "S3": [(1, 1), (1, 1), (2, 1)],
    "D4": [(1, 1)] * 4 + [(2, 1)],
    "Q8": [(1, 1)] * 4 + [(4, 4)],
    "A4": [(1, 1), (2, 2), (3, 1)],
    "S4": [(1, 1), (1, 1), (2, 1), (3, 1), (3, 1)],
}


def group_of(name):
    laws = [parse_law(text) for text in PRESENTATIONS[name]]
    system = complete(Presentation.of(laws))
    letters = [parse_word(letter) for letter in ("a", "b") if any(letter in text for text in PRESENTATIONS[name])]
    group = FiniteGroup.closure(system, letters)
    assert group is not None
    return group


@pytest.mark.parametrize("name", PRESENTATIONS)
def test_real_irreducible_representations(name):
    group = group_of(name)
    irreps = real_irreps(group)
    assert REAL_IRREPS[name] == [(irrep.dim, irrep.endomorphisms) for irrep in irreps]
    for irrep in irreps:
        products = np.einsum("gij,hjk->ghik", irrep.matrices, irrep.matrices)
        np.testing.assert_allclose(irrep.matrices[group.table], products, atol=1e-12)
        np.testing.assert_allclose(
            np.eye(irrep.dim)[None].repeat(len(group), 0),
            irrep.matrices @ irrep.matrices.transpose(0, 2, 1),
            atol=1e-12,
        )
    gram = np.array([[a.character @ b.character / len(group) for b in irreps] for a in irreps])
    np.testing.assert_allclose(np.diag([irrep.endomorphisms for irrep in irreps]), gram, atol=1e-12)


def test_characters_of_the_square_by_hand():
    group = group_of("D4")
    # rows: the four characters of D4 (what they do on a, b), columns: id, a, b, a b, b a, b b, …
    signs = {(1, 1), (1, -1), (-1, 1), (-1, -1)}
    found = {
        tuple(irrep.character[[group.generators[word] for word in group.generators]]) for irrep in real_irreps(group)
    }
    assert signs | {(0, 0)} == found
    plane = real_irreps(group)[-1]
    half_turn = group.number(parse_word("b^2"))
    assert plane.character[half_turn] == -2
    assert np.count_nonzero(plane.character) == 2


def test_three_turns_have_cosines_for_characters():
    trivial, plane = real_irreps(group_of("Z3"))
    np.testing.assert_array_equal([1, 1, 1], trivial.character)
    np.testing.assert_allclose([2, -1, -1], plane.character, atol=1e-12)


def test_flips_get_fixed_signs_four_of_each_character():
    group = group_of("Z2xZ2")
    representation = build_representation(group, 16)
    a, b = representation.generators.values()
    assert all(np.array_equal(np.diag(np.diag(matrix)), matrix) for matrix in (a, b))
    counts = dict.fromkeys(itertools.product((1.0, -1.0), repeat=2), 0)
    for pair in zip(np.diag(a), np.diag(b), strict=True):
        counts[pair] += 1
    assert counts == dict.fromkeys(counts, 4)


def test_the_square_in_32_coordinates_is_four_copies_of_the_regular_representation():
    group = group_of("D4")
    representation = build_representation(group, 32)
    assert set(np.unique(representation.matrices)) == {-1.0, 0.0, 1.0}
    traces = np.trace(representation.matrices, axis1=1, axis2=2)
    np.testing.assert_array_equal([32, *[0] * 7], traces)
    a, b = representation.generators.values()
    identity = np.eye(32)
    # exact in floating point, since the entries are signs
    np.testing.assert_array_equal(identity, a @ a)
    np.testing.assert_array_equal(identity, np.linalg.matrix_power(b, 4))
    np.testing.assert_array_equal(a @ b @ a, np.linalg.matrix_power(b, 3))


@pytest.mark.parametrize("name", PRESENTATIONS)
@pytest.mark.parametrize("dim", [1, 5, 12])
def test_a_structured_form_fills_any_dimension_and_obeys_the_group(name, dim):
    group = group_of(name)
    representation = build_representation(group, dim)
    matrices = representation.matrices
    assert matrices.shape == (len(group), dim, dim)
    products = np.einsum("gij,hjk->ghik", matrices, matrices)
    np.testing.assert_allclose(matrices[group.table], products, atol=1e-12)
    word = parse_word("a^3 * b * a^-1") if "b" in {str(item) for item in group.generators} else parse_word("a^-5")
    generators = representation.generators
    expected = np.eye(dim)
    for letter in word.letters:
        matrix = generators[parse_word(letter.symbol.name)]
        expected = expected @ (matrix.T if letter.inverse else matrix)
    np.testing.assert_allclose(expected, representation(word), atol=1e-12)


def test_a_word_with_another_letter_is_refused():
    representation = build_representation(group_of("Z2"), 4)
    with pytest.raises(MissingOperatorError, match="c is none of the generators"):
        representation(parse_word("a * c"))


def test_a_cayley_table_in_any_order_gives_the_same_representation():
    group = group_of("D4")
    order = [3, 0, 6, 1, 7, 2, 5, 4]
    place = np.argsort(order)
    table = place[group.table[np.ix_(order, order)]]
    elements = [group.elements[i] for i in order]
    other = regular_representation(table, elements, list(group.generators), 32)
    for word in group.elements:
        np.testing.assert_array_equal(np.trace(build_representation(group, 32)(word)), np.trace(other(word)))
    assert list(group.generators) == list(other.generators)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ([[0, 1], [1, 1]], "an idempotent has no inverse"),
        ([[0, 1, 2], [1, 0, 2], [2, 2, 0]], "not a Latin square"),
        (
            [[0, 1, 2, 3, 4], [1, 0, 3, 4, 2], [2, 4, 0, 1, 3], [3, 2, 4, 0, 1], [4, 3, 1, 2, 0]],
            "a loop, not associative",
        ),
    ],
)
def test_a_table_that_is_no_group_is_refused(table, why):
    elements = [parse_word("id"), *(parse_word(letter) for letter in "abcd")][: len(table)]
    with pytest.raises(FitError, match="are no group"):
        FiniteGroup.from_table(elements[1:], elements, table)


def test_what_has_no_inverse_or_no_end_has_no_group():
    blur = complete(Presentation.of([parse_law("a * a = a")]))
    assert FiniteGroup.closure(blur, [parse_word("a")]) is None
    turn = complete(Presentation.of([parse_law("a^7 = id")]))
    assert FiniteGroup.closure(turn, [parse_word("a")], max_elements=6) is None
    assert len(FiniteGroup.closure(turn, [parse_word("a")], max_elements=7)) == 7


def test_two_generators_may_be_one_element():
    system = complete(Presentation.of([parse_law("a^2 = id"), parse_law("b = a")]))
    group = FiniteGroup.closure(system, [parse_word("a"), parse_word("b")])
    assert {parse_word("a"): 1, parse_word("b"): 1} == dict(group.generators)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["S3", "Z4"]), st.lists(st.floats(-1, 4), min_size=3, max_size=3), st.integers(1, 9))
def test_multiplicities_are_the_best_of_all(name, wanted, dim):
    irreps = real_irreps(group_of(name))
    character = np.einsum("i,ig->g", wanted, [irrep.character for irrep in irreps])
    choices = [
        choice
        for choice in itertools.product(range(dim + 1), repeat=3)
        if sum(times * irrep.dim for times, irrep in zip(choice, irreps, strict=True)) == dim
    ]

    def distance(choice):
        found = np.einsum("i,ig->g", choice, [irrep.character for irrep in irreps])
        return float(np.sum((found - character) ** 2))

    chosen = nearest_multiplicities(irreps, character, dim)
    assert chosen in choices
    assert distance(chosen) <= min(map(distance, choices)) + 1e-6


def test_a_dimension_that_nothing_fills_is_refused():
    plane = Irrep(np.eye(2)[None], 1)
    with pytest.raises(FitError, match="no sum of irreducible representations has dimension 3"):
        best_multiplicities([plane], [[0.0, 1.0]], 3)
