"""One trained run as a document: everything there is to say, and what cannot be said is named."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from augalgebra import __version__, load_catalog
from augalgebra.data.dataset import Dataset
from augalgebra.data.loading import load_data
from augalgebra.documents import to_html
from augalgebra.errors import AugalgebraError
from augalgebra.reports.run_report import document_of_run
from augalgebra.reports.run_tables import eigenvalues
from augalgebra.runs.added_heads import transfer
from augalgebra.runs.check import measure_run
from augalgebra.runs.run import Run
from augalgebra.runs.stages import train
from augalgebra.training.settings import TrainSettings

CATALOG = load_catalog()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    from sklearn.datasets import load_digits

    digits = load_digits()
    file = tmp_path_factory.mktemp("data") / "few.npz"
    np.savez(file, images=(digits.images[:40] / 16).astype(np.float32), labels=digits.target[:40])
    return load_data(file)


@pytest.fixture(scope="module")
def trained(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained") / "run"
    run = train(folder, TrainSettings(data=data.name, width=4, dim=4, epochs=1), CATALOG, data=data)
    transfer(run, ("shear_x", "canny"), mode="relabel", head="new", epochs=1, data=data)
    return folder


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "run"))


def sections_of(folder: Path, data: Dataset | None, **more: Any) -> dict[str, list[dict[str, Any]]]:
    document = document_of_run(Run.load(folder, CATALOG, accept_stale=True), data, **more)
    assert "<h1>Run run</h1>" in to_html(document)
    return {section["anchor"]: section["blocks"] for section in document.to_dict()["sections"]}


def kinds(blocks: list[dict[str, Any]]) -> list[str]:
    return [block["kind"] for block in blocks]


def test_all_there_is_to_say_of_a_run(run: Path, data: Dataset) -> None:
    told: list[tuple[int, int, str]] = []
    sections = sections_of(run, data, progress=lambda *report: told.append(report))
    assert list(sections) == ["words", "making", "training", "operators", "group", "head-1"]
    assert [report[:2] for report in told] == [(done, 6) for done in range(6)]
    assert not [block for blocks in sections.values() for block in blocks if "Not reported" in block.get("text", "")]

    assert kinds(sections["words"]) == ["text", "picture", "heatmap", "heatmap", "table", "table", "table"]
    assert kinds(sections["operators"]) == ["table", "picture", "text", "heatmap", "heatmap"]
    assert [block["title"] for block in sections["group"] if block["kind"] == "cayley"] == ["Z2×Z2"]
    matrix = np.array(sections["operators"][3]["values"])
    np.testing.assert_allclose(matrix @ matrix, np.eye(4), atol=1e-5)
    assert {path.name for path in (run / "figures").iterdir()} == {
        "gallery.png",
        "gallery-1.png",
        "training.png",
        "spectra.png",
    }

    loaded = Run.load(run, CATALOG)
    for anchor, head in (("words", None), ("head-1", "new")):
        (words,) = (block for block in sections[anchor] if block.get("title", "").startswith("Words"))
        measured = measure_run(loaded, data=data, head=head)
        told = [dict(zip(words["headings"], row, strict=True)) for row in words["rows"]]
        assert [row["gap ratio"] for row in told] == [score.gap_ratio for score in measured.worst_first]
        assert [row["entropy"] for row in told] == [score.entropy for score in measured.worst_first]
        assert [row["verdict"] for row in told] == [score.verdict for score in measured.worst_first]
        (gaps,) = (
            block for block in sections[anchor] if block.get("title", "").startswith("Gap ratio of each word (rows)")
        )
        assert words["faint"] == [number for number, score in enumerate(measured.worst_first) if not score.counts]
        for score in measured.words:
            row, column = gaps["rows"].index(score.word), gaps["columns"].index(f"from {score.view}")
            assert gaps["values"][row][column] == (score.gap_ratio if score.counts else None)
            assert gaps["notes"][row][column] == (score.verdict if not score.counts else "")


def test_without_its_data_set_the_rest_is_reported(run: Path, tmp_path: Path) -> None:
    sections = sections_of(run, None, missing="mnist is not there", figures=tmp_path / "elsewhere")
    assert sections["words"] == [{"kind": "text", "text": "Not reported: mnist is not there."}]
    assert kinds(sections["operators"]) == ["table", "picture", "text", "heatmap", "heatmap"]
    assert kinds(sections["group"]) == ["text", "cayley", "text", "table"]
    assert kinds(sections["head-1"]) == ["text", "text"]
    assert {path.name for path in (tmp_path / "elsewhere").iterdir()} == {"training.png", "spectra.png"}
    assert not (run / "figures").exists()


def without_digests(run: Path) -> None:
    """Make a run of the form that they had before their files had digests."""
    text = (run / "run.toml").read_text(encoding="utf-8")
    (run / "run.toml").write_text(re.sub(r"\n\[files\]\n[^\[]*", "", text), encoding="utf-8")


def test_stale_operators_are_said_to_be_stale(run: Path, data: Dataset) -> None:
    operators = run / "operators.safetensors"
    content = operators.read_bytes()
    version = f'\\"version\\": \\"{__version__}'.encode()
    assert version in content
    # a version of the same length, so that everything stays in its place
    operators.write_bytes(content.replace(version, version[:-1] + b"9"))
    without_digests(run)
    sections = sections_of(run, data)
    assert all("another version now" in row[-1] for row in sections["operators"][0]["rows"])
    assert "Some operators are stale" in sections["words"][1]["text"]


def test_a_run_without_operators_says_so(run: Path, data: Dataset) -> None:
    settings = (run / "run.toml").read_text(encoding="utf-8")
    (run / "run.toml").write_text(settings.replace('ended = "limit"', 'ended = "unfinished"', 1), encoding="utf-8")
    without_digests(run)
    (run / "operators.safetensors").unlink()
    (run / "metrics.jsonl").unlink()
    sections = sections_of(run, data)
    for anchor in ("operators", "words"):
        assert "it has no operators; 'augalg train --resume'" in sections[anchor][0]["text"]
    assert "was cut off" in sections["training"][0]["text"]
    assert sections["training"][1]["text"] == "No losses were recorded."
    assert kinds(sections["group"]) == ["text", "cayley", "text"]


def test_what_cannot_be_measured_is_named_and_the_rest_is_there(
    run: Path, data: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AugalgebraError("the plugin failed")

    monkeypatch.setattr("augalgebra.reports.run_report.relation_residuals", refuse)
    sections = sections_of(run, data)
    assert sections["group"][-1]["text"] == "Not reported: the plugin failed."
    assert kinds(sections["head-1"])[-1] == "table"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([1, -1, 1, -1, 1], "1 ×3, −1 ×2"),
        ([1j, -1j], "i, −i"),
        ([0.5 + 0.25j, 0.5 - 1j, -0.25], "0.5 + 0.25i, 0.5 − i, −0.25"),
        ([0.0, -0.00001], "0 ×2"),
        ([1, 2, 3, 4, 5, 6, 7], "7 distinct, moduli 1.000 to 7.000"),
    ],
)
def test_eigenvalues_are_told_in_few_words(values: list[complex], text: str) -> None:
    assert eigenvalues(np.array(values, dtype=np.complex128)) == text
