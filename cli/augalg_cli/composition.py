"""The composition table on a terminal."""

from typing import TYPE_CHECKING

from augalg_cli import render

if TYPE_CHECKING:
    from augalgebra.checks.latent_report import CompositionReport

SHORT_KINDS = {"inverse of the composition": "inverse of both", "reverse composition": "reverse order"}
"""Kinds that are put more briefly, so that the table fits 80 columns."""


def show_composition(
    report: "CompositionReport",
    *,
    title: str,
    beside: "tuple[str, CompositionReport] | None" = None,
) -> None:
    """Write how the words survive in the latent space: floor, gap ratio, and what doing nothing would score.

    Args:
        report: What was measured.
        title: Line above the table.
        beside: Heading and measurements of other operators on the same encoder.
    """
    from augalgebra.experiments.tables import composition_rows

    others = {} if beside is None else {(row.word, row.start): row for row in composition_rows(beside[1])}
    # the loss is floor times gap, so it gives way where another column is needed within 80
    middle = "loss" if beside is None else beside[0]
    rows = []
    for row in composition_rows(report):
        other = others.get((row.word, row.start))
        extra = _number(row.loss, 2) if beside is None else _number(other.gap_ratio if other else None, 3)
        ratio = "no inverse" if row.reason else _number(row.gap_ratio, 3)
        move = f"{row.start} → {row.word}"
        what = SHORT_KINDS.get(row.what, row.what)
        rows.append((what, move, _number(row.floor, 2), ratio, extra, _number(row.identity_ratio, 2)))
    render.table(["what", "from → to", "floor", "gap", middle, "nothing"], rows, right=[2, 3, 4, 5], title=title)


def _number(value: float | None, places: int) -> str:
    return "" if value is None else f"{value:.{places}f}"
