"""What was measured of a causal run, kept in its folder."""

import json
from typing import Any

from augalgebra.causal.measures import CausalReport
from augalgebra.errors import RunError
from augalgebra.runs.causal.causal_run import CausalRun
from augalgebra.runs.storage.files import CHECK, read_pointer
from augalgebra.storage.files import write_atomically
from augalgebra.storage.values import MOST_TEXT, parse_json, read_bytes


def write_causal_check(run: CausalRun, report: CausalReport) -> None:
    """Write what was measured of a run into its folder; it goes when the model becomes another."""
    with run.describing(CHECK):
        write_atomically(run.folder / CHECK, json.dumps(report.to_dict(), indent=2, allow_nan=False) + "\n")


def read_causal_check(run: CausalRun) -> dict[str, Any] | None:
    """What was measured of a run when it was last checked, as plain data; None if it never was.

    Raises:
        RunError: The file is damaged.
    """
    path = run.folder / CHECK
    if CHECK not in read_pointer(run.folder).derived or not path.exists():
        return None
    try:
        found = parse_json(read_bytes(path, MOST_TEXT))
    except (ValueError, OSError) as error:
        raise RunError(f"{path} is damaged: {error}; 'augalg causal check {run.folder}' writes it anew") from error
    return found if isinstance(found, dict) else None
