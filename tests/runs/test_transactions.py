"""Several changes of a run, and of a workspace with it, in one block: all of them, or none."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch

import augalgebra as aa
from augalgebra.admission import Admission
from augalgebra.catalog.registration import RegisteredAugmentation, Registration
from augalgebra.checks.results import LawReport
from augalgebra.data.dataset import Dataset, Split
from augalgebra.data.loading import load_data
from augalgebra.errors import AugalgebraError, PluginError, RunError
from augalgebra.runs.added_heads import transfer
from augalgebra.runs.added_operators import withdraw
from augalgebra.runs.run import Run
from augalgebra.runs.stages import train
from augalgebra.training.loop import TrainingError
from augalgebra.training.progress import Report
from augalgebra.training.settings import TrainSettings

SOURCE = """
import augalgebra as aa

@aa.hookimpl
def augalg_register(register):
    @register("mine.negate", inverse="self")
    def negate(x):
        return 1 - x
"""
MINE = ModuleType("mine")
exec(SOURCE, MINE.__dict__)
CATALOG = aa.load_catalog(aa.Settings(), modules=[MINE])
SETTINGS = TrainSettings(dim=2, width=1, epochs=1, batch_size=16, seed=1)
ENTRY = Registration("mine", "mine.py", "file", ("mine",), augmentations=(RegisteredAugmentation("mine.negate"),))
ADMISSION = Admission(ENTRY, CATALOG, (), (), LawReport(()), (), ())


def few() -> Dataset:
    digits = load_data()
    return Dataset("digits", *(Split(part.images[:16], part.labels[:16]) for part in (digits.train, digits.test)))


DATA = few()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run beside a workspace file of somebody's own."""
    monkeypatch.chdir(tmp_path)
    Path("augalg.toml").write_text("# mine\n")
    return train("run", SETTINGS, CATALOG, data=DATA)


def on_disk() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in [*Path("run").iterdir(), Path("augalg.toml")]}


def in_memory(run: Run) -> tuple[object, ...]:
    entries = [(str(word), entry.map.matrix.tobytes()) for word, entry in run.registry.entries.items()]
    weights = {name: weight.numpy().tobytes() for name, weight in run.space.state_dict().items()}
    return entries, weights, dict(run.space.head_kinds), dict(run.transfers), list(run.metrics), run.revision


def fill(run: Run) -> None:
    run.add_operators(["mine.negate"], data=DATA)
    run.transfer(["invert"], mode="relabel", epochs=1, data=DATA)


def test_all_is_written_when_the_block_ends_and_nothing_before(run: Run) -> None:
    before = on_disk()
    with run.transaction() as transaction:
        transaction.record(ADMISSION)
        fill(run)
        left = on_disk()
        left.pop(".lock")
        assert left == before
    assert transaction.changed
    assert "mine.negate" in Path("augalg.toml").read_text()
    again = Run.load("run", CATALOG)
    assert "negate" in again.registry
    assert list(again.transfers) == ["invert"]
    assert in_memory(again) == in_memory(run)
    with run.transaction() as transaction:
        transaction.record(ADMISSION)
    assert not transaction.changed
    with run.transaction() as transaction:
        withdraw(run, {"mine.negate"})
        transaction.erase("mine")
    assert Path("augalg.toml").read_text() == "# mine\n"
    assert "negate" not in Run.load("run", CATALOG).registry


def diverge(report: Report) -> None:
    raise TrainingError("the loss was not finite")


def interrupt(report: Report) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("error", "fail"),
    [
        (ZeroDivisionError, lambda run: 1 / 0),
        (AugalgebraError, lambda run: run.add_operators(["no_such_augmentation"], data=DATA)),
        (TrainingError, lambda run: run.transfer(["canny"], epochs=1, data=DATA, progress=diverge)),
        (KeyboardInterrupt, lambda run: run.transfer(["canny"], epochs=1, data=DATA, progress=interrupt)),
    ],
    ids=["error", "unknown", "diverged", "interrupted"],
)
def test_an_error_in_the_block_leaves_all_as_it_was(
    run: Run, error: type[BaseException], fail: Callable[[Run], object]
) -> None:
    run.transfer(["canny"], mode="relabel", epochs=1, head="first", data=DATA)
    files, memory = on_disk(), in_memory(run)

    def block() -> None:
        with run.transaction() as transaction:
            transaction.record(ADMISSION)
            withdraw(run, {"filters.canny"})
            fill(run)
            assert in_memory(run) != memory
            fail(run)

    with pytest.raises(error):
        block()
    assert (on_disk(), in_memory(run)) == (files, memory)
    fill(run)  # as ever


def record_in_block(run: Run, admission: Admission, file: str | None = None) -> None:
    with run.transaction() as transaction:
        fill(run)
        if file is not None:
            Path("augalg.toml").write_text(file)
        transaction.record(admission)


def test_what_cannot_be_written_leaves_all_as_it_was(run: Run) -> None:
    files, memory = on_disk(), in_memory(run)
    with pytest.raises(PluginError, match="is refused: a broken promise"):
        record_in_block(run, replace(ADMISSION, refusals=("a broken promise",)))
    assert (on_disk(), in_memory(run)) == (files, memory)
    with pytest.raises(AugalgebraError, match=r"augalg\.toml is not valid TOML"):
        record_in_block(run, ADMISSION, "no toml")
    Path("augalg.toml").write_bytes(files["augalg.toml"])
    assert (on_disk(), in_memory(run)) == (files, memory)


def test_nothing_else_writes_the_run_meanwhile(run: Run) -> None:
    with run.transaction():
        for write in (
            run.save,
            lambda: transfer(run, ["invert"], epochs=1, data=DATA),
            lambda: run.describing("report.html").__enter__(),
        ):
            with pytest.raises(RunError, match="a transaction of run is open; it writes the run when its block ends"):
                write()
        with pytest.raises(RunError, match="is open already; make all changes in one block"):
            run.transaction().__enter__()
    run.save()


def test_a_run_that_somebody_else_has_changed_is_read_again_first(run: Run) -> None:
    other = Run.load("run", CATALOG)
    fill(other)
    with pytest.raises(RunError, match="has changed since it was read; read it again"):
        run.add_operators(["canny"], data=DATA)
    assert "canny" not in run.registry
    with Run.open("run", CATALOG) as again, again.transaction():
        again.add_operators(["canny"], data=DATA)
    assert {"negate", "canny"} <= {word.symbols[0].name.rpartition(".")[2] for word in again.registry.words}


def test_without_a_block_each_change_is_written_at_once(run: Run) -> None:
    (added,) = run.add_operators(["mine.negate"], data=DATA)
    assert added.fitted
    assert "negate" in Run.load("run", CATALOG).registry
    head = run.transfer(["invert"], mode="relabel", epochs=1, data=DATA)
    assert Run.load("run", CATALOG).transfers == {"invert": head}


def test_the_run_answers_as_the_functions_below_it_do(run: Run) -> None:
    from augalgebra.runs import LatentTransform, compare_in_run, measure_routes, measure_run, measure_word

    some = {"images": 4, "data": DATA}
    assert run.measure("flip_lr", **some) == measure_word(run, "flip_lr", **some)
    assert run.compare("flip_lr", "flip_ud", **some) == compare_in_run(run, "flip_lr", "flip_ud", **some)
    assert run.routes("flip_lr", "flip_ud", **some) == measure_routes(run, "flip_lr", "flip_ud", **some)
    words = [score.word for score in run.check(words=["flip_ud"], views=["id"], **some).words]
    assert words == [score.word for score in measure_run(run, words=["flip_ud"], views=["id"], **some).words]
    images, _ = DATA.test.batch(slice(3))
    moved = run.transform(images, "flip_ud", view="flip_lr", refined=True)
    assert torch.equal(moved, LatentTransform("run", "flip_ud", view="flip_lr", refined=True, catalog=CATALOG)(images))
    assert not torch.equal(moved, run.transform(images, "flip_ud", refined=True))
    head = run.transfer(["invert"], mode="relabel", epochs=1, data=DATA)
    drawn = run.transform(images, "invert", head=head.head)
    assert torch.equal(drawn, LatentTransform(run, "invert", head=head.head)(images))
    assert not torch.equal(drawn, run.transform(images, "flip_lr"))
