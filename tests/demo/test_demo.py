"""The whole story, with hardly any training: that every part is there and consistent."""

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from augalgebra import load_catalog
from augalgebra.demo import demo
from augalgebra.demo.demo import GALLERY, GAPS, QUICK, REPORT, TABLES, run_demo
from augalgebra.errors import RunError
from augalgebra.latent.protocol import MAIN_HEAD
from augalgebra.runs.run import Run

TINY = replace(QUICK, images=60)


@pytest.fixture(scope="module")
def catalog():
    return load_catalog()


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def result(catalog, told, tmp_path_factory):
    return run_demo(tmp_path_factory.mktemp("demo"), catalog=catalog, progress=told.append, budget=TINY)


def test_every_file_is_there(result):
    folder = result.run.folder

    assert set(result.files) == {GALLERY, GAPS, TABLES, REPORT}
    assert all(path.parent == folder and path.stat().st_size > 100 for path in result.files.values())
    for name in (GALLERY, GAPS):
        with Image.open(folder / name) as picture:
            assert picture.size[0] >= 1200
            assert len(np.unique(np.asarray(picture))) > 50


def test_the_story_has_all_parts(result, told):
    findings = result.findings

    assert {report.stage for report in told} == {"stage 1", "stage 3, relabel", "stage 3, extend"}
    assert findings.laws.violated == 0
    assert findings.laws.count("holds") > 10
    assert [score.kind for score in findings.exact.short.words if score.kind != "route"] == [
        "reconstruction",
        "augmentation",
        "augmentation",
        "composition",
        "reverse composition",
        "inverse",
        "inverse",
        "inverse of the composition",
    ]
    assert {(s.word, s.view) for s in findings.exact.short.words} == {
        (s.word, s.view) for s in findings.published.short.words
    }
    assert len(findings.exact.longer.words) > 4 * 27
    assert set(findings.transfers) == {"relabel", "extend"}


def test_exact_operators_fulfil_their_relations(result):
    assert max(item.residual for item in result.findings.exact.short.relations) < 1e-5


def test_a_transfer_is_measured_with_its_own_head(result):
    relabel, extend = (result.findings.transfers[mode] for mode in ("relabel", "extend"))

    assert len({MAIN_HEAD, relabel.report.head, extend.report.head}) == 3
    assert relabel.report.get("shear_x").route == "flip_lr"
    assert extend.report.get("shear_x").route == "shear_x"
    assert relabel.total == pytest.approx(
        sum(relabel.report.get(word).bce for word in ("id", "shear_x", "canny", "shear_x * canny"))
    )
    for transferred in (relabel, extend):
        refused = {entry.view: entry.reason for entry in transferred.report.no_inverse}
        assert "canny has no inverse" in refused["canny"]


def test_json_is_complete_and_strict(result):
    answer = json.loads(json.dumps(result.to_dict(), allow_nan=False))

    assert {"floor", "words", "relations", "worst_gap_ratio", "published", "transfer", "laws"} <= set(answer)
    assert set(answer["transfer"]["relabel"]["floor"]) >= {"id", "shear_x", "canny", "shear_x * canny"}
    assert answer["laws"]["violated"] == 0
    assert set(answer["files"]) == set(result.files)
    kept = json.loads(result.files[REPORT].read_text())
    assert kept["finished"] is True
    assert kept["words"] == answer["words"]


def test_tables_can_be_read(result):
    text = result.files[TABLES].read_text()

    assert text.count("reverse composition") == 3
    assert text.count("no inverse") == 6
    assert "published recipe" in text
    assert "nan" not in text


def test_the_run_can_be_used_afterwards(result, catalog):
    run = Run.load(result.run.folder, catalog)

    assert run.space.fingerprint() == result.run.space.fingerprint()
    assert set(run.transfers) == {"shear_x-canny-relabel", "shear_x-canny-extend"}
    assert run.registry.operator("flip_lr * flip_ud").matrix.shape == (16, 16)


def test_the_same_seed_gives_the_same_files_and_an_old_demonstration_is_replaced(result, catalog):
    before = {path.name: path.read_bytes() for path in result.run.folder.iterdir() if path.is_file()}
    run_demo(result.run.folder, catalog=catalog, budget=TINY)
    after = {path.name: path.read_bytes() for path in result.run.folder.iterdir() if path.is_file()}

    assert {name for name in before if after[name] != before[name]} == set()
    assert set(after) == set(before)


def test_an_interrupt_ends_a_stage_and_not_the_story(catalog, tmp_path):
    def stop(report):
        if report.stage == "stage 1":
            raise KeyboardInterrupt

    result = run_demo(tmp_path, catalog=catalog, progress=stop, budget=replace(TINY, epochs=1000))

    assert result.run.ended == "interrupted"
    assert result.run.steps == 1
    assert all(path.is_file() for path in result.files.values())


@pytest.mark.parametrize(
    ("name", "content"),
    [("run.toml", "[run]\n"), (REPORT, '{"mine": 1}'), (REPORT, "[]"), (TABLES, "mine"), (GALLERY, "mine"), (GAPS, "")],
)
def test_what_is_no_demonstration_is_not_overwritten(catalog, tmp_path, name, content):
    (tmp_path / name).write_text(content)

    with pytest.raises(RunError, match=f"holds {name}, which no demonstration left there; name another folder"):
        run_demo(tmp_path, catalog=catalog, budget=TINY)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == content


def test_each_part_is_announced_and_poor_pictures_are_called_so(catalog, tmp_path, monkeypatch):
    captions = []
    draw = demo.draw_gallery
    monkeypatch.setattr(demo, "draw_gallery", lambda panels, path: captions.extend(panels) or draw(panels, path))
    told = []
    result = run_demo(tmp_path, catalog=catalog, budget=TINY, announce=told.append)
    assert ["Laws", "Stages 1 and 2", "Composition", "Stage 3, relabel", "Stage 3, extend", "Pictures and tables"] == [
        part.partition(":")[0] for part in told
    ]
    monkeypatch.setattr(demo, "POOR", 0)
    captions.clear()
    run_demo(tmp_path, catalog=catalog, budget=TINY)
    for panel, mode in zip(captions[1:], ("relabel", "extend"), strict=True):
        last = panel.caption.splitlines()[-1]
        assert last.startswith("Poor pictures")
        assert all(f" {score.word} " in last for score in result.findings.transfers[mode].report.words)
    monkeypatch.setattr(demo, "POOR", 1e9)
    captions.clear()
    run_demo(tmp_path, catalog=catalog, budget=TINY)
    assert not any("Poor pictures" in panel.caption for panel in captions)
