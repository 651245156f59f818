"""Comparisons of latent spaces: measures proven by planted truths, then all of it on hardly any data."""

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import get_args

import numpy as np
import pytest
import torch
from augalg_slides.baselines.classifiers import Classifiers
from augalg_slides.baselines.conditional import Conditions
from augalg_slides.baselines.control import class_control, other_classes, probe_accuracy
from augalg_slides.baselines.mlp_operator import NetworkChain, fit_nonlinear
from augalg_slides.baselines.scores import SHIFTED, SUM, THROUGH, TOLD, ConditionedModel
from augalg_slides.baselines.trained_networks import BaselineConfig, BaselineNetworks
from augalg_slides.commands.compare import Chosen
from augalg_slides.evidence.comparison import Table
from augalg_slides.pages.involution import involution_on, involutory_loss
from augalg_slides.reproduction.compare import as_document, compare, kept_comparisons, pooled_claims
from augalg_slides.reproduction.comparisons import COMPARISONS
from PIL import Image

from augalgebra import Settings, load_catalog
from augalgebra.algebra.words import word_of
from augalgebra.data.dataset import Dataset, Split
from augalgebra.errors import AugalgebraError, NotInvertibleError, RunError
from augalgebra.training.loop import Limit
from augalgebra.training.views import Views

SIDE = 8
CATALOG = load_catalog()
VIEWS = Views.published(CATALOG, ["flip_lr", "flip_ud"])
TINY = BaselineConfig(dim=3, width=2, images=12, judging=3, fitting=3)


def corners(count: int, first: int = 0) -> Split:
    """Two classes without any symmetry: a wide and a tall hook in the upper left, of random grey."""
    grey = torch.randint(150, 256, (count,), generator=torch.Generator().manual_seed(first))
    images = torch.zeros(count, 1, SIDE, SIDE, dtype=torch.uint8)
    labels = torch.arange(count) % 2
    for number, (value, label) in enumerate(zip(grey.tolist(), labels.tolist(), strict=True)):
        hook = torch.tensor([[1, 1, 1, 1], [0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
        images[number, 0, :4, :4] = value * (hook.T if label else hook)
    return Split(images, labels, first)


DATA = Dataset("corners", corners(40), corners(12, 40))


@pytest.fixture(scope="module")
def classifiers():
    return Classifiers.train(DATA.train, VIEWS, steps=120)


@pytest.fixture(scope="module")
def networks(classifiers):
    images, ids = DATA.test.batch(slice(None))
    return SimpleNamespace(
        test=DATA.test,
        shown=VIEWS.make(images, ids),
        classifiers=classifiers,
        seed=0,
        device=torch.device("cpu"),
        views=VIEWS,
        names=tuple(map(CATALOG.display, VIEWS.words)),
    )


def test_judges_know_class_and_view_of_true_images(networks, classifiers):
    for number, view in enumerate(networks.shown):
        assert classifiers.view_numbers(view).tolist() == [number] * len(view)
        assert torch.equal(classifiers.classes(view, number), DATA.test.labels)


def test_another_class_is_another_class():
    labels = torch.tensor([3, 5, 9, 5])
    asked = other_classes(labels, (3, 5, 9), seed=1)

    assert not bool((asked == labels).any())
    assert set(asked.tolist()) <= {3, 5, 9}


def drawn_as_asked(networks, view, classes):
    """A perfect latent space: an image of the class asked for, in the view asked for."""
    examples = [networks.shown[view][DATA.test.labels == label][0] for label in (0, 1)]
    return torch.stack([examples[label] for label in classes.tolist()])


def test_control_is_seen_where_the_class_asked_for_is_drawn(networks):
    for control in class_control(
        networks, "perfect", lambda view, classes: drawn_as_asked(networks, view, classes), (0, 1)
    ):
        assert (control.asked, control.kept, control.view, control.told_apart) == (1.0, 0.0, 1.0, True)


def test_a_decoder_that_ignores_the_condition_fails_the_measure_of_control(networks):
    for control in class_control(networks, "deaf", lambda view, _: networks.shown[view], (0, 1)):
        assert (control.asked, control.kept, control.view) == (0.0, 1.0, 1.0)


def test_a_view_that_is_lost_is_seen(networks):
    _, augmented = class_control(networks, "upright", lambda _, classes: drawn_as_asked(networks, 0, classes), (0, 1))

    assert (augmented.view, augmented.told_apart) == (0.0, False)


class Flipping:
    """Codes are pixels; whatever view the condition names is undone by the encoder and done by the decoder."""

    def __init__(self, *, composes: bool) -> None:
        self.composes = composes

    def encode(self, images, condition):
        return self._flipped(images, condition)

    def decode(self, codes, condition):
        return self._flipped(codes, condition)

    def _flipped(self, images, condition):
        _, right, up = condition[0].tolist()
        if right and up and not self.composes:
            return images
        images = images.flip(3) if right else images
        return images.flip(2) if up else images


class Unit:
    """A yardstick on which 1 is bad and 0 is perfect; what is drawn and wanted differs by that."""

    @staticmethod
    def score(model, way, view, word, bce):
        return SimpleNamespace(model=model, way=way, view=view, word=word, bce=bce)


@pytest.mark.parametrize("composes", [True, False])
def test_composition_is_seen_where_it_emerges_and_only_there(networks, composes):
    told = ConditionedModel(networks, Flipping(composes=composes), Conditions(views=3))
    scores = {(score.view, score.word, score.way): score.bce for score in told.scores("planted", Unit)}
    original, first, second, product = networks.names
    perfect = scores[original, first, TOLD]

    assert len(scores) == 9
    assert scores[first, second, TOLD] == pytest.approx(perfect)
    for way in (SUM, SHIFTED):
        assert (scores[original, product, way] == pytest.approx(perfect)) == composes
    assert scores[original, product, THROUGH] == pytest.approx(perfect)


def test_a_probe_tells_views_that_lie_apart_and_no_others():
    noise = torch.randn(4, 50, 3, generator=torch.Generator().manual_seed(0))
    apart = noise + 20 * torch.eye(4)[:, None, :3]

    assert probe_accuracy(apart) == 1.0
    assert probe_accuracy(noise) < 0.45


def test_the_involutory_loss_of_an_involution_is_zero():
    signs = np.diag([1.0, -1.0, -1.0])
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]

    assert involutory_loss(signs) == 0
    assert involutory_loss(turn @ signs @ turn.T) < 1e-24
    assert involutory_loss(2 * np.eye(3)) == pytest.approx(27)


def test_a_network_learns_what_no_matrix_does_and_has_no_inverse():
    sources = torch.randn(600, 2, generator=torch.Generator().manual_seed(0))
    targets = torch.stack([sources[:, 0].abs(), sources[:, 1]], dim=1)
    operator = fit_nonlinear(sources, targets, steps=600)
    error = (operator.apply(sources) - targets).square().mean(0)
    word = word_of("a")

    assert float(error[0] / targets[:, 0].var()) < 0.1  # the best matrix explains next to nothing of |x|
    chained = NetworkChain({word: operator})
    torch.testing.assert_close(chained.operator(word**2).apply(sources), operator.apply(operator.apply(sources)))
    with pytest.raises(NotInvertibleError, match="no inverse"):
        chained.operator(~word)
    with pytest.raises(AugalgebraError, match="no non-linear operator of b"):
        chained.operator(word_of("b"))
    with pytest.raises(AugalgebraError, match="at least two pairs"):
        fit_nonlinear(sources, targets[:5])


def test_a_table_reads_well():
    table = Table(("model", "gap"), (("nothing", None), ("ours", 1.0)))

    assert table.to_markdown().splitlines() == [
        "| model   |   gap |",
        "| ------- | ----: |",
        "| nothing |     - |",
        "| ours    | 1.000 |",
    ]
    assert table.to_dict() == [{"model": "nothing", "gap": None}, {"model": "ours", "gap": 1.0}]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """All comparisons, with the folder and the stages that were reported."""
    folder, stages = tmp_path_factory.mktemp("compare"), []
    results = list(
        compare(
            folder,
            DATA,
            CATALOG,
            budget=Limit(epochs=1),
            size=TINY,
            progress=lambda report: stages.append(report.stage),
        )
    )
    return folder, results, stages


def test_every_comparison_has_claims_a_table_and_a_picture(made):
    folder, results, stages = made

    assert [result.experiment for result in results] == list(COMPARISONS)
    for result in results:
        answer = json.loads(json.dumps(result.answer, allow_nan=False))
        assert answer["claims"], result.experiment
        assert len(answer["table"]) >= 4
        with Image.open(folder / f"{result.experiment}-0.png") as picture:
            assert len(np.unique(np.asarray(picture))) > 50
    assert {"LAVAE", "equivariant LAVAE", "class and operators"} <= set(stages)
    text = as_document(results, "About.")
    assert text.count("![") == len(COMPARISONS)
    assert {claim.slide for claim in pooled_claims(results)} == {"14", "15", "16", "17", "22", "7"}


def test_networks_that_several_comparisons_need_are_trained_once(made):
    _, _, stages = made

    starts = [stage for before, stage in zip(["", *stages], stages, strict=False) if stage != before]
    assert len(starts) == len(set(starts))


def test_closed_forms_are_involutions(made):
    _, results, _ = made
    fits = {(fit["fit"], fit["weight"]): fit for fit in results[2].answer["fits"]}

    assert fits["involution", None]["defect"] < 1e-9
    assert fits["representation", None]["defect"] < 1e-9
    assert fits["published", 1.0]["defect"] < fits["published", 0.0]["defect"]


def test_what_is_there_is_not_made_again_unless_settings_differ(made):
    folder, results, _ = made
    chosen = ("involution",)

    (again,) = compare(folder, DATA, CATALOG, experiments=chosen, budget=Limit(epochs=1), size=TINY)
    assert (again.fresh, again.answer, again.claims) == (False, results[2].answer, results[2].claims)
    (folder / "involution-0.png").unlink()
    (again,) = compare(folder, DATA, CATALOG, experiments=chosen, budget=Limit(epochs=1), size=TINY)
    assert (again.fresh, again.answer) == (True, results[2].answer)
    assert [item.experiment for item in kept_comparisons(folder, DATA, CATALOG, budget=Limit(epochs=1), size=TINY)] == [
        *COMPARISONS
    ]


def test_results_of_other_settings_are_not_replaced(made):
    folder, _, _ = made
    before = {path: path.read_bytes() for path in folder.iterdir()}

    with pytest.raises(RunError, match="which is not what is asked for now; name another folder"):
        list(compare(folder, DATA, CATALOG, experiments=("mlp",), budget=Limit(epochs=2), size=TINY))
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("name", ["mlp-0.json", "compare.md"])
def test_a_foreign_file_is_not_overwritten(tmp_path, name):
    (tmp_path / name).write_text("[]")

    with pytest.raises(RunError, match="holds something else; name another folder"):
        list(compare(tmp_path, DATA, CATALOG, experiments=("mlp",), budget=Limit(epochs=1), size=TINY))
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_involutions_without_a_finite_group_are_compared_until_one_becomes_another(tmp_path):
    def make(body):
        (tmp_path / "acme.py").write_text(
            "import augalgebra as aa\n\n@aa.hookimpl\ndef augalg_register(register):\n"
            f"    register('acme.neg', inverse='self')(lambda x: {body})\n"
        )
        size = replace(TINY, augmentations=("flip_lr", "acme.neg"))
        catalog = load_catalog(Settings((tmp_path / "acme.py",)))
        return list(
            compare(tmp_path / "out", DATA, catalog, experiments=("involution",), budget=Limit(None, 1e-9), size=size)
        )

    (result,) = make("1 - x")
    assert {fit["fit"] for fit in result.answer["fits"]} == {"published", "ridge", "procrustes", "involution"}
    with pytest.raises(RunError, match="other plugins"):
        make("x.flip(-2)")


def test_a_comparison_that_fails_leaves_the_others(tmp_path):
    size = replace(TINY, augmentations=("rotate_cw", "rotate_ccw"))
    failed, result = compare(
        tmp_path, DATA, CATALOG, experiments=("involution", "mlp"), budget=Limit(epochs=1), size=size
    )

    assert "is its own inverse by exact laws" in failed.reason
    assert (result.experiment, result.fresh) == ("mlp", True)


def test_an_interrupt_is_passed_on():
    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        BaselineNetworks(DATA, CATALOG, Limit(epochs=1), size=TINY, progress=stop).lavae()


def test_what_cannot_be_compared_says_why():
    with pytest.raises(AugalgebraError, match="two augmentations"):
        BaselineConfig(augmentations=("flip_lr",))
    turns = BaselineNetworks(
        DATA, CATALOG, Limit(epochs=1), size=BaselineConfig(("rotate_cw", "rotate_ccw"), dim=2, width=2, images=4)
    )
    with pytest.raises(AugalgebraError, match="is its own inverse by exact laws; take flip_lr"):
        involution_on(turns)
    flips = BaselineNetworks(DATA, CATALOG, Limit(epochs=1), size=TINY)
    with pytest.raises(AugalgebraError, match="none below 0"):
        involution_on(flips, weights=[-1.0])


def test_the_command_offers_every_comparison():
    assert get_args(Chosen) == ("all", *COMPARISONS)
