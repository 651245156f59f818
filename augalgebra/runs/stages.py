"""Training a run through its stages, and adding heads to it."""

import contextlib
import hashlib
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from augalgebra.algebra.words import Symbol, Word
from augalgebra.catalog import Catalog
from augalgebra.catalog.heads import head_factory
from augalgebra.data.dataset import Dataset, load_data
from augalgebra.errors import RunError
from augalgebra.files import check_room
from augalgebra.latent.lavae import LAVAE, Architecture, HeadKind
from augalgebra.locks import locked
from augalgebra.operators import FitOptions, OperatorRegistry, structured
from augalgebra.operators.groups.arrays import Array
from augalgebra.operators.provenance import origin
from augalgebra.runs.files import CHECKPOINT, DERIVED, revision_of
from augalgebra.runs.gap_probe import Probe
from augalgebra.runs.records import Ending, Mode, Transfer
from augalgebra.runs.run import Run, describe, of_run
from augalgebra.seeds import derived_seed
from augalgebra.training.loop import Limit, Loop, TrainingError
from augalgebra.training.precision import bfloat16_pays, device_of
from augalgebra.training.progress import Progress, silent
from augalgebra.training.recipe import Recipe
from augalgebra.training.settings import TrainSettings, default_epochs, transfer_defaults
from augalgebra.training.stage1 import STAGE as STAGE_1
from augalgebra.training.stage1 import joint_operators, stage1_loop
from augalgebra.training.stage2 import DECODER, PUBLISHED, READOUT, STRUCTURED, check_fit, fit_operators
from augalgebra.training.stage3 import STAGE as STAGE_3
from augalgebra.training.stage3 import head_loop, relabelling
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
) -> Run:
    """Train a latent space (stage 1), fit its operators (stage 2), and keep both in a folder.

    Interrupted by `KeyboardInterrupt`, it keeps what was learned, fits operators on that and returns a usable run,
    which can be resumed. With a limit in epochs, resuming ends where an uninterrupted run does, bit for bit.

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

    Raises:
        RunError: There is a run in the folder already, or none to resume.
        BusyError: Another process is training or changing it.
        TrainingError: The loss was not finite; the folder holds the last good state.
        AugalgebraError: Settings, data or augmentations are impossible.

    Examples:
        >>> run = train("runs/flips", TrainSettings(epochs=40), load_catalog())  # doctest: +SKIP
    """
    check_fit(settings.fit)  # before anything is trained
    folder = Path(folder)
    data = data or load_data(settings.data, data_dir)
    settings = settings.for_images(data.train.images)
    if settings.epochs is None and settings.seconds is None:
        settings = replace(settings, epochs=default_epochs(settings.preset, len(data.train)))
    catalog = catalog.for_size(*data.image_shape[1:])
    loop, space = _stage1(settings, catalog, data)
    run = Run(folder, settings, space, of_run(OperatorRegistry.of(space, catalog), folder), describe(data))
    if not resume and not overwrite:
        _refuse_existing(folder)
    elif resume and not Run.exists(folder):
        run.check_resumable()  # says so, and makes no folder
    with locked(folder, "trained"):
        if resume:
            loop.resume(folder / CHECKPOINT, run.check_resumable())
        elif not overwrite:
            _refuse_existing(folder)
        run.revision = revision_of(folder)
        # what is saved twice, with the state of the optimizer: there are two while one takes the place of the other
        check_room(folder, 2 * 5 * sum(p.numel() * p.element_size() for p in loop.learned.parameters()))
        return _trained(run, loop, data, progress, watch=watch)


def _refuse_existing(folder: Path) -> None:
    if Run.exists(folder):
        raise RunError(f"there is a run in {folder} already; name another folder, resume it, or overwrite it")
    others = [name for name in DERIVED if (folder / name).exists()]
    if others:
        raise RunError(
            f"{folder} holds {', '.join(others)} and no run; what is written about a run has these names and goes with "
            "it, so name another folder, or --overwrite"
        )


def _trained(run: Run, loop: Loop, data: Dataset, progress: Progress, *, watch: bool) -> Run:
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
    if watch:
        # those that descend take far longer than a glance; and what stage 1 moves codes by is known without a search
        fit = {PUBLISHED: None, DECODER: READOUT}.get(settings.fit or "", settings.fit)
        if fit is None and settings.preset == "equivariant" and views.group is not None:
            fit = STRUCTURED
        progress = Probe(progress, space, views, data, joint, fit)
    try:
        outcome = loop.run(progress, keep_now_and_then)
    except TrainingError:
        run.ended = "diverged"
        keep(finished=True)
        raise
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
        fit=settings.fit,
        options=FitOptions(seed=settings.seed, readout=faithful),
        through_decoder=faithful and settings.fit is None,
        progress=told,
    )
    run.ended = _ending(interrupted=outcome.interrupted)
    run.save(finished=not outcome.interrupted)
    return run


def transfer(
    run: Run,
    augmentations: Sequence[str | Word],
    *,
    mode: Mode = "extend",
    onto: Sequence[str | Word] | None = None,
    head: str | None = None,
    decoder: str | None = None,
    fit: str | None = None,
    epochs: int | None = None,
    seconds: float | None = None,
    learning_rate: float = 0.0,
    data: Dataset | None = None,
    data_dir: str | Path | None = None,
    progress: Progress = silent,
    save: bool = True,
) -> Transfer:
    """Add a head that draws other augmentations (stage 3); encoder, operators and other heads stay bit for bit.

    Args:
        run: The trained run; the head, and new operators if there are any, are added to it and to its folder.
        augmentations: The new augmentations.
        mode: ``extend`` fits an operator for each new augmentation that has none; ``relabel`` reuses those of the
            trained ones in their order, as published.
        onto: With ``relabel``: the trained augmentations whose operators are reused, the first for the first new one
            and so on; by default those of the run in their order.
        head: Name of the head; by default the augmentations' names.
        decoder: Decoder of a plugin that the head shall have; by default the mirror image of the encoder.
        fit: Name of the fit of new operators; None lets the laws decide.
        epochs: Passes over the data.
        seconds: Time.
        learning_rate: Step size; 0 stands for the preset's.
        data: The data set of the run, if it is in memory already.
        data_dir: Where downloaded data sets lie.
        progress: Called after each step.
        save: Whether to write the run; if not, it is changed in memory only.

    Raises:
        RunError: The data are not those of the run, or the run in the folder has changed since it was read.
        BusyError: The run is being trained.
        TrainingError: The loss was not finite; the head is kept as it last was good.
        AugalgebraError: The head exists already, relabelling has too few operators, there is no such decoder, or a
            value is impossible.
    """
    check_fit(fit)
    settings, catalog = run.settings, run.registry.catalog
    data = data or load_data(settings.data, data_dir)
    run.check_data(data)
    with locked(run.folder, "changed") if save else contextlib.nullcontext():
        if save:
            run.check_current()
        views = Views.published(catalog, augmentations, seed=settings.seed)
        trained = [catalog.word(name) for name in settings.augmentations]
        slots = trained if onto is None else [catalog.word(name) for name in onto]
        meanings = relabelling(slots, views.generators) if mode == "relabel" else None
        name = head or head_name(catalog, views.generators)
        seed = derived_seed(settings.seed, f"head {name}")
        if epochs is None and seconds is None:
            epochs = default_epochs(settings.preset, len(data.train))
        usual, batch_size = transfer_defaults(settings.preset, run.space.likelihood.name, run.space.image_shape)
        recipe = _recipe(settings, Limit(epochs, seconds), seed, learning_rate or usual, batch_size)
        kind = None if decoder is None else HeadKind(decoder, head_factory(catalog, decoder))
        run.space.add_head(name, seed=seed, kind=kind)
        if mode == "extend":
            fresh = [word for word in views.generators if word not in run.registry]
            beside = Views.beside(catalog, trained, fresh, seed=settings.seed) if fresh else views
            fit_operators(run.registry, run.space, beside, data.train, operators=fresh, fit=fit)
        loop = head_loop(
            run.space,
            name,
            views,
            data.train,
            run.registry,
            recipe,
            relabelled=meanings,
        )

        def keep(ended: Ending) -> Transfer:
            symbols = [word.symbols[0] for word in views.generators]
            operators = [(meanings or {}).get(symbol, symbol) for symbol in symbols]
            based_on = head_origin(run.registry, symbols, operators)
            added = Transfer(
                name, tuple(map(str, symbols)), mode, tuple(map(str, operators)), loop.step, ended, based_on
            )
            run.transfers[name] = added
            run.record(STAGE_3, loop.epochs, head=name)
            if save:
                run.save()
            return added

        try:
            outcome = loop.run(progress)
        except TrainingError:
            keep("diverged")
            raise
        return keep(_ending(interrupted=outcome.interrupted))


def _stage1(settings: TrainSettings, catalog: Catalog, data: Dataset) -> tuple[Loop, LAVAE]:
    """The loop of stage 1, and what it trains."""
    architecture = Architecture(data.image_shape, settings.dim, settings.width, settings.likelihood or "bernoulli")
    space = LAVAE(architecture, seed=derived_seed(settings.seed, "weights")).to(device_of(settings.device))
    make = Views.published if settings.preset == "faithful" else Views.closed
    views = make(catalog, settings.augmentations, seed=settings.seed)
    operators = {} if views.group is None else structured(views.group, space.dim).generators
    limit = Limit(settings.epochs, settings.seconds)
    recipe = _recipe(settings, limit, settings.seed, settings.learning_rate, settings.batch_size)
    return stage1_loop(space, views, data.train, recipe, operators), space


def _recipe(settings: TrainSettings, limit: Limit, seed: int, learning_rate: float, batch_size: int) -> Recipe:
    bfloat16 = settings.precision == "bfloat16"
    if settings.precision == "auto":
        bfloat16 = settings.preset == "equivariant" and bfloat16_pays(device_of(settings.device))
    return Recipe(
        settings.preset, limit, seed, learning_rate, batch_size, settings.kl_weight, bfloat16, settings.warmup
    )


def _ending(*, interrupted: bool) -> Ending:
    return "interrupted" if interrupted else "limit"


def head_name(catalog: Catalog, augmentations: Sequence[Word]) -> str:
    """What a head for some augmentations is called unless a name is given."""
    return "-".join(re.sub(r"[^\w-]+", "_", catalog.display(word)).strip("_") for word in augmentations)


def head_origin(registry: OperatorRegistry, augmentations: Sequence[Symbol], operators: Sequence[Symbol]) -> str:
    """Digest of what a head is trained on: the augmentations as they are now, and the operators that lead there."""
    digest = hashlib.sha256()
    for symbol, moving in zip(augmentations, operators, strict=True):
        digest.update(f"{symbol} {' '.join(origin(registry.catalog, symbol.name))} {moving} ".encode())
        affine = registry.operator(Word(((moving, 1),))).affine
        for part in (affine.matrix, affine.shift):
            digest.update(np.ascontiguousarray(part, dtype=np.float64).tobytes())
    return digest.hexdigest()
