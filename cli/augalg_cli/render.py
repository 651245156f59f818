"""The one place that writes to the terminal.

Answers go to standard output, everything else (progress, hints, warnings) to standard error. With ``--json`` the whole
answer is one JSON document and nothing else reaches standard output. Text is never read as markup, since words and
names may contain brackets.
"""

import math
import sys
from collections.abc import Iterable, Mapping, Sequence

import typer

from augalg_cli import streams


def exit_if_interrupted(ended: str) -> None:
    """After what was learned until then was shown: the exit code of an interrupted command.

    Args:
        ended: How a training ended.
    """
    if ended == "interrupted":
        raise typer.Exit(130)


def emit_json(answer: object) -> None:
    """Write the answer as one JSON document; characters are escaped where the encoding could lose them.

    Args:
        answer: Anything that `to_plain` takes.
    """
    import json  # which other answers need not

    from augalgebra.plain import to_plain

    escaped = not streams.is_utf8(sys.stdout)
    sys.stdout.write(json.dumps(to_plain(answer), indent=2, ensure_ascii=escaped, allow_nan=False) + "\n")


def line(text: str = "") -> None:
    """Write one line of the answer."""
    sys.stdout.write(f"{text}\n")  # not by Typer, which writes UTF-8 where ASCII was asked for
    sys.stdout.flush()


def note(text: str) -> None:
    """Write a hint or warning to standard error."""
    sys.stdout.flush()
    sys.stderr.write(f"{typer.style(text, dim=True) if sys.stderr.isatty() else text}\n")
    sys.stderr.flush()


def fields(pairs: Iterable[tuple[str, object]]) -> None:
    """Write name and value pairs, aligned."""
    items = [(name, str(value)) for name, value in pairs if value is not None]
    width = max((len(name) for name, _ in items), default=0)
    for name, value in items:
        line(f"{name.ljust(width)}  {value}")


def table(
    headings: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Iterable[int] = (),
    title: str = "",
    faint: Iterable[int] = (),
) -> None:
    """Write a table that folds long cells instead of cutting them off.

    Args:
        headings: One for each column.
        rows: Cells; anything is shown by its text.
        right: Indices of columns that are aligned to the right.
        title: Line above the table.
        faint: Numbers of rows that do not count.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    right, faint = frozenset(right), frozenset(faint)
    shown = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        show_edge=False,
        padding=(0, 1, 0, 0),
        title=title or None,
        title_justify="left",
    )
    for index, heading in enumerate(headings):
        shown.add_column(Text(heading), justify="right" if index in right else "left", overflow="fold")
    for number, row in enumerate(rows):
        cells = (Text(str(cell), style=_style(str(cell))) for cell in row)
        shown.add_row(*cells, style="dim" if number in faint else "")
    Console(file=sys.stdout, markup=False, highlight=False, emoji=False).print(shown)


def tree(root: str, branches: Mapping[str, Sequence[str]]) -> None:
    """Write a two-level tree."""
    from rich.console import Console
    from rich.text import Text
    from rich.tree import Tree

    shown = Tree(Text(root))
    for name, leaves in branches.items():
        branch = shown.add(Text(name, style="bold"))
        for leaf in leaves:
            branch.add(Text(leaf))
    Console(file=sys.stdout, markup=False, highlight=False, emoji=False).print(shown)


def write_bullets(title: str, items: Sequence[str], most: int) -> None:
    """Write a titled list, at most so many of its items; nothing if it is empty."""
    _listed(title, [f"  {item}" for item in items], most)


def write_numbered(title: str, items: Sequence[str], most: int) -> None:
    """Write a titled list with the items' numbers, at most so many of them."""
    _listed(title, [f"  {index:>3}  {item}" for index, item in enumerate(items)], most)


def _listed(title: str, lines: Sequence[str], most: int) -> None:
    if not lines:
        return
    line(f"{title}:")
    for text in lines[:most]:
        line(text)
    if len(lines) > most:
        line(f"  ... and {len(lines) - most} more (--json gives all)")


def number(value: float | None, digits: int = 3) -> str:
    """A number for people: few digits, powers of ten only where they help."""
    if value is None:
        return "-"
    if value == 0:
        return "0"
    if abs(value) >= 10 ** (-digits):
        return f"{value:.{digits}g}" if abs(value) < 1000 else f"{value:.0f}"
    return f"{value:.1e}"


def measured(value: float, digits: int = 3) -> str:
    """A number that was measured; ``-`` where there was nothing to measure."""
    return f"{value:.{digits}g}" if math.isfinite(value) else "-"


def yes_no(value: bool | None) -> str:
    """Three-valued truth for people."""
    return {True: "yes", False: "no", None: "unknown"}[value]


def _style(cell: str) -> str:
    return {
        "violated": "bold red",
        "failed": "bold red",
        "holds": "green",
        "loaded": "green",
        "registered": "green",
        "registered, changed": "yellow",
        "vacuous": "yellow",
        "not checked": "yellow",
        "disabled": "yellow",
        "incomplete": "yellow",
    }.get(cell, "")


def cayley_table(products: Sequence[Sequence[int | None]]) -> None:
    """Write a multiplication table of element numbers."""
    width = len(str(max(len(products) - 1, 0))) + 1
    line(" " * (width + 2) + "".join(str(index).rjust(width) for index in range(len(products))))
    line(" " * (width + 1) + "+" + "-" * (width * len(products)))
    for index, row in enumerate(products):
        line(f"{str(index).rjust(width)} |" + "".join(str(item).rjust(width) for item in row))
