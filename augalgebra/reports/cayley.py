"""Blocks of a document: made of what was found, and as Markdown."""

from collections.abc import Sequence

from augalgebra.algebra.rewriting.cayley_tables import CayleyTable
from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog
from augalgebra.documents import Block, Cayley, HeatMap, Picture, Table, Text
from augalgebra.plain import finite
from augalgebra.reports.composition_table import aligned


def cayley_of(catalog: Catalog, generators: Sequence[Word], reached: CayleyTable, title: str) -> Cayley:
    """What augmentations generate by their laws, as a graph of them.

    Args:
        catalog: Knows the laws.
        generators: The augmentations, as words.
        reached: Their complete table.
        title: What it is.
    """
    system = catalog.system(*generators)
    table = tuple(tuple(product or 0 for product in row) for row in reached.products)
    numbers = {system.normal_form(word): number for number, word in enumerate(reached.elements)}
    # two generators may be one element, and then its arrows are drawn once
    drawn = tuple(dict.fromkeys(numbers[system.normal_form(word)] for word in generators))
    return Cayley(title, tuple(map(catalog.display, reached.elements)), table, drawn)


def to_markdown(block: Block) -> str:
    """A block as Markdown; pictures are looked for beside the document."""
    match block:
        case Text(text):
            return text
        case Picture(path, caption):
            return f"![{caption}]({path.name})\n\n*{caption}*"
        case Table():
            cells = [[number(cell, block.digits) for cell in row] for row in block.rows]
            return f"**{block.title}**\n\n{aligned([list(block.headings), *cells], _names(block))}"
        case HeatMap():
            return f"**{block.title}**\n\n{_heat_map(block)}"
        case Cayley():
            return f"**{block.title}**\n\n{_products(block)}"


def number(cell: str | float | None, digits: int = 3) -> str:
    """What a cell of a table shows."""
    if isinstance(cell, str):
        return cell.replace("|", "\\|")
    if cell is None or finite(cell) is None:
        return "-"
    return str(cell) if isinstance(cell, int) else f"{cell:.{digits}f}"


def _names(table: Table) -> int:
    """How many of the first columns hold no numbers."""
    for column in range(len(table.headings)):
        if any(isinstance(row[column], float | int) for row in table.rows):
            return column
    return len(table.headings)


def _heat_map(block: HeatMap) -> str:
    rows = []
    for place, (name, values) in enumerate(zip(block.rows, block.values, strict=True)):
        notes = block.notes[place] if block.notes else [""] * len(values)
        cells = [f"{number(value, 1)} {note}".strip() for value, note in zip(values, notes, strict=True)]
        rows.append([name, *cells])
    return aligned([[block.unit, *block.columns], *rows], names=1)


def _products(block: Cayley) -> str:
    rows = [
        [element, *(block.elements[product] for product in row)]
        for element, row in zip(block.elements, block.table, strict=True)
    ]
    return aligned([["first ↓ then →", *block.elements], *rows], names=len(block.elements) + 1)
