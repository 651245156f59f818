"""A new augmentation in a trained run: its operator, what it is worth, and nothing else touched."""

import math
import textwrap
from pathlib import Path
from types import ModuleType

import pytest
import torch

import augalgebra as aa
from augalgebra.data.dataset import Dataset, Split
from augalgebra.data.loading import load_data
from augalgebra.errors import AugalgebraError, AugmentationError, FitError, RunError
from augalgebra.runs.added_operators import extend
from augalgebra.runs.run import Run
from augalgebra.runs.stages import train
from augalgebra.training.settings import TrainSettings

SOURCE = """
import augalgebra as aa

@aa.hookimpl
def augalg_register(register):
    @register("mine.negate", inverse="self", commutes_with=["flip_lr", "invert"])
    def negate(x):
        return 1 - x

    @register("mine.frame", shape="changed")
    def frame(x):
        return x[..., 1:-1, 1:-1]
"""


def plugin(source: str = SOURCE) -> aa.Catalog:
    module = ModuleType("mine")
    exec(textwrap.dedent(source), module.__dict__)
    return aa.load_catalog(aa.Settings(), modules=[module])


CATALOG = plugin()


def few(first: int = 0) -> Dataset:
    digits = load_data()
    cut = [Split(part.images[first : first + 24], part.labels[:24], part.first) for part in (digits.train, digits.test)]
    return Dataset("digits", *cut)


DATA = few()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "flips"
    train(folder, TrainSettings(dim=4, width=4, epochs=1, batch_size=8), aa.load_catalog(aa.Settings()), data=DATA)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_report_has_every_number_with_its_floor_and_baseline(folder: Path) -> None:
    run = Run.load(folder, CATALOG)
    (found,) = extend(run, ["mine.negate"], data=DATA)
    answer = found.to_dict()
    assert (answer["word"], answer["fitted"], answer["rank"]) == ("negate", True, 4)
    assert answer["gap_ratio"] == pytest.approx(answer["excess"] / (answer["floor"] - answer["entropy"]))
    assert answer["loss_ratio"] == pytest.approx(answer["bce"] / answer["floor"])
    assert answer["verdict"] == "vacuous"  # a space of one epoch draws one grey picture
    assert answer["residual"] < answer["identity_residual"]
    laws = {item["equation"]: item for item in answer["laws"]}
    assert laws["negate^2 = id"]["residual"] < 1e-8
    assert laws["negate * flip_lr = flip_lr * negate"]["residual"] < 1e-8
    assert laws["negate * invert = invert * negate"]["residual"] is None
    assert laws["negate * invert = invert * negate"]["reason"] == "no operator for invert"


def test_the_score_is_that_of_moved_codes_drawn_by_the_trained_head(folder: Path) -> None:
    run = Run.load(folder, CATALOG)
    (found,) = extend(run, ["mine.negate"], data=DATA)
    images, _ = DATA.test.batch(slice(None))
    with torch.no_grad():
        codes = run.space.encode(images)
        moved = run.registry.operator("mine.negate").apply(codes)
        losses = [
            torch.nn.functional.binary_cross_entropy(run.space.decode(latents), 1 - images, reduction="sum")
            for latents in (moved, run.space.encode(1 - images), codes)
        ]
    expected = [float(loss) / len(images) for loss in losses]
    assert [found.score.bce, found.score.floor, found.score.identity_bce] == pytest.approx(expected, rel=1e-4)


def test_everything_else_stays_bit_for_bit(folder: Path, tmp_path: Path) -> None:
    before = files(folder)
    run = Run.load(folder, CATALOG)
    kept = {str(word): entry.map.matrix.tobytes() for word, entry in run.registry.entries.items()}
    extend(run, ["mine.negate"], data=DATA)
    assert files(folder) == before
    run.folder = tmp_path
    run.save()
    after = files(tmp_path)
    assert {name for name in before if after[name] != before[name]} == {"run.toml", "operators.safetensors"}
    again = Run.load(tmp_path, CATALOG)
    assert {str(word) for word in again.registry.entries} == {*kept, "mine.negate"}
    assert {str(w): e.map.matrix.tobytes() for w, e in again.registry.entries.items() if str(w) in kept} == kept
    (found,) = extend(again, ["mine.negate"], data=DATA)
    assert not found.fitted


@pytest.mark.parametrize("error", [AugalgebraError("no room"), KeyboardInterrupt()], ids=["error", "interrupt"])
def test_operators_are_put_back_if_the_rest_cannot_be_written(
    folder: Path, tmp_path: Path, error: BaseException
) -> None:
    before = files(folder)

    def record() -> None:
        raise error

    run = Run.load(folder, CATALOG)
    extend(run, ["mine.negate"], data=DATA)
    with pytest.raises(type(error)), run.stage():
        record()
    assert files(folder) == before
    with pytest.raises(type(error)), run.stage() as change, change.publish():
        record()
    assert files(folder) == before


def test_an_operator_is_fitted_again_when_its_laws_have_changed(folder: Path) -> None:
    run = Run.load(folder, CATALOG)
    extend(run, ["mine.negate"], data=DATA)
    entry = run.registry.entries[CATALOG.word("mine.negate")]
    changed = Run.load(folder, plugin(SOURCE.replace(', commutes_with=["flip_lr", "invert"]', "")))
    changed.registry.add(entry)
    assert changed.registry.stale()
    (found,) = extend(changed, ["mine.negate"], data=DATA)
    assert found.fitted
    assert not changed.registry.stale()
    assert math.isfinite(found.provenance.condition)


def test_what_does_not_fit_the_run_is_refused(folder: Path) -> None:
    run = Run.load(folder, CATALOG)
    with pytest.raises(AugmentationError, match="all views of one latent space must be of one size"):
        extend(run, ["mine.frame"], data=DATA)
    with pytest.raises(RunError, match="is not what"):
        extend(run, ["mine.negate"], data=few(30))
    assert "mine.negate" not in run.registry


def test_an_operator_is_fitted_again_where_another_fit_is_asked_for(folder: Path) -> None:
    run = Run.load(folder, CATALOG)
    fits = [None, "ridge", "ridge", "procrustes", None]
    found = [extend(run, ["mine.negate"], fit=fit, data=DATA)[0].to_dict() for fit in fits]
    assert [item["fitted"] for item in found][2:] == [False, True, False]
    assert [item["fit"] for item in found][1:] == ["ridge", "ridge", "procrustes", "procrustes"]
    with pytest.raises(FitError, match=r"there is no fit 'procrustse'.*Did you mean procrustes"):
        extend(run, ["mine.negate"], fit="procrustse", data=DATA)
