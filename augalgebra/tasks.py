"""Many pieces of work, in this process, in several of this machine, or on a cluster; what a dead worker had is redone.

What comes of a piece must depend on the piece alone; then results are the same wherever and in whatever order it is
done, and however often a worker dies.
"""

import contextlib
import functools
import itertools
import os
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, get_args

from augalgebra.errors import AugalgebraError

__all__ = ["Backend", "Workers", "run_tasks"]

T = TypeVar("T")
R = TypeVar("R")

Backend = Literal["loky", "threading", "dask", "ray"]
"""Where work is done: processes or threads of this machine, or the workers of a Dask or Ray cluster."""

_WAITING = 4
"""Pieces that wait for each worker; more would only take memory."""
_MOST_DEATHS = 3
"""How often workers may die while they have one piece, until it is taken for the cause; Dask allows as many."""
_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_TO_CONNECT = 15
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_held: list[Callable[[Any], Any]] = []


@dataclass(frozen=True)
class Workers:
    """Who does the work.

    Attributes:
        jobs: Pieces at a time on this machine; 0 stands for as many as there are cores. A cluster takes as many as its
            workers have room for.
        backend: Where they are done.
        scheduler: Address of the cluster's scheduler, such as ``tcp://10.0.0.1:8786``; None takes the client of this
            process (Dask), or whatever Ray finds.
        threads: Threads for each piece; 0 stands for the cores here over the jobs, and 1 on a cluster. Numbers agree
            to the last bit between computations with equally many threads.

    Raises:
        AugalgebraError: There is no such backend, a number is negative, or a scheduler is named where there is none.
    """

    jobs: int = 1
    backend: Backend = "loky"
    scheduler: str | None = None
    threads: int = 0

    def __post_init__(self) -> None:
        if self.backend not in get_args(Backend):
            raise AugalgebraError(f"there is no backend {self.backend!r}; there are {', '.join(get_args(Backend))}")
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
        """Pieces at a time on this machine."""
        return self.jobs or _cores()

    @property
    def threads_each(self) -> int:
        """Threads for each piece."""
        return self.threads or (1 if self.on_cluster else max(1, _cores() // self.jobs_here))

    @property
    def share_memory(self) -> bool:
        """Whether the work is done in this process."""
        return self.is_alone or (not self.on_cluster and self.backend == "threading")

    @property
    def is_alone(self) -> bool:
        """Whether this process does all the work, one piece after the other."""
        return not self.on_cluster and self.jobs_here == 1


def run_tasks(
    function: Callable[[T], R], items: Iterable[T], workers: Workers | None = None, *, ordered: bool = False
) -> Iterator[tuple[T, R]]:
    """Do something with each of many items. Workers are sent the function once, and then the items.

    Args:
        function: What is done with one item; for workers with memory of their own something that can be sent to them.
        items: The items; few more are taken than are being worked on.
        workers: Who does it; this process, one after the other, by default.
        ordered: Whether results come in the order of the items; else in that in which they are done.

    Yields:
        Each item with what came of it.

    Raises:
        AugalgebraError: The backend cannot be used, or workers die again and again of one item.
    """
    workers = workers or Workers()
    if workers.is_alone:
        for item in items:
            yield item, function(item)
        return
    finished = _finish(function, enumerate(items), workers)
    if not ordered:
        yield from ((item, result) for (_, item), result in finished)
        return
    early: dict[int, tuple[T, R]] = {}
    following = itertools.count()
    number = next(following)
    for (place, item), result in finished:
        early[place] = item, result
        while number in early:
            yield early.pop(number)
            number = next(following)


def _finish(
    function: Callable[[T], R], items: Iterator[tuple[int, T]], workers: Workers
) -> Iterator[tuple[tuple[int, T], R]]:
    """All items with what came of them, as they are done; what dead workers had is given to new ones."""
    deaths: dict[int, int] = {}
    lost: deque[tuple[int, T]] = deque()
    while True:
        with _open_pool(function, workers) as (submit, room):
            under_way: dict[Future[R], tuple[int, T]] = {}
            broken: BaseException | None = None
            while broken is None:
                for item in itertools.islice(_taken(lost, items), max(0, room() - len(under_way))):
                    under_way[submit(item[1])] = item
                if not under_way:
                    return
                for future in wait(under_way, return_when=FIRST_COMPLETED).done:
                    try:
                        result = future.result()
                    except (BrokenExecutor, CancelledError) as error:
                        broken = error
                    else:
                        yield under_way.pop(future), result
            for place, _ in under_way.values():
                deaths[place] = deaths.get(place, 0) + 1
                if deaths[place] > _MOST_DEATHS:
                    raise _deadly(broken) from broken
            lost.extend(under_way.values())


def _taken(lost: deque[T], items: Iterator[T]) -> Iterator[T]:
    while lost:
        yield lost.popleft()
    yield from items


def _deadly(last: BaseException | None) -> AugalgebraError:
    codes = re.search(r"exit codes of the workers are \{(.{1,60}?)\}", str(last))
    return AugalgebraError(
        "workers died again and again over the same piece of work; where memory runs out, take fewer --jobs"
        + (f" (they ended with {codes[1]})" if codes else "")
    )


_Pool = tuple[Callable[[Any], Future[Any]], Callable[[], int]]
"""What hands over an item, and how many items may be under way."""


@contextlib.contextmanager
def _open_pool(function: Callable[[Any], Any], workers: Workers) -> Iterator[_Pool]:
    opened = {"loky": _open_processes, "threading": _open_threads, "dask": _open_dask, "ray": _open_ray}
    with opened[workers.backend](function, workers) as pool:
        yield pool


@contextlib.contextmanager
def _open_processes(function: Callable[[Any], Any], workers: Workers) -> Iterator[_Pool]:
    from joblib.externals.loky import ProcessPoolExecutor  # its processes do not run the program of the user again

    jobs = workers.jobs_here
    threads = dict.fromkeys(_THREAD_VARIABLES, str(workers.threads_each))
    pool = ProcessPoolExecutor(jobs, initializer=_begin, initargs=(function, os.getpid()), env=threads)

    def submit(item: Any) -> Future[Any]:
        try:
            return pool.submit(_do, item)  # type: ignore[no-any-return]
        except BrokenExecutor as error:  # one died since the last look
            broken: Future[Any] = Future()
            broken.set_exception(error)
            return broken

    try:
        yield submit, lambda: jobs * _WAITING
    except BaseException:
        pool.shutdown(kill_workers=True)
        raise
    pool.shutdown()


@contextlib.contextmanager
def _open_threads(function: Callable[[Any], Any], workers: Workers) -> Iterator[_Pool]:
    pool = ThreadPoolExecutor(workers.jobs_here)
    try:
        yield lambda item: pool.submit(function, item), lambda: workers.jobs_here * _WAITING
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # whoever gives up can then tell the others to stop


@contextlib.contextmanager
def _open_dask(function: Callable[[Any], Any], workers: Workers) -> Iterator[_Pool]:
    with _dask_client(workers.scheduler) as client:
        import dask
        from distributed.scheduler import KilledWorker

        try:
            client.wait_for_workers(1, timeout=_SECONDS_TO_CONNECT)
        except TimeoutError as error:
            address = client.scheduler.address
            raise AugalgebraError(f"the Dask cluster at {address} has no worker; 'dask worker {address}'") from error
        executor = client.get_executor(pure=False)
        # as the result of a task it travels once to each worker, and can be made again if all that had it are dead
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"}):
            held = client.submit(_itself, function, pure=False)
        submit = functools.partial(executor.submit, _call, held)
        try:
            yield submit, lambda: _WAITING * max(1, sum(client.ncores().values()))
        except KilledWorker as error:
            raise _deadly(error) from error
        finally:
            executor.shutdown(wait=False)


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


@contextlib.contextmanager
def _open_ray(function: Callable[[Any], Any], workers: Workers) -> Iterator[_Pool]:
    try:
        import ray
        from ray.exceptions import WorkerCrashedError
    except ImportError as error:
        raise _lacking("ray") from error
    try:
        ray.init(address=workers.scheduler, ignore_reinit_error=True, log_to_driver=False)
    except (ConnectionError, ValueError) as error:
        raise AugalgebraError(f"no Ray cluster answers at {workers.scheduler}: {error}") from error
    task, held = ray.remote(max_retries=_MOST_DEATHS)(_call), ray.put(function)
    running: list[Any] = []

    def submit(item: Any) -> Future[Any]:
        running.append(task.remote(held, item))
        return running[-1].future()  # type: ignore[no-any-return]

    try:
        yield submit, lambda: _WAITING * max(1, int(ray.cluster_resources().get("CPU", 1)))
    except WorkerCrashedError as error:
        raise _deadly(error) from error
    finally:
        for reference in running:
            ray.cancel(reference)


def _lacking(package: str) -> AugalgebraError:
    return AugalgebraError(
        f"this backend needs the package {package}, which is not installed; pip install 'augalgebra[cluster]' brings "
        "what 'dask' needs, pip install 'ray[default]' what 'ray' needs"
    )


def _cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _call(function: Callable[[T], R], item: T) -> R:
    return function(item)


def _itself(value: T) -> T:
    return value


def _begin(function: Callable[[Any], Any], parent: int) -> None:
    _held.append(function)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End when the process that started this one has ended, which nobody tells a worker that waits."""
    while os.getppid() == parent:
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    os._exit(1)


def _do(item: Any) -> Any:
    return _held[0](item)
