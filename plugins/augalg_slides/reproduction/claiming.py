"""The folder of results: whose it is, and what they were asked for."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from augalgebra.errors import RunError
from augalgebra.storage import keep, load_cached, read_result

__all__ = ["claim_folder"]


def claim_folder(
    mark: Path, what: str, settings: str, content: Mapping[str, Any], held: Callable[[Mapping[str, Any]], str]
) -> None:
    """Mark a folder as one of these results; those of other settings are not to be replaced.

    Args:
        mark: The file that tells it from other folders.
        what: What it holds, e.g. ``reproduction``.
        settings: Digest of what was asked for.
        content: What to tell of it later.
        held: Tells in a few words what a folder holds, from the content of its mark.

    Raises:
        RunError: The folder holds something else, or results of other settings.
    """
    if load_cached(mark, what, settings) is not None:
        return
    folder, before = mark.parent, read_result(mark, f"augalgebra.{what}", what)
    if before is not None:
        raise RunError(
            f"{folder} holds {held(before)}, which is not what is asked for now; name another folder, or delete this "
            "one"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"{folder} holds something else; name another folder, or empty this one")
    keep(mark, what, settings, content)
