"""Filters, against SciPy, OpenCV and Pillow."""

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from scipy import ndimage
from torch import Tensor

import augalgebra as aa
from augalgebra.checks.probe_images import digit_images

CATALOG = aa.load_catalog(aa.Settings())


def noise(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=dtype)


@pytest.mark.parametrize("sigma", [0.1, 0.8, 2])
def test_opencv_blurs_alike(sigma: float) -> None:
    image = noise(1, 1, 12, 9)
    expected = cv2.GaussianBlur(image[0, 0].numpy(), (7, 7), sigma, borderType=cv2.BORDER_REFLECT_101)
    assert np.abs(CATALOG.apply(aa.word_of("gaussian_blur", sigma), image)[0, 0].numpy() - expected).max() < 1e-12


@pytest.mark.parametrize("size", [(3, 2), (2, 9), (1, 6), (1, 1)])
def test_images_smaller_than_the_kernel_are_mirrored_again_and_again(size: tuple[int, int]) -> None:
    image = noise(1, 1, *size)
    weights = np.exp(-0.5 * (np.arange(-3, 4) / 1.3) ** 2)
    weights /= weights.sum()
    expected = image[0, 0].numpy()
    for axis in (0, 1):
        expected = ndimage.correlate1d(expected, weights, axis, mode="mirror")
    assert np.abs(CATALOG.apply("gaussian_blur(1.3)", image)[0, 0].numpy() - expected).max() < 1e-12


def test_large_pictures_are_blurred_as_small_ones() -> None:
    images = noise(2, 3, 70, 64, dtype=torch.float32)
    sigmas = np.array([0.7, 1.9])
    found = CATALOG.resolve("gaussian_blur").apply(images, [sigmas]).numpy()
    for image, sigma, blurred in zip(images.double().numpy(), sigmas, found, strict=True):
        for axis in (1, 2):
            image = ndimage.gaussian_filter1d(image, sigma, axis, mode="mirror", radius=3)
        assert np.abs(blurred - image).max() < 1e-6


def test_gradients_go_through_the_blur_of_large_pictures() -> None:
    images = noise(1, 1, 64, 64).requires_grad_()
    CATALOG.resolve("gaussian_blur").function(images, 1.0)[0, 0, 32, 32].backward()
    assert images.grad is not None
    assert float(images.grad.sum()) == pytest.approx(1)


@pytest.mark.parametrize("size", [(8, 10), (64, 70)])
def test_every_image_is_blurred_by_its_own_sigma(size: tuple[int, int]) -> None:
    images = noise(3, 3, *size)
    sigmas = np.array([0.3, 1.0, 2.0])
    blur = CATALOG.resolve("gaussian_blur")
    singly = [blur.apply(images[i : i + 1], [float(sigma)]) for i, sigma in enumerate(sigmas)]
    assert torch.equal(blur.apply(images, [sigmas]), torch.cat(singly))


def test_edges_are_scipys_laplacian() -> None:
    image = noise(1, 1, 7, 11)
    expected = np.clip(np.abs(ndimage.laplace(image[0, 0].numpy(), mode="nearest")), 0, 1)
    assert np.abs(CATALOG.apply("edge_detect", image)[0, 0].numpy() - expected).max() < 1e-12


def test_edges_of_a_step_by_hand() -> None:
    step = torch.tensor([[0.0, 0, 0.5, 0.5]]).expand(1, 1, 3, 4)
    expected = torch.tensor([[0.0, 0.5, 0.5, 0]]).expand(1, 1, 3, 4)
    assert torch.equal(CATALOG.apply("edge_detect", step), expected)


@pytest.mark.parametrize(("low", "high"), [(100, 200), (30, 80)])
def test_canny_is_opencvs_in_black_on_white(low: int, high: int) -> None:
    images = digit_images(1, 28, 28)
    edges = CATALOG.apply(f"canny({low}, {high})", images)
    for image, found in zip(images, edges, strict=True):
        expected = 255 - cv2.Canny((image[0] * 255).round().byte().numpy(), low, high)
        assert np.array_equal(found[0].numpy() * 255, expected)
    assert float(edges.mean()) > 0.5
    assert float(edges.min()) == 0


def test_canny_draws_the_edges_of_a_colour_image_in_all_channels() -> None:
    edges = CATALOG.apply("canny", digit_images(3, 28, 28))
    assert torch.equal(edges[:, :1].expand(-1, 3, -1, -1), edges)
    assert float(edges.min()) == 0


@pytest.mark.parametrize("size", [(28, 28), (40, 19), (8, 8), (5, 30)])
def test_pillow_shrinks_alike(size: tuple[int, int]) -> None:
    image = noise(1, 1, *size, dtype=torch.float32)
    corner = min(8, size[0]), min(8, size[1])
    small = Image.fromarray(image[0, 0].numpy()).resize(corner[::-1], Image.Resampling.BILINEAR)
    expected = image[0, 0].numpy().copy()
    expected[: corner[0], : corner[1]] = np.asarray(small)
    assert np.abs(CATALOG.apply("mini_image", image)[0, 0].numpy() - expected).max() < 1e-5


def test_what_collapses_has_no_inverse() -> None:
    assert [CATALOG.inverse(name).kind for name in ("canny", "edge_detect", "mini_image")] == ["none"] * 3
    assert CATALOG.inverse("gaussian_blur").kind == "unknown"
