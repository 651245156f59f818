"""What commands of plugins are offered: this module is the `augalgebra.CommandLine` that they find in ``ctx.obj``."""

from augalg_cli.datasets import load as load_data
from augalg_cli.datasets import load_of as load_data_of
from augalg_cli.options import catalog, seconds_of
from augalg_cli.options import complete_name as complete
from augalg_cli.progress import case_progress as progress
from augalg_cli.progress import training_progress
from augalg_cli.render import emit_json, line, note, number, table

__all__ = [
    "catalog",
    "complete",
    "emit_json",
    "line",
    "load_data",
    "load_data_of",
    "note",
    "number",
    "progress",
    "seconds_of",
    "table",
    "training_progress",
]
