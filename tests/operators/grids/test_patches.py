"""Kernels from moments of patches: planted kernels come back, parts add up, and the residual is what it says."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from torch.nn import functional

from augalgebra.errors import FitError, MomentsError
from augalgebra.operators.grids.maps import KernelMap
from augalgebra.operators.grids.patches import RIDGE, PatchMoments


def _codes(count: int = 6, channels: int = 3, side: int = 9, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, channels, side, side + 2, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("side", [1, 3, 5])
def test_a_planted_kernel_comes_back(side: int) -> None:
    generator = torch.Generator().manual_seed(side)
    # in float64, as products in float32 leave 1e-7 of what is squared
    codes, planted = _codes().double(), torch.randn(3, 3, side, side, generator=generator).double() / side
    moments = PatchMoments(3, side)
    moments.add(codes, functional.conv2d(codes, planted, torch.arange(3.0).double(), padding=side // 2))
    found = moments.solve(ridge=1e-12)
    assert torch.allclose(found.weight.double(), planted, atol=1e-4)
    assert torch.allclose(found.bias, torch.arange(3.0), atol=1e-4)
    assert moments.residual(found) < 1e-8


def test_the_ridge_is_that_of_an_independent_regression() -> None:
    codes, wanted = _codes(seed=1), _codes(seed=2)
    moments = PatchMoments(3, 3)
    moments.add(codes, wanted)
    patches = functional.unfold(codes, 3, padding=1).transpose(1, 2).flatten(0, 1).double().numpy()
    values = wanted.flatten(2).transpose(1, 2).flatten(0, 1).double().numpy()
    alpha = RIDGE * np.square(patches).sum() / patches.shape[1]
    theirs = Ridge(alpha=alpha).fit(patches, values)
    ours = moments.solve()
    assert np.allclose(ours.weight.detach().numpy().reshape(3, -1), theirs.coef_, atol=1e-5)
    error = np.square(theirs.predict(patches) - values).sum() / np.square(values - values.mean(0)).sum()
    assert moments.residual(ours) == pytest.approx(error, rel=1e-4)


@settings(deadline=None, max_examples=20)
@given(st.permutations(range(5)), st.integers(1, 4))
def test_moments_merge_in_any_order_and_grouping(order: list[int], cut: int) -> None:
    codes, wanted = _codes(5, seed=3), _codes(5, seed=4)
    whole = PatchMoments(3, 3)
    whole.add(codes, wanted)
    parts = []
    for rows in (order[:cut], order[cut:]):
        part = PatchMoments(3, 3)
        part.add(codes[rows], wanted[rows])
        parts.append(part)
    merged = parts[0] + parts[1]
    assert merged.count == whole.count
    assert torch.allclose(merged.solve().weight, whole.solve().weight, atol=1e-5)


def test_smaller_patches_lie_in_the_middle_of_larger_ones() -> None:
    codes, wanted = _codes(seed=5), _codes(seed=6)
    large, small = PatchMoments(3, 5), PatchMoments(3, 3)
    large.add(codes, wanted)
    small.add(codes, wanted)
    assert torch.allclose(large.restricted(3).solve().weight, small.solve().weight, atol=1e-5)
    assert large.restricted(1).residual(KernelMap(torch.eye(3)[..., None, None])) == pytest.approx(
        float((codes - wanted).square().sum() / (wanted - wanted.mean((0, 2, 3))[:, None, None]).square().sum()),
        rel=1e-4,
    )


def test_bad_moments_are_refused_and_change_nothing() -> None:
    codes, moments = _codes(), PatchMoments(3, 3)
    broken = codes.clone()
    broken[0, 0, 0, 0] = torch.nan
    with pytest.raises(MomentsError, match="NaN or infinite"):
        moments.add(codes, broken)
    with pytest.raises(MomentsError, match="3 channels"):
        moments.add(codes[:, :2], codes[:, :2])
    with pytest.raises(FitError, match="no codes"):
        moments.solve()
    with pytest.raises(FitError, match="odd"):
        PatchMoments(3, 4)
    with pytest.raises(MomentsError, match="different sizes"):
        moments + PatchMoments(3, 5)
