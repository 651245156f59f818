"""What a document is made of: text, tables, heat maps, pictures alone and in pairs, groups, and verdicts on claims."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from augalgebra.plain import PlainData


class _Kind(PlainData):
    """A block, which says its kind in JSON: ``text``, ``table``, ``heatmap``, ``picture``, ``slider`` or ``cayley``."""

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, with the kind."""
        return {"kind": type(self).__name__.lower()} | super().to_dict()


@dataclass(frozen=True)
class Text(_Kind):
    """A paragraph.

    Attributes:
        text: Plain text; words between backticks are code.
    """

    text: str


@dataclass(frozen=True)
class Table(_Kind):
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
class HeatMap(_Kind):
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
class Picture(_Kind):
    """A PNG, put into the document itself.

    Attributes:
        path: The file.
        caption: What is to be seen in it, as text below it and for those who cannot see it.
    """

    path: Path
    caption: str


@dataclass(frozen=True)
class Slider(_Kind):
    """Two PNGs of one size, one upon the other, and a slider between them; side by side where no script runs.

    Attributes:
        before: The file of the left one.
        after: The file of the right one.
        names: What the left and the right one are called.
        caption: What is to be seen.
    """

    before: Path
    after: Path
    names: tuple[str, str]
    caption: str


@dataclass(frozen=True)
class Cayley(_Kind):
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


Block: TypeAlias = Text | Table | HeatMap | Picture | Slider | Cayley


HOLDS: Mapping[bool | None, str] = {True: "holds", False: "does not hold", None: "undecided"}
"""What is said of a claim that holds, of one that does not, and where what was measured does not decide it."""


@dataclass(frozen=True)
class ClaimRow(PlainData):
    """A row of the table of claims: what is claimed, what was measured, and whether it holds.

    Attributes:
        source: Where it is made, e.g. ``slide 16``.
        text: The claim, in one sentence.
        measured: What was measured, with its numbers.
        holds: Whether it does; None where that is undecided, see `HOLDS`.
        section: The `Section.anchor` where it is shown; none if empty.
    """

    source: str
    text: str
    measured: str
    holds: bool | None
    section: str = ""


@dataclass(frozen=True)
class Section(PlainData):
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
class Document(PlainData):
    """All of it.

    Attributes:
        title: Its heading.
        about: How it was made, in a few sentences: command, data, seeds, machine.
        sections: Its parts, in order.
        claims: The claims; their table comes first.
    """

    title: str
    about: str
    sections: tuple[Section, ...]
    claims: tuple[ClaimRow, ...] = field(default_factory=tuple)
    in_json = "title", "about", "claims as verdicts", "sections"


_KINDS: Mapping[str, type[Block]] = {
    kind.__name__.lower(): kind for kind in (Text, Table, HeatMap, Picture, Slider, Cayley)
}
_FILES: Mapping[type[Block], tuple[str, ...]] = {Picture: ("path",), Slider: ("before", "after")}


def block_from_dict(data: Mapping[str, Any], folder: Path) -> Block:
    """Undo a block's ``to_dict``, but for numbers that were not finite.

    Args:
        data: Plain data.
        folder: Where its pictures lie, if it has some; a path that leads elsewhere is refused.

    Raises:
        KeyError: There is no such kind of block, or it has no kind.
        TypeError: Something is missing or too much.
        ValueError: The picture is not in the folder.
    """
    kind = _KINDS[data["kind"]]
    values = {name: _tuples(value) for name, value in data.items() if name != "kind"}
    for field_name in _FILES.get(kind, ()):
        named = values[field_name]
        name = Path(str(named)).name
        if not (folder / name).is_file() or Path(named) not in (Path(name), folder / name):
            raise ValueError(f"there is no picture {named} in {folder}")
        values[field_name] = folder / name
    return kind(**values)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
