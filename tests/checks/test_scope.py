"""Laws that are true at one size, of squares, or with a dark border only: found out on pixels, or declared as such."""

import types
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import augalgebra as aa
from augalgebra.algebra.conditions import ALWAYS, DARK, SQUARE
from augalgebra.algebra.presentation import Presentation
from augalgebra.algebra.rewriting.completion import complete
from augalgebra.checks import check_law, check_laws, compare_words
from augalgebra.checks.proposals import propose


def planted() -> aa.Catalog:
    """Maps of which each has a law that is true of some pictures only."""
    module = types.ModuleType("planted")

    @aa.hookimpl
    def augalg_register(register: Any) -> None:
        @register("half")
        def half(x: Tensor) -> Tensor:
            return x.roll(14, -1)

        @register("half_of_all")
        def half_of_all(x: Tensor) -> Tensor:
            return x.roll(x.shape[-1] // 2, -1)

        @register("slant")
        def slant(x: Tensor) -> Tensor:
            """Roll each row by its number."""
            width = x.shape[-1]
            places = (torch.arange(width) - torch.arange(x.shape[-2])[:, None]) % width
            return x.take_along_dim(places.expand_as(x), -1)

        @register("transpose", inverse="self", shape="transposed")
        def transpose(x: Tensor) -> Tensor:
            return x.transpose(-2, -1).contiguous()

        @register("turn")
        def turn(x: Tensor) -> Tensor:
            """A quarter turn that keeps the frame: what stands out is lost, what is missing is black."""
            height, width = x.shape[-2:]
            side = max(height, width)
            top, left = (side - height) // 2, (side - width) // 2
            frame = torch.zeros(*x.shape[:2], side, side, dtype=x.dtype)
            frame[..., top : top + height, left : left + width] = x
            return frame.rot90(1, (-2, -1))[..., top : top + height, left : left + width]

        @register("turned", shape="transposed")
        def turned(x: Tensor) -> Tensor:
            return x.rot90(1, (-2, -1))

        @register("crop", shape="changed")
        def crop(x: Tensor) -> Tensor:
            """The middle, three pixels less on every side."""
            return x[..., 3:-3, 3:-3]

        @register("pad", shape="changed")
        def pad(x: Tensor) -> Tensor:
            return torch.nn.functional.pad(x, (3, 3, 3, 3))

        @register("widen", shape="changed")
        def widen(x: Tensor) -> Tensor:
            return torch.nn.functional.pad(x, (1, 1, 0, 0))

        @register("vignette")
        def vignette(x: Tensor) -> Tensor:
            """Black but for the middle, where nothing changes."""
            height, width = x.shape[-2:]
            rows, columns = torch.arange(height) - (height - 1) / 2, torch.arange(width) - (width - 1) / 2
            return x * (torch.hypot(rows[:, None], columns) <= 0.75 * min(height, width) / 2)

        @register("down")
        def down(x: Tensor, rows: int) -> Tensor:
            return x.roll(rows, -2)

        @register("lift")
        def lift(x: Tensor) -> Tensor:
            return 0.95 * x + 0.05

        @register("grow")
        def grow(x: Tensor) -> Tensor:
            """Every pixel the brightest of its neighbours."""
            return torch.nn.functional.max_pool2d(x, 3, 1, 1)

        @register("brighten")
        def brighten(x: Tensor) -> Tensor:
            return 1 - (1 - x) / 2

    module.augalg_register = augalg_register  # type: ignore[attr-defined]
    return aa.load_catalog(aa.Settings(), modules=[module], installed=False)


CATALOG = planted()


def verdict(law: str) -> tuple[str, str | None]:
    found = check_law(CATALOG, aa.parse_law(law))
    return found.verdict, None if found.alternative is None else found.alternative.equation


@pytest.mark.parametrize(
    ("law", "narrower"),
    [
        ("turn = turned", "turn = turned for square pictures"),
        ("turn^4 = id", "turn^4 = id for square pictures"),
        ("turn * transpose = transpose * turn^3", None),
        ("slant * half_of_all = half_of_all * slant", None),
        ("crop * pad = id", "crop * pad = id for pictures with a dark border"),
        ("vignette = id", "vignette = id for pictures with a dark border"),
        ("vignette * turned = turned * vignette", None),
        ("turn * crop * pad = turned", "turn * crop * pad = turned for square pictures with a dark border"),
    ],
)
def test_a_law_of_some_pictures_is_violated_unless_it_says_so(law: str, narrower: str | None) -> None:
    assert verdict(law) == (("holds", None) if narrower is None else ("violated", narrower))
    if narrower is not None:
        assert verdict(narrower) == ("holds", None)


@pytest.mark.parametrize(
    ("law", "holds_at"),
    [
        ("half^2 = id", [(28, 28)]),
        ("half = half_of_all", [(28, 28)]),
        ("slant^28 = id", [(28, 28)]),
        ("half_of_all^2 = id", [(28, 28)]),
    ],
)
def test_a_law_of_one_size_is_violated_at_another(law: str, holds_at: list[tuple[int, int]]) -> None:
    found = check_law(CATALOG, aa.parse_law(law))
    assert (found.verdict, list(found.holds_at)) == ("violated", holds_at)
    assert found.reason == "it holds at 28×28 pixels"
    assert found.counterexample is not None
    assert found.counterexample.size == (23, 33)
    assert "of 23×33 pixels" in str(found.counterexample)
    # also for squares alone, at the other square
    assert verdict(f"{law} for square pictures")[0] == "violated"


@pytest.mark.parametrize("law", ["down(14)^6 = id", "down(42)^2 = id", "down(16100) = id", "half^66 = id"])
def test_what_comes_round_at_some_sizes_does_not_at_all(law: str) -> None:
    found = check_law(CATALOG, aa.parse_law(law))
    assert (found.verdict, list(found.holds_at)) == ("violated", [(28, 28)])
    equation = law.split(" = ")
    assert compare_words(CATALOG, *equation).equal is False
    assert compare_words(CATALOG, f"{equation[0]} * turned", "turned").equal is False


@pytest.mark.parametrize(
    ("law", "holds"),
    [
        ("turned keeps a dark border", True),
        ("lift keeps a dark border", False),
        ("grow keeps a dark border", False),
        ("vignette keeps a dark border", True),
        ("half keeps a dark border", False),
        ("brighten keeps a dark border", False),
        ("slant keeps a dark border", False),
        ("crop keeps squares", True),
        ("pad keeps squares", True),
        ("widen keeps squares", False),
    ],
)
def test_what_is_said_to_be_kept_is_checked(law: str, holds: bool) -> None:
    found = check_law(CATALOG, aa.parse_law(law))
    assert found.verdict == ("holds" if holds else "violated")
    assert holds or found.counterexample is not None
    assert holds or "it is" in found.reason or "does not stay square" in found.reason


@pytest.mark.parametrize(("word", "verdict"), [("lift", "violated"), ("turned", "holds")])
def test_of_two_conditions_both_are_looked_at(word: str, verdict: str) -> None:
    both = replace(aa.parse_law(f"{word} keeps squares"), conditions=frozenset({"square", "dark border"}))
    assert check_law(CATALOG, both).verdict == verdict


def test_a_dark_border_may_be_kept_nearly() -> None:
    kept = aa.parse_law("lift keeps a dark border", tolerance=0.06)
    assert check_law(CATALOG, kept).verdict == "holds"
    assert check_law(CATALOG, aa.parse_law("lift keeps a dark border", tolerance=0.04)).verdict == "violated"
    # what follows from it is no exact answer
    laws = [aa.parse_law("vignette = id for pictures with a dark border"), kept]
    proof = complete(Presentation.of(laws)).prove(aa.parse_word("lift * vignette"), aa.parse_word("lift"))
    assert proof is not None
    assert (proof.scope, proof.conditions) == ("approximate", DARK)


def test_different_shapes_differ_and_are_no_error() -> None:
    found = check_law(CATALOG, aa.parse_law("turned = id"))
    assert found.verdict == "violated"
    oblong = check_law(CATALOG, aa.parse_law("turn = turned"))
    assert oblong.counterexample is not None
    assert "the left side has 23×33 pixels and the right side 33×23" in str(oblong.counterexample)


def test_words_that_are_equal_for_some_pictures_are_not_equal() -> None:
    found = compare_words(CATALOG, "turn^4", "id")
    assert (found.equal, found.conditions, found.sizes) == (False, SQUARE, ((28, 28), (25, 25)))
    assert found.reason.startswith("equal for square pictures, but not for every picture: turn^4 = id fails on")
    found = compare_words(CATALOG, "crop * pad", "id")
    assert (found.equal, found.conditions) == (False, DARK)
    found = compare_words(CATALOG, "half^2", "id")
    assert (found.equal, found.conditions, found.sizes) == (False, ALWAYS, ((28, 28),))
    assert found.reason.startswith("equal at 28×28 pixels, but not for every picture")
    assert compare_words(CATALOG, "pad * crop", "id").equal is True


def test_nothing_is_proposed_that_is_true_of_some_pictures_only() -> None:
    proposed = [item.equation for item in propose(CATALOG, ["planted.half", "planted.turn", "planted.crop"])]
    assert not [text for text in proposed if text in ("half^2 = id", "turn^4 = id", "turn = turned", "crop * pad = id")]
    assert "pad * crop = id" in [item.equation for item in propose(CATALOG, ["planted.pad"])] + proposed


def test_a_size_that_is_refused_is_left_out_and_named() -> None:
    module = types.ModuleType("picky")

    @aa.hookimpl
    def augalg_register(register: Any) -> None:
        @register("mirror", inverse="self")
        def mirror(x: Tensor) -> Tensor:
            if x.shape[-1] % 2:
                raise ValueError("the width must be even")
            return x.flip(-1)

    module.augalg_register = augalg_register  # type: ignore[attr-defined]
    catalog = aa.load_catalog(aa.Settings(), modules=[module], installed=False)
    (result,) = check_laws(catalog).results
    assert result.verdict == "holds"
    assert "not checked at 23×33 pixels" in result.reason
    assert "the width must be even" in result.reason


PLUGIN = '''"""A plugin with a law that is true of some pictures only."""
import augalgebra as aa


@aa.hookimpl
def augalg_register(register):
    @register("cases.half", {keywords})
    def half(x):
        """{summary}"""
        return {result}
'''
FAULTS = {
    "one size": ('inverse="self"', "x.roll(14, -1)", "half^2 = id", ""),
    "squares": (
        'laws=["cases.half^4 = id"]',
        "(x if x.shape[-1] == x.shape[-2] else x.flip(-1).roll(1, -1)).flip(-1)",
        "half^4 = id",
        "for square pictures",
    ),
}


@pytest.mark.parametrize("fault", ["one size", "squares"])
@pytest.mark.parametrize("command", [("laws", "cases.half"), ("plugins", "check"), ("register",)])
def test_every_gate_finds_out_a_law_of_some_pictures(program: Any, tmp_path: Path, fault: str, command: Any) -> None:
    keywords, result, equation, only_for = FAULTS[fault]
    file = tmp_path / "half_plugin.py"
    file.write_text(PLUGIN.format(keywords=keywords, result=result, summary="Roll."))
    named = command[0] == "laws"
    done = program(*command, *([] if named else [str(file)]), env={"AUGALG_PLUGINS": str(file)} if named else {})
    assert done.code == 1, done.out + done.err
    said = " ".join(done.out.split())
    assert equation in said
    assert "of 23×33 pixels" in said
    assert only_for in said


def test_a_declared_condition_passes_and_is_said_and_survives_the_workspace(program: Any, tmp_path: Path) -> None:
    file = tmp_path / "half_plugin.py"
    keywords, result, _, only_for = FAULTS["squares"]
    declared = keywords.replace('= id"', f'= id {only_for}"')
    file.write_text(PLUGIN.format(keywords=declared, result=result, summary="Mirror squares."))
    assert program("register", str(file)).code == 0
    done = program("equal", "half^5", "half", "--json")
    answer = done.data
    assert (done.code, answer["equal"], answer["level"], answer["conditions"]) == (0, True, "laws", ["square"])
    assert "for square pictures" in program("equal", "half^5", "half").out
    listed = program("plugins", "list", "--json").data["plugins"]
    assert not [info["changed"] for info in listed if info["name"] == "half_plugin" and info["changed"]]
    # without its condition it is another law
    file.write_text(PLUGIN.format(keywords=keywords, result=result, summary="Mirror squares."))
    listed = program("plugins", "list", "--json").data["plugins"]
    changed = next(info["changed"] for info in listed if info["name"] == "half_plugin")
    assert "the laws of cases.half are others now" in changed


def test_the_program_says_where_words_are_equal(program: Any) -> None:
    done = program("equal", "roll(28, 0)", "id", "--json")
    answer = done.data
    assert (done.code, answer["equal"], answer["equal_at"]) == (1, False, [[28, 28]])
    assert answer["counterexample"]["size"] == [23, 33]
    done = program("equal", "invert * rotate(45) * rotate(-45)", "invert")
    assert done.code == 1
    assert "fails on" in done.out
    done = program("compose", "rotate(90)", "--json")
    answer = done.data
    assert (answer["normal_form"], answer["conditions"], answer["period"]) == ("rotate_ccw", ["square"], 4)
    assert answer["conditions_of"]["period"] == answer["conditions_of"]["inverse"] == ["square"]
    done = program("inverse", "rotate(90)")
    assert (done.out.strip(), done.code) == ("rotate_cw", 0)
    assert "for square pictures" in done.err
    assert program("route", "rotate(90)", "flip_lr", "--json").data["conditions"] == ["square"]
    assert "the group Z4 for square pictures" in program("table", "rotate(90)").out


def test_an_inverse_for_squares_is_no_inverse_of_a_rectangle() -> None:
    catalog = aa.load_catalog()
    squares, oblong = torch.rand(2, 1, 12, 12), torch.rand(2, 1, 12, 16)
    undone = catalog.apply("rotate(90) * rotate(90)^-1", squares)
    assert torch.allclose(undone, squares, atol=1e-6)
    assert catalog.apply("rotate_cw^-1", oblong).shape == (2, 1, 16, 12)
    # what is left is to turn back in the frame, as the laws for pictures with a dark border say
    turned = catalog.apply("rotate(90)^-1", oblong)
    assert torch.equal(turned, catalog.apply("rotate(-90)", oblong))
