"""What was computed before, as JSON in files that are written whole or not at all.

A result that was asked for says what it is and has a digest of all that it depends on (`keep`, `load_cached`); a
damaged one is an error, since it took long to make. What is remembered only to answer sooner (`remember`, `recall`) is
never an error: it is made again.
"""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from augalgebra.errors import AugalgebraError, RunError
from augalgebra.plain import to_plain
from augalgebra.storage.files import write_atomically
from augalgebra.storage.values import MOST_TEXT, parse_json, read_bytes

__all__ = ["digest_of", "keep", "load_cached", "read_result", "recall", "remember", "write_json"]


def digest_of(*known: object) -> str:
    """A digest of plain data, the same wherever and whenever it is taken."""
    import hashlib  # which what is remembered needs not, and takes a while

    return hashlib.sha256(json.dumps(known, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def write_json(path: Path, content: object) -> None:
    """Write anything that `to_plain` takes, in one step; missing folders are made.

    Raises:
        AugalgebraError: The file cannot be written; whatever was there before is untouched.
    """
    text = json.dumps(to_plain(content), indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(path, text + "\n")


def read_result(path: Path, kind: str, what: str) -> dict[str, Any] | None:
    """A result from its file; None if there is none.

    Args:
        path: The file.
        kind: What it must say it is, e.g. ``augalgebra.comparison``.
        what: The same for people.

    Raises:
        RunError: The file is damaged, or is something else.
    """
    try:
        content = parse_json(read_bytes(path, MOST_TEXT))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise RunError(f"{path} is damaged ({error}); delete it, or name another folder") from error
    if not isinstance(content, dict) or content.get("kind") != kind:
        raise RunError(f"{path} is no {what}; name another folder")
    return content


def load_cached(path: Path, what: str, settings: str) -> dict[str, Any] | None:
    """A result that was kept before; None if there is none, or one that depends on something else.

    Args:
        path: The file.
        what: What it must be, e.g. ``comparison``.
        settings: Digest of what it must depend on.

    Raises:
        RunError: The file is damaged, or is something else.
    """
    content = read_result(path, f"augalgebra.{what}", what)
    return content if content is not None and content.get("settings") == settings else None


def keep(path: Path, what: str, settings: str, content: Mapping[str, Any]) -> None:
    """Keep a result, in one step.

    Args:
        path: The file; missing folders are made.
        what: What it is.
        settings: Digest of what it depends on.
        content: The result.
    """
    write_json(path, {"kind": f"augalgebra.{what}", "settings": settings, **content})


def recall(path: Path) -> Any:
    """What was remembered in a file; None if nothing was, or nothing that can be read."""
    try:
        return parse_json(read_bytes(path, MOST_TEXT))
    except (OSError, ValueError):
        return None


def remember(path: Path, content: object) -> None:
    """Remember something that can be made again; where it cannot be written, nothing is said."""
    with contextlib.suppress(AugalgebraError):
        write_atomically(path, json.dumps(to_plain(content)) + "\n")  # escaped: names of files may be no Unicode
