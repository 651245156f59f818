"""The page of a run on a pretrained autoencoder: what it shows, and what it says where it cannot be measured."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from grid_spaces import know_waves, patch_space, save_photographs
from PIL import Image

from augalgebra import Catalog, load_catalog
from augalgebra.documents import Block, Document, Picture, Slider, Table, Text, block_from_dict, to_html, to_markdown
from augalgebra.operators.grids.moves import GridMove
from augalgebra.operators.grids.operator import GridMap
from augalgebra.reports.grids.grid_check import read_grid_check, write_grid_check
from augalgebra.reports.grids.grid_figures import show_words
from augalgebra.reports.grids.grid_report import document_of_grid_run
from augalgebra.runs.grids.grid_run import GridRun
from augalgebra.runs.grids.making import make_grid_run
from augalgebra.training.grids.settings import GridSettings


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="module")
def made(catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> GridRun:
    root = tmp_path_factory.mktemp("report")
    settings = GridSettings(fit="kernel", kernel=1, size=32, crops=40)
    with pytest.MonkeyPatch.context() as monkeypatch:
        know_waves(monkeypatch)
        photographs = save_photographs(root / "photographs")
        run = make_grid_run(root / "run", "waves:right", photographs, ["flip_lr", "flip_ud"], settings, catalog)
        # a planted fault: the plain move in place of what was fitted
        word = catalog.word("flip_ud")
        run.registry.add(run.registry.entry_for(GridMap(GridMove.of(catalog, word, 8)), word, "planted"))
        run.save()
    return run


def blocks_of(document: Document, anchor: str) -> tuple[Block, ...]:
    (section,) = [section for section in document.sections if section.anchor == anchor]
    return section.blocks


def test_the_worst_comes_first_in_tables_and_pictures(made: GridRun, tmp_path: Path) -> None:
    document = document_of_grid_run(made, images=2, figures=tmp_path)
    tables = [block for block in blocks_of(document, "worth") if isinstance(block, Table)]
    verdicts = tables[0]
    assert verdicts.rows[0][:2] == ("flip_ud", "fails")
    assert {row[:2] for row in verdicts.rows[1:]} == {("flip_lr", "holds"), ("flip_lr * flip_ud", "holds")}
    pictures = blocks_of(document, "pictures")
    sliders = [block for block in pictures if isinstance(block, Slider)]
    assert len(sliders) == 3
    assert "`flip_ud`" in sliders[0].caption
    # of the planted fault both halves are the plain move; of what was fitted they are not
    halves = [np.asarray(Image.open(path)).astype(float) for path in (sliders[0].before, sliders[0].after)]
    assert np.array_equal(*halves)
    halves = [np.asarray(Image.open(path)).astype(float) for path in (sliders[1].before, sliders[1].after)]
    assert np.abs(halves[0] - halves[1]).mean() > 1
    assert any(isinstance(block, Picture) for block in pictures)
    page = to_html(document)
    assert page.count('class="slider"') == 3
    assert "planted" in page


def test_a_slider_is_read_again_and_written_as_markdown(made: GridRun, tmp_path: Path) -> None:
    document = document_of_grid_run(made, images=1, figures=tmp_path)
    slider = next(block for block in blocks_of(document, "pictures") if isinstance(block, Slider))
    data = slider.to_dict()
    assert block_from_dict(data, tmp_path) == slider
    with pytest.raises(ValueError, match="no picture"):
        block_from_dict(data | {"after": "../elsewhere.png"}, tmp_path)
    assert "word-1-before.png" in to_markdown(slider)


def test_without_the_autoencoder_the_rest_is_reported(made: GridRun, catalog: Catalog, tmp_path: Path) -> None:
    run = GridRun.load(made.folder, catalog)
    document = document_of_grid_run(run, missing="the autoencoder is gone", figures=tmp_path)
    assert blocks_of(document, "worth") == (Text("Not reported: the autoencoder is gone."),)
    assert "the autoencoder is gone" in document.about
    (fits, *_) = blocks_of(document, "fits")
    assert isinstance(fits, Table)
    assert {row[1] for row in fits.rows} == {"kernel", "planted"}
    assert [type(block).__name__ for block in blocks_of(document, "group")] == ["Text", "Cayley"]


def test_what_was_measured_already_is_not_measured_again(
    made: GridRun, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shutil.copytree(made.folder, tmp_path / "run")
    run = GridRun.load(folder, catalog)
    know_waves(monkeypatch)
    report = run.check(images=3)
    write_grid_check(run, report)
    assert read_grid_check(run) == replace(report, scores=report.worst_first)
    assert read_grid_check(run, images=2) is None
    gone = document_of_grid_run(run, missing="the autoencoder is gone", figures=tmp_path)
    assert blocks_of(gone, "worth")[1:] == blocks_of(document_of_grid_run(run, figures=tmp_path), "worth")[1:]
    (folder / "check.json").write_text('{"kind": "grid", "images": 3}')
    assert read_grid_check(run) is None
    write_grid_check(run, report)
    with run.transaction():
        run.registry.remove(catalog.word("flip_ud"))
    assert read_grid_check(run) is None


def test_what_is_shown_is_what_the_run_draws(made: GridRun, catalog: Catalog) -> None:
    (shown,) = show_words(made, [catalog.word("flip_lr")])
    (pixels,) = made.test_crops(1)
    picture = pixels[None].float() / 255
    assert torch.allclose(shown.ways["operator"], made.transform(picture, "flip_lr")[0], atol=1e-6)
    space = patch_space()
    assert torch.allclose(shown.ways["floor"], space.decode(space.encode(picture.flip(-1)))[0], atol=1e-5)
    assert torch.equal(shown.true, picture.flip(-1)[0])
