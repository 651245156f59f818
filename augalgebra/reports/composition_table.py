"""The composition table: as rows of data, and as text that reads well in Markdown and in a terminal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from augalgebra.checks.results import Verdict
from augalgebra.consistency.report import CompositionReport, WordScore
from augalgebra.markdown import markdown_table
from augalgebra.plain import PlainData, finite

_NAMES = 3
"""Columns that hold text; the others hold numbers."""
_MARKS: Mapping[Verdict, str] = {"vacuous": " vacuous", "trivial": " trivial"}


@dataclass(frozen=True)
class Row(PlainData):
    """One word in one latent space; losses in nats per image.

    Attributes:
        what: The kind of the word, e.g. ``reverse composition``.
        word: The word that is aimed at.
        start: The view that is moved; ``id`` is the original.
        entropy: Loss that even a perfect drawing of the image under the word has.
        floor: Loss of encoding and decoding that image directly.
        loss: Loss of moving the codes there and decoding.
        excess: Loss beyond the entropy.
        gap_ratio: The excess over that of the floor; 1 is perfect.
        identity_ratio: What the ratio would be if nothing were moved.
        verdict: What is to be said of it.
        reason: Why there are no numbers, if there are none.
    """

    what: str
    word: str
    start: str
    entropy: float | None = None
    floor: float | None = None
    loss: float | None = None
    excess: float | None = None
    gap_ratio: float | None = None
    identity_ratio: float | None = None
    verdict: Verdict | None = None
    reason: str = ""


def composition_rows(report: CompositionReport) -> tuple[Row, ...]:
    """Everything but the routes between two views other than the original, and what has no inverse at the end."""
    rows = [_row(score) for score in report.words if score.kind != "route"]
    for entry in report.no_inverse:
        if "id" in entry.words:
            what = "inverse" if entry.length == 1 else "inverse of the composition"
            rows.append(Row(what, "id", entry.view, reason=entry.reason))
    return tuple(rows)


def _row(score: WordScore) -> Row:
    return Row(
        what=score.kind,
        word=score.word,
        start=score.view,
        entropy=finite(score.entropy),
        floor=finite(score.floor),
        loss=finite(score.bce),
        excess=finite(score.excess),
        gap_ratio=finite(score.gap_ratio),
        identity_ratio=finite(score.identity_ratio),
        verdict=score.verdict,
    )


def mark(verdict: Verdict | None) -> str:
    """What stands behind the numbers of a word that does not count, after a space; else nothing."""
    return "" if verdict is None else _MARKS.get(verdict, "")


def as_markdown(rows: Sequence[Row], beside: Mapping[str, Sequence[Row]] | None = None) -> str:
    """A table whose columns are aligned, so that it can be read as it is.

    Args:
        rows: The rows.
        beside: Further measurements of the same words, by the heading of the column for their gap ratios.
    """
    others = {
        heading: {(row.word, row.start): row.gap_ratio for row in more} for heading, more in (beside or {}).items()
    }
    cells = [["what", "word", "from", "entropy", "floor", "loss", "excess", "gap ratio", *others, "nothing moved"]]
    for row in rows:
        ratios = [row.gap_ratio, *(ratio.get((row.word, row.start)) for ratio in others.values())]
        numbers = [_text(number, 2) for number in (row.entropy, row.floor, row.loss, row.excess)]
        numbers += [_text(ratio, 3) for ratio in ratios]
        if row.reason:
            numbers[4] = "no inverse"
        cells.append([row.what, row.word, row.start, *numbers, _text(row.identity_ratio, 2) + mark(row.verdict)])
    return markdown_table(cells, _NAMES)


def _text(number: float | None, places: int) -> str:
    return "" if number is None else f"{number:.{places}f}"
