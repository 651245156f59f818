"""Killed at any operation on the disk, a run of operators on grids is as it was or as it is to be."""

import shutil
from pathlib import Path

import pytest
from faults import Faults, Killed
from grid_spaces import CHANNELS, STRIDE, exact_map, patch_space

from augalgebra import load_catalog
from augalgebra.operators.grids.registry import GridRegistry
from augalgebra.runs.grids.grid_run import GridRun
from augalgebra.runs.grids.record import GridRecord, GridSource
from augalgebra.training.grids.settings import GridSettings

CATALOG = load_catalog()
SPACE = patch_space()


def add(run: GridRun, name: str) -> None:
    word = CATALOG.word(name)
    run.registry.add(run.registry.entry_for(exact_map(SPACE, CATALOG, word), word, "exact"))
    run.note((str(word),))


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("killed") / "run"
    source = GridSource("waves:right", CHANNELS, STRIDE, SPACE.fingerprint())
    data = {"name": "photographs", "fingerprint": "0" * 64, "train": 6, "test": 2}
    run = GridRun(folder, GridRegistry.of(SPACE, CATALOG), GridRecord(source, (), GridSettings(), data))
    add(run, "flip_lr")
    run.save()
    with run.describing("check.json"):
        (folder / "check.json").write_text("{}")
    return folder


def extend(folder: Path) -> None:
    with GridRun.open(folder, CATALOG) as run, run.transaction():
        add(run, "flip_ud")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith(".lock")}


def test_killed_at_any_operation_it_is_whole_and_the_same_again_ends_the_same(old: Path, tmp_path: Path) -> None:
    place = tmp_path / "run"
    shutil.copytree(old, place)
    with pytest.MonkeyPatch.context() as patch:
        faults = Faults(patch)
        extend(place)
        count = len(faults.log)
    wanted = contents(place)
    assert "check.json" not in wanted
    assert count > 5
    seen = set()
    for number in range(count):
        shutil.rmtree(place)
        shutil.copytree(old, place)
        with pytest.MonkeyPatch.context() as patch:
            faults = Faults(patch)
            faults.stop_at = number
            with pytest.raises(Killed):
                extend(place)
        found = GridRun.load(place, CATALOG)  # which compares digests
        seen.add(found.augmentations)
        assert len(found.registry) == len(found.augmentations)
        extend(place)
        assert contents(place) == wanted, f"killed at {faults.log[-2:]}"
    assert len(seen) == 2


def test_a_full_disk_leaves_the_old_state_or_the_new(old: Path, tmp_path: Path) -> None:
    place = tmp_path / "run"
    number, ended = 0, False
    while not ended:
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(old, place)
        before = contents(place)
        with pytest.MonkeyPatch.context() as patch:
            faults = Faults(patch)
            faults.stop_at, faults.once = number, OSError(28, "No space left on device")
            try:
                extend(place)
            except Exception:  # noqa: BLE001 (whatever it is, the folder has to be whole)
                assert contents(place) == before, faults.log[-2:]
            ended = len(faults.log) <= number
        GridRun.load(place, CATALOG)
        number += 1
    assert number > 5
