"""Several commands on one run: nothing is lost, nobody reads half of a change, and what is no longer true is gone."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from augalg_slides.sweeps.pairs import FLIPS
from augalg_slides.sweeps.settings import SweepSettings
from augalg_slides.sweeps.sweep import run_sweep
from faults import Faults

import augalgebra as aa
from augalgebra.catalog.registration import RegisteredAugmentation, Registration, read_workspace
from augalgebra.catalog.workspace_file import record
from augalgebra.data.dataset import Dataset, Split
from augalgebra.data.loading import load_data
from augalgebra.errors import AugalgebraError, BusyError, RunError
from augalgebra.runs.added_heads import transfer
from augalgebra.runs.added_operators import extend
from augalgebra.runs.run import Run
from augalgebra.runs.stages import train
from augalgebra.runs.storage import files
from augalgebra.training.progress import Report
from augalgebra.training.settings import TrainSettings

CATALOG = aa.load_catalog()
SETTINGS = TrainSettings(dim=2, width=1, epochs=2, batch_size=16, seed=1)
SWEEP = SweepSettings(pairs=(FLIPS,), modes=("relabel",), dim=2, width=1, epochs=1, transfer_epochs=1, device="cpu")


def few() -> Dataset:
    digits = load_data()
    cut = [Split(part.images[:16], part.labels[:16], part.first) for part in (digits.train, digits.test)]
    return Dataset("digits", *cut)


DATA = few()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    train(folder, SETTINGS, CATALOG, data=DATA)
    return folder


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "run"))


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


FILES = {"run.toml", "model.safetensors", "operators.safetensors", "metrics.jsonl"}


def in_thread(function: object, *arguments: object, **more: object) -> list[BaseException]:
    """What a call raises when it is made by another thread, for which locks are as those of another process."""
    caught: list[BaseException] = []

    def call() -> None:
        try:
            function(*arguments, **more)
        except BaseException as error:  # noqa: BLE001 (told to whoever waits)
            caught.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    return caught


@pytest.mark.parametrize("what", ["train", "overwrite", "transfer", "operators", "report"])
def test_a_run_that_is_being_trained_is_left_alone(tmp_path: Path, run: Path, what: str) -> None:
    caught: list[BaseException] = []
    found = Run.load(run, CATALOG)

    def report() -> None:
        with found.describing("report.html"):
            raise AssertionError

    def meanwhile(_: Report) -> None:
        if caught:
            return
        caught.extend(
            in_thread(train, run, SETTINGS, CATALOG, data=DATA, overwrite=what == "overwrite")
            if what in ("train", "overwrite")
            else in_thread(transfer, found, ["invert"], epochs=1, data=DATA)
            if what == "transfer"
            else in_thread(lambda: Run.open(run, CATALOG).__enter__())
            if what == "operators"
            else in_thread(report)
        )

    trained = train(run, replace(SETTINGS, seed=2), CATALOG, data=DATA, overwrite=True, progress=meanwhile)
    if what == "train":  # it sees that there is a run before it looks who is at work
        assert "there is a run in" in str(caught[0])
    else:
        assert isinstance(caught[0], BusyError)
        assert f"{run} is being trained by process {os.getpid()}; wait for it to end, or stop it" == str(caught[0])
    assert trained.space.fingerprint() == Run.load(run, CATALOG).space.fingerprint()
    assert names(run) == FILES


def test_of_two_trainings_into_a_new_folder_one_is_refused(tmp_path: Path) -> None:
    caught: list[BaseException] = []

    def meanwhile(_: Report) -> None:
        caught.extend(in_thread(train, tmp_path / "run", SETTINGS, CATALOG, data=DATA))

    train(tmp_path / "run", SETTINGS, CATALOG, data=DATA, progress=meanwhile)
    assert {type(error) for error in caught} == {BusyError}


TRANSFER = """
import sys
import augalgebra as aa
from augalgebra.data.dataset import Dataset, Split
from augalgebra.data.loading import load_data
from augalgebra.runs.run import Run
from augalgebra.runs.added_heads import transfer
catalog, digits = aa.load_catalog(), load_data()
data = Dataset("digits", *(Split(p.images[:16], p.labels[:16], p.first) for p in (digits.train, digits.test)))
with Run.open(sys.argv[1], catalog) as run:
    print("opened", flush=True)
    sys.stdin.readline()
    transfer(run, [sys.argv[2]], epochs=10, data=data)
"""


def test_two_transfers_at_once_both_end_in_the_run(run: Path) -> None:
    def start(name: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", TRANSFER, run, name]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)

    first = start("invert")
    assert first.stdout is not None
    assert first.stdout.readline() == "opened\n"
    second = start("canny")
    assert second.stderr is not None
    told = second.stderr.readline()
    assert f"{run} is being changed by process {first.pid}; waiting for it to end" in told
    for process in (first, second):
        process.communicate("\n", timeout=120)
        assert process.returncode == 0
    assert set(Run.load(run, CATALOG).transfers) == {"invert", "canny"}
    assert names(run) == FILES


def test_what_was_read_before_somebody_changed_the_run_does_not_undo_the_change(run: Path) -> None:
    first, second = Run.load(run, CATALOG), Run.load(run, CATALOG)
    transfer(first, ["invert"], epochs=1, data=DATA)
    extend(second, ["canny"], data=DATA)
    for change in (
        second.save,
        lambda: transfer(second, ["canny"], epochs=1, data=DATA),
        lambda: second.describing("report.html").__enter__(),
    ):
        with pytest.raises(RunError, match="has changed since it was read; read it again"):
            change()
    assert set(Run.load(run, CATALOG).transfers) == {"invert"}


def test_whoever_reads_while_others_write_sees_one_state_or_the_other(run: Path) -> None:
    changed = Run.load(run, CATALOG)
    states = {changed.space.decoder("main").outer.bias.tolist()[0]: changed.steps}
    over, faults = threading.Event(), []

    def read() -> None:
        while not over.is_set():
            try:
                seen = Run.load(run, CATALOG)
                assert states[seen.space.decoder("main").outer.bias.tolist()[0]] == seen.steps
            except BaseException as error:  # noqa: BLE001 (told to whoever waits)
                faults.append(error)

    reader = threading.Thread(target=read)
    bias = changed.space.decoder("main").outer.bias
    reader.start()
    for steps in range(10, 50):
        with torch.no_grad():
            bias.fill_(float(steps))
        changed.steps = steps
        states[float(steps)] = steps
        changed.save()
    over.set()
    reader.join()
    assert faults == []


@pytest.mark.parametrize("digests", [True, False], ids=["digests", "old"])
def test_what_changes_while_it_is_read_is_read_again(run: Path, digests: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not digests:
        text = (run / "run.toml").read_text()
        (run / "run.toml").write_text(text.partition("\n[files]\n")[0])
    changed = Run.load(run, CATALOG)
    transfer(changed, ["invert"], epochs=1, data=DATA, save=False)
    read, times = files._content, []

    def meanwhile(folder: Path, name: str, pointer: files.Pointer) -> bytes:
        times.append(name)
        if len(times) == 2:  # one file of the old state is read already
            changed.save()
        return read(folder, name, pointer)

    monkeypatch.setattr(files, "_content", meanwhile)
    assert set(Run.load(run, CATALOG).transfers) == {"invert"}
    assert len(times) > 3


@pytest.fixture
def described(run: Path) -> Iterator[Path]:
    found = Run.load(run, CATALOG)
    with found.describing("check.json", "gallery.png", "report.html", "figures", "geometry"):
        for name in ("check.json", "gallery.png", "report.html", "figures/a/b.png", "figures/c.png", "geometry/d.png"):
            (run / name).parent.mkdir(parents=True, exist_ok=True)
            (run / name).write_text("of this model")
    (run / "notes.txt").write_text("of somebody")
    return run


def test_pages_and_pictures_of_a_model_go_when_it_is_replaced(described: Path) -> None:
    train(described, replace(SETTINGS, seed=2), CATALOG, data=DATA, overwrite=True)
    assert names(described) == {*FILES, "notes.txt"}


def test_a_head_leaves_what_is_still_true_and_an_equal_state_leaves_all(described: Path) -> None:
    before = names(described)
    run = Run.load(described, CATALOG)
    run.save()
    assert names(described) == before
    transfer(run, ["invert"], epochs=1, data=DATA)
    assert names(described) == before - {"report.html", "figures", "geometry"}


def test_nothing_is_trained_where_others_files_would_go_with_the_run(tmp_path: Path) -> None:
    (tmp_path / "run" / "figures").mkdir(parents=True)
    with pytest.raises(RunError, match="holds figures and no run"):
        train(tmp_path / "run", SETTINGS, CATALOG, data=DATA)
    assert names(tmp_path / "run") == {"figures"}


@pytest.mark.parametrize("operation", ["open_new", "write", "sync"])
def test_a_disk_that_is_full_or_read_only_is_noticed_before_training(
    tmp_path: Path, run: Path, operation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[Report] = []

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"augalgebra.storage.files.{operation}", full)
    for folder, more in ((tmp_path / "new", {}), (run, {"overwrite": True})):
        with pytest.raises(AugalgebraError, match=rf"^cannot write {folder}: No space left on device$"):
            train(folder, SETTINGS, CATALOG, data=DATA, progress=steps.append, **more)
    with pytest.raises(AugalgebraError, match="No space left"), Run.open(run, CATALOG):
        steps.append("opened")
    assert steps == []
    monkeypatch.undo()
    assert names(run) == FILES
    Run.load(run, CATALOG)


def test_two_registrations_at_once_are_both_recorded(tmp_path: Path) -> None:
    file = tmp_path / "augalg.toml"
    items = [
        Registration(name, f"{name}.py", "file", (name,), augmentations=(RegisteredAugmentation(f"{name}.x"),))
        for name in ("a", "b", "c", "d")
    ]
    threads = [threading.Thread(target=record, args=(file, item)) for item in items]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {entry["name"] for entry in read_workspace(file)["registered"]} == {"a", "b", "c", "d"}
    assert names(tmp_path) == {"augalg.toml"}


def test_two_sweeps_in_one_folder_at_once_are_one_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    caught: list[BaseException] = []

    def meanwhile(_: object) -> None:
        caught.extend(in_thread(run_sweep, tmp_path / "sweep", SWEEP, CATALOG, data=DATA))

    monkeypatch.setattr("augalg_slides.sweeps.sweep._swept", lambda *arguments: meanwhile(arguments))
    run_sweep(tmp_path / "sweep", SWEEP, CATALOG, data=DATA)
    assert [type(error) for error in caught] == [BusyError]
    assert "is being swept by process" in str(caught[0])


def test_a_sweep_that_was_killed_in_its_first_write_is_taken_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "sweep"
    folder.mkdir()
    (folder / ".sweep.json.0123456789ab.part").write_text("{")
    (folder / ".lock").write_text("")
    monkeypatch.setattr("augalg_slides.sweeps.sweep._swept", lambda *_: None)
    run_sweep(folder, SWEEP, CATALOG, data=DATA)
    assert names(folder) == {"sweep.json"}
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.part").write_text("")
    with pytest.raises(RunError, match="holds something that is no sweep"):
        run_sweep(tmp_path / "other", SWEEP, CATALOG, data=DATA)


def test_what_the_kill_points_are_counted_by_sees_every_operation(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        faults = Faults(patch)
        train(tmp_path / "run", SETTINGS, CATALOG, data=DATA)
    done = {entry.split()[0] for entry in faults.log}
    assert done == {"open_new", "write", "sync", "sync_folder", "replace", "remove", "make_folder"}
