"""Moves of a grid against the pixels that they stand for."""

import pickle
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

import augalgebra as aa
from augalgebra.catalog import Catalog, load_catalog
from augalgebra.errors import GridMoveError
from augalgebra.operators.grids.moves import AxisMove, GridMove

STRIDE = 4
SQUARE = ("flip_lr", "flip_ud", "rotate_cw", "rotate_ccw", "rotate_180", "transpose", "anti_transpose")


class Planted:
    """Crops, and what only looks like a move of a grid."""

    @aa.hookimpl
    def augalg_register(self, register: aa.Register) -> None:
        @register("planted.window", shape="changed")
        def window(x: Tensor) -> Tensor:
            return x[..., 8:24, 4:16]

        @register("planted.bottom_right", shape="changed")
        def bottom_right(x: Tensor) -> Tensor:
            return x[..., -12:, -8:]

        @register("planted.margins", shape="changed")
        def margins(x: Tensor) -> Tensor:
            return x[..., 4:-4, :-8]

        @register("planted.middle", shape="changed")
        def middle(x: Tensor) -> Tensor:
            top, left = (x.shape[-2] - 12) // 2, (x.shape[-1] - 8) // 2
            return x[..., top : top + 12, left : left + 8]

        @register("planted.uneven", shape="changed")
        def uneven(x: Tensor) -> Tensor:
            return x[..., 4:, :10]

        @register("planted.by_size")
        def by_size(x: Tensor) -> Tensor:
            return x.roll(4 if x.shape[-1] > 6 * STRIDE else 8, -1)

        @register("planted.turn_wide", shape="transposed")
        def turn_wide(x: Tensor) -> Tensor:
            return x.flip(-1).transpose(-2, -1) if x.shape[-1] > x.shape[-2] else x.transpose(-2, -1)

        @register("planted.shuffle")
        def shuffle(x: Tensor) -> Tensor:
            order = torch.randperm(x.shape[-1], generator=torch.Generator().manual_seed(0))
            return x[..., order]

        @register("planted.swap")
        def swap(x: Tensor) -> Tensor:
            result = x.clone()
            result[..., :4, :4], result[..., :4, 4:8] = x[..., :4, 4:8], x[..., :4, :4]
            return result

        @register("planted.within")
        def within(x: Tensor) -> Tensor:
            blocks = x.unflatten(-1, (-1, STRIDE))
            return blocks.flip(-1).flatten(-2)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog(aa.Settings(), modules=[Planted()])


def by_pixels(catalog: Catalog, word: str, grid: Tensor) -> Tensor:
    """What a word does to squares of equal pixels, one for each position."""
    pixels = grid.repeat_interleave(STRIDE, -2).repeat_interleave(STRIDE, -1)
    return catalog.apply(word, pixels)[..., ::STRIDE, ::STRIDE]


def numbered(height: int, width: int) -> Tensor:
    return torch.arange(3 * height * width, dtype=torch.float64).reshape(1, 3, height, width) / (3 * height * width)


letters = st.sampled_from(SQUARE) | st.builds("roll({}, {})".format, *[st.integers(-9, 9).map(lambda n: 4 * n)] * 2)


@settings(max_examples=30, deadline=None)
@given(st.lists(letters, min_size=1, max_size=5), st.integers(1, 9), st.integers(1, 9))
def test_the_grid_moves_as_pixels_do(catalog: Catalog, word: list[str], height: int, width: int) -> None:
    text = " * ".join(word)
    grid = numbered(height, width)
    move = GridMove.of(catalog, text, STRIDE)
    expected = by_pixels(catalog, text, grid)
    assert torch.equal(move.apply(grid), expected)
    assert move.size(height, width) == expected.shape[-2:]


@pytest.mark.parametrize("word", ["window", "bottom_right", "margins", "middle", "flip_lr * bottom_right * rotate_cw"])
@pytest.mark.parametrize("size", [(9, 6), (7, 4), (9, 10), (41, 30)])
def test_crops(catalog: Catalog, word: str, size: tuple[int, int]) -> None:
    grid = numbered(*size)
    assert torch.equal(GridMove.of(catalog, word, STRIDE).apply(grid), by_pixels(catalog, word, grid))


@pytest.mark.parametrize(("word", "size"), [("window", (5, 9)), ("bottom_right", (9, 1)), ("margins", (2, 5))])
def test_a_grid_too_small_for_a_crop(catalog: Catalog, word: str, size: tuple[int, int]) -> None:
    with pytest.raises(GridMoveError, match=rf"{word} does not act on a grid of {size[0]}×{size[1]}: .*too few"):
        GridMove.of(catalog, word, STRIDE).apply(numbered(*size))


def test_a_window_in_the_middle_that_ends_between_positions(catalog: Catalog) -> None:
    with pytest.raises(GridMoveError, match=r"does not act on a grid of 8×6: .*middle"):
        GridMove.of(catalog, "middle", STRIDE).apply(numbered(8, 6))


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("roll(6, 0)", r"^roll\(6, 0\) moves by 6 pixels; on this grid only multiples of 4 do$"),
        ("roll(1, 3) * flip_lr", r"moves by 1 and 3 pixels; on this grid only multiples of 4 do$"),
        ("roll(2, 4) * transpose * roll(2, 4)", r"moves by 6 pixels; on this grid only multiples of 4 do$"),
        ("uneven", r"^uneven leaves 10 pixels; on this grid only multiples of 4 do$"),
        ("gaussian_blur(1)", r"changes the values of pixels|affine map"),
        ("brightness(0.1)", r"changes the values of pixels.*fit a kernel"),
        ("rotate(10)", r"mixes pixels.*fit a kernel"),
        ("translate(4, 0)", r"fills a part of the picture.*fit a kernel"),
        ("shear_x", r"draws its parameters for each picture; give them"),
        ("by_size", r"another size"),
        ("shuffle", r"another size"),
        ("swap", r"moves pixels one by one"),
        ("within", r"another size"),
    ],
)
def test_what_the_grid_cannot_do(catalog: Catalog, word: str, message: str) -> None:
    with pytest.raises(GridMoveError, match=message):
        GridMove.of(catalog, word, STRIDE)


def test_a_quarter_turn_of_squares_alone(catalog: Catalog) -> None:
    move = GridMove.of(catalog, "rotate(90)", STRIDE)
    grid = numbered(5, 5)
    assert torch.equal(move.apply(grid), torch.rot90(grid, 1, (-2, -1)))
    with pytest.raises(GridMoveError, match=r"rotate\(90\) moves whole positions on square grids only, not on 5×6"):
        move.apply(numbered(5, 6))


def test_what_turns_wide_pictures_alone_is_a_move_of_squares(catalog: Catalog) -> None:
    move = GridMove.of(catalog, "turn_wide", STRIDE)
    assert torch.equal(move.apply(numbered(5, 5)), numbered(5, 5).transpose(-2, -1))
    with pytest.raises(GridMoveError, match="square grids only"):
        move.apply(numbered(5, 6))


@pytest.mark.parametrize(
    "dtype", [torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.uint8, torch.bool, torch.complex64]
)
def test_values_of_every_type_stay_as_they_are(catalog: Catalog, dtype: torch.dtype) -> None:
    values = (torch.randn(2, 5, 4, 6) * 100).to(dtype)
    moved = GridMove.of(catalog, "rotate_cw * roll(4, 8)", STRIDE).apply(values)
    assert (moved.dtype, moved.shape) == (dtype, (2, 5, 6, 4))
    assert torch.equal(moved, values.flip(-2).transpose(-2, -1).roll((2, 1), (-2, -1)))


def test_infinities_and_nan_do_not_spread(catalog: Catalog) -> None:
    values = torch.tensor([[torch.nan, torch.inf, 1.0]]).expand(1, 1, 1, 3)
    moved = GridMove.of(catalog, "flip_lr", STRIDE).apply(values)
    assert torch.equal(moved.nan_to_num(7), torch.tensor([1.0, torch.inf, torch.nan]).nan_to_num(7).expand(1, 1, 1, 3))


@pytest.mark.parametrize(
    "word",
    ["id", "flip_lr", "rotate_cw", "roll(4, 0)", "roll(8, -4) * flip_lr", "roll(4, 8) * transpose", "window", "margins",
     "middle * flip_ud", "roll(4, 4) * margins"],
)  # fmt: skip
@pytest.mark.parametrize("reach", [1, 2])
def test_inside_is_where_sums_over_neighbours_move_along(catalog: Catalog, word: str, reach: int) -> None:
    move = GridMove.of(catalog, word, STRIDE)
    grid = torch.rand(1, 1, 13, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))

    def summed(values: Tensor) -> Tensor:
        return functional.avg_pool2d(values, 2 * reach + 1, 1, reach, count_include_pad=True)

    same = (summed(move.apply(grid)) - move.apply(summed(grid))).abs()[0, 0] < 1e-12
    assert torch.equal(move.is_inside(13, 12, reach), same)


def test_a_move_goes_to_other_processes_and_into_files(catalog: Catalog) -> None:
    move = GridMove.of(catalog, "roll(8, 4) * rotate_cw", STRIDE)
    assert pickle.loads(pickle.dumps(move)) == move
    assert GridMove.from_dict(move.to_dict()) == move


@pytest.mark.parametrize(
    "change",
    [{"rows": None}, {"rows": {}}, {"columns": {"start": 1.5}}, {"more": 1}, {"rows": {"start": "1"}}, {"rows": [1]}],
)
def test_a_file_that_holds_something_else(change: dict[str, Any]) -> None:
    with pytest.raises(GridMoveError, match="no move of a grid"):
        GridMove.from_dict({**GridMove().to_dict(), **change})


def test_a_move_is_compiled_in_one_piece(catalog: Catalog) -> None:
    move = GridMove.of(catalog, "roll(8, 4) * rotate_cw", STRIDE)
    compiled = torch.compile(move.apply, fullgraph=True, backend="eager", dynamic=True)
    for size in ((4, 6), (7, 5)):
        grid = torch.randn(2, 3, *size)
        assert torch.equal(compiled(grid), move.apply(grid))


def test_the_identity_is_told_from_what_moves(catalog: Catalog) -> None:
    identity, *others = (
        GridMove.of(catalog, word, STRIDE).is_identity for word in ("flip_lr^2", "flip_lr", "transpose", "roll(4, 0)")
    )
    assert identity
    assert not any(others)


@given(st.integers(-40, 40), st.booleans(), st.integers(3, 12))
def test_an_axis_shows_consecutive_positions(start: int, reverse: bool, size: int) -> None:
    places = AxisMove(start, 0, reverse, wraps=True).sources(size).tolist()
    assert sorted(places) == list(range(size))
    assert all((after - before) % size == (size - 1 if reverse else 1) for before, after in pairwise(places))
