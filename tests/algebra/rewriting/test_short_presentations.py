"""The few relations from which all others follow, against independent enumerations of what they present."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy.combinatorics import DihedralGroup, SymmetricGroup
from sympy.combinatorics.fp_groups import FpGroup
from sympy.combinatorics.free_groups import free_group

from augalgebra.algebra.froidure_pin import Closure, ExactFinder, close
from augalgebra.algebra.rewriting.short_presentations import relations

Map = tuple[int, ...]


def closure_of(maps: list[Map]) -> Closure:
    return close(
        len(maps), lambda g, state: tuple(maps[g][i] for i in state), tuple(range(len(maps[0]))), ExactFinder(tuple)
    )


def presented_order(closure: Closure) -> int:
    """The order of the group that the relations present, by sympy's coset enumeration."""
    free, *letters = free_group(" ".join(f"x{i}" for i in range(closure.right.shape[1])))

    def product(word: tuple[int, ...]) -> object:
        result = free.identity
        for index in word:
            result = result * letters[index]
        return result

    relators = [product(lhs) * product(rhs) ** -1 for lhs, rhs in relations(closure)]  # type: ignore[operator]
    return int(FpGroup(free, [relator for relator in relators if relator != free.identity]).order())


@settings(max_examples=8)
@given(st.lists(st.permutations(range(4)).map(tuple), min_size=1, max_size=3))
def test_the_relations_of_a_group_present_it(maps: list[Map]) -> None:
    closure = closure_of(maps)
    assert closure.order == presented_order(closure)


@settings(max_examples=25)
@given(st.lists(st.tuples(*[st.integers(0, 2)] * 3), min_size=1, max_size=2))
def test_the_relations_of_a_monoid_present_it(maps: list[Map]) -> None:
    oracle = pytest.importorskip("libsemigroups_pybind11")
    closure = closure_of(maps)
    presentation = oracle.Presentation(list(range(len(maps))))
    presentation.contains_empty_word(True)
    for lhs, rhs in relations(closure):
        oracle.presentation.add_rule(presentation, list(lhs), list(rhs))
    enumeration = oracle.ToddCoxeter(oracle.congruence_kind.twosided, presentation)
    assert closure.order == enumeration.number_of_classes()


def test_familiar_relations_are_preferred() -> None:
    mirror, turn, back = (1, 0, 3, 2), (1, 2, 3, 0), (3, 0, 1, 2)
    assert list(relations(closure_of([mirror, turn]))) == [((0, 0), ()), ((1, 1, 1, 1), ()), ((1, 0, 1), (0,))]
    assert list(relations(closure_of([turn, back]))) == [((0, 0, 0, 0), ()), ((0, 1), ())]


def test_superfluous_generators_are_defined() -> None:
    turn, half, identity = (1, 2, 3, 0), (2, 3, 0, 1), (0, 1, 2, 3)
    assert list(relations(closure_of([turn, half, identity]))) == [((2,), ()), ((0, 0, 0, 0), ()), ((0, 0), (1,))]


@pytest.mark.parametrize(("group", "most"), [(DihedralGroup(6), 3), (SymmetricGroup(4), 3)], ids=["D6", "S4"])
def test_few_relations_are_enough(group: object, most: int) -> None:
    maps = [tuple(generator.array_form) for generator in group.generators]  # type: ignore[attr-defined]
    assert len(relations(closure_of(maps))) <= most


def test_a_long_period_is_cheap() -> None:
    assert list(relations(close(1, lambda _, s: (s + 1) % 200, 0, ExactFinder(int)))) == [((0,) * 200, ())]


def test_relations_of_an_unfinished_closure_are_true() -> None:
    # a reflection and a shift of the line: the infinite dihedral group
    closure = close(2, _step, (1, 0), ExactFinder(tuple), max_elements=30)
    assert not closure.complete
    assert ((0, 0), ()) in relations(closure)


def _step(generator: int, state: tuple[int, int]) -> tuple[int, int]:
    """An affine map of the line as (slope, offset), multiplied from the right."""
    slope, offset = state
    return (-slope, -offset) if generator == 0 else (slope, offset + 1)
