"""The composition table on a terminal."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from augalg_cli import render

if TYPE_CHECKING:
    from augalgebra.consistency import CompositionReport, WordScore

SHORT_KINDS = {
    "reconstruction": "direct",
    "augmentation": "single",
    "composition": "product",
    "reverse composition": "reverse",
    "inverse of the composition": "inverse",
}
"""Kinds that are put more briefly, so that the table fits 80 columns."""
SILENT = ("vacuous", "trivial")
"""Verdicts on words that do not count; they stand in place of what doing nothing costs, which says no more."""


def show_composition(
    report: "CompositionReport",
    *,
    title: str,
    beside: "tuple[str, CompositionReport] | None" = None,
) -> None:
    """Write how the words survive in the latent space, and what doing nothing would score.

    Args:
        report: What was measured.
        title: Line above the table.
        beside: Heading and measurements of other operators on the same encoder.
    """
    from augalgebra.reports import composition_rows

    others = {} if beside is None else {(row.word, row.start): row for row in composition_rows(beside[1])}
    # the loss is what excess and entropy add up to, so it gives way where another column is needed within 80
    middle = "loss" if beside is None else beside[0]
    rows, faint = [], []
    for number, row in enumerate(composition_rows(report)):
        other = others.get((row.word, row.start))
        extra = _number(row.loss, 1) if beside is None else _told(other.gap_ratio if other else None, 3)
        ratio = "none" if row.reason else _told(row.gap_ratio, 3)
        if row.verdict in SILENT:
            faint.append(number)
        rows.append(
            (
                SHORT_KINDS.get(row.what, row.what),
                f"{row.start} → {row.word}",
                _number(row.entropy, 1),
                _number(row.floor, 1),
                extra,
                _number(row.excess, 2),
                ratio,
                row.verdict if row.verdict in SILENT else _told(row.identity_ratio, 2),
            )
        )
    headings = ["what", "from → to", "entropy", "floor", middle, "excess", "gap", "nothing"]
    render.table(headings, rows, right=range(2, 8), title=title, faint=faint)
    show_verdicts(report)


SCORE_HEADINGS = ("entropy", "floor", "loss", "excess", "gap", "nothing")
"""Of the cells that `score_cells` makes."""


def score_cells(score: "WordScore") -> tuple[str, ...]:
    """What was measured of one word, in nats per image and as ratios of excesses."""
    from augalgebra.plain import finite

    return (
        _number(score.entropy, 1),
        _number(score.floor, 1),
        _number(score.bce, 1),
        _number(score.excess, 2),
        _told(finite(score.gap_ratio), 3),
        score.verdict if score.verdict in SILENT else _told(finite(score.identity_ratio), 2),
    )


def show_scores(
    scores: "Sequence[WordScore]", names: Sequence[str], cells: Iterable[Sequence[Any]], *, title: str = ""
) -> None:
    """Write scores as a table, those that do not count faintly.

    Args:
        scores: The scores.
        names: Headings of the columns before the numbers.
        cells: For each score what stands in these columns.
        title: Line above the table.
    """
    rows = [(*named, *score_cells(score)) for named, score in zip(cells, scores, strict=True)]
    faint = [number for number, score in enumerate(scores) if not score.counts]
    right = range(len(names), len(names) + len(SCORE_HEADINGS))
    render.table([*names, *SCORE_HEADINGS], rows, right=right, title=title, faint=faint)


def show_verdicts(report: "CompositionReport") -> None:
    """Write how many words hold, how near pictures come, and what to do where the codes say nothing at all."""
    if report.words:
        render.line(f"{report.counted}.")
    if report.likelihood == "gaussian":
        render.line(f"{report.decibels}.")
    if report.information.warning:
        render.line(report.information.warning)


def _told(ratio: float | None, places: int) -> str:
    return "-" if ratio is None else f"{ratio:.{places}f}"  # where a floor is rounding, there is none


def _number(value: float | None, places: int) -> str:
    if value is None:
        return ""
    return f"{value:.{places}f}" if value == 0 or abs(value) >= 1 else f"{value:.4f}"  # squared errors are small
