"""Edits of a causal model under a name: small files in the folder of its run.

``edits/NAME.toml`` names the model that it was made for, so that it is not taken for an edit of another. Each is
written in one step, and the run itself does not change.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from augalgebra.causal.edits import Edit
from augalgebra.errors import AugalgebraError, RunError, UnknownNameError
from augalgebra.runs.storage.toml import read_toml, to_toml
from augalgebra.storage.files import naming_failures, write_atomically
from augalgebra.storage.values import Fields

EDITS = "edits"
"""The folder of them in that of the run."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_REMEDY = "make it again with 'augalg causal edit'"


def edit_names(folder: Path) -> tuple[str, ...]:
    """The names of what is kept in the folder of a run, sorted."""
    return tuple(sorted(path.stem for path in (folder / EDITS).glob("*.toml") if _NAME.fullmatch(path.stem)))


def write_edits(folder: Path, name: str, edits: Sequence[Edit], model: str) -> Path:
    """Keep edits under a name; what was kept under it is replaced.

    Args:
        folder: The folder of the run.
        name: The name: letters, digits, ``_``, ``-`` and ``.``.
        edits: What is changed, in this order.
        model: Fingerprint of the model that they were made for.

    Returns:
        The file.

    Raises:
        AugalgebraError: The name is none, an edit holds a function, or the file cannot be written.
    """
    path = edit_file(folder, name)
    tables: dict[tuple[str, ...], Mapping[str, Any]] = {("edit",): {"model": model, "changes": len(edits)}}
    tables |= {("change", str(number)): edit.to_dict() for number, edit in enumerate(edits, 1)}
    with naming_failures(path):
        write_atomically(path, to_toml(tables))
    return path


def read_edits(folder: Path, name: str, model: str) -> tuple[Edit, ...]:
    """The edits that are kept under a name.

    Args:
        folder: The folder of the run.
        name: The name.
        model: Fingerprint of the model that they are for.

    Raises:
        UnknownNameError: Nothing is kept under it; the message names the nearest.
        RunError: The file is damaged, or was made for another model.
    """
    path = edit_file(folder, name)
    if not path.exists():
        known = edit_names(folder)
        kept = f"{folder} keeps {', '.join(known)}" if known else f"{folder} keeps none; 'augalg causal edit' makes one"
        raise UnknownNameError("edit", name, known, f"({kept})")
    whole = Fields(read_toml(path), str(path), RunError, _REMEDY)
    about = whole.table("edit")
    if about.digest("model") != model:
        raise RunError(f"{path} was made for another model, which was in {folder} before; {_REMEDY}")
    changes = whole.table("change") if "change" in whole else whole.within("change", {})
    return tuple(
        Edit.from_fields(changes.table(str(number))) for number in range(1, about.whole("changes", most=1000) + 1)
    )


def edit_file(folder: Path, name: str) -> Path:
    """Where edits of the run in a folder are kept under a name.

    Raises:
        AugalgebraError: The name is none.
    """
    if not _NAME.fullmatch(name):
        raise AugalgebraError(f"{name[:80]!r} is no name for an edit: letters, digits, '_', '-' and '.' make one")
    return folder / EDITS / f"{name}.toml"
