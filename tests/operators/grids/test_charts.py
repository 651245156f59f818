"""Curved coordinates on grids are undone, whatever their networks have learned."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from augalgebra.errors import FitError
from augalgebra.operators.grids.charts import GridChart
from augalgebra.operators.grids.maps import KernelMap
from augalgebra.operators.grids.moves import AxisMove, GridMove
from augalgebra.operators.grids.operator import GridMap


def random_chart(channels: int, depth: int = 4, seed: int = 0) -> GridChart:
    generator = torch.Generator().manual_seed(seed)
    chart = GridChart(torch.randn(channels, generator=generator), torch.full((channels,), 1.5), 8, depth)
    for weight in chart.parameters():
        weight.data += 0.2 * torch.randn(weight.shape, generator=generator)
    return chart.requires_grad_(requires_grad=False)


@settings(max_examples=25)
@given(st.integers(2, 7), st.integers(0, 5), st.integers(1, 6), st.integers(1, 6), st.integers(0, 99))
def test_there_and_back_is_where_one_was(channels: int, depth: int, height: int, width: int, seed: int) -> None:
    chart = random_chart(channels, depth, seed)
    codes = 2 * torch.randn(3, channels, height, width, generator=torch.Generator().manual_seed(seed))
    there = chart(codes)
    assert depth == 0 or not torch.allclose(there, codes, atol=0.01)
    torch.testing.assert_close(chart.inverse(there), codes, atol=2e-4, rtol=1e-4)
    torch.testing.assert_close(chart(chart.inverse(codes)), codes, atol=2e-4, rtol=1e-4)


def test_at_first_it_is_the_identity() -> None:
    codes = torch.randn(2, 4, 3, 5)
    torch.testing.assert_close(GridChart(torch.zeros(4), torch.ones(4), 8, 4)(codes), codes)


def test_what_is_done_in_the_same_coordinates_multiplies_exactly() -> None:
    """Swapping halves and a flip, each an involution, and both commute: so do their conjugates."""
    chart = random_chart(4)
    swap = KernelMap(torch.eye(4)[[2, 3, 0, 1]][..., None, None])
    swapped, flipped = GridMap(None, swap, chart=chart), GridMap(GridMove(columns=AxisMove(reverse=True)), chart=chart)
    codes = torch.randn(2, 4, 5, 6, generator=torch.Generator().manual_seed(1))
    for one in (swapped, flipped):
        assert float((one(codes) - codes).abs().max()) > 0.1
        torch.testing.assert_close(one(one(codes)), codes, atol=2e-4, rtol=1e-4)
    torch.testing.assert_close(swapped(flipped(codes)), flipped(swapped(codes)), atol=2e-4, rtol=1e-4)


def test_one_channel_is_too_few() -> None:
    with pytest.raises(FitError, match="a flow needs codes of two channels or more; fit 'kernel'"):
        GridChart(torch.zeros(1), torch.ones(1), 4, 2)
