"""Training: it teaches what labels mean, starts from nothing, can be taken up again, and refuses bad labels."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from augalgebra.causal import CausalGraph, CausalSettings, GraphPrior, causal_loop, prepare, train_causal
from augalgebra.causal.mechanisms import MechanismKind
from augalgebra.data import RANGES, Dataset, glyph_data
from augalgebra.errors import AugalgebraError, DataError, UnknownNameError

FEW = CausalSettings(steps=6, seconds=None, width=4, batch_size=16, waves=2)
CONCEPTS = ("light", "angle", "shadow_length", "shadow_position")


def relabelled(data: Dataset, **labels: torch.Tensor) -> Dataset:
    return replace(data, train=replace(data.train, factors={**data.train.factors, **labels}))


def test_values_are_in_the_units_of_their_own_labels(pendulums: Dataset) -> None:
    model = prepare(pendulums, FEW).model
    for place, concept in enumerate(model.concepts):
        labels = pendulums.train.factors[concept]
        assert float(model.mean[place]) == pytest.approx(float(labels.mean()), abs=1e-4)
        assert float(model.deviation[place]) == pytest.approx(float(labels.std()), rel=1e-4)


def test_training_reads_concepts_better_than_guessing(pendulums: Dataset) -> None:
    settings = replace(FEW, steps=300, width=8, learning_rate=1e-2)
    model = train_causal(pendulums, settings).model
    images = pendulums.train.batch(slice(None))[0]
    read = model.encode(images).values
    for place, concept in enumerate(model.concepts):
        error = (read[:, place] - pendulums.train.factors[concept].float()).square().mean().sqrt()
        assert float(error) < 0.7 * float(model.deviation[place]), concept
    drawn = model.reconstruct(images)
    assert float((drawn - images).square().mean()) < 0.5 * float((images.mean(0) - images).square().mean())


def test_an_interrupted_training_ends_where_another_does(pendulums: Dataset, tmp_path: Path) -> None:
    whole = train_causal(pendulums, FEW).model
    learner = prepare(pendulums, FEW)
    loop = causal_loop(learner, pendulums, FEW)

    def stop(report: object) -> None:
        if loop.step == 4:
            raise KeyboardInterrupt

    assert loop.run(stop).interrupted
    loop.save(tmp_path / "checkpoint")
    again = prepare(pendulums, FEW)
    resumed = causal_loop(again, pendulums, FEW)
    resumed.resume(tmp_path / "checkpoint")
    resumed.run()
    for name, tensor in again.model.state_dict().items():
        if name != "quantiles":  # of the noise, which is looked at in the end
            assert torch.equal(tensor, whole.state_dict()[name]), name


def test_steps_end_within_a_pass_and_can_be_taken_up_to_there(pendulums: Dataset, tmp_path: Path) -> None:
    settings = replace(FEW, steps=4)  # of which a pass has three
    whole = train_causal(pendulums, settings)
    assert (whole.outcome.steps, whole.outcome.ended) == (4, "limit")
    assert [means.steps for means in whole.outcome.epochs] == [3, 4]
    learner = prepare(pendulums, settings)
    loop = causal_loop(learner, pendulums, settings)

    def stop(report: object) -> None:
        if loop.step == 2:
            raise KeyboardInterrupt

    loop.run(stop)
    loop.save(tmp_path / "checkpoint")
    again = prepare(pendulums, settings)
    resumed = causal_loop(again, pendulums, settings)
    resumed.resume(tmp_path / "checkpoint")
    assert resumed.run().steps == 4
    assert torch.equal(again.model.decoder.spread, whole.model.decoder.spread)


def test_what_does_not_show_at_a_place_stays_without_weight(pendulums: Dataset) -> None:
    learner = prepare(pendulums, FEW)
    places = learner.model.places.clone()
    assert not places.all()
    causal_loop(learner, pendulums, FEW).run()
    hidden = ~places.flatten(1).repeat_interleave(FEW.width, 1)
    weights = learner.model.decoder.spread.abs().amax(1)
    assert not weights[hidden].any()
    assert bool((weights[~hidden] > 0).all())


def test_a_share_of_the_labels_is_enough_to_begin_with(pendulums: Dataset) -> None:
    """Labels that are not seen have no influence whatever they are."""
    settings = replace(FEW, labels=0.5)
    wrong = {name: values.clone() for name, values in pendulums.train.factors.items()}
    from augalgebra.causal.training import seen_labels

    for values in wrong.values():
        values[~seen_labels(len(pendulums.train), settings)] = 1e4
    one, two = (train_causal(data, settings).model for data in (pendulums, relabelled(pendulums, **wrong)))
    assert all(torch.equal(tensor, two.state_dict()[name]) for name, tensor in one.state_dict().items())


def test_a_graph_is_learned_within_what_the_prior_allows(pendulums: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augalgebra.causal.training.SEARCH_STEPS", 20)
    prior = GraphPrior.roles(CONCEPTS[:2], CONCEPTS[2:])
    result = train_causal(pendulums, replace(FEW, prior=prior))
    assert result.model.graph.edges <= prior.allowed
    assert bool((result.strengths[~torch.as_tensor(prior.mask)] == 0).all())
    assert bool((result.strengths[torch.as_tensor(prior.mask)] > 0).all())


@pytest.mark.parametrize("kind", ["network", "linear"])
def test_strengths_of_a_given_graph_are_how_far_effects_move(pendulums: Dataset, kind: MechanismKind) -> None:
    """Not the weights of a network, which may be large where it answers little."""
    result = train_causal(pendulums, replace(FEW, mechanisms=kind))
    model, some = result.model, torch.stack([pendulums.train.factors[name].float() for name in CONCEPTS], 1)
    labels = model.to_standard(some)
    light, length = model.graph.index("light"), model.graph.index("shadow_length")
    moved = labels.clone()
    moved[:, light] = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(5)), light]
    by = (model.mechanisms.expect(moved) - model.mechanisms.expect(labels))[:, length].square().mean().div(2).sqrt()
    assert float(result.strengths[light, length].abs()) == pytest.approx(float(by), rel=0.3)
    assert bool((result.strengths != 0).equal(torch.as_tensor(model.graph.matrix)))
    if kind == "linear":
        assert torch.equal(result.strengths.sign(), model.mechanisms.weights().sign())


def test_two_seeds_differ_and_one_does_not(pendulums: Dataset) -> None:
    first, same, other = (train_causal(pendulums, replace(FEW, seed=seed)).model for seed in (0, 0, 1))
    images = pendulums.test.batch(slice(0, 2))[0]
    assert torch.equal(first.reconstruct(images), same.reconstruct(images))
    assert not torch.equal(first.reconstruct(images), other.reconstruct(images))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.zeros(3), "48 images have 3 labels of light"),
        (torch.zeros(48, 2), "48 images have 48 × 2 labels of light"),
        (torch.arange(48.0).index_fill(0, torch.tensor([17]), torch.nan), "the label of light of image 17 is nan"),
        (torch.arange(48.0).index_fill(0, torch.tensor([5]), torch.inf), "the label of light of image 5 is inf"),
        (torch.ones(48), "all labels of light are the same"),
    ],
)
def test_labels_that_cannot_be_learned_from_are_refused(pendulums: Dataset, labels: torch.Tensor, message: str) -> None:
    with pytest.raises(DataError, match=message):
        train_causal(relabelled(pendulums, light=labels), replace(FEW, concepts=CONCEPTS))


def test_a_factor_that_never_varies_is_no_concept(pendulums: Dataset) -> None:
    still = relabelled(pendulums, light=torch.ones(48))
    assert prepare(still, FEW).model.concepts == CONCEPTS[1:]
    none = replace(still, train=replace(still.train, factors={"light": torch.ones(48)}))
    with pytest.raises(DataError, match="all labels of light are the same"):
        prepare(none, FEW)


def test_classes_that_no_concept_names_get_coordinates(pendulums: Dataset) -> None:
    classes = replace(pendulums, train=replace(pendulums.train, labels=torch.arange(48) % 3))
    assert [prepare(data, FEW).model.architecture.rest for data in (pendulums, classes)] == [0, 16]
    assert prepare(classes, replace(FEW, rest=0)).model.architecture.rest == 0


def test_a_model_of_glyphs_leaves_out_what_is_never_mirrored() -> None:
    model = prepare(glyph_data(40), FEW).model
    assert model.concepts == tuple(RANGES)
    assert model.architecture.rest == 16


def test_missing_labels_and_unknown_concepts_are_refused(pendulums: Dataset) -> None:
    bare = replace(pendulums, train=replace(pendulums.train, factors={}))
    with pytest.raises(AugalgebraError, match="the data bring no factors"):
        train_causal(bare, FEW)
    with pytest.raises(UnknownNameError, match="did you mean light"):
        train_causal(pendulums, replace(FEW, concepts=("ligth",)))
    with pytest.raises(DataError, match="at least 10 are needed"):
        train_causal(pendulums, replace(FEW, labels=0.1))


@pytest.mark.parametrize(
    "change",
    [
        {"labels": 0.0},
        {"labels": 1.5},
        {"mechanisms": "lineer"},
        {"seconds": None, "steps": None},
        {"steps": 0},
        {"learning_rate": float("nan")},
        {"width": 0},
        {"sparsity": -1.0},
    ],
)
def test_impossible_settings_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(AugalgebraError):
        CausalSettings(**change)  # type: ignore[arg-type]


def test_settings_come_back_from_plain_data() -> None:
    graph = CausalGraph.parse("light>shadow_length", CONCEPTS)
    for settings in (
        FEW,
        CausalSettings(),
        replace(FEW, prior=GraphPrior.given(graph), labels=0.25, concepts=CONCEPTS),
    ):
        assert CausalSettings.from_dict(settings.to_dict()) == settings
