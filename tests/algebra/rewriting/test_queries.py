"""Questions about words: equality, inverses of each kind, periods, routes and tables."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augalgebra.algebra.laws import Law, parse_law
from augalgebra.algebra.parsing import parse_word
from augalgebra.algebra.presentation import Presentation
from augalgebra.algebra.rewriting import queries
from augalgebra.algebra.rewriting.completion import complete
from augalgebra.algebra.rewriting.system import RewritingSystem
from augalgebra.algebra.words import IDENTITY, Word, word_of
from augalgebra.errors import NotInvertibleError

D4 = ["s * s = id", "r^4 = id", "s * r * s = r^-1"]


def singular(text: str) -> Law:
    return Law(parse_word(text, variables=True), IDENTITY, kind="singular", owner="acme")


def system_of(*laws: str | Law) -> RewritingSystem:
    return complete(Presentation.of(law if isinstance(law, Law) else parse_law(law) for law in laws))


def test_equality_is_yes_with_a_proof_no_or_undecided() -> None:
    system = system_of(*D4)
    yes = queries.equal(system, parse_word("r * s"), parse_word("s * r^-1"))
    assert (yes.equal, yes.scope) == (True, "exact")
    assert yes.proof is not None
    assert yes.proof.verify(system.presentation.laws)
    no = queries.equal(system, parse_word("r * s"), parse_word("s * r"))
    assert (no.equal, no.proof) == (False, None)
    assert "r * s" in no.reason
    braid = system_of("a * b * a = b * a * b")
    unknown = queries.equal(braid, parse_word("a"), parse_word("b"))
    assert (unknown.equal, unknown.proof) == (None, None)
    assert "not decided" in unknown.reason


def test_words_beyond_those_a_system_was_made_for_are_not_called_different() -> None:
    laws = [parse_law("blur(a) * blur(a) = blur(a)"), parse_law("blur(a) * flip = flip * blur(a)")]
    made_for = parse_word("blur(1) * flip")
    system = complete(Presentation.around([made_for], laws))
    assert queries.equal(system, parse_word("blur(1)^2"), parse_word("blur(1)")).equal is True
    assert queries.equal(system, parse_word("flip^2"), parse_word("flip")).equal is False
    other = queries.equal(system, parse_word("blur(2)^2"), parse_word("blur(2)"))
    assert other.equal is None
    assert "other parameters" in other.reason


CASES = [
    # laws, word, kind, inverse, part of the reason
    (D4, "r", "two-sided", "r^-1", "r * r^-1 = id"),
    (D4, "s", "two-sided", "s", "s^2 = id"),
    (D4, "r * s", "two-sided", "r * s", "(r * s)^2 = id|r * s * r * s = id"),
    (D4, "id", "two-sided", "id", "it is the identity"),
    (["cw * ccw = id", "ccw * cw = id"], "cw", "two-sided", "ccw", "cw * ccw = id and ccw * cw = id"),
    (["rotate(a) * rotate(b) = rotate(a + b)", "rotate(0) = id"], "rotate(30)", "two-sided", "rotate(-30)", "id"),
    (["pad * crop = id"], "pad", "right", "crop", "no law says that crop * pad = id"),
    (["pad * crop = id"], "crop", "left", "pad", "no law says that crop * pad = id"),
    (["pad * crop = id"], "pad * crop", "two-sided", "id", "it is the identity"),
    (["pad * crop = id"], "pad^2", "right", "crop^2", "pad^2 * crop^2 = id"),
    (["pad * crop = id", singular("crop")], "crop", "left", "pad", "crop has no inverse (declared by acme)"),
    (["pad * crop = id", *D4], "r * pad", "right", "crop * r^-1", "no law says"),
    (["pad * crop = id"], "crop * pad", "none", None, "crop * pad * crop * pad = crop * pad"),
    ([singular("canny")], "canny", "none", None, "canny has no inverse (declared by acme)"),
    ([singular("canny(a, b)")], "canny(1, 2)", "none", None, "canny(a, b) has no inverse (declared by acme)"),
    ([singular("canny"), *D4], "r * canny * mystery", "none", None, "canny has no inverse"),
    ([singular("canny"), *D4], "mystery * canny", "unknown", None, "mystery can be undone"),
    (["canny^2 = canny", *D4], "canny", "none", None, "canny^2 = canny, and canny is not the identity"),
    (["canny^2 = canny", *D4], "s * canny", "none", None, "canny"),
    (["s * fold = fold", *D4], "fold", "none", None, "s * fold = fold, and s is not the identity"),
    (["fold * s = fold", *D4], "fold", "none", None, "fold * s = fold, and s is not the identity"),
    ([*D4], "mystery", "unknown", None, "no declared law says that mystery can be undone"),
    (["a * b * c = id"], "a", "right", "b * c", "a * b * c = id"),
    (["a * b * c = id"], "c", "left", "a * b", "a * b * c = id"),
    (["a * b * c = id"], "a * b", "right", "c", "a * b * c = id"),
    (["a * b = id", "c * a = id"], "a", "two-sided", "b", "id"),
    (["(a * b)^3 = id"], "a * b", "two-sided", "(a * b)^2", "id"),
    (["f(a) * g(a) * f(a) * g(a) = id"], "f(1) * g(1)", "two-sided", "f(1) * g(1)", "= id"),
    (["a * a = s", *D4], "a", "two-sided", "a^-1", "id"),
]  # fmt: skip


@pytest.mark.parametrize(("laws", "word", "kind", "undoing", "reason"), CASES)
def test_inverses_of_every_kind(laws: list[str | Law], word: str, kind: str, undoing: str | None, reason: str) -> None:
    system = system_of(*laws)
    asked = parse_word(word)
    found = queries.inverse(system, asked)
    assert (found.kind, found.of) == (kind, asked)
    assert any(part in found.reason for part in reason.split("|")), found.reason
    if undoing is None:
        assert found.word is None
    else:
        assert found.word == parse_word(undoing) or queries.equal(system, found.word, parse_word(undoing)).equal
    for proof in found.proofs:
        assert proof.end == IDENTITY
        assert proof.flaw(system.presentation.laws) is None
    starts = {proof.start for proof in found.proofs}
    if found.word is not None:
        wanted = {
            "two-sided": {asked * found.word, found.word * asked},
            "right": {asked * found.word},
            "left": {found.word * asked},
        }
        assert starts == wanted[kind]


def backwards(word: Word) -> Word:
    return Word.from_letters(reversed(word.letters))


@pytest.mark.parametrize(
    ("laws", "word", "kind"),
    [
        (laws, word, kind)
        for laws, word, kind, *_ in CASES
        if kind in ("two-sided", "right", "left") and not any(isinstance(law, Law) for law in laws)
    ],
)
def test_in_the_opposite_monoid_left_and_right_change_places(laws: list[str], word: str, kind: str) -> None:
    read = [parse_law(law) for law in laws]
    opposite = system_of(*(replace(law, lhs=backwards(law.lhs), rhs=backwards(law.rhs)) for law in read))
    found = queries.inverse(opposite, backwards(parse_word(word)))
    assert found.kind == {"right": "left", "left": "right"}.get(kind, kind)
    assert all(proof.flaw(opposite.presentation.laws) is None for proof in found.proofs)


def test_a_one_sided_inverse_is_given_only_by_name() -> None:
    system = system_of("pad * crop = id", singular("crop"))
    pad, crop = word_of("pad"), word_of("crop")
    assert queries.invert(system, pad, side="right") == crop
    assert queries.invert(system, crop, side="left") == pad
    with pytest.raises(NotInvertibleError, match=r"pad has only a right inverse: .*ask for the right inverse by name"):
        queries.invert(system, pad)
    with pytest.raises(
        NotInvertibleError, match=r"crop has only a left inverse: .*crop has no inverse \(declared by acme\)"
    ):
        queries.invert(system, crop, side="right")
    with pytest.raises(NotInvertibleError, match=r"crop\^-1 has no meaning: crop has no inverse \(declared by acme\)"):
        queries.inverse(system, ~crop)


def test_an_inverse_that_is_not_there_names_the_reason() -> None:
    system = system_of(singular("canny"), "keep^2 = keep")
    with pytest.raises(
        NotInvertibleError,
        match=r"^canny has no inverse: different images can have the same result \(declared by acme\)$",
    ):
        queries.invert(system, word_of("canny"))
    with pytest.raises(NotInvertibleError, match="mystery is not known to have an inverse"):
        queries.invert(system, word_of("mystery"))
    with pytest.raises(NotInvertibleError, match=r"keep has no inverse: keep\^2 = keep"):
        queries.invert(system, word_of("keep"))


def test_the_scope_of_an_inverse_is_that_of_its_laws() -> None:
    system = system_of("rotate(a) * rotate(b) ≈ rotate(a + b)", "rotate(0) = id", "f * f = id")
    assert queries.inverse(system, word_of("rotate", 30)).scope == "approximate"
    assert queries.inverse(system, word_of("f")).scope == "exact"
    assert [str(law) for law in queries.inverse(system, word_of("f")).laws] == ["f^2 = id"]


@given(st.lists(st.sampled_from(["r", "s", "r^-1"]), max_size=6).map(" * ".join))
def test_the_inverse_of_a_product_is_the_product_of_inverses_reversed(text: str) -> None:
    system = system_of(*D4)
    word = parse_word(text or "id")
    found = queries.invert(system, word)
    assert system.normal_form(word * found) == IDENTITY == system.normal_form(found * word)
    assert system.normal_form(~word) == found


def test_periods_and_powers() -> None:
    system = system_of(*D4, "canny^2 = canny", "free * r = r * free")
    words = ("r", "s", "r * s", "r^2", "id", "canny", "free", "r * canny")
    periods = {text: queries.period(system, parse_word(text)) for text in words}
    assert periods == {
        "r": 4, "s": 2, "r * s": 2, "r^2": 2, "id": 1, "canny": None, "free": None, "r * canny": None
    }  # fmt: skip
    cyclic = system_of("a^50 = id")
    assert queries.period(cyclic, word_of("a"), most=49) is None
    assert queries.period(cyclic, word_of("a")) == 50


def test_idempotent_and_involutory_are_three_valued() -> None:
    system = system_of(*D4, "canny^2 = canny")
    assert queries.is_idempotent(system, word_of("canny")) is True
    assert queries.is_idempotent(system, word_of("r")) is False
    assert queries.is_idempotent(system, IDENTITY) is True
    assert queries.is_involutory(system, parse_word("r * s")) is True
    assert queries.is_involutory(system, word_of("r")) is False
    braid = system_of("a * b * a = b * a * b")
    assert queries.is_idempotent(braid, word_of("a")) is None
    assert queries.is_involutory(braid, word_of("a")) is None


def test_a_route_undoes_where_one_is_and_goes_where_one_wants() -> None:
    system = system_of(*D4, singular("canny"))
    elements = [parse_word(f"r^{turn} * s^{flip}") for turn, flip in product(range(4), range(2))]
    for start, goal in product(elements, repeat=2):
        assert system.normal_form(start * queries.route(system, start, goal)) == system.normal_form(goal)
    with pytest.raises(NotInvertibleError, match="canny"):
        queries.route(system, word_of("canny"), word_of("r"))
    assert str(queries.route(system, word_of("r"), word_of("canny"))) == "r^-1 * canny"


def test_the_table_of_d4_is_the_table_of_its_permutations() -> None:
    system = system_of(*D4)
    table = queries.cayley_table(system, [word_of("r"), word_of("s")])
    assert table.complete
    assert [str(word) for word in table.elements] == ["id", "r", "s", "r^2", "r * s", "s * r", "r^3", "r^2 * s"]
    corners = np.arange(9).reshape(3, 3)
    model = {"r": np.rot90(corners, -1).ravel(), "s": np.fliplr(corners).ravel()}

    def permutation(word: Word) -> tuple[int, ...]:
        images = np.arange(9)
        for letter in word:
            images = images[model[letter.symbol.name]]
        return tuple(images)

    index = {permutation(word): place for place, word in enumerate(table.elements)}
    expected = tuple(tuple(index[permutation(first * second)] for second in table.elements) for first in table.elements)
    assert expected == table.products


def test_a_table_of_a_subgroup_uses_the_given_generators_only() -> None:
    system = system_of(*D4)
    table = queries.cayley_table(system, [parse_word("r^2"), word_of("s")])
    assert [str(word) for word in table.elements] == ["id", "r^2", "s", "r^2 * s"]
    assert table.products == ((0, 1, 2, 3), (1, 0, 3, 2), (2, 3, 0, 1), (3, 2, 1, 0))


def test_a_table_that_is_not_complete_says_so() -> None:
    system = system_of("f * g = g * f")
    table = queries.cayley_table(system, [word_of("f"), word_of("g")], max_elements=10)
    assert (len(table.elements), table.complete, table.reason) == (10, False, "stopped at 10 elements")
    assert None in table.products[-1]
    assert table.products[0] == tuple(range(10))
    braid = queries.cayley_table(system_of("a * b * a = b * a * b", "a^2 = a", "b^2 = b"), [word_of("a")])
    assert braid.complete


@pytest.mark.parametrize(
    ("laws", "first", "second"),
    [
        (["p * p = u * v", "u * v = id"], "p^2", "id"),
        (["p * q = u * v", "r * s = u * v"], "p * q", "r * s"),
        (["a * b * c = id", "b * c * a = id"], "a * b * c", "id"),
        (["a * z * z = id", "z * z * b = id"], "a", "b"),
        (["other(a) = turn(a)", "turn(a) * turn(b) = turn(a + b)", "turn(0) = id"], "other(30) * other(-30)", "id"),
        (["f(a) = f(a + 1)", "f(a) = g(a)"], "g(0.25)", "g(1.25)"),
        (["f(a) = g(a)", "g('x') = id"], "f('x')", "id"),
    ],
)
def test_laws_in_names_that_nobody_asked_about_are_found_where_they_matter(
    laws: list[str], first: str, second: str
) -> None:
    words = parse_word(first), parse_word(second)
    system = complete(Presentation.around(words, map(parse_law, laws)))
    assert queries.equal(system, *words).equal is True


@pytest.mark.parametrize("sign", ["nudge * dim ≈ dim", "nudge * dim = dim for pictures with a dark border"])
def test_laws_that_are_not_for_every_picture_or_not_exact_prove_no_lack_of_an_inverse(sign: str) -> None:
    laws = [parse_law(sign), parse_law("nudge * dull = dull")]
    dim, dull = map(parse_word, ("dim", "dull"))
    assert queries.inverse(complete(Presentation.around([dim, parse_word("nudge")], laws)), dim).kind == "unknown"
    found = queries.inverse(complete(Presentation.around([dull, parse_word("nudge")], laws)), dull)
    assert (found.kind, found.reason) == ("none", "nudge * dull = dull, and nudge is not the identity")


@pytest.mark.parametrize(
    ("law", "same", "other"),
    [("mode(true) = id", "mode(true)", "mode(1)"), ("mode((0, 2)) = id", "mode((0, 2))", "mode((false, 2))")],
)
def test_a_truth_value_is_no_number(law: str, same: str, other: str) -> None:
    words = parse_word(same), parse_word(other)
    assert len({*words}) == 2
    system = complete(Presentation.around(words, [parse_law(law)]))
    assert [queries.equal(system, word, IDENTITY).equal for word in words] == [True, False]
