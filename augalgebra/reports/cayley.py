"""What augmentations generate, as a block of a document."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from augalgebra.algebra.group_names import identify
from augalgebra.algebra.rewriting.cayley_tables import CayleyTable, cayley_table
from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog
from augalgebra.documents import Block, Cayley, Text

MOST_ELEMENTS = 64
"""Largest closure that is drawn."""


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


def closure_blocks(catalog: Catalog, letters: Sequence[Word]) -> Iterator[Block]:
    """What augmentations generate by their laws: how many elements, which group, and a graph of them.

    Args:
        catalog: Knows the laws.
        letters: The augmentations, as words.
    """
    reached = cayley_table(catalog.system(*letters), letters, MOST_ELEMENTS)
    names = ", ".join(catalog.display(letter) for letter in letters)
    shown = ", ".join(f"`{catalog.display(letter)}`" for letter in letters)
    if not reached.complete:
        yield Text(f"By their laws {shown} generate more than can be drawn: {catalog.shorten(reached.reason)}.")
        return
    drawn = cayley_of(catalog, letters, reached, names)
    group = identify(drawn.table)
    yield Text(
        f"By their laws {shown} generate {len(drawn.table)} elements"
        + (f": the group {group}." if group else ", which are no group that has a name here.")
    )
    yield replace(drawn, title=group or drawn.title)
