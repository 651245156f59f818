"""One writer at a time: locks that end with their process, however it ends."""

import json
import logging
import os
import platform
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from augalgebra.errors import BusyError
from augalgebra.storage import files

__all__ = ["LOCK", "lock"]

LOCK = ".lock"
"""The lock of a folder, in it; that of a file ``F`` is ``.F.lock`` beside it. It is there while it is held."""

_SECONDS_BETWEEN_LOOKS = 0.1
_LOOKS_WITHOUT_A_NOTE = 10  # a lock is held a moment before its note is written
_LONG = ("trained", "swept")
_held = threading.local()


@contextmanager
def lock(
    path: str | Path, doing: str, *, is_file: bool = False, tell: Callable[[str], object] | None = None
) -> Iterator[None]:
    """Be the only one who changes a folder or a file, on all machines that share it where its file system can do that.

    What takes long is not waited for, and does not wait. A thread may lock twice. Readers need no lock.

    Args:
        path: The folder, which is made if it is missing, or the file.
        doing: What is done to it, as others are told: ``trained`` and ``swept`` take long, anything else is short.
        is_file: Whether it is a file.
        tell: Told once who is waited for; by default a warning is logged.

    Raises:
        BusyError: Another process is changing it and takes long, or this one would.
        AugalgebraError: Nothing can be written there.
    """
    from filelock import FileLock, Timeout  # not when the program starts

    target = Path(os.path.realpath(path))
    file = target.with_name(f".{target.name}{LOCK}") if is_file else target / LOCK
    held: set[Path] = _held.__dict__.setdefault("files", set())
    if file in held:
        yield
        return
    tell = tell or logging.getLogger(__name__).warning
    with files.naming_failures(Path(path)):
        files.make_folder(file.parent)
        lock = FileLock(file)
        told = False
        for look in count():
            try:
                lock.acquire(blocking=False)
                break
            except Timeout:
                holder = _holder(file)
                if not holder and look < _LOOKS_WITHOUT_A_NOTE:
                    time.sleep(_SECONDS_BETWEEN_LOOKS)
                    continue
                who = f"{path} is being {holder.get('doing', 'changed')} by {_name(holder)}"
                if doing in _LONG or holder.get("doing") in _LONG:
                    raise BusyError(f"{who}; wait for it to end, or stop it") from None
                if not told:
                    tell(f"{who}; waiting for it to end")
                told = True
                time.sleep(_SECONDS_BETWEEN_LOOKS)
    note = {"process": os.getpid(), "host": platform.node(), "doing": doing}
    with suppress(OSError):
        file.write_text(json.dumps(note), encoding="utf-8")
    held.add(file)
    try:
        yield
    finally:
        held.discard(file)
        try:
            with suppress(OSError):
                files.remove(file)  # while it is locked: whoever has it open sees that it is gone, and looks again
        finally:
            lock.release()


def _holder(file: Path) -> dict[str, Any]:
    """Who has a lock, as far as it says so."""
    try:
        note = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def _name(holder: dict[str, Any]) -> str:
    host = holder.get("host", platform.node())
    where = "" if host == platform.node() else f" on {host}"
    return f"process {holder['process']}{where}" if "process" in holder else "another process"
