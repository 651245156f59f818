"""Likelihoods against torch.distributions, which knows nothing of them."""

import math

import pytest
import torch
from torch.distributions import Bernoulli, Normal

from augalgebra.errors import AugalgebraError, RunError
from augalgebra.latent import LAVAE, LIKELIHOODS, Architecture, decibels, likelihood_of
from augalgebra.latent.likelihoods import SMALLEST_VARIANCE, find_likelihood, squared_error
from augalgebra.latent.refine import refine
from augalgebra.latent.store import read_tensors, write_tensors

BERNOULLI, GAUSSIAN = LIKELIHOODS["bernoulli"], LIKELIHOODS["gaussian"]
BOTH = pytest.mark.parametrize("likelihood", LIKELIHOODS.values(), ids=list(LIKELIHOODS))


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def pixels(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_bernoulli_is_the_negative_log_likelihood_of_black_and_white_pixels() -> None:
    logits, targets = 3 * normal(4, 1, 5, 6), normal(4, 1, 5, 6, seed=1).gt(0).float()
    expected = -Bernoulli(logits=logits).log_prob(targets).flatten(1).sum(1)
    torch.testing.assert_close(BERNOULLI.loss_of_logits(logits, targets), expected)
    torch.testing.assert_close(BERNOULLI.loss(logits.sigmoid(), targets), expected, rtol=1e-4, atol=0)
    torch.testing.assert_close(BERNOULLI.surprise(logits, targets), expected.mean())


def test_bernoulli_entropy_is_that_of_the_distribution() -> None:
    images = pixels(4, 3, 5, 6)
    torch.testing.assert_close(BERNOULLI.entropy(images), Bernoulli(images).entropy().flatten(1).sum(1))
    assert [0.0] * 4 == BERNOULLI.entropy(images.round()).tolist()


def test_bernoulli_stays_finite_for_certain_and_wrong_pixels() -> None:
    assert 1e4 == float(BERNOULLI.surprise(torch.full((1, 1, 1, 1), -1e4), torch.ones(1, 1, 1, 1)))


def test_gaussian_is_the_negative_log_likelihood_at_the_best_variance() -> None:
    logits, targets = normal(4, 3, 5, 6), pixels(4, 3, 5, 6, seed=1)
    surprise = float(GAUSSIAN.surprise(logits, targets))

    def at(scale: float) -> float:
        return -float(Normal(logits.sigmoid(), scale).log_prob(targets).flatten(1).sum(1).mean())

    best = math.sqrt(float(GAUSSIAN.loss(logits.sigmoid(), targets).mean()))
    assert surprise == pytest.approx(at(best), rel=1e-5)
    assert surprise < min(at(0.9 * best), at(1.1 * best))


def test_gaussian_has_the_gradient_of_a_normal_whose_variance_is_known() -> None:
    logits, targets = normal(4, 3, 5, 6).requires_grad_(), pixels(4, 3, 5, 6, seed=1)
    (slope,) = torch.autograd.grad(GAUSSIAN.surprise(logits, targets), logits)
    scale = (logits.sigmoid() - targets).square().mean().sqrt().detach()
    known = -Normal(logits.sigmoid(), scale).log_prob(targets).flatten(1).sum(1).mean()
    torch.testing.assert_close(slope, torch.autograd.grad(known, logits)[0])


@BOTH
def test_surprise_of_parts_is_that_of_the_whole_if_its_mean_is_pooled(likelihood) -> None:
    """As several processes make it: values of the whole, and gradients that are those of the whole on average."""
    logits, targets = normal(4, 3, 5, 6).requires_grad_(), pixels(4, 3, 5, 6, seed=1)
    whole = likelihood.surprise(logits, targets)
    error = likelihood.loss_of_logits(logits, targets).mean().detach()
    parts = [
        len(rows) / 4 * likelihood.surprise(logits[rows], targets[rows], lambda mean: mean + (error - mean.detach()))
        for rows in ([0], [1, 2, 3])
    ]
    torch.testing.assert_close(sum(parts), whole)
    slopes = [torch.autograd.grad(loss, logits)[0] for loss in (sum(parts), whole)]
    torch.testing.assert_close(*slopes)


def test_a_perfect_drawing_leaves_the_gaussian_finite_and_still() -> None:
    targets = pixels(2, 3, 4, 4)
    logits = targets.logit().requires_grad_()
    surprise = GAUSSIAN.surprise(logits, targets)
    (slope,) = torch.autograd.grad(surprise, logits)
    assert float(surprise.detach()) == pytest.approx(24 * math.log(2 * math.pi * SMALLEST_VARIANCE), rel=1e-4)
    assert float(slope.abs().max()) < 1e-2


@BOTH
def test_no_drawing_costs_less_than_the_entropy_and_the_image_itself_costs_just_that(likelihood) -> None:
    images, drawn = pixels(6, 3, 5, 6), pixels(6, 3, 5, 6, seed=1)
    torch.testing.assert_close(likelihood.loss(images, images), likelihood.entropy(images))
    assert bool((likelihood.loss(drawn, images) > likelihood.entropy(images)).all())
    torch.testing.assert_close(likelihood.loss_of_logits(drawn.logit(), images), likelihood.loss(drawn, images))


@BOTH
def test_slope_and_curvature_are_the_derivatives_of_the_loss_by_the_logits(likelihood) -> None:
    """At the image itself the Fisher information is the second derivative; one number for all turns them into it."""
    logits, images = normal(3, 2, 4, 4).double().requires_grad_(), pixels(3, 2, 4, 4, seed=1).double()
    (gradient,) = torch.autograd.grad(likelihood.loss_of_logits(logits, images).sum(), logits)
    factor = -gradient / likelihood.slope(logits.sigmoid(), images)
    torch.testing.assert_close(factor, factor.mean().expand_as(factor).detach())

    there = images.logit().requires_grad_()
    (gradient,) = torch.autograd.grad(likelihood.loss_of_logits(there, images).sum(), there, create_graph=True)
    (second,) = torch.autograd.grad(gradient.sum(), there)  # the loss has no mixed derivatives of two pixels
    torch.testing.assert_close(second, factor.mean() * likelihood.curvature(images))


def test_decibels_are_ten_for_each_power_of_ten() -> None:
    errors = squared_error(torch.full((2, 3, 4, 5), 0.6), torch.full((2, 3, 4, 5), 0.5))
    assert errors.tolist() == pytest.approx([0.01, 0.01])
    assert decibels(float(errors.mean())) == pytest.approx(20, rel=1e-6)
    assert (0.0, math.inf) == (decibels(1.0), decibels(0.0))


def test_a_latent_space_keeps_its_likelihood_in_its_file(tmp_path) -> None:
    space = LAVAE(Architecture((3, 8, 8), dim=2, width=3, likelihood="gaussian"), seed=1)
    space.save(tmp_path / "model.safetensors")
    assert likelihood_of(LAVAE.load(tmp_path / "model.safetensors")) is GAUSSIAN
    assert likelihood_of(LAVAE()) is BERNOULLI
    assert likelihood_of(object()) is BERNOULLI


def test_a_model_written_before_files_named_their_likelihood_is_bernoulli(tmp_path) -> None:
    path = tmp_path / "model.safetensors"
    LAVAE(Architecture((1, 8, 8), dim=2, width=3), seed=1).save(path)
    tensors, header = read_tensors(path, "augalgebra.lavae")
    write_tensors(path, tensors, {key: value for key, value in header.data.items() if key != "likelihood"})
    assert likelihood_of(LAVAE.load(path)) is BERNOULLI


def test_the_likelihood_changes_no_weight() -> None:
    spaces = [LAVAE(Architecture((3, 8, 8), 2, 3, name), seed=1) for name in LIKELIHOODS]
    for one, other in zip(*(space.state_dict().values() for space in spaces), strict=True):
        assert torch.equal(one, other)


def test_what_is_no_likelihood_is_refused_with_the_nearest(tmp_path) -> None:
    with pytest.raises(AugalgebraError, match=r"no likelihood 'gausian'; .* Did you mean gaussian\?"):
        Architecture(likelihood="gausian")
    with pytest.raises(AugalgebraError, match="there are bernoulli, gaussian"):
        find_likelihood("")
    path = tmp_path / "model.safetensors"
    LAVAE(Architecture((1, 8, 8), dim=2, width=3), seed=1).save(path)
    tensors, header = read_tensors(path, "augalgebra.lavae")
    write_tensors(path, tensors, {**header.data, "likelihood": ["gaussian"]})
    with pytest.raises(RunError, match="likelihood must be a text"):
        LAVAE.load(path)


def test_refining_recovers_the_code_of_what_a_gaussian_decoder_drew() -> None:
    space = LAVAE(Architecture((3, 12, 10), dim=4, width=8, likelihood="gaussian"), seed=3)
    with torch.no_grad():
        for weights in space.decoders.parameters():
            weights *= 2.0  # so that pictures differ
    true = normal(5, 4)
    images = space.decode(true).detach()
    start = true + 0.3 * normal(5, 4, seed=1)
    found = refine(space, images, start, corrections=0, steps=15, tolerance=1e-10)
    torch.testing.assert_close(found, true, atol=0.05, rtol=0.05)
    assert float(GAUSSIAN.loss(space.decode(found).detach(), images).max()) < 1e-8
