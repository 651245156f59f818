"""Writing files so that a reader finds the old content or the new, never half of one; opening those of strangers."""

import contextlib
import errno
import os
import secrets
import stat
from io import BufferedReader
from pathlib import Path

from augalgebra.errors import AugalgebraError

ANY_SIZE, MOST_EXPANSION = 2**28, 50
"""What a compressed file may unpack to: this many bytes in any case, and beyond that so many times its own size.
Zeros deflate a thousandfold, photographs and scans hardly at all, digits saved as float64 about twenty-five fold."""


def write_atomically(path: str | Path, content: str | bytes) -> None:
    """Replace a file in one step; missing folders are made.

    Args:
        path: The file.
        content: Text (written as UTF-8, line ends as they are) or bytes.

    Raises:
        AugalgebraError: The file cannot be written; whatever was there before is untouched.
    """
    path = Path(path)
    # In the same folder, since a file can only be renamed in one step within one file system.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        _discard(temporary)
        raise AugalgebraError(f"cannot write {path}: {error.strerror or error}") from error
    except BaseException:  # an interrupt must leave nothing lying about either
        _discard(temporary)
        raise


def _discard(temporary: Path) -> None:
    with contextlib.suppress(OSError):
        temporary.unlink()


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
