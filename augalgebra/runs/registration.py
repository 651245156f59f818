"""What is registered, in a trained run: its operators, and a head that draws it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from augalgebra.admission import Admission
from augalgebra.data.dataset import Dataset
from augalgebra.errors import AugalgebraError
from augalgebra.runs.added_heads import AddedHead, add_head
from augalgebra.runs.added_operators import Extension, extend
from augalgebra.runs.storage.stored_run import StoredRun
from augalgebra.training.progress import Progress, silent


@dataclass(frozen=True)
class LatentRegistration:
    """What something registered is in a trained run.

    Attributes:
        run: Folder of the run.
        operators: The operators of what is registered.
        skipped: Augmentations that cannot have one, since there is one for each value of their parameters only.
        head: The head that draws it, if one was asked for.
    """

    run: Path
    operators: tuple[Extension, ...]
    skipped: tuple[str, ...]
    head: AddedHead | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        answer = {
            "run": str(self.run),
            "operators": [item.to_dict() for item in self.operators],
            "skipped": list(self.skipped),
        }
        return answer if self.head is None else answer | {"transfer": self.head.to_dict()}


def register_operators(
    run: StoredRun,
    admission: Admission,
    *,
    fit: str | None = None,
    beside: str | None = None,
    data: Dataset,
    progress: Progress = silent,
) -> LatentRegistration:
    """Fit and measure the operators of what is to be registered.

    Nothing is written; a transaction of the run does.

    Args:
        run: The run, read with the catalog of the admission.
        admission: What is to be registered.
        fit: Name of the fit; None lets the laws decide.
        beside: What a head is to be made for together with it, which needs it to have one operator.
        data: The data set of the run.
        progress: Called after each step of fits that descend.

    Raises:
        AugalgebraError: The run cannot take them, or there is no pair to be made with `beside`.
    """
    catalog = admission.catalog
    known = [catalog.augmentations[item.name] for item in admission.registration.augmentations]
    names = [item.name for item in known if not item.required]
    if beside is not None:
        catalog.word(beside)
        if len(names) != 1:
            raise AugalgebraError(
                f"--with makes a pair of one new augmentation and another; {admission.registration.name} brings "
                f"{len(names)} that can have an operator, so leave --with out"
            )
    operators = extend(run, names, fit=fit, data=data, progress=progress) if names else ()
    return LatentRegistration(run.folder, operators, tuple(item.signature for item in known if item.required))


def register_head(
    run: StoredRun,
    registration: LatentRegistration,
    *,
    beside: str | None = None,
    epochs: int | None = None,
    seconds: float | None = None,
    data: Dataset,
    progress: Progress = silent,
) -> LatentRegistration:
    """Train a head for what is to be registered, unless it is there already, and measure it.

    Nothing is written; a transaction of the run does.

    Args:
        run: The run, with the operators.
        registration: The operators.
        beside: See `augalgebra.runs.add_head`.
        epochs: Passes over the data.
        seconds: Time.
        data: The data set of the run.
        progress: Called after each step.

    Raises:
        KeyboardInterrupt: It was interrupted.
        AugalgebraError: It cannot be trained.
    """
    names = [str(item.provenance.word) for item in registration.operators]
    if not names:
        return registration
    head = add_head(run, names, beside=beside, epochs=epochs, seconds=seconds, data=data, progress=progress)
    return replace(registration, head=head)
