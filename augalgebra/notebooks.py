"""Results as notebooks show them: small tables of escaped text, in the notebook's own colours."""

import math
from collections.abc import Iterable, Sequence

MOST_ROWS = 40
"""Rows that are shown; how many are left out stands below them."""

Cell = str | float | bool | None


def render_code(text: object) -> str:
    """A word or an equation as HTML.

    Examples:
        >>> render_code("a * b")
        '<code>a * b</code>'
    """
    return f"<code>{_escape(text)}</code>"


def render_table(headings: Sequence[object], rows: Iterable[Sequence[Cell]], caption: str = "") -> str:
    """A table as HTML, light or dark as the page around it.

    Args:
        headings: What stands above the columns.
        rows: The cells; numbers get three significant digits, what is unknown or not a number a dash.
        caption: One line above the table.

    Examples:
        >>> print(render_table(["law", "error"], [("a < b", 0.25)]))
        <table><thead><tr><th>law</th><th>error</th></tr></thead><tbody>
        <tr><td>a &lt; b</td><td style="text-align: right">0.25</td></tr>
        </tbody></table>
    """
    rows = list(rows)
    above = f'<caption style="text-align: left">{_escape(caption)}</caption>' if caption else ""
    head = "".join(f"<th>{_escape(heading)}</th>" for heading in headings)
    body = ["".join(map(_cell, row)) for row in rows[:MOST_ROWS]]
    if len(rows) > MOST_ROWS:
        body.append(f'<td colspan="{len(headings)}">and {len(rows) - MOST_ROWS} more</td>')
    lines = "".join(f"<tr>{cells}</tr>\n" for cells in body)
    return f"<table>{above}<thead><tr>{head}</tr></thead><tbody>\n{lines}</tbody></table>"


def _cell(value: Cell) -> str:
    if isinstance(value, bool):
        value = "yes" if value else "no"
    if isinstance(value, str):
        return f"<td>{_escape(value)}</td>"
    text = "–" if value is None or math.isnan(value) else f"{value:.3g}" if isinstance(value, float) else str(value)
    return f'<td style="text-align: right">{text}</td>'


def _escape(text: object) -> str:
    import html  # its table of names takes as long to load as a plugin, and only notebooks need it

    return html.escape(str(text))
