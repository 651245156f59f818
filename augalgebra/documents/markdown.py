"""Blocks of a document as Markdown."""

from augalgebra.documents.document import Block, Cayley, HeatMap, Picture, Slider, Table, Text
from augalgebra.markdown import markdown_table
from augalgebra.plain import finite


def to_markdown(block: Block) -> str:
    """A block as Markdown; pictures are looked for beside the document."""
    match block:
        case Text(text):
            return text
        case Picture(path, caption):
            return f"![{caption}]({path.name})\n\n*{caption}*"
        case Slider(before, after, names, caption):
            pictures = " ".join(f"![{name}]({path.name})" for path, name in zip((before, after), names, strict=True))
            return f"{pictures}\n\n*{' | '.join(names)}: {caption}*"
        case Table():
            cells = [[number(cell, block.digits) for cell in row] for row in block.rows]
            return f"**{block.title}**\n\n{markdown_table([list(block.headings), *cells], _names(block))}"
        case HeatMap():
            return f"**{block.title}**\n\n{_heat_map(block)}"
        case Cayley():
            return f"**{block.title}**\n\n{_products(block)}"


def number(cell: str | float | None, digits: int = 3) -> str:
    """What a cell of a table shows."""
    if isinstance(cell, str):
        return cell
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
    return markdown_table([[block.unit, *block.columns], *rows], names=1)


def _products(block: Cayley) -> str:
    rows = [
        [element, *(block.elements[product] for product in row)]
        for element, row in zip(block.elements, block.table, strict=True)
    ]
    return markdown_table([["first ↓ then →", *block.elements], *rows])
