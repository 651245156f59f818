"""Opening a run of any kind: a latent space that was trained, operators of a pretrained autoencoder, a causal model."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from augalgebra.catalog import Catalog
from augalgebra.runs.causal.causal_run import CausalRun
from augalgebra.runs.grids.grid_run import GridRun
from augalgebra.runs.run import Run
from augalgebra.runs.storage.files import read_pointer
from augalgebra.runs.storage.records import CAUSAL, GRID


def is_grid_run(folder: str | Path) -> bool:
    """Whether the run in a folder is one of operators on grids.

    Raises:
        RunError: The folder is no run.
    """
    return _kind_of(folder) == GRID


def is_causal_run(folder: str | Path) -> bool:
    """Whether the run in a folder is a causal model.

    Raises:
        RunError: The folder is no run.
    """
    return _kind_of(folder) == CAUSAL


def open_run(folder: str | Path, catalog: Catalog, *, accept_stale: bool = False) -> Run | GridRun | CausalRun:
    """Read the run in a folder, of whichever kind it is.

    Args:
        folder: The run's folder.
        catalog: Augmentations and their laws, as they are now.
        accept_stale: Take operators of augmentations that have changed since; they then say so.

    Raises:
        RunError: The folder is no run, or its files are damaged or do not belong together.
        StaleOperatorError: Laws or plugins have changed since; the message names each.
    """
    kinds: dict[object, type[Run | GridRun | CausalRun]] = {GRID: GridRun, CAUSAL: CausalRun}
    return kinds.get(_kind_of(folder), Run).load(folder, catalog, accept_stale=accept_stale)


@contextmanager
def change_run(folder: str | Path, catalog: Catalog, *, accept_stale: bool = False) -> Iterator[Run | GridRun]:
    """Read the run in a folder in order to change its operators.

    Raises:
        BusyError: It is being trained.
        AugalgebraError: It cannot be read, is a causal model, which has no operators, or its folder cannot be written
            or has no room.
    """
    kind = GridRun if is_grid_run(folder) else Run
    with kind.open(folder, catalog, accept_stale=accept_stale) as run:
        yield run


def _kind_of(folder: str | Path) -> object:
    table = read_pointer(Path(folder)).tables.get("run")
    return table.get("kind") if isinstance(table, dict) else None
