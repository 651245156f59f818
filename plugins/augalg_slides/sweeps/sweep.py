"""Transfer sweeps: train on every pair of a list, transfer to every pair, resume where it stopped, in parallel.

The unit of work is one training of stages 1 and 2 with all transfers from it; units run through joblib, on this machine
or on a cluster. Each cell is one file in the folder of the sweep, so that whatever is there is never computed again.
"""

import contextlib
import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Protocol

import joblib

from augalg_slides.sweeps.results import SweepResult
from augalg_slides.sweeps.settings import CellKey, SweepSettings, Unit, plan
from augalg_slides.sweeps.store import Cell, SweepStore
from augalg_slides.sweeps.worker import Outcome, Work, compute
from augalgebra.catalog import Catalog
from augalgebra.data import Dataset, load_data
from augalgebra.errors import AugalgebraError, DataError, RunError
from augalgebra.storage import lock, naming_failures, remove

Backend = Literal["loky", "threading", "dask", "ray"]
"""Where units run: processes or threads of this machine, or the workers of a Dask or Ray cluster."""

_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_TO_CONNECT = 15


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


@dataclass(frozen=True)
class Parallel:
    """How the units of a sweep are spread.

    Attributes:
        jobs: Units at a time on this machine; 0 stands for as many as there are cores. A cluster takes as many as its
            workers have room for.
        backend: Where they run.
        scheduler: Address of the cluster's scheduler, such as ``tcp://10.0.0.1:8786``; None takes the client of this
            process (Dask), or whatever Ray finds.
        threads: Threads of torch in each; 0 stands for the cores here over the jobs, and 1 on a cluster. Numbers agree
            to the last bit between computations with equally many threads.

    Raises:
        AugalgebraError: A number is negative, or a scheduler is named where there is none.
    """

    jobs: int = 1
    backend: Backend = "loky"
    scheduler: str | None = None
    threads: int = 0

    def __post_init__(self) -> None:
        if self.jobs < 0 or self.threads < 0:
            raise AugalgebraError("jobs and threads are numbers from 0 up; 0 leaves the choice open")
        if self.scheduler is not None and not self.on_cluster:
            raise AugalgebraError(f"the backend {self.backend!r} has no scheduler; use 'dask' or 'ray'")

    @property
    def on_cluster(self) -> bool:
        """Whether the workers may be on other machines."""
        return self.backend in ("dask", "ray")

    @property
    def jobs_here(self) -> int:
        """Units at a time on this machine."""
        return self.jobs or _cores()

    @property
    def threads_each(self) -> int:
        """Threads of torch in each unit."""
        return self.threads or (1 if self.on_cluster else max(1, _cores() // self.jobs_here))


def run_sweep(
    folder: str | Path,
    settings: SweepSettings,
    catalog: Catalog,
    *,
    data: Dataset | None = None,
    data_dir: str | Path | None = None,
    parallel: Parallel | None = None,
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
        parallel: How to spread the work; one unit after the other, in this process, by default.
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
    parallel = parallel or Parallel()
    data = data or load_data(settings.data, data_dir, size=settings.size)
    settings = settings.completed(catalog, data)
    units = plan(settings, catalog, data)
    store = SweepStore(folder)
    store.check_claimable()
    with lock(store.folder, "swept"):
        store.claim(settings, data.fingerprint)
        return _swept(store, settings, units, catalog, data, parallel, progress)


def _swept(
    store: SweepStore,
    settings: SweepSettings,
    units: Sequence[Unit],
    catalog: Catalog,
    data: Dataset,
    parallel: Parallel,
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
            for outcome in _carried_out(store, todo, catalog, data, parallel):
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
    store: SweepStore, units: Sequence[Unit], catalog: Catalog, data: Dataset, parallel: Parallel
) -> Iterator[Outcome]:
    jobs = -1 if parallel.on_cluster else parallel.jobs_here
    shared = jobs == 1 or parallel.backend == "threading"
    stop = threading.Event()
    work = Work(store.folder.absolute(), parallel.threads_each, catalog if shared else None, stop if shared else None)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_backend(parallel, data))
        outcomes = joblib.Parallel(n_jobs=jobs, return_as="generator_unordered", batch_size=1, pre_dispatch="all")(
            joblib.delayed(compute)(work, unit, data) for unit in units
        )
        try:
            yield from outcomes
        except KeyboardInterrupt:
            stop.set()
            raise
        finally:
            with contextlib.suppress(Exception):
                outcomes.close()


@contextlib.contextmanager
def _backend(parallel: Parallel, data: Dataset) -> Iterator[None]:
    """The backend of joblib, connected to its cluster."""
    if parallel.backend == "dask":
        with _dask_client(parallel.scheduler) as client:
            # the images travel once to each worker, not once with each unit
            options = {"client": client, "scatter": [data]}
            with joblib.parallel_config(backend="dask", **options):
                yield
        return
    if parallel.backend == "ray":
        _join_ray(parallel.scheduler)
    options = {"inner_max_num_threads": parallel.threads_each} if parallel.backend == "loky" else {}
    with joblib.parallel_config(backend=parallel.backend, **options):
        yield


@contextlib.contextmanager
def _dask_client(scheduler: str | None) -> Iterator[Any]:
    try:
        import distributed
    except ImportError as error:
        raise _lacking("distributed") from error
    if scheduler is None:
        try:
            client = distributed.get_client()
        except ValueError as error:
            raise AugalgebraError(
                "the backend 'dask' needs a cluster: say where its scheduler is, such as --scheduler "
                "tcp://127.0.0.1:8786 ('dask scheduler' and 'dask worker' start one)"
            ) from error
        yield client
        return
    try:
        client = distributed.Client(scheduler, timeout=_SECONDS_TO_CONNECT, set_as_default=False)
    except (OSError, ValueError) as error:
        raise AugalgebraError(f"no Dask scheduler answers at {scheduler}: {error}") from error
    with client:
        yield client


def _join_ray(scheduler: str | None) -> None:
    try:
        import ray
        from ray.util.joblib import register_ray
    except ImportError as error:
        raise _lacking("ray") from error
    try:
        ray.init(address=scheduler, ignore_reinit_error=True, log_to_driver=False)
    except (ConnectionError, ValueError) as error:
        raise AugalgebraError(f"no Ray cluster answers at {scheduler}: {error}") from error
    register_ray()


def _lacking(package: str) -> AugalgebraError:
    return AugalgebraError(
        f"this backend needs the package {package}, which is not installed; pip install 'augalgebra[cluster]' brings "
        "what 'dask' needs, pip install 'ray[default]' what 'ray' needs"
    )


def _cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


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
