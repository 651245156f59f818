"""What ``augalg register`` says of a trained run: operators, and a head."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from augalg_cli import options, render
from augalg_cli.composition import show_scores
from augalgebra import AugalgebraError

if TYPE_CHECKING:
    from augalgebra.consistency import WordScore
    from augalgebra.runs import AddedHead, Extension, LatentRegistration, OperatorAssignment

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


def show_registration(registration: "LatentRegistration") -> None:
    """Write what was found out in the run."""
    show_operators(registration.run, registration.operators)
    for signature in registration.skipped:
        render.note(f"{signature} has no operator: there is one for each value of its parameters only")
    if registration.head is not None:
        _show_head(registration.head)


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
        render.write_bullets(
            f"residuals of the laws of {item.word}", lines if many else lines + unmeasured, _MOST_SHOWN
        )
        if many:
            render.note(f"{len(unmeasured)} laws of {item.word} cannot be measured here; --json says why")


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
    render.write_bullets("laws that agree", best.agree, _MOST_SHOWN)
    render.write_bullets("laws that differ", best.differ, _MOST_SHOWN)
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
