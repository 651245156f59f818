"""What a grid can do of any word, against pixels."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

import augalgebra as aa
from augalgebra.catalog import Catalog, load_catalog
from augalgebra.errors import GridMoveError
from augalgebra.operators.grids.moves import GridMove
from augalgebra.operators.grids.resampling import ResampledMove, find_nearest_move

STRIDE = 8


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(aa.Settings())


def pooled(pixels: Tensor) -> Tensor:
    return functional.avg_pool2d(pixels, STRIDE)


def slope(height: int, width: int) -> Tensor:
    """A picture that grows evenly to the right and downwards, which interpolation leaves exact."""
    down = torch.arange(height * STRIDE, dtype=torch.float64)[:, None] / (height * STRIDE)
    across = torch.arange(width * STRIDE, dtype=torch.float64) / (width * STRIDE)
    return torch.stack([(0.3 * down + 0.6 * across + 0.05), 0.9 * across + 0 * down, 1 - down + 0 * across])[None]


@pytest.mark.parametrize(
    "word",
    ["rotate(10)", "rotate(-35)", "shear_x(20)", "shear_y(-10)", "scale(1.3)", "scale(0.8)", "translate(4, -3)",
     "rotate(10) * flip_lr", "translate(3, 1) * rotate(15)"],
)  # fmt: skip
@pytest.mark.parametrize("size", [(12, 12), (9, 16)])
def test_a_resampled_grid_is_the_grid_of_the_moved_picture(catalog: Catalog, word: str, size: tuple[int, int]) -> None:
    move = ResampledMove.of(catalog, word, STRIDE)
    picture = slope(*size)
    expected = pooled(catalog.apply(word, picture))
    inside = move.is_inside(*size)
    apart = (move.apply(pooled(picture)) - expected).abs().amax((0, 1))
    assert int(inside.sum()) > 20
    assert float(apart[inside].max()) < 1e-6
    if word != "scale(1.3)":  # which shows nothing from beyond the border
        assert float(apart.max()) > 0.01


def test_types_sizes_and_single_precision(catalog: Catalog) -> None:
    move = ResampledMove.of(catalog, "rotate(10)", STRIDE)
    codes = torch.randn(2, 3, 6, 9)
    assert move.apply(codes.half()).dtype == torch.float16
    assert move.apply(codes).shape == codes.shape
    torch.testing.assert_close(move.apply(codes.double()).float(), move.apply(codes), atol=1e-4, rtol=0)


def test_beyond_the_border_is_the_border(catalog: Catalog) -> None:
    move = ResampledMove.of(catalog, "translate(16, 0)", STRIDE)
    codes = torch.randn(1, 2, 4, 6)
    torch.testing.assert_close(move.apply(codes), codes[..., [0, 0, 0, 1, 2, 3]], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(
    ("word", "message"),
    [("brightness(0.2)", "neither a move of positions nor an affine map"), ("shear_x", "draws its parameters")],
)
def test_what_is_no_affine_map(catalog: Catalog, word: str, message: str) -> None:
    with pytest.raises(aa.AugalgebraError, match=message):
        ResampledMove.of(catalog, word, STRIDE)


def test_a_resampling_goes_into_files(catalog: Catalog) -> None:
    move = ResampledMove.of(catalog, "shear_x(20)", STRIDE)
    assert ResampledMove.from_dict(move.to_dict()) == move
    for wrong in ({}, {"matrix": [1, 2], "shift": [0, 0], "label": ""}, {"matrix": "ab", "shift": "cd", "label": ""}):
        with pytest.raises(GridMoveError, match="no resampling"):
            ResampledMove.from_dict(wrong)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(-40, 40),
    st.integers(-40, 40),
    st.lists(st.sampled_from(["flip_lr", "rotate_cw", "transpose", "anti_transpose"]), max_size=3),
)
def test_what_is_left_of_a_shift_is_said(catalog: Catalog, dx: int, dy: int, after: list[str]) -> None:
    found = find_nearest_move(catalog, " * ".join([f"roll({dx}, {dy})", *after]), STRIDE)
    assert isinstance(found.move, GridMove)
    picture = torch.rand(1, 3, 5 * STRIDE, 7 * STRIDE, generator=torch.Generator().manual_seed(0))
    squares = picture.unfold(-2, STRIDE, STRIDE).unfold(-2, STRIDE, STRIDE)  # [1, 3, 5, 7, STRIDE, STRIDE]
    flat = squares.permute(0, 1, 4, 5, 2, 3).reshape(1, -1, 5, 7)
    moved = found.move.apply(flat).unflatten(1, (3, STRIDE, STRIDE))
    for letter in after:  # what happens within each square
        moved = {
            "flip_lr": lambda x: x.flip(3),
            "rotate_cw": lambda x: x.flip(2).transpose(2, 3),
            "transpose": lambda x: x.transpose(2, 3),
            "anti_transpose": lambda x: x.flip((2, 3)).transpose(2, 3),
        }[letter](moved)
    pixels = moved.permute(0, 1, 4, 2, 5, 3).flatten(4, 5).flatten(2, 3)
    right, down = found.rest
    assert max(abs(right), abs(down)) <= STRIDE // 2
    assert found.exact == (not right and not down)
    word = " * ".join([f"roll({dx}, {dy})", *after])
    assert torch.equal(pixels.roll((down, right), (-2, -1)), catalog.apply(word, picture))


@pytest.mark.parametrize(
    ("pixels", "positions", "rest"), [(12, 1, 4), (-12, -1, -4), (13, 2, -3), (4, 0, 4), (3, 0, 3)]
)
def test_shifts_are_rounded_towards_none(catalog: Catalog, pixels: int, positions: int, rest: int) -> None:
    found = find_nearest_move(catalog, f"roll({pixels}, 0)", STRIDE)
    codes = torch.randn(1, 2, 4, 6)
    assert torch.equal(found.move.apply(codes), codes.roll(positions, -1))
    assert found.rest == (rest, 0)


@pytest.mark.parametrize("word", ["brightness(0.1)", "gamma(0.5)", "gaussian_blur(1)", "invert", "canny"])
def test_what_stays_in_place_is_for_the_local_map(catalog: Catalog, word: str) -> None:
    alone, after = find_nearest_move(catalog, word, STRIDE), find_nearest_move(catalog, f"{word} * flip_lr", STRIDE)
    assert isinstance(alone.move, GridMove)
    assert alone.move.is_identity
    assert isinstance(after.move, GridMove)
    codes = torch.randn(1, 2, 4, 6)
    assert torch.equal(after.move.apply(codes), codes.flip(-1))
    assert not alone.exact
    assert not after.exact


def test_what_mixes_pixels_is_resampled(catalog: Catalog) -> None:
    found = find_nearest_move(catalog, "brightness(0.1) * rotate(10)", STRIDE)
    assert isinstance(found.move, ResampledMove)
    expected = ResampledMove.of(catalog, "rotate(10)", STRIDE)
    torch.testing.assert_close(torch.tensor(found.move.matrix), torch.tensor(expected.matrix))
    assert found.move.label == expected.label
    assert not found.exact


def test_an_exact_move_leaves_nothing(catalog: Catalog) -> None:
    found = find_nearest_move(catalog, "flip_lr * roll(8, 16)", STRIDE)
    assert found == (GridMove.of(catalog, "flip_lr * roll(8, 16)", STRIDE), (0, 0), True)


def test_draws_are_refused(catalog: Catalog) -> None:
    with pytest.raises(GridMoveError, match="draws its parameters"):
        find_nearest_move(catalog, "shear_x * flip_lr", STRIDE)


def test_inside_keeps_away_from_both_seams_of_a_shift_between_positions(catalog: Catalog) -> None:
    found = find_nearest_move(catalog, "roll(4, 0)", STRIDE)
    assert found.is_inside(4, 7)[2].tolist() == [False, False, True, True, True, True, False]
    exact = find_nearest_move(catalog, "roll(8, 0)", STRIDE)
    assert exact.is_inside(4, 7)[2].tolist() == [False, False, True, True, True, True, False]
    assert found.is_inside(4, 7).all(0).tolist() == found.is_inside(4, 7)[0].tolist()  # rows are not shifted
