"""Work on many files, in this process or in several."""

import itertools
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")

_WAITING = 4
"""Pieces of work that wait for each process; more would only take memory."""
_SECONDS_BETWEEN_LOOKS = 0.5
_held: list[Callable[[Any], Any]] = []


def run_all(work: Callable[[T], R], items: Iterable[T], jobs: int) -> Iterator[tuple[T, R]]:
    """Do something with each of many items, in the order in which it is done.

    Args:
        work: What is done with one; with several processes something that can be sent to them.
        items: The items.
        jobs: How many processes; with one it is done here. Each of several computes with one thread.

    Yields:
        Each item with what came of it.
    """
    if jobs <= 1:
        for item in items:
            yield item, work(item)
        return
    from joblib.externals.loky import ProcessPoolExecutor  # its processes do not run the program of the user again

    remaining = iter(items)
    under_way: dict[Future[R], T] = {}
    pool = ProcessPoolExecutor(jobs, initializer=_begin, initargs=(work, os.getpid()))
    try:
        while True:
            for item in itertools.islice(remaining, jobs * _WAITING - len(under_way)):
                under_way[pool.submit(_do, item)] = item
            if not under_way:
                return
            for done in wait(under_way, return_when=FIRST_COMPLETED).done:
                yield under_way.pop(done), done.result()
    finally:
        pool.shutdown(kill_workers=bool(under_way))


def _begin(work: Callable[[Any], Any], parent: int) -> None:
    torch.set_num_threads(1)
    _held.append(work)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End when the process that started this one has ended, which nobody tells a worker that waits."""
    while os.getppid() == parent:
        time.sleep(_SECONDS_BETWEEN_LOOKS)
    os._exit(1)


def _do(item: Any) -> Any:
    return _held[0](item)
