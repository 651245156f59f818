"""Isotypic parts of planted representations: projections, their ranks, and their names."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from augalgebra import parse_law, parse_word
from augalgebra.algebra.presentation import Presentation
from augalgebra.algebra.rewriting.completion import complete
from augalgebra.algebra.rewriting.system import RewritingSystem
from augalgebra.operators import FiniteGroup
from augalgebra.operators.groups.arrays import Array, random_orthogonal
from augalgebra.operators.groups.irreps import real_irreps
from augalgebra.operators.groups.isotypic import isotypic_parts
from augalgebra.operators.groups.representation import assemble

LAWS = {
    "Z2xZ2": ["a^2 = id", "b^2 = id", "a * b = b * a"],
    "Z4": ["a^4 = id"],  # an irreducible representation of complex type
    "S3": ["a^2 = id", "b^3 = id", "a * b * a = b^2"],
    "D4": ["a^2 = id", "b^4 = id", "a * b * a = b^3"],
    "D5": ["a^2 = id", "b^5 = id", "a * b * a = b^4"],  # two of one dimension that only angles tell apart
    "Q8": ["a^4 = id", "b^2 = a^2", "b * a = a^3 * b"],  # one of quaternionic type
}
NAMES = {
    "Z2xZ2": ["unchanged", "changed by b", "changed by a", "changed by a and b"],
    "Z4": ["unchanged", "changed by a", "turned by a (90°)"],
    "D4": ["unchanged", "changed by b", "changed by a", "changed by a and b", "turned by b (90°)"],
    "D5": ["unchanged", "changed by a", "turned by b (72°)", "turned by b (144°)"],
}


def make_group(name: str) -> FiniteGroup:
    system: RewritingSystem = complete(Presentation.of([parse_law(text) for text in LAWS[name]]))
    letters = [parse_word(letter) for letter in ("a", "b") if any(letter in text for text in LAWS[name])]
    group = FiniteGroup.closure(system, letters)
    assert group is not None
    return group


GROUPS = {name: make_group(name) for name in LAWS}


@given(st.sampled_from(sorted(LAWS)), st.data())
def test_parts_are_those_that_were_planted(name: str, data: st.DataObject) -> None:
    group = GROUPS[name]
    irreps = real_irreps(group)
    copies = data.draw(st.lists(st.integers(0, 3), min_size=len(irreps), max_size=len(irreps)).filter(any))
    matrices = assemble(group, irreps, copies).matrices
    generator = np.random.default_rng(data.draw(st.integers(0, 2**16)))
    dim = len(matrices[0])
    A: Array = random_orthogonal(dim, generator) * np.exp(generator.uniform(-1, 1, dim))
    matrices = A @ matrices @ np.linalg.inv(A)

    parts = isotypic_parts(group, matrices)
    assert [part.copies for part in parts] == copies
    for part, irrep, times in zip(parts, irreps, copies, strict=True):
        assert part.dim == irrep.dim * times == np.linalg.matrix_rank(part.projection, tol=1e-6)
        np.testing.assert_allclose(part.projection @ matrices, matrices @ part.projection, atol=1e-9)
        for other in parts:
            both = part.projection if other is part else np.zeros((dim, dim))
            np.testing.assert_allclose(part.projection @ other.projection, both, atol=1e-9)
    np.testing.assert_allclose(sum(part.projection for part in parts), np.eye(dim), atol=1e-9)
    # what nothing changes is the common fixed space, found without characters
    still = dim - np.linalg.matrix_rank(np.hstack(list(matrices - np.eye(dim))), tol=1e-6)
    assert parts[0].dim == still


@pytest.mark.parametrize("name", NAMES)
def test_parts_are_named_by_what_is_done_to_them(name: str) -> None:
    group = GROUPS[name]
    matrices = assemble(group, real_irreps(group), [1] * len(NAMES[name])).matrices
    assert sorted(part.name for part in isotypic_parts(group, matrices)) == sorted(NAMES[name])


def test_matrices_that_break_the_relations_have_no_parts() -> None:
    group = GROUPS["D4"]
    matrices = assemble(group, real_irreps(group), [1] * 5).matrices.copy()
    matrices[3] = np.eye(len(matrices[0]))  # planted: one element acts as another
    assert any(
        np.abs(part.projection @ part.projection - part.projection).max() > 0.01
        for part in isotypic_parts(group, matrices)
    )
