"""The part of ``augalg register`` that concerns a trained run: operators, and a head."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augalg_cli import options, render
from augalg_cli.composition import show_scores
from augalgebra import AugalgebraError

if TYPE_CHECKING:
    from augalgebra.admission import Admission
    from augalgebra.catalog import Registration
    from augalgebra.consistency import WordScore
    from augalgebra.data import Dataset
    from augalgebra.runs import AddedHead, Extension, OperatorAssignment, Run
    from augalgebra.training import Progress

_MOST_SHOWN = 25
_MOST_UNMEASURED = 5
_MOST_SLOTS = 4


def check_options(
    model: Path | None, *, transfer: bool, beside: str | None, epochs: int | None, budget: str | None
) -> None:
    """See that the options about a trained run go together.

    Raises:
        AugalgebraError: One is of no use without another that is missing, or cannot be read.
    """
    if transfer and model is None:
        raise AugalgebraError("--transfer needs the trained run: --model RUN")
    for option, value in (("--with", beside), ("--epochs", epochs), ("--budget", budget)):
        if value is not None and not transfer:
            raise AugalgebraError(f"{option} is for the head that --transfer trains; add --model RUN --transfer")
    options.seconds_of(budget)


@dataclass(frozen=True)
class LatentRegistration:
    """What is registered, in a trained run.

    Attributes:
        admission: What is registered.
        run: The run, changed in memory.
        operators: The operators of what is registered.
        skipped: Augmentations that cannot have one.
        head: The head that draws it, if one was asked for.
    """

    admission: "Admission"
    run: "Run"
    operators: "tuple[Extension, ...]"
    skipped: tuple[str, ...]
    head: "AddedHead | None" = None

    @classmethod
    def made(
        cls, admission: "Admission", run: "Run", fit: str | None, data: "Dataset", *, beside: str | None
    ) -> "LatentRegistration":
        """Fit and measure the operators.

        Raises:
            AugalgebraError: The run cannot take them, or there is no pair to be made with `beside`.
        """
        from augalgebra.runs import extend

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
        operators = extend(run, names, fit=fit, data=data) if names else ()
        return cls(admission, run, operators, tuple(item.signature for item in known if item.required))

    def with_head(
        self,
        beside: str | None,
        epochs: int | None,
        budget: str | None,
        data: "Dataset",
        progress: "Progress",
    ) -> "LatentRegistration":
        """Train the head, unless it is there already, and measure it.

        Raises:
            AugalgebraError: It cannot be trained.
        """
        from augalgebra.runs import add_head

        names = [str(item.provenance.word) for item in self.operators]
        if not names:
            return self
        head = add_head(
            self.run,
            names,
            beside=beside,
            epochs=epochs,
            seconds=options.seconds_of(budget),
            data=data,
            progress=progress,
        )
        return replace(self, head=head)

    def keep(self) -> bool:
        """Write operators, head and registration, or none of them.

        Returns:
            Whether the registration is new.
        """
        from augalgebra.catalog import WORKSPACE_FILE, changing

        changes = []

        @contextmanager
        def recorded() -> Iterator[None]:
            with changing(Path.cwd() / WORKSPACE_FILE):
                changes.append(self.admission.record(Path.cwd()))
                yield

        self.run.save(before=recorded())
        return any(changes)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        answer = {
            "run": str(self.run.folder),
            "operators": [item.to_dict() for item in self.operators],
            "skipped": list(self.skipped),
        }
        return answer if self.head is None else answer | {"transfer": self.head.to_dict()}

    def show(self) -> None:
        """Write what was found out."""
        show_operators(self.run.folder, self.operators)
        for signature in self.skipped:
            render.note(f"{signature} has no operator: there is one for each value of its parameters only")
        if self.head is not None:
            _show_head(self.head)


def show_operators(folder: Path, operators: "Sequence[Extension]") -> None:
    """Write how operators were fitted, what they are worth, and the residuals of their laws."""
    render.line()
    fits = [
        (
            item.word,
            item.provenance.fit if item.fitted else f"{item.provenance.fit}, as it was",
            render.number(item.provenance.residual),
            render.number(item.provenance.identity_residual),
            item.provenance.rank,
            render.number(item.provenance.condition),
        )
        for item in operators
    ]
    headings = ["operator", "fit", "residual", "doing nothing", "rank", "condition"]
    render.table(headings, fits, right=range(2, 6), title=f"Operators in {folder}")
    _show_scores("main", [item.score for item in operators])
    for item in operators:
        pairs = list(zip(item.equations, item.laws, strict=True))
        lines = [f"{text}: {render.number(law.residual)}" for text, law in pairs if law.residual is not None]
        unmeasured = [f"{text}: {law.reason}" for text, law in pairs if law.residual is None]
        many = len(unmeasured) > _MOST_UNMEASURED
        render.bulleted(f"residuals of the laws of {item.word}", lines if many else lines + unmeasured, _MOST_SHOWN)
        if many:
            render.note(f"{len(unmeasured)} laws of {item.word} cannot be measured here; --json says why")


def take_out(item: "Registration", folder: Path, erase: Callable[[], None]) -> dict[str, list[str]]:
    """Take operators and heads of something registered out of a run, and erase the registration; all or nothing.

    Raises:
        AugalgebraError: The run cannot be read or written, or was trained on it.
    """
    from augalgebra.runs import Run, withdraw

    with Run.opened(folder, options.catalog(), accept_stale=True) as run:
        operators, heads = withdraw(run, {known.name for known in item.augmentations})
        run.save(after=erase)
    return {"operators": list(operators), "heads": list(heads)}


def _show_scores(head: str, scores: "Sequence[WordScore]") -> None:
    show_scores(scores, [f"drawn by {head}"], [(score.word,) for score in scores])


def _show_head(added: "AddedHead") -> None:
    head = added.transfer
    render.line()
    if added.slots:
        _show_slots(added, added.slots)
    if added.trained:
        render.line(f"Head {head.head}, {head.mode}: trained for {head.steps} steps")
    else:
        render.line(f"Head {head.head}, {head.mode}: there already, and still true; not trained again")
    _show_scores("main, before", added.before)
    _show_scores(f"{head.head}, after", added.after)


def _show_slots(added: "AddedHead", slots: "Sequence[OperatorAssignment]") -> None:
    show = added.catalog.display
    best = slots[0]
    pairs = list(zip(best.new, best.trained, strict=True))
    render.line("; ".join(f"the operator of {show(old)} stands for {show(new)}" for new, old in pairs))
    render.bulleted("laws that agree", best.agree, _MOST_SHOWN)
    render.bulleted("laws that differ", best.differ, _MOST_SHOWN)
    rows = [
        (
            ", ".join(show(word) for word in slot.trained),
            len(slot.agree),
            len(slot.differ),
            *(render.number(item.residual) for item in slot.residuals),
        )
        for slot in slots[:_MOST_SLOTS]
    ]
    headings = ["operators of", "agree", "differ", *(f"residual on {show(word)}" for word in best.new)]
    render.table(headings, rows, right=range(1, len(headings)))
    if len(slots) > _MOST_SLOTS:
        render.note(f"{len(slots) - _MOST_SLOTS} less suitable choices are not shown; --json gives all")
