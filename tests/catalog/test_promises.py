"""An augmentation is held to its promises while it runs."""

import pytest
import torch

import augalgebra as aa
from augalgebra.augmentation import Augmentation
from augalgebra.errors import AugmentationError, ImageError

IMAGES = torch.rand(3, 1, 4, 6, generator=torch.Generator().manual_seed(0))


def fail(_images: torch.Tensor) -> torch.Tensor:
    raise ValueError("needs 16 pixels")


@pytest.mark.parametrize(
    ("function", "shape", "message"),
    [
        (fail, "kept", r"acme\.f \(plugin acme\) failed on images of 4×6 pixels, 1 channel: needs 16 pixels"),
        (lambda x: x.numpy(), "kept", "returned ndarray; it must return a batch like its input"),
        (lambda x: x[:2], "kept", r"returned shape \[2, 1, 4, 6\] for \[3, 1, 4, 6\]"),
        (lambda x: x.transpose(-1, -2), "kept", "declares its shape kept"),
        (lambda x: x, "transposed", "declares its shape transposed"),
        (lambda x: x[0], "changed", r"returned shape \[1, 4, 6\]"),
        (lambda x: x.double(), "kept", "it must keep the type"),
        (lambda _: None, "kept", "returned NoneType"),
    ],
)
def test_a_broken_promise_is_named(function: object, shape: str, message: str) -> None:
    augmentation = Augmentation("acme.f", function, shape=shape, plugin="acme")  # type: ignore[arg-type]
    with pytest.raises(AugmentationError, match=message):
        augmentation.apply(IMAGES)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (IMAGES[0], r"not shape \[1, 4, 6\]; a single picture is a batch of one"),
        (IMAGES.expand(3, 2, 4, 6), "expected 1 or 3 channels, not 2"),
        ((IMAGES * 255).byte(), "divide bytes by 255"),
    ],
)
def test_images_of_another_form_are_refused(images: torch.Tensor, message: str) -> None:
    augmentation = Augmentation("acme.f", lambda x: x)
    with pytest.raises(ImageError, match=message):
        augmentation.apply(images)


def test_an_empty_batch_stays_empty() -> None:
    assert Augmentation("acme.f", lambda x: 1 - x).apply(IMAGES[:0]).shape == (0, 1, 4, 6)


def test_whole_numbers_above_2_to_the_24_arrive_unharmed() -> None:
    seen = []

    def note(x: torch.Tensor, seed: torch.Tensor) -> torch.Tensor:
        seen.append(seed)
        return x

    param = aa.Param("seed", draw=aa.integers(2**30, 2**30 + 10**6), whole=True)
    augmentation = Augmentation("acme.f", note, (param,))
    drawn = augmentation.draw(0, range(3))["acme.f.seed"]
    augmentation.apply(IMAGES, [drawn])
    assert seen[0].dtype == torch.int64
    assert seen[0].flatten().tolist() == drawn.tolist()


def test_pixels_that_are_no_numbers_are_refused_by_image() -> None:
    images = IMAGES.clone()
    images[1, 0, 2, 3] = float("nan")
    catalog = aa.load_catalog(aa.Settings())
    with pytest.raises(ImageError, match="image 1 has pixels that are NaN or infinite"):
        catalog.apply("flip_lr", images)
    assert catalog.apply("flip_lr", images[:0]).shape == (0, 1, 4, 6)
