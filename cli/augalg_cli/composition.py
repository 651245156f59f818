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
    headings = ["what", "from", "to", "floor", "loss", "gap", *([beside[0]] if beside else []), "nothing"]
    rows = []
    for row in composition_rows(report):
        cells: list[object] = [SHORT_KINDS.get(row.what, row.what), row.start, row.word]
        if row.reason:
            cells += ["", "no inverse", ""]
        else:
            cells += [_number(row.floor, 2), _number(row.loss, 2), _number(row.gap_ratio, 3)]
        if beside is not None:
            other = others.get((row.word, row.start))
            cells.append(_number(None if other is None else other.gap_ratio, 3))
        cells.append(_number(row.identity_ratio, 2))
        rows.append(cells)
    render.table(headings, rows, right=range(3, len(headings)), title=title)


def _number(value: float | None, places: int) -> str:
    return "" if value is None else f"{value:.{places}f}"
