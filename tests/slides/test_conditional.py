"""Conditional latent spaces: what they are told, what they learn from, and what they cannot do."""

import pytest
import torch
from augalg_slides.baselines.conditional import ConditionalMoves, ConditionalObjective, Conditions, classes_of
from augalg_slides.baselines.cvae import CVAE
from latent_contract import assert_latent_space

from augalgebra import load_catalog
from augalgebra.data.dataset import Split
from augalgebra.errors import AugalgebraError, ImageError
from augalgebra.latent import Architecture
from augalgebra.seeds import generator_for
from augalgebra.training.loop import Step
from augalgebra.training.losses import divergence, sample
from augalgebra.training.stage1 import Movers
from augalgebra.training.views import Views

SHAPE = (1, 8, 8)
CATALOG = load_catalog()
VIEWS = Views.published(CATALOG, ["flip_lr", "flip_ud"])


def split(count: int = 12) -> Split:
    images = torch.randint(256, (count, *SHAPE), generator=torch.Generator().manual_seed(0)).byte()
    return Split(images, torch.arange(count) % 3)


def small(conditions: int) -> CVAE:
    return CVAE(Architecture(SHAPE, dim=4, width=4), conditions, seed=0)


def step(positions: torch.Tensor, number: int = 0) -> Step:
    return Step(positions, generator_for(0, "test", number))


class Spy:
    """Remembers what a latent space is shown and told."""

    def __init__(self, space):
        self.space, self.shown, self.encoded, self.drawn = space, None, None, None
        self.likelihood = space.likelihood

    def posterior(self, images, condition):
        self.shown, self.encoded = images, condition
        return self.space.posterior(images, condition)

    def logits(self, latents, condition):
        self.drawn = condition
        return self.space.logits(latents, condition)


def test_a_condition_counts_class_and_view_side_by_side():
    conditions = Conditions(labels=(2, 5), views=3, copies=2)
    told = conditions(torch.tensor([5, 2]), torch.tensor([0, 2]))

    assert conditions.size == 10
    assert told.tolist() == [[0, 1, 1, 0, 0] * 2, [1, 0, 0, 0, 1] * 2]
    summed = Conditions(views=3)(torch.tensor([0]), torch.tensor([[0.0, 1.0, 1.0]]))
    assert summed.tolist() == [[0, 1, 1]]
    with pytest.raises(AugalgebraError, match="knows the classes 2, 5 only"):
        conditions(torch.tensor([3]), torch.tensor([0]))


def test_one_class_is_no_condition():
    with pytest.raises(AugalgebraError, match="at least two classes"):
        classes_of(Split(torch.zeros(3, *SHAPE).byte(), torch.zeros(3, dtype=torch.long)))


def test_the_condition_reaches_encoder_and_decoder():
    space = small(3)
    images, codes, eye = torch.rand(2, *SHAPE), torch.randn(2, 4), torch.eye(3)

    assert not torch.allclose(space.encode(images, eye[[0]]), space.encode(images, eye[[1]]))
    assert not torch.allclose(space.decode(codes, eye[[0]]), space.decode(codes, eye[[1]]))
    torch.testing.assert_close(space.encode(images, eye[[0]]), space.encode(images, eye[[0, 0]]))
    assert space.decode(codes, eye[[2]]).shape == (2, *SHAPE)


def test_under_a_fixed_condition_it_is_a_latent_space():
    space, eye = small(3), torch.eye(3)
    known = space.given(eye[[0]], eye[[1]])
    images = torch.rand(2, *SHAPE)

    assert_latent_space(known, images)
    torch.testing.assert_close(known.encode(images), space.encode(images, eye[[0]]))
    torch.testing.assert_close(known.decode(torch.zeros(2, 4)), space.decode(torch.zeros(2, 4), eye[[1]]))
    assert known.fingerprint() == space.fingerprint()
    with pytest.raises(AugalgebraError, match="no head 'other'"):
        known.decode(torch.zeros(2, 4), "other")


def test_what_does_not_fit_is_refused():
    space = small(3)
    with pytest.raises(AugalgebraError, match="conditions of 3 numbers"):
        space.encode(torch.rand(2, *SHAPE), torch.zeros(1, 4))
    with pytest.raises(AugalgebraError, match="one for each of 2"):
        space.encode(torch.rand(2, *SHAPE), torch.zeros(3, 3))
    with pytest.raises(AugalgebraError, match="4 coordinates"):
        space.decode(torch.rand(2, 5), torch.zeros(1, 3))
    with pytest.raises(ImageError):
        space.encode(torch.rand(2, 1, 9, 9), torch.zeros(1, 3))
    with pytest.raises(AugalgebraError, match="at least one number"):
        small(0)


def test_the_loss_is_the_evidence_bound_under_the_condition():
    space, data, conditions = small(7), split(), Conditions(labels=(0, 1, 2), views=4)
    positions = torch.tensor([1, 13, 30, 40])  # originals, flip_lr, flip_ud, both
    measured = ConditionalObjective(space, VIEWS, data, conditions, kl_weight=2.0)(step(positions))

    images, ids = data.batch(positions % 12)
    shown = VIEWS.pick(images, ids, torch.tensor([0, 1, 2, 3]))
    told = conditions(data.labels[positions % 12], torch.tensor([0, 1, 2, 3]))
    mean, log_variance = space.posterior(shown, told)
    logits = space.logits(sample(mean, log_variance, generator_for(0, "test", 0)), told)
    torch.testing.assert_close(measured.terms["reconstruction"], space.likelihood.surprise(logits, shown))
    torch.testing.assert_close(measured.terms["divergence"], 2 * divergence(mean, log_variance))


def test_originals_in_shows_originals_only_and_never_tells_the_product():
    data, conditions = split(), Conditions(views=3)
    spy = Spy(small(3))
    objective = ConditionalObjective(spy, VIEWS, data, conditions, sources="original", targets=3)
    asked = torch.zeros(3)
    for number in range(6):
        positions = torch.arange(8) + 5 * number
        objective(step(positions, number))
        torch.testing.assert_close(spy.shown, data.batch(positions % 12)[0])
        assert spy.encoded.tolist() == [[1, 0, 0]] * 8
        asked += spy.drawn.sum(0)

    assert objective.samples == 48
    assert bool((asked > 0).all())


def test_any_view_in_shows_and_asks_for_different_views():
    spy = Spy(small(3))
    ConditionalObjective(spy, VIEWS, split(), Conditions(views=3), sources="any", targets=3)(step(torch.arange(40)))
    pairs = {tuple(pair) for pair in zip(spy.encoded.argmax(1).tolist(), spy.drawn.argmax(1).tolist(), strict=True)}

    assert len(pairs) == 9


def test_operators_move_codes_under_the_class():
    data, conditions = split(), Conditions(labels=(0, 1, 2))
    views = Views.closed(CATALOG, ["flip_lr", "flip_ud"])
    objective = ConditionalMoves(small(3), views, data, conditions, Movers(views.generators, 4, {}))
    told = []
    original = CVAE.given

    def given(self, condition, drawn=None):
        told.append(condition)
        return original(self, condition, drawn)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CVAE, "given", given)
        measured = objective(step(torch.tensor([0, 4, 8])))

    assert told[0].argmax(1).tolist() == [0, 1, 2] * 4
    assert (objective.samples, measured.images) == (12, 12)
    with pytest.raises(AugalgebraError, match="views are for the operators"):
        ConditionalMoves(small(4), views, data, Conditions(views=4), Movers(views.generators, 4, {}))


@pytest.mark.parametrize("moves", [False, True])
def test_the_weight_of_the_divergence_rises(moves):
    data, conditions = split(), Conditions(labels=(0, 1, 2))
    if moves:
        views = Views.closed(CATALOG, ["flip_lr", "flip_ud"])
        movers = Movers(views.generators, 4, {})
        objective = ConditionalMoves(small(3), views, data, conditions, movers, kl_warmup=0.5)
    else:
        objective = ConditionalObjective(small(3), VIEWS, data, conditions, kl_warmup=0.5)

    def weighed(fraction: float) -> float:
        measured = objective(Step(torch.arange(8), generator_for(0, "test", 0), fraction))
        return float(measured.terms["divergence"].detach().sum())

    assert weighed(0.0) == 0
    assert weighed(0.25) == pytest.approx(weighed(0.5) / 2)
    assert weighed(0.5) == weighed(1.0) > 0
