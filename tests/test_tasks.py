"""Pieces of work wherever they are done, and workers that are killed in the middle of one."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from augalgebra.errors import AugalgebraError
from augalgebra.tasks import Backend, Workers, run_tasks

ITEMS = list(range(40))
SQUARES = {item: item**2 for item in ITEMS}


def square(folder: Path, deaths: int, item: int) -> int:
    """The square; whoever is given 7 dies, so many times."""
    if item == 7:
        for number in range(deaths):
            with contextlib.suppress(FileExistsError):
                (folder / f"death{number}").touch(exist_ok=False)
                os.kill(os.getpid(), signal.SIGKILL)
    return item**2


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    distributed = pytest.importorskip("distributed")
    dask = pytest.importorskip("dask")
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
    ):
        yield cluster.scheduler_address


def workers_of(backend: Backend, request: pytest.FixtureRequest) -> Workers:
    return Workers(backend=backend, scheduler=request.getfixturevalue("scheduler")) if backend == "dask" else Workers(2)


@pytest.mark.parametrize("backend", ["loky", "dask"])
def test_what_killed_workers_had_is_done_again_and_nothing_is_lost(
    backend: Backend, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    workers = workers_of(backend, request)
    found = list(run_tasks(partial(square, tmp_path, 1), ITEMS, workers))
    assert ["death0"] == [path.name for path in tmp_path.iterdir()]
    assert len(ITEMS) == len(found)
    assert SQUARES == dict(found)


@pytest.mark.parametrize("backend", ["loky", "dask"])
def test_a_piece_that_kills_whoever_has_it_is_told_of(
    backend: Backend, tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("augalgebra.tasks._MOST_DEATHS", 1)
    with pytest.raises(AugalgebraError, match="died again and again over the same piece"):
        list(run_tasks(partial(square, tmp_path, 100), [7], workers_of(backend, request)))
    assert 2 == len(list(tmp_path.iterdir()))


class Unreadable:
    """A function that no other process can read."""

    def __call__(self, item: int) -> int:
        return item

    def __reduce__(self) -> tuple[object, ...]:
        return exec, ("raise ModuleNotFoundError('no module for this here')",)


def test_how_workers_ended_that_cannot_read_their_work_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augalgebra.tasks._MOST_DEATHS", 0)
    with pytest.raises(AugalgebraError, match=r"they ended with EXIT\(1\)"):
        list(run_tasks(Unreadable(), ITEMS, Workers(2)))


def test_a_backend_that_there_is_not_is_told_of() -> None:
    with pytest.raises(AugalgebraError, match="there is no backend 'processes'; there are loky, threading, dask, ray"):
        Workers(2, "processes")  # type: ignore[arg-type]


def wait_for(seen: threading.Event, item: int) -> int:
    """Finish item 0 only after another was seen."""
    if not item:
        assert seen.wait(60)
    return item**2


def test_order_is_that_in_which_they_are_done_or_that_of_the_items() -> None:
    threads, seen = Workers(2, "threading"), threading.Event()
    found = run_tasks(partial(wait_for, seen), ITEMS, threads)
    assert 0 != next(found)[0]
    seen.set()
    assert len(ITEMS) - 1 == len(list(found))
    assert list(SQUARES.items()) == list(run_tasks(partial(wait_for, seen), ITEMS, threads, ordered=True))


def test_an_error_of_a_piece_is_raised_here() -> None:
    def invert(item: int) -> float:
        return 1 / (item - 7)

    for workers in (Workers(), Workers(2, "threading")):
        with pytest.raises(ZeroDivisionError):
            list(run_tasks(invert, ITEMS, workers))


def test_few_more_items_are_taken_than_are_worked_on() -> None:
    items = iter(range(1000))
    next(run_tasks(abs, items, Workers(2, "threading")))
    assert 1000 - 50 < len(list(items))


def test_a_cluster_without_workers_or_that_is_not_there_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr("augalgebra.tasks._SECONDS_TO_CONNECT", 0.5)
    with (
        distributed.LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as cluster,
        pytest.raises(AugalgebraError, match="has no worker; 'dask worker"),
    ):
        list(run_tasks(abs, ITEMS, Workers(backend="dask", scheduler=cluster.scheduler_address)))
    with pytest.raises(AugalgebraError, match="no Dask scheduler answers"):
        list(run_tasks(abs, ITEMS, Workers(backend="dask", scheduler="tcp://127.0.0.1:9")))
