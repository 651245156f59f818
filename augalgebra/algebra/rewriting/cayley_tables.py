"""Cayley tables: the products of all elements that some words generate."""

from collections.abc import Sequence
from dataclasses import dataclass

from augalgebra.algebra.conditions import ALWAYS, Conditions, holding_for
from augalgebra.algebra.rewriting.system import UNANSWERED, RewritingSystem
from augalgebra.algebra.words import IDENTITY, Word
from augalgebra.notebooks import MOST_ROWS, render_table


@dataclass(frozen=True)
class CayleyTable:
    """The products of the elements that some generators reach.

    Attributes:
        generators: The generators.
        elements: The elements, each as the shortlex-least word in the generators; the identity comes first.
        products: ``products[i][j]`` is the index of ``elements[i] * elements[j]``; None if it was not reached.
        complete: Whether all elements were found, and surely none twice.
        reason: Why it is not complete; empty if it is.
        conditions: What pictures the products are for.
    """

    generators: tuple[Word, ...]
    elements: tuple[Word, ...]
    products: tuple[tuple[int | None, ...], ...]
    complete: bool
    reason: str = ""
    conditions: Conditions = ALWAYS

    def _repr_html_(self) -> str:
        names = [str(word) for word in self.elements]
        rows = [
            (name, *(None if to is None else names[to] for to in row[:MOST_ROWS]))
            for name, row in zip(names, self.products, strict=True)
        ]
        about = f"{len(names)} elements" if self.complete else f"not complete: {self.reason}"
        return render_table(["first, then", *names[:MOST_ROWS]], rows, f"{about}{holding_for(self.conditions)}")


def cayley_table(system: RewritingSystem, generators: Sequence[Word], max_elements: int = 200) -> CayleyTable:
    """The multiplication table of what some words generate; one that is complete for every picture is preferred.

    Args:
        system: The rules.
        generators: The generators; elements are named by the shortest words in them.
        max_elements: Stop when more are found; the table is then incomplete.

    Raises:
        NotInvertibleError: A generator has the inverse of a symbol that is not known to be invertible.
    """
    found: CayleyTable | None = None
    for layer in system.layers:
        try:
            found = _table(layer, tuple(generators), max_elements)
        except UNANSWERED:
            if layer is system:
                raise
            continue
        if found.complete:
            break
    if found is None:
        raise AssertionError("the last layer is the system itself")
    return found


def _table(system: RewritingSystem, generators: tuple[Word, ...], max_elements: int) -> CayleyTable:
    forms = {IDENTITY: 0}
    elements, normal = [IDENTITY], [IDENTITY]
    spelt: list[tuple[int, ...]] = [()]
    successors: list[list[int | None]] = []
    overflown = False
    while len(successors) < len(normal):
        here = len(successors)
        row: list[int | None] = []
        for index, generator in enumerate(generators):
            form = system.normal_form(normal[here] * generator)
            found = forms.get(form)
            if found is None and len(elements) < max_elements:
                found = forms[form] = len(elements)
                normal.append(form)
                elements.append(elements[here] * generator)
                spelt.append((*spelt[here], index))
            overflown = overflown or found is None
            row.append(found)
        successors.append(row)
    products = tuple(tuple(_follow(successors, here, path) for path in spelt) for here in range(len(elements)))
    reason = f"stopped at {max_elements} elements" if overflown else system.reason
    return CayleyTable(generators, tuple(elements), products, not reason, reason, system.conditions)


def _follow(successors: Sequence[Sequence[int | None]], start: int, path: Sequence[int]) -> int | None:
    here: int | None = start
    for index in path:
        if here is None:
            return None
        here = successors[here][index]
    return here
