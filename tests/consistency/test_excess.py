"""Excess, gap ratio and verdicts: cases small enough to be worked out by hand."""

import json
import math

import pytest
import torch

from augalgebra.consistency.excess import ROUNDING, TELLING, Gap, ratio_of_excesses, smallest_excess
from augalgebra.consistency.information import Information, Spread, divergence_of
from augalgebra.consistency.report import CompositionReport, WordScore
from augalgebra.latent.lavae import LAVAE, Architecture
from augalgebra.latent.likelihoods import LIKELIHOODS

DIFFERENT = Information(0.4, 0.3)


def gap(excess: float, floor: float, nothing: float, entropy: float = 100.0) -> Gap:
    return Gap(bce=entropy + excess, floor=entropy + floor, identity_bce=entropy + nothing, entropy=entropy)


def word(excess: float, floor: float, nothing: float, name: str = "flip_lr", *, trivial: bool = False) -> WordScore:
    numbers = vars(gap(excess, floor, nothing))
    return WordScore(name, "id", "augmentation", name, "id", 0.1, trivial, **numbers)


def report(*words: WordScore, information: Information = DIFFERENT) -> CompositionReport:
    return CompositionReport({}, {}, words, (), (), (), 10, "main", information)


def test_ratios_are_of_what_lies_beyond_the_entropy() -> None:
    # the figures of one word on MNIST: 1.093 of the whole loss is 1.26 of what the code itself loses
    score = Gap(bce=1.093 * 70.2, floor=70.2, identity_bce=177.0, entropy=45.5)

    assert score.floor_excess == pytest.approx(24.7)
    assert score.gap_ratio == pytest.approx((76.7286 - 45.5) / 24.7)
    assert round(score.gap_ratio, 2) == 1.26
    assert score.loss_ratio == pytest.approx(1.093)
    assert score.identity_ratio == pytest.approx(131.5 / 24.7)
    assert score.share == pytest.approx((177.0 - 76.7286) / (177.0 - 70.2))


def test_a_floor_that_is_rounding_gives_no_ratio() -> None:
    least = smallest_excess(100.0)
    assert 9e-5 < least < 1e-4

    assert math.isnan(ratio_of_excesses(5.0, least / 2, 100.0))
    assert ratio_of_excesses(5.0, least * 2, 100.0) == pytest.approx(2.5 / least)
    exact, wrong = gap(0.0, 0.0, 50.0), gap(5.0, 0.0, 50.0)
    for score in (exact, wrong):
        answer = score.to_dict()
        assert (answer["gap_ratio"], answer["identity_ratio"]) == (None, None)
        json.dumps(answer, allow_nan=False)
    # what is drawn perfectly meets any bar, and what is not meets none, ratio or not
    assert (exact.meets(1.0), wrong.meets(1000.0)) == (True, False)


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 64, 64)])
@pytest.mark.parametrize("power", [1, 8])  # grey, and nearly black
def test_the_smallest_excess_is_above_the_rounding_of_perfect_drawings(shape: tuple[int, ...], power: int) -> None:
    images = torch.rand(50, *shape, generator=torch.Generator().manual_seed(power)) ** power
    likelihood = LIKELIHOODS["bernoulli"]
    loss, entropy = likelihood.loss(images, images).double(), likelihood.entropy(images).double()
    off = (loss - entropy).abs() / entropy

    assert 0 < off.max() < ROUNDING
    exact = images.double()
    by_hand = -(exact * exact.log() + (1 - exact) * (1 - exact).log()).nan_to_num().flatten(1).sum(1)
    assert entropy.tolist() == pytest.approx(by_hand.tolist(), rel=ROUNDING)


def test_verdicts() -> None:
    assert word(10.5, 10.0, 60.0).verdict == "holds"
    assert word(11.5, 10.0, 60.0).verdict == "violated"
    assert word(10.0, 10.0, 10.9).verdict == "vacuous"  # perfect, and so is doing nothing
    assert word(90.0, 10.0, 10.9).verdict == "vacuous"
    assert word(10.0, 10.0, 60.0, trivial=True).verdict == "trivial"
    assert word(math.nan, 10.0, 60.0).verdict == "violated"  # a loss that is not a number is the worst there is
    assert word(0.0, 0.0, 0.0).verdict == "vacuous"
    assert word(10.0, 10.0, 10 * TELLING + 1e-9).verdict == "holds"


def test_only_what_counts_can_be_worst_and_meet_a_bar() -> None:
    silent = [word(9.0, 10.0, 10.5, "canny"), word(80.0, 10.0, 60.0, "flip_lr^2", trivial=True)]
    some = report(*silent, word(10.2, 10.0, 60.0), word(10.4, 10.0, 60.0, "flip_ud"))

    assert [score.word for score in some.worst_first] == ["flip_ud", "flip_lr", "canny", "flip_lr^2"]
    assert some.worst_gap_ratio == pytest.approx(1.04)
    assert some.counted == "2 of 4 words hold (within 1.1), 1 vacuous, 1 trivial"
    assert some.failing(1.05) == ""
    assert some.failing(1.03) == "flip_ud from id is worse"

    none = report(*silent)
    assert (none.worst, none.worst_gap_ratio) == (None, None)
    assert none.failing(100.0) == "no word counts: all are vacuous or trivial"
    assert none.to_dict()["worst_gap_ratio"] is None
    assert report().failing(100.0) == "nothing could be measured"


def test_a_space_that_draws_one_picture_fails_every_bar() -> None:
    one = report(word(10.0, 10.0, 60.0), information=Information(0.4, 0.001, 0.02))

    assert one.failing(100.0).startswith("the codes say nothing of the images")
    assert "--kl-weight" in one.information.warning
    assert one.to_dict()["information"] == {
        "nothing": True,
        "true_spread": 0.4,
        "drawn_spread": 0.001,
        "divergence": 0.02,
    }


@pytest.mark.parametrize(
    ("information", "nothing"),
    [
        (Information(0.4, 0.3), False),
        (Information(0.4, 0.3, 12.0), False),
        (Information(0.4, 0.039), True),
        (Information(0.4, 0.041), False),
        (Information(0.4, 0.3, 0.01), True),  # drawings differ by chance, the codes cannot tell of what
        (Information(0.4, math.nan), True),
        (Information(0.0, 0.0), False),  # one image, or images that are all the same
    ],
)
def test_when_codes_say_nothing(information: Information, nothing: bool) -> None:
    assert information.nothing is nothing
    assert bool(information.warning) is nothing


def test_spread_is_the_root_mean_square_about_the_mean_picture() -> None:
    images = torch.rand(23, 3, 5, 4, generator=torch.Generator().manual_seed(2)) + 0.3
    spread = Spread()
    for part in images.split(7):
        spread.add(part)

    assert spread.value == pytest.approx((images - images.mean(0)).square().mean().sqrt().item(), rel=1e-5)
    alike = Spread()
    alike.add(images[:1].expand(9, -1, -1, -1))
    assert alike.value == pytest.approx(0, abs=1e-6)


def test_divergence_is_that_of_normal_distributions() -> None:
    space, images = LAVAE(Architecture((1, 8, 8), 3, 4), seed=1), torch.rand(6, 1, 8, 8)
    with torch.no_grad():
        mean, log_variance = space.posterior(images)
        codes = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
        prior = torch.distributions.Normal(torch.zeros_like(mean), torch.ones_like(mean))
        expected = torch.distributions.kl_divergence(codes, prior).sum().item()
        assert divergence_of(space, images) == pytest.approx(expected, rel=1e-4)
    assert divergence_of(object(), images) is None
