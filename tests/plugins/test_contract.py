"""What every first-party augmentation promises, whatever it does: types, ranges, batches, randomness, isolation."""

import random
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import Tensor

import augalgebra as aa
from augalgebra.checks.laws import check_laws

CATALOG = aa.load_catalog(aa.Settings())
FIRST_PARTY = ("affine", "albumentations", "dihedral", "filters", "interventions", "noise", "photometric")
WORDS = [
    "flip_lr",
    "flip_ud",
    "rotate_cw",
    "rotate_ccw",
    "rotate_180",
    "transpose",
    "anti_transpose",
    "rotate(33)",
    "rotate(-12.5,0.5)",
    "scale(0.7)",
    "scale(1.6,1)",
    "shear_x",
    "shear_x(20)",
    "shear_y(-48,0.25)",
    "translate(1.5,-2)",
    "translate(1,30,1)",
    "roll(2,-5)",
    "invert",
    "gamma(0.5)",
    "brightness(-0.25)",
    "brightness(0.5)",
    "contrast(0.5)",
    "contrast(3)",
    "hue(0.2)",
    "hue(-1)",
    "saturation(0)",
    "saturation(2)",
    "solarize",
    "solarize(0.2)",
    "threshold",
    "threshold(0.9)",
    "posterize",
    "posterize(1)",
    "equalize",
    "gaussian_blur",
    "gaussian_blur(2)",
    "edge_detect",
    "canny",
    "canny(30,60)",
    "mini_image",
    "sap_noise",
    "sap_noise(0.7,5)",
    "tl_sap_noise",
    "tl_sap_noise(0.5,9)",
    "albumentations.HorizontalFlip",
    "albumentations.VerticalFlip",
    "albumentations.Transpose",
    "InvertImg",
    "NoOp",
    "albumentations.Solarize(threshold_range=(0.5,0.5))",
    "albumentations.Rotate(limit=(30,30))",
    "albumentations.GaussNoise",
    """serialized('{"transform":{"__class_fullname__":"GaussNoise","p":1}}')""",
]
SIZES = ((1, 12, 12), (3, 9, 14), (1, 13, 8))
COLOUR_SIZES = ((3, 12, 12), (3, 9, 14), (3, 13, 8))


def sizes_for(word: str) -> tuple[tuple[int, int, int], ...]:
    """Channels, heights and widths of what a word is for."""
    return COLOUR_SIZES if word.startswith(("hue", "saturation")) else SIZES


def batch(channels: int, height: int, width: int, count: int = 4, dtype: torch.dtype = torch.float32) -> Tensor:
    """Random pixels, with some exactly black and white among them."""
    generator = torch.Generator().manual_seed(height * width)
    return (torch.rand(count, channels, height, width, generator=generator, dtype=dtype) * 1.4 - 0.2).clamp(0, 1)


def global_random_states() -> tuple[object, ...]:
    legacy = np.random.get_state(legacy=False)["state"]  # noqa: NPY002 - it is the one that must not change
    return random.getstate(), legacy["key"].tobytes(), legacy["pos"], torch.get_rng_state().numpy().tobytes()


def test_every_plugin_loads_and_no_law_dangles() -> None:
    assert {info.name: (info.status, info.reason) for info in CATALOG.plugins} == dict.fromkeys(
        {*FIRST_PARTY, "kornia", "slides"}, ("loaded", "")
    )
    assert CATALOG.dangling == ()


def test_the_words_below_name_every_augmentation() -> None:
    named = {symbol.name for word in WORDS for symbol in CATALOG.word(word).symbols}
    assert {
        item.name for item in CATALOG.augmentations.values() if item.plugin in FIRST_PARTY and not item.probes
    } <= named


def test_the_slides_augmentations_are_there_with_their_parameters() -> None:
    names = (
        "flip_lr flip_ud rotate_cw rotate_ccw gaussian_blur edge_detect shear_x canny mini_image tl_sap_noise sap_noise"
    )
    assert {name: CATALOG.resolve(name).signature for name in names.split()} == {
        "flip_lr": "flip_lr",
        "flip_ud": "flip_ud",
        "rotate_cw": "rotate_cw",
        "rotate_ccw": "rotate_ccw",
        "gaussian_blur": "gaussian_blur(sigma ~ uniform(0.1, 2))",
        "edge_detect": "edge_detect",
        "shear_x": "shear_x(degrees ~ uniform(-50, -45), fill=0)",
        "canny": "canny(low=100, high=200)",
        "mini_image": "mini_image",
        "tl_sap_noise": "tl_sap_noise(amount=1, seed ~ integers(0, 10000000))",
        "sap_noise": "sap_noise(amount=0.2, seed ~ integers(0, 10000000))",
    }


def test_every_declared_law_holds_on_images() -> None:
    report = check_laws(CATALOG)  # on grey pictures, and on coloured ones where these tell nothing
    assert [(item.equation, item.verdict, item.reason) for item in report.results if item.verdict != "holds"] == []
    assert len(report.results) == len(CATALOG.laws)


@pytest.mark.parametrize("word", WORDS)
def test_an_augmentation_keeps_its_promises(word: str) -> None:
    states = global_random_states()
    for size in sizes_for(word):
        images = batch(*size)
        before = images.clone()
        moved = CATALOG.apply(word, images, seed=3)
        assert torch.equal(images, before), "the input was changed"
        assert moved.data_ptr() != images.data_ptr() or word == "NoOp", "the result shares memory with the input"
        assert float(moved.min()) >= 0
        assert float(moved.max()) <= 1
        assert torch.equal(CATALOG.apply(word, images, seed=3), moved), "not the same twice"
        singly = [CATALOG.apply(word, images[i : i + 1], seed=3, ids=[i]) for i in range(len(images))]
        assert torch.equal(torch.cat(singly), moved), "an image depends on its batch"
        assert CATALOG.apply(word, images[:0]).shape == (0, *moved.shape[1:])
    double = CATALOG.apply(word, batch(*sizes_for(word)[0], dtype=torch.float64), seed=3)
    assert double.dtype == torch.float64
    assert global_random_states() == states


@pytest.mark.parametrize("word", WORDS)
def test_a_single_pixel_is_an_image_too(word: str) -> None:
    pixel = torch.full((2, sizes_for(word)[0][0], 1, 1), 0.4)
    assert CATALOG.apply(word, pixel).shape == pixel.shape


@pytest.mark.parametrize("word", ["shear_x", "gaussian_blur", "sap_noise", "tl_sap_noise", "albumentations.GaussNoise"])
def test_what_is_drawn_differs_between_images_and_seeds(word: str) -> None:
    images = batch(1, 12, 12, count=1).expand(3, -1, -1, -1)
    first = CATALOG.apply(word, images, seed=0)
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first, CATALOG.apply(word, images, seed=1))


def test_loading_imports_nothing_heavy() -> None:
    script = (
        "import sys, augalgebra as aa; catalog = aa.load_catalog(aa.Settings());"
        "assert catalog.equal('albumentations.HorizontalFlip * flip_lr', 'id').equal;"
        "print(sorted({'torch', 'cv2', 'albumentations', 'kornia', 'scipy', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"
