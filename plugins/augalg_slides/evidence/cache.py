"""Results kept in files with a digest of all that they depend on, so that none is computed twice."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from augalgebra.errors import RunError
from augalgebra.files import write_atomically
from augalgebra.values import MOST_TEXT, parse_json, read_bytes


def digest_of(*known: object) -> str:
    """A digest of plain data, the same wherever and whenever it is taken."""
    return hashlib.sha256(json.dumps(known, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def load_cached(path: Path, what: str, settings: str) -> dict[str, Any] | None:
    """A result that was kept before; None if there is none, or one that depends on something else.

    Args:
        path: The file.
        what: What it must be, e.g. ``comparison``.
        settings: Digest of what it must depend on.

    Raises:
        RunError: The file is damaged, or is something else.
    """
    try:
        document = parse_json(read_bytes(path, MOST_TEXT))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise RunError(f"{path} is damaged ({error}); delete it, or name another folder") from error
    if not isinstance(document, dict) or document.get("kind") != _kind(what):
        raise RunError(f"{path} is no {what}; name another folder")
    return document if document.get("settings") == settings else None


def keep(path: Path, what: str, settings: str, content: Mapping[str, Any]) -> None:
    """Keep a result, in one step.

    Args:
        path: The file; missing folders are made.
        what: What it is.
        settings: Digest of what it depends on.
        content: The result as plain data.
    """
    document = {"kind": _kind(what), "settings": settings, **content}
    write_atomically(path, json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _kind(what: str) -> str:
    return f"augalgebra.{what}"
