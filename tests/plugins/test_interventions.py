"""Interventions on pictures of a pendulum: against the drawing, and by the laws of causes and effects."""

import pytest
import torch
from torch import Tensor

import augalgebra as aa
from augalgebra.checks.comparison import compare_words
from augalgebra.checks.discovery import discover
from augalgebra.checks.laws import check_law, check_laws
from augalgebra.checks.probes import suited_probes
from augalgebra.data.drawn.pendulum import as_bytes, draw_pendulum
from augalgebra.testing import assert_conforms

CATALOG = aa.load_catalog(aa.Settings())
LIGHT = torch.tensor([-20.0, 5.0, 31.0], dtype=torch.float64)
ANGLE = torch.tensor([12.0, -30.0, 0.0], dtype=torch.float64)


def pictures() -> Tensor:
    return draw_pendulum(LIGHT, ANGLE)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("do_light(30)", draw_pendulum(30, ANGLE)),
        ("do_angle(-7.5)", draw_pendulum(LIGHT, -7.5)),
        ("do_light(30) * do_angle(10)", draw_pendulum(30, 10).expand(3, -1, -1, -1)),
        ("do_shadow_length(6) * do_shadow_position(9)", draw_pendulum(LIGHT, ANGLE, 6, 9)),
        ("do_shadow_length(6) * do_shadow_position(9) * do_light(30)", draw_pendulum(30, ANGLE)),
        ("do_light(0) * do_shadow_length(4) * do_shadow_position(7)", draw_pendulum(0, ANGLE, 4, 7)),
        ("do_nothing", draw_pendulum(LIGHT, ANGLE)),
    ],
)
def test_an_intervention_gives_the_picture_that_would_have_been_drawn(word: str, expected: Tensor) -> None:
    assert float((CATALOG.apply(word, pictures()) - expected).abs().max()) < 1e-10


def test_eight_bits_cost_less_than_two_grey_levels() -> None:
    stored = as_bytes(pictures()).float() / 255
    assert float((CATALOG.apply("do_nothing", stored) - stored).abs().max()) < 2 / 255
    assert float((CATALOG.apply("do_light(30)", stored) - draw_pendulum(30, ANGLE)).abs().max()) < 2 / 255


def test_every_image_may_get_its_own_value() -> None:
    values = torch.tensor([1.0, -20.0, 33.0], dtype=torch.float64)
    moved = CATALOG.resolve("do_light").apply(pictures(), [values.numpy()])
    assert float((moved - draw_pendulum(values, ANGLE)).abs().max()) < 1e-10


def test_all_laws_hold_on_pictures_of_a_pendulum() -> None:
    report = check_laws(CATALOG, ["interventions"])
    assert len(report.results) >= 20
    assert {item.verdict for item in report.results} == {"holds"}
    assert max(item.error or 0 for item in report.results if item.law.is_equation and item.law.scope == "exact") < 1e-6
    assert not report.probe_failures


@pytest.mark.parametrize(
    "law",
    [
        "do_shadow_length(l) * do_light(a) = do_light(a) * do_shadow_length(l)",
        "do_light(a) * do_shadow_length(l) = do_light(a)",
        "do_light(a) * do_light(b) = do_light(a)",
        "do_light(a) * do_light(b) = do_light(b) * do_light(a)",
        "do_shadow_length(l) * do_angle(a) = do_shadow_length(l)",
        "do_shadow_position(p) * do_shadow_length(l) = do_shadow_length(l)",
        "do_light(a) * do_light(-a) = id",
        "do_angle(a) ≈ id",
        "do_slant(a) * do_slant(b) ≈ do_slant(a)",
        "do_thickness(a) ≈ id",
        "do_light(20) * do_shadow_length(4) ≠ do_shadow_position(9) * do_light(20) * do_shadow_length(4)",
    ],
)
def test_a_false_law_is_found_out(law: str) -> None:
    assert check_law(CATALOG, aa.parse_law(law, tolerance=0.02 if "≈" in law else None)).verdict == "violated"


def test_an_effect_that_its_plugin_says_commutes_with_its_cause_is_found_out() -> None:
    class False_:
        __name__ = "wrong"

        @aa.hookimpl
        def augalg_register(self, register: aa.Register) -> None:
            effect = CATALOG.resolve("do_shadow_length")

            @register("do_length", commutes_with=["do_light"], params=effect.params, probes=effect.probes)
            def do_length(x: Tensor, units: float) -> Tensor:
                return effect.function(x, units)

    catalog = aa.load_catalog(aa.Settings(), modules=[False_()])
    (found,) = check_laws(catalog, ["wrong"]).results
    assert (found.verdict, found.counterexample is not None) == ("violated", True)


@pytest.mark.parametrize(
    ("word", "shortest"),
    [
        ("do_shadow_length(4) * do_light(30)", "do_light(30)"),
        ("do_light(30) * do_shadow_length(4)", "do_light(30) * do_shadow_length(4)"),
        ("do_light(10) * do_shadow_length(3) * do_angle(5) * do_light(30) * do_angle(2)", "do_angle(2) * do_light(30)"),
        ("do_shadow_position(9) * do_shadow_length(4) * do_shadow_position(5) * do_angle(1)", "do_angle(1)"),
        ("do_nothing * do_light(30) * do_nothing * do_light(30)", "do_light(30)"),
    ],
)
def test_words_are_shortened_as_causality_says(word: str, shortest: str) -> None:
    found = CATALOG.word(word)
    assert CATALOG.system(found).normal_form(found) == CATALOG.word(shortest)
    assert CATALOG.equal(word, shortest).equal is True
    assert compare_words(CATALOG, word, shortest).equal


def test_there_is_no_inverse_and_the_laws_say_why() -> None:
    for name in ("do_light(30)", "do_angle(3)", "do_shadow_length(4)", "do_light(30) * do_angle(3)"):
        found = CATALOG.inverse(name)
        assert found.kind == "none"
        assert "is not the identity" in found.reason
    assert CATALOG.inverse("do_nothing").word == aa.Word()


def test_what_is_generated_is_found_on_pictures_that_suit() -> None:
    found = discover(CATALOG, ["do_light(10)", "do_angle(5)"])
    assert (found.order, found.group, found.undeclared) == (4, None, ())


@pytest.mark.parametrize("word", ["do_light(30)", "do_angle(0)", "do_shadow_length(4)", "do_shadow_position(9)"])
def test_another_picture_is_refused_in_one_line(word: str) -> None:
    noise = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for images in (noise, noise[:, :1], noise[:, :, :20], torch.ones(1, 3, 64, 64)):
        with pytest.raises(aa.AugalgebraError, match=r"read off|pictures of a pendulum") as caught:
            CATALOG.apply(word, images)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("word", ["do_thickness(3)", "do_slant(10)", "do_intensity(0.5)"])
def test_what_has_no_strokes_is_refused_in_one_line(word: str) -> None:
    for images in (torch.ones(1, 1, 28, 28), torch.zeros(1, 1, 28, 28), pictures(), torch.zeros(1, 1, 9, 9)):
        with pytest.raises(aa.AugalgebraError, match=r"strokes") as caught:
            CATALOG.apply(word, images)
        assert "\n" not in str(caught.value)


def test_a_value_out_of_range_is_refused() -> None:
    with pytest.raises(aa.AugalgebraError, match=r"degrees must lie in \[-42.3, 36\], not 60"):
        CATALOG.word("do_light(60)")


def test_the_plugin_conforms() -> None:
    report = assert_conforms("interventions")
    assert report is None or report.conforms


def test_laws_about_others_are_checked_on_what_suits_them() -> None:
    # the mirror takes the light and the pendulum to the other side
    assert check_law(CATALOG, aa.parse_law("do_light(10) * flip_lr = flip_lr * do_light(-10)")).verdict == "holds"
    assert check_law(CATALOG, aa.parse_law("flip_lr * do_light(10) = do_light(10) * flip_lr")).verdict == "violated"


def test_probes_of_certain_pictures_are_not_for_everybody() -> None:
    assert suited_probes(CATALOG, [CATALOG.word("flip_lr")]) is None
    (probe,), failures = suited_probes(CATALOG, [CATALOG.word("flip_lr * do_light(10)")]) or ((), ())
    assert (probe.name, probe.images.shape[1:], failures) == ("interventions.pendulum", (3, 64, 64), ())
