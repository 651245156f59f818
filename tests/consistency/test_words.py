"""Which words are measured, from where, and under which name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augalgebra import Settings, load_catalog, parse_word, word_of
from augalgebra.algebra.words import IDENTITY
from augalgebra.catalog import Catalog
from augalgebra.consistency.cases import Case, Relabelling, default_views, product, words_up_to
from augalgebra.consistency.relations import derived_relations
from augalgebra.errors import AugalgebraError, UnknownNameError

LETTERS = [word_of("a"), word_of("b"), ~word_of("a")]
WORDS = st.lists(st.sampled_from(LETTERS), max_size=6).map(product)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    import augalg_dihedral

    return load_catalog(Settings(), modules=[augalg_dihedral], installed=False)


def cancelled(word):
    """The word with neighbours that are each other's inverse struck out: what any group makes of it."""
    letters = []
    for letter in word.letters:
        if letters and letters[-1] == (letter.symbol, not letter.inverse):
            letters.pop()
        else:
            letters.append(letter)
    return letters


@given(view=WORDS, word=WORDS)
def test_a_route_leads_from_the_view_to_the_word(view, word):
    assert cancelled(view * Case(word, view).route) == cancelled(word)


def test_what_both_begin_with_is_left_out_of_the_route():
    assert str(Case(parse_word("a * b * c"), parse_word("a * b")).route) == "c"
    assert str(Case(parse_word("a * c"), parse_word("a * b")).route) == "b^-1 * c"
    assert Case(parse_word("a"), parse_word("a")).route == IDENTITY


def test_words_up_to_a_length_are_all_products():
    a, b = word_of("a"), word_of("b")

    assert [str(word) for word in words_up_to([a, b], 2)] == ["id", "a", "b", "a^2", "a * b", "b * a", "b^2"]
    assert len(set(words_up_to([a, b, word_of("c")], 4))) == 1 + 3 + 9 + 27 + 81


@pytest.mark.parametrize(
    ("word", "view", "kind"),
    [
        ("id", "id", "reconstruction"),
        ("b", "id", "augmentation"),
        ("a * b", "id", "composition"),
        ("b * a", "id", "reverse composition"),
        ("a * b * a", "id", "composition"),
        ("b^2", "id", "composition"),
        ("id", "b", "inverse"),
        ("id", "b * a", "inverse of the composition"),
        ("a", "b", "route"),
    ],
)
def test_kinds(word, view, kind):
    generators = [word_of("a"), word_of("b")]

    assert Case(parse_word(word), parse_word(view)).kind(generators) == kind


def test_default_views_keep_one_word_for_each_image(catalog):
    def shown(*names):
        return [catalog.display(view) for view in default_views(catalog, [catalog.word(name) for name in names])]

    assert shown("flip_lr", "flip_ud") == ["id", "flip_lr", "flip_ud", "flip_lr * flip_ud"]
    assert shown("rotate_cw", "flip_lr") == [
        "id",
        "rotate_cw",
        "flip_lr",
        "rotate_cw * flip_lr",
        "flip_lr * rotate_cw",
    ]


def test_relabelling_replaces_letter_by_letter(catalog):
    meaning = Relabelling(catalog, {"rotate_cw": "flip_lr", "flip_ud": "flip_ud * flip_lr"})

    assert catalog.display(meaning(catalog.word("rotate_cw * transpose"))) == "flip_lr * transpose"
    assert catalog.display(meaning(catalog.word("flip_ud^-1"))) == "flip_lr^-1 * flip_ud^-1"
    assert (bool(meaning), bool(Relabelling(catalog))) == (True, False)


def test_relabelling_takes_single_augmentations(catalog):
    with pytest.raises(AugalgebraError, match="relabel single augmentations"):
        Relabelling(catalog, {"rotate_cw^2": "flip_lr"})
    with pytest.raises(UnknownNameError, match=r"did you mean dihedral\.flip_lr"):
        Relabelling(catalog, {"rotate_cw": "flip_l"})


def test_derived_relations_present_the_group(catalog):
    """Closing words under the found relations alone gives the eight elements of the square's symmetries."""
    generators = [catalog.word("rotate_cw"), catalog.word("flip_lr")]
    relations = derived_relations(catalog, generators)
    rules = [(lhs.letters, rhs.letters) for lhs, rhs in relations]

    def reduced(letters):
        for start in range(len(letters)):
            for lhs, rhs in rules:
                if letters[start : start + len(lhs)] == lhs:
                    return reduced(letters[:start] + rhs + letters[start + len(lhs) :])
        return letters

    assert len({reduced(word.letters) for word in words_up_to(generators, 6)}) == 8
    system = catalog.system(*generators)
    assert all(system.normal_form(lhs) == system.normal_form(rhs) for lhs, rhs in relations)
