"""A disk on which everything ends at a certain operation, as when the process is killed there.

Every operation that changes a disk goes through a handful of functions of `augalgebra.storage.files`. `Faults` counts
them, and lets one of them and all that come after it fail with an exception that no handler in the program catches:
what would clean up finds that it can change nothing any more, which is how it is for a process that is no more. A
write that is hit leaves half of its bytes.
"""

from collections.abc import Callable
from typing import Any

import pytest

from augalgebra.storage import files

OPERATIONS = ("open_new", "write", "sync", "sync_folder", "replace", "remove", "make_folder")


class Killed(BaseException):
    """The process is no more."""


class Faults:
    """Counts operations, and stops at one of them.

    Attributes:
        log: What was done, one entry for each operation.
        stop_at: The operation at which the process is killed, counted from 0.
        once: An error that this operation alone fails with, instead.
        after: Called after each replacement of a file with its path.
    """

    def __init__(self, patch: pytest.MonkeyPatch, after: Callable[[Any], object] | None = None) -> None:
        self.log: list[str] = []
        self.stop_at: int | None = None
        self.once: Exception | None = None
        self.after = after
        for name in OPERATIONS:
            patch.setattr(files, name, self._watched(name, getattr(files, name)))

    def _watched(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def operation(*arguments: Any) -> Any:
            if self.once is not None and len(self.log) == self.stop_at:
                self.log.append(f"failed in {name} {arguments[0]}")
                raise self.once
            if self.once is None and self.stop_at is not None and len(self.log) >= self.stop_at:
                if name == "write" and len(self.log) == self.stop_at:
                    file, data = arguments
                    file.write(data[: len(data) // 2])
                    file.flush()
                self.log.append(f"killed in {name}")
                raise Killed
            self.log.append(f"{name} {getattr(arguments[0], 'name', arguments[0])}")
            done = real(*arguments)
            if name == "replace" and self.after is not None:
                self.after(arguments[1])
            return done

        return operation
