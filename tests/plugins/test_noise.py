"""Salt and pepper, against a reckoning in plain whole numbers and the statistics it should have."""

import numpy as np
import pytest
import torch

import augalgebra as aa

CATALOG = aa.load_catalog(aa.Settings())
GREY = torch.full((400, 1, 20, 30), 0.5)


def scrambled(word: int) -> int:
    for _ in range(2):
        word = ((word ^ (word >> 16)) * 0x45D9F3B) & 0xFFFFFFFF
    return word ^ (word >> 16)


def pixel(amount: float, seed: int, row: int, column: int) -> float:
    """What becomes of a grey pixel."""
    word = scrambled(scrambled(scrambled(scrambled(seed) ^ row)) ^ column)
    return float(word & 1) if (word >> 1) / 2**31 < amount else 0.5


@pytest.mark.parametrize(("amount", "seed"), [(0.2, 0), (0.2, 9_999_999), (0.7, 12345)])
def test_every_pixel_is_as_reckoned(amount: float, seed: int) -> None:
    noisy = CATALOG.apply(aa.word_of("sap_noise", amount, seed), GREY[:1])
    expected = [[pixel(amount, seed, row, column) for column in range(30)] for row in range(20)]
    assert torch.equal(noisy[0, 0], torch.tensor(expected))


def test_a_fifth_of_the_pixels_half_of_them_white() -> None:
    noisy = CATALOG.apply("sap_noise", GREY, seed=1)
    changed = noisy != 0.5
    # 240,000 pixels: five standard deviations are 0.004 and 0.011
    assert float(changed.double().mean()) == pytest.approx(0.2, abs=0.004)
    assert float(noisy[changed].double().mean()) == pytest.approx(0.5, abs=0.011)
    assert float(changed.double().mean(0).std()) == pytest.approx((0.16 / 400) ** 0.5, rel=0.15)


def test_neighbours_and_images_are_independent() -> None:
    signs = (CATALOG.apply("sap_noise(1)", GREY, seed=2) * 2 - 1).squeeze(1)
    for product in (signs[:, :, 1:] * signs[:, :, :-1], signs[:, 1:] * signs[:, :-1], signs[1:] * signs[:-1]):
        assert float(product.mean()) == pytest.approx(0, abs=5 / product.numel() ** 0.5)


def test_all_channels_of_a_pixel_change_together() -> None:
    noisy = CATALOG.apply("sap_noise(0.5, 4)", torch.rand(2, 3, 9, 9) * 0.5 + 0.25)
    replaced = (noisy == 0) | (noisy == 1)
    assert torch.equal(replaced.any(1), replaced.all(1))
    assert torch.equal(noisy[:, 0][replaced[:, 0]], noisy[:, 2][replaced[:, 2]])


def test_a_given_seed_means_the_same_on_every_image_and_size() -> None:
    noisy = CATALOG.apply("sap_noise(0.3, 8)", GREY[:2])
    assert torch.equal(noisy[0], noisy[1])
    assert torch.equal(CATALOG.apply("sap_noise(0.3, 8)", GREY[:2, :, :7, :11]), noisy[..., :7, :11])
    assert not torch.equal(CATALOG.apply("sap_noise(0.3, 9)", GREY[:2]), noisy)


def test_more_noise_adds_pixels_and_changes_none() -> None:
    little, much = (CATALOG.apply(f"sap_noise({amount}, 3)", GREY[:5]) for amount in (0.2, 0.6))
    assert torch.equal(much[little != 0.5], little[little != 0.5])


def test_corner_noise_stays_in_the_corner() -> None:
    noisy = CATALOG.apply("tl_sap_noise", GREY, seed=1)
    assert set(noisy[..., :7, :7].unique().tolist()) == {0.0, 1.0}
    outside = noisy.clone()
    outside[..., :7, :7] = 0.5
    assert torch.equal(outside, GREY)
    assert float(noisy[..., :7, :7].mean()) == pytest.approx(0.5, abs=0.02)


def test_double_precision_draws_the_same_noise() -> None:
    single, double = (
        CATALOG.apply("sap_noise", GREY[:9].to(dtype), seed=3) for dtype in (torch.float32, torch.float64)
    )
    assert torch.equal(single.double(), double)


def test_seeds_next_to_the_drawn_one_are_other_seeds() -> None:
    first, second = (CATALOG.apply(word, GREY[:3], seed=3) for word in ("sap_noise", "sap_noise(0.2, seed + 1)"))
    assert not torch.equal(first, second)
    seeds = CATALOG.resolve("sap_noise").draw(3, range(3))["noise.sap_noise.seed"]
    singly = [CATALOG.apply(aa.word_of("sap_noise", 0.2, int(seed) + 1), GREY[:1]) for seed in np.asarray(seeds)]
    assert torch.equal(second, torch.cat(singly))


def test_noise_is_idempotent_and_not_invertible() -> None:
    assert CATALOG.equal("sap_noise * sap_noise", "sap_noise").equal
    assert not CATALOG.equal("sap_noise(0.2, 1) * sap_noise(0.2, 2)", "sap_noise(0.2, 2)").equal
    assert CATALOG.inverse("tl_sap_noise").kind == "none"
