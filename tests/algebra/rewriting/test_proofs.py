"""Proofs: every step is checked on its own, and a forged one is found."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augalgebra.algebra.expressions import variable
from augalgebra.algebra.laws import Law, parse_law
from augalgebra.algebra.parsing import parse_word
from augalgebra.algebra.presentation import Presentation
from augalgebra.algebra.rewriting.completion import complete
from augalgebra.algebra.rewriting.proofs import InverseDefinition, Proof, ProofStep
from augalgebra.algebra.rewriting.system import RewritingSystem
from augalgebra.algebra.words import IDENTITY, Letter, Symbol, Word, word_of

TEXTS = [
    "flip^2 = id",
    "cw^4 = id",
    "flip * cw * flip = cw^3",
    "half = cw^2",
    "turn(a) * turn(b) = turn(a + b)",
    "turn(0) = id",
    "turn(a) = turn(a + 360)",
    "turn(90) = cw",
    "flip * turn(a) * flip = turn(-a)",
    "gamma(a) * gamma(b) ≈ gamma(a * b)",
    "gamma(1) = id",
    "gamma(a) * flip = flip * gamma(a)",
    "blur(a) * blur(b) = blur(b) * blur(a)",
    "canny * canny = canny",
]
LAWS = [parse_law(text) for text in TEXTS]


@pytest.fixture(scope="module")
def system() -> RewritingSystem:
    return complete(Presentation.of(LAWS))


letters = st.one_of(
    st.sampled_from(["flip", "cw", "half", "canny"]).map(lambda name: Letter(Symbol(name))),
    st.sampled_from(["flip", "cw", "half"]).map(lambda name: Letter(Symbol(name), inverse=True)),
    st.builds(
        lambda name, parameter, inverse: Letter(word_of(name, parameter).symbols[0], inverse and name != "blur"),
        st.sampled_from(["turn", "gamma", "blur"]),
        st.sampled_from([Fraction(1, 2), 2, 30, -90, 400, variable("unknown")]),
        st.booleans(),
    ),
)
words = st.lists(letters, max_size=6).map(Word.from_letters)


@given(word=words)
def test_every_normal_form_has_a_proof_that_holds(system: RewritingSystem, word: Word) -> None:
    proof = system.derive(word)
    assert (proof.start, proof.end) == (word, system.normal_form(word))
    assert proof.flaw(LAWS) is None
    assert proof.reversed().flaw(LAWS) is None
    assert proof.then(proof.reversed()).flaw(LAWS) is None
    used_gamma = any(law.scope == "approximate" for law in proof.laws)
    assert proof.scope == ("approximate" if used_gamma else "exact")


@given(word=words, choice=st.integers(min_value=0, max_value=10**6))
def test_a_forged_step_is_found(system: RewritingSystem, word: Word, choice: int) -> None:
    proof = system.derive(word)
    if not proof.steps:
        return
    place = choice % len(proof.steps)
    step = proof.steps[place]
    forgeries: list[Callable[[ProofStep], ProofStep]] = [
        lambda step: replace(step, after=step.after * word_of("canny")),
        lambda step: replace(step, before=word_of("canny") * step.before),
        lambda step: replace(step, position=step.position + 1),
        lambda step: replace(step, position=-1),
        lambda step: replace(step, law=parse_law("flip = canny * flip")),
        lambda step: replace(step, times=step.times + 1),
        lambda step: (
            replace(step, law=replace(step.law, status="violated"))
            if isinstance(step.law, Law)
            else replace(step, law=replace(step.law, right=None))
        ),
    ]
    forged = forgeries[choice % len(forgeries)](step)
    steps = (*proof.steps[:place], forged, *proof.steps[place + 1 :])
    assert not Proof(proof.start, proof.end, steps).verify(LAWS)


def test_a_proof_must_lead_where_it_says(system: RewritingSystem) -> None:
    proof = system.derive(parse_word("flip * cw * flip"))
    assert proof.verify()
    assert "the steps end at" in str(replace(proof, end=word_of("flip")).flaw())
    assert "step 1 starts from" in str(replace(proof, start=word_of("flip")).flaw())
    assert "step" in str(Proof(proof.start, proof.end, proof.steps[1:]).flaw())


def test_only_the_laws_allowed_may_be_used(system: RewritingSystem) -> None:
    proof = system.derive(parse_word("flip^2"))
    assert proof.verify(LAWS)
    assert proof.flaw([]) == "flip^2 = id is not one of the laws"
    # Laws behind a formal inverse count as used.
    inverse = system.derive(parse_word("cw * cw^-1"))
    assert inverse.verify(LAWS)
    assert not inverse.verify([])


def test_a_singular_law_proves_nothing() -> None:
    singular = Law(word_of("canny"), IDENTITY, kind="singular")
    step = ProofStep(word_of("canny"), IDENTITY, singular, forward=True, position=0)
    assert Proof(word_of("canny"), IDENTITY, (step,)).flaw() == (
        "step 1: canny has no inverse is no law to reason with"
    )


def test_a_formal_inverse_needs_grounds() -> None:
    canny = Symbol("canny")
    pair = Word.from_letters([Letter(canny), Letter(canny, inverse=True)])

    def claim(definition: InverseDefinition) -> Proof:
        return Proof(pair, IDENTITY, (ProofStep(pair, IDENTITY, definition, forward=True, position=0),))

    assert "nothing says that canny has a right inverse" in str(claim(InverseDefinition(canny, False)).flaw())
    empty = Proof(IDENTITY, IDENTITY)
    assert "gives no right inverse" in str(claim(InverseDefinition(canny, False, empty, empty)).flaw())
    law = parse_law("flip = cw^-1")
    assert "does not write the inverse" in str(claim(InverseDefinition(canny, False, law=law)).flaw())
    flip = InverseDefinition(Symbol("cw"), False, law=law)
    assert flip.flaw() is None


def test_grounds_must_make_sense_at_the_values_used(system: RewritingSystem) -> None:
    steps = system.derive(parse_word("gamma(2)^-1")).steps
    (definition,) = (step.law for step in steps if isinstance(step.law, InverseDefinition))
    definition = replace(definition, mirrored=False)
    two, zero = word_of("gamma", 2), word_of("gamma", 0)
    assert ProofStep(two * ~two, IDENTITY, definition, True, 0, (("a", Fraction(2)),)).flaw() is None
    forged = ProofStep(zero * ~zero, IDENTITY, definition, True, 0, (("a", Fraction(0)),))
    assert forged.flaw() == "gamma(a) * gamma(a)^-1 = id makes no sense here"


def test_a_shift_is_one_step_however_often_it_is_applied(system: RewritingSystem) -> None:
    proof = system.derive(word_of("turn", 30 + 360 * 1000))
    (step,) = proof.steps
    assert step.times == 1000
    assert step.text == "turn(a) = turn(a + 360), 1000 times"
    assert proof.verify(LAWS)
    (few,) = system.derive(word_of("turn", 30 + 360 * 5)).steps
    assert (few.times, few.flaw()) == (5, None)
    assert not Proof(proof.start, proof.end, (replace(step, times=999),)).verify(LAWS)
    twice = ProofStep(parse_word("flip^2"), IDENTITY, LAWS[0], True, 0, (), times=2)
    assert "shifts no parameter" in str(twice.flaw())
    assert proof.reversed().flaw(LAWS) is None
    assert proof.then(proof.reversed()).flaw(LAWS) is None


@pytest.mark.parametrize(
    ("law", "values", "sound"),
    [
        ("f(30) = f(40)", {}, False),  # f(40) = f(50) is another law
        ("f(a, a) = f(a + 10, a)", {"a": 30}, False),
        ("f(a * a) = f(a * a + 10)", {"a": 2}, False),
        ("f(a) = f(2 * a)", {"a": 1}, False),
        ("f(a, b) = f(a + 10, b)", {"a": 30, "b": 0}, True),
        ("f(2 * a) = f(2 * a + 10)", {"a": 15}, True),
    ],
)
def test_only_a_law_that_applies_to_its_own_result_is_one_step_twice(
    law: str, values: dict[str, int], sound: bool
) -> None:
    bindings = {name: Fraction(value) for name, value in values.items()}
    read = parse_law(law)
    once = [side.map(lambda symbol: symbol.substitute(bindings)) for side in (read.lhs, read.rhs)]
    (before,), (after,) = ([letter.symbol for letter in side] for side in once)
    twice = word_of("f", after.args[0] * 2 - before.args[0], *before.args[1:])  # type: ignore[operator]
    step = ProofStep(once[0], twice, read, True, 0, tuple(bindings.items()), times=2)
    assert (step.flaw() is None) is sound


def test_a_proof_prints_its_words_and_laws(system: RewritingSystem) -> None:
    assert str(system.derive(parse_word("turn(30) * flip * turn(30)"))).splitlines() == [
        "turn(30) * flip * turn(30)",
        "  = flip^2 * turn(30) * flip * turn(30)    by flip^2 = id",
        "  = flip * turn(-30) * turn(30)    by flip * turn(a) * flip = turn(-a)",
        "  = flip * turn(0)    by turn(a) * turn(b) = turn(a + b)",
        "  = flip    by turn(0) = id",
    ]


def test_proofs_are_short() -> None:
    texts = ["s^2 = id", "r^4 = id", "s * r * s = r^3"]
    system = complete(Presentation.of(map(parse_law, texts)))
    longest = max(len(system.derive(parse_word(f"r^{i} * s * r^{j} * s")).steps) for i in range(4) for j in range(4))
    assert longest <= 8
    assert len(system.derive(parse_word("s * r^2 * s * r^2")).steps) == 5
