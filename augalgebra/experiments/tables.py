"""The composition table: as rows of data, and as text that reads well in Markdown and in a terminal."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from augalgebra.checks.latent_report import CompositionReport, WordScore
from augalgebra.checks.results import finite

HEADINGS = ("what", "word", "from", "floor", "loss", "gap ratio", "nothing moved")


@dataclass(frozen=True)
class Row:
    """One word in one latent space; losses in nats per image.

    Attributes:
        what: The kind of the word, e.g. ``reverse composition``.
        word: The word that is aimed at.
        start: The view that is moved; ``id`` is the original.
        floor: Loss of encoding and decoding the image under the word directly.
        loss: Loss of moving the codes there and decoding.
        gap_ratio: The loss over its floor; 1 is perfect.
        identity_ratio: What the ratio would be if nothing were moved.
        reason: Why there are no numbers, if there are none.
    """

    what: str
    word: str
    start: str
    floor: float | None = None
    loss: float | None = None
    gap_ratio: float | None = None
    identity_ratio: float | None = None
    reason: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {key: finite(item) if isinstance(item, float) else item for key, item in asdict(self).items()}


def composition_rows(report: CompositionReport) -> tuple[Row, ...]:
    """Everything but the routes between two views other than the original, and what has no inverse at the end."""
    rows = [_row(score) for score in report.words if score.kind != "route"]
    for entry in report.no_inverse:
        if "id" in entry.words:
            what = "inverse" if entry.length == 1 else "inverse of the composition"
            rows.append(Row(what, "id", entry.view, reason=entry.reason))
    return tuple(rows)


def _row(score: WordScore) -> Row:
    return Row(score.kind, score.word, score.view, score.floor, score.bce, score.gap_ratio, score.identity_ratio)


def as_markdown(rows: Sequence[Row]) -> str:
    """A table whose columns are aligned, so that it can be read as it is."""
    cells = [list(HEADINGS), *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADINGS))]
    numbers = range(3, len(HEADINGS))

    def line(texts: Sequence[str]) -> str:
        padded = [
            text.rjust(width) if column in numbers else text.ljust(width)
            for column, (text, width) in enumerate(zip(texts, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    rule = ["-" * (width - 1) + ":" if column in numbers else "-" * width for column, width in enumerate(widths)]
    return "\n".join([line(cells[0]), line(rule), *map(line, cells[1:])])


def _cells(row: Row) -> list[str]:
    names = [row.what, row.word, row.start]
    if row.floor is None or row.loss is None or row.gap_ratio is None or row.identity_ratio is None:
        return [*names, "", "", "no inverse", ""]
    numbers = [f"{row.floor:.2f}", f"{row.loss:.2f}", f"{row.gap_ratio:.3f}", f"{row.identity_ratio:.2f}"]
    return names + numbers
