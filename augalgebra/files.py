"""Writing files so that a reader finds the old content or the new, never half of one."""

import contextlib
import os
import secrets
from pathlib import Path

from augalgebra.errors import AugalgebraError


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
