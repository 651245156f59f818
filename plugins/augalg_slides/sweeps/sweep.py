"""Transfer sweeps: train on every pair of a list, transfer to every pair, resume where it stopped, in parallel.

The unit of work is one training of stages 1 and 2 with all transfers from it; units run on this machine or on a
cluster. Each cell is one file in the folder of the sweep, so that whatever is there is never computed again.
"""

import functools
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from augalg_slides.sweeps.results import SweepResult
from augalg_slides.sweeps.settings import CellKey, SweepSettings, Unit, plan
from augalg_slides.sweeps.store import Cell, SweepStore
from augalg_slides.sweeps.worker import Outcome, Work, compute
from augalgebra.catalog import Catalog
from augalgebra.data import Dataset, load_data
from augalgebra.errors import DataError, RunError
from augalgebra.storage import lock, naming_failures, remove
from augalgebra.tasks import Workers, run_tasks

_SECONDS_BETWEEN_LOOKS = 0.5


@dataclass(frozen=True)
class Standing:
    """How far a sweep is.

    Attributes:
        done: Cells that are there.
        total: Cells in all.
        seconds_left: Estimate of the time that is left; None as long as there is nothing to go by.
    """

    done: int
    total: int
    seconds_left: float | None


class SweepProgress(Protocol):
    """Called now and then, from another thread."""

    def __call__(self, standing: Standing, /) -> object:
        """Take notice."""


def unseen(_: Standing, /) -> None:
    """Take no notice."""


def run_sweep(
    folder: str | Path,
    settings: SweepSettings,
    catalog: Catalog,
    *,
    data: Dataset | None = None,
    data_dir: str | Path | None = None,
    workers: Workers | None = None,
    progress: SweepProgress = unseen,
) -> SweepResult:
    """Train on every pair and transfer to every target, except for what is there already.

    What is computed is the same whatever the backend and the order; with a budget in seconds it depends on the machine.

    Args:
        folder: The folder of the sweep. Cells of sweeps with other settings may lie there too.
        settings: What to train and measure.
        catalog: Augmentations and their laws. Workers that do not share the memory of this process load their own.
        data: The data set, if it is in memory already; workers are sent it.
        data_dir: Where downloaded data sets lie.
        workers: Who does the work; one unit after the other, in this process, by default.
        progress: Told how far it is.

    Returns:
        Every cell that could be computed, and what failed and why.

    Raises:
        RunError: The folder holds something else.
        BusyError: Another process sweeps there.
        AugalgebraError: Settings or augmentations are impossible, or the backend cannot be used.
        KeyboardInterrupt: Somebody stopped it. What is done is kept, and the same call goes on from there.

    Examples:
        >>> run_sweep("runs/sweep", SweepSettings(seeds=(0, 1, 2)), load_catalog())  # doctest: +SKIP
    """
    workers = workers or Workers()
    data = data or load_data(settings.data, data_dir, size=settings.size)
    settings = settings.completed(catalog, data)
    units = plan(settings, catalog, data)
    store = SweepStore(folder)
    store.check_claimable()
    with lock(store.folder, "swept"):
        store.claim(settings, data.fingerprint)
        return _swept(store, settings, units, catalog, data, workers, progress)


def _swept(
    store: SweepStore,
    settings: SweepSettings,
    units: Sequence[Unit],
    catalog: Catalog,
    data: Dataset,
    workers: Workers,
    progress: SweepProgress,
) -> SweepResult:
    kept, notes = _kept(store, units)
    todo = [
        replace(unit, cells=missing)
        for unit in units
        if (missing := tuple(key for key in unit.cells if key.digest not in kept))
    ]
    failures: list[str] = []
    if todo:
        for unit in todo:
            for key in unit.cells:
                with naming_failures(store.folder):
                    remove(store.path(key))  # what is damaged is not to be counted as done
        with _Watch(store, len(kept), [key for unit in todo for key in unit.cells], progress):
            for outcome in _carried_out(store, todo, catalog, data, workers):
                failures += outcome.failures
                notes += outcome.notes
                for cell in outcome.cells:
                    kept[cell.key.digest] = cell
                    if not store.path(cell.key).exists():  # computed by a worker that does not see this folder
                        store.put(cell)
    return _result(settings, units, kept, failures, notes)


def read_sweep(folder: str | Path, catalog: Catalog, data: Dataset) -> SweepResult:
    """The latest sweep of a folder, as far as it is there.

    Args:
        folder: The folder.
        catalog: Augmentations and their laws, as they are now.
        data: The data set of the sweep.

    Raises:
        RunError: There is no sweep, or its file is damaged.
        DataError: The data are not those of the sweep.
    """
    store = SweepStore(folder)
    settings, fingerprint = store.settings()
    if fingerprint != data.fingerprint:
        raise DataError(f"{data.name} is not what the sweep in {folder} was made with; name the same data set")
    units = plan(settings, catalog, data)
    kept, notes = _kept(store, units)
    return _result(settings, units, kept, [], notes)


def _kept(store: SweepStore, units: Iterable[Unit]) -> tuple[dict[str, Cell], list[str]]:
    """The cells that are there, by digest, and what is to be said of files that cannot be used."""
    kept, notes = dict[str, Cell](), list[str]()
    for key in (key for unit in units for key in unit.cells):
        try:
            cell = store.get(key)
        except RunError as error:
            notes.append(f"{error}; 'augalg slides sweep' computes it again ({key})")
        else:
            if cell is not None:
                kept[key.digest] = cell
    return kept, notes


def _result(
    settings: SweepSettings,
    units: Sequence[Unit],
    kept: dict[str, Cell],
    failures: Sequence[str],
    notes: Sequence[str],
) -> SweepResult:
    keys = [key for unit in units for key in unit.cells]
    cells = tuple(kept[key.digest] for key in keys if key.digest in kept)
    missing = tuple(key for key in keys if key.digest not in kept)
    return SweepResult(settings, cells, missing, tuple(failures), tuple(notes))


def _carried_out(
    store: SweepStore, units: Sequence[Unit], catalog: Catalog, data: Dataset, workers: Workers
) -> Iterator[Outcome]:
    shared, stop = workers.share_memory, threading.Event()
    work = Work(store.folder.absolute(), workers.threads_each, catalog if shared else None, stop if shared else None)
    try:
        for _, outcome in run_tasks(functools.partial(compute, work, data=data), units, workers):
            yield outcome
    except KeyboardInterrupt:
        stop.set()
        raise


class _Watch:
    """Tells how many cells are there, by looking at the folder, since workers may be anywhere."""

    def __init__(self, store: SweepStore, before: int, todo: Sequence[CellKey], progress: SweepProgress) -> None:
        self._store, self._before, self._todo, self._progress = store, before, todo, progress
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._begun = time.monotonic()

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._tell()

    def _look(self) -> None:
        self._tell()
        while not self._over.wait(_SECONDS_BETWEEN_LOOKS):
            self._tell()

    def _tell(self) -> None:
        done, todo = self._store.count(self._todo), len(self._todo)
        spent = time.monotonic() - self._begun
        left = spent * (todo - done) / done if done else None
        self._progress(Standing(self._before + done, self._before + todo, left))
