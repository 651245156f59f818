"""Flows of codes: densities of known clouds are found, they integrate to one, and stopping keeps the best."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from augalgebra.errors import FitError
from augalgebra.latent.code_flow import CodeFlow, CodeFlowShape, learn_density

CENTRES = torch.tensor([[-2.0, 0.0], [2.0, 1.0]])
SPREADS = torch.tensor([[0.5, 1.0], [1.0, 0.25]])


def clouds(number: int, seed: int) -> tuple[Tensor, Tensor]:
    """Codes of two normals and the number of the one that each was drawn from."""
    generator = torch.Generator().manual_seed(seed)
    which = torch.randint(2, (number,), generator=generator)
    return CENTRES[which] + SPREADS[which] * torch.randn(number, 2, generator=generator), which


def told(which: Tensor) -> Tensor:
    return torch.nn.functional.one_hot(which, 2).float()


@pytest.fixture(scope="module")
def learned() -> CodeFlow:
    flow = CodeFlow(CodeFlowShape(2, 2, layers=2, width=24), seed=1)
    (codes, which), (held, held_which) = clouds(4000, 0), clouds(1000, 1)
    assert learn_density(flow, codes, told(which), held, told(held_which), steps=240) > 0
    return flow


def test_the_density_of_known_normals_is_found(learned: CodeFlow) -> None:
    codes, which = clouds(4000, 2)
    truth = torch.distributions.Normal(CENTRES[which], SPREADS[which]).log_prob(codes).sum(-1)
    found = learned.log_density(codes, told(which))
    assert float((truth - found).mean()) == pytest.approx(0, abs=0.06)
    swapped = learned.log_density(codes, told(1 - which))
    assert float((truth - swapped).mean()) > 3


def test_it_integrates_to_one(learned: CodeFlow) -> None:
    axis = torch.linspace(-8, 8, 161)
    grid = torch.cartesian_prod(axis, axis)
    area = float(axis[1] - axis[0]) ** 2
    for number in (0, 1):
        density = learned.log_density(grid, told(torch.full((len(grid),), number))).exp()
        assert float(density.sum()) * area == pytest.approx(1, abs=0.01)


def test_codes_come_back_from_the_normal_that_they_become(learned: CodeFlow) -> None:
    codes, which = clouds(2000, 3)
    normal, _ = learned(codes, told(which))
    torch.testing.assert_close(normal.mean(0), torch.zeros(2), atol=0.1, rtol=0)
    torch.testing.assert_close(normal.std(0), torch.ones(2), atol=0.1, rtol=0)
    torch.testing.assert_close(learned.inverse(normal, told(which)), codes, atol=1e-4, rtol=0)


def test_bent_clouds_are_likelier_than_under_a_normal() -> None:
    generator = torch.Generator().manual_seed(0)
    turn = math.pi * torch.rand(3000, generator=generator)
    upper = torch.rand(3000, generator=generator) < 0.5
    x, y = torch.where(upper, turn.cos(), 1 - turn.cos()), torch.where(upper, turn.sin(), 0.5 - turn.sin())
    moons = torch.stack([x, y], 1) + 0.05 * torch.randn(3000, 2, generator=generator)
    flow = CodeFlow(CodeFlowShape(2, layers=2, width=24))
    learn_density(flow, moons[:2400], None, moons[2400:2700], None, steps=150)
    tested = moons[2700:]
    normal = torch.distributions.MultivariateNormal(moons[:2400].mean(0), moons[:2400].T.cov())
    assert float((flow.log_density(tested) - normal.log_prob(tested)).mean()) > 0.5


def test_it_stops_where_codes_that_it_does_not_see_are_likeliest() -> None:
    codes, other = torch.randn(20, 3), torch.randn(200, 3, generator=torch.Generator().manual_seed(5))
    flow, normal = (CodeFlow(CodeFlowShape(3, layers=2, width=24)) for _ in range(2))
    best = learn_density(flow, codes, None, other, None, steps=160)
    normal.start(codes)
    assert best < 160  # twenty codes are soon known by heart
    assert not bool((flow.log_density(other) - normal.log_density(other)).mean() < 0)


def test_codes_of_every_view_say_when_to_stop() -> None:
    # held codes lie view by view, and those of the first, like what it learns, are as many as are looked at
    generator = torch.Generator().manual_seed(6)
    noise = 0.1 * torch.randn(2, 8192, 1, generator=generator)
    apart = torch.where(torch.arange(8192)[:, None] % 2 == 0, -1.0, 1.0) + noise[0]
    held = torch.cat([apart, noise[1]])  # it learns that nothing lies where codes of the second view do
    flow, normal = (CodeFlow(CodeFlowShape(1, layers=1, width=8)) for _ in range(2))
    learn_density(flow, apart[:1000], None, held, None, steps=200)
    normal.start(apart[:1000])
    gained = (flow.log_density(held) - normal.log_density(held)).mean()
    assert not bool(gained < -0.02)


@pytest.mark.parametrize("number", [1, 2])
def test_a_start_from_one_code_is_a_narrow_normal_around_it(number: int) -> None:
    code = torch.tensor([[1.0, -2.0, 3.0]])
    flow = CodeFlow(CodeFlowShape(3))
    flow.start(code.expand(number, 3))
    density = flow.log_density(torch.cat([code, code + 1])).detach()
    assert float(density[0]) == pytest.approx(3 * (math.log(1e3) - 0.5 * math.log(2 * math.pi)), abs=1e-3)
    assert float(density[1]) < -1e5


@pytest.mark.parametrize(("dim", "condition"), [(1, 0), (1, 3), (4, 0)])
def test_it_is_kept_bit_for_bit_and_equal_seeds_make_equal_flows(dim: int, condition: int) -> None:
    shape = CodeFlowShape(dim, condition, layers=2, width=8)
    codes = torch.randn(50, dim)
    conditions = torch.rand(50, condition) if condition else None
    flow, same = CodeFlow(shape, seed=3), CodeFlow(shape, seed=3)
    for each in (flow, same):
        learn_density(each, codes, conditions, codes, conditions, steps=3)
    again = CodeFlow.from_arrays(shape, flow.to_arrays())
    for each in (same, again):
        assert torch.equal(each.log_density(codes, conditions), flow.log_density(codes, conditions))
    arrays = flow.to_arrays()
    with pytest.raises(ValueError, match="an array centre"):
        CodeFlow.from_arrays(shape, arrays | {"centre": np.full(dim, np.nan, np.float32)})
    with pytest.raises(ValueError, match="arrays"):
        CodeFlow.from_arrays(shape, {"centre": arrays["centre"]})


def test_impossible_shapes_are_refused() -> None:
    for shape in ({"dim": 0}, {"dim": 2, "layers": 0}, {"dim": 2, "bins": 1}, {"dim": 2, "condition": -1}):
        with pytest.raises(FitError, match="a flow of codes has at least one coordinate"):
            CodeFlowShape(**shape)
