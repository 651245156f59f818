"""True pictures of other worlds."""

from dataclasses import replace

import pytest
import torch

from augalgebra.causal import (
    CausalArchitecture,
    CausalModel,
    CausalSettings,
    Edit,
    Formula,
    World,
    known_graph,
    truth_of,
)
from augalgebra.causal.truth import PendulumTruth, StrokesTruth
from augalgebra.data import (
    Dataset,
    cast_shadow,
    cause_intensity,
    draw_pendulum,
    glyph_data,
    measure_strokes,
    pendulum_data,
    set_strokes,
)
from augalgebra.errors import ImageError


def test_pendulums_that_are_too_small_to_be_read_are_no_data() -> None:
    with pytest.raises(ImageError, match="of at least 32 pixels, not 16"):
        pendulum_data(size=16)


@pytest.fixture(scope="module")
def truth(model: CausalModel) -> PendulumTruth:
    found = truth_of(model, "pendulum")
    assert isinstance(found, PendulumTruth)
    return found


def test_doing_nothing_gives_the_same_factors_and_pictures(truth: PendulumTruth, pendulums: Dataset) -> None:
    world, factors = World.of(truth.graph), pendulums.test.factors
    followed = truth.follow(factors, world)
    assert all(torch.allclose(followed[name], factors[name], atol=1e-5) for name in factors)
    images = pendulums.test.batch(slice(None))[0]
    assert float((truth.change(images, factors, world) - images).abs().max()) <= 1 / 255


def test_the_shadow_follows_the_light(truth: PendulumTruth, pendulums: Dataset) -> None:
    factors, light = pendulums.test.factors, torch.full((len(pendulums.test),), 20.0, dtype=torch.float64)
    images = pendulums.test.batch(slice(None))[0]
    made = truth.change(images, factors, World.of(truth.graph, [Edit("do", "light", number=20.0)]))
    assert torch.allclose(made, draw_pendulum(light, factors["angle"], size=(32, 32)).float(), atol=1e-5)
    forced = truth.follow(factors, World.of(truth.graph, [Edit("do", "shadow_length", number=4.0)]))
    assert torch.allclose(forced["light"], factors["light"])
    assert torch.allclose(forced["shadow_length"], torch.tensor(4.0, dtype=torch.float64))


def test_an_effect_that_was_set_stays_until_its_mechanism_acts(truth: PendulumTruth) -> None:
    """What no cause explains is noise, which an intervention on a cause keeps."""
    one = torch.tensor([10.0], dtype=torch.float64)
    length, position = cast_shadow(one, one)
    factors = {"light": one, "angle": one, "shadow_length": length + 2, "shadow_position": position}
    moved = truth.follow(factors, World.of(truth.graph, [Edit("do", "light", number=-20.0)]))
    assert torch.allclose(moved["shadow_length"], cast_shadow(-2 * one, one)[0] + 2, atol=1e-5)


def test_a_cut_cause_counts_as_its_mean(truth: PendulumTruth, pendulums: Dataset, model: CausalModel) -> None:
    factors = pendulums.test.factors
    mean = model.mean[model.concepts.index("light")].double().expand(len(pendulums.test))
    cut = truth.follow(factors, World.of(truth.graph, [Edit("cut", "shadow_length", "light")]))
    assert torch.allclose(cut["shadow_length"], cast_shadow(mean, factors["angle"])[0], atol=1e-4)
    assert torch.allclose(cut["shadow_position"], factors["shadow_position"], atol=1e-5)


def test_what_cannot_be_read_is_no_number(truth: PendulumTruth, pendulums: Dataset) -> None:
    images = pendulums.test.batch(slice(0, 3))[0].clone()
    images[1, :, :10] = 1  # no light
    found = truth.read(images)
    assert found["light"].isnan().tolist() == [False, True, False]
    assert not found["angle"].isnan().any()


def test_thick_strokes_are_bright_unless_that_is_cut() -> None:
    model = CausalModel(CausalArchitecture((1, 28, 28), ("thickness", "intensity"), width=2))
    truth = truth_of(model, "strokes")
    assert isinstance(truth, StrokesTruth)
    images = glyph_data(10).train.batch(slice(0, 3))[0]
    noise = torch.tensor([-1.0, 0.0, 2.0], dtype=torch.float64)
    thickness = torch.tensor([2.0, 2.5, 3.0], dtype=torch.float64)
    factors = {"thickness": thickness, "intensity": cause_intensity(thickness, noise)}
    thicker = Edit("do", "thickness", number=3.0)

    def world(*edits: Edit) -> World:
        return World.of(truth.graph, edits)

    caused = cause_intensity(torch.full((3,), 3.0, dtype=torch.float64), noise)
    found = truth.follow(factors, world(thicker))
    torch.testing.assert_close(found["intensity"], caused)
    made = truth.change(images, factors, world(thicker))
    assert torch.equal(made[:2], set_strokes(images, thickness=3.0, intensity=found["intensity"])[:2])
    for stays in (Edit("freeze", "intensity"), Edit("cut", "intensity", "thickness")):
        found = truth.follow(factors, world(stays, thicker))["intensity"]
        wanted = factors["intensity"] if stays.kind == "freeze" else cause_intensity(model.mean[:1].double(), noise)
        torch.testing.assert_close(found, wanted)
    half = truth.follow(factors, world(Edit("set", "intensity", formula=Formula.parse("0.25*thickness")), thicker))
    torch.testing.assert_close(half["intensity"], torch.full((3,), 0.75, dtype=torch.float64))
    assert torch.equal(truth.change(images, factors, world()), images)  # nothing is drawn anew where nothing changes


@pytest.mark.parametrize("formula", ["intensity=3", "intensity=-1", "thickness=-5"])
def test_strokes_of_a_world_that_cannot_be_have_no_true_picture(formula: str) -> None:
    truth = truth_of(CausalModel(CausalArchitecture((1, 28, 28), ("thickness", "intensity"), width=2)), "strokes")
    assert truth is not None
    images, (concept, number) = glyph_data(10).train.batch(slice(0, 2))[0], formula.split("=")
    factors = {"thickness": torch.full((2,), 2.5).double(), "intensity": torch.full((2,), 0.8).double()}
    with pytest.raises(ImageError, match=f"{concept} must be above 0"):
        truth.change(images, factors, World.of(truth.graph, [Edit("set", concept, formula=Formula.parse(number))]))


def test_strokes_that_are_not_there_are_not_read() -> None:
    truth = truth_of(CausalModel(CausalArchitecture((1, 28, 28), ("thickness", "intensity"), width=2)), "strokes")
    assert truth is not None
    images = glyph_data(10).train.batch(slice(0, 1))[0]
    found = truth.read(torch.cat([images, torch.zeros_like(images)]))
    assert float(found["thickness"][0]) == float(measure_strokes(images)["thickness"])
    assert found["thickness"].isnan().tolist() == [False, True]


def test_of_other_concepts_nothing_is_known() -> None:
    assert truth_of(CausalModel(CausalArchitecture((1, 28, 28), ("colour",), width=2)), "strokes") is None


def test_names_of_concepts_make_nothing_true(model: CausalModel, pendulums: Dataset) -> None:
    """Only the data tell: images of somebody else may have a thickness and an intensity, too."""
    strokes = CausalModel(CausalArchitecture((1, 28, 28), ("thickness", "intensity"), width=2))
    assert truth_of(model, "") is truth_of(model, "strokes") is None
    assert truth_of(strokes, "") is truth_of(strokes, "pendulum") is None
    assert known_graph("", ("thickness", "intensity")) is None
    prior = CausalSettings().for_data(replace(pendulums, truth="")).prior
    assert prior is not None
    assert prior.kind == "free"


def test_what_is_true_stays_with_parts_of_the_data(pendulums: Dataset) -> None:
    assert pendulums.part(5).truth == "pendulum"
    assert (pendulum_data(size=32).truth, glyph_data(10).truth) == ("pendulum", "")
