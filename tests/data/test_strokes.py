"""Strokes of digits: measured on what was planted and against published values, and set."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from augalgebra.data.drawn.strokes import STROKE_FACTORS, measure_strokes, set_strokes
from augalgebra.data.idx import read_idx
from augalgebra.data.loading import load_data
from augalgebra.errors import ImageError

MORPHO = Path(os.environ.get("AUGALG_DATA", "")) / "morphomnist"


def bar(width: float, lean: float = 0.0, level: float = 0.8) -> torch.Tensor:
    """An upright bar 18 pixels high, `width` wide, whose top leans to the right by so many degrees."""
    y, x = torch.meshgrid(torch.arange(28) - 13.5, torch.arange(28) - 13.5, indexing="ij")
    middle = -y * math.tan(math.radians(lean))
    inside = ((width + 1) / 2 - (x - middle).abs()).clamp(0, 1) * ((19 / 2) - y.abs()).clamp(0, 1)
    return (level * inside)[None, None].double()


def digits(count: int = 20) -> torch.Tensor:
    return load_data("digits").test.sample(count).images.double() / 255


@pytest.mark.parametrize("width", [2.0, 3.0, 4.5])
def test_the_width_of_a_bar_is_its_thickness(width: float) -> None:
    # where the skeleton ends, the edge is nearer
    assert float(measure_strokes(bar(width))["thickness"]) == pytest.approx(width, abs=0.35)


@pytest.mark.parametrize("lean", [-20.0, 0.0, 15.0])
def test_slant_and_intensity_of_a_bar(lean: float) -> None:
    found = measure_strokes(bar(4, lean, 0.6))
    assert float(found["slant"]) == pytest.approx(lean, abs=0.5)
    assert float(found["intensity"]) == pytest.approx(0.6, abs=0.02)


@pytest.mark.skipif(not MORPHO.is_dir(), reason="needs the thickness-intensity set in AUGALG_DATA/morphomnist")
def test_published_values_are_met() -> None:
    images = read_idx(MORPHO / "t10k-images-idx3-ubyte.gz")[:200, None] / 255
    published = np.loadtxt(MORPHO / "t10k-morpho.csv", delimiter=",", skiprows=1)[:200]
    found = measure_strokes(torch.from_numpy(images))
    for name, column, error in (("thickness", published[:, 1], 0.12), ("intensity", published[:, 2] / 255, 0.005)):
        assert np.corrcoef(found[name], column)[0, 1] > 0.97
        assert np.abs(found[name].numpy() - column).mean() < error


@pytest.mark.parametrize(
    ("name", "value", "error"), [("thickness", 2.5, 0.1), ("slant", 12.0, 0.3), ("intensity", 0.5, 1e-6)]
)
def test_a_factor_is_set_and_the_others_stay(name: str, value: float, error: float) -> None:
    before, after = measure_strokes(digits()), measure_strokes(set_strokes(digits(), **{name: value}))
    assert float((after[name] - value).abs().mean()) < error
    spare = {"thickness": 0.3, "slant": 2.0, "intensity": 0.05}
    for other in set(STROKE_FACTORS) - {name}:
        assert float((after[other] - before[other]).abs().mean()) < spare[other]


@pytest.mark.parametrize("slant", [-30.0, 30.0])
def test_strokes_that_lean_far_are_as_thick_as_before(slant: float) -> None:
    before, images = measure_strokes(digits()), set_strokes(digits(), slant=slant)
    after = measure_strokes(images)
    for name, error in (("thickness", 0.1), ("intensity", 0.001)):
        assert float((after[name] - before[name]).abs().mean()) < error
    assert float((after["slant"] - slant).abs().mean()) < 0.1
    assert float((set_strokes(digits(), slant=before["slant"]) - digits()).abs().mean()) < 1e-3  # drawn as they were


def test_each_image_may_have_its_own_value_and_strokes_do_not_tear() -> None:
    wanted = torch.linspace(1.5, 3.5, 20).double()
    thin = set_strokes(digits(), thickness=wanted)
    assert float((measure_strokes(thin)["thickness"] - wanted).abs().mean()) < 0.1
    assert float(thin.flatten(1).amax(1).min()) > 0.4
    assert set_strokes(digits()[:0], slant=3.0).shape == (0, 1, 28, 28)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"thicknes": 3.0}, "strokes have no thicknes; did you mean thickness"),
        ({"thickness": 0.0}, "thickness must be above 0, not 0"),
        ({"thickness": torch.inf}, "thickness must be above 0, not inf"),
        ({"slant": -90.0}, "slant must lie between -90 and 90 degrees, not -90"),
        ({"intensity": torch.nan}, "intensity must be above 0 and at most 1, not nan"),
        ({"intensity": torch.tensor([0.5, 1.5])}, "intensity must be above 0 and at most 1, not 1.5"),
        ({"intensity": torch.full((3,), 0.5)}, "3 values of intensity for 2 images; give one, or one for each"),
    ],
)
def test_what_strokes_cannot_have_is_refused(given: dict[str, float | torch.Tensor], message: str) -> None:
    with pytest.raises(ImageError, match=message):
        set_strokes(digits()[:2], **given)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(1, 1, 28, 28), "picture 0: it is all dark"),
        (1 - bar(3), "picture 0: most of it is bright"),
        (torch.zeros(1, 3, 28, 28), "3 channels"),
        (torch.zeros(1, 1, 9, 9), "at least 16×16"),
    ],
)
def test_what_has_no_strokes_is_refused(images: torch.Tensor, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        measure_strokes(images)
