"""What was measured of a causal run, kept in its folder."""

import json
from typing import Any

from augalgebra.causal.measures import CausalReport
from augalgebra.errors import AugalgebraError, RunError
from augalgebra.runs.causal.causal_run import CausalRun
from augalgebra.runs.storage.files import CHECK, read_pointer
from augalgebra.storage.files import write_atomically
from augalgebra.storage.values import MOST_TEXT, parse_json, read_bytes

_CHANGES = "changes"
"""Key of what each kept edit changed when it was measured."""


def write_causal_check(run: CausalRun, report: CausalReport) -> None:
    """Write what was measured of a run into its folder; it goes when the model becomes another."""
    found = report.to_dict() | {_CHANGES: {name: _changes(run, name) for name in run.edits}}
    with run.describing(CHECK):
        write_atomically(run.folder / CHECK, json.dumps(found, indent=2, allow_nan=False) + "\n")


def read_causal_check(run: CausalRun) -> dict[str, Any] | None:
    """What was measured of a run when it was last checked, as plain data; None if it never was.

    What was measured of an edit goes when another is kept under its name, or none.

    Raises:
        RunError: The file is damaged.
    """
    path = run.folder / CHECK
    if CHECK not in read_pointer(run.folder).derived or not path.exists():
        return None
    try:
        return _as_kept(run, parse_json(read_bytes(path, MOST_TEXT)))
    except (ValueError, OSError, LookupError, TypeError, AttributeError) as error:
        raise RunError(f"{path} is damaged: {error}; 'augalg causal check {run.folder}' writes it anew") from error


def _as_kept(run: CausalRun, found: dict[str, Any]) -> dict[str, Any]:
    """What was measured, without edits that are kept no more as they were then."""
    others = {name for name, changes in found.pop(_CHANGES, {}).items() if changes != _changes(run, name)}
    return found | {
        "edits": [score for score in found["edits"] if score["name"] not in others],
        "left_out": {name: reason for name, reason in found.get("left_out", {}).items() if name not in others},
    }


def _changes(run: CausalRun, name: str) -> list[str]:
    """What a kept edit changes, in words; why it cannot be read if it cannot be."""
    try:
        return [str(change) for change in run.edited(name).edits]
    except AugalgebraError as error:
        return [str(error)]
