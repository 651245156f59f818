"""What was measured of a run on a pretrained autoencoder, kept in its folder."""

import json

from augalgebra.consistency.grids.report import GridReport
from augalgebra.runs.grids.grid_run import GridRun
from augalgebra.runs.storage.files import CHECK, read_pointer
from augalgebra.storage.files import write_atomically
from augalgebra.storage.values import MOST_TEXT, parse_json, read_bytes


def write_grid_check(run: GridRun, report: GridReport) -> None:
    """Write what was measured of a run into its folder; it goes when the operators become others."""
    with run.describing(CHECK):
        write_atomically(run.folder / CHECK, json.dumps(report.to_dict(), indent=2, allow_nan=False) + "\n")


def read_grid_check(run: GridRun, images: int | None = None) -> GridReport | None:
    """What was measured of a run when it was last checked.

    Args:
        run: The run.
        images: On how many test crops it has to have been measured; None for any number.

    Returns:
        The same as then; None if it has to be measured, for the first time or again.
    """
    if run.registry.stale() or CHECK not in read_pointer(run.folder).derived:
        return None
    try:
        report = GridReport.of_dict(parse_json(read_bytes(run.folder / CHECK, MOST_TEXT)))
    except (ValueError, OSError, KeyError, TypeError, AttributeError):  # damaged, or of an earlier version
        return None
    return report if images in (None, report.images) else None
