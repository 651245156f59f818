"""Names of groups against multiplication tables that sympy's permutation groups make."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy.combinatorics import (
    AbelianGroup,
    AlternatingGroup,
    CyclicGroup,
    DihedralGroup,
    DirectProduct,
    Permutation,
    PermutationGroup,
    SymmetricGroup,
)

from augalgebra.algebra.group_names import MAX_ORDER, identify

Table = np.ndarray


def table_of(group: PermutationGroup) -> Table:
    elements = [tuple(element.array_form) for element in group.elements]
    numbers = {element: number for number, element in enumerate(elements)}
    return np.array([[numbers[tuple(y[i] for i in x)] for y in elements] for x in elements])


def cyclic(order: int) -> Table:
    return np.add.outer(np.arange(order), np.arange(order)) % order


def product(first: Table, second: Table) -> Table:
    return np.kron(first, np.ones_like(second)) * len(second) + np.kron(np.ones_like(first), second)


def of_matrices(generators: list[list[list[int]]], modulus: int) -> Table:
    """The group that invertible matrices modulo a prime generate."""
    found = [np.eye(len(generators[0]), dtype=int)]
    for element in found:
        for generator in generators:
            new = element @ np.array(generator) % modulus
            if not any(np.array_equal(new, old) for old in found):
                found.append(new)
    numbers = {element.tobytes(): number for number, element in enumerate(found)}
    return np.array([[numbers[(x @ y % modulus).tobytes()] for y in found] for x in found])


def dicyclic(n: int) -> Table:
    """By its definition: a^i x^j with x a = a⁻¹ x and x² = a^n."""
    elements = [(i, j) for j in range(2) for i in range(2 * n)]

    def times(left: tuple[int, int], right: tuple[int, int]) -> tuple[int, int]:
        i = left[0] + (-right[0] if left[1] else right[0]) + (n if left[1] and right[1] else 0)
        return i % (2 * n), (left[1] + right[1]) % 2

    return np.array([[elements.index(times(x, y)) for y in elements] for x in elements])


def affine(prime: int, factor: int) -> Table:
    """x → factor^k x + b modulo a prime: the Frobenius groups."""
    generators = [[(factor * x) % prime for x in range(prime)], [(x + 1) % prime for x in range(prime)]]
    return table_of(PermutationGroup([Permutation(generator) for generator in generators]))


def semidihedral() -> Table:
    generators = [[(x + 1) % 8 for x in range(8)], [(3 * x) % 8 for x in range(8)]]
    return table_of(PermutationGroup([Permutation(generator) for generator in generators]))


NAMED = {
    "1": cyclic(1),
    "Z2": cyclic(2),
    "Z12": table_of(CyclicGroup(12)),
    "Z28": cyclic(28),
    "Z2×Z2": table_of(AbelianGroup(2, 2)),
    "Z2×Z4": table_of(AbelianGroup(4, 2)),
    "Z2×Z2×Z2": table_of(AbelianGroup(2, 2, 2)),
    "Z3×Z3": table_of(AbelianGroup(3, 3)),
    "Z2×Z28": product(cyclic(28), cyclic(2)),
    "Z6×Z36": product(product(cyclic(4), cyclic(9)), product(cyclic(2), cyclic(3))),
    "Z28×Z28": product(cyclic(28), cyclic(28)),
    "D3": table_of(SymmetricGroup(3)),
    "D4": table_of(DihedralGroup(4)),
    "D5": table_of(DihedralGroup(5)),
    "D6": table_of(DihedralGroup(6)),
    "D28": table_of(DihedralGroup(28)),
    "Q8": dicyclic(2),
    "Dic3": dicyclic(3),
    "Dic6": dicyclic(6),
    "A4": table_of(AlternatingGroup(4)),
    "S4": table_of(SymmetricGroup(4)),
    "A5": table_of(AlternatingGroup(5)),
    "S5": table_of(SymmetricGroup(5)),
    "Z2×D4": table_of(DirectProduct(CyclicGroup(2), DihedralGroup(4))),
    "Z2×Q8": product(dicyclic(2), cyclic(2)),
    "Z2×A4": table_of(DirectProduct(AlternatingGroup(4), CyclicGroup(2))),
    "Z2×S4": product(table_of(SymmetricGroup(4)), cyclic(2)),
    "Z2×A5": product(cyclic(2), table_of(AlternatingGroup(5))),
    "Z2×Z2×D4": product(product(cyclic(2), table_of(DihedralGroup(4))), cyclic(2)),
}

UNNAMED = {
    "Z3×D3": product(cyclic(3), table_of(SymmetricGroup(3))),
    "D3×D3": product(table_of(SymmetricGroup(3)), table_of(SymmetricGroup(3))),
    "Z4×D4": product(cyclic(4), table_of(DihedralGroup(4))),
    "F20": affine(5, 2),
    "F21": affine(7, 2),
    "SD16": semidihedral(),
    "SL(2,3)": of_matrices([[[1, 1], [0, 1]], [[1, 0], [1, 1]]], 3),
    "SL(2,5)": of_matrices([[[1, 1], [0, 1]], [[1, 0], [1, 1]]], 5),
    "Heisenberg 27": of_matrices([[[1, 1, 0], [0, 1, 0], [0, 0, 1]], [[1, 0, 0], [0, 1, 1], [0, 0, 1]]], 3),
}


@pytest.mark.parametrize("name", NAMED)
def test_known_groups_get_their_names(name: str) -> None:
    assert name == identify(NAMED[name])


@pytest.mark.parametrize("name", UNNAMED)
def test_other_groups_get_no_name(name: str) -> None:
    sizes = {"F20": 20, "F21": 21, "SD16": 16, "SL(2,3)": 24, "SL(2,5)": 120, "Heisenberg 27": 27}
    assert sizes.get(name, len(UNNAMED[name])) == len(UNNAMED[name])
    assert identify(UNNAMED[name]) is None


@settings(max_examples=40)
@given(st.sampled_from(sorted(set(NAMED) - {"Z28×Z28", "S5"})), st.randoms(use_true_random=False))
def test_the_numbering_of_the_elements_does_not_matter(name: str, random: object) -> None:
    table = NAMED[name]
    order = list(range(len(table)))
    random.shuffle(order)  # type: ignore[attr-defined]
    renumbered = np.empty_like(table)
    renumbered[np.ix_(order, order)] = np.array(order)[table]
    assert name == identify(renumbered)


@settings(max_examples=40)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=4))
def test_abelian_groups_by_invariant_factors(orders: list[int]) -> None:
    table = cyclic(1)
    for order in orders:
        if len(table) * order <= 300:
            table = product(table, cyclic(order))
    name = identify(table)
    assert name is not None
    factors = [int(part[1:]) for part in name.split("×")] if name != "1" else []
    assert all(larger % smaller == 0 for smaller, larger in itertools.pairwise(factors))
    assert len(table) == int(np.prod(factors)) if factors else len(table) == 1
    # as many elements of each order as in the product of the named factors
    named = cyclic(1)
    for factor in factors:
        named = product(named, cyclic(factor))
    assert sorted(orders_of(named)) == sorted(orders_of(table))


def orders_of(table: Table) -> list[int]:
    found = []
    for element in range(len(table)):
        power, order = element, 1
        while power:
            power, order = int(table[power, element]), order + 1
        found.append(order)
    return found


def test_what_is_no_group_has_no_name() -> None:
    idempotent = [[0, 1], [1, 1]]
    identity_second = [[1, 0], [0, 1]]
    # a loop of order 5: a Latin square with an identity that is not associative
    loop = [[0, 1, 2, 3, 4], [1, 0, 3, 4, 2], [2, 4, 0, 1, 3], [3, 2, 4, 0, 1], [4, 3, 1, 2, 0]]
    assert identify(idempotent) is None
    assert identify(identity_second) == "Z2"
    assert identify(loop) is None
    assert identify([[0, 1], [1, 2]]) is None
    assert identify([[0, 1], [1, -1]]) is None
    assert identify([[0, 1]]) is None
    assert identify([]) is None
    assert identify([[0.0]]) is None


def test_groups_that_are_too_large_are_left_alone() -> None:
    assert identify(np.zeros((MAX_ORDER + 1, MAX_ORDER + 1), dtype=int)) is None


def test_the_table_is_not_changed() -> None:
    table = table_of(DihedralGroup(4))
    before = table.copy()
    identify(table)
    assert np.array_equal(before, table)
