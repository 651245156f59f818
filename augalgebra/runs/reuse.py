"""Runs that experiments share: found where they lie, taken up where they stopped, trained where there are none."""

import contextlib
from dataclasses import replace
from pathlib import Path

from augalgebra.catalog import Catalog
from augalgebra.data.dataset import Dataset
from augalgebra.errors import AugalgebraError, RunError
from augalgebra.runs.files import finish_change
from augalgebra.runs.run import Run
from augalgebra.runs.stages import train
from augalgebra.training.progress import Progress, silent
from augalgebra.training.settings import TrainSettings


def find_or_train(
    folder: Path,
    settings: TrainSettings,
    catalog: Catalog,
    data: Dataset,
    *,
    progress: Progress = silent,
    notes: list[str] | None = None,
) -> Run:
    """The run of a folder, which is trained, or trained to its end, if it has to be.

    Args:
        folder: Where it lies, or is to lie.
        settings: What it must have been trained with; where its data lie and on which device is all the same.
        catalog: Augmentations and their laws.
        data: The data set.
        progress: Called after each step of training.
        notes: Where to tell why a run that is there is trained again.

    Raises:
        KeyboardInterrupt: Somebody stopped the training; half of it is kept, and the same call takes it up.
        AugalgebraError: It cannot be trained.
    """
    settings = settings.for_images(data.train.images)
    if Run.exists(folder):
        try:
            found = Run.load(folder, catalog)
            found.check_data(data)
            if replace(found.settings, data=settings.data, device=settings.device) != settings:
                raise RunError("it has other settings")
        except AugalgebraError as error:
            if notes is not None:
                notes.append(f"the run in {folder} cannot be used, and is trained again: {error}")
        else:
            if found.ended == "limit":
                finish_change(folder)
                return found
            with contextlib.suppress(RunError):  # without a checkpoint, or with a damaged one, it begins anew
                return _finished(train(folder, settings, catalog, data=data, progress=progress, resume=True))
    return _finished(train(folder, settings, catalog, data=data, progress=progress, overwrite=True))


def _finished(run: Run) -> Run:
    if run.ended != "limit":
        raise KeyboardInterrupt
    return run
