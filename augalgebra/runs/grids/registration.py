"""What is registered, in a run of operators on a pretrained autoencoder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from augalgebra.admission import Admission
from augalgebra.algebra.words import Word
from augalgebra.case_progress import CaseProgress, unseen
from augalgebra.runs.grids.added_operators import GridExtension, extend_grid
from augalgebra.runs.grids.stored import StoredGridRun
from augalgebra.training.progress import Progress, silent


@dataclass(frozen=True)
class GridRegistration:
    """What something registered is in a run of operators on a pretrained autoencoder.

    Attributes:
        run: Folder of the run.
        operators: The operators of what is registered, and of what it generates with those that were there.
        skipped: Augmentations that cannot have one, since there is one for each value of their parameters only.
    """

    run: Path
    operators: tuple[GridExtension, ...]
    skipped: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        operators = [item.to_dict() for item in self.operators]
        return {"run": str(self.run), "operators": operators, "skipped": list(self.skipped)}


def register_grid_operators(
    run: StoredGridRun,
    admission: Admission,
    *,
    fit: str | None = None,
    images: int | None = None,
    progress: Progress = silent,
    cases: CaseProgress = unseen,
) -> GridRegistration:
    """Fit and measure the operators of what is to be registered.

    Nothing is written; a transaction of the run does.

    Args:
        run: The run, read with the catalog of the admission.
        admission: What is to be registered.
        fit: Name of the fit; by default that of the run.
        images: How many test crops to measure on, if not all.
        progress: Called after each step of the networks.
        cases: Called as crops are encoded and kernels fitted.

    Raises:
        AugalgebraError: The run cannot take them.
    """
    catalog = admission.catalog
    known = [catalog.augmentations[item.name] for item in admission.registration.augmentations]
    names = [item.name for item in known if not item.required]
    operators = extend_grid(run, names, fit=fit, images=images, progress=progress, cases=cases) if names else ()
    return GridRegistration(run.folder, operators, tuple(item.signature for item in known if item.required))


def withdraw_from_grid(run: StoredGridRun, names: set[str]) -> tuple[str, ...]:
    """Take the operators of some augmentations out of a run again, and of all words that they are in.

    Everything else in the run stays bit for bit as it is. Nothing is written; `StoredGridRun.save` does.

    Args:
        run: The run, changed in memory.
        names: Full names of the augmentations.

    Returns:
        The words that had operators, and the families.
    """
    registry = run.registry
    words = [word for word in registry.entries if {symbol.name for symbol in word.symbols} & names]
    families = [key for key in registry.families if key.partition("(")[0] in names]
    both: list[Word | str] = [*words, *families]
    for gone in both:
        registry.remove(gone)
    run.keep_asked(lambda augmentation: augmentation.partition("(")[0] not in names)
    return tuple(registry.catalog.shorten(str(gone)) for gone in both)
