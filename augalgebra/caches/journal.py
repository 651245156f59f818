"""What was done to a cache so far: a line for each file that is whole, so that the rest can be done later."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from augalgebra.errors import DataError
from augalgebra.storage import files
from augalgebra.storage.values import MOST_TEXT, parse_json

__all__ = ["JOURNAL", "Journal", "digest_of", "read_record", "state_of"]

JOURNAL = "augalg-latents.jsonl"
"""Its name in the folder that is written to."""

_KIND = "augalgebra.latents"


class Journal:
    """The journal of a folder that is being written.

    A line is added when a file is whole and on the disk. So a process may be killed at any time: what has a line is not
    made again, what has none is, and comes out the same.

    Args:
        folder: The folder.
        task: What is done, fit for JSON; the first line.

    Raises:
        DataError: The folder has a journal of something else, or files without a journal.
    """

    def __init__(self, folder: Path, task: Mapping[str, Any]) -> None:
        self.path = folder / JOURNAL
        self._done: dict[str, dict[str, Any]] = {}
        head = json.loads(json.dumps({"kind": _KIND, **task}))
        before = _lines(self.path)
        if before and before[0] != head:
            differs = [key for key in head if before[0].get(key) != head[key]]
            raise DataError(
                f"{folder} holds codes that were made in another way (other {', '.join(differs)}); name another folder"
            )
        if not before:
            if folder.is_dir() and any(not item.name.startswith(".") for item in folder.iterdir()):
                raise DataError(
                    f"{folder} is not empty, and no {JOURNAL} says that it was begun here; name another folder"
                )
            files.write_atomically(self.path, json.dumps(head) + "\n")
        for line in before[1:]:
            if isinstance(line.get("source"), str) and isinstance(line.get("written"), dict):
                self._done[line["source"]] = line

    def written(self, source: str, state: list[int]) -> dict[str, str] | None:
        """What was made of a file, with the SHA-256 of each by name; None if nothing was, or of what it was before.

        Args:
            source: Its name in the cache.
            state: What `state_of` says of it.
        """
        line = self._done.get(source, {})
        return line["written"] if line.get("state") == state else None

    def record(self, source: str, state: list[int], written: Mapping[str, str]) -> None:
        """Note that all that comes of a file is there.

        Args:
            source: Its name in the cache.
            state: What `state_of` said of it.
            written: The SHA-256 of each file that was made of it, by name.
        """
        line = {"source": source, "state": state, "written": dict(written)}
        with files.naming_failures(self.path), self.path.open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":  # somebody was killed in the middle of a line
                    files.write(file, b"\n")
            files.write(file, json.dumps(line).encode() + b"\n")
            files.sync(file)


def state_of(path: Path) -> list[int]:
    """By what one sees that a file is as it was: its size and when it was written."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def read_record(folder: Path) -> dict[str, Any]:
    """What a folder says of how its codes were made; empty if it says nothing."""
    lines = _lines(folder / JOURNAL)
    return lines[0] if lines else {}


def _lines(path: Path) -> list[dict[str, Any]]:
    """The lines that are whole."""
    lines = []
    try:
        with path.open("rb") as file:
            for text in file:
                if len(text) > MOST_TEXT:
                    raise DataError(f"{path} is damaged; delete it and name another folder")
                try:
                    line = parse_json(text)
                except ValueError:
                    continue
                if isinstance(line, dict):
                    lines.append(line)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from error
    if lines and lines[0].get("kind") != _KIND:
        raise DataError(f"{path} is no journal of cached codes; name another folder")
    return lines


def digest_of(path: Path) -> str:
    """SHA-256 of a file in hexadecimal digits; empty if there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
