"""Resampling, against SciPy and Pillow, and its signs, against examples worked by hand."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage
from torch import Tensor

import augalgebra as aa
from augalgebra.checks.probe_images import digit_images

CATALOG = aa.load_catalog(aa.Settings())
CENTRE = 4


def noise(height: int, width: int, count: int = 3) -> Tensor:
    return torch.rand(count, 1, height, width, generator=torch.Generator().manual_seed(height * width))


def dot(row: int, column: int) -> Tensor:
    image = torch.zeros(1, 1, 2 * CENTRE + 1, 2 * CENTRE + 1)
    image[0, 0, row, column] = 1
    return image


@pytest.mark.parametrize(
    ("word", "start", "end"),
    [  # (row, column); the centre is (4, 4)
        ("rotate(90)", (1, 4), (4, 1)),
        ("rotate(-90)", (1, 4), (4, 7)),
        ("rotate(180)", (1, 3), (7, 5)),
        ("shear_x(45)", (2, 4), (2, 6)),
        ("shear_x(-45)", (2, 4), (2, 2)),
        ("shear_x(45)", (6, 4), (6, 2)),
        ("shear_y(45)", (4, 6), (2, 6)),
        ("shear_y(-45)", (4, 6), (6, 6)),
        ("scale(2)", (3, 5), (2, 6)),
        ("translate(3, 1)", (2, 4), (3, 7)),
        ("translate(-3, -1)", (2, 4), (1, 1)),
        ("roll(3, 1)", (2, 8), (3, 2)),
        ("roll(-12, 8)", (2, 4), (1, 1)),
    ],
)
def test_a_dot_goes_where_it_should(word: str, start: tuple[int, int], end: tuple[int, int]) -> None:
    moved = CATALOG.apply(word, dot(*start))[0, 0]
    assert divmod(int(moved.argmax()), moved.shape[1]) == end
    assert float(moved.max()) == pytest.approx(1)


@pytest.mark.parametrize(("height", "width"), [(28, 28), (7, 7), (224, 224)])
def test_quarter_turns_are_exact(height: int, width: int) -> None:
    images = noise(height, width)
    for word, same in (("rotate(90)", "rotate_ccw"), ("rotate(-90)", "rotate_cw"), ("rotate(540)", "rotate_180")):
        assert float((CATALOG.apply(word, images) - CATALOG.apply(same, images)).abs().max()) < 1e-7


def test_whole_pixels_are_exact_and_the_rest_is_filled() -> None:
    images = noise(5, 7)
    expected = torch.full_like(images, 0.25)
    expected[..., 1:, :-2] = images[..., :-1, 2:]
    assert float((CATALOG.apply("translate(-2, 1, 0.25)", images) - expected).abs().max()) < 1e-7


MATRICES = {
    # from the output's (row, column) about the centre to the input's, as SciPy wants it
    "rotate": lambda a: [[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]],
    "shear_x": lambda a: [[1, 0], [math.tan(a), 1]],
    "shear_y": lambda a: [[1, math.tan(a)], [0, 1]],
}


@given(
    st.sampled_from(sorted(MATRICES)),
    st.integers(-50, 50),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.sampled_from([(9, 9), (6, 11), (12, 5)]),
)
def test_scipy_resamples_alike(name: str, degrees: int, fill: float, size: tuple[int, int]) -> None:
    image = noise(*size, count=1).double()
    matrix = np.array(MATRICES[name](math.radians(degrees)))
    centre = (np.array(size) - 1) / 2
    offset = centre - matrix @ centre
    expected = ndimage.affine_transform(image[0, 0].numpy(), matrix, offset, order=1, mode="grid-constant", cval=fill)
    actual = CATALOG.apply(aa.word_of(name, degrees, fill), image)[0, 0].numpy()
    assert np.abs(actual - expected).max() < 1e-12


@given(
    st.sampled_from([0.5, 0.9, 1.3, 3.0]),
    st.floats(-4, 4).map(lambda d: round(d, 2)),
    st.sampled_from([(9, 9), (6, 11)]),
)
def test_scipy_zooms_and_shifts_alike(factor: float, dx: float, size: tuple[int, int]) -> None:
    image = noise(*size, count=1).double()
    centre = (np.array(size) - 1) / 2
    matrix = np.eye(2) / factor
    settings = {"order": 1, "mode": "grid-constant", "cval": 0.3}
    zoomed = ndimage.affine_transform(image[0, 0].numpy(), matrix, centre - matrix @ centre, **settings)
    shifted = ndimage.shift(image[0, 0].numpy(), (-dx / 2, dx), **settings)
    assert np.abs(CATALOG.apply(aa.word_of("scale", factor, 0.3), image)[0, 0].numpy() - zoomed).max() < 1e-12
    moved = CATALOG.apply(aa.word_of("translate", dx, -dx / 2, 0.3), image)[0, 0].numpy()
    assert np.abs(moved - shifted).max() < 1e-12


def test_pillow_turns_the_same_way() -> None:
    image = digit_images(1, 31, 31)[:1]
    turned = Image.fromarray(image[0, 0].numpy()).rotate(30, Image.Resampling.BILINEAR)
    assert np.abs(CATALOG.apply("rotate(30)", image)[0, 0].numpy() - np.asarray(turned)).max() < 1e-5


def test_rolling_is_torchs_rolling_for_every_image_its_own() -> None:
    images = noise(5, 6)
    assert torch.equal(CATALOG.apply("roll(4, -7)", images), images.roll((-7, 4), (-2, -1)))
    roll = CATALOG.resolve("roll")
    shifts = np.array([1, -8, 3])
    expected = [image.roll((int(shift), 2), (-2, -1)) for image, shift in zip(images, shifts, strict=True)]
    assert torch.equal(roll.apply(images, [2, shifts]), torch.stack(expected))


@pytest.mark.parametrize("name", ["rotate", "shear_x", "shear_y", "scale"])
def test_every_image_gets_its_own_parameter(name: str) -> None:
    images = noise(9, 12)
    values = np.array([0.5, 1.5, 40.0])
    augmentation = CATALOG.resolve(name)
    singly = [augmentation.apply(images[i : i + 1], [float(value), 0]) for i, value in enumerate(values)]
    assert torch.equal(augmentation.apply(images, [values, 0]), torch.cat(singly))


@pytest.mark.parametrize(("threads", "fill"), [(1, 0.0), (2, 0.25)])
def test_batches_larger_than_a_cache_are_moved_as_single_images(threads: int, fill: float) -> None:
    images = noise(300, 301, count=8)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for angles in (40.0, np.linspace(-30, 30, 8)):
            moved = CATALOG.resolve("rotate").apply(images, [angles, fill])
            for index in (0, 3, 7):
                angle = float(np.broadcast_to(angles, 8)[index])
                alone = CATALOG.resolve("rotate").apply(images[index : index + 1], [angle, fill])
                assert float((moved[index] - alone[0]).abs().max()) < 1e-6
    finally:
        torch.set_num_threads(before)


def test_a_drawn_shear_is_one_function_of_the_image() -> None:
    """Sheared there and back, every image by its own angle, all digits come back."""
    images = digit_images(1, 28, 28)
    there = CATALOG.apply("shear_x", images, seed=5)
    back = CATALOG.apply("shear_x * shear_x^-1", images, seed=5)
    lost = (back - images).square().mean((1, 2, 3)).sqrt()
    assert float(lost.max()) < 0.12
    assert float((there - images).square().mean((1, 2, 3)).sqrt().min()) > 0.2
    other = CATALOG.apply("shear_x", images, seed=6)
    assert float((there - other).abs().amax()) > 0.1


def test_angles_are_drawn_as_on_the_slides() -> None:
    drawn = CATALOG.resolve("shear_x").draw(0, range(2000))["affine.shear_x.degrees"]
    assert -50 <= drawn.min() < -49.9
    assert -45.1 < drawn.max() < -45


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("shear_x(51)", "degrees must lie in"),
        ("rotate(3, 2)", "fill must lie in"),
        ("scale(0)", "factor must lie in"),
        ("roll(0.5, 0)", "dx must be a whole number"),
        ("translate(1)", "translate needs dy"),
    ],
)
def test_parameters_out_of_range_are_refused(word: str, message: str) -> None:
    with pytest.raises(aa.AugalgebraError, match=message):
        CATALOG.word(word)
