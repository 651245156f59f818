"""Training a run through stages 1 and 2, or taking up one that is there."""

import contextlib
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog
from augalgebra.data.dataset import Dataset
from augalgebra.errors import AugalgebraError, RunError
from augalgebra.latent.lavae import LAVAE, Architecture
from augalgebra.operators import FitOptions, OperatorRegistry, build_representation
from augalgebra.operators.groups.arrays import Array
from augalgebra.runs.gap_probe import Probe
from augalgebra.runs.run import Run
from augalgebra.runs.storage.files import CHECKPOINT, finish_change, revision_of
from augalgebra.runs.storage.run_folder import check_folder, refuse_existing
from augalgebra.runs.storage.stored_run import describe, of_run
from augalgebra.seeds import derived_seed
from augalgebra.storage.files import check_room
from augalgebra.storage.locks import lock
from augalgebra.training.devices import Team, assemble_team
from augalgebra.training.loop import Limit, Loop, TrainingError
from augalgebra.training.precision import device_of
from augalgebra.training.progress import Progress, silent
from augalgebra.training.recipe import Recipe
from augalgebra.training.settings import TrainSettings, default_epochs
from augalgebra.training.stage1 import STAGE as STAGE_1
from augalgebra.training.stage1 import joint_operators, stage1_loop
from augalgebra.training.stage2 import (
    DECODER,
    FLOW,
    PUBLISHED,
    READOUT,
    REPRESENTATION,
    STRUCTURED,
    check_fit,
    check_laws,
    fit_operators,
)
from augalgebra.training.views import Views

_SECONDS_BETWEEN_CHECKPOINTS = 20.0


def train(
    folder: str | Path,
    settings: TrainSettings,
    catalog: Catalog,
    *,
    data: Dataset | None = None,
    data_dir: str | Path | None = None,
    progress: Progress = silent,
    watch: bool = False,
    resume: bool = False,
    overwrite: bool = False,
    devices: int = 1,
    strategy: str = "auto",
) -> Run:
    """Train a latent space (stage 1), fit its operators (stage 2), and keep both in a folder.

    Interrupted by `KeyboardInterrupt`, it keeps what was learned, fits operators on that in a closed form and returns a
    usable run, which can be resumed. With a limit in epochs, it then ends where an uninterrupted run does, bit for bit.

    On several devices stage 1 runs in as many processes, each on its part of every batch; losses are those of one
    process but for rounding. The other processes run the same script from its beginning, and end here.

    Args:
        folder: Where to keep the run.
        settings: What to train.
        catalog: Augmentations and their laws.
        data: The data set, if it is in memory already.
        data_dir: Where downloaded data sets lie.
        progress: Called after each step.
        watch: Measure the product of the augmentations now and then, and tell `progress`; takes about 3 % of the time.
        resume: Take up the interrupted run in this folder; settings and data must be the same.
        overwrite: Whether a run in this folder may be replaced.
        devices: On how many devices of this machine stage 1 runs. Under torchrun 1 stands for as many processes as it
            started, on all machines; all must see the folder.
        strategy: Lightning Fabric's name of a way to train with data in parallel, such as ``ddp``.

    Raises:
        RunError: There is a run in the folder already, or none to resume; or one of several processes has ended.
        BusyError: Another process is training or changing it.
        TrainingError: The loss was not finite; the folder holds the last good state.
        AugalgebraError: Settings, data or augmentations are impossible.

    Examples:
        >>> run = train("runs/flips", TrainSettings(epochs=40), load_catalog())  # doctest: +SKIP
    """
    check_fit(settings.fit)  # before anything is trained
    folder = Path(folder)
    data = data or settings.load_data(data_dir)
    settings = replace(settings.for_images(data.train.images), size=data.size)
    if settings.epochs is None and settings.seconds is None:
        settings = replace(settings, epochs=default_epochs(settings.preset, len(data.train)))
    catalog = catalog.for_size(*data.image_shape[1:])
    team = assemble_team(devices, strategy, device_of(settings.device))
    loop, space = _stage1(settings, catalog, data, team)
    run = Run(folder, settings, space, of_run(OperatorRegistry.of(space, catalog), folder), describe(data))
    check_folder(folder, resume=resume, overwrite=overwrite)
    if team is not None and not team.is_first:
        if resume:
            loop.resume(folder / CHECKPOINT, run.check_resumable())
        raise SystemExit(_accompany(loop, team))
    with lock(folder, "trained"):
        if resume:
            loop.resume(folder / CHECKPOINT, run.check_resumable())
        elif not overwrite:
            refuse_existing(folder)
        run.revision = revision_of(folder)
        # what is saved twice, with the state of the optimizer: there are two while one takes the place of the other
        check_room(folder, 2 * 5 * sum(p.numel() * p.element_size() for p in loop.learned.parameters()))
        return _trained(run, loop, data, progress, team, watch=watch)


def _accompany(loop: Loop, team: Team) -> int:
    """Train along with the first process, which tells and keeps what comes of it."""
    with contextlib.suppress(TrainingError, RuntimeError), team.interrupted_together():
        loop.run()
    return 0


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
    settings = replace(settings.for_images(data.train.images), size=data.size)
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


def _trained(run: Run, loop: Loop, data: Dataset, progress: Progress, team: Team | None, *, watch: bool) -> Run:
    """Stages 1 and 2 of a run whose folder is locked; nothing in it changes before the first new state is whole."""
    settings, space, catalog = run.settings, run.space, run.registry.catalog
    kept = time.monotonic()

    def keep(*, finished: bool = False) -> None:
        run.steps = loop.step
        run.record(STAGE_1, loop.epochs)
        run.save(checkpoint=None if finished else loop.to_bytes(), finished=finished)

    def keep_now_and_then() -> None:
        nonlocal kept
        if time.monotonic() - kept > _SECONDS_BETWEEN_CHECKPOINTS:
            keep()
            kept = time.monotonic()

    views = Views.closed(catalog, settings.augmentations, seed=settings.seed)

    def joint() -> Mapping[Word, Array]:
        return joint_operators(loop.learned) if settings.fit is None else {}

    told = progress
    # those that descend take far longer than a glance, and than whoever presses Ctrl-C waits
    quick = {PUBLISHED: None, DECODER: READOUT, FLOW: REPRESENTATION}.get(settings.fit or "", settings.fit)
    if watch:
        # what stage 1 moves codes by is known without a search
        known = quick is None and settings.preset == "equivariant" and views.group is not None
        progress = Probe(progress, space, views, data, joint, STRUCTURED if known else quick)
    try:
        with contextlib.nullcontext() if team is None else team.interrupted_together():
            outcome = loop.run(progress, keep_now_and_then)
    except TrainingError:
        run.ended = "diverged"
        keep(finished=True)
        raise
    except RuntimeError as error:
        if team is None:
            raise
        keep()
        raise RunError(f"another process has ended; what was learned is kept, and can be resumed ({error})") from error
    keep()  # before the fits, so that whatever happens there can be taken up from here
    run.registry = of_run(OperatorRegistry.of(space, catalog), run.folder)
    # the published stage 1 knows nothing of operators: on MNIST a readout took the worst gap from 1.162 to 1.132, and
    # coordinates that suit the decoder took it to 1.099
    faithful = settings.preset == "faithful"
    fit_operators(
        run.registry,
        space,
        views,
        data.train,
        joint=joint(),
        fit=quick if outcome.interrupted else settings.fit,
        options=FitOptions(seed=settings.seed, readout=faithful),
        through_decoder=faithful and settings.fit is None and not outcome.interrupted,
        progress=told,
    )
    run.ended = outcome.ended
    run.save(finished=not outcome.interrupted)
    return run


def _stage1(settings: TrainSettings, catalog: Catalog, data: Dataset, team: Team | None) -> tuple[Loop, LAVAE]:
    """The loop of stage 1, and what it trains."""
    device = device_of(settings.device) if team is None else team.device
    architecture = Architecture(data.image_shape, settings.dim, settings.width, settings.likelihood or "bernoulli")
    space = LAVAE(architecture, seed=derived_seed(settings.seed, "weights")).to(device)
    make = Views.published if settings.preset == "faithful" else Views.closed
    views = make(catalog, settings.augmentations, seed=settings.seed)
    check_laws(settings.fit, views, space.dim)
    operators = {} if views.group is None else build_representation(views.group, space.dim).generators
    limit = Limit(settings.epochs, settings.seconds)
    recipe = Recipe.of(
        settings, limit, seed=settings.seed, learning_rate=settings.learning_rate, batch_size=settings.batch_size
    )
    return stage1_loop(space, views, data.train, recipe, operators, team), space
