"""Each kind of block as HTML."""

import base64
import json
from collections.abc import Iterable, Sequence
from functools import singledispatch
from itertools import groupby
from pathlib import Path
from xml.etree.ElementTree import Element

from augalgebra.documents.cayley import COLOURS, draw_graph
from augalgebra.documents.document import Block, Cayley, HeatMap, Picture, Slider, Table, Text
from augalgebra.documents.elements import Child, prose, tag
from augalgebra.documents.numerals import exact, format_number
from augalgebra.documents.palette import STEPS, Scale
from augalgebra.errors import AugalgebraError

FEW_PRODUCTS = 24
"""Elements up to which the multiplication table is shown."""

_SHORT = 24  # letters of a cell that are not broken into lines
_TINY = 24  # columns from which on cells without numbers are smaller still


def render_block(blocks: Iterable[Block]) -> list[Element]:
    """Blocks as elements; small ones of one kind stand side by side."""
    elements: list[Element] = []
    for small, group in groupby(blocks, key=_small):
        parts = [_render(block) for block in group]
        elements += [tag("div", parts, class_="beside")] if small else parts
    return elements


def _small(block: Block) -> str:
    """The kind of a heat map without numbers and of a table of two columns; empty for other blocks."""
    if isinstance(block, HeatMap):
        return "" if block.numbers else "heat map"
    return "table" if isinstance(block, Table) and len(block.headings) <= 2 else ""


@singledispatch
def _render(block: Block) -> Element:
    raise TypeError(f"a document has no blocks of type {type(block).__name__}")


@_render.register
def _text(text: Text) -> Element:
    return tag("p", prose(text.text))


@_render.register
def _table(table: Table) -> Element:
    if any(len(row) != len(table.headings) for row in table.rows):
        raise ValueError(f"the table {table.title!r} has a row that does not have a cell for each heading")
    numeric = [any(isinstance(row[column], int | float) for row in table.rows) for column in range(len(table.headings))]
    head = tag(
        "tr",
        (
            tag("th", heading, scope="col", class_="number" if number else None)
            for heading, number in zip(table.headings, numeric, strict=True)
        ),
    )
    rows = (
        tag(
            "tr",
            (_cell(cell, table.digits, right=right) for cell, right in zip(row, numeric, strict=True)),
            class_="faint" if number in table.faint else None,
        )
        for number, row in enumerate(table.rows)
    )
    grid = tag("table", tag("thead", head), tag("tbody", rows), class_="sortable")
    return tag("figure", tag("figcaption", prose(table.title)), _scrolled(grid, table.title))


def _cell(cell: str | float | None, digits: int, *, right: bool) -> Element:
    if isinstance(cell, int | float):
        return tag("td", format_number(cell, digits), class_="number", data_v=exact(cell))
    text = cell or ""
    return tag("td", prose(text), class_="number" if right else "short" if len(text) <= _SHORT else None)


@_render.register
def _heat_map(heat: HeatMap) -> Element:
    if len(heat.values) != len(heat.rows) or any(len(row) != len(heat.columns) for row in heat.values):
        raise ValueError(f"the heat map {heat.title!r} does not have a value for each row and column")
    if heat.notes and [len(row) for row in heat.notes] != [len(row) for row in heat.values]:
        raise ValueError(f"the heat map {heat.title!r} does not have a note for each value")
    numbers = [value for row in heat.values for value in row if value is not None]
    scale = Scale.of(heat.ends or numbers, diverging=heat.diverging, lower_is_better=heat.lower_is_better)
    head = tag("tr", tag("td"), (tag("th", tag("span", name), scope="col") for name in heat.columns))
    rows = (
        tag(
            "tr",
            tag("th", name, scope="row"),
            (
                _heat_cell(heat, scale, value, heat.notes[row][column] if heat.notes else "")
                for column, value in enumerate(heat.values[row])
            ),
        )
        for row, name in enumerate(heat.rows)
    )
    size = "" if heat.numbers else " bare" if len(heat.columns) <= _TINY else " bare tiny"
    grid = tag("table", tag("thead", head), tag("tbody", rows), class_=f"heat{size}")
    caption = tag("figcaption", prose(heat.title), f", {heat.unit}" if heat.unit else None)
    legend = _legend(heat, scale) if numbers else None
    return tag("figure", caption, _scrolled(grid, heat.title), legend, class_="map", data_unit=heat.unit or None)


def _heat_cell(heat: HeatMap, scale: Scale, value: float | None, note: str) -> Element:
    remark = tag("small", note) if note and heat.numbers else None
    if value is None:
        return tag("td", "–" if heat.numbers else None, remark, class_="none", data_note=note or None)
    number = format_number(value, heat.digits)
    return tag(
        "td",
        number,
        remark,
        class_=scale.name(float(value)) or "none",
        data_v=exact(value),
        data_note=note or None,
        title=None if heat.numbers else number,
    )


def _legend(heat: HeatMap, scale: Scale) -> Element:
    """The colours in order, from the smallest number to the largest."""
    steps = range(STEPS + 1) if not scale.reverse else range(STEPS, -1, -1)
    ends = [format_number(scale.number(steps[index]), heat.digits) for index in (0, STEPS // 2, STEPS)]
    better = "" if heat.diverging else "lower is better" if heat.lower_is_better else "higher is better"
    notes = [part for part in (better, "colours by ratio" if scale.logarithmic else "") if part]
    return tag(
        "div",
        tag("span", (tag("i", class_=f"{scale.kind}{step}") for step in steps), class_="bar", aria_hidden="true"),
        tag("span", (tag("span", end) for end in ends), class_="ends"),
        tag("span", "; ".join(notes), class_="remark") if notes else None,
        class_="legend",
    )


@_render.register
def _picture(picture: Picture) -> Element:
    image = _image(picture.path, picture.caption.replace("`", ""))
    return tag("figure", image, tag("figcaption", prose(picture.caption)), class_="picture")


@_render.register
def _slider(slider: Slider) -> Element:
    sizes = [_png(path)[:2] for path in (slider.before, slider.after)]
    if sizes[0] != sizes[1]:
        raise ValueError(f"{slider.before} and {slider.after} differ in size, so that there is nothing between them")
    halves = (
        tag("div", _image(path, f"{name}: {slider.caption}".replace("`", "")), tag("span", name))
        for path, name in zip((slider.before, slider.after), slider.names, strict=True)
    )
    return tag("figure", tag("div", halves, class_="pair"), tag("figcaption", prose(slider.caption)), class_="slider")


def _image(path: Path, alt: str) -> Element:
    width, height, data = _png(path)
    source = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    return tag("img", src=source, alt=alt, width=width, height=height)


def _png(path: Path) -> tuple[int, int, bytes]:
    """Width, height and bytes of a PNG file.

    Raises:
        AugalgebraError: It is missing, or is none.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AugalgebraError(f"the picture {path} cannot be read: {error.strerror or error}") from error
    # ISO/IEC 15948: a signature of 8 bytes, then the header, which begins with width and height
    if data[:8] != b"\x89PNG\r\n\x1a\n" or data[12:16] != b"IHDR":
        raise AugalgebraError(f"the picture {path} is no PNG file; make it again")
    return int.from_bytes(data[16:20]), int.from_bytes(data[20:24]), data


@_render.register
def _cayley(cayley: Cayley) -> Element:
    count = len(cayley.elements)
    if not count or len(cayley.table) != count or any(len(row) != count for row in cayley.table):
        raise ValueError(f"the table of {cayley.title!r} is not square, or is empty")
    names = [cayley.elements[generator] for generator in cayley.generators]
    keys = (
        tag("li", _swatch(position % COLOURS), tag("span", name), data_by=position)
        for position, name in enumerate(names)
    )
    members = (
        tag("li", tag("b", str(number)), tag("span", word), data_node=number)
        for number, word in enumerate(cayley.elements)
    )
    return tag(
        "figure",
        tag("figcaption", f"Cayley graph of {cayley.title}: {count} elements"),
        tag(
            "div",
            draw_graph(cayley),
            tag(
                "div",
                tag("h3", "Generators"),
                tag("ul", keys, class_="keys"),
                tag("h3", "Elements"),
                tag("ol", members, class_="members"),
                class_="side",
            ),
            class_="graph",
        ),
        _products(cayley) if count <= FEW_PRODUCTS else None,
        class_="cayley",
        data_table=json.dumps(cayley.table, separators=(",", ":")),
        data_generators=json.dumps(cayley.generators),
    )


def _swatch(colour: int) -> Element:
    line = tag("path", d="M0 5H28", class_=f"arrow g{colour}")
    return tag("svg", line, viewBox="0 0 28 10", width=28, height=10, aria_hidden="true")


def _products(cayley: Cayley) -> Element:
    head = tag("tr", tag("td"), (tag("th", str(number), scope="col") for number in range(len(cayley.table))))
    rows = (tag("tr", tag("th", str(number), scope="row"), _numbers(row)) for number, row in enumerate(cayley.table))
    title = "Multiplication table: the element of the row first, then that of the column"
    table = tag("table", tag("thead", head), tag("tbody", rows), class_="products")
    return tag("details", tag("summary", title), _scrolled(table, title))


def _numbers(row: Sequence[int]) -> list[Child]:
    return [tag("td", str(number)) for number in row]


def _scrolled(table: Element, title: str) -> Element:
    # a box that scrolls by itself can be reached by keyboard only if it can be focused
    return tag("div", table, class_="scroll", role="region", tabindex=0, aria_label=title.replace("`", ""))
