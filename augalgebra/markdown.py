"""Tables in Markdown."""

from collections.abc import Sequence

__all__ = ["markdown_table"]


def markdown_table(cells: Sequence[Sequence[str]], names: int | None = None, *, padded: bool = True) -> str:
    """A table; vertical bars within cells are escaped.

    Args:
        cells: Rows of texts, the headings first.
        names: How many of the first columns hold text, by default all; the others hold numbers.
        padded: Make columns equally wide, so that the table reads well as it is.

    Examples:
        >>> print(markdown_table([["word", "loss"], ["flip_lr", "70.2"]], names=1))
        | word    | loss |
        | ------- | ---: |
        | flip_lr | 70.2 |
    """
    rows = [[cell.replace("|", "\\|") for cell in row] for row in cells]
    if not padded:
        head, *lines = ("|".join(["", *(f" {cell} " if cell else " " for cell in row), ""]) for row in rows)
        return "\n".join([head, "|" + "---|" * len(rows[0]), *lines])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    names = len(widths) if names is None else names

    def line(texts: Sequence[str]) -> str:
        aligned = [
            text.ljust(width) if column < names else text.rjust(width)
            for column, (text, width) in enumerate(zip(texts, widths, strict=True))
        ]
        return f"| {' | '.join(aligned)} |"

    rule = ["-" * width if column < names else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join([line(rows[0]), line(rule), *map(line, rows[1:])])
