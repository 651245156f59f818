"""Checking and discovering laws, and listing what is there, as a user would."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PLANTED = """
import augalgebra as aa

@aa.hookimpl
def augalg_register(register):
    @register("copy.rotate_cw", {rotate_cw}, shape="transposed")
    def rotate_cw(x):
        return x.rot90(-1, (-2, -1))

    @register("copy.flip_lr", inverse="self"{flip_lr})
    def flip_lr(x):
        return x.flip(-1)
"""


def plant(folder: Path, *, rotate_cw: str = "period=4", flip_lr: str = "") -> dict[str, str]:
    file = folder / "copy.py"
    file.write_text(PLANTED.format(rotate_cw=rotate_cw, flip_lr=flip_lr))
    return {"AUGALG_PLUGINS": str(file)}


def test_a_plugin_without_fault_passes(program: Callable[..., Any], tmp_path: Path) -> None:
    done = program("laws", "copy", env=plant(tmp_path))
    assert done.code == 0, done.out
    assert "2 laws: 2 hold" in done.out


@pytest.mark.parametrize(
    ("fault", "equation", "instead"),
    [
        ({"rotate_cw": 'inverse="self"'}, "copy.rotate_cw^2 = id", "copy.rotate_cw^4 = id"),
        (
            {"flip_lr": ', commutes_with=["copy.rotate_cw"]'},
            "copy.flip_lr * copy.rotate_cw = copy.rotate_cw * copy.flip_lr",
            "copy.flip_lr * copy.rotate_cw = copy.rotate_cw^-1 * copy.flip_lr",
        ),
    ],
    ids=["involutory", "commuting"],
)
def test_a_planted_fault_is_caught_with_the_law_that_holds(
    program: Callable[..., Any], tmp_path: Path, fault: dict[str, str], equation: str, instead: str
) -> None:
    done = program("laws", "copy", "--json", env=plant(tmp_path, **fault))
    assert done.code == 1
    (violated,) = [item for item in done.data["results"] if item["verdict"] == "violated"]
    assert violated["equation"] == equation
    assert violated["alternative"]["equation"] == instead
    assert violated["counterexample"]["error"] > violated["tolerance"]
    assert violated["moved"] > 0


def test_laws_are_shown_within_80_columns_without_colour(program: Callable[..., Any], tmp_path: Path) -> None:
    done = program("laws", "copy", env=plant(tmp_path, rotate_cw='inverse="self"'))
    assert done.code == 1
    assert "\x1b" not in done.out
    table = done.out.split("violated:")[0]
    assert max(map(len, table.splitlines())) <= 80


def test_laws_on_pictures_of_a_folder(program: Callable[..., Any], tmp_path: Path) -> None:
    from PIL import Image

    pictures = tmp_path / "pictures"
    pictures.mkdir()
    picture = Image.linear_gradient("L").rotate(30).resize((40, 40))
    picture.save(pictures / "one.png")
    done = program("laws", "flip_lr", "--probes", str(pictures))
    assert done.code == 0, done.out + done.err
    Image.new("L", (40, 40), 128).save(pictures / "one.png")
    constant = program("laws", "flip_lr", "--probes", str(pictures), "--json")
    verdicts = {item["verdict"] for item in constant.data["results"] if item["law"] == "involutory"}
    assert verdicts == {"vacuous"}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: None, "neither 'builtin' nor 'digits' nor a folder"),
        (lambda folder: folder.mkdir(), "no picture"),
        (lambda folder: (folder.mkdir(), (folder / "x.png").write_bytes(b"not a picture")), "x.png"),
    ],
    ids=["missing", "empty", "unreadable"],
)
def test_bad_pictures_get_one_clear_line(
    program: Callable[..., Any], tmp_path: Path, make: Callable[[Path], object], message: str
) -> None:
    make(tmp_path / "pictures")
    done = program("laws", "flip_lr", "--probes", "pictures")
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert len(done.err.splitlines()) == 1


def test_an_unknown_name_is_bad_input(program: Callable[..., Any]) -> None:
    done = program("laws", "flip_rl")
    assert done.code == 2
    assert "did you mean" in done.err


@pytest.mark.parametrize(
    ("names", "order", "group", "abelian"),
    [
        (["flip_lr", "rotate_cw"], 8, "D4", False),
        (["flip_lr", "flip_ud"], 4, "Z2×Z2", True),
        (["rotate_cw"], 4, "Z4", True),
        (["roll(1,0)"], 28, "Z28", True),
    ],
)
def test_discover_finds_the_group(
    program: Callable[..., Any], names: list[str], order: int, group: str, abelian: bool
) -> None:
    done = program("discover", *names, "--size", "28", "--json")
    assert done.code == 0, done.err
    found = done.data
    assert (found["order"], found["group"], found["abelian"], found["complete"]) == (order, group, abelian, True)
    assert len(found["elements"]) == len(found["table"]) == order


def test_a_closure_that_does_not_finish_says_so(program: Callable[..., Any]) -> None:
    asked = ("discover", "brightness(0.001)", "--bound", "20")
    done = program(*asked, "--json")
    assert (done.code, done.data["complete"]) == (1, False)
    assert program(*asked).code == 1


def test_a_failed_plugin_is_listed_with_its_reason(program: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise RuntimeError('no such device')")
    env = {"AUGALG_PLUGINS": str(tmp_path)}
    listed = program("plugins", "list", env=env)
    assert listed.code == 0
    assert "broken failed: RuntimeError: no such device" in listed.out
    assert program("compose", "flip_lr^2", env=env).code == 0
    shown = program("plugins", "info", "broken", "--traceback", env=env)
    assert "Traceback" in shown.out


def test_list_shows_everything_that_the_slides_use(program: Callable[..., Any]) -> None:
    listed = program("list", "--json").data["augmentations"]
    names = {item["name"].split(".")[1] for item in listed}
    slides = {
        "flip_lr", "flip_ud", "rotate_cw", "rotate_ccw", "gaussian_blur", "edge_detect",
        "shear_x", "canny", "mini_image", "tl_sap_noise", "sap_noise",
    }  # fmt: skip
    assert slides <= names
    assert max(map(len, program("list").out.splitlines())) <= 80


def test_pictures_have_sizes_at_which_no_law_comes_round(program: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "rolls.py").write_text(
        "import augalgebra as aa\n"
        "@aa.hookimpl\n"
        "def augalg_register(register):\n"
        "    @register('rolls.down', laws=['down(16100) = id'])\n"  # 28 * 23 * 25 rows
        "    def down(x, rows):\n"
        "        return x.roll(rows, -2)\n"
    )
    done = program("laws", "rolls", "--probes", "digits", env={"AUGALG_PLUGINS": str(tmp_path / "rolls.py")})
    assert done.code == 1, done.out
    assert "1 violated" in done.out
