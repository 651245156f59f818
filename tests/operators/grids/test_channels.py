"""Representations on channels: planted ones are found, relations hold, others are approximated."""

from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import augalgebra as aa
from augalgebra.catalog import Catalog
from augalgebra.errors import MissingOperatorError, MomentsError, RankError
from augalgebra.operators.fits.affine import AffineMap
from augalgebra.operators.grids.channels import ChannelFit, ChannelMoments
from augalgebra.operators.grids.moves import GridMove
from augalgebra.operators.groups.arrays import Array, random_orthogonal
from augalgebra.operators.groups.finite_group import FiniteGroup
from augalgebra.operators.groups.irreps import real_irreps
from augalgebra.operators.groups.representation import assemble

CATALOG = aa.load_catalog(aa.Settings())
STRIDE = 8


def closure(catalog: Catalog, *words: str) -> FiniteGroup:
    generators = [catalog.word(word) for word in words]
    group = FiniteGroup.closure(catalog.system(*generators), generators)
    assert group is not None
    return group


D4 = closure(CATALOG, "flip_lr", "rotate_cw")
MOVES = [GridMove.of(CATALOG, word, STRIDE) for word in D4.elements]


def planted(group: FiniteGroup, multiplicities: tuple[int, ...], generator: np.random.Generator) -> list[AffineMap]:
    """A representation with these multiplicities, in coordinates where it is neither orthogonal nor linear."""
    matrices = assemble(group, real_irreps(group), multiplicities).matrices
    dim = matrices.shape[1]
    frame = (random_orthogonal(dim, generator) * np.geomspace(0.5, 2, dim)) @ random_orthogonal(dim, generator)
    centre = generator.standard_normal(dim)
    return [AffineMap.around(frame @ matrix @ np.linalg.inv(frame), centre) for matrix in matrices]


def moved(codes: Tensor, maps: list[AffineMap], noise: float = 0.0) -> list[Tensor]:
    """Codes of pictures under all elements, if those act by such maps."""
    random = torch.Generator().manual_seed(1)
    result = []
    for move, item in zip(MOVES, maps, strict=True):
        there = move.apply(codes)
        after = torch.from_numpy(item(there.movedim(1, -1).numpy())).movedim(-1, 1)
        result.append(after + noise * torch.randn(after.shape, generator=random, dtype=after.dtype))
    return result


def orbit_codes(channels: int, seed: int, count: int = 4) -> Tensor:
    return torch.randn(count, channels, 6, 7, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def fitted(maps: list[AffineMap], noise: float = 0.0, seed: int = 0) -> ChannelFit:
    moments = ChannelMoments(D4, MOVES, maps[0].dim)
    moments.add(moved(orbit_codes(maps[0].dim, seed), maps, noise))
    return moments.fit()


def worst_relation(group: FiniteGroup, maps: tuple[AffineMap, ...]) -> float:
    pairs = product(range(len(group)), repeat=2)
    return max((maps[i] @ maps[j]).distance(maps[group.table[i, j]]) for i, j in pairs)


@settings(max_examples=20, deadline=None)
@given(st.tuples(*[st.integers(0, 3)] * 5).filter(lambda times: sum(times) > 0), st.integers(0, 99))
def test_a_planted_representation_is_found(times: tuple[int, ...], seed: int) -> None:
    maps = planted(D4, times, np.random.default_rng(seed))
    fit = fitted(maps, seed=seed)
    assert fit.representation.multiplicities == times
    assert max(own.distance(true) for own, true in zip(fit.maps, maps, strict=True)) < 1e-6
    assert fit.agreement == pytest.approx(1, abs=1e-9)
    assert max(item.residual for item in fit.residuals) < 1e-9


@settings(max_examples=10, deadline=None)
@given(st.tuples(*[st.integers(0, 2)] * 5).filter(lambda times: sum(times) > 0), st.integers(0, 99))
def test_relations_hold_however_noisy_codes_are(times: tuple[int, ...], seed: int) -> None:
    fit = fitted(planted(D4, times, np.random.default_rng(seed)), noise=1.0, seed=seed)
    assert worst_relation(D4, fit.maps) < 1e-10
    assert fit.agreement < 1


def test_signed_permutations_are_found() -> None:
    flip, turn = np.diag([1.0, -1, 1, 1]), np.zeros((4, 4))
    turn[[0, 1, 2, 3], [1, 0, 3, 2]] = [1, -1, 1, 1]
    maps = [AffineMap.linear(np.eye(4))] * len(D4)
    for number, element in enumerate(D4.elements):
        steps = {"flip_lr": flip, "rotate_cw": turn}
        letters = [AffineMap.linear(steps[letter.symbol.name.rpartition(".")[2]]) for letter in element.letters]
        maps[number] = AffineMap.product(letters, 4)
    assert worst_relation(D4, tuple(maps)) == 0
    fit = fitted(maps)
    rounded = [np.round(item.matrix) for item in fit.maps]
    assert all(np.array_equal(own, true.matrix) for own, true in zip(rounded, maps, strict=True))
    assert max(abs(item.matrix - near).max() for item, near in zip(fit.maps, rounded, strict=True)) < 1e-6


def test_the_kernels_move_codes_and_obey_the_group_in_single_precision() -> None:
    maps = planted(D4, (2, 1, 0, 1, 2), np.random.default_rng(5))
    codes = orbit_codes(8, 5)
    views = moved(codes, maps)
    moments = ChannelMoments(D4, MOVES, 8)
    moments.add(views)
    fit = moments.fit()
    with torch.no_grad():
        for number, (move, view) in enumerate(zip(MOVES, views, strict=True)):
            assert fit.kernels[number].weight.shape == (8, 8, 1, 1)
            torch.testing.assert_close(fit.kernels[number](move.apply(codes.float())), view.float(), atol=2e-4, rtol=0)
        word = CATALOG.word("rotate_cw")
        turned = codes.float()
        for _ in range(4):
            turned = fit.kernel(word)(MOVES[D4.number(word)].apply(turned))
    torch.testing.assert_close(turned, codes.float(), atol=2e-4, rtol=0)


def test_moments_of_parts_are_merged() -> None:
    maps = planted(D4, (1, 1, 1, 1, 1), np.random.default_rng(2))
    views = moved(orbit_codes(6, 3, count=5), maps, noise=0.3)
    whole, first, second = (ChannelMoments(D4, MOVES, 6) for _ in range(3))
    whole.add(views)
    first.add([view[:2] for view in views])
    second.add([view[2:] for view in views])
    merged = first + second
    assert merged.count == whole.count == 5 * 42
    for own, true in zip(merged.fit().maps, whole.fit().maps, strict=True):
        assert own.distance(true) < 1e-8


def test_the_move_alone_is_measured_beside_it() -> None:
    maps = planted(D4, (0, 1, 0, 1, 1), np.random.default_rng(3))
    fit = fitted(maps, noise=0.1)
    assert max(fit.residuals[0].identity, fit.residuals[0].residual) < 1e-9
    assert all(item.residual < 0.2 < item.identity for item in fit.residuals[1:])


def test_a_group_with_an_inversion_of_colours() -> None:
    group = closure(CATALOG, "flip_lr", "invert")
    flip = GridMove.of(CATALOG, "flip_lr", STRIDE)
    moves = [flip if "flip_lr" in str(word) else None for word in group.elements]
    maps = planted(group, (1, 1, 0, 1), np.random.default_rng(4))
    codes = orbit_codes(3, 7)

    def acted(move: GridMove | None, item: AffineMap) -> Tensor:
        there = codes if move is None else move.apply(codes)
        return torch.from_numpy(item(there.movedim(1, -1).numpy())).movedim(-1, 1)

    moments = ChannelMoments(group, moves, 3)
    moments.add([acted(move, item) for move, item in zip(moves, maps, strict=True)])
    found: list[Array] = [item.matrix for item in moments.fit().maps]
    np.testing.assert_allclose(found, [item.matrix for item in maps], atol=1e-6)


def test_what_cannot_be_taken_in() -> None:
    moments = ChannelMoments(D4, MOVES, 3)
    codes = orbit_codes(3, 0)
    views = [move.apply(codes) for move in MOVES]
    with pytest.raises(MomentsError, match="8 elements of the group, not 7"):
        moments.add(views[1:])
    with pytest.raises(MomentsError, match="expected one shape with 3 channels"):
        moments.add([view[:, :2] for view in views])
    with pytest.raises(MomentsError, match="expected one shape"):
        moments.add([codes] * 8)  # nobody turned them
    broken = [view.clone() for view in views]
    broken[3][0, 0, 0, 0] = torch.nan
    with pytest.raises(MomentsError, match="NaN"):
        moments.add(broken)
    with pytest.raises(MomentsError, match="moves of the grid, not 2"):
        ChannelMoments(D4, MOVES[:2], 3)
    with pytest.raises(MomentsError, match="cannot be merged"):
        moments + ChannelMoments(D4, MOVES, 4)
    assert moments.count == 0


def test_codes_that_do_not_fill_the_channels() -> None:
    moments = ChannelMoments(D4, MOVES, 3)
    codes = orbit_codes(3, 0) * torch.tensor([1.0, 1.0, 0.0])[:, None, None]
    moments.add([move.apply(codes) for move in MOVES])
    with pytest.raises(RankError, match="span only 2 of 3"):
        moments.fit()
    assert worst_relation(D4, moments.fit(ridge=1e-6).maps) < 1e-6


def test_a_word_outside_the_group() -> None:
    with pytest.raises(MissingOperatorError):
        fitted(planted(D4, (1, 1, 0, 0, 0), np.random.default_rng(0))).kernel(CATALOG.word("invert"))
