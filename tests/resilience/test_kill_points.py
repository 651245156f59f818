"""Killed at any operation on the disk, a run is as it was or as it is to be; the same again ends as if undisturbed."""

import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from augalg_slides.sweeps.pairs import FLIPS
from augalg_slides.sweeps.settings import SweepSettings
from augalg_slides.sweeps.sweep import run_sweep
from faults import Faults, Killed

import augalgebra as aa
from augalgebra.admission import Admission
from augalgebra.catalog.registration import RegisteredAugmentation, Registration, read_workspace
from augalgebra.catalog.workspace_file import record
from augalgebra.checks.results import LawReport
from augalgebra.data.dataset import Dataset, Split
from augalgebra.data.loading import load_data
from augalgebra.errors import AugalgebraError
from augalgebra.runs.added_heads import transfer
from augalgebra.runs.added_operators import withdraw
from augalgebra.runs.run import Run
from augalgebra.runs.stages import train
from augalgebra.runs.transaction import Transaction
from augalgebra.tasks import Workers
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
exec(textwrap.dedent(SOURCE), MINE.__dict__)
CATALOG = aa.load_catalog(aa.Settings(), modules=[MINE])
SETTINGS = TrainSettings(dim=2, width=1, epochs=2, batch_size=16, seed=1)
OTHER = replace(SETTINGS, seed=2)
ENTRY = Registration("mine", "mine.py", "file", ("mine",), augmentations=(RegisteredAugmentation("mine.negate"),))
ADMISSION = Admission(ENTRY, CATALOG, (), (), LawReport(()), (), ())


def few() -> Dataset:
    digits = load_data()
    cut = [Split(part.images[:16], part.labels[:16], part.first) for part in (digits.train, digits.test)]
    return Dataset("digits", *cut)


DATA = few()
RUN, WORKSPACE = "run", "augalg.toml"


def interrupt(report: Report) -> None:
    if report.step == 1:
        raise KeyboardInterrupt


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Places to begin at: an empty one, a run, an interrupted one, and a run with a registered augmentation."""
    root = tmp_path_factory.mktemp("states")
    (root / "empty").mkdir()
    train(root / "trained" / RUN, SETTINGS, CATALOG, data=DATA)
    for name in ("check.json", "report.html"):
        with Run.load(root / "trained" / RUN, CATALOG).describing(name):
            (root / "trained" / RUN / name).write_text("about this run")
    train(root / "interrupted" / RUN, SETTINGS, CATALOG, data=DATA, progress=interrupt)
    shutil.copytree(root / "trained", root / "registered")
    Run.load(root / "registered" / RUN, CATALOG).add_operators(["mine.negate"], data=DATA)
    record(root / "registered" / WORKSPACE, ENTRY)
    return root


def train_new() -> None:
    if not Run.exists(RUN) or Run.load(RUN, CATALOG).ended != "limit":  # as somebody would who finds it so
        train(RUN, SETTINGS, CATALOG, data=DATA, resume=Run.exists(RUN))


def train_over() -> None:
    train(RUN, OTHER, CATALOG, data=DATA, overwrite=True)


def add_head() -> None:
    with Run.open(RUN, CATALOG) as run:
        if "negate" not in run.transfers:
            transfer(run, ["mine.negate"], epochs=1, data=DATA)


def add_operator() -> None:
    with Run.open(RUN, CATALOG) as run:
        run.add_operators(["mine.negate"], data=DATA)


def register() -> None:
    with Run.open(RUN, CATALOG, accept_stale=True) as run, run.transaction() as transaction:
        transaction.record(ADMISSION)
        run.add_operators(["mine.negate"], data=DATA)


def register_with_head() -> None:
    with Run.open(RUN, CATALOG, accept_stale=True) as run, run.transaction() as transaction:
        transaction.record(ADMISSION)
        run.add_operators(["mine.negate"], data=DATA)
        if "negate" not in run.transfers:
            run.transfer(["mine.negate"], epochs=1, data=DATA)


def unregister() -> None:
    with Run.open(RUN, CATALOG, accept_stale=True) as run, run.transaction() as transaction:
        withdraw(run, {"mine.negate"})
        if registered():
            transaction.erase("mine")


def sweep() -> None:
    settings = SweepSettings(
        pairs=(FLIPS,), modes=("relabel",), dim=2, width=1, epochs=1, transfer_epochs=1, device="cpu"
    )
    result = run_sweep("sweep", settings, CATALOG, data=DATA.part(16), workers=Workers(threads=1))
    assert not result.missing


def registered() -> bool:
    return bool(read_workspace(Path(WORKSPACE)))


CHANGES: dict[str, tuple[str, Callable[[], None]]] = {
    "train": ("empty", train_new),
    "resume": ("interrupted", train_new),
    "overwrite": ("trained", train_over),
    "transfer": ("trained", add_head),
    "operators": ("trained", add_operator),
    "register": ("trained", register),
    "register with head": ("trained", register_with_head),
    "unregister": ("registered", unregister),
    "sweep": ("empty", sweep),
}


def contents(folder: Path) -> dict[str, bytes]:
    """All files but locks, which are of nobody once their process has ended."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.name.endswith(".lock")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def pointer() -> str:
    path = Path(RUN, "run.toml")
    return path.read_text() if path.exists() else ""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, states: Path) -> Iterator[Callable[[str], Path]]:
    """Go into a copy of a state."""

    def go(state: str) -> Path:
        place = tmp_path / "place"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(states / state, place)
        monkeypatch.chdir(place)
        return place

    yield go
    monkeypatch.chdir(tmp_path)


def undisturbed(
    go: Callable[[str], Path], state: str, change: Callable[[], None]
) -> tuple[dict[str, bytes], set[str], list[str]]:
    """What a change comes to, all that ``run.toml`` says on the way there, and the operations that it takes."""
    go(state)
    passed = {pointer()}
    with pytest.MonkeyPatch.context() as patch:
        faults = Faults(patch, after=lambda _: passed.add(pointer()))
        change()
    return contents(Path.cwd()), passed, faults.log


def different_moments(log: list[str]) -> list[int]:
    """Operations to be killed at; at a sync the disk is as at what follows, unless that writes half."""
    return [
        number
        for number, (operation, following) in enumerate(zip(log, [*log[1:], "write"], strict=True))
        if not operation.startswith("sync") or following.startswith("write")
    ]


def assert_whole(passed: set[str]) -> None:
    """The run is one that undisturbed work passes through."""
    assert pointer() in passed
    if pointer():
        Run.load(RUN, CATALOG)  # which compares digests


@pytest.mark.parametrize("name", CHANGES)
def test_killed_at_any_operation_all_is_whole_and_the_same_again_ends_the_same(
    name: str, place: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    if name == "train":  # with checkpoints on the way
        monkeypatch.setattr("augalgebra.runs.stages._SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    state, change = CHANGES[name]
    wanted, passed, log = undisturbed(place, state, change)
    assert len(log) > 5
    for number in different_moments(log):
        place(state)
        with pytest.MonkeyPatch.context() as patch:
            faults = Faults(patch)
            faults.stop_at = number
            with pytest.raises(Killed):
                change()
        where = f"killed at {faults.log[-2:]}"
        assert_whole(passed)
        if "register" in name:
            assert is_known_to_the_workspace(), where
        change()
        if contents(Path.cwd()) != wanted and Run.exists(RUN):
            # it was all done but for what the next writer does, and there was nothing to be written
            with Run.open(RUN, CATALOG) as run:
                run.save()
        found = contents(Path.cwd())
        assert found.keys() == wanted.keys(), where
        assert found == wanted, where


def test_a_workspace_that_is_written_after_its_run_is_seen(
    place: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(transaction: Transaction) -> None:
        for workspace, admission in transaction._recorded:
            admission.record(workspace)

    monkeypatch.setattr(Transaction, "_recording", lambda transaction: nullcontext())
    monkeypatch.setattr(Transaction, "_erase", late)
    _, _, log = undisturbed(place, "trained", register)

    def is_seen(number: int) -> bool:
        place("trained")
        with pytest.MonkeyPatch.context() as patch, suppress(Killed):
            Faults(patch).stop_at = number
            register()
        return not is_known_to_the_workspace()

    assert any(is_seen(number) for number in reversed(range(len(log))))


@pytest.mark.parametrize("name", ["overwrite", "transfer", "operators", "register", "register with head", "unregister"])
def test_an_operation_that_fails_leaves_the_old_state_or_the_new(name: str, place: Callable[[str], Path]) -> None:
    state, change = CHANGES[name]
    wanted, passed, log = undisturbed(place, state, change)
    ends = 0
    for number in range(len(log)):
        before = contents(place(state))
        with pytest.MonkeyPatch.context() as patch:
            faults = Faults(patch)
            faults.stop_at, faults.once = number, OSError(28, "No space left on device")
            with suppress(AugalgebraError):
                change()
        assert_whole(passed)
        if "register" in name:
            assert registered() == ("mine.negate" in operators())
        found = contents(Path.cwd())
        ends += found == before
        hidden = [path for path in found if "/." in path]
        assert hidden == [] or pointer().encode() == wanted[f"{RUN}/run.toml"], faults.log[number]
    assert ends > 5


def is_known_to_the_workspace() -> bool:
    """Whether the run has no operators but of what is registered."""
    return registered() >= ("mine.negate" in operators())


def operators() -> str:
    return " ".join(map(str, Run.load(RUN, CATALOG).registry.words))


SAVING = """
import sys
from pathlib import Path
import augalgebra as aa
from augalgebra.runs import stages as module
from augalgebra.data.dataset import Dataset, Split
from augalgebra.data.loading import load_data
from augalgebra.runs.run import Run
from augalgebra.training.settings import TrainSettings
module._SECONDS_BETWEEN_CHECKPOINTS = 0.0
folder = Path(sys.argv[1])
digits = load_data()
cut = [Split(part.images[:16], part.labels[:16], part.first) for part in (digits.train, digits.test)]
module.train(folder, eval(sys.argv[2]), aa.load_catalog(), data=Dataset("digits", *cut), resume=Run.exists(folder))
"""


def test_a_run_that_is_killed_again_and_again_ends_as_one_that_never_was(tmp_path: Path) -> None:
    settings = TrainSettings(dim=4, width=8, epochs=12, batch_size=16, seed=1)
    folder, kills = tmp_path / "run", 0
    for moment in (0.0, 0.013, 0.004):
        process = subprocess.Popen([sys.executable, "-c", SAVING, folder, repr(settings)])
        before = pointer_of(folder)
        while process.poll() is None and pointer_of(folder) == before:
            time.sleep(0.001)
        time.sleep(moment)
        process.kill()
        kills += process.wait() < 0
        assert Run.load(folder, CATALOG).steps > 0
    assert kills > 1
    if Run.load(folder, CATALOG).ended != "limit":
        train(folder, settings, CATALOG, data=DATA, resume=True)
    train(tmp_path / "whole", settings, CATALOG, data=DATA)
    assert contents(folder) == contents(tmp_path / "whole")


def pointer_of(folder: Path) -> bytes:
    path = folder / "run.toml"
    return path.read_bytes() if path.exists() else b""
