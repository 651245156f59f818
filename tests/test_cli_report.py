"""One trained run as a report, from the command line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

TRAIN = ["--data", "few.npz", "--width", "4", "--dim", "4", "--epochs", "1"]


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of forty digits in a file, and a run with a head trained on it."""
    from sklearn.datasets import load_digits

    from augalgebra import load_catalog
    from augalgebra.training.data import load_data
    from augalgebra.training.settings import TrainSettings
    from augalgebra.training.train import train, transfer

    digits = load_digits()
    folder = tmp_path_factory.mktemp("data")
    np.savez(folder / "few.npz", images=(digits.images[:40] / 16).astype(np.float32), labels=digits.target[:40])
    data = load_data(folder / "few.npz")
    settings = TrainSettings(data="few.npz", width=4, dim=4, epochs=1)
    run = train(folder / "run", settings, load_catalog(), data=data)
    transfer(run, ("shear_x", "canny"), mode="relabel", head="new", epochs=1, data=data)
    return folder


@pytest.fixture
def run(few: Path, tmp_path: Path) -> Path:
    shutil.copytree(few, tmp_path, dirs_exist_ok=True)
    return tmp_path / "run"


def test_all_there_is_to_say_of_a_run(augalg: Callable[..., Any], run: Path) -> None:
    done = augalg("report", "run", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["report"] == "run/report.html"
    sections = {section["anchor"]: section["blocks"] for section in answer["sections"]}
    assert list(sections) == ["words", "making", "training", "operators", "group", "head-1"]
    assert not [block for blocks in sections.values() for block in blocks if "Not reported" in block.get("text", "")]

    kinds = {anchor: [block["kind"] for block in blocks] for anchor, blocks in sections.items()}
    assert kinds["words"] == ["text", "picture", "heatmap", "heatmap", "table", "table", "table"]
    assert kinds["operators"] == ["table", "picture", "text", "heatmap", "heatmap"]
    assert [block["title"] for block in sections["group"] if block["kind"] == "cayley"] == ["Z2×Z2"]
    worst_first = [row[5] for row in sections["words"][4]["rows"]]
    assert worst_first == sorted(worst_first, reverse=True)
    matrix = np.array(sections["operators"][3]["values"])
    np.testing.assert_allclose(matrix @ matrix, np.eye(4), atol=1e-5)

    # the same numbers as `check` gives
    checked = json.loads(augalg("check", "run", "--json").stdout)
    assert sections["words"][4]["rows"][0][:2] == [checked["words"][0]["word"], checked["words"][0]["from"]]
    assert worst_first[0] == checked["worst_gap_ratio"]
    head = json.loads(augalg("check", "run", "--head", "new", "--json").stdout)
    (words,) = (block for block in sections["head-1"] if block.get("title", "").startswith("Words"))
    assert words["rows"][0][5] == head["worst_gap_ratio"]

    page = (run / "report.html").read_text(encoding="utf-8")
    assert page.count("<img ") == 4
    assert {path.name for path in (run / "figures").iterdir()} == {
        "gallery.png",
        "gallery-1.png",
        "training.png",
        "spectra.png",
    }


def test_without_its_data_set_the_rest_is_reported(augalg: Callable[..., Any], run: Path) -> None:
    (run.parent / "few.npz").unlink()
    done = augalg("report", "run", "--out", "there/seen.html", "--json")
    assert done.returncode == 0, done.stderr
    assert "nothing is measured on images" in done.stderr
    answer = json.loads(done.stdout)
    assert (answer["measured"], "few.npz" in answer["missing"]) == (False, True)
    sections = {section["anchor"]: section["blocks"] for section in answer["sections"]}
    assert "few.npz" in sections["words"][0]["text"]
    assert [block["kind"] for block in sections["operators"]] == ["table", "picture", "text", "heatmap", "heatmap"]
    assert [block["kind"] for block in sections["group"]] == ["text", "cayley", "text", "table"]
    assert "few.npz" in answer["about"]
    assert {path.name for path in (run.parent / "there").iterdir()} == {"seen.html", "figures"}
    assert not (run / "report.html").exists()


def test_other_images_of_that_name_are_not_measured_on(augalg: Callable[..., Any], run: Path) -> None:
    np.savez(run.parent / "few.npz", images=np.zeros((40, 8, 8), np.float32))
    done = augalg("report", "run")
    assert done.returncode == 0
    assert "is not what run was trained on" in done.stderr
    assert done.stdout == "The report is run/report.html\n"


def test_stale_operators_are_said_to_be_stale(augalg: Callable[..., Any], run: Path) -> None:
    operators = run / "operators.safetensors"
    content = operators.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = content[8 : 8 + length]
    # a version of the same length, so that everything stays in its place
    import augalgebra

    version = f'\\"version\\": \\"{augalgebra.__version__}'.encode()
    changed = header.replace(version, version[:-1] + b"9")
    assert changed != header
    operators.write_bytes(content[:8] + changed + content[8 + length :])
    done = augalg("report", "run", "--json")
    assert done.returncode == 0, done.stderr
    assert "stale: plugin dihedral of flip_lr has another version now" in done.stderr
    sections = {section["anchor"]: section["blocks"] for section in json.loads(done.stdout)["sections"]}
    assert all("another version now" in row[-1] for row in sections["operators"][0]["rows"])
    assert "stale" in sections["words"][1]["text"]


def test_a_run_without_operators_says_so(augalg: Callable[..., Any], run: Path) -> None:
    settings = (run / "run.toml").read_text(encoding="utf-8")
    (run / "run.toml").write_text(settings.replace('ended = "limit"', 'ended = "unfinished"', 1), encoding="utf-8")
    (run / "operators.safetensors").unlink()
    (run / "metrics.jsonl").unlink()
    done = augalg("report", "run", "--json")
    assert done.returncode == 0, done.stderr
    sections = {section["anchor"]: section["blocks"] for section in json.loads(done.stdout)["sections"]}
    assert "'augalg train --resume'" in sections["operators"][0]["text"]
    assert "'augalg train --resume'" in sections["words"][0]["text"]
    assert sections["training"][-1]["text"] == "No losses were recorded."
    assert [block["kind"] for block in sections["group"]] == ["text", "cayley", "text"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report", "nowhere"], "nowhere is no run folder"),
        (["report", "run", "--out", "run/model.safetensors"], "let it end in .html"),
        (["report", "run", "--out", "run/run.toml/report.html"], "cannot write"),
        (["report", "run", "--images", "0"], "--images"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_gets_one_clear_line(
    augalg: Callable[..., Any], run: Path, arguments: list[str], message: str
) -> None:
    done = augalg(*arguments, env={"COLUMNS": "200"})
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
