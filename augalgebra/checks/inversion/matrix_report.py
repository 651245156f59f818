"""What was found of a set of augmentations and of their pairs, as data, Markdown and CSV."""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from augalgebra.algebra.conditions import ALWAYS, Conditions, holding_for
from augalgebra.markdown import markdown_table
from augalgebra.plain import PlainData, pick

Declared = Literal["exact", "approximate", "no"]
Measured = Literal["yes", "nearly", "one-sided", "no", "vacuous", "unknown"]
SYMBOLS = {
    "mismatch": "!",
    "declared": "=",
    "nearly declared": "≈",
    "yes": "+",
    "nearly": "~",
    "no": ".",
    "vacuous": "0",
    "unknown": "?",
    "for some": "s",
}
"""What stands in the table of pairs."""
LEGEND = (
    ("=", "exchanged without effect, as the laws say"),
    ("≈", "exchanged with little effect, as the laws say"),
    ("+", "exchanged without effect on every probe; no law says so"),
    ("~", "exchanged with little effect; no law says so"),
    ("s", "exchanged with little effect or none for some pictures only: square ones, or such with a dark border"),
    (".", "the order matters"),
    ("!", "the laws say otherwise than the images"),
    ("0", "one of the two moves no probe, so that nothing can be told"),
    ("?", "could not be compared"),
)


@dataclass(frozen=True)
class Finding(PlainData):
    """One property, declared against measured.

    Attributes:
        declared: What follows from the laws: that it holds exactly or nearly, or that it does not; None if they are
            silent.
        measured: Whether it holds on every probe (``yes``), on the smooth ones up to a small error (``nearly``), or
            not; ``one-sided`` if what undoes it does so only after, or only before; ``vacuous`` if nothing is moved
            enough to tell.
        error: Largest error of a pixel, in grey and in colour.
        moved: How far the probe that is moved most is moved, by the one of two that moves it less.
        reason: More, in one line, where there is more to say.
        conditions: The pictures that it was found for; empty if it is for all.
        allowed: The pictures that it is declared for.
    """

    declared: Declared | None
    measured: Measured
    error: float | None = None
    moved: float | None = None
    reason: str = ""
    conditions: Conditions = ALWAYS
    allowed: Conditions = ALWAYS
    in_json = "declared", "measured", "mismatch", "error", "moved", "reason", "conditions"

    @property
    def mismatch(self) -> bool:
        """Whether laws and images contradict each other."""
        return (
            (self.declared in ("exact", "approximate") and not self.conditions <= self.allowed)
            or (self.declared == "exact" and self.measured in ("no", "one-sided", "nearly"))
            or (self.declared == "approximate" and self.measured == "no")
            or (self.declared == "no" and self.measured == "yes" and not self.conditions)
        )

    @property
    def symbol(self) -> str:
        """One character for it, see `LEGEND`."""
        if self.mismatch:
            return SYMBOLS["mismatch"]
        if self.declared == "exact" and self.measured == "yes":
            return SYMBOLS["declared"]
        if self.declared == "approximate" and self.measured in ("yes", "nearly"):
            return SYMBOLS["nearly declared"]
        if self.conditions:
            return SYMBOLS["for some"]
        return SYMBOLS[self.measured]

    @property
    def text(self) -> str:
        """A few words for it."""
        known = {"exact": "declared", "approximate": "declared nearly", "no": "declared impossible"}
        measured = f"{self.measured}{holding_for(self.conditions)}"
        if self.declared is None:
            return measured
        return f"{measured}, but {known[self.declared]}" if self.mismatch else f"{measured}, declared"


@dataclass(frozen=True)
class Row:
    """One augmentation.

    Attributes:
        name: As it was asked for.
        word: With the parameters it was measured at.
        invertible: Whether a word restores every image, whether it comes after or before.
        inverse: That word, or one that does so on one side or nearly; "" if none is known.
        involutory: Whether it undoes itself.
        idempotent: Whether doing it twice is doing it once.
    """

    name: str
    word: str
    invertible: Finding
    inverse: str
    involutory: Finding
    idempotent: Finding

    @property
    def findings(self) -> dict[str, Finding]:
        """The properties by name."""
        return {"invertible": self.invertible, "involutory": self.involutory, "idempotent": self.idempotent}

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        inverse = {"inverse": self.inverse or None}
        return pick(self, ("name", "word")) | inverse | pick(self, self.findings)


@dataclass(frozen=True)
class Overwriting:
    """A row of which nothing is left after another one: ``a * b = b`` on every probe.

    Attributes:
        first: Number of the row that is overwritten.
        second: Number of the row that overwrites it.
        declared: Whether the laws say so; None if they are silent.
        error: Largest error of a pixel.
    """

    first: int
    second: int
    declared: Declared | None
    error: float


@dataclass(frozen=True)
class Matrix(PlainData):
    """A set of augmentations: which can be undone, and which pairs commute.

    Attributes:
        rows: The augmentations.
        pairs: For each pair of numbers of rows, the first less than the second, whether the two commute.
        left_out: Augmentations that could not be measured, with the reason.
        size: Height and width of the square probes; there are rectangles of about that size as well.
        overwritten: Which rows are overwritten by which.
        pictures: What it was measured on, if these were not the built-in probes.
    """

    rows: tuple[Row, ...]
    pairs: dict[tuple[int, int], Finding]
    left_out: tuple[tuple[str, str], ...]
    size: int
    overwritten: tuple[Overwriting, ...] = ()
    pictures: str = ""
    in_json = "rows as augmentations", "pairs", "left_out", "mismatches", "size"

    @property
    def mismatches(self) -> tuple[str, ...]:
        """Where laws and images contradict each other, one line each."""
        of_rows = [
            f"{row.name} is declared {_claim(name, finding)}, but on images: {finding.reason or finding.measured}"
            for row in self.rows
            for name, finding in row.findings.items()
            if finding.mismatch
        ]
        of_pairs = [
            f"{self.rows[i].name} and {self.rows[j].name} are declared to commute, but on images they differ by "
            f"{finding.error:.2g}"
            for (i, j), finding in self.pairs.items()
            if finding.mismatch
        ]
        return (*of_rows, *of_pairs)

    @property
    def namespace(self) -> str:
        """What all names begin with, as in ``albumentations.``; "" if there is no such thing."""
        spaces = {row.name.partition("(")[0].rpartition(".")[0] for row in self.rows}
        return f"{spaces.pop()}." if len(spaces) == 1 and "" not in spaces else ""

    def shown(self, text: str) -> str:
        """A name or word without the namespace that all names share."""
        return text.replace(self.namespace, "") if self.namespace else text

    def commute(self, first: int, second: int) -> Finding:
        """Whether two rows commute, in either order of their numbers."""
        return self.pairs[min(first, second), max(first, second)]

    def symbols(self) -> list[list[str]]:
        """The table of pairs in single characters."""
        count = range(len(self.rows))
        return [["\\" if i == j else self.commute(i, j).symbol for j in count] for i in count]

    def overwritings(self) -> list[str]:
        """What is overwritten as equations, with who says so."""
        return [
            f"{self.rows[item.first].name} * {self.rows[item.second].name} = {self.rows[item.second].name}"
            + (", as the laws say" if item.declared else "; no law says so")
            for item in self.overwritten
        ]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        measured_on = {"pictures": self.pictures} if self.pictures else {}
        return (
            super().to_dict()
            | measured_on
            | {
                "pairs": [
                    {"first": self.rows[i].name, "second": self.rows[j].name, **finding.to_dict()}
                    for (i, j), finding in self.pairs.items()
                ],
                "overwritten": [
                    {
                        "first": self.rows[item.first].name,
                        "second": self.rows[item.second].name,
                        **pick(item, ("declared", "error")),
                    }
                    for item in self.overwritten
                ],
                "left_out": [{"name": name, "reason": reason} for name, reason in self.left_out],
            }
        )


def as_markdown(matrix: Matrix, title: str, command: str) -> str:
    """A page with both tables.

    Args:
        matrix: What was found.
        title: Its heading.
        command: The command that made it.
    """
    prefix, shown = matrix.namespace, matrix.shown
    probes = f"square probe images of {matrix.size}×{matrix.size} pixels and on\nrectangles, in grey and in colour"
    lines = [
        f"# {title}",
        "",
        f"Made by `{command}` on {matrix.pictures or probes}.",
        *([f"Names are in the namespace `{prefix.rstrip('.')}`."] if prefix else []),
        "",
        "*Invertible*: some word restores every probe exactly, whether it comes after or before. *Involutory*: twice",
        "is nothing. *Idempotent*: twice is once. Where laws declare it, the cell says so; **!** marks what laws and",
        "images disagree on. *vacuous*: no probe is moved, so that nothing can be told.",
        "",
    ]
    cells = [["", "augmentation", "invertible", "undone by, or why not", "involutory", "idempotent"]]
    for number, row in enumerate(matrix.rows, start=1):
        how = f"`{shown(row.inverse)}`" if row.inverse else _escaped(shown(row.invertible.reason))
        marked = [_marked(row.invertible), how, _marked(row.involutory), _marked(row.idempotent)]
        cells.append([str(number), f"`{shown(row.name)}`", *marked])
    lines += [
        markdown_table(cells, padded=False),
        "",
        "## Which pairs commute",
        "",
        "The numbers are those of the table above.",
        "",
    ]
    lines += [f"- `{symbol}` {meaning}" for symbol, meaning in LEGEND]
    counts = {symbol: sum(pair.symbol == symbol for pair in matrix.pairs.values()) for symbol, _ in LEGEND}
    tally = ", ".join(f"{count} × `{symbol}`" for symbol, count in counts.items() if count)
    lines += ["", f"{len(matrix.pairs)} pairs: {tally or 'none'}.", "", "```text", *grid(matrix), "```"]
    if matrix.overwritten:
        lines += ["", "## What is overwritten", "", *(f"- `{shown(line)}`" for line in matrix.overwritings())]
    if matrix.left_out:
        lines += ["", "## Left out", "", *(f"- `{name}`: {_escaped(reason)}" for name, reason in matrix.left_out)]
    if matrix.mismatches:
        lines += ["", "## Laws and images disagree", "", *(f"- {_escaped(line)}" for line in matrix.mismatches)]
    return "\n".join(lines) + "\n"


def grid(matrix: Matrix) -> list[str]:
    """The table of pairs as lines of text, with numbers from 1 at both sides."""
    width = len(str(len(matrix.rows))) + 1
    head = " " * width + "".join(str(number).rjust(width) for number in range(1, len(matrix.rows) + 1))
    body = [
        str(number).rjust(width) + "".join(symbol.rjust(width) for symbol in symbols)
        for number, symbols in enumerate(matrix.symbols(), start=1)
    ]
    return [head, *body]


def as_csv(matrix: Matrix) -> str:
    """One line for each property of each augmentation and for each pair."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["property", "first", "second", "declared", "measured", "mismatch", "error", "moved", "reason"])
    for what, first, second, finding in _lines(matrix):
        numbers = ["" if number is None else f"{number:.6g}" for number in (finding.error, finding.moved)]
        writer.writerow(
            [what, first, second, finding.declared or "", finding.measured, finding.mismatch, *numbers, finding.reason]
        )
    return text.getvalue()


def _lines(matrix: Matrix) -> Iterator[tuple[str, str, str, Finding]]:
    for row in matrix.rows:
        for name, finding in row.findings.items():
            yield name, row.name, row.inverse if name == "invertible" else "", finding
    for (i, j), finding in matrix.pairs.items():
        yield "commute", matrix.rows[i].name, matrix.rows[j].name, finding


def _claim(name: str, finding: Finding) -> str:
    return f"not {name}" if finding.declared == "no" else name


def _marked(finding: Finding) -> str:
    return f"**! {finding.text}**" if finding.mismatch else finding.text


def _escaped(text: str) -> str:
    return text.replace("<", "&lt;").replace("*", "\\*")
