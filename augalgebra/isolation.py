"""Code of plugins, run so that it ends, prints and changes nothing but its own.

What a plugin raises becomes an `Exception`, whatever it is; what it prints goes to standard error; what it changes of
the process (seeds, the current folder, torch's modes, ...) is put back and told. A time limit interrupts it. Out of
reach are ``os._exit``, a crash of the interpreter, and compiled code that never returns to Python.
"""

import contextlib
import dis
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

from augalgebra.process_state import ProcessState

__all__ = [
    "MOST_ITEMS",
    "SECONDS",
    "SECONDS_VARIABLE",
    "IsolationError",
    "Item",
    "describe",
    "is_interrupt",
    "isolate",
    "raised_by_statement",
    "seconds_allowed",
    "take",
    "threads_left_behind",
]

Item = TypeVar("Item")

SECONDS_VARIABLE = "AUGALG_PLUGIN_SECONDS"
"""How long a plugin may take to be imported, or to answer a hook."""
SECONDS = 60.0
"""That time where the environment does not say; slow libraries take seconds to import, and more on a busy machine."""
MOST_ITEMS = 10_000
"""Most augmentations, laws or words that one plugin may give."""
_GRACE = 5.0  # until it is told that something cannot be interrupted


class IsolationError(Exception):
    """Code of a plugin did what it must not; the text says what, and begins with a verb or a class of error.

    Attributes:
        changed: What it changed and was put back, if that is all.
    """

    def __init__(self, text: str, changed: tuple[str, ...] = ()) -> None:
        self.changed = changed
        super().__init__(text)


class _TimeUp(BaseException):
    """Raised within code that takes too long; no `Exception`, which such code may well catch."""


def seconds_allowed() -> float:
    """The time limit for importing a plugin and for its hooks, in seconds."""
    try:
        stated = float(os.environ.get(SECONDS_VARIABLE, SECONDS))
    except ValueError:
        return SECONDS
    return min(stated, 1e6) if stated > 0 else SECONDS


def take(items: Iterable[Item], what: str) -> tuple[Item, ...]:
    """All of the items, if they are not too many.

    Raises:
        IsolationError: There are more than `MOST_ITEMS`, perhaps without end.
    """
    found = tuple(islice(items, MOST_ITEMS + 1))
    if len(found) > MOST_ITEMS:
        raise IsolationError(f"it gives more than {MOST_ITEMS} {what}")
    return found


@contextlib.contextmanager
def isolate(name: str = "", *, limit: float | None = None, may_draw: bool = False) -> Iterator[None]:
    """Run code of a plugin.

    Args:
        name: The plugin, for the message that it cannot be interrupted.
        limit: Seconds after which it is interrupted; None for no limit.
        may_draw: Whether it may draw from the global random states, which are put back without a word.

    Raises:
        IsolationError: It raised what is no `Exception` (an exit, an interrupt of its own), took too long, or changed
            something of the process, which has been put back.
        KeyboardInterrupt: Somebody pressed Ctrl-C.
        Exception: Whatever it raised, as it is.
    """
    before = ProcessState(may_draw=may_draw)
    try:
        with _to_standard_error(), _limited(name, limit), _counting_threads(name, limit):
            yield
    except Exception:
        before.restore()
        raise
    except BaseException as error:
        before.restore()
        if is_interrupt(error):
            raise
        if isinstance(error, _TimeUp):
            raise IsolationError(f"it took more than {limit:g} s ({SECONDS_VARIABLE} sets the limit)") from None
        raise IsolationError(describe(error)) from error
    changed = before.restore()
    if changed:
        raise IsolationError(f"it changed {' and '.join(changed)}, which was put back", changed)


def describe(error: BaseException) -> str:
    """What was raised, in one line."""
    if isinstance(error, IsolationError):
        return str(error)
    if isinstance(error, SystemExit):
        return f"it called exit({error.code!r}) (SystemExit: {error.code})"
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def is_interrupt(error: BaseException) -> bool:
    """Whether it is somebody's Ctrl-C, and not a `KeyboardInterrupt` that some code raised itself.

    An interrupt arrives between two instructions, or from a handler of signals; a plugin's own comes from ``raise``.
    """
    if not isinstance(error, KeyboardInterrupt):
        return False
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    codes = [getattr(getattr(handler, "__func__", handler), "__code__", None) for handler in handlers]
    return any(frame.f_code in codes for frame in frames) or not raised_by_statement(error)


def raised_by_statement(error: BaseException) -> bool:
    """Whether the innermost code raised an error on purpose, rather than running into it."""
    place = error.__traceback__
    if place is None:
        return False
    while place.tb_next is not None:
        place = place.tb_next
    return dis.opname[place.tb_frame.f_code.co_code[place.tb_lasti]] == "RAISE_VARARGS"


_lock = threading.Lock()
_users = 0
_standard_output: Any = None


@contextlib.contextmanager
def _to_standard_error() -> Iterator[None]:
    """Send what is printed to standard error, in whatever order several threads come and go."""
    global _users, _standard_output
    with _lock:
        if not _users:
            _standard_output, sys.stdout = sys.stdout, sys.stderr
        _users += 1
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users:
                sys.stdout = _standard_output


_left_behind: list[tuple[str, threading.Thread]] = []


def threads_left_behind() -> list[str]:
    """The plugins that left a thread running while they loaded or answered, for which Python would wait at its end."""
    return sorted({name for name, thread in _left_behind if thread.is_alive()})


@contextlib.contextmanager
def _counting_threads(name: str, limit: float | None) -> Iterator[None]:
    before = () if limit is None else threading.enumerate()
    try:
        yield
    finally:
        if limit is not None:
            new = (thread for thread in threading.enumerate() if thread not in before and not thread.daemon)
            _left_behind.extend((name, thread) for thread in new)


@contextlib.contextmanager
def _limited(name: str, limit: float | None) -> Iterator[None]:
    if limit is None:
        yield
        return
    over = threading.Event()
    tell = threading.Timer(limit + _GRACE, _tell, (name, limit, over))
    tell.daemon = True
    tell.start()
    try:
        with (_alarm if _can_alarm() else _watchdog)(limit, over):
            yield
    finally:
        over.set()
        _end(tell)


def _can_alarm() -> bool:
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()


@contextlib.contextmanager
def _alarm(limit: float, over: threading.Event) -> Iterator[None]:
    """Interrupt by a signal, which ends waiting as well; again every second, as code may catch everything."""

    def stop(*_: object) -> None:
        if not over.is_set():
            raise _TimeUp

    previous, interrupt = signal.signal(signal.SIGALRM, stop), signal.getsignal(signal.SIGINT)
    start = time.monotonic()
    left, again = signal.setitimer(signal.ITIMER_REAL, limit, 1.0)
    try:
        yield
    finally:
        over.set()
        signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - start), 1e-3) if left else 0, again)
        signal.signal(signal.SIGALRM, signal.SIG_DFL if previous is None else previous)
        if interrupt is not None and signal.getsignal(signal.SIGINT) != interrupt:
            signal.signal(signal.SIGINT, interrupt)  # Ctrl-C does what it did


@contextlib.contextmanager
def _watchdog(limit: float, over: threading.Event) -> Iterator[None]:
    """Interrupt from another thread, where signals do not arrive; that does not end waiting inside compiled code."""
    import ctypes  # which few need, and takes a while

    here, lock = ctypes.c_ulong(threading.get_ident()), threading.Lock()

    def stop() -> None:
        with lock:
            if not over.is_set():
                ctypes.pythonapi.PyThreadState_SetAsyncExc(here, ctypes.py_object(_TimeUp))

    timer = threading.Timer(limit, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            over.set()
        _end(timer)


def _end(timer: threading.Timer) -> None:
    """Wait until its thread is gone as well: beside other threads less is told of what plugins change."""
    timer.cancel()
    timer.join()


def _tell(name: str, limit: float, over: threading.Event) -> None:
    if not over.is_set() and sys.stderr is not None:
        sys.stderr.write(
            f"plugin {name} took more than {limit:g} s and cannot be interrupted; leave it out: AUGALG_DISABLE={name}\n"
        )
