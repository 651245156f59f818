"""What the laws are said to allow: the error of each step of a proof."""

import augalgebra as aa
from augalgebra.algebra.presentation import Presentation
from augalgebra.algebra.rewriting.completion import complete
from augalgebra.checks.inversion.declared import _allowed


def allowed(laws: list[aa.Law], start: str, end: str) -> tuple[float, int]:
    proof = complete(Presentation.of(laws)).prove(aa.parse_word(start), aa.parse_word(end))
    assert proof is not None
    return _allowed(proof), sum(step.times for step in proof.steps)


def test_each_step_of_a_proof_adds_its_error() -> None:
    turns = [aa.parse_law("turn(a) * turn(b) ≈ turn(a + b)", tolerance=0.1)]
    error, steps = allowed(turns, "turn(10)^9", "turn(90)")
    assert steps == 8
    assert round(error, 9) == 0.8
    mixed = [aa.parse_law("a * a ≈ id", tolerance=0.25), aa.parse_law("b * b = id")]
    assert allowed(mixed, "b * a * a * b * a * a", "id")[0] == 0.5


def test_an_exact_law_after_what_keeps_its_pictures_nearly_adds_what_is_left_of_them() -> None:
    laws = [
        aa.parse_law("black = id for pictures with a dark border"),
        aa.parse_law("lift keeps a dark border", tolerance=0.06),
    ]
    assert allowed(laws, "lift * black", "lift")[0] == 0.06
    laws[1] = aa.parse_law("lift keeps a dark border")
    assert allowed(laws, "lift * black", "lift")[0] == 0
