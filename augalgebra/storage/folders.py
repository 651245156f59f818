"""A folder of files that change together.

One of them, the *pointer*, names every other with its SHA-256 and is replaced last. A change goes like this:

1. Each new file is written beside its place, under a hidden name with its digest (`.model.safetensors.1a2b….new`).
2. The pointer is replaced, in one step. That is the change.
3. New files get their plain names; what the pointer does not name is removed.

Whoever reads takes the digest from the pointer and looks under both names. So a process that is killed leaves the old
state before step 2 and the new one after it, and the next writer does what was left of step 3. Files keep plain names,
rather than names made of their content, so that people and other programs find them.
"""

import contextlib
import hashlib
import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from augalgebra.storage import files
from augalgebra.storage.values import read_bytes

__all__ = ["MismatchError", "digest_of", "read_member", "settle", "stage"]

_NEW = re.compile(r"\.(?P<name>.+)\.(?P<digest>[0-9a-f]{16})\.new")


class MismatchError(Exception):
    """A file that is not what the pointer names."""


def digest_of(content: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def read_member(folder: Path, name: str, digest: str, most: int) -> bytes:
    """The content of a file that a pointer names.

    Args:
        folder: The folder.
        name: Its name.
        digest: The SHA-256 that the pointer says.
        most: Largest number of bytes that are read.

    Raises:
        FileNotFoundError: It is missing.
        MismatchError: It is another; the message is the SHA-256 of what is there.
        OSError: It cannot be read.
    """
    with contextlib.suppress(FileNotFoundError):
        content = read_bytes(_staged(folder, name, digest), most)
        if digest_of(content) == digest:
            return content
    content = read_bytes(folder / name, most)
    if digest_of(content) != digest:
        raise MismatchError(digest_of(content))
    return content


def stage(folder: Path, contents: Mapping[str, bytes]) -> dict[str, str]:
    """Write new files beside their places, onto the disk; those that are there already are left as they are.

    Returns:
        The SHA-256 of each by name.

    Raises:
        OSError: One cannot be written.
    """
    digests = {name: digest_of(content) for name, content in contents.items()}
    for name, content in contents.items():
        if _digest_at(folder / name, len(content)) != digests[name]:
            files.write_new(_staged(folder, name, digests[name]), content, like=folder / name)
    files.sync_folder(folder)
    return digests


def settle(folder: Path, digests: Mapping[str, str], unnamed: Collection[str] = ()) -> None:
    """Give new files that the pointer names their plain names, and remove what it does not name.

    Args:
        folder: The folder.
        digests: The SHA-256 of each file that the pointer names.
        unnamed: What else is to be removed.

    Raises:
        OSError: Something cannot be renamed or removed.
    """
    for name in _names(folder):
        match = _NEW.fullmatch(name)
        if match is None:
            continue
        digest = digests.get(match["name"], "")
        if digest.startswith(match["digest"]) and _digest_at(folder / name) == digest:
            files.replace(folder / name, folder / match["name"])
        else:
            files.remove(folder / name)
    for name in unnamed:
        if os.path.lexists(folder / name):
            files.remove(folder / name)
    files.remove_abandoned(folder)


def _staged(folder: Path, name: str, digest: str) -> Path:
    return folder / f".{name}.{digest[:16]}.new"


def _names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder)) if folder.is_dir() else []  # noqa: PTH208 (names, not paths)


def _digest_at(path: Path, size: int | None = None) -> str:
    """SHA-256 of a file; empty if there is none, or one of another size."""
    try:
        if size is not None and path.stat().st_size != size:
            return ""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""
