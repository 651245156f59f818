import torch
from torch.distributions import Normal, kl_divergence

from augalgebra.seeds import derived_seed, generator_for
from augalgebra.training.losses import divergence, sample, warmed_up


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_divergence_is_that_of_normal_distributions() -> None:
    mean, log_variance = normal(7, 3), normal(7, 3, seed=1)
    posterior = Normal(mean, (0.5 * log_variance).exp())
    expected = kl_divergence(posterior, Normal(torch.zeros(7, 3), torch.ones(7, 3))).sum(1).mean()
    torch.testing.assert_close(divergence(mean, log_variance), expected)
    assert 0 == float(divergence(torch.zeros(2, 3), torch.zeros(2, 3)))


def test_samples_have_the_mean_and_variance_of_the_posterior() -> None:
    mean, log_variance = torch.tensor([[1.0, -2.0]]).expand(40_000, 2), torch.tensor([[0.0, 1.0]]).expand(40_000, 2)
    drawn = sample(mean, log_variance, torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.mean(0), mean[0], atol=0.03, rtol=0)
    torch.testing.assert_close(drawn.var(0), log_variance[0].exp(), atol=0.08, rtol=0)


def test_samples_depend_on_the_generator_only() -> None:
    mean, log_variance = torch.zeros(3, 2), torch.zeros(3, 2)
    first, again, other = (sample(mean, log_variance, generator_for(4, "noise", counter)) for counter in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_every_use_has_a_seed_of_its_own() -> None:
    uses = [(seed, purpose, counter) for seed in range(3) for purpose in ("a", "b") for counter in range(20)]
    assert len(uses) == len({derived_seed(*use) for use in uses})
    assert all(0 <= derived_seed(*use) < 2**63 for use in uses)


def test_a_weight_warms_up_in_a_line_and_stays() -> None:
    assert [0.0, 1.0, 2.0, 4.0, 4.0] == [warmed_up(4.0, 0.4, fraction) for fraction in (0.0, 0.1, 0.2, 0.4, 1.0)]
    assert [4.0, 4.0] == [warmed_up(4.0, 0.0, fraction) for fraction in (0.0, 1.0)]
    assert 2.0 == warmed_up(4.0, 1.0, 0.5)
