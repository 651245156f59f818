"""A causal run is one state of its folder, can be taken up again, and keeps edits under names."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from causal_runs import EDGES, SETTINGS, few_pendulums

from augalgebra import load_catalog
from augalgebra.causal import CausalModel, CausalSettings, Edit, Formula, GraphPrior, truth_of
from augalgebra.data import Dataset, Split
from augalgebra.errors import AugalgebraError, DataError, ImageError, RunError, UnknownNameError
from augalgebra.runs import (
    CausalRun,
    Run,
    find_or_train_causal,
    is_causal_run,
    open_run,
    swap_blocks,
    train_causal_run,
)
from augalgebra.runs.causal.counterfactuals import show_counterfactuals
from augalgebra.runs.causal.edit_files import write_edits
from augalgebra.training import Report


@pytest.fixture(scope="module")
def data() -> Dataset:
    return few_pendulums()


@pytest.fixture(scope="module")
def run(causal_folder: Path) -> CausalRun:
    return CausalRun.load(causal_folder)


@pytest.fixture
def copied(causal_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(causal_folder, tmp_path / "copy"))


def pictures(data: Dataset, number: int = 3) -> torch.Tensor:
    return data.test.batch(slice(number))[0]


def weights(model: CausalModel) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def equal(first: CausalModel, second: CausalModel) -> bool:
    one, other = weights(first), weights(second)
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_run_is_read_as_it_was_trained(run: CausalRun, data: Dataset, tmp_path: Path) -> None:
    again = train_causal_run(tmp_path / "again", data, SETTINGS)
    assert equal(run.model, again.model)
    assert (run.settings, run.steps, run.ended) == (SETTINGS.for_data(data), 12, "limit")
    assert run.metrics == again.metrics
    assert str(run.model.graph) == EDGES
    assert run.hamming_distance == 0
    assert not run.is_learned
    names = ("run.toml", "model.safetensors", "metrics.jsonl")
    assert all((run.folder / name).read_bytes() == (tmp_path / "again" / name).read_bytes() for name in names)


def test_a_run_taken_up_ends_where_one_that_was_not_interrupted_does(
    run: CausalRun, data: Dataset, tmp_path: Path
) -> None:
    def stop(report: Report) -> None:
        if report.step == 5:
            raise KeyboardInterrupt

    begun = train_causal_run(tmp_path / "run", data, SETTINGS, progress=stop)
    assert (begun.ended, CausalRun.load(tmp_path / "run").ended) == ("interrupted", "interrupted")
    with pytest.raises(RunError, match=r"trained with seed = 0, not 1; resume with the same"):
        train_causal_run(tmp_path / "run", data, replace(SETTINGS, seed=1), resume=True)
    shifted = {**data.train.factors, "light": data.train.factors["light"] + 1}
    with pytest.raises(RunError, match="trained with labels = "):
        train_causal_run(
            tmp_path / "run", replace(data, train=replace(data.train, factors=shifted)), SETTINGS, resume=True
        )
    assert equal(train_causal_run(tmp_path / "run", data, SETTINGS, resume=True).model, run.model)
    with pytest.raises(RunError, match="nothing to resume"):
        train_causal_run(tmp_path / "run", data, SETTINGS, resume=True)
    with pytest.raises(RunError, match="there is a run in"):
        train_causal_run(tmp_path / "run", data, SETTINGS)


def test_a_graph_that_is_learned_is_the_same_when_training_is_taken_up(
    data: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("augalgebra.causal.training.SEARCH_STEPS", 5)

    def stop(report: Report) -> None:
        raise KeyboardInterrupt

    settings = replace(SETTINGS, prior=GraphPrior.free(tuple(data.train.factors)), threshold=1e-4)
    run = train_causal_run(tmp_path / "run", data, settings, progress=stop)
    assert run.is_learned
    assert len(CausalRun.load(tmp_path / "run").model.graph.edges) == 6  # as many as fit without a cycle
    done = train_causal_run(tmp_path / "run", data, settings, resume=True)
    assert done.ended == "limit"
    assert equal(done.model, train_causal_run(tmp_path / "whole", data, settings).model)


def test_the_number_beside_an_edge_is_how_far_its_effect_moves(run: CausalRun) -> None:
    place = run.model.graph.index
    assert run.weights == {(c, e): run.strengths[place(c)][place(e)] for c, e in run.model.graph.edges}
    assert run.described()["weights"][0][2] == run.weights["light", "shadow_length"]


def test_what_labels_cannot_tell_of_a_graph_is_named(copied: Path) -> None:
    run = CausalRun.load(copied)
    with torch.no_grad():  # light has no cause, and length has noise
        run.model.mechanisms.log_scale.copy_(torch.tensor([0.01, 1.0, 0.5, 0.01]).log())
    of_a_given_graph = run.undirected
    run.settings = replace(run.settings, prior=GraphPrior.free(run.model.concepts))
    assert (of_a_given_graph, run.undirected) == ((), ("shadow_position",))
    assert run.described()["undirected"] == ["shadow_position"]


def test_a_run_that_is_there_is_not_trained_again(causal_folder: Path, data: Dataset, tmp_path: Path) -> None:
    def fail(report: Report) -> None:
        raise AssertionError

    found = find_or_train_causal(causal_folder, data, SETTINGS, progress=fail)
    assert found.steps == 12
    notes: list[str] = []
    folder = Path(shutil.copytree(causal_folder, tmp_path / "copy"))
    other = find_or_train_causal(folder, data, replace(SETTINGS, seed=1, steps=2), notes=notes)
    assert (other.steps, len(notes)) == (2, 1)


def test_every_door_knows_the_kind_of_a_run(causal_folder: Path) -> None:
    catalog = load_catalog()
    assert is_causal_run(causal_folder)
    assert isinstance(open_run(causal_folder, catalog), CausalRun)
    with pytest.raises(RunError, match="is a causal model"):
        Run.load(causal_folder, catalog)
    with pytest.raises(RunError, match=r"has no concepts that could be set: do\(\) needs a causal model"):
        CausalRun.load(Path(__file__).parents[2] / "fixtures" / "old_run")


def test_counterfactuals_keep_what_is_not_asked_for(run: CausalRun, data: Dataset) -> None:
    given = pictures(data)
    torch.testing.assert_close(run.counterfactual(given), run.model.reconstruct(given))
    moved = run.counterfactual(given, light=20.0)
    assert not torch.equal(moved, run.counterfactual(given))
    assert torch.equal(moved, run.counterfactual(given, {"light": 20.0}))
    assert torch.equal(run.sample(4, seed=3), run.sample(4, seed=3))
    assert not torch.equal(run.sample(4, seed=3), run.sample(4, seed=4))
    with pytest.raises(UnknownNameError, match="did you mean light"):
        run.counterfactual(given, ligth=20.0)
    with pytest.raises(AugalgebraError, match="light = 200 is too far beyond"):
        run.counterfactual(given, light=200.0)
    with pytest.raises(ImageError, match="made for images of"):
        run.counterfactual(given[:, :, :16], light=20.0)
    with pytest.raises(ImageError, match="in \\[0, 1\\]"):
        run.counterfactual(given * 2, light=20.0)


def test_the_truth_stands_beside_counterfactuals(run: CausalRun, data: Dataset) -> None:
    given = pictures(data)
    found = run.show_counterfactuals(given, {"light": 10.0})
    assert found.truth is not None
    assert found.errors is not None
    torch.testing.assert_close(found.true["light"], torch.full((3,), 10.0, dtype=torch.float64), atol=0.01, rtol=0)
    torch.testing.assert_close(found.true["angle"], data.test.factors["angle"][:3], atol=0.1, rtol=0)
    changed = (found.drawn_pictures - found.truth.to(given)).square().mean()
    assert found.errors["counterfactual"] == pytest.approx(float(changed), rel=1e-5)
    assert found.errors["identity"] > 0
    assert found.to_dict().keys() == {"read", "predicted", "true", "drawn", "errors", "picture_errors", "missing"}
    blank = run.show_counterfactuals(torch.ones_like(given), {"light": 10.0})
    assert blank.truth is None
    assert "light cannot be read off picture 0" in blank.missing
    torch.testing.assert_close(blank.drawn_pictures, run.counterfactual(torch.ones_like(given), light=10.0))


def test_factors_that_are_given_are_those_of_every_picture(run: CausalRun, data: Dataset) -> None:
    given = pictures(data)
    factors = {name: values[:3] for name, values in data.test.factors.items()}
    assert run.show_counterfactuals(given, {"light": 10.0}, factors=factors).missing == ""
    with pytest.raises(DataError, match="0 values of the factor angle for 3 pictures; give one for each"):
        run.show_counterfactuals(given, {"light": 10.0}, factors={"light": factors["light"]})
    with pytest.raises(DataError, match="30 values of the factor light for 3 pictures"):
        run.show_counterfactuals(given, {"light": 10.0}, factors=data.test.factors)


def test_edits_are_kept_under_names(copied: Path, data: Dataset) -> None:
    run, given = CausalRun.load(copied), pictures(data)
    before = run.counterfactual(given, light=10.0)
    made = run.edited().cut("light", "shadow_length").replace("shadow_position", "4 + 0.1*angle").do(angle=5.0)
    run.keep_edits("other", made)
    assert CausalRun.load(copied).edits == ("other",)
    assert run.edited("other").edits == made.edits
    assert str(run.edited("other").graph) == "angle>shadow_length, angle>shadow_position"
    torch.testing.assert_close(
        run.counterfactual(given, light=10.0, edit="other"), made.counterfactual(given, {"light": 10.0})
    )
    assert torch.equal(run.counterfactual(given, light=10.0), before)  # the model is as it was
    report = run.check(images=6, data=data)
    assert [score.name for score in report.edits][-1] == "other"
    run.keep_edits("impossible", [Edit("add", "light", "angle", 1.0)])
    run.keep_edits("odd", run.edited().replace("shadow_length", "0.5"))
    report = run.check(images=6, data=data)
    assert "odd" not in [score.name for score in report.edits]
    assert report.left_out["odd"] == "shadow_length must lie in [1, 20], not 0.5"


def test_edits_that_cannot_be_kept_or_read_are_refused(copied: Path, data: Dataset) -> None:
    run = CausalRun.load(copied)
    with pytest.raises(AugalgebraError, match="there is no edge light>angle to cut"):
        run.keep_edits("x", [Edit("cut", "angle", "light")])
    with pytest.raises(AugalgebraError, match="no name for an edit"):
        run.keep_edits("../x", [])
    with pytest.raises(AugalgebraError, match="cannot be written to a file"):
        run.keep_edits("x", run.edited().replace("light", lambda values: values["angle"], ["angle"]))
    assert run.edits == ()
    run.keep_edits("mine", run.edited().cut("light", "shadow_length"))
    with pytest.raises(UnknownNameError, match="did you mean mine"):
        run.edited("mina")
    file = copied / "edits" / "mine.toml"
    for before, after, told in (
        (run.fingerprint, "0" * 64, "was made for another model"),
        ('edit = "cut"', 'edit = "cat"', "must be one of cut, add"),
        ("changes = 1", "changes = 2", "'2' is missing"),
        ("[edit]", "[edit", "is damaged"),
    ):
        text = file.read_text()
        file.write_text(text.replace(before, after))
        with pytest.raises(RunError, match=told):
            run.edited("mine")
        assert told in run.check(images=6, data=data).left_out["mine"]  # and all else is measured
        file.write_text(text)
    assert run.edited("mine").edits


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ('kind = "causal"', 'kind = "causl"', "damaged or was changed by hand"),
        ("train = 60", "train = 61", "damaged or was changed by hand"),
    ],
)
def test_what_was_changed_by_hand_is_refused(copied: Path, before: str, after: str, told: str) -> None:
    file = copied / "run.toml"
    file.write_text(file.read_text().replace(before, after))
    with pytest.raises(RunError, match=told):
        CausalRun.load(copied)


def test_another_model_is_refused(copied: Path, data: Dataset, tmp_path: Path) -> None:
    other = train_causal_run(tmp_path / "other", data, replace(SETTINGS, seed=1, steps=2))
    shutil.copy(other.folder / "model.safetensors", copied / "model.safetensors")
    with pytest.raises(RunError, match="damaged or of another run"):
        CausalRun.load(copied)


def test_blocks_of_two_pictures_are_swapped(run: CausalRun, data: Dataset) -> None:
    blocks = run.partition(images=20, data=data)
    assert [part.name for part in blocks.parts] == list(data.train.factors)
    assert sum(part.share for part in blocks.parts) == pytest.approx(1)
    assert blocks.parts[2].causes == ("light", "angle")
    first, second = pictures(data, 2)[:, None]
    names = list(run.model.concepts)
    torch.testing.assert_close(swap_blocks(run.model, first, second, names), run.model.reconstruct(second))
    torch.testing.assert_close(swap_blocks(run.model, first, second, []), run.model.reconstruct(first))
    with pytest.raises(UnknownNameError, match="unknown concept 'lamp'"):
        swap_blocks(run.model, first, second, ["lamp"])


def test_no_concept_is_called_as_what_no_concept_names_is(data: Dataset, tmp_path: Path) -> None:
    train, test = (
        replace(part, factors={"rest" if name == "angle" else name: v for name, v in part.factors.items()})
        for part in (data.train, data.test)
    )
    named = replace(data, train=train, test=test, truth="")
    with pytest.raises(DataError, match=r"no concept can be called rest, as .*; rename factor_rest"):
        train_causal_run(tmp_path / "run", named, replace(SETTINGS, steps=2))
    concepts = ("light", "shadow_length")
    settings = replace(SETTINGS, concepts=concepts).for_data(named)  # a factor that is none of the concepts is no harm
    assert settings.concepts == concepts


def test_labels_that_are_missing_or_wrong_are_refused(data: Dataset, tmp_path: Path) -> None:
    def spoilt(values: torch.Tensor) -> Dataset:
        factors = {**data.train.factors, "light": values}
        return replace(data, train=Split(data.train.images, data.train.labels, 0, factors))

    wrong = data.train.factors["light"].clone()
    wrong[7] = torch.nan
    with pytest.raises(DataError, match="the label of light of image 7 is nan"):
        train_causal_run(tmp_path / "run", spoilt(wrong), SETTINGS)
    with pytest.raises(DataError, match="60 images have 59 labels of light"):
        train_causal_run(tmp_path / "run", spoilt(wrong[1:]), SETTINGS)
    light = data.train.factors["light"]
    every = r"the labels of light reach from .* to .*, which numbers of 32 bits do not hold well enough; rescale them"
    for far in (light * 1e-302, light * 1e300, light * 1e-6 + 1e3, torch.where(light == light.max(), 1e200, light)):
        with pytest.raises(DataError, match=every):
            train_causal_run(tmp_path / "run", spoilt(far), SETTINGS)
    with pytest.raises(DataError, match="all labels of light are the same"):
        train_causal_run(tmp_path / "run", spoilt(light * 0), replace(SETTINGS, concepts=tuple(data.train.factors)))
    for odd in (light * 1e-20, light * 1e20, light + 2000):
        assert (
            train_causal_run(tmp_path / "odd", spoilt(odd), replace(SETTINGS, steps=2), overwrite=True).ended == "limit"
        )
    bare = replace(data, train=Split(data.train.images, data.train.labels))
    with pytest.raises(AugalgebraError, match="the data bring no factors"):
        train_causal_run(tmp_path / "run", bare, CausalSettings(steps=1))
    assert not (tmp_path / "run").exists()


def test_a_cut_of_what_is_none_in_truth_has_a_true_picture(copied: Path, data: Dataset) -> None:
    run = CausalRun.load(copied)
    world = run.edited().add("light", "angle", 0.1).cut("light", "angle")
    run.keep_edits("back", world)
    found = run.show_counterfactuals(pictures(data), {"light": 10.0}, edit="back")
    assert found.missing == ""
    with torch.no_grad():  # a model that took light for a cause of the angle
        run.model.mechanisms.edges[0, 1] = True
    cut = run.edited().cut("light", "angle")
    assert show_counterfactuals(cut, pictures(data), {"light": 10.0}, truth_of(run.model, "pendulum")).missing == ""


def test_a_kept_edit_that_the_model_does_not_take_is_left_out_of_a_check(copied: Path, data: Dataset) -> None:
    run = CausalRun.load(copied)
    write_edits(copied, "far", [Edit("set", "shadow_length", formula=Formula(500.0))], run.fingerprint)
    assert "shadow_length = 500 is too far beyond" in run.check(images=4, data=data).left_out["far"]


def test_images_of_somebody_else_have_no_truth_whatever_their_factors_are_called(data: Dataset, tmp_path: Path) -> None:
    train_causal_run(tmp_path / "run", replace(data, truth=""), replace(SETTINGS, steps=2))
    run = CausalRun.load(tmp_path / "run")
    assert (run.true_graph, run.is_learned) == (None, True)
    run.keep_edits("mine", run.edited().freeze("light"))
    report = run.check(images=4, data=data)
    assert (report.counterfactuals, report.is_good) == ((), None)
    assert dict(report.left_out) == {"mine": "what is true in its world is not known"}
    assert run.show_counterfactuals(pictures(data), {"light": 10.0}).truth is None


@pytest.mark.parametrize(
    ("name", "known"), [("pendulum", True), ("mine/pendulum", False), ("morpho:digits", False), ("mine.npz", False)]
)
def test_of_a_run_that_says_nothing_of_the_truth_the_name_of_the_data_tells(
    copied: Path, name: str, known: bool
) -> None:
    run = CausalRun.load(copied)
    run.data = {key: value for key, value in run.data.items() if key != "truth"} | {"name": name}
    run.save(finished=True)
    assert (CausalRun.load(copied).true_graph is not None) is known


@pytest.mark.parametrize("part", ["train", "test"])
def test_changed_labels_are_noticed(run: CausalRun, data: Dataset, part: str) -> None:
    split = data.train if part == "train" else data.test
    turned = replace(split, factors={**split.factors, "light": split.factors["light"].flip(0)})
    other = replace(data, train=turned) if part == "train" else replace(data, test=turned)
    with pytest.raises(RunError, match=r"was trained on, but other labels; bring these back, or"):
        run.check(images=4, data=other)
    with pytest.raises(RunError, match="but other labels"):
        run.partition(images=4, data=other)


def test_a_run_that_does_not_say_what_its_test_labels_were_is_checked(copied: Path, data: Dataset) -> None:
    run = CausalRun.load(copied)
    run.data = {key: value for key, value in run.data.items() if key != "test_labels"}
    run.save(finished=True)
    assert CausalRun.load(copied).check(images=4, data=data).images == 4


def test_a_run_that_changed_meanwhile_is_not_written_about(copied: Path, data: Dataset) -> None:
    old = CausalRun.load(copied)
    train_causal_run(copied, data, replace(SETTINGS, steps=2), overwrite=True)
    with pytest.raises(RunError, match="has changed since it was read"):
        old.keep_edits("x", old.edited().cut("light", "shadow_length"))
