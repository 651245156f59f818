"""Changes of pixel values, against Pillow, OpenCV and NumPy."""

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps
from torch import Tensor

import augalgebra as aa

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


def test_equalizing_leaves_a_constant_channel() -> None:
    constant = torch.full((1, 1, 3, 4), 0.3)
    assert torch.equal(CATALOG.apply("equalize", constant), constant)


def test_what_clips_is_not_called_invertible() -> None:
    assert CATALOG.inverse("brightness(0.2)").kind == "none"
    assert CATALOG.inverse("contrast(2)").kind == "left"
    assert CATALOG.inverse("contrast(0.5)").kind == "right"
    assert CATALOG.inverse("gamma(2)").word == CATALOG.word("gamma(0.5)")


@pytest.mark.parametrize("word", ["gamma(0.1)", "brightness(2)", "posterize(2.5)", "posterize(0)", "threshold(0)"])
def test_parameters_out_of_range_are_refused(word: str) -> None:
    with pytest.raises(aa.AugalgebraError, match="must"):
        CATALOG.word(word)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("gamma", [0.5, 2.0]),
        ("brightness", [-0.2, 0.4]),
        ("contrast", [0.5, 3.0]),
        ("solarize", [0.2, 0.9]),
        ("posterize", [1, 5]),
    ],
)
def test_every_image_gets_its_own_parameter(name: str, values: list[float]) -> None:
    images = torch.cat([floats(picture(1)), floats(picture(2))])
    augmentation = CATALOG.resolve(name)
    singly = [augmentation.apply(images[i : i + 1], [value]) for i, value in enumerate(values)]
    # PyTorch takes roots and squares another way when there is one exponent for all
    assert float((augmentation.apply(images, [np.array(values)]) - torch.cat(singly)).abs().max()) < 1e-6
