"""Making a run of a causal model: trained in a folder, taken up again, or refused."""

import copy
import time
from dataclasses import replace
from pathlib import Path

from augalgebra.causal.settings import CausalSettings
from augalgebra.causal.training import causal_loop, finish, prepare
from augalgebra.data.dataset import Dataset
from augalgebra.errors import RunError
from augalgebra.runs.causal.causal_run import CausalRun
from augalgebra.runs.causal.stored import label_digests
from augalgebra.runs.storage.files import CHECKPOINT, revision_of
from augalgebra.runs.storage.run_folder import check_folder, refuse_existing
from augalgebra.runs.storage.stored_run import describe
from augalgebra.storage.files import check_room
from augalgebra.storage.locks import lock
from augalgebra.training.loop import Outcome, TrainingError
from augalgebra.training.progress import Progress, silent

_SECONDS_BETWEEN_CHECKPOINTS = 20.0


def train_causal_run(
    folder: str | Path,
    data: Dataset,
    settings: CausalSettings,
    *,
    progress: Progress = silent,
    resume: bool = False,
    overwrite: bool = False,
) -> CausalRun:
    """Train a causal model and keep it in a folder.

    Interrupted by `KeyboardInterrupt`, it keeps what was learned, which can be resumed. With a limit in steps, resuming
    ends where an uninterrupted run does, bit for bit.

    Args:
        folder: Where to keep the run.
        data: Images with factors.
        settings: What is asked for.
        progress: Called after each step.
        resume: Take up the interrupted run in this folder; settings and data must be the same.
        overwrite: Whether a run in this folder may be replaced.

    Raises:
        RunError: There is a run in the folder already, or none to resume.
        BusyError: Another process is training or changing it.
        DataError: Labels are missing, of the wrong number, or not finite.
        TrainingError: The loss was not finite; the folder holds the last good state.

    Examples:
        >>> run = train_causal_run("runs/pendulum", load_data("pendulum"), CausalSettings())  # doctest: +SKIP
    """
    folder, settings = Path(folder), settings.for_data(data)
    learner = prepare(data, settings)
    loop = causal_loop(learner, data, settings)
    about = describe(data) | label_digests(data, settings.concepts) | {"truth": data.truth}
    run = CausalRun(folder, settings, learner.model, about)
    check_folder(folder, resume=resume, overwrite=overwrite)
    with lock(folder, "trained"):
        if resume:
            loop.resume(folder / CHECKPOINT, run.check_resumable())
        elif not overwrite:
            refuse_existing(folder)
        run.revision = revision_of(folder)
        # what is saved twice, with the state of the optimizer: there are two while one takes the place of the other
        check_room(folder, 2 * 5 * sum(p.numel() * p.element_size() for p in loop.learned.parameters()))
        kept = time.monotonic()

        def keep(outcome: Outcome | None = None, *, finished: bool = False) -> None:
            # a copy, since the weak edges of what is trained on are still wanted
            outcome = outcome or Outcome(loop.step, loop.epochs, interrupted=True, seconds=0.0, images_per_second=0.0)
            result = finish(copy.deepcopy(learner), data, settings, outcome)
            run.model, run.steps = result.model, outcome.steps
            run.strengths = tuple(map(tuple, result.strengths.tolist()))
            run.record(outcome.epochs)
            run.save(checkpoint=None if finished else loop.to_bytes(), finished=finished)

        def keep_now_and_then() -> None:
            nonlocal kept
            if time.monotonic() - kept > _SECONDS_BETWEEN_CHECKPOINTS:
                keep()
                kept = time.monotonic()

        try:
            outcome = loop.run(progress, keep_now_and_then)
        except TrainingError:
            run.ended = "diverged"
            keep(finished=True)
            raise
        run.ended = outcome.ended
        keep(outcome, finished=not outcome.interrupted)
    return run


def find_or_train_causal(
    folder: Path,
    data: Dataset,
    settings: CausalSettings,
    *,
    progress: Progress = silent,
    notes: list[str] | None = None,
) -> CausalRun:
    """The run of a folder, which is trained, or trained to its end, if it has to be.

    Args:
        folder: Where it lies, or is to lie.
        data: Images with factors.
        settings: What it must have been trained with; the device is all the same.
        progress: Called after each step of training.
        notes: Where to tell why a run that is there is trained again.

    Raises:
        KeyboardInterrupt: Somebody stopped the training; half of it is kept, and the same call takes it up.
        AugalgebraError: It cannot be trained.
    """
    wanted = settings.for_data(data)
    resume = False
    if CausalRun.exists(folder):
        try:
            found = CausalRun.load(folder)
            found.check_data(data)
            why = "" if replace(found.settings, device=wanted.device) == wanted else "it has other settings"
        except RunError as error:
            why = str(error)
        if not why and found.ended == "limit":
            return found
        resume = not why and found.ended in ("interrupted", "unfinished")
        if why and notes is not None:
            notes.append(f"the run in {folder} cannot be used, and is trained again: {why}")
    run = train_causal_run(folder, data, settings, progress=progress, resume=resume, overwrite=not resume)
    if run.ended != "limit":
        raise KeyboardInterrupt
    return run
