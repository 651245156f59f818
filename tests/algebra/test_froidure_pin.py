"""The closure by action against brute force and against sympy's permutation groups."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy.combinatorics import Permutation, PermutationGroup

from augalgebra.algebra.froidure_pin import Closure, Cycle, ExactFinder, ToleranceFinder, close
from augalgebra.errors import IncompleteError

Map = tuple[int, ...]

maps_on_three = st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=1, max_size=3)
permutations_of_five = st.lists(st.permutations(range(5)).map(tuple), min_size=1, max_size=3)


def after(first: Map, second: Map) -> Map:
    return tuple(second[point] for point in first)


def closure_of(maps: list[Map], max_elements: int = 1000) -> Closure:
    identity = tuple(range(len(maps[0])))
    return close(
        len(maps), lambda g, state: after(state, maps[g]), identity, ExactFinder(tuple), max_elements=max_elements
    )


def value(maps: list[Map], word: tuple[int, ...]) -> Map:
    result = tuple(range(len(maps[0])))
    for generator in word:
        result = after(result, maps[generator])
    return result


def brute_force(maps: list[Map]) -> dict[Map, tuple[int, ...]]:
    """Every product with its shortlex-least word, found by trying all words."""
    found: dict[Map, tuple[int, ...]] = {}
    length, candidates = 0, [()]
    while candidates:
        for word in candidates:
            found.setdefault(value(maps, word), word)
        length += 1
        candidates = words(maps, found, length)
    return found


def words(maps: list[Map], found: dict[Map, tuple[int, ...]], length: int) -> list[tuple[int, ...]]:
    # a least word begins with a least word
    return [(*word, g) for word in found.values() if len(word) == length - 1 for g in range(len(maps))]


@given(permutations_of_five)
def test_order_is_that_of_sympy(maps: list[Map]) -> None:
    closure = closure_of(maps)
    group = PermutationGroup([Permutation(list(m)) for m in maps])
    assert group.order() == closure.order
    assert closure.complete
    assert closure.consistent
    assert closure.is_group is True
    assert closure.abelian is bool(group.is_abelian)
    assert closure.units == tuple(range(closure.order))


@given(maps_on_three)
def test_elements_are_the_shortlex_least_words(maps: list[Map]) -> None:
    assert tuple(brute_force(maps).values()) == closure_of(maps).words


@given(maps_on_three)
def test_monoid_against_brute_force(maps: list[Map]) -> None:
    closure = closure_of(maps)
    elements = list(brute_force(maps))
    numbers = {element: number for number, element in enumerate(elements)}
    table = [[numbers[after(x, y)] for y in elements] for x in elements]
    units = [i for i, x in enumerate(elements) if sorted(x) == [0, 1, 2]]
    assert table == closure.table.tolist()
    assert tuple(units) == closure.units
    assert tuple(i for i, x in enumerate(elements) if after(x, x) == x) == closure.idempotents
    assert all(sorted(m) == [0, 1, 2] for m in maps) == closure.is_group
    assert all(after(a, b) == after(b, a) for a in maps for b in maps) == closure.abelian
    assert closure.consistent


@given(maps_on_three)
def test_rules_are_a_minimal_complete_rewriting_system(maps: list[Map]) -> None:
    closure = closure_of(maps)
    lefts = [lhs for lhs, _ in closure.rules]
    assert all(value(maps, lhs) == value(maps, rhs) for lhs, rhs in closure.rules)
    assert all((len(rhs), rhs) < (len(lhs), lhs) for lhs, rhs in closure.rules)

    def reducible(word: tuple[int, ...]) -> bool:
        return any(word[i : i + len(lhs)] == lhs for lhs in lefts for i in range(len(word) - len(lhs) + 1))

    irreducible = [
        word
        for length in range(5)
        for word in itertools.product(range(len(maps)), repeat=length)
        if not reducible(word)
    ]
    assert [word for word in closure.words if len(word) <= 4] == irreducible
    assert not any(reducible(lhs[1:]) or reducible(lhs[:-1]) for lhs in lefts)


@given(maps_on_three)
def test_cycles_are_index_and_period(maps: list[Map]) -> None:
    closure = closure_of(maps)
    for generator in range(len(maps)):
        powers = [value(maps, (generator,) * exponent) for exponent in range(10)]
        first = next((i, j) for j in range(10) for i in range(j) if powers[i] == powers[j])
        assert Cycle(first[0], first[1] - first[0]) == closure.cycle(generator)


def test_no_generators_make_the_trivial_monoid() -> None:
    closure = close(0, lambda _, state: state, 0, ExactFinder(int))
    assert (closure.order, closure.complete, closure.table.tolist()) == (1, True, [[0]])


def test_what_has_no_end_is_bounded_and_says_so() -> None:
    closure = close(2, lambda g, state: state + (1, 3)[g], 0, ExactFinder(int), max_elements=20)
    assert (closure.order, closure.complete, closure.bound) == (20, False, 20)
    assert closure.abelian is True
    assert closure.is_group is None
    assert closure.cycle(0) is None
    for what in ("table", "consistent", "units", "idempotents"):
        with pytest.raises(IncompleteError, match="not finished after 20 elements"):
            getattr(closure, what)


def test_a_bound_just_large_enough_completes() -> None:
    cycle = [(1, 2, 3, 4, 0)]
    assert closure_of(cycle, max_elements=5).complete
    assert not closure_of(cycle, max_elements=4).complete


def test_not_abelian_is_known_before_the_end() -> None:
    closure = close(2, lambda g, s: s + "ab"[g], "", ExactFinder(str), max_elements=10)
    assert closure.abelian is False
    assert close(2, lambda g, s: s + "ab"[g], "", ExactFinder(str), max_elements=2).abelian is None


def test_an_idempotent_shows_before_the_end() -> None:
    # the first generator erases; the second counts for ever
    closure = close(2, lambda g, s: 0 if g == 0 else s + 1, 5, ExactFinder(int), max_elements=8)
    assert closure.is_group is False


def test_a_state_that_is_too_symmetric_is_found_out() -> None:
    # the rotations and mirror images of a triangle, seen on one corner: six maps look like three
    maps = [(1, 2, 0), (0, 2, 1)]
    seen_on_a_corner = close(2, lambda g, corner: maps[g][corner], 0, ExactFinder(int))
    assert seen_on_a_corner.order == 3
    assert seen_on_a_corner.consistent is False
    assert closure_of(maps).consistent is True


@given(
    st.lists(st.lists(st.integers(0, 12), min_size=3, max_size=3), min_size=1, max_size=30),
    st.sampled_from(["max", "rms"]),
)
def test_tolerance_finder_finds_the_earliest_close_one(rows: list[list[int]], norm: str) -> None:
    finder: ToleranceFinder[np.ndarray] = ToleranceFinder(2.0, lambda state: state, norm)  # type: ignore[arg-type]
    seen: list[np.ndarray] = []
    for row in rows:
        array = np.array(row, dtype=np.float64)
        apart = [abs(array - old).max() if norm == "max" else np.sqrt(((array - old) ** 2).mean()) for old in seen]
        near = [number for number, distance in enumerate(apart) if distance <= 2.0]
        assert (near[0] if near else None) == finder.find(array)
        finder.add(array)
        seen.append(array)


def test_tolerance_finder_keeps_shapes_apart() -> None:
    finder: ToleranceFinder[np.ndarray] = ToleranceFinder(0.1, lambda state: state)
    finder.add(np.zeros((2, 3)))
    assert finder.find(np.zeros((3, 2))) is None
    assert finder.find(np.zeros((2, 3))) == 0


def test_a_tolerance_closes_what_rounding_would_keep_open() -> None:
    angle = 2 * np.pi / 7
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    start = np.array([[1.0, 0.3]])
    rounded = close(1, lambda _, point: point @ turn, start, ToleranceFinder(1e-9, lambda p: p), max_elements=50)
    exact = close(1, lambda _, p: p @ turn, start, ExactFinder(lambda p: p.tobytes()), max_elements=50)
    assert (rounded.order, rounded.complete) == (7, True)
    assert (exact.order, exact.complete) == (50, False)
