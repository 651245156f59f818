"""Operators of a pretrained autoencoder as a run: made, read again, asked, extended, and refused where it must be."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from grid_spaces import know_waves, patch_space, save_photographs

from augalgebra import Catalog, load_catalog
from augalgebra.errors import (
    AugalgebraError,
    FitError,
    ImageError,
    MissingOperatorError,
    RunError,
    StaleOperatorError,
    StoreError,
)
from augalgebra.operators.grids.maps import KernelMap
from augalgebra.operators.grids.moves import GridMove
from augalgebra.operators.grids.operator import GridMap
from augalgebra.runs.grids.grid_run import GridRun
from augalgebra.runs.grids.making import make_grid_run
from augalgebra.runs.grids.opening import change_run, open_run
from augalgebra.runs.run import Run
from augalgebra.training.grids.settings import GridSettings

SETTINGS = GridSettings(fit="kernel", kernel=1, size=32, crops=40)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_photographs(tmp_path_factory.mktemp("data") / "photographs")


@pytest.fixture(scope="module")
def made(photographs: Path, catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    with pytest.MonkeyPatch.context() as monkeypatch:
        know_waves(monkeypatch)
        make_grid_run(folder, "waves:right", photographs, ["flip_lr"], SETTINGS, catalog)
    return folder


@pytest.fixture
def run(made: Path, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GridRun:
    know_waves(monkeypatch)
    return GridRun.load(shutil.copytree(made, tmp_path / "run"), catalog)


def test_a_run_is_read_again_as_it_was_written(run: GridRun, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("augalgebra.runs.grids.stored.open_grid_space", lambda spec, _: opened.append(spec))
    again = GridRun.load(run.folder, catalog)
    assert (again.record, again.revision) == (run.record, run.revision)
    codes = torch.randn(2, 27, 4, 4)
    moved = again.registry.operator("flip_lr").apply(codes)
    assert torch.equal(moved, run.registry.operator("flip_lr").apply(codes))
    assert opened == []  # neither the autoencoder nor photographs are needed to move codes
    assert isinstance(open_run(run.folder, catalog), GridRun)
    with pytest.raises(RunError, match="augalg operators --space"):
        Run.load(run.folder, catalog)


def test_equal_runs_are_equal_files(run: GridRun, photographs: Path, catalog: Catalog, tmp_path: Path) -> None:
    other = make_grid_run(tmp_path / "other", "waves:right", photographs, ["flip_lr"], SETTINGS, catalog)
    for name in ("run.toml", "operators.safetensors"):
        assert (run.folder / name).read_bytes() == (other.folder / name).read_bytes()


def test_what_was_fitted_holds_and_moves_pictures(run: GridRun) -> None:
    report = run.check(images=6)
    (score,) = report.scores
    assert (score.word, score.verdict) == ("flip_lr", "holds")
    assert report.images == 6
    pictures = torch.stack([*run.test_crops(3)]).float() / 255
    moved = run.transform(pictures, "flip_lr")
    space = patch_space()
    floor = space.decode(space.encode(pictures.flip(-1)))
    assert float((moved - floor).abs().mean()) < 0.01
    back = run.transform(pictures, "id", view="flip_lr")
    assert torch.equal(back, moved)  # the inverse of a flip is the flip
    wide = torch.rand(1, 3, 40, 56)
    assert run.transform(wide, "flip_lr").shape == wide.shape
    with pytest.raises(ImageError, match="multiples of the stride"):
        run.transform(torch.rand(1, 3, 33, 40), "flip_lr")
    with pytest.raises(ImageError, match="0, 1"):
        run.transform(2 * pictures + 1, "flip_lr")


def test_words_are_measured_compared_and_routed(run: GridRun) -> None:
    measured = run.measure("flip_lr^3", images=4)
    assert measured.score.route == "flip_lr"
    assert measured.as_written is not None
    assert measured.as_written.psnr <= measured.score.psnr + 0.5
    assert run.measure("flip_lr", images=4).as_written is None
    assert run.measure("flip_lr^2", images=2).score.verdict == "vacuous"

    same = run.compare("flip_lr^3", "flip_lr", images=4)
    assert same.equal is True
    assert 0 <= same.residual < 0.2
    other = run.compare("flip_lr", "id", images=4)
    assert other.equal is False
    assert other.drawn_difference == pytest.approx(other.moved)
    assert other.true_difference > 0.01

    routes = run.routes("flip_lr", "id", images=4)
    assert routes.routes[0].route in ("flip_lr", "flip_lr^-1")
    assert routes.best.psnr > (routes.nothing or 0)
    assert routes.ranked[0] is routes.best


def scale_operator(run: GridRun, word: str, factor: float) -> None:
    """Plant an operator that makes codes too large or small."""
    registry = run.registry
    canonical = registry.catalog.word(word)
    units = torch.eye(registry.channels)[..., None, None]
    move = GridMove.of(registry.catalog, canonical, registry.stride) if "flip" in word else None
    fitted = registry.entries[canonical].map.local.weight if canonical in registry.entries else units
    registry.add(registry.entry_for(GridMap(move, KernelMap(factor * fitted)), canonical, "planted"))


def test_words_count_as_equal_from_the_bar_of_the_check_on(run: GridRun) -> None:
    (score,) = run.check(images=4).scores
    for factor, equal in ((0.99, True), (0.9, False)):
        # what fulfils no law any more: three times is darker than once
        again = GridRun.load(run.folder, run.registry.catalog)
        scale_operator(again, "flip_lr", factor)
        found = again.compare("flip_lr^3", "flip_lr", images=4)
        assert found.equal is equal
        assert found.bar_db == pytest.approx(score.bar_db, abs=1e-6)
        assert f"{found.agreement:.2f} dB" in found.reason
        assert score.bar in found.reason
        pictures = torch.stack([*again.test_crops(4)]).float() / 255
        with torch.no_grad():
            once, thrice = (
                again.space.decode(again.registry.operator(word, reduce=False).apply(again.space.encode(pictures)))
                for word in ("flip_lr", "flip_lr^3")
            )
        errors = (once - thrice).square().flatten(1).mean(1)
        assert found.agreement == pytest.approx(float((-10 * errors.log10()).mean()), abs=1e-3)
    # by a share, as somebody may ask for
    assert again.compare("flip_lr^3", "flip_lr", threshold=5, images=4).equal is True
    assert again.compare("flip_lr^3", "flip_lr", threshold=1e-3, images=4).equal is False


def test_words_that_hardly_move_anything_cannot_be_told_apart(run: GridRun) -> None:
    scale_operator(run, "brightness(0.015)", 1.03)
    found = run.compare("brightness(0.015)", "id", images=4)
    assert found.equal is None
    assert "move so little" in found.reason


def test_a_word_without_an_operator_names_the_command(run: GridRun) -> None:
    with pytest.raises(MissingOperatorError, match=r"augalg operators .*run --add \"rotate_cw\""):
        run.transform(torch.rand(1, 3, 32, 32), "rotate_cw")


def test_augmentations_are_added_with_what_they_generate(run: GridRun, catalog: Catalog) -> None:
    before = (run.folder / "operators.safetensors").read_bytes()
    kept = run.registry.entries[catalog.word("flip_lr")]
    added = run.add_operators(["rotate_cw"], images=2)
    assert len(run.registry.entries) == 7  # every element of D4 but the identity
    assert run.registry.entries[catalog.word("flip_lr")] is kept
    assert added[0].word == "rotate_cw"
    assert {item.fitted for item in added} == {True}
    assert len(added) == 6
    assert (run.folder / "operators.safetensors").read_bytes() != before
    again = GridRun.load(run.folder, catalog)
    assert again.augmentations == ("dihedral.flip_lr", "dihedral.rotate_cw")
    (only,) = again.add_operators(["rotate_cw"], images=2)
    assert only.fitted is False


def _add_twice(run: GridRun) -> None:
    run.add_operators(["flip_ud"], images=2)
    run.add_operators(["flip_lr * flip_ud"], images=2)


def test_a_failing_transaction_leaves_all_as_it_was(run: GridRun) -> None:
    files = {path.name: path.read_bytes() for path in run.folder.iterdir() if path.is_file()}
    record, entries = run.record, dict(run.registry.entries)
    with pytest.raises(FitError, match="single"), run.transaction():
        _add_twice(run)
    assert (run.record, dict(run.registry.entries)) == (record, entries)
    assert {path.name: path.read_bytes() for path in run.folder.iterdir() if path.is_file()} == files


def test_two_who_change_it_do_not_overwrite_each_other(run: GridRun, catalog: Catalog) -> None:
    with change_run(run.folder, catalog) as other:
        assert isinstance(other, GridRun)
        other.add_operators(["flip_ud"], images=2)
    with pytest.raises(RunError, match="read it again"):
        run.add_operators(["rotate_cw"], images=2)


def test_another_autoencoder_or_other_photographs_are_refused(run: GridRun, catalog: Catalog, tmp_path: Path) -> None:
    again = GridRun.load(run.folder, catalog)
    again.place = "waves:wrong"
    with pytest.raises(RunError, match=r"is not the autoencoder .* --space"):
        again.check(images=2)
    again.place = "nowhere:right"
    with pytest.raises(RunError, match="has moved, name it with --space"):
        again.check(images=2)
    others = save_photographs(tmp_path / "others", count=5)
    with pytest.raises(RunError, match=r"does not hold the photographs .* --data"):
        again.photographs(others)
    assert again.photographs(str(run.record.data["name"])).fingerprint == run.record.data["fingerprint"]


def test_operators_of_laws_that_changed_are_stale(run: GridRun) -> None:
    changed = load_catalog()
    changed.laws = tuple(law for law in changed.laws if "flip_lr" not in str(law))
    with pytest.raises(StaleOperatorError, match="flip_lr"):
        GridRun.load(run.folder, changed)
    assert GridRun.load(run.folder, changed, accept_stale=True).registry.stale()


def test_what_cannot_be_made_is_refused_before_anything_is_done(
    photographs: Path, catalog: Catalog, tmp_path: Path, run: GridRun
) -> None:
    def make(augmentations: list[str], **settings: Any) -> None:
        make_grid_run(
            tmp_path / "new", "waves:right", photographs, augmentations, replace(SETTINGS, **settings), catalog
        )

    with pytest.raises(ImageError, match="32 or 40"):
        make(["flip_lr"], size=36)
    with pytest.raises(FitError, match="single augmentation"):
        make(["flip_lr * flip_ud"])
    with pytest.raises(AugalgebraError, match="flip_zz"):
        make(["flip_zz"])
    assert not (tmp_path / "new").exists()
    with pytest.raises(RunError, match="there is a run in"):
        make_grid_run(run.folder, "waves:right", photographs, ["flip_lr"], SETTINGS, catalog)
    make_grid_run(run.folder, "waves:right", photographs, ["flip_ud"], SETTINGS, catalog, overwrite=True)
    assert GridRun.load(run.folder, catalog).augmentations == ("dihedral.flip_ud",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace('kind = "grid"', 'kind = "vector"'), "damaged"),
        (lambda text: text.replace("[files]", "[file]"), "names no files"),
        (lambda text: text.replace("kernel = 1", "kernel = 2"), "damaged"),
    ],
)
def test_a_damaged_pointer_is_refused(
    run: GridRun, catalog: Catalog, change: Callable[[str], str], message: str
) -> None:
    path = run.folder / "run.toml"
    path.write_text(change(path.read_text()))
    with pytest.raises(AugalgebraError, match=message):
        open_run(run.folder, catalog)


def test_damaged_operators_are_refused(run: GridRun, catalog: Catalog) -> None:
    path = run.folder / "operators.safetensors"
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises((RunError, StoreError), match="damaged"):
        GridRun.load(run.folder, catalog)


def test_a_check_goes_when_operators_change(run: GridRun) -> None:
    with run.describing("check.json"):
        (run.folder / "check.json").write_text(json.dumps(run.check(images=2).to_dict()))
    run.save()
    assert (run.folder / "check.json").exists()
    run.add_operators(["flip_ud"], images=2)
    assert not (run.folder / "check.json").exists()
