"""Glyphs: factors do what they say, and no symmetry of the square leaves an image as it is."""

import numpy as np
import pytest
import torch

from augalgebra.data.drawn.datasets import glyph_data
from augalgebra.data.drawn.glyphs import FLIPS, RANGES, SHAPES, Glyphs, draw_glyphs
from augalgebra.data.loading import load_data
from augalgebra.errors import DataError


def glyph(shape: int, **given: float) -> torch.Tensor:
    """One image in [0, 1] whose factors are in the middle of their ranges, unless given."""
    factors = {name: (low + high) / 2 for name, (low, high) in RANGES.items()} | dict.fromkeys(FLIPS, 0.0) | given
    values = {name: torch.tensor([value], dtype=torch.float64) for name, value in factors.items()}
    return Glyphs(torch.tensor([shape]), values).images()[0, 0].double() / 255


def centre(image: torch.Tensor) -> tuple[float, float]:
    """Where the ink is: x to the right, y up, in pixels from the middle."""
    places = torch.arange(28, dtype=torch.float64) - 13.5
    return float((image.sum(0) * places).sum() / image.sum()), float(-(image.sum(1) * places).sum() / image.sum())


def symmetries(image: torch.Tensor) -> list[torch.Tensor]:
    turned = [image.rot90(turn) for turn in range(4)]
    return [*turned, *(item.flip(-1) for item in turned)]


@pytest.mark.parametrize("shape", range(len(SHAPES)), ids=list(SHAPES))
def test_no_symmetry_of_the_square_leaves_a_glyph_as_it_is(shape: int) -> None:
    image = glyph(shape)
    ink = image.square().sum()
    for moved in symmetries(image)[1:]:
        assert (image - moved).square().sum() > 0.15 * ink
    for other in set(range(len(SHAPES))) - {shape}:
        # an F lacks only one stroke of a P
        for moved in symmetries(glyph(other)):
            assert (image - moved).square().sum() > 0.1 * ink


@pytest.mark.parametrize("shape", range(len(SHAPES)), ids=list(SHAPES))
def test_factors_do_what_they_say(shape: int) -> None:
    x, y = centre(glyph(shape, x=0.0, y=0.0))
    moved_x, moved_y = centre(glyph(shape, x=2.0, y=-1.0))
    assert (moved_x - x, moved_y - y) == (pytest.approx(2, abs=0.02), pytest.approx(-1, abs=0.02))
    assert glyph(shape, stroke=1.5).sum() > 1.2 * glyph(shape, stroke=0.8).sum()
    assert float(glyph(shape, intensity=0.6).max()) == pytest.approx(0.6, abs=0.01)
    tall, short = (int((glyph(shape, size=size).sum(1) > 0).sum()) for size in (8.0, 5.5))
    assert tall - short == pytest.approx(5, abs=1)


def test_an_angle_turns_counter_clockwise_about_the_middle() -> None:
    x, y = centre(glyph(2, x=0.0, y=0.0))
    turned = centre(glyph(2, x=0.0, y=0.0, angle=90.0))
    assert turned == (pytest.approx(-y, abs=0.02), pytest.approx(x, abs=0.02))


def test_mirrored_glyphs_are_exactly_mirror_images() -> None:
    plain = glyph(0)
    assert torch.equal(glyph(0, flip_lr=1.0), plain.flip(-1))
    assert torch.equal(glyph(0, flip_ud=1.0), plain.flip(-2))
    assert torch.equal(glyph(0, flip_lr=1.0, flip_ud=1.0), plain.flip(-1, -2))


def test_even_the_largest_glyph_stays_within_the_picture() -> None:
    for shape in range(len(SHAPES)):
        for angle in (-20.0, 20.0):
            for x, y in ((2.0, 2.0), (-2.0, 2.0), (2.0, -2.0), (-2.0, -2.0)):
                image = glyph(shape, size=8.0, stroke=1.5, intensity=1.0, angle=angle, x=x, y=y)
                border = torch.cat([image[0], image[-1], image[:, 0], image[:, -1]])
                assert float(border.max()) == 0


def test_a_data_set_of_glyphs_is_the_same_every_time() -> None:
    first, again, other = glyph_data(60), glyph_data(60), glyph_data(60, seed=1)
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert (48, 12, 48) == (len(first.train), len(first.test), first.test.first)
    known = draw_glyphs(60)
    assert torch.equal(known[slice(48, None)].images(), first.test.images)
    assert torch.equal(known.shapes[:48], first.train.labels)
    assert len(SHAPES) == len(first.test.labels.unique())
    with pytest.raises(DataError, match="9 glyphs are too few"):
        glyph_data(9)


def test_factors_are_spread_evenly_and_flips_only_where_asked_for() -> None:
    plain, mirrored = draw_glyphs(3000), draw_glyphs(3000, flips=True)
    for name, (low, high) in RANGES.items():
        values = plain.factors[name].numpy()
        assert low <= values.min() < values.max() <= high
        counts, _ = np.histogram(values, 5, (low, high))
        assert counts.min() > 500
    for name in FLIPS:
        assert float(plain.factors[name].max()) == 0
        assert float(mirrored.factors[name].mean()) == pytest.approx(0.5, abs=0.03)
    assert abs(np.corrcoef(mirrored.factors["flip_lr"], mirrored.factors["flip_ud"])[0, 1]) < 0.06


def test_glyphs_are_known_by_name() -> None:
    data = load_data("glyphs")
    assert ("glyphs", (1, 28, 28), 4000, 1000) == (data.name, data.image_shape, len(data.train), len(data.test))
    with pytest.raises(DataError, match=r"did you mean glyphs\?"):
        load_data("glyph")
