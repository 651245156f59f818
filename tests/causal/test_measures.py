"""Measures: a model that is right passes, planted faults do not."""

import copy
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from augalgebra.causal import (
    CausalArchitecture,
    CausalGraph,
    CausalModel,
    CausalReport,
    Edit,
    Formula,
    GraphPrior,
    World,
    known_graph,
)
from augalgebra.causal.measures import measure_causal
from augalgebra.causal.truth import Factors, PendulumTruth
from augalgebra.data import LIMITS, Dataset, Split, draw_pendulum, read_pendulum
from augalgebra.errors import DataError

CONCEPTS = ("light", "angle", "shadow_length", "shadow_position")


class Painter(nn.Module):
    """A decoder that draws by the renderer."""

    def __init__(self, model: CausalModel) -> None:
        super().__init__()
        self.owner = [model]

    def forward(self, blocks: Tensor, rest: Tensor) -> Tensor:
        own = self.owner[0].to_own(blocks[:, :, 0]).double()
        values = {name: own[:, place].clamp(*LIMITS[name]) for place, name in enumerate(CONCEPTS)}
        return draw_pendulum(**values, size=(32, 32)).clamp(1e-6, 1 - 1e-6).logit().float()


class Reader(nn.Module):
    """An encoder that reads by the inverse of the renderer."""

    def __init__(self, model: CausalModel) -> None:
        super().__init__()
        self.owner = [model]

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        found = read_pendulum(images.double()).factors
        own = torch.stack([found[name] for name in CONCEPTS], 1).float()
        values = self.owner[0].to_standard(own)
        return values, torch.zeros_like(values)


def perfect(data: Dataset, graph: CausalGraph | None = None) -> CausalModel:
    """A model that reads, follows and draws without error."""
    true = known_graph("pendulum", CONCEPTS)
    assert true is not None
    model = CausalModel(CausalArchitecture((3, 32, 32), CONCEPTS, width=2), GraphPrior.given(true))
    labels = torch.stack([data.train.factors[name] for name in CONCEPTS], 1)
    model.mean.copy_(labels.mean(0))
    model.deviation.copy_(labels.std(0))
    model.low.copy_(labels.amin(0))
    model.high.copy_(labels.amax(0))
    physics = copy.deepcopy(PendulumTruth(model)._mechanisms).float()
    physics._mean, physics._deviation = model.mean, model.deviation
    if graph is not None:
        physics.edges.copy_(torch.as_tensor(graph.matrix))
    model.mechanisms, model.encoder, model.decoder = physics, Reader(model), Painter(model)  # type: ignore[assignment]
    return model


def report(model: CausalModel, data: Dataset) -> CausalReport:
    return measure_causal(model, data.test, PendulumTruth(model), images=24)


def test_a_perfect_model_has_no_error(pendulums: Dataset) -> None:
    found = report(perfect(pendulums), pendulums)
    assert max(score.error for score in (*found.counterfactuals, *found.edits)) < 1e-4
    assert all(score.error < 0.1 * score.identity for score in found.counterfactuals)
    assert max(max(score.standard.values()) for score in found.counterfactuals) < 0.02
    assert len(found.counterfactuals) == 4 + 6
    assert len(found.edits) == 4
    assert max(score.pixels for score in found.composition) < 1e-2
    assert max(axiom.reversibility for axiom in found.axioms) < 1e-2
    assert min(item["mic"] for item in found.information.values()) > 0.95
    assert found.graph is not None
    assert (found.graph.distance, found.graph.area) == (0, 1)


@pytest.mark.parametrize("edge", [("light", "shadow_length"), ("angle", "shadow_position")])
def test_a_missing_edge_is_seen_in_counterfactuals_of_its_cause_alone(
    pendulums: Dataset, edge: tuple[str, str]
) -> None:
    true = known_graph("pendulum", CONCEPTS)
    assert true is not None
    model, whole = perfect(pendulums, true.cut(*edge)), perfect(pendulums)
    faulty, right = (
        {score.name: score for score in report(each, pendulums).counterfactuals} for each in (model, whole)
    )
    cause, effect = edge
    assert faulty[f"do({cause})"].error > 10 * right[f"do({cause})"].error
    assert faulty[f"do({cause})"].standard[effect] > 0.1
    assert not faulty[f"do({cause})"].is_good
    kept = f"do({effect})"  # an effect that is set needs no mechanism
    assert faulty[kept].error == pytest.approx(right[kept].error, rel=0.2, abs=1e-5)
    found = report(model, pendulums)
    assert found.graph is not None
    assert found.graph.distance == 1


def test_a_model_that_always_draws_the_same_is_not_good(pendulums: Dataset) -> None:
    """Its counterfactuals are as near to the truth as its reconstructions are."""
    model = perfect(pendulums)

    class Same(nn.Module):
        def forward(self, blocks: Tensor, rest: Tensor) -> Tensor:
            return torch.zeros(len(blocks), 3, 32, 32)

    model.decoder = Same()  # type: ignore[assignment]
    score = report(model, pendulums).counterfactuals[0]
    assert score.ratio == pytest.approx(1)
    assert not score.is_good


def test_an_edited_world_is_held_against_its_own_true_picture(pendulums: Dataset) -> None:
    model = perfect(pendulums)
    edits = {"short": [Edit("cut", "shadow_length", "light"), Edit("do", "angle", number=10.0)]}
    found = measure_causal(model, pendulums.test, PendulumTruth(model), images=24, edits=edits)
    assert [score.name for score in found.edits] == ["short"]
    assert found.edits[0].error < 1e-4 < found.edits[0].identity


def test_an_edited_world_that_has_no_true_picture_of_one_image_is_left_out_with_the_reason(pendulums: Dataset) -> None:
    """Its true shadow is below 1 where the angle is far to the left, and it is drawn of the first image."""
    model = perfect(pendulums)
    lengths = 4 + 0.12 * pendulums.test.factors["angle"][:24]
    assert lengths[0] > 1 > lengths.min()
    edits = {
        "odd": [Edit("set", "shadow_length", formula=Formula.parse("4 + 0.12*angle"))],
        "short": [Edit("cut", "shadow_length", "light")],
    }
    found = measure_causal(model, pendulums.test, PendulumTruth(model), images=24, edits=edits)
    assert [score.name for score in found.edits] == ["short"]
    assert list(found.left_out) == ["odd"]
    assert "shadow_length must lie in [1, 20], not" in found.left_out["odd"]
    assert found.to_dict()["left_out"] == found.left_out
    assert len(found.counterfactuals) == 4 + 6


def far(data: Dataset, *numbers: int) -> Split:
    """Test images of which some are said to have a light that the model would not take."""
    light = data.test.factors["light"].clone()
    light[list(numbers)] = 200.0
    return replace(data.test, factors={**data.test.factors, "light": light})


def test_one_label_out_of_range_does_not_lose_the_check(pendulums: Dataset) -> None:
    """Others are set to values that the model takes, and only what comes back to that label is left out."""
    model = perfect(pendulums)
    for numbers in ((5,), range(24)):
        found = measure_causal(model, far(pendulums, *numbers), StillTruth(model), images=24)
        few = len(numbers) == 1
        assert {score.name for score in found.counterfactuals} >= {"do(angle)", "do(shadow_length)"}
        assert ("do(light)" in found.left_out) is not few
        assert "light = 200 is too far beyond" in found.left_out["light, there and back"] or not few
        assert [axiom.concept for axiom in found.axioms] == [*CONCEPTS[1:]]
    assert "light is too far beyond what the model was trained on in every" in found.left_out["do(light, angle)"]


class StillTruth(PendulumTruth):
    """Whose pictures stay, whatever the factors are said to be."""

    def change(self, images: Tensor, factors: Factors, world: World) -> Tensor:
        return images


def test_where_nothing_changes_doing_nothing_is_right(pendulums: Dataset) -> None:
    true = known_graph("pendulum", CONCEPTS)
    assert true is not None
    model = perfect(pendulums, true.add("light", "angle"))
    found = {score.name: score for score in report(model, pendulums).edits}
    still = found["cut light>angle"]
    assert not still.changes
    drawn = replace(still, error=2e-4, floor=2e-4)  # as well as any picture
    assert drawn.is_good
    assert not replace(drawn, error=3e-4).is_good


def test_what_an_edit_added_is_cut_in_truth_too(pendulums: Dataset) -> None:
    model = perfect(pendulums)
    edits = model.edited().add("shadow_length", "shadow_position", 1.5).cut("shadow_length", "shadow_position").edits
    assert World.of(model.graph, edits, idle_cuts=True) == World.of(model.graph, edits)
    found = measure_causal(model, pendulums.test, PendulumTruth(model), images=24, edits={"both": edits})
    assert (found.edits[0].changes, found.left_out) == (False, {})
    # what is none in truth is not cut there, before or after it was added
    light = [Edit("cut", "angle", "light"), Edit("add", "angle", "light", 0.1), Edit("cut", "angle", "light")]
    assert World.of(model.graph, light, idle_cuts=True) == World.of(model.graph, light[1:])


def test_without_a_truth_only_composition_is_measured(pendulums: Dataset) -> None:
    found = measure_causal(perfect(pendulums), pendulums.test, None, images=8)
    assert found.counterfactuals == found.edits == found.axioms == ()
    assert found.graph is None
    assert (found.is_good, found.to_dict()["is_good"], found.left_out) == (None, None, {})
    assert [score.times for score in found.composition] == [1, 10]


def test_edits_that_are_tried_without_a_truth_are_left_out_with_the_reason(pendulums: Dataset) -> None:
    model = perfect(pendulums)
    edits = {"cut light>shadow_length": [], "still": [Edit("freeze", "shadow_length")]}
    found = measure_causal(model, pendulums.test, None, images=8, edits=edits)
    assert dict(found.left_out) == {"still": "what is true in its world is not known"}


def test_too_few_images_are_refused(pendulums: Dataset) -> None:
    for images, least in ((-40, "one image is needed, not -40"), (0, "one image"), (1, "two images")):
        with pytest.raises(DataError, match=f"at least {least}"):
            measure_causal(perfect(pendulums), pendulums.test, None, images=images)


def test_unlabelled_images_are_refused(pendulums: Dataset) -> None:
    bare = type(pendulums.test)(pendulums.test.images, pendulums.test.labels)
    model = perfect(pendulums)
    with pytest.raises(DataError, match="needs labels of light, angle"):
        measure_causal(model, bare, PendulumTruth(model))
