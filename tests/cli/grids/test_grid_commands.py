"""Operators on a pretrained autoencoder from the command line: made, asked, applied, reported, extended, refused."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from grid_spaces import know_waves, patch_space, save_photographs, save_small_autoencoder
from PIL import Image

from augalgebra import load_catalog
from augalgebra.runs import GridRun, make_grid_run
from augalgebra.training import GridSettings

Program = Callable[..., "Done"]  # type: ignore[name-defined]  # noqa: F821 (of tests/conftest.py)

MAKE = ("--fit", "kernel", "--kernel", "1", "--size", "32", "--crops", "40", "--images", "3")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("grids")
    photographs = save_photographs(root / "photographs")
    settings = GridSettings(fit="kernel", kernel=1, size=32, crops=40)
    with pytest.MonkeyPatch.context() as monkeypatch:
        know_waves(monkeypatch)
        make_grid_run(root / "run", "waves:right", photographs, ["flip_lr"], settings, load_catalog())
    return root


@pytest.fixture
def augalg(program: Program, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """The program in a folder with a run of operators on an autoencoder whose exact operators are known."""
    know_waves(monkeypatch)
    shutil.copytree(made / "run", tmp_path / "run")
    return program


def test_a_run_is_made_and_shown(augalg: Program, made: Path, tmp_path: Path) -> None:
    done = augalg(
        "operators", "new", "--space", "waves:right", "--data", str(made / "photographs"), "--augs", "flip_lr", *MAKE
    )
    assert done.code == 0, done.err
    assert "flip_lr" in done.out
    assert "of 1 element 1 hold." in done.out
    assert done.out.splitlines()[-1] == "The run is in new"
    assert {"run.toml", "operators.safetensors", "check.json"} <= {path.name for path in (tmp_path / "new").iterdir()}
    assert json.loads((tmp_path / "new/check.json").read_text())["words"][0]["verdict"] == "holds"

    shown = augalg("operators", "new", "--json").data
    assert (shown["kind"], shown["channels"], shown["stride"]) == ("grid", 27, 8)
    assert [item["word"] for item in shown["operators"]] == ["dihedral.flip_lr"]
    again = augalg(
        "operators", "new", "--space", "waves:right", "--data", str(made / "photographs"), "--augs", "flip_ud", *MAKE
    )
    assert (again.code, "--overwrite" in again.err) == (2, True)


def test_a_family_that_cannot_be_fitted_is_told(augalg: Program, tmp_path: Path) -> None:
    photographs = save_photographs(tmp_path / "photographs")
    augs = ("--augs", "roll(8, 0),roll(16, 0)")
    done = augalg("operators", "new", "--space", "waves:right", "--data", str(photographs), *augs, *MAKE)
    assert done.code == 0, done.err
    told = [line for line in done.out.splitlines() if line.startswith("no family")]
    assert told == ["no family: roll(8, 0), roll(16, 0) do nothing that a family of kernels could learn from"]


def test_words_are_checked_against_a_bar(augalg: Program) -> None:
    done = augalg("check", "run", "--images", "3", "--bar", "0.9", "--json")
    assert done.code == 0, done.err
    (word,) = done.data["words"]
    assert (word["word"], word["verdict"], done.data["passed"]) == ("flip_lr", "holds", True)
    assert set(word["ways"]) == {"operator", "plain", "round trip", "floor", "identity"}
    missed = augalg("check", "run", "--images", "3", "--bar", "1.5")
    assert missed.code == 1
    assert missed.out.splitlines()[-1].startswith("bar 1.5: missed, flip_lr makes")


def test_words_are_asked_with_model(augalg: Program) -> None:
    composed = augalg("compose", "flip_lr^3", "--model", "run", "--images", "2", "--json")
    assert composed.code == 0, composed.err
    assert composed.data["measured"]["score"]["operator"] == "flip_lr"
    assert composed.data["measured"]["images"] == 2
    equal = augalg("equal", "flip_lr^3", "flip_lr", "--model", "run", "--images", "2", "--json")
    assert (equal.code, equal.data["measured"]["equal"]) == (0, True)
    other = augalg("equal", "flip_lr", "id", "--level", "latent", "--model", "run", "--images", "2")
    assert other.code == 1
    assert "codes differ by" in other.out
    route = augalg("route", "flip_lr", "id", "--model", "run", "--images", "2")
    assert route.code == 0, route.err
    assert "floor" in route.out
    shown = augalg("compose", "flip_lr^3", "--model", "run", "--images", "2")
    assert "by the operators of the letters" in shown.out


def test_pictures_of_any_size_are_moved(augalg: Program, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (43, 60, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    done = augalg("apply", "run", "flip_lr", "a.png", "--out", "moved", "--json")
    assert done.code == 0, done.err
    assert done.data["operator"] == "flip_lr"
    assert "a.png is cut to 56×40 pixels, which the stride, 8, divides" in done.err
    moved = np.asarray(Image.open(tmp_path / "moved/a.png"))
    assert moved.shape == (40, 56, 3)
    cut = torch.from_numpy(pixels[1:41, 2:58].copy()).permute(2, 0, 1)[None] / 255
    space = patch_space()
    floor = space.decode(space.encode(cut.flip(-1)))[0]
    assert np.abs(moved / 255 - floor.permute(1, 2, 0).numpy()).mean() < 0.02


def test_a_report_is_one_page_with_sliders(augalg: Program, tmp_path: Path) -> None:
    done = augalg("report", "run", "--images", "2", "--json")
    assert done.code == 0, done.err
    assert done.data["measured"] is True
    page = (tmp_path / "run/report.html").read_text()
    assert 'class="slider"' in page
    assert "http" not in page.replace("http-equiv", "")
    kinds = [block["kind"] for section in done.data["sections"] for block in section["blocks"]]
    assert {"slider", "picture", "table", "heatmap", "cayley"} <= set(kinds)
    assert (tmp_path / "run/figures/word-1-before.png").exists()

    run = tmp_path / "run/run.toml"
    run.write_text("\n".join(line for line in run.read_text().splitlines() if '"run.toml"' not in line))
    elsewhere = augalg("report", "run", "--space", "waves:wrong", "--out", "other.html", "--json")
    assert elsewhere.code == 0
    assert elsewhere.data["measured"] is False
    assert "--space" in elsewhere.data["missing"]
    assert "Not reported" in (tmp_path / "other.html").read_text()


def test_operators_are_added_and_registered(augalg: Program, tmp_path: Path) -> None:
    done = augalg("operators", "run", "--add", "flip_ud", "--images", "2", "--json")
    assert done.code == 0, done.err
    assert [item["word"] for item in done.data["added"]] == ["flip_ud", "flip_lr * flip_ud"]
    (tmp_path / "mine.py").write_text(
        "import augalgebra as aa\n\n@aa.hookimpl\ndef augalg_register(register):\n"
        "    register('mine.turn', period=2)(lambda x: x.flip(-1).flip(-2))\n"
    )
    registered = augalg("register", "mine.py", "--model", "run", "--json")
    assert registered.code == 0, registered.err
    assert registered.data["latent"]["operators"][0]["word"] == "turn"
    words = {str(word) for word in GridRun.load(tmp_path / "run", load_catalog(), accept_stale=True).registry.words}
    assert "mine.turn" in words
    gone = augalg("unregister", "mine", "--model", "run", "--json")
    assert gone.code == 0, gone.err
    assert "turn" in " ".join(gone.data["operators"])
    words = {str(word) for word in GridRun.load(tmp_path / "run", load_catalog()).registry.words}
    assert words == {"dihedral.flip_lr", "dihedral.flip_ud", "dihedral.flip_lr * dihedral.flip_ud"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("operators new --augs flip_lr", "add --space taesd:FOLDER"),
        ("operators new --space waves:right --augs flip_lr", "add --data FOLDER"),
        ("operators run --kernel 3", "--kernel has no effect without operators to make"),
        ("operators run --budget 3m", "--budget has no effect without operators to add"),
        ("operators run --fit kernel", "--fit is for the operators that are added"),
        ("operators run --add flip_ud --data-dir .", "--data-dir has no effect"),
        ("operators new --space taesd:empty --data photographs --augs flip_lr", "holds no weights"),
        ("operators new --space waves:right --data photographs --augs flip_lr --size 36", "multiples of 8 can"),
        ("operators new --space waves:right --data photographs --augs brightness", "brightness needs delta"),
        ("check run --head main", "--head has no effect without a latent space that 'augalg train' made"),
        ("check run --by-label", "--by-label has no effect"),
        ("apply run flip_lr a.png --out o --refine", "--refine has no effect"),
        ("apply run rotate_cw a.png --out o", "'augalg operators run --add \"rotate_cw\"' fits one"),
        ("apply run flip_lr small.png --out o", "at least 8×8 are needed"),
        ("check run --space waves:wrong", "is not the autoencoder"),
        ("check run --space nowhere", "has moved, name it with --space"),
        ("compose flip_lr --space waves:right", "--space has no effect without a trained run"),
        ("compose flip_lr --model run --data-dir .", "--data-dir has no effect"),
        ("sample run --out s.png", "needs a latent space that 'augalg train' made"),
        ("transfer run flip_ud", "needs a latent space that 'augalg train' made"),
        ("register albumentations:HorizontalFlip --model run --transfer", "--transfer has no effect"),
        ("register albumentations:HorizontalFlip --model run --space waves:wrong", "is not the autoencoder"),
    ],
)
def test_what_does_not_go_is_said_in_one_line(
    augalg: Program, made: Path, tmp_path: Path, arguments: str, message: str
) -> None:
    (tmp_path / "empty").mkdir()
    Image.new("RGB", (40, 40)).save(tmp_path / "a.png")
    Image.new("RGB", (6, 40)).save(tmp_path / "small.png")
    (tmp_path / "photographs").symlink_to(made / "photographs")
    done = augalg(*arguments.split(" "))
    assert done.code == 2, done.out + done.err
    assert message in done.err
    assert done.err.startswith("error: ")
    assert done.err.count("\n") == 1


def test_an_autoencoder_from_files_goes_all_the_way(program: Program, made: Path, tmp_path: Path) -> None:
    save_small_autoencoder(tmp_path / "small")
    arguments = ["--space", "taesd:small", "--data", str(made / "photographs"), "--augs", "flip_lr,rotate_cw", *MAKE]
    done = program("operators", "run", *arguments, "--json")
    assert done.code == 0, done.err
    assert len(done.data["words"]) == 7
    assert program("check", "run", "--images", "1", "--json").code == 0
    assert program("report", "run", "--images", "1", "--json").code == 0
    (tmp_path / "small").rename(tmp_path / "elsewhere")
    lost = program("check", "run", "--images", "1")
    assert (lost.code, "name it with --space" in lost.err) == (2, True)
    assert program("check", "run", "--images", "1", "--space", "taesd:elsewhere", "--json").code == 0
