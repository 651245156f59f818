"""Noise as strong as what operators miss: covariances of planted noise are found, others are not."""

import pytest
import torch
from torch import Tensor

from augalgebra.operators.grids.noise import ResidualMoments, ResidualNoise

MANY = torch.zeros(64, 3, 32, 32)


def planted() -> ResidualNoise:
    """Noise of three channels that leans to one corner, each weaker than the one before."""
    weight = torch.randn(3, 3, 3, 3, generator=torch.Generator().manual_seed(0))
    weight[..., 2, 2] *= 3
    return ResidualNoise(weight * torch.tensor([1.0, 0.5, 0.2])[:, None, None, None])


def covariance(values: Tensor, row: int, column: int) -> Tensor:
    """Between channels here and channels so many positions on, over all positions with a margin."""
    here = values[..., 2:-2, 2:-2]
    there = values[..., 2 + row : values.shape[-2] - 2 + row, 2 + column : values.shape[-1] - 2 + column]
    return torch.einsum("bchw,bdhw->cd", here, there) / here[:, 0].numel()


@pytest.mark.parametrize("lag", [(0, 0), (0, 1), (1, 0), (1, -1), (1, 1), (2, 0), (0, -2)])
def test_noise_has_the_covariances_of_what_was_gathered(lag: tuple[int, int]) -> None:
    given = planted().draw(MANY, torch.Generator().manual_seed(1))
    moments = ResidualMoments(3, side=5)  # the root of a spectrum is wider than a kernel that made it
    for part in given.split(16):
        moments.add(part)
    drawn = moments.solve().draw(MANY, torch.Generator().manual_seed(2))
    scale = covariance(given, 0, 0).diagonal().sqrt()
    told, found = (covariance(values, *lag) / scale[:, None] / scale[None] for values in (given, drawn))
    assert float((told - found).abs().max()) < 0.12
    mirrored = covariance(drawn, -lag[0], -lag[1]) / scale[:, None] / scale[None]
    if lag == (1, 1):  # the noise leans to a corner, so that the other direction would be seen
        assert float((told - mirrored).abs().max()) > 0.15


def test_variances_are_those_that_were_gathered_whatever_is_cut_off() -> None:
    given = planted().draw(MANY, torch.Generator().manual_seed(1))
    moments = ResidualMoments(3, side=1)
    moments.add(given)
    weight = moments.solve().weight[..., 0, 0]
    torch.testing.assert_close(weight @ weight.T, torch.cov(given.transpose(0, 1).flatten(1)), rtol=0.05, atol=0.05)


def test_positions_that_do_not_count_change_nothing() -> None:
    residuals = torch.randn(8, 2, 6, 6, generator=torch.Generator().manual_seed(0))
    inside = torch.ones(6, 6, dtype=torch.bool)
    inside[:, 0] = inside[:, 5] = False
    torn = torch.where(inside, residuals, 1e3)
    whole, masked = ResidualMoments(2, 3), ResidualMoments(2, 3)
    whole.add(residuals[..., 1:5])
    masked.add(torn, inside)
    torch.testing.assert_close(masked.solve().weight, whole.solve().weight)


def test_a_grid_smaller_than_the_kernel_is_taken() -> None:
    moments = ResidualMoments(2, side=5)
    moments.add(torch.randn(50, 2, 1, 2, generator=torch.Generator().manual_seed(0)))
    assert torch.isfinite(moments.solve().weight).all()


def test_equal_seeds_draw_equal_noise() -> None:
    one, same, other = (planted().draw(MANY[:2], torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
