"""The name of a small group, read off its multiplication table.

Every name is proven by a property that only this group has (a characterisation or a presentation together with the
order), never guessed from numbers that merely fit. What has no such proof here has no name.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

Table: TypeAlias = np.ndarray[Any, np.dtype[np.int64]]

MAX_ORDER = 2000
"""Largest group that is looked at."""


def identify(table: "Sequence[Sequence[int]] | np.ndarray[Any, Any]") -> str | None:
    """Name the group of a multiplication table.

    Names are ``1``, ``Z4``, abelian products by invariant factors (``Z2×Z4``), dihedral groups ``D4`` of order 2n,
    ``Q8``, dicyclic groups ``Dic3`` of order 4n, ``A4``, ``S4``, ``A5``, ``S5``, and products of those with Z2
    (``Z2×D4``).

    Args:
        table: Square table of element numbers, row times column.

    Returns:
        The name; None if the table is that of no group, of none of these, or larger than `MAX_ORDER`.

    Examples:
        >>> identify([[0, 1], [1, 0]])
        'Z2'
    """
    array = np.asarray(table)
    if array.ndim != 2 or array.shape[0] != array.shape[1] or not 0 < len(array) <= MAX_ORDER:
        return None
    if array.dtype.kind not in "iu":
        return None
    group = _group(array.astype(np.int64))
    return None if group is None else _name(group)


class _Group(NamedTuple):
    """A group with the identity as element 0."""

    table: Table
    orders: Table
    inverses: Table

    def power(self, element: int, exponent: int) -> int:
        result = 0
        for _ in range(exponent % int(self.orders[element])):
            result = int(self.table[result, element])
        return result

    def evaluate(self, word: Sequence[int], values: Sequence[int]) -> int:
        """The product of generators; the number ~i stands for the inverse of generator i."""
        result = 0
        for letter in word:
            factor = values[letter] if letter >= 0 else int(self.inverses[values[~letter]])
            result = int(self.table[result, factor])
        return result

    @property
    def abelian(self) -> bool:
        return bool(np.array_equal(self.table, self.table.T))


def _group(table: Table) -> _Group | None:
    size = len(table)
    everything = np.arange(size)
    if table.min() < 0 or table.max() >= size:
        return None
    neutral = [
        e for e in range(size) if np.array_equal(table[e], everything) and np.array_equal(table[:, e], everything)
    ]
    if len(neutral) != 1 or not _associative(table):
        return None
    swap = everything.copy()
    swap[[0, neutral[0]]] = neutral[0], 0
    table = swap[table[np.ix_(swap, swap)]]
    if not (table == 0).any(axis=1).all():
        return None
    inverses = (table == 0).argmax(axis=1)
    orders = np.zeros(size, dtype=np.int64)
    power = everything
    for exponent in range(1, size + 1):
        orders[(power == 0) & (orders == 0)] = exponent
        if orders.all():
            break
        power = table[power, everything]
    return _Group(table, orders, inverses)


def _associative(table: Table) -> bool:
    """Light's test: (x g) y = x (g y) for generators g is enough."""
    generated = np.zeros(len(table), dtype=bool)
    while not generated.all():
        generator = int((~generated).argmax())
        if not np.array_equal(table[table[:, generator]], table[:, table[generator]]):
            return False
        generated[generator] = True
        generated = _closed(table, generated)
    return True


def _closed(table: Table, members: "np.ndarray[Any, np.dtype[np.bool_]]") -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """The members and all their products."""
    while True:
        inside = np.flatnonzero(members)
        grown = members.copy()
        grown[table[np.ix_(inside, inside)]] = True
        if np.array_equal(grown, members):
            return members
        members = grown


def _name(group: _Group) -> str | None:
    if group.abelian:
        return "×".join(f"Z{factor}" for factor in _invariant_factors(group)) or "1"
    return _cyclic_by_two(group) or _presented(group) or _times_two(group)


def _invariant_factors(group: _Group) -> list[int]:
    """Of an abelian group: n1, n2, … with each dividing the next.

    The elements whose order divides p^k are p^(number of p-power factors, each counted up to k times).
    """
    factors: list[int] = []
    size = len(group.table)
    for prime in _primes(size):
        exponents: list[int] = []
        power, before = prime, 1
        while True:
            count = int((power % group.orders == 0).sum())
            if count == before:
                break
            rank = round(np.log(count / before) / np.log(prime))
            exponents = [exponents[i] + 1 if i < len(exponents) else 1 for i in range(rank)] + exponents[rank:]
            power, before = power * prime, count
        factors += [1] * (len(exponents) - len(factors))
        for position, exponent in enumerate(exponents):
            factors[position] *= prime**exponent
    return sorted(factors)


def _primes(number: int) -> Iterator[int]:
    divisor = 2
    while number > 1:
        if number % divisor == 0:
            yield divisor
            while number % divisor == 0:
                number //= divisor
        divisor += 1


def _cyclic_by_two(group: _Group) -> str | None:
    """Dihedral and dicyclic groups: a cyclic subgroup C of index 2, and what the elements outside square to.

    If every x outside squares to e, then x c x⁻¹ = c⁻¹ for c in C, which is the dihedral group; if every x outside
    squares to the involution of C, the same follows and it is the dicyclic one.
    """
    half = len(group.table) // 2
    squares = np.diag(group.table)
    for rotation in np.flatnonzero(group.orders == half):
        outside = np.ones(len(group.table), dtype=bool)
        outside[[group.power(int(rotation), k) for k in range(half)]] = False
        target = set(squares[outside].tolist())
        if target == {0}:
            return f"D{half}"
        if half % 2 == 0 and target == {group.power(int(rotation), half // 2)}:
            return "Q8" if half == 4 else f"Dic{half // 2}"
    return None


class _Presentation(NamedTuple):
    """A group of known order by relators in two generators 0 and 1 of given orders; ~1 is the inverse of 1."""

    name: str
    order: int
    orders: tuple[int, int]
    relators: tuple[tuple[int, ...], ...]


# Coxeter and Moser, Generators and Relations for Discrete Groups, tables 1 and 5, §6.2: a group of the same order that
# two of its elements generate and in which the relators are trivial is a quotient of the presented one, hence equal.
_PRESENTATIONS = (
    _Presentation("A4", 12, (2, 3), ((0, 1) * 3,)),
    _Presentation("S4", 24, (2, 3), ((0, 1) * 4,)),
    _Presentation("A5", 60, (2, 3), ((0, 1) * 5,)),
    _Presentation("S5", 120, (2, 5), ((0, 1) * 4, (0, ~1, 0, 1) * 3, (0, ~1, ~1, 0, 1, 1) * 2)),
)


def _presented(group: _Group) -> str | None:
    for presentation in _PRESENTATIONS:
        if presentation.order != len(group.table):
            continue
        first, second = (np.flatnonzero(group.orders == order).tolist() for order in presentation.orders)
        for pair in ((a, b) for a in first for b in second):
            if any(group.evaluate(relator, pair) for relator in presentation.relators):
                continue
            members = np.zeros(len(group.table), dtype=bool)
            members[list(pair)] = True
            if _closed(group.table, members).all():
                return presentation.name
    return None


def _times_two(group: _Group) -> str | None:
    """Z2 × H: a central involution z outside some subgroup H of index 2.

    Those subgroups all contain the squares, and modulo the squares the group is a vector space over Z2 in which a
    complement of z can be built up. Which complement is taken does not matter: direct factors of finite groups cancel.
    """
    table = group.table
    members = np.zeros(len(table), dtype=bool)
    members[np.diag(table)] = True
    squares = _closed(table, members)
    central = (table == table.T).all(axis=1)
    for z in np.flatnonzero(central & (group.orders == 2) & ~squares):
        complement = squares
        for element in range(len(table)):
            if not complement[element]:
                # both are normal, so the product of the two is the subgroup they generate
                grown = complement.copy()
                grown[table[element][complement]] = True
                if not grown[z]:
                    complement = grown
        if 2 * int(complement.sum()) == len(table):
            inside = np.flatnonzero(complement)
            numbers = np.full(len(table), -1)
            numbers[inside] = np.arange(len(inside))
            name = identify(numbers[table[np.ix_(inside, inside)]])
            if name is not None:
                return f"Z2×{name}"
    return None
