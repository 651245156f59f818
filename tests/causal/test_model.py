"""Models: abduction is exact, interventions do what they say, edits leave the weights alone."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from augalgebra.causal import CausalArchitecture, CausalGraph, CausalModel, GraphPrior, load_model, save_model
from augalgebra.data import Dataset
from augalgebra.errors import ImageError, ParameterError, RunError, UnknownNameError
from augalgebra.latent.store import pack_tensors

LENGTH = "shadow_length"


@pytest.fixture
def images(pendulums: Dataset) -> Tensor:
    return pendulums.test.batch(slice(0, 6))[0]


@pytest.mark.parametrize("kind", ["linear", "network"])
@pytest.mark.parametrize("edges", ["", "a>b", "a>b, b>c, a>c", "c>b, b>a"])
def test_abduction_and_prediction_are_inverse(kind: str, edges: str) -> None:
    concepts = ("a", "b", "c")
    prior = GraphPrior.given(CausalGraph.parse(edges, concepts))
    model = CausalModel(CausalArchitecture((1, 8, 8), concepts, kind, width=2), prior, seed=3)  # type: ignore[arg-type]
    with torch.no_grad():
        model.mechanisms.log_scale.copy_(torch.tensor([0.3, -1.0, 0.1]))
    images = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    state = model.encode(images)
    assert torch.allclose(model.predict(model.abduct(images)).values, state.values, atol=1e-5)
    noise = model.draw_noise(7, seed=1)
    assert torch.allclose(model.noise_of(model.predict(noise)).noise, noise.noise, atol=1e-4)


def test_an_intervention_sets_what_it_names_and_what_it_causes(model: CausalModel, images: Tensor) -> None:
    before, noise = model.encode(images), model.abduct(images)
    after = dict(zip(model.concepts, model.predict(noise, {"light": 12.0}).values.T, strict=True))
    was = dict(zip(model.concepts, before.values.T, strict=True))
    assert torch.allclose(after["light"], torch.tensor(12.0), atol=1e-4)
    assert torch.allclose(after["angle"], was["angle"], atol=1e-4)
    assert not torch.allclose(after[LENGTH], was[LENGTH], atol=1e-3)
    forced = dict(zip(model.concepts, model.predict(noise, {LENGTH: 4.0}).values.T, strict=True))
    assert all(torch.allclose(forced[name], was[name], atol=1e-4) for name in model.concepts if name != LENGTH)


def test_what_was_forced_before_stays_as_noise_unless_both_are_asked_for_at_once(
    model: CausalModel, images: Tensor
) -> None:
    noise, place = model.abduct(images), model.concepts.index(LENGTH)
    forced = model.predict(noise, {LENGTH: 4.0})
    off = forced.values[:, place] - model.encode(images).values[:, place]
    then, alone = (model.predict(start, {"light": 12.0}).values for start in (model.noise_of(forced), noise))
    assert torch.allclose(then[:, place], alone[:, place] + off, atol=1e-3)
    assert not torch.allclose(then[:, place], alone[:, place], atol=1e-2)
    both = model.edited().do(light=12.0).do(**{LENGTH: 4.0}).predict(noise).values
    assert torch.allclose(both[:, place], torch.tensor(4.0), atol=1e-4)
    assert torch.equal(both, model.predict(noise, {LENGTH: 4.0, "light": 12.0}).values)


def test_interventions_are_idempotent_and_the_last_counts(model: CausalModel, images: Tensor) -> None:
    noise, edited = model.abduct(images), model.edited()
    once = edited.do(light=7.0).predict(noise).values
    assert torch.equal(edited.do(light=7.0).do(light=7.0).predict(noise).values, once)
    assert torch.equal(edited.do(light=-3.0).do(light=7.0).predict(noise).values, once)
    assert torch.equal(
        edited.do(light=7.0, angle=2.0).predict(noise).values, edited.do(angle=2.0).do(light=7.0).predict(noise).values
    )


def test_a_value_for_each_picture_is_set_in_each(model: CausalModel, images: Tensor) -> None:
    values = torch.linspace(-10, 10, len(images))
    together = model.counterfactual(images, {"light": values})
    alone = torch.cat([model.counterfactual(images[n : n + 1], {"light": float(v)}) for n, v in enumerate(values)])
    assert torch.allclose(together, alone, atol=1e-5)


def test_a_cut_edge_carries_nothing(model: CausalModel, images: Tensor) -> None:
    noise, edited = model.abduct(images), model.edited().cut("light", LENGTH)
    place = model.concepts.index(LENGTH)
    values = [edited.predict(noise, {"light": value}).values[:, place] for value in (-20.0, 20.0)]
    assert torch.equal(*values)
    assert torch.equal(values[0], model.predict(noise, {"light": 5.0}, graph=edited.graph).values[:, place])
    trained = [model.predict(noise, {"light": value}).values[:, place] for value in (-20.0, 20.0)]
    assert not torch.allclose(*trained, atol=1e-3)


def test_an_added_edge_carries_its_weight(model: CausalModel, images: Tensor) -> None:
    noise, edited = model.abduct(images), model.edited().add("light", "angle", 0.5)
    place = model.concepts.index("angle")
    low, high = (edited.predict(noise, {"light": value}).values[:, place] for value in (-10.0, 10.0))
    assert torch.allclose(high - low, torch.tensor(10.0), atol=1e-3)


def test_a_mechanism_is_replaced_or_frozen(model: CausalModel, images: Tensor) -> None:
    noise, place = model.abduct(images), model.concepts.index(LENGTH)
    was = model.encode(images).values
    formula = model.edited().replace(LENGTH, "2 + 0.1*light").predict(noise, {"light": 10.0}).values[:, place]
    assert torch.allclose(formula, torch.tensor(3.0), atol=1e-4)
    given = model.edited().replace(LENGTH, lambda values: 1 + values["light"].square(), ["light"])
    assert torch.allclose(given.predict(noise, {"light": 2.0}).values[:, place], torch.tensor(5.0), atol=1e-4)
    frozen = model.edited().freeze(LENGTH).predict(noise, {"light": 10.0}).values[:, place]
    assert torch.allclose(frozen, was[:, place], atol=1e-4)


def test_edits_leave_the_trained_model_as_it_was(model: CausalModel, images: Tensor) -> None:
    before, drawn = (
        {name: t.clone() for name, t in model.state_dict().items()},
        model.counterfactual(images, {"light": 5.0}),
    )
    edited = (
        model.edited().cut("light", LENGTH).add("light", "angle", 1.0).replace("shadow_position", "10").do(light=1.0)
    )
    edited.sample(3)
    assert len(edited.edits) == 4
    assert [str(edit) for edit in edited.undo().edits] == [str(edit) for edit in edited.edits[:-1]]
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert torch.equal(model.counterfactual(images, {"light": 5.0}), drawn)


def test_samples_are_drawn_from_a_seed_and_have_the_values_of_the_labels(model: CausalModel) -> None:
    assert torch.equal(model.sample(3, seed=1), model.sample(3, seed=1))
    assert not torch.equal(model.sample(3, seed=1), model.sample(3, seed=2))
    drawn = model.predict(model.draw_noise(500)).values[:, : model.concepts.index("angle") + 1]
    low, high = model.low[: drawn.shape[1]], model.high[: drawn.shape[1]]
    assert bool((drawn >= low - 1e-3).all())
    assert bool((drawn <= high + 1e-3).all())
    assert float(drawn.std(0).min()) > 10  # degrees: they are spread as the labels are


def test_what_cannot_be_set_is_refused(model: CausalModel, images: Tensor) -> None:
    with pytest.raises(UnknownNameError, match="did you mean light"):
        model.counterfactual(images, {"ligth": 3.0})
    with pytest.raises(ParameterError, match="light = 200 is too far beyond what the model was trained on"):
        model.counterfactual(images, {"light": 200.0})
    with pytest.raises(ParameterError, match="light needs a finite number"):
        model.edited().do(light=float("nan"))
    with pytest.raises(ImageError, match="3×32×32, not 1×28×28"):
        model.encode(torch.zeros(2, 1, 28, 28))


def test_values_of_the_wrong_number_are_refused(model: CausalModel, images: Tensor) -> None:
    wrong = f"3 values of light for {len(images)} pictures; give one, or one for each"
    for ask in (
        lambda: model.counterfactual(images, {"light": torch.tensor([1.0, 2.0, 3.0])}),
        lambda: model.edited().do(light=torch.tensor([1.0, 2.0, 3.0])).counterfactual(images),
    ):
        with pytest.raises(ParameterError, match=wrong):
            ask()
    with pytest.raises(ParameterError, match=f"light needs a number, or one for each picture, not {len(images)} × 1"):
        model.counterfactual(images, {"light": torch.zeros(len(images), 1)})


@pytest.mark.parametrize("formula", ["500", "500 + 0*light", "500 + light - light"])
def test_a_mechanism_that_is_a_number_is_within_what_was_trained_on(model: CausalModel, formula: str) -> None:
    with pytest.raises(ParameterError, match="shadow_length = 500 is too far beyond what the model was trained on"):
        model.edited().replace("shadow_length", formula)
    assert model.edited().replace("shadow_length", "500 - 20*light").edits


@pytest.mark.parametrize(
    ("formula", "found"),
    [("4 + 1000*light", "= -?[0-9.e+]+ is too far"), ("1e300*light", "needs a finite number, not")],
)
def test_what_a_formula_leads_to_is_within_what_was_trained_on(
    model: CausalModel, images: Tensor, formula: str, found: str
) -> None:
    world = model.edited().replace(LENGTH, formula).replace("shadow_position", "2*shadow_length")
    for ask in (lambda: world.counterfactual(images), lambda: world.sample(4)):
        with pytest.raises(ParameterError, match=f"{LENGTH} {found}"):
            ask()
    assert world.sample(4, do={LENGTH: 5.0, "shadow_position": 9.0}).isfinite().all()


def test_what_an_added_edge_leads_to_is_within_what_was_trained_on(model: CausalModel, images: Tensor) -> None:
    with pytest.raises(ParameterError, match=r"angle = .* is too far beyond what the model was trained on"):
        model.edited().add("light", "angle", 50.0).counterfactual(images, {"light": 20.0})
    place = model.concepts.index("angle")  # a little beyond is drawn
    drawn = model.edited().add("light", "angle", 0.8).predict(model.draw_noise(100)).values[:, place]
    assert float(drawn.max()) > float(model.high[place])


def test_values_may_be_lists_and_arrays(model: CausalModel, images: Tensor) -> None:
    values = torch.linspace(-10, 10, len(images), dtype=torch.float64)
    drawn = model.counterfactual(images, {"light": values})
    for given in (values.tolist(), values.numpy()):
        assert torch.equal(model.counterfactual(images, {"light": given}), drawn)
        assert torch.equal(model.edited().do(light=given).counterfactual(images), drawn)
    with pytest.raises(ParameterError, match=f"3 values of light for {len(images)} pictures"):
        model.counterfactual(images, {"light": np.array([1.0, 2.0, 3.0])})
    with pytest.raises(ParameterError, match="light needs a number, or one for each picture, not 'far'"):
        model.counterfactual(images, {"light": "far"})  # type: ignore[dict-item]
    number = model.edited().replace(LENGTH, 4.0)
    assert model.edited().replace(LENGTH, np.float32(4)).world == number.world
    with pytest.raises(ParameterError, match=f"{LENGTH} needs a number, a formula or a function, not 2 numbers"):
        model.edited().replace(LENGTH, [4.0, 5.0])  # type: ignore[arg-type]


def test_of_no_pictures_there_are_no_counterfactuals(model: CausalModel, images: Tensor) -> None:
    assert model.counterfactual(images[:0], {"light": 1.0}).shape == (0, *images.shape[1:])


def test_a_stored_model_is_the_same_and_damage_is_seen(model: CausalModel, images: Tensor, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_model(model, path)
    again = load_model(path)
    assert again.graph == model.graph
    assert torch.equal(again.counterfactual(images, {"light": 5.0}), model.counterfactual(images, {"light": 5.0}))
    content = path.read_bytes()
    path.write_bytes(content[:-100])
    with pytest.raises(RunError, match="damaged"):
        load_model(path)
    path.write_bytes(pack_tensors({}, {"kind": "augalgebra.lavae"}))
    with pytest.raises(RunError, match=r"no augalgebra\.causal file"):
        load_model(path)
    with pytest.raises(RunError, match="is missing"):
        load_model(tmp_path / "none.safetensors")
