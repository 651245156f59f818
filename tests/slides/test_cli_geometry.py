"""``geometry``, ``fractions``, ``synthetic``, and what ``sample`` and ``recurse`` say beside their pictures."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augalgebra import load_catalog
from augalgebra.data.dataset import Dataset
from augalgebra.data.loading import load_data
from augalgebra.runs.run import Run
from augalgebra.runs.stages import train
from augalgebra.training.settings import TrainSettings

PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    from sklearn.datasets import load_digits

    digits = load_digits()
    file = tmp_path_factory.mktemp("data") / "few.npz"
    images = np.kron(digits.images[:150], np.ones((2, 2))) / 16
    np.savez(file, images=images.astype(np.float32), labels=digits.target[:150])
    return load_data(file)


@pytest.fixture(scope="module")
def run(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Run:
    settings = TrainSettings(data=data.name, width=4, dim=2, epochs=3)
    return train(tmp_path_factory.mktemp("runs") / "run", settings, load_catalog(), data=data)


def test_two_coordinates_are_shown_directly(program: Callable[..., Any], run: Run, tmp_path: Path) -> None:
    done = program("slides", "geometry", str(run.folder), "--out", "looks", "--json")
    assert done.code == 0, done.err
    answer = done.data
    assert answer["files"] == ["looks/direct.png"]
    assert json.loads((tmp_path / "looks/geometry.json").read_text()) == answer
    assert (tmp_path / "looks/direct.png").read_bytes().startswith(PNG)
    assert {"contractions", "views", "classes", "claims"} <= answer.keys()


def test_samples_are_compared_and_repeats_followed(program: Callable[..., Any], run: Run, tmp_path: Path) -> None:
    folder = str(run.folder)
    done = program("sample", folder, "--compare", "--out", "kinds.png", "--json")
    assert done.code == 0, done.err
    assert {"images", "prior", "box", "mixture"} <= done.data["qualities"].keys()
    done = program(
        "recurse", folder, "flip_lr", "--repeats", "2", "--plain", "--trajectory", "way.png", "--method", "direct",
        "--outcomes", "classes.png", "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    answer = done.data
    assert [item["way"] for item in answer["trajectories"]] == ["plain", "latent"]
    counts = answer["curves"]["plain"]["became"]
    assert sum(sum(row.values()) for row in counts.values()) == answer["images"]
    for name in ("kinds.png", "way.png", "classes.png"):
        assert (tmp_path / name).read_bytes().startswith(PNG)


def test_a_readout_that_adds_up_over_repeats_is_spoken_of(
    program: Callable[..., Any], run: Run, data: Dataset, tmp_path: Path
) -> None:
    repeat = ("flip_lr", "--repeats", "2", "--images", "5", "--plain")
    settings = TrainSettings(data=data.name, width=4, dim=2, epochs=1, fit="representation+readout")
    other = train(tmp_path / "other", settings, load_catalog(), data=data)
    for folder, said in ((run.folder, False), (other.folder, True)):
        done = program("recurse", str(folder), *repeat)
        assert done.code == 0, done.err
        assert ("train with --fit representation" in done.err) is said


def test_fractions_are_shown_with_their_reasons(program: Callable[..., Any], run: Run, tmp_path: Path) -> None:
    done = program(
        *("slides", "fractions", str(run.folder), "--fitted", "30,60", "--unseen", "45"),
        *("--images", "20", "--out", "half.png"),
    )
    assert done.code == 0, done.err
    assert "rotate(45)" in done.out
    assert "slide 14" in done.out
    assert (tmp_path / "half.png").read_bytes().startswith(PNG)


def test_bad_input_gets_one_clear_line(program: Callable[..., Any], run: Run, tmp_path: Path) -> None:
    folder = str(run.folder)
    cases = [
        (
            ["slides", "geometry", folder, "--method", "ica"],
            "2 coordinates cannot be shown by ica; use direct",
        ),
        (["slides", "geometry", folder, "--method", "umap"], "there is no method 'umap'"),
        (["slides", "geometry", "nowhere"], "nowhere"),
        (["slides", "fractions", folder, "--fitted", "a,b"], "--fitted 'a,b' is no list of numbers"),
        (["slides", "fractions", folder, "--fitted", ","], "--fitted names no number"),
        (["slides", "fractions", folder, "--family", "flip_lr"], "flip_lr"),
        (["sample", folder, "--out", "x.png", "--kind", "sphere"], "no way 'sphere' to draw codes"),
        (["recurse", folder, "flip_lr", "--trajectory", "x.png"], "use direct"),
        (["slides", "synthetic", "nowhere"], "nowhere"),
    ]
    for arguments, message in cases:
        done = program(*arguments)
        assert (done.code, done.out) == (2, ""), arguments
        assert message in done.err
        assert done.err.count("\n") == 1, done.err
    assert not list(tmp_path.iterdir())
