"""Runs whose operators are conjugated by a flow: trained, kept, asked, added to, reported."""

import shutil
from pathlib import Path

import pytest
import torch

import augalgebra as aa
from augalgebra.consistency import measure_composition
from augalgebra.consistency.batches import UnreducedOperators
from augalgebra.data.dataset import Dataset, Split
from augalgebra.data.loading import load_data
from augalgebra.errors import FitError
from augalgebra.reports.run_tables import operator_table
from augalgebra.runs.added_heads import add_head
from augalgebra.runs.moves import Move
from augalgebra.runs.operator_matching import match_operators
from augalgebra.runs.run import Run
from augalgebra.runs.stages import train
from augalgebra.training.progress import Report
from augalgebra.training.settings import Preset, TrainSettings

CATALOG = aa.load_catalog(aa.Settings())
FLIPS = ["flip_lr", "flip_ud"]


def few() -> Dataset:
    digits = load_data()
    cut = [Split(part.images[:24], part.labels[:24], part.first) for part in (digits.train, digits.test)]
    return Dataset("digits", *cut)


DATA = few()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "flow"
    settings = TrainSettings(dim=4, width=4, epochs=1, batch_size=8, preset="faithful", fit="flow")
    train(folder, settings, CATALOG, data=DATA)
    return folder


@pytest.fixture
def folder(kept: Path, tmp_path: Path) -> Path:
    return shutil.copytree(kept, tmp_path / "flow")


def test_it_learns_on_codes_and_through_the_decoder(kept: Path) -> None:
    run = Run.load(kept, CATALOG)
    for entry in run.registry.entries.values():
        assert entry.provenance.fit == "flow"
        assert entry.provenance.details["steps on codes"] == 50
        assert entry.provenance.details["steps through the decoder"] == 50
    assert not run.registry.stale()


def test_interrupted_in_stage_1_it_does_not_descend_before_it_is_resumed(tmp_path: Path) -> None:
    settings = TrainSettings(dim=4, width=4, epochs=1, batch_size=8, preset="faithful", fit="flow")
    stages: list[str] = []

    def stop(report: Report) -> None:
        stages.append(report.stage)
        if report.stage == "stage 1":
            raise KeyboardInterrupt

    run = train(tmp_path / "run", settings, CATALOG, data=DATA, progress=stop)
    assert ["stage 1"] == stages
    fits = [{entry.provenance.fit for entry in run.registry.entries.values()}]
    resumed = train(tmp_path / "run", settings, CATALOG, data=DATA, resume=True)
    fits.append({entry.provenance.fit for entry in resumed.registry.entries.values()})
    assert [{"representation"}, {"flow"}] == fits


def test_whoever_adds_operators_sees_them_descend(kept: Path, folder: Path) -> None:
    reports: list[Report] = []
    Run.load(folder, CATALOG).add_operators(["rotate_180"], fit="flow", data=DATA, progress=reports.append)
    assert {"stage 2"} == {report.stage for report in reports}
    assert 1 == reports[-1].fraction


def test_one_coordinate_is_too_few_before_anything_is_trained(tmp_path: Path) -> None:
    settings = TrainSettings(dim=1, width=4, epochs=1, fit="flow")
    with pytest.raises(FitError, match="at least two latent coordinates"):
        train(tmp_path / "run", settings, CATALOG, data=DATA)
    assert not (tmp_path / "run").exists()


def test_its_relations_hold_on_every_word(kept: Path) -> None:
    run = Run.load(kept, CATALOG)
    images, ids = DATA.test.batch(slice(None))
    report = measure_composition(
        run.space, UnreducedOperators(run.registry), CATALOG, images, [CATALOG.word(word) for word in FLIPS], ids=ids
    )
    assert report.relations
    assert max(relation.residual for relation in report.relations) < 1e-5


def test_inverses_products_and_pictures_go_through_the_same_doors(folder: Path) -> None:
    run = Run.load(folder, CATALOG)
    codes = torch.randn(5, 4)
    product, back = (run.registry.operator(word) for word in ("flip_lr * flip_ud", "flip_ud * flip_lr"))
    assert product.distance(back) < 1e-12
    assert torch.allclose((~product).apply(product.apply(codes)), codes, atol=1e-5)
    images, _ = DATA.test.batch(slice(3))
    assert Move(run, "flip_lr")(images).shape == images.shape


def test_it_has_no_parts_for_the_reason_that_a_flow_has_none(folder: Path) -> None:
    with pytest.raises(FitError, match=r"has no parts: its operators \(flip_lr, flip_ud\) are linear only in"):
        Run.load(folder, CATALOG).partition(data=DATA)


def test_operators_are_added_by_a_flow_of_their_own(folder: Path) -> None:
    run = Run.load(folder, CATALOG)
    before = {word: entry.chart.flow.to_arrays() for word, entry in run.registry.entries.items()}
    (found,) = run.add_operators(["invert"], fit="flow", data=DATA)
    assert found.provenance.fit == "flow"
    again = Run.load(folder, CATALOG)
    for word, arrays in before.items():
        for name, array in again.registry.entries[word].chart.flow.to_arrays().items():
            assert (array == arrays[name]).all()
    mixed = again.registry.operator("flip_lr * invert")
    codes = torch.randn(5, 4)
    there = again.registry.operator("invert").apply(again.registry.operator("flip_lr").apply(codes))
    assert torch.allclose(mixed.apply(codes), there, atol=1e-5)


def test_what_cannot_be_undone_is_refused_with_its_law(folder: Path) -> None:
    run = Run.load(folder, CATALOG)
    with pytest.raises(FitError, match=r"canny has no inverse: .*'flow' does not fit it"):
        run.add_operators(["canny"], fit="flow", data=DATA)
    assert len(run.registry) == 2


@pytest.mark.parametrize(
    ("fit", "preset", "augs", "why"),
    [
        ("flow", "equivariant", ("flip_lr", "canny"), r"canny has no inverse: .*'flow' does not fit it"),
        ("representation+decoder", "faithful", ("flip_lr", "shear_x"), "needs a finite group"),
        ("involution", "faithful", ("flip_lr", "rotate_cw"), "no law says that rotate_cw is its own inverse"),
        ("structured", "faithful", ("flip_lr", "flip_ud"), "generate no small finite group"),
    ],
)
def test_what_laws_do_not_allow_is_refused_before_anything_is_trained(
    tmp_path: Path, fit: str, preset: Preset, augs: tuple[str, ...], why: str
) -> None:
    settings = TrainSettings(augmentations=augs, dim=4, width=4, epochs=1, preset=preset, fit=fit)
    with pytest.raises(FitError, match=why):
        train(tmp_path / "run", settings, CATALOG, data=DATA)
    assert not (tmp_path / "run").exists()


def test_a_report_tells_the_eigenvalues_in_the_coordinates_of_the_flow(folder: Path) -> None:
    table = operator_table(Run.load(folder, CATALOG).registry)
    assert [row[0] for row in table.rows] == FLIPS
    assert {row[2] for row in table.rows} == {"flow"}
    assert all("1" in row[6] and "−1" in row[6] for row in table.rows)


def test_heads_relabel_it_by_its_residuals(folder: Path) -> None:
    run = Run.load(folder, CATALOG)
    best, *_ = match_operators(run, ["invert"], DATA.train)
    assert best.residual > 0
    add_head(run, ["invert"], data=DATA, epochs=1)
    assert "invert" in run.space.heads
