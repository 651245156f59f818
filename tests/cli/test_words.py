"""Composition queries, asked as a user would."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest


def answer(program: Callable[..., Any], *arguments: str, code: int = 0) -> Any:
    done = program(*arguments, "--json")
    assert done.code == code, done.err
    assert done.err == ""
    return done.data


@pytest.mark.parametrize(
    ("word", "normal_form"),
    [
        ("flip_lr * flip_ud * rotate_cw^2", "id"),
        ("rotate(30) * flip_lr * rotate(30)", "flip_lr"),
        ("flip_lr * flip_ud", "rotate_180"),
        ("rotate_cw^3", "rotate_ccw"),
        ("rotate_cw^-1", "rotate_ccw"),
        ("roll(1, 0) * roll(2, 3) * roll(-3, -3)", "id"),
        ("shear_x * shear_x^-1", "id"),
        ("canny * flip_lr^2", "canny"),
        ("id", "id"),
    ],
)
def test_compose_gives_the_normal_form(program: Callable[..., Any], word: str, normal_form: str) -> None:
    assert answer(program, "compose", word)["normal_form"] == normal_form


def test_compose_says_what_kind_of_word_it_is(program: Callable[..., Any]) -> None:
    found = answer(program, "compose", "rotate_cw")
    expected = {
        "word": "rotate_cw",
        "normal_form": "rotate_cw",
        "inverse": "rotate_ccw",
        "period": 4,
        "involutory": False,
        "idempotent": False,
        "invertible": True,
    }
    assert {key: found[key] for key in expected} == expected


def test_compose_tells_that_canny_cannot_be_undone(program: Callable[..., Any]) -> None:
    found = answer(program, "compose", "flip_lr * canny")
    assert (found["inverse"], found["invertible"]) == (None, False)
    assert "canny has no inverse" in found["reason"]


def test_an_answer_that_rests_on_interpolation_says_so(program: Callable[..., Any]) -> None:
    assert answer(program, "compose", "rotate(20) * rotate(25)")["scope"] == "approximate"
    assert answer(program, "compose", "flip_lr * flip_ud")["scope"] == "exact"


def test_equal_words_come_with_a_proof(program: Callable[..., Any]) -> None:
    found = answer(program, "equal", "rotate_cw * flip_lr", "flip_lr * rotate_cw^-1")
    assert (found["equal"], found["level"]) == (True, "laws")
    chain = found["proof"]
    assert chain[0]["before"] == "rotate_cw * flip_lr"
    assert chain[-1]["after"] == "flip_lr * rotate_cw^-1"
    assert all(one["after"] == two["before"] for one, two in itertools.pairwise(chain))


def test_unequal_words_come_with_a_counterexample(program: Callable[..., Any]) -> None:
    found = answer(program, "equal", "rotate_cw * flip_lr", "flip_lr * rotate_cw", code=1)
    assert (found["equal"], found["level"]) == (False, "pixel")
    assert found["counterexample"]["probe"]
    assert found["counterexample"]["lhs"] != found["counterexample"]["rhs"]


def test_what_no_law_says_can_still_be_seen_on_images(program: Callable[..., Any]) -> None:
    words = ("invert * posterize(1)", "posterize(1) * invert")
    by_laws = program("equal", *words, "--level", "laws", "--json")
    on_images = program("equal", *words, "--level", "pixel", "--json")
    assert by_laws.code == on_images.code == 1
    assert on_images.data["level"] == "pixel"


def test_route_leads_from_one_view_to_another(program: Callable[..., Any]) -> None:
    way = answer(program, "route", "flip_lr", "rotate_cw")["route"]
    assert answer(program, "equal", f"flip_lr * {way}", "rotate_cw")["equal"] is True


def test_the_table_of_the_square(program: Callable[..., Any]) -> None:
    found = answer(program, "table", "flip_lr", "rotate_cw")
    assert (found["order"], found["group"], found["complete"]) == (8, "D4", True)
    assert [sorted(row) for row in found["table"]] == [list(range(8))] * 8


def test_a_table_without_end_is_bounded_and_says_so(program: Callable[..., Any]) -> None:
    done = program("table", "roll(1, 0)", "--bound", "50")
    assert done.code == 1
    assert "not finished after 50 elements" in done.out
    told = program("table", "roll(1, 0)", "--bound", "50", "--json")
    assert (told.code, told.data["complete"]) == (1, False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compose", "flip_rl"], "unknown augmentation 'flip_rl'; did you mean"),
        (["compose", "flip_lr * * flip_ud"], "flip_lr * * flip_ud"),
        (["compose", "rotate"], "rotate needs degrees"),
        (["compose", "flip_lr(3)"], "flip_lr takes no parameters, not 1"),
        (["compose", "posterize(2.5)"], "bits must be a whole number, not 2.5"),
        (["inverse", "canny"], "canny has no inverse"),
        (["compose", "canny^-1"], "canny has no inverse"),
        (["route", "canny", "flip_lr"], "canny has no inverse"),
        (["equal", "flip_lr"], "Missing argument"),
        (["compose", "(flip_lr*rotate_cw)^9999999"], "at most 100000 can be spelt out"),
        (["nonsense"], "No such command"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_gets_one_clear_line(program: Callable[..., Any], arguments: list[str], message: str) -> None:
    done = program(*arguments, env={"COLUMNS": "200"})
    assert done.code == 2
    assert done.out == ""
    assert message in done.err
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("arguments", "option", "needs"),
    [
        (["compose", "flip_lr", "--data", "mnist"], "--data", "a trained run: add --model RUN"),
        (["compose", "flip_lr", "--images", "500"], "--images", "a trained run: add --model RUN"),
        (["equal", "flip_lr", "flip_ud", "--data", "mnist"], "--data", "a trained run: add --model RUN"),
        (["equal", "flip_lr", "flip_ud", "--data-dir", "."], "--data-dir", "a trained run: add --model RUN"),
        (["equal", "flip_lr", "flip_ud", "--threshold", "0.1"], "--threshold", "a trained run: add --model RUN"),
        (["equal", "flip_lr", "flip_ud", "--level", "laws", "--size", "9"], "--size", "images: leave --level out"),
        (["route", "flip_lr", "flip_ud", "--images", "3"], "--images", "a trained run: add --model RUN"),
        (["register", "negate.py", "--fit", "ridge"], "--fit", "a trained run: add --model RUN"),
        (["register", "negate.py", "--data", "mnist"], "--data", "a trained run: add --model RUN"),
        (["operators", "run", "--data", "mnist"], "--data", "operators to add: --add AUGMENTATION"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_option_without_effect_is_refused(
    program: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, arguments: list[str], option: str, needs: str
) -> None:
    monkeypatch.setenv("AUGALG_DATA", ".")  # said for every command, so that it may have no effect
    done = program(*arguments)
    assert (done.code, done.out) == (2, "")
    assert f"{option} has no effect without {needs}" in done.err
    assert len(done.err.splitlines()) == 1
    assert program(*arguments[: 3 if arguments[0] in ("equal", "route") else 2]).err.count("has no effect") == 0


def test_a_syntax_error_has_a_caret_under_the_place(program: Callable[..., Any]) -> None:
    lines = program("compose", "flip_lr * * flip_ud").err.splitlines()
    assert lines[1].index("flip_lr") + 10 == lines[2].index("^")


def test_debug_shows_the_traceback(program: Callable[..., Any]) -> None:
    assert "Traceback" in program("--debug", "compose", "flip_rl").err


@pytest.mark.parametrize(
    "command", ["compose", "inverse", "route", "equal", "table", "laws", "discover", "list", "demo"]
)
def test_help_has_an_example(program: Callable[..., Any], command: str) -> None:
    done = program(command, "--help")
    assert done.code == 0
    assert f"augalg {command}" in done.out
    assert max(map(len, done.out.splitlines())) <= 80


def test_the_steps_of_an_endless_proof_are_said_to_be_left_out(program: Callable[..., Any]) -> None:
    word = " * ".join(["flip_lr", "rotate_cw"] * 1000)
    for command in (["compose", word], ["equal", word, "id"]):
        answer = program(*command, "--json").data
        assert (answer["proof"], answer["proof_left_out"]) == ([], True)
        assert {law["declared_by"] for law in answer["rests_on"]} == {"dihedral"}
        done = program(*command)
        assert done.code == 0
        assert "its steps are left out, the laws it rests on are named" in done.err
    assert program("compose", "flip_lr * flip_lr", "--json").data["proof_left_out"] is False
