"""Data sets of users through the program: what it takes, what it says of them, and how it ends."""

import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from augalgebra.data import draw_pendulum

TRAIN = ("--width", "4", "--dim", "4", "--epochs", "1")


def save_classes(folder: Path, names: tuple[str, ...] = ("10", "9"), count: int = 10) -> None:
    """Pictures of noise, 16×16, in one folder for each class."""
    generator = np.random.default_rng(0)
    for name in names:
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.fromarray(generator.integers(0, 256, (16, 16), np.uint8)).save(folder / name / f"{number}.png")


def turned(path: Path) -> None:
    """A picture that lies on its side and says so."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (16, 16), np.uint8)).save(path, exif=exif)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a folder with two classes, one picture on its side and two broken, beside that folder."""
    from augalgebra import load_catalog
    from augalgebra.data.loading import load_data
    from augalgebra.runs.stages import train
    from augalgebra.training.settings import TrainSettings

    folder = tmp_path_factory.mktemp("trained")
    save_classes(folder / "pictures", count=25)
    turned(folder / "pictures" / "9" / "turned.jpg")
    (folder / "pictures" / "9" / "text.png").write_text("no picture")
    os.mkfifo(folder / "pictures" / "10" / "pipe.png")
    data = load_data(folder / "pictures", skip_broken=True)
    settings = TrainSettings(data="pictures", width=4, dim=4, epochs=1, kl_weight=0.0)
    train(folder / "run", settings, load_catalog(), data=data)
    return folder


@pytest.fixture
def workspace(trained: Path, tmp_path: Path) -> Path:
    """A copy of it in the folder that programs run in."""
    shutil.copytree(trained / "run", tmp_path / "run")
    (tmp_path / "pictures").symlink_to(trained / "pictures")
    return tmp_path


@pytest.mark.timeout(120)
def test_a_folder_as_its_owner_has_it_is_trained_on(program: Callable[..., Any], tmp_path: Path) -> None:
    save_classes(tmp_path / "pictures")
    turned(tmp_path / "pictures" / "9" / "turned.jpg")
    (tmp_path / "pictures" / "9" / "text.png").write_text("no picture")
    os.mkfifo(tmp_path / "pictures" / "10" / "pipe.png")
    refused = program("train", "run", "--data", "pictures", *TRAIN)
    assert (refused.code, refused.out) == (2, "")
    *_, error = refused.err.splitlines()  # how far the reading came stands above
    assert error.startswith("error: 2 of 23 pictures cannot be read: pictures/10/pipe.png (it is no regular file)")
    assert ", pictures/9/text.png (" in error
    assert not (tmp_path / "run").exists()

    done = program("train", "run", "--data", "pictures", "--skip-broken", *TRAIN, "--json")
    assert done.code == 0, done.err
    assert "2 of 23 pictures left out, since they cannot be read: pictures/10/pipe.png, pictures/9/text.png" in done.err
    assert "1 picture turned upright by EXIF data: pictures/9/turned.jpg" in done.err
    assert {label for word in done.data["words"] for label in word["by_label"]} == {"10", "9"}
    checked = program("check", "run", "--by-label")
    assert checked.code == 0, checked.err
    assert "2 of 23 pictures left out" in checked.err
    assert set() < set(re.findall(r"(\S+) \(-?\d+\.\d{3}\)", checked.out)) <= {"10", "9"}


def test_classes_have_their_names_wherever_they_are_shown(program: Callable[..., Any], workspace: Path) -> None:
    """By text the class 10 comes before 9, so that its label is 0."""
    path = program("interpolate", "run", "0", "9", "--out", "path.png")
    assert "path.png: from a 10 to a 9 in 7 steps" in path.out
    assert ["10", "9"] == program("interpolate", "run", "0", "9", "--out", "path.png", "--json").data["labels"]
    repeated = program(
        "recurse", "run", "flip_lr", "--repeats", "2", "--plain", "--trajectory", "way.png", "--json"
    ).data
    assert {"10", "9"} == repeated["curves"]["plain"]["by_label"].keys()
    assert ["10", "9"] == [example["label"] for example in repeated["trajectories"][0]["examples"]]
    assert "worst is label" in program("recurse", "run", "flip_lr", "--repeats", "2", "--plain").out
    assert program("report", "run", "--images", "10").code == 0
    page = (workspace / "run" / "report.html").read_text()
    assert "worst class" in page
    assert "by class" in page


def test_a_gallery_names_the_classes_of_its_rows(
    program: Callable[..., Any], workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from augalgebra.reports import run_gallery

    titles: list[str] = []
    draw = run_gallery.draw_gallery
    monkeypatch.setattr(
        run_gallery,
        "draw_gallery",
        lambda panels, path: titles.extend(panel.title for panel in panels) or draw(panels, path),
    )
    assert program("report", "run", "--images", "10").code == 0
    assert ["pictures: flip_lr, flip_ud; rows 10, 9"] == titles


WAVES = """
import augalgebra as aa

@aa.hookimpl
def augalg_register(register):
    @register("waves.negate", inverse="self")
    def negate(x):
        return 1 - x
"""
COMMANDS = (
    ("check", "run", "--images", "2"),
    ("register", "waves.py", "--model", "run"),
    ("transfer", "run", "canny", "--epochs", "1"),
    ("operators", "run", "--add", "canny"),
    ("slides", "geometry", "run", "--images", "10", "--method", "pca"),
    ("interpolate", "run", "0", "1", "--out", "path.png"),
    ("sample", "run", "--n", "2", "--out", "samples.png"),
    ("recurse", "run", "flip_lr", "--repeats", "2", "--plain"),
    ("report", "run", "--images", "2"),
    ("compose", "flip_lr", "--model", "run", "--images", "2"),
    ("equal", "flip_lr", "flip_ud", "--model", "run", "--images", "2"),
    ("route", "id", "flip_lr", "--model", "run", "--images", "2"),
    ("slides", "fractions", "run", "--images", "2", "--fitted", "15,30", "--unseen", "20"),
)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_run_whose_pictures_moved_takes_them_from_where_they_are(
    program: Callable[..., Any], workspace: Path, command: tuple[str, ...]
) -> None:
    (workspace / "pictures").rename(workspace / "moved")
    (workspace / "waves.py").write_text(WAVES)
    lost = program(*command)
    hint = "unknown data set 'pictures'; Known are "
    if command[0] == "report":  # reports what needs no pictures
        assert (lost.code, hint in lost.err) == (0, True)
    else:
        assert (lost.code, lost.err.startswith(f"error: {hint}")) == (2, True), lost.err
    assert "if the data of run have moved, name them with --data" in lost.err
    found = program(*command, "--data", "moved", "--json")
    assert found.code == (1 if command[0] == "equal" else 0), found.err
    json.loads(found.out)
    assert "2 of 53 pictures left out" in found.err


def test_an_interrupted_training_goes_on_with_pictures_that_moved(trained: Path, tmp_path: Path) -> None:
    from augalgebra import load_catalog
    from augalgebra.data.loading import load_data
    from augalgebra.errors import RunError
    from augalgebra.runs.stages import train
    from augalgebra.training.settings import TrainSettings

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    settings = TrainSettings(data="before", width=4, dim=4, epochs=1)
    data, moved = load_data(trained / "pictures", skip_broken=True), replace(settings, data="after")
    (tmp_path / "run").mkdir()
    assert train(tmp_path / "run", settings, load_catalog(), data=data, progress=stop).ended == "interrupted"
    with pytest.raises(RunError, match="trained with fingerprint"):
        train(tmp_path / "run", moved, load_catalog(), data=data.part(20), resume=True)
    resumed = train(tmp_path / "run", moved, load_catalog(), data=replace(data, name="after"), resume=True)
    assert (resumed.ended, resumed.settings.data, resumed.data["name"]) == ("limit", "after", "after")


def test_other_pictures_are_not_taken(program: Callable[..., Any], workspace: Path) -> None:
    save_classes(workspace / "others", count=11)
    refused = program("check", "run", "--data", "others")
    assert (refused.code, refused.out) == (2, "")
    assert "others is not what run was trained on (" in refused.err


@pytest.mark.timeout(120)
def test_digits_beside_a_folder_of_that_name_says_which_was_taken(program: Callable[..., Any], tmp_path: Path) -> None:
    save_classes(tmp_path / "digits")
    said = "'digits' is the data set of that name, not the folder digits that lies here; for that write ./digits"
    both = []
    for name in ("digits", "./digits"):
        # stops before it trains
        done = program("slides", "compare", "out", "--data", name, "--augs", "flip_lr", "--json")
        both.append(said in done.err)
    assert both == [False, False]  # two augmentations are asked for first
    done = program("train", "run", "--data", "./digits", *TRAIN, "--json")
    assert (done.code, said in done.err) == (0, False)
    assert program("train", "another", *TRAIN).err.startswith(said)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("labels", ["text", "column", "fraction"])
def test_labels_of_an_npz_as_their_owner_has_them(program: Callable[..., Any], tmp_path: Path, labels: str) -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 16, 16), np.uint8)
    numbers = np.arange(20) % 2
    saved = {"text": np.array(["dog", "cat"])[numbers], "column": numbers[:, None], "fraction": numbers / 3}[labels]
    np.savez(tmp_path / "own.npz", images=images, labels=saved)
    done = program("train", "run", "--data", "own.npz", *TRAIN, "--json")
    if labels == "fraction":
        assert (done.code, done.out) == (2, "")
        said = "labels[1] is 0.3333333333333333; labels are text or whole numbers below 2⁶³"
        assert done.err == f"error: own.npz: {said}\n"
        return
    assert done.code == 0, done.err
    names = {"text": {"cat", "dog"}, "column": {"0", "1"}}[labels]
    assert {label for word in done.data["words"] for label in word["by_label"]} == names


@pytest.mark.timeout(120)
def test_pictures_that_are_all_alike_are_refused_at_the_fit(program: Callable[..., Any], tmp_path: Path) -> None:
    np.savez(tmp_path / "same.npz", images=np.full((20, 16, 16), 77, np.uint8))
    done = program("train", "run", "--data", "same.npz", *TRAIN)
    assert (done.code, done.out) == (2, "")
    assert "can be fitted: all 16 images have the same code under the original" in done.err
    assert "Traceback" not in done.err


@pytest.mark.timeout(120)
def test_canny_of_pictures_without_edges_is_refused_at_the_fit(program: Callable[..., Any], tmp_path: Path) -> None:
    greys = np.arange(0, 200, 10, dtype=np.uint8)[:, None, None]
    np.savez(tmp_path / "grey.npz", images=np.broadcast_to(greys, (20, 16, 16)))
    trained = program("train", "run", "--data", "grey.npz", "--fit", "ridge", *TRAIN)
    assert trained.code == 0, trained.err
    done = program("operators", "run", "--add", "canny")
    assert (done.code, done.out) == (2, "")
    assert "no operator of canny can be fitted: all 16 images have the same code under canny" in done.err


def test_laws_on_a_folder_leave_out_what_is_broken_when_asked(program: Callable[..., Any], tmp_path: Path) -> None:
    save_classes(tmp_path, ("pictures",))
    (tmp_path / "pictures" / "00.png").write_text("no picture")
    refused = program("laws", "flip_lr", "--probes", "pictures")
    assert (refused.code, "1 of 11 pictures cannot be read: pictures/00.png" in refused.err) == (2, True)
    done = program("laws", "flip_lr", "--probes", "pictures", "--skip-broken")
    assert done.code == 0, done.err
    assert "1 of 11 pictures left out, since they cannot be read" in done.err


def test_laws_of_coloured_pictures_are_checked_in_colour(program: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "pendulums").mkdir()
    for number, pixels in enumerate(draw_pendulum(torch.tensor([20.0, -20.0]), torch.tensor([-10.0, 5.0]))):
        image = (pixels.permute(1, 2, 0) * 255).round().byte().numpy()
        Image.fromarray(image).save(tmp_path / "pendulums" / f"{number}.png")
    done = program("laws", "do_light", "--probes", "pendulums", "--size", "64", "--json")
    assert (done.code, json.loads(done.out)["results"][0]["verdict"]) == (0, "holds"), done.err
    blank = np.full((64, 64, 3), 200, dtype=np.uint8)
    Image.fromarray(blank).save(tmp_path / "pendulums" / "2.png")
    told = program("laws", "do_light", "--probes", "pendulums", "--size", "64")
    assert "angle cannot be read off picture 2: there is nothing where it should be" in told.out
    assert told.code == 1, "not one law was checked"


@pytest.mark.timeout(60)
def test_a_picture_to_apply_to_is_upright_and_never_waited_for(program: Callable[..., Any], workspace: Path) -> None:
    turned(workspace / "turned.png")
    done = program("apply", "run", "flip_lr", "turned.png", "--out", "moved", "--json")
    assert done.code == 0, done.err
    os.mkfifo(workspace / "pipe.png")
    refused = program("apply", "run", "flip_lr", "pipe.png", "--out", "moved")
    assert (refused.code, refused.err) == (2, "error: pipe.png cannot be read as a picture: it is no regular file\n")


@pytest.mark.timeout(120)
def test_photographs_of_many_sizes_as_they_lie(program: Callable[..., Any], tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    (tmp_path / "photographs").mkdir()
    for number in range(20):
        pixels = generator.integers(0, 256, (40 + number, 70 - 2 * number, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photographs" / f"{number}.png")
    refused = program("train", "run", "--data", "photographs", *TRAIN)
    assert (refused.code, refused.out) == (2, "")
    assert "--size PIXELS" in refused.err.splitlines()[-1]
    trained = program("train", "run", "--data", "photographs", "--size", "16", *TRAIN)
    assert (trained.code, "on 4 test images of photographs" in trained.out) == (0, True)
    assert "size = 16" in (tmp_path / "run" / "run.toml").read_text()
    assert program("check", "run").code == 0  # nothing has to be said again
    (tmp_path / "photographs").rename(tmp_path / "moved")
    assert program("operators", "run", "--add", "roll(1, 0)", "--data", "moved").code == 0
    photograph = tmp_path / "moved" / "3.png"
    assert program("apply", "run", "flip_lr", str(photograph), "--out", "drawn").code == 0
    with Image.open(tmp_path / "drawn" / "3.png") as drawn:
        assert drawn.size == (16, 16)
