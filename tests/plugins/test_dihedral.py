"""The symmetries of the square, against examples worked by hand and the group they form."""

import itertools

import pytest
import torch

import augalgebra as aa

CATALOG = aa.load_catalog(aa.Settings())
NAMES = ("flip_lr", "flip_ud", "rotate_cw", "rotate_ccw", "rotate_180", "transpose", "anti_transpose")
PICTURE = torch.tensor([[1.0, 2, 3], [4, 5, 6]]) / 10
BY_HAND = {
    "flip_lr": [[3, 2, 1], [6, 5, 4]],
    "flip_ud": [[4, 5, 6], [1, 2, 3]],
    "rotate_cw": [[4, 1], [5, 2], [6, 3]],
    "rotate_ccw": [[3, 6], [2, 5], [1, 4]],
    "rotate_180": [[6, 5, 4], [3, 2, 1]],
    "transpose": [[1, 4], [2, 5], [3, 6]],
    "anti_transpose": [[6, 3], [5, 2], [4, 1]],
}


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_moved_by_hand(name: str) -> None:
    assert torch.equal(CATALOG.apply(name, PICTURE[None, None])[0, 0], torch.tensor(BY_HAND[name]) / 10)


def test_the_laws_know_every_product() -> None:
    """Every product of two symmetries is one symmetry, and the laws find out which: that of the pixels."""
    views = {name: CATALOG.apply(name, PICTURE[None, None]) for name in ("id", *NAMES)}
    for first, second in itertools.product(NAMES, repeat=2):
        moved = CATALOG.apply(f"{first} * {second}", PICTURE[None, None])
        (by_pixels,) = (name for name, view in views.items() if view.shape == moved.shape and torch.equal(view, moved))
        assert CATALOG.equal(f"{first} * {second}", by_pixels).equal, f"{first} * {second} = {by_pixels}"
