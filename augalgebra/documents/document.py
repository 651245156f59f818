"""What a document is made of: sections of text, tables, heat maps, pictures, groups, and verdicts on claims."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias


@dataclass(frozen=True)
class Text:
    """A paragraph.

    Attributes:
        text: Plain text; words between backticks are code.
    """

    text: str


@dataclass(frozen=True)
class Table:
    """Rows of names and numbers, which a reader can sort.

    Attributes:
        title: What it shows.
        headings: One for each column.
        rows: As many cells each; None where there is nothing. Numbers are sorted as such and shown with `digits`.
        digits: Digits behind the point.
        faint: Numbers of rows that do not count.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str | float | int | None, ...], ...]
    digits: int = 3
    faint: tuple[int, ...] = ()


@dataclass(frozen=True)
class HeatMap:
    """A table of numbers, coloured.

    Attributes:
        title: What it shows.
        rows: Names of the rows.
        columns: Names of the columns.
        values: ``[row, column]``; None where there is none.
        notes: ``[row, column]`` what stands in each cell below its number, such as a published figure; none if empty.
        unit: Of the values.
        lower_is_better: Which end of the colours is good.
        digits: Digits behind the point.
        ends: Numbers at the two ends of the colours; by default the least and the greatest value.
        diverging: Whether the colours tell negative from positive values, instead of good from bad ones.
        numbers: Whether the cells show their numbers; without, many fit and a tap on one shows its number.
    """

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    notes: tuple[tuple[str, ...], ...] = ()
    unit: str = ""
    lower_is_better: bool = True
    digits: int = 3
    ends: tuple[float, float] | None = None
    diverging: bool = False
    numbers: bool = True


@dataclass(frozen=True)
class Picture:
    """A PNG, put into the document itself.

    Attributes:
        path: The file.
        caption: What is to be seen in it, as text below it and for those who cannot see it.
    """

    path: Path
    caption: str


@dataclass(frozen=True)
class Cayley:
    """A finite monoid, drawn as the graph of its generators.

    Attributes:
        title: What it is, e.g. ``D4``.
        elements: The words of the elements, the identity first.
        table: ``[element, element]`` the number of the product, the row applied first.
        generators: Numbers of those elements whose arrows are drawn.
    """

    title: str
    elements: tuple[str, ...]
    table: tuple[tuple[int, ...], ...]
    generators: tuple[int, ...]


Block: TypeAlias = Text | Table | HeatMap | Picture | Cayley


@dataclass(frozen=True)
class Verdict:
    """A claim and whether it holds.

    Attributes:
        source: Where it is made, e.g. ``slide 16``.
        text: The claim, in one sentence.
        measured: What was measured, with its numbers.
        holds: Whether it does; None where that is undecided.
        section: The `Section.anchor` where it is shown; none if empty.
    """

    source: str
    text: str
    measured: str
    holds: bool | None
    section: str = ""


@dataclass(frozen=True)
class Section:
    """A part of a document.

    Attributes:
        title: Its heading.
        anchor: What links to it end with: small letters, digits and hyphens.
        blocks: What is in it, in order.
    """

    title: str
    anchor: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """All of it.

    Attributes:
        title: Its heading.
        about: How it was made, in a few sentences: command, data, seeds, machine.
        sections: Its parts, in order.
        verdicts: The claims; their table comes first.
    """

    title: str
    about: str
    sections: tuple[Section, ...]
    verdicts: tuple[Verdict, ...] = field(default_factory=tuple)
