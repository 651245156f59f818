"""What was measured, as a table on the screen, or as Markdown: ``python -m bench.table FILE.json``."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.machine import sentence

SUBJECTS = {
    "words": "Words",
    "moments": "Operators and moments",
    "pixels": "Pixels",
    "pipelines": "Reduced pipelines",
    "startup": "The program and its plugins",
    "laws": "Laws on images",
    "training": "Training",
}
"""Subjects by the name of their module."""

HEADINGS = ("what", "ours", "against", "theirs", "ratio", "bar")
LEGEND = (
    "Medians, with quartiles in brackets. A ratio says how many times better ours is, within each round; ✓ and ✗ tell "
    "whether it reaches its bar."
)
Content = Mapping[str, Any]


def lines(row: Content) -> Iterator[tuple[str, ...]]:
    """The lines of one row, a cell for each of `HEADINGS`."""
    unit, limit = row["unit"], row["limit"]
    ours = _value(row["ours"], unit) or f"not measured: {row['not_measured']}"
    first = [row["name"], f"failed: {row['failed']}" if row["failed"] else ours]
    if limit is not None or not row["peers"]:
        bar = "" if limit is None else f"{'≥' if row['more_is_better'] else '≤'} {short(limit)} {unit}"
        yield (*first, "", "", "", bar + _mark(row["limit_reached"]))
        first = ["", ""]
    for peer in row["peers"]:
        theirs = _value(peer["value"], unit) or f"not measured: {peer['not_measured'] or 'see ours'}"
        ratio = "" if peer["ratio"] is None else f"{short(peer['ratio']['median'])}× {_quartiles(peer['ratio'])}"
        bar = "" if peer["bar"] is None else f"≥ {short(peer['bar'])}×{_mark(peer['bar_reached'])}"
        yield (*first, peer["name"], theirs, ratio, bar)
        first = ["", ""]


def about(row: Content) -> str:
    """What a row counts, and what else is known of it."""
    return "; ".join(text for text in (row["counted"], row["note"]) if text)


def show(content: Content) -> None:
    """Print everything as one table."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    if not console.is_terminal:
        console = Console(width=180)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in HEADINGS:
        table.add_column(name, justify="right" if name in ("ours", "theirs", "ratio", "bar") else "left", max_width=64)
    for subject, rows in _by_subject(content["rows"]):
        table.add_section()
        table.add_row(Text(SUBJECTS[subject], style="bold"))
        for row in rows:
            for line in lines(row):
                table.add_row(*map(Text, line))
            if about(row):
                table.add_row(Text(about(row), style="dim"))
    console.print(table)
    console.print(Text(f"{sentence(content['machine'])}\n{content['seconds']} s. {LEGEND}{_clock(content)}"))


def markdown(content: Content) -> str:
    """Everything as Markdown, a table for each subject."""
    parts = [f"{sentence(content['machine'])}; {content['date'][:10]}. {LEGEND}{_clock(content)}"]
    for subject, rows in _by_subject(content["rows"]):
        text = [f"### {SUBJECTS[subject]}", "", _cells(HEADINGS), "|---|---:|---|---:|---:|---:|"]
        for row in rows:
            several = list(lines(row))
            several[0] = (f"{several[0][0]} ({about(row)})" if about(row) else several[0][0], *several[0][1:])
            text += map(_cells, several)
        parts.append("\n".join(text))
    return "\n\n".join(parts) + "\n"


def _clock(content: Content) -> str:
    return " Seconds are those of the processor." if content["clock"] == "processor" else ""


def _by_subject(rows: Sequence[Content]) -> Iterator[tuple[str, list[Content]]]:
    for subject in dict.fromkeys(row["subject"] for row in rows):
        yield subject, [row for row in rows if row["subject"] == subject]


def _cells(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _value(value: Content | None, unit: str) -> str:
    return "" if value is None else f"{short(value['median'])} {unit} {_quartiles(value)}"


def _quartiles(value: Content) -> str:
    return f"[{short(value['low'])}–{short(value['high'])}]"


def short(number: float) -> str:
    """Three digits, or all of those before the point."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3g}"


def _mark(reached: bool | None) -> str:
    return "" if reached is None else " ✓" if reached else " ✗"


if __name__ == "__main__":
    print(markdown(json.loads(Path(sys.argv[1]).read_text())), end="")
