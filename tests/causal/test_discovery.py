"""The search for a graph: what is linear is found again, and nothing has a cycle."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from augalgebra.causal import CausalGraph, GraphPrior, area_under_curve, hamming_distance
from augalgebra.causal.discovery import GraphSearch, strongest
from augalgebra.causal.mechanisms import Mechanisms, acyclicity, make_mechanisms
from augalgebra.causal.training import surprise

CONCEPTS = ("a", "b", "c", "d")
TRUE = CausalGraph.parse("a>c, b>c, c>d", CONCEPTS)


def linear_samples(count: int = 1500) -> Tensor:
    """Of a linear model whose noise is as large for every concept, so that its graph can be told."""
    noise = torch.randn(count, 4, generator=torch.Generator().manual_seed(0))
    a, b = noise[:, 0], noise[:, 1]
    c = a - 1.5 * b + noise[:, 2]
    return torch.stack([a, b, c, 0.9 * c + noise[:, 3]], 1)


def search(samples: Tensor, prior: GraphPrior, seed: int) -> Mechanisms:
    mechanisms = make_mechanisms("linear", CONCEPTS, prior.mask, torch.Generator().manual_seed(seed))
    mechanisms.log_scale.requires_grad_(requires_grad=False)  # noise is as large for every concept
    state, optimizer = GraphSearch(), torch.optim.Adam(mechanisms.parameters(), lr=2e-2)
    for _ in range(600):
        loss = torch.stack([surprise(mechanisms, samples), *state.terms(mechanisms, 0.02)]).sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return mechanisms


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("prior", [GraphPrior.free(CONCEPTS), GraphPrior.roles(("a", "b"), ("c", "d"))])
def test_a_linear_model_is_found_again(prior: GraphPrior, seed: int) -> None:
    mechanisms = search(linear_samples(), prior, seed)
    start = make_mechanisms("linear", CONCEPTS, prior.mask, torch.Generator().manual_seed(seed))
    assert hamming_distance(CausalGraph.of_matrix(CONCEPTS, (start.weights().abs() > 0.3).numpy()), TRUE) >= 3
    weights = mechanisms.weights().detach()
    assert CausalGraph.of_matrix(CONCEPTS, strongest(weights, 0.3, CONCEPTS).numpy()) == TRUE
    assert area_under_curve(weights.numpy(), TRUE) == 1
    assert torch.allclose(weights[[0, 1, 2], [2, 2, 3]], torch.tensor([1.0, -1.5, 0.9]), atol=0.1)


@given(st.lists(st.floats(-2, 2), min_size=16, max_size=16))
def test_the_strong_edges_have_no_cycle(numbers: list[float]) -> None:
    strengths = torch.tensor(numbers).view(4, 4)
    edges = strongest(strengths, 0.1, CONCEPTS)
    CausalGraph.of_matrix(CONCEPTS, edges.numpy())
    assert not edges[strengths.abs() < 0.1].any()
    assert float(acyclicity(edges.float())) < 1e-4


def test_a_cycle_has_a_cost_and_an_order_has_none() -> None:
    assert float(acyclicity(torch.triu(torch.ones(4, 4), 1))) == pytest.approx(0, abs=1e-5)
    assert float(acyclicity(torch.eye(4)[[1, 0, 2, 3]])) > 1
