"""What one worker of a sweep does: a training of stages 1 and 2, and the cells that start from it.

Whatever is computed depends on the settings alone. Every cell starts from the run as it lies on disk, so that its
numbers are the same whether the training was just made or found, and whichever cells were computed before it.
"""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from augalg_slides.sweeps.pairs import Role, words_of
from augalg_slides.sweeps.settings import CellKey, Unit, decoder_origin
from augalg_slides.sweeps.store import Cell, SweepStore, Term
from augalgebra.catalog import Catalog, load_catalog
from augalgebra.data import Dataset
from augalgebra.errors import AugalgebraError
from augalgebra.operators import origin
from augalgebra.runs import Run, find_or_train, measure_run, transfer
from augalgebra.training import Progress, Report, device_of


@dataclass(frozen=True)
class Work:
    """What a worker needs to know beside its unit.

    Attributes:
        folder: The folder of the sweep.
        threads: Threads of torch.
        catalog: Augmentations and their laws, where the worker shares the memory of whoever sent it; else it loads
            those of its own machine.
        stop: Set when the sweep is to be given up, where it can be shared.
    """

    folder: Path
    threads: int
    catalog: Catalog | None = None
    stop: threading.Event | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of a unit.

    Attributes:
        cells: The cells that were computed.
        failures: What failed and why, one line each.
        notes: What else is worth telling, one line each.
    """

    cells: tuple[Cell, ...]
    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def compute(work: Work, unit: Unit, data: Dataset) -> Outcome:
    """Compute the cells of a unit; each is kept as soon as it is there.

    Args:
        work: Where and how.
        unit: The training and its cells.
        data: The data set.

    Returns:
        The cells, and what failed: one that fails does not keep the others from being computed.

    Raises:
        KeyboardInterrupt: Somebody stopped it; the cells that were there are kept, and so is half a training.
    """
    store, notes, failures = SweepStore(work.folder), list[str](), list[str]()
    cells: list[Cell] = []
    with _threads(work.threads):
        try:
            catalog = _catalog(work, unit)
            folder = store.run_folder(unit.folder)
            find_or_train(folder, unit.training, catalog, data, progress=_watching(work.stop), notes=notes)
        except AugalgebraError as error:
            pair = ", ".join(unit.training.augmentations)
            return Outcome((), (f"training on {pair}, seed {unit.training.seed}: {error}",), tuple(notes))
        for key in unit.cells:
            try:
                cell = _cell(key, folder, catalog, data, _watching(work.stop))
                store.put(cell)
            except AugalgebraError as error:
                failures.append(f"{key}: {error}")
            else:
                cells.append(cell)
    return Outcome(tuple(cells), tuple(failures), tuple(notes))


def _catalog(work: Work, unit: Unit) -> Catalog:
    """The catalog here, which must know augmentations and decoder as the one where the sweep was planned does."""
    catalog = work.catalog or load_catalog()
    for key in unit.cells:
        for name, planned in key.settings["augmentations"].items():
            if list(origin(catalog, name)) != list(planned):
                raise _other(name, "with other laws or from another plugin")
        planned = key.settings.get("decoder")
        if planned is not None and decoder_origin(catalog, planned[0]) != list(planned):
            raise _other(planned[0], "from another plugin or version of it")
    return catalog


def _other(name: str, how: str) -> AugalgebraError:
    return AugalgebraError(
        f"this worker has {name} {how} than where the sweep was started; install the same plugins everywhere"
    )


def _cell(key: CellKey, folder: Path, catalog: Catalog, data: Dataset, progress: Progress) -> Cell:
    run = Run.load(folder, catalog)
    run.space.to(device_of(run.settings.device))
    words = {role: catalog.display(catalog.word(word)) for role, word in words_of(key.target).items()}
    asked = list(words.values())
    steps: tuple[int, ...] = (run.steps,)
    if key.mode == "native":
        report = measure_run(run, data=data, words=asked, views=["id"])
    else:
        added = transfer(
            run,
            key.target,
            mode=key.mode,
            epochs=key.settings["transfer_epochs"],
            seconds=key.settings["transfer_seconds"],
            decoder=key.settings.get("decoder", [None])[0],
            learning_rate=key.settings.get("transfer_rate", 0.0),
            data=data,
            progress=progress,
            save=False,  # the run on disk stays as it is
        )
        if added.ended != "limit":
            raise KeyboardInterrupt
        steps = (run.steps, added.steps)
        report = measure_run(run, data=data, head=added.head, words=asked, views=["id"])
    terms: dict[Role, Term] = {}
    for role, word in words.items():
        score = report.get(word)
        if score is None:
            raise AugalgebraError(f"{word} could not be measured")
        terms[role] = Term(score.bce, score.floor, score.identity_bce, score.entropy)
    return Cell(key, terms, report.images, steps)


def _watching(stop: threading.Event | None) -> Progress:
    """A progress that ends a training when the sweep is given up."""

    def told(_: Report) -> None:
        if stop is not None and stop.is_set():
            raise KeyboardInterrupt

    return told


@contextlib.contextmanager
def _threads(number: int) -> Iterator[None]:
    """Let torch use so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
