"""What was measured of a run and of its operators, as tables and heat maps of a report."""

import math
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from augalgebra.catalog import Catalog
from augalgebra.consistency.report import CompositionReport, RelationResidual
from augalgebra.documents import HeatMap, Table
from augalgebra.operators import OperatorRegistry
from augalgebra.operators.lookup import Entry, FamilyEntry
from augalgebra.operators.operator import Operator
from augalgebra.plain import finite
from augalgebra.reports.composition_table import mark

MOST_ROWS = 300
"""Rows of the longest table of words; of what lies beyond, the better words, only the number is told."""
_FEW_EIGENVALUES = 6
_BAD_GAP = 1.5  # a gap ratio that is in deep colour even if there is no worse


def word_table(report: CompositionReport) -> Table:
    """Every word from every view beside its floor and doing nothing, worst first."""
    headings = (
        *("word", "from", "kind", "verdict", "loss", "floor", "entropy", "excess", "gap ratio", "if nothing moved"),
        *("PSNR, dB", "R²", "worst class"),
    )
    told = report.worst_first[:MOST_ROWS]
    rows = tuple(
        (
            score.word,
            score.view,
            score.kind,
            score.verdict,
            score.bce,
            score.floor,
            score.entropy,
            score.excess,
            finite(score.gap_ratio),
            finite(score.identity_ratio),
            finite(score.psnr),
            score.r2,
            score.worst_label,
        )
        for score in told
    )
    faint = tuple(number for number, score in enumerate(told) if not score.counts)
    left_out = len(report.words) - len(rows)
    title = f"Words on {report.images} test images, worst first; losses in {report.unit} per image"
    return Table(
        title + (f"; {left_out} better or silent ones are left out" if left_out else ""), headings, rows, faint=faint
    )


def gap_map(report: CompositionReport) -> HeatMap:
    """Gap ratios, word by view; what does not count has no colour and says why."""
    words = tuple(dict.fromkeys(score.word for score in report.words))
    views = tuple(dict.fromkeys(score.view for score in report.words))
    scores = {(score.word, score.view): finite(score.gap_ratio) for score in report.words if score.counts}
    notes = {(score.word, score.view): mark(score.verdict).strip() for score in report.words}
    return HeatMap(
        "Gap ratio of each word (rows) from each view (columns); 1 is perfect",
        words,
        tuple(f"from {view}" for view in views),
        tuple(tuple(scores.get((word, view)) for view in views) for word in words),
        tuple(tuple(notes.get((word, view), "") for view in views) for word in words),
        ends=_ends(score.gap_ratio for score in report.words if score.counts),
    )


def class_map(report: CompositionReport) -> HeatMap | None:
    """Gap ratios from the original, word by class; None where there are no classes to tell apart."""
    scores = [score for score in report.words if score.view == "id" and not score.trivial]
    labels = tuple(dict.fromkeys(label for score in scores for label in score.by_label))
    if len(labels) < 2:
        return None
    return HeatMap(
        "Gap ratio of each word from the original, by class",
        tuple(score.word + mark(score.verdict) for score in scores),
        tuple(map(str, labels)),
        tuple(
            tuple(finite(score.by_label.get(label)) if score.counts else None for label in labels) for score in scores
        ),
        ends=_ends(ratio for score in scores if score.counts for ratio in score.by_label.values()),
    )


def _ends(ratios: Iterable[float]) -> tuple[float, float]:
    """Ends of the colours that leave small gaps pale."""
    finite = [ratio for ratio in ratios if math.isfinite(ratio)]
    return min([1.0, *finite]), max([_BAD_GAP, *finite])


def floor_table(report: CompositionReport) -> Table:
    """The loss of each view, encoded and decoded directly, and how much of it even a perfect drawing costs."""
    rows: tuple[tuple[str | float | None, ...], ...] = tuple(
        (view, floor, report.entropy[view], floor - report.entropy[view], finite(report.psnr.get(view)))
        for view, floor in report.floor.items()
    )
    if report.mean_picture is not None:
        rows = (*rows, ("the mean picture in place of id", None, None, None, report.mean_picture))
    title = f"Floors: views encoded and decoded directly, in {report.unit} per image"
    return Table(title, ("view", "floor", "entropy", "excess", "PSNR, dB"), rows)


def order_table(report: CompositionReport) -> Table | None:
    """Both orders of each pair; None where there is no pair."""
    if not report.orders:
        return None
    headings = ("order", "other order", "true difference", "drawn difference", "told apart")
    rows = tuple(
        (
            order.first,
            order.second,
            order.true_difference,
            order.drawn_difference,
            "the same image" if order.commute else "no" if order.mistaken else "yes",
        )
        for order in report.orders
    )
    return Table("Order of application, root mean square over pixels", headings, rows)


def relation_table(relations: Sequence[RelationResidual]) -> Table:
    """How far the operators are from the laws."""
    rows = tuple((relation.equation, relation.source, relation.residual) for relation in relations)
    return Table("Relations: ‖L(left) − L(right)‖ / √d", ("equation", "source", "residual"), rows)


def operator_table(registry: OperatorRegistry) -> Table:
    """Where each operator comes from and how far to trust it."""
    headings = ("operator", "plugin", "fit", "R²", "rank", "condition", "eigenvalues", "stale")
    operators = own_operators(registry)
    rows = []
    for entry in list_entries(registry):
        source = entry.provenance
        operator = operators.get(registry.catalog.shorten(source.word))
        rows.append(
            (
                registry.catalog.shorten(source.word),
                f"{source.plugin} {source.version}".strip(),
                source.fit,
                source.r2,
                source.rank,
                source.condition,
                "a family" if operator is None else eigenvalues(operator.spectrum),
                "; ".join(registry.staleness(entry)) or "no",
            )
        )
    return Table("Operators", headings, tuple(rows))


def list_entries(registry: OperatorRegistry) -> list[Entry | FamilyEntry]:
    """What a registry keeps, families last."""
    return [*registry.entries.values(), *registry.families.values()]


def own_operators(registry: OperatorRegistry) -> dict[str, Operator]:
    """The operators that are kept, by the names of their words, without readouts; families are left out.

    Of those that a flow is part of, what they are in its coordinates: they have no matrix in those of the codes.
    """
    show = registry.catalog.shorten
    return {show(str(word)): Operator.of(entry.map, word) for word, entry in registry.entries.items()}


def matrix_map(name: str, operator: Operator) -> HeatMap:
    """The matrix of an operator, in colours."""
    numbers = tuple(str(number) for number in range(1, operator.dim + 1))
    matrix = operator.matrix.tolist()
    return HeatMap(f"L({name})", numbers, numbers, tuple(map(tuple, matrix)), diverging=True, numbers=False)


def eigenvalues(spectrum: npt.NDArray[np.complex128]) -> str:
    """Few distinct eigenvalues as such, many by the range of their moduli.

    Examples:
        >>> eigenvalues(np.array([1, 1, -1, 1j, -1j]))
        '1 ×2, −1, i, −i'
    """
    rounded = np.round(spectrum, 3)
    values = list(dict.fromkeys(rounded.tolist()))
    if len(values) > _FEW_EIGENVALUES:
        moduli = np.abs(spectrum)
        return f"{len(values)} distinct, moduli {moduli.min():.3f} to {moduli.max():.3f}"
    counts = [int((rounded == value).sum()) for value in values]
    return ", ".join(
        _complex(value) + (f" ×{count}" if count > 1 else "") for value, count in zip(values, counts, strict=True)
    )


def _complex(value: complex) -> str:
    real, imaginary = value.real + 0.0, value.imag + 0.0  # no negative zeros
    if not imaginary:
        return f"{real:g}".replace("-", "−")
    size = "" if abs(imaginary) == 1 else f"{abs(imaginary):g}"
    sign = "−" if imaginary < 0 else "+" if real else ""
    joined = f" {sign} " if real else sign
    return (f"{real:g}".replace("-", "−") if real else "") + f"{joined}{size}i"


def worst_words(report: CompositionReport, catalog: Catalog) -> str:
    """The worst of what was measured, as a sentence."""
    if not report.words:
        return "No word could be measured."
    pairs = f"{len(report.words)} pairs of a view and a word"
    about = f"{pairs} were measured on {report.images} test images: {report.counted}."
    if report.information.warning:
        about += f" Beware: {report.information.warning}."
    if report.decibels:
        about += f" {report.decibels}."
    score = report.worst
    if score is None:
        return f"{about} No word counts, so that nothing can be told of the operators."
    return (
        f"{about} The worst is `{catalog.shorten(score.word)}` from `{catalog.shorten(score.view)}`: it loses "
        f"{score.excess:.4g} beyond the entropy ({report.unit}), {_times(score.gap_ratio)} what the directly encoded "
        f"view loses ({_times(score.identity_ratio)} if nothing is moved)."
    )


def _times(ratio: float) -> str:
    return "more than can be told times" if math.isnan(ratio) else f"{ratio:.3f} times"
