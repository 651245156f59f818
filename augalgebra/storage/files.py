"""Writing files so that a reader finds the old content or the new, never half of one; opening those of strangers.

Every operation that changes a disk goes through the few functions at the end, so that a test can stop the program at
each of them.
"""

import contextlib
import errno
import os
import re
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from augalgebra.errors import AugalgebraError

__all__ = [
    "check_ending",
    "check_room",
    "make_folder",
    "naming_failures",
    "open_new",
    "open_regular",
    "open_replacement",
    "parts_in",
    "remove",
    "remove_abandoned",
    "replace",
    "sync",
    "sync_folder",
    "unpacks_too_much",
    "write",
    "write_atomically",
    "write_new",
]

try:
    import fcntl
except ImportError:  # not on Windows, where a file that is open cannot be removed in the first place
    fcntl = None  # type: ignore[assignment]

ANY_SIZE, MOST_EXPANSION = 2**28, 50
"""What a compressed file may unpack to: this many bytes in any case, and beyond that so many times its own size.
Zeros deflate a thousandfold, photographs and scans hardly at all, digits saved as float64 about twenty-five fold."""

_PART = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{12}\.part")
_DESCRIPTOR = re.compile(r"/dev/(?P<name>stdin|stdout|stderr)|/(?:dev|proc/self)/fd/(?P<number>\d+)")
_STANDARD = {"stdin": 0, "stdout": 1, "stderr": 2}
_CHUNK = 1 << 20


def write_atomically(path: str | Path, content: str | bytes) -> None:
    """Replace a file in one step; missing folders are made.

    A file keeps its mode and owner. A symbolic link stays one: the file it leads to is replaced. What is no regular
    file, such as a pipe, a device or ``/dev/stdout``, is written to and stays what it is. What killed processes left
    half written in the folder is removed.

    Args:
        path: The file.
        content: Text (written as UTF-8, line ends as they are) or bytes.

    Raises:
        AugalgebraError: The file cannot be written; whatever was there before is untouched.
    """
    path = Path(path)
    data = content.encode() if isinstance(content, str) else content
    with naming_failures(path):
        if (through := _opened_special(path)) is not None:
            with through as file:
                write(file, data)
            return
        target = Path(os.path.realpath(path))
        make_folder(target.parent)
        with open_replacement(target) as file:
            write(file, data)
        remove_abandoned(target.parent)


def check_ending(path: Path, *endings: str) -> None:
    """See that the name of a picture says what is written there; a pipe or a device may have any.

    Args:
        path: The file.
        endings: Those that say it, such as ``.png``.

    Raises:
        AugalgebraError: It has another ending, or none.
    """
    if path.suffix.lower() not in endings and not _is_special(path):
        raise AugalgebraError(f"{path} is no name for a picture; let it end in {' or '.join(endings)}")


def check_room(folder: Path, size: int) -> None:
    """See that so many bytes can be written into a folder, by writing them; before hours of work, not after.

    Args:
        folder: The folder; it is made if it is missing.
        size: Number of bytes.

    Raises:
        AugalgebraError: They cannot be; nothing is left of the trial.
    """
    with naming_failures(folder):
        make_folder(folder)
        part = folder / f".room.{os.urandom(6).hex()}.part"
        try:
            with open_new(part, 0o600) as file:
                for begun in range(0, size, _CHUNK):
                    write(file, bytes(min(_CHUNK, size - begun)))
                sync(file)
        finally:
            with contextlib.suppress(OSError):
                remove(part)


def remove_abandoned(folder: Path) -> None:
    """Remove what processes that are no more left half written in a folder."""
    for part in parts_in(folder):
        with contextlib.suppress(OSError):
            if _is_abandoned(part):
                remove(part)


def parts_in(folder: Path) -> Iterator[Path]:
    """The files in a folder that are being written, or were when a process was killed."""
    with contextlib.suppress(OSError):
        yield from (folder / name for name in sorted(os.listdir(folder)) if _PART.fullmatch(name))  # noqa: PTH208 (names, not paths)


@contextlib.contextmanager
def naming_failures(path: Path) -> Iterator[None]:
    """Turn an error of the system into one line that names the file."""
    try:
        yield
    except OSError as error:
        raise AugalgebraError(f"cannot write {path}: {error.strerror or error}") from error


@contextlib.contextmanager
def open_replacement(target: Path) -> Iterator[BinaryIO]:
    """Open a file for writing that takes the place of another when it is closed, whole and on the disk.

    It keeps the mode and owner of what was there. If anything fails before, what was there is untouched.

    Args:
        target: The file; its folder is there.

    Yields:
        What to write to.

    Raises:
        OSError: It cannot be written.
    """
    # in the same folder, since a file can only be renamed in one step within one file system
    part = target.with_name(f".{target.name}.{os.urandom(6).hex()}.part")
    try:
        with _open_whole(part, like=target) as file:
            yield file
        replace(part, target)
    except BaseException:  # an interrupt must leave nothing lying about either
        with contextlib.suppress(OSError):
            remove(part)
        raise


def write_new(path: Path, data: bytes, *, like: Path | None = None) -> None:
    """Write a file whole and onto the disk.

    Args:
        path: The file; what is there is replaced.
        data: Its content.
        like: A file whose mode and owner it gets, if there is one.
    """
    with _open_whole(path, like=like) as file:
        write(file, data)


@contextlib.contextmanager
def _open_whole(path: Path, *, like: Path | None) -> Iterator[BinaryIO]:
    before = _status(like) if like is not None else None
    with _open_held(path, 0o666 if before is None else 0o600) as file:
        yield file
        if before is not None and hasattr(os, "fchown"):
            with contextlib.suppress(PermissionError):
                os.fchown(file.fileno(), before.st_uid, before.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(before.st_mode))
        sync(file)


def _opened_special(path: Path) -> BinaryIO | None:
    """What is no regular file, open for writing; None if the path is of a file, a folder or nothing."""
    match = _DESCRIPTOR.fullmatch(str(path))
    if match is not None:
        # opened by name, a regular file behind it would be begun anew
        number = _STANDARD[match["name"]] if match["name"] else int(match["number"])
        return os.fdopen(os.dup(number), "wb")
    return os.fdopen(os.open(path, os.O_WRONLY), "wb") if _is_special(path) else None


def _is_special(path: Path) -> bool:
    """Whether a path leads to something that is neither a file nor a folder."""
    if _DESCRIPTOR.fullmatch(str(path)):
        return True
    status = _status(path)
    return status is not None and not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode)


def _status(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _open_held(path: Path, mode: int) -> BinaryIO:
    """Open a file for writing, locked for as long as it is open, so that others see that its writer lives."""
    while True:
        file = open_new(path, mode)
        if fcntl is not None:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # somebody took it for abandoned before it was locked


def _is_abandoned(part: Path) -> bool:
    with part.open("r+b") as file:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails while somebody writes it
        return part.stat().st_ino == os.fstat(file.fileno()).st_ino


def open_new(path: Path, mode: int) -> BinaryIO:
    """Open a file for writing, empty."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), mode), "wb")


def write(file: BinaryIO, data: bytes) -> None:
    """Write all of something."""
    file.write(data)
    file.flush()


def sync(file: BinaryIO) -> None:
    """Wait until a file is on the disk."""
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk, where the system can do that."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def replace(source: Path, target: Path) -> None:
    """Give a file another name, in the place of what has it."""
    source.replace(target)


def remove(path: Path) -> None:
    """Remove a file, or a folder with all that is in it; it may be gone already."""
    if path.is_dir() and not path.is_symlink():
        for item in sorted(path.iterdir()):
            remove(item)
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make a folder and those that it lies in, as far as they are missing."""
    folder.mkdir(parents=True, exist_ok=True)


def open_regular(path: str | Path) -> BufferedReader:
    """Open a file for reading, if it is a regular one: a pipe or a device may never end, or never begin.

    Raises:
        OSError: It cannot be opened, or is no regular file.
    """

    def opener(name: str, flags: int) -> int:
        descriptor = os.open(name, flags | getattr(os, "O_NONBLOCK", 0))  # or else a pipe waits for its writer
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError(errno.EINVAL, "it is no regular file", name)
        return descriptor

    return open(path, "rb", opener=opener)


def unpacks_too_much(size: int, packed: int) -> bool:
    """Whether `size` bytes are more than a file of `packed` bytes may unpack to."""
    return size > max(ANY_SIZE, MOST_EXPANSION * packed)
