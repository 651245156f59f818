"""What was measured of a run on a pretrained autoencoder, kept in its folder."""

import json

from augalgebra.consistency.grids.report import GridReport
from augalgebra.runs.grids.grid_run import GridRun
from augalgebra.runs.storage.files import CHECK
from augalgebra.storage.files import write_atomically


def write_grid_check(run: GridRun, report: GridReport) -> None:
    """Write what was measured of a run into its folder; it goes when the operators become others."""
    with run.describing(CHECK):
        write_atomically(run.folder / CHECK, json.dumps(report.to_dict(), indent=2, allow_nan=False) + "\n")
