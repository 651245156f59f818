"""``augalg invert`` and ``augalg matrix``, asked as a user would."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PLUGIN = """
import augalgebra as aa

@aa.hookimpl
def augalg_register(register):
    @register("acme.turn", inverse="self", commutes_with=["acme.shift"])
    def turn(x):
        return x.rot90(1, (-2, -1))

    @register("acme.shift")
    def shift(x):
        return x.roll(1, -1)

    @register("acme.broken")
    def broken(x):
        raise ValueError("no luck")
"""


def test_a_pipeline_is_judged_step_by_step(program: Callable[..., Any]) -> None:
    done = program("invert", "flip_lr * rotate_cw^2 * posterize(3)", "--json", "--size", "12")
    answer = done.data
    assert done.code == 1
    assert [step["verdict"] for step in answer["steps"]] == ["exact", "exact", "impossible"]
    assert (answer["verdict"], answer["inverse"], answer["basis"]) == ("impossible", None, "laws")

    done = program("invert", "flip_lr * rotate_cw")
    assert done.code == 0, done.err
    assert "anti_transpose" in done.out


def test_an_approximate_inverse_counts_when_asked_for(program: Callable[..., Any]) -> None:
    assert program("invert", "rotate(30)").code == 1
    done = program("invert", "rotate(30)", "--approximate")
    assert done.code == 0
    assert "lossy" in done.out


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        ("flop", "unknown augmentation 'flop'"),
        ("none.json", "cannot read none.json"),
        ("albumentations:Compose([HorizontalFlip()])", "step 1, HorizontalFlip, happens with probability 0.5 only"),
    ],
)
def test_bad_pipelines_get_one_clear_line(program: Callable[..., Any], pipeline: str, message: str) -> None:
    done = program("invert", pipeline)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert message in done.err


def test_the_matrix_marks_what_laws_and_images_disagree_on(program: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "acme.py").write_text(PLUGIN)
    names = ["acme.turn", "acme.shift", "acme.broken", "invert"]
    written = ["--out", "page.md", "--csv", "all.csv", "--size", "12"]
    done = program("matrix", *names, *written, "--json", env={"AUGALG_PLUGINS": str(tmp_path / "acme.py")})
    assert (done.code, done.err) == (1, "")
    answer = done.data
    assert [item["name"] for item in answer["augmentations"]] == ["acme.turn", "acme.shift", "invert"]
    assert answer["augmentations"][0]["involutory"]["mismatch"] is True
    assert [pair["mismatch"] for pair in answer["pairs"]] == [True, False, False]
    assert answer["left_out"][0]["name"] == "acme.broken"
    assert "no luck" in answer["left_out"][0]["reason"]
    page = (tmp_path / "page.md").read_text()
    assert "augalg matrix acme.turn acme.shift acme.broken invert --size 12 --out page.md" in page
    assert len((tmp_path / "all.csv").read_text().splitlines()) == 1 + 3 * 3 + 3

    done = program("matrix", "flip_lr", "invert", "--size", "12")
    assert (done.code, done.err) == (0, "")
    assert "commute" in done.out


def test_bad_names_get_one_clear_line(program: Callable[..., Any]) -> None:
    for arguments, message in (
        (["flop"], "unknown augmentation 'flop'"),
        (["--examples", "no"], "unknown plugin 'no'"),
        (["--out", "."], "--out . is a folder"),
        (["flip_lr", "--csv", "."], "--csv . is a folder"),
        (["flip_lr", "--out", "a.md", "--csv", "./a.md"], "--out and --csv are one file, a.md; give each"),
    ):
        done = program("matrix", *arguments)
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
        assert message in done.err


def test_geometry_alone_and_records(program: Callable[..., Any], tmp_path: Path) -> None:
    assert program("invert", "flip_lr * posterize(3)").code == 1
    done = program("invert", "invert * flip_lr * posterize(3)", "--geometry", "--json")
    answer = done.data
    assert (done.code, answer["verdict"], [step["name"] for step in answer["steps"]]) == (0, "exact", ["flip_lr"])
    done = program("invert", "invert * flip_lr * posterize(3)", "--geometry")
    assert "2  flip_lr" in done.out
    flip = {"__class_fullname__": "HorizontalFlip", "p": 0.5, "applied": True, "params": {"shape": [20, 28, 3]}}
    still = {"__class_fullname__": "Transpose", "p": 0.5, "applied": False, "params": None}
    record = {"__class_fullname__": "ReplayCompose", "applied": True, "params": None, "transforms": [flip, still]}
    (tmp_path / "record.json").write_text(json.dumps(record))
    done = program("invert", "record.json", "--json")
    assert (done.code, done.data["inverse"]) == (0, "flip_lr")


def test_what_holds_for_squares_only_is_shown_as_such(program: Callable[..., Any]) -> None:
    done = program("invert", "rotate(90)")
    assert "exact for square pictures" in done.out
    assert program("invert", "rotate(90)", "--json").data["conditions"] == ["square"]


def test_the_matrix_on_pictures_of_a_data_set(program: Callable[..., Any], few_digits: Path) -> None:
    done = program("matrix", "flip_lr", "do_light(30)", "--data", str(few_digits), "--json")
    assert done.code == 0, done.err
    found = done.data
    assert found["pictures"] == f"9 pictures of {few_digits} of 16×16 pixels"
    assert [item["name"] for item in found["augmentations"]] == ["flip_lr"]
    assert [item["name"] for item in found["left_out"]] == ["do_light(30)"]
    done = program("matrix", "flip_lr", "--data", "pendulums")
    assert (done.code, "did you mean pendulum?" in done.err) == (2, True)
