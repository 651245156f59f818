"""One trained run as a report, from the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with forty digits in a file, and a run trained on them."""
    from sklearn.datasets import load_digits

    from augalgebra import load_catalog
    from augalgebra.data.loading import load_data
    from augalgebra.runs.stages import train
    from augalgebra.training.settings import TrainSettings

    digits = load_digits()
    folder = tmp_path_factory.mktemp("runs")
    np.savez(folder / "few.npz", images=(digits.images[:40] / 16).astype(np.float32), labels=digits.target[:40])
    settings = TrainSettings(data="few.npz", width=4, dim=4, epochs=1)
    train(folder / "run", settings, load_catalog(), data=load_data(folder / "few.npz"))
    return folder


def test_a_run_is_reported(program: Callable[..., Any], folder: Path) -> None:
    done = program("report", "run", "--images", "2", "--json", cwd=folder)
    assert done.code == 0, done.err
    answer = done.data
    assert (answer["report"], answer["measured"], answer["missing"]) == ("run/report.html", True, "")
    sections = {section["anchor"]: section["blocks"] for section in answer["sections"]}
    assert list(sections) == ["words", "making", "training", "operators", "group"]
    assert "on 2 test images" in sections["words"][0]["text"]
    page = (folder / "run/report.html").read_text(encoding="utf-8")
    assert page.count("<img ") == len(list((folder / "run/figures").iterdir())) == 3


def test_other_images_of_that_name_are_not_measured_on(
    program: Callable[..., Any], folder: Path, tmp_path: Path
) -> None:
    np.savez(tmp_path / "few.npz", images=np.zeros((40, 8, 8), np.float32))
    done = program("report", str(folder / "run"), "--out", "there/seen.html")
    assert (done.code, done.out) == (0, "The report is there/seen.html\n")
    assert "nothing is measured on images" in done.err
    assert "few.npz is not what" in done.err
    assert {path.name for path in (tmp_path / "there").iterdir()} == {"seen.html", "seen-figures"}
    assert "Nothing could be measured on images: few.npz is not what" in (tmp_path / "there/seen.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere is no run folder"),
        (["run", "--out", "run/model.safetensors"], "let it end in .html"),
        (["run", "--out", "run/run.toml/report.html"], "cannot write"),
        (["run", "--images", "0"], "--images"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_gets_one_clear_line(
    program: Callable[..., Any], folder: Path, arguments: list[str], message: str
) -> None:
    done = program("report", *arguments, cwd=folder, env={"COLUMNS": "200"})
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "Traceback" not in done.err
