"""Conditions of pictures: what laws say they are for, and where reasoning may use such laws."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from augalgebra import AugalgebraError, load_catalog
from augalgebra.algebra.conditions import ALL, ALWAYS, DARK, PHRASES, SQUARE
from augalgebra.algebra.laws import Law, parse_law
from augalgebra.algebra.parsing import parse_word
from augalgebra.algebra.presentation import Presentation
from augalgebra.algebra.rewriting import queries
from augalgebra.algebra.rewriting.completion import complete
from augalgebra.algebra.rewriting.proofs import InverseDefinition
from augalgebra.algebra.words import IDENTITY

CATALOG = load_catalog()


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


def system(*laws: str):
    return complete(Presentation.of(map(parse_law, laws)))


def equal(rules, first: str, second: str) -> queries.Equality:
    return queries.equal(rules, parse_word(first), parse_word(second))


def test_an_inverse_needs_its_conditions_only_where_it_uses_them() -> None:
    # f(1 / 2) * g(1) = f(1 / 2) * f(2) for every picture, and that is the identity where no letter stands before.
    rules = system("f(a) * f(1 / a) = id for square pictures", "f(2 * a) = g(a)")
    undone = queries.inverse(rules, parse_word("g(1)"))
    assert str(rules.normal_form(parse_word("g(1)^-1 * g(1)"))) == "id"
    assert (undone.kind, undone.conditions) == ("two-sided", SQUARE)
    assert all(proof.flaw(rules.presentation.laws) is None for proof in undone.proofs)
    # Nothing says that h keeps squares.
    assert equal(rules, "h * g(1) * f(1 / 2)", "h").equal is not True


def test_only_of_one_augmentation_is_said_what_it_keeps() -> None:
    with pytest.raises(AugalgebraError, match="only of one augmentation"):
        parse_law("a * b keeps squares")


def test_a_proof_has_the_conditions_of_its_laws() -> None:
    rules = system("a = b for square pictures", "b = c for pictures with a dark border", "c = d")
    for first, second, conditions in [("a", "b", SQUARE), ("b", "d", DARK), ("a", "d", ALL), ("c", "d", ALWAYS)]:
        found = equal(rules, first, second)
        assert (found.equal, found.conditions) == (True, conditions), (first, second)
        assert found.proof is not None
        assert found.proof.flaw() is None
    assert "for square pictures with a dark border" in equal(rules, "a", "d").reason


def test_a_law_is_used_only_where_what_stands_before_keeps_its_condition() -> None:
    laws = ["r * r = id for pictures with a dark border", "s keeps a dark border", "i * i = id", "s * i = i * s"]
    rules = system(*laws)
    assert equal(rules, "s * r * r", "s").conditions == DARK
    assert equal(rules, "i * r * r", "i").equal is not True
    # once the inversions are gone, what stands before keeps the border
    assert equal(rules, "i * s * i * r * r", "s").conditions == DARK
    assert equal(rules, "r * r * i", "i").conditions == DARK
    assert equal(system(*laws, "i keeps a dark border"), "i * r * r", "i").conditions == DARK
    # what a word keeps is not what its letters keep for other parameters
    turned = system("r * r = id for pictures with a dark border", "f(0) keeps a dark border", "f(1) * t = t")
    assert equal(turned, "f(0) * r * r", "f(0)").equal is True
    assert equal(turned, "f(1) * r * r", "f(1)").equal is not True


def test_a_forged_step_is_found_out() -> None:
    rules = system("r * r = id for pictures with a dark border", "s keeps a dark border")
    proof = equal(rules, "s * r * r", "s").proof
    assert proof is not None
    (step,) = proof.steps
    kept = parse_law("s keeps a dark border")
    assert step.keeping == (kept,)
    assert proof.premises == (*proof.laws, kept)
    assert not proof.verify(proof.laws)
    for keeping in ((), (parse_law("s keeps squares"),), (parse_law("t keeps a dark border"),)):
        forged = replace(proof, steps=(replace(step, keeping=keeping),))
        assert "which is not known to keep its condition" in str(forged.flaw())


def test_laws_for_every_picture_are_preferred() -> None:
    both = system("a = b for square pictures", "a = c", "c = b")
    assert equal(both, "a", "b").conditions == ALWAYS
    # also where they hold approximately only
    both = system("a = b for square pictures", "a ≈ b")
    assert (equal(both, "a", "b").conditions, equal(both, "a", "b").scope) == (ALWAYS, "approximate")
    # and the fewest conditions otherwise
    both = system("a = b for square pictures with a dark border", "a ≈ b for pictures with a dark border")
    assert (equal(both, "a", "b").conditions, equal(both, "a", "b").scope) == (DARK, "approximate")


def test_inverses_say_which_pictures_they_are_for() -> None:
    rules = system("a * b = id for square pictures", "b * a = id for square pictures", "a keeps squares")
    found = queries.inverse(rules, parse_word("a"))
    assert (found.kind, str(found.word), found.conditions) == ("two-sided", "b", SQUARE)
    refused = queries.inverse(rules, parse_word("a"), without=SQUARE)
    assert (refused.kind, refused.word) == ("unknown", None)
    assert queries.strongest(rules, lambda layer: queries.period(layer, parse_word("a"))) == (None, ALWAYS, "exact")
    turns = system("a^4 = id for square pictures", "a^8 = id", "a keeps squares")
    assert queries.strongest(turns, lambda layer: queries.period(layer, parse_word("a"))) == (8, ALWAYS, "exact")
    table = queries.cayley_table(system("a^4 = id for square pictures"), [parse_word("a")])
    assert (len(table.elements), table.conditions) == (4, SQUARE)


def test_first_party_answers() -> None:
    assert CATALOG.equal("rotate(90)", "rotate_ccw").conditions == SQUARE
    assert CATALOG.equal("rotate(90) * rotate(-90)", "id").conditions == SQUARE
    assert CATALOG.equal("rotate(30) * rotate(-30)", "id").conditions == DARK
    assert CATALOG.equal("rotate(360)", "id").conditions == ALWAYS
    assert CATALOG.equal("rotate(270)", "rotate_cw").scope == "exact"
    assert CATALOG.equal("flip_lr * rotate(45) * rotate(-45)", "flip_lr").conditions == DARK
    for before in ("invert", "shear_x(9)", "translate(3, 0)", "canny", "rotate(30, 1)"):
        assert CATALOG.equal(f"{before} * rotate(45) * rotate(-45)", before).equal is not True, before
        assert CATALOG.equal(f"{before} * rotate(90)", f"{before} * rotate_ccw").conditions == SQUARE, before
    inverse = CATALOG.inverse("rotate(90)")
    assert (str(inverse.word), inverse.scope, inverse.conditions) == ("dihedral.rotate_cw", "exact", SQUARE)


WORDS = st.lists(
    st.sampled_from(["flip_lr", "rotate_cw", "rotate(90)", "rotate(30)", "rotate(-30)", "invert", "gamma(2)"]),
    min_size=1,
    max_size=5,
).map(" * ".join)


@settings(max_examples=60, deadline=None)
@given(WORDS)
def test_every_proof_is_sound_and_says_all_it_needs(text: str) -> None:
    word = CATALOG.word(text)
    proof = queries.derive(CATALOG.system("flip_lr", "rotate_cw", "rotate(30)", "rotate(90)", "invert", word), word)
    assert proof.flaw(CATALOG.premises) is None
    needed = ALWAYS.union(*(law.conditions for law in proof.laws))
    assert proof.conditions == needed
    if "dark border" in needed:
        place = next(p for p, step in enumerate(proof.steps) if "dark border" in step.law.conditions)
        step = proof.steps[place]
        assert "invert" not in str(step.before.letters[: step.position])
    for step in proof.steps:
        if isinstance(step.law, InverseDefinition):
            assert step.law.conditions <= needed


def test_pictures_of_one_size_know_their_shape() -> None:
    square, oblong = CATALOG.for_size(28, 28), CATALOG.for_size(20, 28)
    assert square.equal("rotate(90)", "rotate_ccw").conditions == ALWAYS
    assert square.system("rotate(90)").exact.normal_form(square.word("rotate(90)^4")) == square.word("id")
    assert oblong.equal("rotate(90)", "rotate_ccw").equal is not True
    assert oblong.equal("flip_lr^2", "id").equal is True


@pytest.mark.parametrize("times", [1, 800], ids=["spelt out", "unspelt"])
def test_a_law_that_keeps_more_than_is_needed_is_named_and_asks_for_no_more(times) -> None:
    keeps = Law(parse_word("c"), IDENTITY, "keeps", conditions=ALL)
    system = complete(Presentation.of([parse_law("a * b = id for square pictures"), keeps]))
    proof = system.prove(parse_word("c * a * b") ** times, parse_word("c") ** times)
    assert proof is not None
    assert bool(proof.unspelt) is (times > 1)
    assert proof.conditions == proof.then(proof.reversed()).conditions == SQUARE
    assert keeps in proof.premises
    assert proof.unspelt or proof.flaw() is None


def test_words_are_not_called_different_where_a_rule_forgets_what_is_kept() -> None:
    laws = ["a = b^3 for square pictures", "a * b^2 = a^2 for pictures with a dark border", "b keeps a dark border"]
    system = complete(Presentation.of(map(parse_law, laws)))
    # a b b a b = a a a b = b^3 a a b = b^3 a b^3 = ..., which the rule b^3 -> a hides: a keeps nothing
    assert queries.equal(system, parse_word("a * b^2 * a * b"), parse_word("b^8")).equal is not False
    assert "is not known to keep as much" in system.reason
