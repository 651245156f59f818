"""What augmentations generate, as a block of a document."""

from collections.abc import Sequence

from augalgebra.algebra.rewriting.cayley_tables import CayleyTable
from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog
from augalgebra.documents import Cayley


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
