"""The pendulum: what is drawn is what the factors say, and they can be read off it again."""

import math

import pytest
import torch

from augalgebra.data.drawn.datasets import pendulum_data
from augalgebra.data.drawn.pendulum import (
    FACTORS,
    LIMITS,
    as_bytes,
    cast_shadow,
    draw_pendulum,
    pendulum_grid,
    read_pendulum,
)
from augalgebra.data.loading import load_data
from augalgebra.errors import DataError, ImageError


def some_factors(count: int = 60) -> dict[str, torch.Tensor]:
    """Every factor on its own, so that shadows have nothing to do with lights; none leaves the picture."""
    generator = torch.Generator().manual_seed(3)
    lows, highs = torch.tensor([(-42, 36), (-36, 38.7), (1.5, 8), (4.5, 15.5)], dtype=torch.float64).T
    drawn = lows + (highs - lows) * torch.rand(count, 4, generator=generator, dtype=torch.float64)
    return dict(zip(FACTORS, drawn.T, strict=True))


def at(picture: torch.Tensor, x: float, y: float) -> list[float]:
    """The colour at a point of the axes."""
    height, width = picture.shape[-2:]
    return picture[:, int((21 - y) / 22 * height), int(x / 20 * width)].tolist()


@pytest.mark.parametrize(("i", "j"), [(-40, 60), (43, 147), (0, 101), (17, 88)])
def test_the_shadow_is_what_parallel_rays_cast(i: int, j: int) -> None:
    theta, phi = i * math.pi / 200, j * math.pi / 200  # the horizon is where the published angle of the light starts
    x, y = 10 + 9.5 * math.sin(theta), 10.5 - 9.5 * math.cos(theta)
    first, second = 10 - 11 / math.tan(phi), x - (y + 0.5) / math.tan(phi)
    degrees = torch.tensor([90 - math.degrees(phi), math.degrees(theta)], dtype=torch.float64)
    length, position = cast_shadow(*degrees)
    assert float(length) == pytest.approx(max(3, abs(first - second)))
    assert float(position) == pytest.approx((first + second) / 2)
    sun = 10 + 10 / math.tan(phi)
    picture = draw_pendulum(*degrees)[0]
    assert at(picture, min(max(sun, 0.2), 19.8), 20.5) == pytest.approx([1, 165 / 255, 0])
    assert at(picture, 10 + 8 * math.sin(theta), 10.5 - 8 * math.cos(theta)) == pytest.approx(
        [178 / 255, 34 / 255, 34 / 255]
    )
    assert at(picture, float(position), -0.5) == pytest.approx([0, 0, 0])
    assert at(picture, 10, 14) == [1, 1, 1]


def test_an_effect_that_is_set_is_cut_from_its_causes() -> None:
    caused, set_ = draw_pendulum(20, 10), draw_pendulum(20, 10, 7.0, 8.0)
    ground = round(64 * 21 / 22)
    assert torch.equal(caused[:, :, : ground - 2], set_[:, :, : ground - 2])
    ink = (1 - set_[0, 0, ground - 2 :]).sum() * (20 / 64) * (22 / 64)
    assert float(ink) == pytest.approx(7 * 0.75)
    assert torch.equal(draw_pendulum(20, 10, *cast_shadow(*torch.tensor([20.0, 10.0], dtype=torch.float64))), caused)


@pytest.mark.parametrize("size", [(32, 32), (64, 64), (96, 96), (50, 70)])
def test_factors_are_read_exactly_off_what_was_drawn(size: tuple[int, int]) -> None:
    factors = some_factors()
    pictures = draw_pendulum(**factors, size=size)
    read = read_pendulum(pictures)
    for name, values in read.require(FACTORS).items():
        assert float((values - factors[name]).abs().max()) < 1e-10, name
        assert float(read.misfits[name].max()) < 1e-10


def test_eight_bits_cost_little() -> None:
    factors = some_factors()
    read = read_pendulum(as_bytes(draw_pendulum(**factors)).float() / 255).require(FACTORS)
    errors = {name: float((read[name] - factors[name]).abs().max()) for name in FACTORS}
    assert max(errors["light"], errors["angle"], errors["shadow_position"]) < 0.005
    assert errors["shadow_length"] < 0.02


def test_the_whole_grid_can_be_read_though_some_shadows_leave_the_picture() -> None:
    factors, train, test = pendulum_grid()
    assert (len(train), len(test), len(torch.cat([train, test]).unique())) == (5482, 1826, 7308)
    ends = factors["shadow_position"] + factors["shadow_length"] / 2
    rows = torch.cat([ends.argsort(descending=True)[:40], torch.arange(0, 7308, 400)])
    assert int((ends[rows] > 20).sum()) >= 40
    some = {name: values[rows] for name, values in factors.items()}
    for name, values in read_pendulum(draw_pendulum(**some)).require(FACTORS).items():
        assert float((values - some[name]).abs().max()) < 1e-10, name


@pytest.mark.parametrize(
    ("rows", "name"), [(slice(0, 12), "light"), (slice(28, 59), "angle"), (slice(60, 64), "shadow_length")]
)
def test_a_factor_that_is_not_there_is_named(rows: slice, name: str) -> None:
    pictures = draw_pendulum(10, torch.tensor([5.0, 6.0]))
    pictures[1, :, rows] = 1
    read = read_pendulum(pictures)
    with pytest.raises(ImageError, match=f"{name} cannot be read off picture 1: .* nothing"):
        read.require(FACTORS)
    assert len(read.require([other for other in ("light", "angle") if other != name])) >= 1


def test_what_is_no_pendulum_is_refused() -> None:
    noise = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    for name in FACTORS:
        with pytest.raises(ImageError, match=f"{name} cannot be read off picture 0"):
            read_pendulum(noise).require([name])
    with pytest.raises(ImageError, match="1 channel"):
        read_pendulum(torch.zeros(1, 1, 64, 64))
    with pytest.raises(ImageError, match="at least 32×32"):
        read_pendulum(torch.zeros(1, 3, 28, 28))
    assert len(read_pendulum(torch.zeros(0, 3, 64, 64)).factors["light"]) == 0


def test_a_shadow_that_was_pushed_out_of_the_picture_is_hidden() -> None:
    read = read_pendulum(draw_pendulum(10, 5, 8.0, torch.tensor([10.0, 18.0])))
    read.require(("light", "angle"))
    assert read.hidden.tolist() == [False, True]
    with pytest.raises(ImageError, match="shadow_length cannot be read off picture 1: the shadow leaves the picture"):
        read.require(("shadow_length",))


@pytest.mark.parametrize("name", FACTORS)
@pytest.mark.parametrize("value", [LIMITS["shadow_length"][1] + 50, -80.0, math.nan])
def test_a_factor_out_of_range_is_refused(name: str, value: float) -> None:
    given = {"light": 0.0, "angle": 0.0} | {name: value}
    with pytest.raises(ImageError, match=rf"{name} must lie in \["):
        draw_pendulum(**given)


def test_the_data_set_knows_its_factors() -> None:
    data = load_data("pendulum")
    assert ("pendulum", (3, 64, 64), 5482, 1826) == (data.name, data.image_shape, len(data.train), len(data.test))
    for split in (data.train, data.test.sample(20)):
        assert {len(values) for values in split.factors.values()} == {len(split)}
    part = data.part(30).test
    factors = {name: values[:30] for name, values in data.test.factors.items()}
    assert torch.equal(part.images, as_bytes(draw_pendulum(**factors)))
    assert all(torch.equal(part.factors[name], values) for name, values in factors.items())
    # the first ones are no corner of the grid
    assert all(float(data.train.factors[name][:200].std()) > 1 for name in FACTORS)
    with pytest.raises(DataError, match=r"did you mean pendulum\?"):
        load_data("pendulun")


def test_the_order_of_the_data_set_has_a_seed() -> None:
    first, again, other = (pendulum_data(size=32, seed=seed).train.factors["light"] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(first.sort().values, other.sort().values)
