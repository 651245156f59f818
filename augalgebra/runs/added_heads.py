"""A head of stage 3 for a new augmentation: trained in memory, and measured before and after."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from augalgebra.algebra.words import IDENTITY
from augalgebra.catalog import Catalog
from augalgebra.consistency.batches import UnreducedOperators
from augalgebra.consistency.cases import Relabelling
from augalgebra.consistency.composition import measure_composition
from augalgebra.consistency.report import WordScore
from augalgebra.data.dataset import Dataset, load_data
from augalgebra.latent.protocol import MAIN_HEAD
from augalgebra.runs.check import images_of_run
from augalgebra.runs.operator_matching import OperatorAssignment, match_operators
from augalgebra.runs.records import Mode, Transfer
from augalgebra.runs.run import Run
from augalgebra.runs.stages import head_name, head_origin, transfer
from augalgebra.training.progress import Progress, silent
from augalgebra.training.views import Views


@dataclass(frozen=True)
class AddedHead:
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

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        head = self.transfer
        return {
            "head": head.head,
            "mode": head.mode,
            "trained": self.trained,
            "steps": head.steps,
            "ended": head.ended,
            "operators": head.meanings,
            "before": [score.to_dict() for score in self.before],
            "after": [score.to_dict() for score in self.after],
            "slots": [slot.to_dict(self.catalog) for slot in self.slots],
        }


def add_head(
    run: Run,
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
    data = data or load_data(settings.data, data_dir)
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


def _free_name(run: Run, name: str, mode: Mode) -> str:
    """A name that no other head has."""
    taken = {MAIN_HEAD, *run.transfers}
    if name in taken:
        name = f"{name}-{mode}"
    number = 1
    while (free := name if number == 1 else f"{name}-{number}") in taken:
        number += 1
    return free
