"""A head for a new augmentation of a trained run: what it reports, and that nothing else is touched."""

import textwrap
from pathlib import Path
from types import ModuleType

import pytest

import augalgebra as aa
from augalgebra.data.dataset import Dataset, Split
from augalgebra.data.loading import load_data
from augalgebra.errors import AugalgebraError
from augalgebra.latent.store import read_tensors
from augalgebra.runs.added_heads import add_head
from augalgebra.runs.added_operators import extend
from augalgebra.runs.operator_matching import match_operators
from augalgebra.runs.run import Run
from augalgebra.runs.stages import train
from augalgebra.training.progress import Report
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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "flips"
    train(folder, TrainSettings(dim=4, width=4, epochs=1, batch_size=8), aa.load_catalog(aa.Settings()), data=DATA)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def tensors(folder: Path) -> dict[str, bytes]:
    found, _ = read_tensors(folder / "model.safetensors", "augalgebra.lavae")
    return {name: tensor.numpy().tobytes() for name, tensor in found.items()}


def test_a_head_is_measured_before_and_after_and_all_others_stay(folder: Path) -> None:
    before, kept = files(folder), tensors(folder)
    run = Run.load(folder, CATALOG)
    extend(run, ["mine.negate"], data=DATA)
    added = add_head(run, ["mine.negate"], epochs=2, data=DATA)
    assert files(folder) == before
    assert added.trained
    assert (added.before[0].word, added.after[0].word) == ("negate", "negate")
    assert added.before[0].bce != added.after[0].bce
    run.save()
    after = tensors(folder)
    assert {name: after[name] for name in kept} == kept
    assert any(name.startswith("decoders.negate.") for name in after)
    again = Run.load(folder, CATALOG)
    assert not add_head(again, ["mine.negate"], data=DATA).trained


def test_a_head_of_changed_laws_is_trained_anew_under_its_name(folder: Path) -> None:
    run = Run.load(folder, CATALOG)
    extend(run, ["mine.negate"], data=DATA)
    add_head(run, ["mine.negate"], epochs=1, data=DATA)
    run.save()
    changed = Run.load(folder, plugin(SOURCE.replace(', commutes_with=["flip_lr", "invert"]', "")), accept_stale=True)
    extend(changed, ["mine.negate"], data=DATA)
    added = add_head(changed, ["mine.negate"], epochs=1, data=DATA)
    assert (added.trained, added.transfer.head, list(changed.transfers)) == (True, "negate", ["negate"])


def test_an_interrupt_or_a_failed_record_leaves_the_run_as_it_was(folder: Path) -> None:
    before = files(folder)
    run = Run.load(folder, CATALOG)
    extend(run, ["mine.negate"], data=DATA)

    def stop(_: Report) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        add_head(run, ["mine.negate"], epochs=1, data=DATA, progress=stop)
    assert files(folder) == before

    def record() -> None:
        raise AugalgebraError("no room")

    add_head(run, ["mine.negate"], epochs=1, data=DATA)
    with pytest.raises(AugalgebraError, match="no room"), run.stage():
        record()
    assert files(folder) == before
    with pytest.raises(AugalgebraError, match="no room"), run.stage() as change, change.publish():
        record()
    assert files(folder) == before


def test_a_pair_reuses_the_operators_whose_laws_suit_it(folder: Path) -> None:
    run = Run.load(folder, CATALOG)
    best, other = match_operators(run, ["mine.negate", "roll(1, 0)"], DATA.test)
    assert {best.trained, other.trained} == {run.registry.words, run.registry.words[::-1]}
    assert any("both involutory" in text for text in best.agree)
    added = add_head(run, ["mine.negate"], beside="canny", epochs=1, data=DATA)
    assert (added.transfer.mode, added.transfer.operators) == ("relabel", tuple(map(str, added.slots[0].trained)))
    assert any("canny is not invertible" in text for text in added.slots[0].differ)
