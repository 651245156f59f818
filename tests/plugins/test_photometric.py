"""Changes of pixel values, against Pillow, OpenCV, NumPy and the standard library's colorsys."""

import colorsys

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor

import augalgebra as aa
from augalgebra.checks.laws import check_law, check_laws

CATALOG = aa.load_catalog(aa.Settings())
VALUES = torch.tensor([0.0, 0.2, 0.5, 0.8, 1.0], dtype=torch.float64).reshape(1, 1, 1, 5)


def picture(seed: int, low: int = 0, high: int = 256, size: tuple[int, int] = (17, 23)) -> np.ndarray:
    return np.random.default_rng(seed).integers(low, high, size, dtype=np.uint8)


def floats(bytes_: np.ndarray) -> Tensor:
    return torch.from_numpy(bytes_ / 255).float()[None, None]


def to_bytes(images: Tensor) -> np.ndarray:
    return (images[0, 0] * 255).round().byte().numpy()


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("invert", [1, 0.8, 0.5, 0.2, 0]),
        ("gamma(2)", [0, 0.04, 0.25, 0.64, 1]),
        ("brightness(0.3)", [0.3, 0.5, 0.8, 1, 1]),
        ("brightness(-0.3)", [0, 0, 0.2, 0.5, 0.7]),
        ("contrast(2)", [0, 0, 0.5, 1, 1]),
        ("contrast(0.5)", [0.25, 0.35, 0.5, 0.65, 0.75]),
        ("contrast(0)", [0.5, 0.5, 0.5, 0.5, 0.5]),
        ("solarize", [0, 0.2, 0.5, 0.2, 0]),
        ("solarize(0.9)", [0, 0.2, 0.5, 0.8, 0]),
        ("threshold", [0, 0, 1, 1, 1]),
        ("threshold(0.81)", [0, 0, 0, 0, 1]),
        ("posterize(1)", [0, 0, 128 / 255, 128 / 255, 128 / 255]),
        ("equalize", [0, 0.25, 0.5, 0.75, 1]),
    ],
)
def test_five_values_by_hand(word: str, expected: list[float]) -> None:
    moved = CATALOG.apply(word, VALUES).flatten().tolist()
    assert moved == pytest.approx(expected, abs=2e-3 if word == "equalize" else 1e-12)


@given(st.integers(1, 8), st.integers(0, 99))
def test_pillow_posterizes_alike(bits: int, seed: int) -> None:
    bytes_ = picture(seed)
    expected = np.asarray(ImageOps.posterize(Image.fromarray(bytes_), bits))
    assert np.array_equal(to_bytes(CATALOG.apply(f"posterize({bits})", floats(bytes_))), expected)


@given(st.integers(0, 255), st.integers(0, 99))
def test_pillow_solarizes_alike(level: int, seed: int) -> None:
    bytes_ = picture(seed)
    expected = np.asarray(ImageOps.solarize(Image.fromarray(bytes_), level))
    moved = CATALOG.apply(aa.word_of("solarize", max(0.0, (level - 0.5) / 255)), floats(bytes_))
    assert np.array_equal(to_bytes(moved), expected)


@pytest.mark.parametrize(("low", "high"), [(0, 256), (90, 130), (0, 40)])
def test_opencv_equalizes_alike(low: int, high: int) -> None:
    bytes_ = picture(low, low, high)
    difference = to_bytes(CATALOG.apply("equalize", floats(bytes_))).astype(int) - cv2.equalizeHist(bytes_)
    # OpenCV scales in single precision, which may tip a value that lies half way
    assert np.abs(difference).max() <= 1
    assert (difference != 0).mean() < 0.01


def test_equalizing_treats_every_channel_of_every_image_by_itself() -> None:
    images = torch.stack([torch.cat([floats(picture(3 * i + j))[0] / (1 + j) for j in range(3)]) for i in range(2)])
    singly = [[CATALOG.apply("equalize", channel[None, None])[0, 0] for channel in image] for image in images]
    assert torch.equal(CATALOG.apply("equalize", images), torch.stack([torch.stack(image) for image in singly]))


@pytest.mark.parametrize("size", [(3, 4), (64, 65)])
def test_equalizing_leaves_a_constant_channel(size: tuple[int, int]) -> None:
    images = torch.cat([torch.full((1, 1, *size), 0.3), floats(picture(1, 0, 90, size))], 1)
    images = images.expand(-1, 2, -1, -1)[:, [0, 1, 0]]
    moved = CATALOG.apply("equalize", images)
    assert torch.equal(moved[:, ::2], images[:, ::2])
    assert not torch.equal(moved[:, 1], images[:, 1])


def test_large_pictures_are_equalized_as_in_double_precision() -> None:
    images = torch.stack([floats(picture(i, 10 * i, 100 + 50 * i, (80, 70)))[0] for i in range(3)])
    assert torch.equal(CATALOG.apply("equalize", images), CATALOG.apply("equalize", images.double()).float())
    apart = images.transpose(2, 3)  # in another order in memory
    assert torch.equal(CATALOG.apply("equalize", apart), CATALOG.apply("equalize", images).transpose(2, 3))


@pytest.mark.parametrize("exponent", [0.2, 0.5, 1.5, 2, 2.2, 4.9])
def test_powers_are_those_of_double_precision(exponent: float) -> None:
    images = torch.cat([torch.tensor([0, 1e-45, 1e-40, 1e-30, 1]), torch.linspace(0, 1, 4001)]).reshape(1, 1, 2, -1)
    moved = CATALOG.apply(aa.word_of("gamma", exponent), images)
    assert float((moved - images.double() ** exponent).abs().max()) < 1e-7


def coloured(seed: int, count: int = 2) -> Tensor:
    """Bytes in colour, as floats: with grey pixels, black ones, white ones, and ties between channels among them."""
    bytes_ = np.random.default_rng(seed).integers(0, 256, (count, 3, 9, 11), dtype=np.uint8)
    bytes_[:, :, 0] = bytes_[:, :1, 0]
    bytes_[:, :, 1, :4], bytes_[:, :, 1, 4:] = 0, 255
    bytes_[:, 0, 2], bytes_[:, 1, 3] = bytes_[:, 1, 2], bytes_[:, 2, 3]
    return torch.from_numpy(bytes_ / 255)


@given(st.floats(-1, 1).map(lambda turns: round(turns, 20)), st.integers(0, 99))
def test_hues_are_turned_as_colorsys_does(turns: float, seed: int) -> None:
    images = coloured(seed)
    pixels = images.permute(0, 2, 3, 1).reshape(-1, 3).tolist()
    hsv = [colorsys.rgb_to_hsv(*pixel) for pixel in pixels]
    expected = [colorsys.hsv_to_rgb((hue + turns) % 1, depth, value) for hue, depth, value in hsv]
    moved = CATALOG.apply(aa.word_of("hue", turns), images).permute(0, 2, 3, 1).reshape(-1, 3)
    assert moved.tolist() == [pytest.approx(pixel, abs=1e-12) for pixel in expected]


@given(st.sampled_from([0, 0.25, 0.5, 1, 1.5, 3]), st.integers(0, 99))
def test_pillow_saturates_alike(factor: float, seed: int) -> None:
    images = coloured(seed, 1)
    bytes_ = (images[0] * 255).round().byte().permute(1, 2, 0).numpy()
    expected = np.asarray(ImageEnhance.Color(Image.fromarray(bytes_)).enhance(factor)).astype(int)
    moved = CATALOG.apply(aa.word_of("saturation", factor), images)[0] * 255
    # Pillow rounds the grey to a byte first
    assert np.abs(moved.permute(1, 2, 0).numpy() - expected).max() <= 1 + 0.5 * abs(1 - factor)


def test_thirds_of_a_turn_of_hues_exchange_channels_and_half_a_turn_mirrors_them() -> None:
    images = coloured(5)
    assert torch.allclose(CATALOG.apply("hue(1/3)", images), images.roll(1, 1), atol=1e-12)
    ends = images.amax(1, keepdim=True) + images.amin(1, keepdim=True)
    assert torch.allclose(CATALOG.apply("hue(1/2)", images), ends - images, atol=1e-12)
    assert CATALOG.inverse("hue(0.3)").word == CATALOG.word("hue(-0.3)")
    assert CATALOG.equal("hue(0.7) * flip_lr * hue(0.6)", "flip_lr * hue(0.3)").equal


@pytest.mark.parametrize("word", ["hue(0.1)", "saturation(0.5)"])
def test_grey_pictures_have_no_colour_to_change(word: str) -> None:
    with pytest.raises(aa.AugalgebraError, match="grey pictures have no"):
        CATALOG.apply(word, floats(picture(0)))
    grey = floats(picture(0)).expand(-1, 3, -1, -1)
    assert torch.allclose(CATALOG.apply(word, grey), grey, atol=1e-6)


def test_laws_of_colours_are_checked_on_pictures_in_colour() -> None:
    report = check_laws(CATALOG, ["hue", "saturation"])
    assert {result.verdict for result in report.results} == {"holds"}
    # on grey ones, where nothing moves, anything would hold
    assert {result.verdict for result in check_laws(CATALOG, ["hue"], channels=1).results} == {"not checked"}
    wrong = check_law(CATALOG, aa.parse_law("hue(0.5) * saturation(0.5) = saturation(0.5) * hue(0.5)"), channels=3)
    assert wrong.verdict == "violated"


def test_what_clips_is_not_called_invertible() -> None:
    assert CATALOG.inverse("brightness(0.2)").kind == "none"
    assert CATALOG.inverse("contrast(2)").kind == "left"
    assert CATALOG.inverse("contrast(0.5)").kind == "right"
    assert CATALOG.inverse("saturation(2)").kind == "left"
    assert CATALOG.inverse("gamma(2)").word == CATALOG.word("gamma(0.5)")


@pytest.mark.parametrize(
    "word", ["gamma(0.1)", "brightness(2)", "hue(36)", "posterize(2.5)", "posterize(0)", "threshold(0)"]
)
def test_parameters_out_of_range_are_refused(word: str) -> None:
    with pytest.raises(aa.AugalgebraError, match="must"):
        CATALOG.word(word)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("hue", [0.2, -0.7]),
        ("saturation", [0.5, 3.0]),
        ("gamma", [0.5, 2.0]),
        ("brightness", [-0.2, 0.4]),
        ("contrast", [0.5, 3.0]),
        ("solarize", [0.2, 0.9]),
        ("posterize", [1, 5]),
    ],
)
def test_every_image_gets_its_own_parameter(name: str, values: list[float]) -> None:
    images = coloured(1).float()
    augmentation = CATALOG.resolve(name)
    singly = [augmentation.apply(images[i : i + 1], [value]) for i, value in enumerate(values)]
    # PyTorch takes roots and squares another way when there is one exponent for all
    assert float((augmentation.apply(images, [np.array(values)]) - torch.cat(singly)).abs().max()) < 1e-6
