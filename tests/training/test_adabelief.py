import math

import pytest
import torch

from augalgebra.training.adabelief import AdaBelief


def test_two_steps_by_hand() -> None:
    """With β = (0.5, 0.5), ε = 0 and gradients 2, then 4."""
    parameter = torch.nn.Parameter(torch.tensor([10.0]))
    optimizer = AdaBelief([parameter], lr=0.1, betas=(0.5, 0.5), eps=0.0)

    parameter.grad = torch.tensor([2.0])  # m = 1, s = 0.5 · (2 - 1)² = 0.5; both divided by 1 - 0.5
    optimizer.step()
    assert 10 - 0.1 * 2 / 1 == pytest.approx(parameter.item())

    parameter.grad = torch.tensor([4.0])  # m = 2.5, s = 0.25 + 0.5 · 1.5² = 1.375; both divided by 0.75
    optimizer.step()
    assert 9.8 - 0.1 * (2.5 / 0.75) / math.sqrt(1.375 / 0.75) == pytest.approx(parameter.item())


def test_eps_enters_both_the_mean_of_squares_and_its_root() -> None:
    parameter = torch.nn.Parameter(torch.tensor([0.0]))
    optimizer = AdaBelief([parameter], lr=1.0, betas=(0.0, 0.5), eps=0.5)
    parameter.grad = torch.tensor([3.0])  # no surprise at all: m = g, s = ε
    optimizer.step()
    assert -3 / (math.sqrt(0.5 / 0.5) + 0.5) == pytest.approx(parameter.item())


def test_the_scale_of_the_loss_does_not_matter() -> None:
    def train(factor: float) -> torch.Tensor:
        parameter = torch.nn.Parameter(torch.tensor([1.0, -2.0, 3.0]))
        optimizer = AdaBelief([parameter], lr=1e-2, eps=1e-16)
        for step in range(20):
            optimizer.zero_grad()
            (factor * (parameter - step).square().sum()).backward()
            optimizer.step()
        return parameter.detach()

    torch.testing.assert_close(train(1.0), train(64.0), rtol=1e-5, atol=1e-6)


def test_it_finds_a_minimum() -> None:
    parameter = torch.nn.Parameter(torch.tensor([3.0, -3.0]))
    optimizer = AdaBelief([parameter], lr=0.1)
    for _ in range(300):
        loss = optimizer.step(lambda: backward(parameter))
    assert loss < 1e-4


def backward(parameter: torch.nn.Parameter) -> float:
    parameter.grad = None
    loss = ((parameter - torch.tensor([1.0, 2.0])) ** 2 * torch.tensor([1.0, 5.0])).sum()
    loss.backward()
    return float(loss.detach())


def test_parameters_without_gradient_stay() -> None:
    still, moving = torch.nn.Parameter(torch.ones(1)), torch.nn.Parameter(torch.ones(1))
    moving.grad = torch.ones(1)
    AdaBelief([still, moving]).step()
    assert 1 == still.item()
    assert moving.item() < 1
