"""Heads of stage 3: trained for new augmentations, and measured before and after."""

import contextlib
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from augalgebra.algebra.words import IDENTITY, Symbol, Word
from augalgebra.catalog import Catalog
from augalgebra.catalog.contributions import head_factory
from augalgebra.consistency.batches import UnreducedOperators
from augalgebra.consistency.cases import Relabelling
from augalgebra.consistency.composition import measure_composition
from augalgebra.consistency.report import WordScore
from augalgebra.data.dataset import Dataset
from augalgebra.latent.lavae import HeadKind
from augalgebra.latent.protocol import MAIN_HEAD
from augalgebra.operators import OperatorRegistry
from augalgebra.operators.provenance import origin
from augalgebra.plain import PlainData
from augalgebra.runs.check import images_of_run
from augalgebra.runs.operator_matching import OperatorAssignment, match_operators
from augalgebra.runs.storage.records import Ending, Mode, Transfer
from augalgebra.runs.storage.stored_run import StoredRun
from augalgebra.seeds import derived_seed
from augalgebra.storage.locks import lock
from augalgebra.training.loop import Limit, TrainingError
from augalgebra.training.progress import Progress, silent
from augalgebra.training.recipe import Recipe
from augalgebra.training.settings import default_epochs, transfer_defaults
from augalgebra.training.stage2 import check_fit, fit_operators
from augalgebra.training.stage3 import STAGE, assign_operators, head_loop
from augalgebra.training.views import Views


@dataclass(frozen=True)
class AddedHead(PlainData):
    """A head for new augmentations, and what it is worth.

    Attributes:
        transfer: The head, with the operators that lead to where it draws.
        trained: Whether it was trained now; one that is there and still true is only measured.
        before: The new augmentations and their products drawn by the head of stage 1, from the original.
        after: The same drawn by this head.
        slots: For ``relabel`` the trained operators it could have used, the one it uses first.
        catalog: Shows the names.
    """

    transfer: Transfer
    trained: bool
    before: tuple[WordScore, ...]
    after: tuple[WordScore, ...]
    slots: tuple[OperatorAssignment, ...]
    catalog: Catalog
    in_json = (
        *("transfer.head as head", "transfer.mode as mode", "trained", "transfer.steps as steps"),
        *("transfer.ended as ended", "transfer.meanings as operators", "before", "after"),
    )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return super().to_dict() | {"slots": [slot.to_dict(self.catalog) for slot in self.slots]}


def add_head(
    run: StoredRun,
    names: Iterable[str],
    *,
    beside: str | None = None,
    epochs: int | None = None,
    seconds: float | None = None,
    data: Dataset | None = None,
    data_dir: str | Path | None = None,
    progress: Progress = silent,
) -> AddedHead:
    """Train a head for new augmentations that have operators, and measure it on the test images.

    Nothing is written; `Run.save` does. A head for the same augmentations that was
    trained on just these operators is measured and left as it is; one whose augmentation or operator has changed is
    trained anew.

    Args:
        run: The trained run. It gets the head, in memory.
        names: The new augmentations; each needs an operator already unless `beside` is given.
        beside: Another augmentation to make a pair with, which then reuses the trained operators (*relabel*) that
            suit it best; see `augalgebra.runs.operator_matching.match_operators`.
        epochs: Passes over the data.
        seconds: Time.
        data: The data set of the run, if it is in memory already.
        data_dir: Where downloaded data sets lie.
        progress: Called after each step.

    Raises:
        KeyboardInterrupt: It was interrupted.
        TrainingError: The loss was not finite.
        AugalgebraError: The data are not those of the run, or there are too few trained operators.
    """
    catalog, settings = run.registry.catalog, run.settings
    data = data or settings.load_data(data_dir)
    run.check_data(data)
    views = Views.published(catalog, [*names, *([] if beside is None else [beside])], seed=settings.seed)
    words = views.generators
    mode: Mode = "extend" if beside is None else "relabel"
    choices = match_operators(run, words, data.test) if mode == "relabel" else ()
    operators = choices[0].trained if choices else words
    meaning = tuple(map(str, words)), mode, tuple(map(str, operators))
    same = [item for item in run.transfers.values() if (item.augmentations, item.mode, item.operators) == meaning]
    letters = [[word.symbols[0] for word in group] for group in (words, operators)]
    head = next((item for item in same if item.origin == head_origin(run.registry, *letters)), None)
    trained = head is None
    if head is None:
        name = same[0].head if same else _free_name(run, head_name(catalog, words), mode)
        if name in run.space.heads:
            run.space.remove_head(name)
            run.transfers.pop(name, None)
        head = transfer(
            run,
            words,
            mode=mode,
            onto=operators,
            head=name,
            epochs=epochs,
            seconds=seconds,
            data=data,
            progress=progress,
            save=False,
        )
        if head.ended == "interrupted":
            raise KeyboardInterrupt
    relabelled = Relabelling(catalog, head.meanings) if mode == "relabel" else None
    images, _, ids = images_of_run(run, data=data)
    before, after = (
        measure_composition(
            run.space,
            UnreducedOperators(run.registry),
            catalog,
            images,
            words,
            words=[word for word in views.words if word],
            views=[IDENTITY],
            ids=ids,
            seed=settings.seed,
            head=drawn_by,
            relabelling=relabelled,
        ).words
        for drawn_by in (MAIN_HEAD, head.head)
    )
    return AddedHead(head, trained, before, after, choices, catalog)


def _free_name(run: StoredRun, name: str, mode: Mode) -> str:
    """A name that no other head has."""
    taken = {MAIN_HEAD, *run.transfers}
    if name in taken:
        name = f"{name}-{mode}"
    number = 1
    while (free := name if number == 1 else f"{name}-{number}") in taken:
        number += 1
    return free


def transfer(
    run: StoredRun,
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
    data = data or settings.load_data(data_dir)
    run.check_data(data)
    with lock(run.folder, "changed") if save else contextlib.nullcontext():
        if save:
            run.check_current()
        views = Views.published(catalog, augmentations, seed=settings.seed)
        trained = [catalog.word(name) for name in settings.augmentations]
        slots = trained if onto is None else [catalog.word(name) for name in onto]
        meanings = assign_operators(slots, views.generators) if mode == "relabel" else None
        name = head or head_name(catalog, views.generators)
        seed = derived_seed(settings.seed, f"head {name}")
        if epochs is None and seconds is None:
            epochs = default_epochs(settings.preset, len(data.train))
        usual, batch_size = transfer_defaults(settings.preset, run.space.likelihood.name, run.space.image_shape)
        recipe = Recipe.of(
            settings,
            Limit(epochs, seconds),
            seed=seed,
            learning_rate=learning_rate or usual,
            batch_size=batch_size,
        )
        kind = None if decoder is None else HeadKind(decoder, head_factory(catalog, decoder))
        run.space.add_head(name, seed=seed, kind=kind)
        if mode == "extend":
            fresh = [word for word in views.generators if word not in run.registry]
            beside = Views.beside(catalog, trained, fresh, seed=settings.seed) if fresh else views
            fit_operators(run.registry, run.space, beside, data.train, operators=fresh, fit=fit, progress=progress)
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
            run.record(STAGE, loop.epochs, head=name)
            if save:
                run.save()
            return added

        try:
            outcome = loop.run(progress)
        except TrainingError:
            keep("diverged")
            raise
        return keep(outcome.ended)


def head_name(catalog: Catalog, augmentations: Sequence[Word]) -> str:
    """What a head for some augmentations is called unless a name is given."""
    return "-".join(re.sub(r"[^\w-]+", "_", catalog.display(word)).strip("_") for word in augmentations)


def head_origin(registry: OperatorRegistry, augmentations: Sequence[Symbol], operators: Sequence[Symbol]) -> str:
    """Digest of what a head is trained on: the augmentations as they are now, and the operators that lead there."""
    digest = hashlib.sha256()
    for symbol, moving in zip(augmentations, operators, strict=True):
        digest.update(f"{symbol} {' '.join(origin(registry.catalog, symbol.name))} {moving} ".encode())
        for part in registry.operator(Word(((moving, 1),))).arrays:
            digest.update(np.ascontiguousarray(part, dtype=np.float64).tobytes())
    return digest.hexdigest()
