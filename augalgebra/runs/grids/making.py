"""Making a run: operators fitted on somebody's pretrained autoencoder and on one's own photographs."""

from collections.abc import Sequence
from pathlib import Path

from augalgebra.case_progress import CaseProgress, unseen
from augalgebra.catalog import Catalog
from augalgebra.data.photographs import Photographs
from augalgebra.errors import ImageError
from augalgebra.latent.grids import GridSpace
from augalgebra.operators.grids.registry import GridRegistry
from augalgebra.runs.grids.grid_run import GridRun
from augalgebra.runs.grids.record import GridRecord
from augalgebra.runs.grids.stored import describe_photographs, open_grid_space, source_of
from augalgebra.runs.storage.files import revision_of
from augalgebra.runs.storage.run_folder import refuse_existing
from augalgebra.runs.storage.stored_run import of_run
from augalgebra.storage.files import check_room
from augalgebra.storage.locks import lock
from augalgebra.tasks import Workers
from augalgebra.training.grids.fitting import fit_grid_operators, plan_grid_operators
from augalgebra.training.grids.settings import GridSettings
from augalgebra.training.progress import Progress, silent

_REMEDY = "name another folder, or replace it with --overwrite"


def make_grid_run(
    folder: str | Path,
    space: str | GridSpace,
    data: str | Path | Photographs,
    augmentations: Sequence[str],
    settings: GridSettings,
    catalog: Catalog,
    *,
    device: str = "auto",
    overwrite: bool = False,
    skip_broken: bool = False,
    workers: Workers | None = None,
    progress: Progress = silent,
    cases: CaseProgress = unseen,
) -> GridRun:
    """Fit operators of augmentations, and of all that they generate, and keep them in a folder.

    Args:
        folder: Where to keep the run.
        space: The autoencoder, as `augalgebra.latent.open_space` takes it; or opened already.
        data: A folder of photographs of any sizes; some of them are kept apart to measure on.
        augmentations: The augmentations; parameters have to be given.
        settings: How to fit.
        catalog: Augmentations and their laws.
        device: Where to compute, if the autoencoder is not opened already.
        overwrite: Whether a run in this folder may be replaced.
        skip_broken: Whether pictures that cannot be read are left out.
        workers: Who encodes the crops; this process by default.
        progress: Called after each step of the networks.
        cases: Called as crops are encoded and kernels fitted.

    Returns:
        The run. Interrupted by `KeyboardInterrupt` while networks learn, it holds what they learned so far.

    Raises:
        RunError: There is a run in the folder already.
        BusyError: Another process is making or changing it.
        ImageError: The stride does not divide the size of crops.
        FitError: The laws do not allow the fit, or an augmentation draws its parameters.
        AugalgebraError: The autoencoder or the photographs cannot be opened.

    Examples:
        >>> run = make_grid_run(  # doctest: +SKIP
        ...     "runs/taef2", "taesd:models/taef2", "photographs", ["flip_lr", "rotate_cw"], GridSettings(), catalog
        ... )
    """
    folder = Path(folder)
    if not overwrite:
        refuse_existing(folder, _REMEDY)
    words = tuple(str(catalog.word(name)) for name in augmentations)
    opened = open_grid_space(space, device) if isinstance(space, str) else space
    size, stride = settings.size, opened.stride
    if size % stride:
        near = f"{size // stride * stride} or {(size // stride + 1) * stride}"
        raise ImageError(f"crops of {size} pixels cannot be encoded: multiples of {stride} can, such as {near}")
    plan_grid_operators(catalog, words, stride)  # before hours of work
    photographs = data if isinstance(data, Photographs) else Photographs.open(data, skip_broken=skip_broken)
    record = GridRecord(source_of(opened), words, settings, describe_photographs(photographs))
    run = GridRun(folder, of_run(GridRegistry.of(opened, catalog), folder), record, device=device)
    run.use(opened, photographs)
    with lock(folder, "trained"):
        if not overwrite:
            refuse_existing(folder, _REMEDY)
        run.revision = revision_of(folder)
        check_room(folder, 1 << 24)
        crops = photographs.draw_crops(settings.crops, size, settings.seed)
        fit_grid_operators(
            opened,
            crops,
            words,
            catalog,
            settings,
            into=run.registry,
            workers=workers,
            progress=progress,
            cases=cases,
        )
        run.save()
    return run
