"""Composition in latent spaces whose truth is known: turned pixel coordinates, where permutations act exactly."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from latent_contract import assert_latent_space
from torch import Tensor

from augalgebra import Param, Register, Settings, hookimpl, load_catalog, uniform
from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog
from augalgebra.consistency.batches import UnreducedOperators
from augalgebra.consistency.cases import Relabelling
from augalgebra.consistency.composition import measure_composition
from augalgebra.errors import AugalgebraError, ImageError, NotInvertibleError, UnknownNameError
from augalgebra.latent.likelihoods import LIKELIHOODS
from augalgebra.latent.protocol import MAIN_HEAD

SIDE = 4
image_loss = LIKELIHOODS["bernoulli"].loss
SYMMETRIES = ("flip_lr", "flip_ud", "rotate_cw", "rotate_180")


class Toys:
    """Besides the symmetries of the square: one random augmentation, one without inverse, one that cuts."""

    @hookimpl
    def augalg_register(self, register: Register) -> None:
        @register("toys.fade", params=[Param("by", draw=uniform(0.2, 0.8))])
        def fade(x, by):
            return x * by

        @register("toys.blank", inverse="none", idempotent=True)
        def blank(x):
            return x * 0 + 0.5

        @register("toys.cut", shape="changed")
        def cut(x):
            return x[..., :-1, :]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    import augalg_dihedral

    return load_catalog(Settings(), modules=[augalg_dihedral, Toys()], installed=False)


@dataclass
class TurnedPixels:
    """Codes are pixels in another orthonormal basis; nothing is lost, so every floor is the images' own entropy.

    Unless drawings are `faded` towards grey: then a space loses something itself, and there are ratios to that.
    """

    basis: Tensor = field(
        default_factory=lambda: torch.linalg.qr(
            torch.randn(SIDE**2, SIDE**2, generator=torch.Generator().manual_seed(3))
        )[0]
    )
    image_shape: tuple[int, int, int] = (1, SIDE, SIDE)
    dim: int = SIDE**2
    heads: tuple[str, ...] = (MAIN_HEAD, "negative")
    encoded: int = 0
    faded: float = 0.0

    def encode(self, images: Tensor) -> Tensor:
        self.encoded += len(images)
        return images.flatten(1) @ self.basis

    def decode(self, latents: Tensor, head: str = MAIN_HEAD) -> Tensor:
        pixels = (latents @ self.basis.T).clamp(0, 1).reshape(-1, *self.image_shape)
        pixels = pixels + self.faded * (0.5 - pixels)
        return pixels if head == MAIN_HEAD else 1 - pixels

    def fingerprint(self) -> str:
        return "turned"


@dataclass
class Linear:
    matrix: Tensor

    def apply(self, latents: Tensor) -> Tensor:
        return latents @ self.matrix


class Matrices:
    """The operators of words as products of what a function answers for each augmentation."""

    def __init__(self, matrix_of: Callable[[str], Tensor], *, backwards: bool = False) -> None:
        self.matrix_of, self.backwards = matrix_of, backwards

    def operator(self, word: Word) -> Linear:
        result = torch.eye(SIDE**2)
        for symbol, inverse in reversed(word.letters) if self.backwards else word.letters:
            matrix = self.matrix_of(symbol.name.rpartition(".")[2])
            result = result @ (torch.linalg.inv(matrix) if inverse else matrix)
        return Linear(result)


@pytest.fixture(scope="module")
def turned(catalog: Catalog) -> tuple[TurnedPixels, Matrices]:
    """The space, and the true matrix of every linear augmentation in its coordinates."""
    space = TurnedPixels()
    pixels = torch.eye(SIDE**2).reshape(-1, 1, SIDE, SIDE)
    matrices = {name: space.basis.T @ catalog.apply(name, pixels).flatten(1) @ space.basis for name in SYMMETRIES}
    return space, Matrices(matrices.__getitem__)


@pytest.fixture
def space() -> TurnedPixels:
    return TurnedPixels()


@pytest.fixture
def faded() -> TurnedPixels:
    return TurnedPixels(faded=0.2)


@pytest.fixture
def exact(turned: tuple[TurnedPixels, Matrices]) -> Callable[[str], Tensor]:
    return turned[1].matrix_of


@pytest.fixture
def images() -> Tensor:
    return torch.rand(37, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def entropy(images: Tensor) -> float:
    return float(torch.special.entr(images).add(torch.special.entr(1 - images)).sum() / len(images))


def test_toy_space_is_a_latent_space(space, images):
    assert_latent_space(space, images)


def test_exact_operators_cost_nothing(space, exact, catalog, images):
    report = measure_composition(space, Matrices(exact), catalog, images, ["rotate_cw", "flip_lr"], max_length=3)

    assert [score.excess for score in report.words] == pytest.approx([0.0] * len(report.words), abs=1e-5)
    # with nothing lost there is nothing to divide by, and what is drawn perfectly holds all the same
    assert [score.gap_ratio for score in report.words] == pytest.approx([math.nan] * len(report.words), nan_ok=True)
    assert {score.verdict for score in report.words} == {"holds", "trivial"}
    assert report.worst_gap_ratio is None
    assert report.failing(1.001) == ""
    assert [score.residual for score in report.words] == pytest.approx([0.0] * len(report.words), abs=1e-9)
    assert [r.residual for r in report.relations] == pytest.approx([0.0] * len(report.relations), abs=1e-6)
    assert all(floor == pytest.approx(entropy(images), rel=1e-5) for floor in report.floor.values())
    assert not any(swap.mistaken for swap in report.orders)


def test_a_registry_of_identities_cannot_look_good(faded, catalog, images):
    report = measure_composition(faded, Matrices(lambda _: torch.eye(SIDE**2)), catalog, images, ["flip_lr", "flip_ud"])
    moving = [score for score in report.words if score.word not in ("id", "flip_lr^2", "flip_ud^2")]

    assert [s.gap_ratio for s in moving if s.view == "id"] == [s.identity_ratio for s in moving if s.view == "id"]
    assert min(score.gap_ratio for score in moving if score.view == "id") > 1.1
    assert report.worst_gap_ratio == pytest.approx(max(score.gap_ratio for score in moving), rel=1e-5)
    assert {score.verdict for score in moving if score.view == "id"} == {"violated"}
    # every relation holds among identities: only the images can tell
    assert all(relation.residual == 0 for relation in report.relations)


def test_swapped_operators_raise_the_gap(faded, exact, catalog, images):
    swap = {"flip_lr": "flip_ud", "flip_ud": "flip_lr"}
    report = measure_composition(
        faded, Matrices(lambda name: exact(swap[name])), catalog, images, ["flip_lr", "flip_ud"]
    )

    assert report.get("flip_lr").gap_ratio > 1.1
    assert report.get("flip_lr").residual > 0.1
    assert report.get("flip_lr * flip_ud").gap_ratio == pytest.approx(1, abs=1e-5)


def test_composition_in_the_wrong_order_is_found_where_operators_do_not_commute(faded, exact, catalog, images):
    report = measure_composition(faded, Matrices(exact, backwards=True), catalog, images, ["rotate_cw", "flip_lr"])
    (swap,) = report.orders

    assert report.get("rotate_cw").gap_ratio == pytest.approx(1, abs=1e-5)
    assert report.get("rotate_cw * flip_lr").gap_ratio > 1.1
    assert report.get("flip_lr * rotate_cw").gap_ratio > 1.1
    assert swap.mistaken
    floor = report.floor["rotate_cw * flip_lr"]
    assert swap.crossed == pytest.approx((floor, floor), rel=1e-5)
    worst = report.relations[0]
    assert (worst.source, worst.residual > 1) == ("composition", True)


def test_commuting_pairs_show_no_order(space, exact, catalog, images):
    (swap,) = measure_composition(space, Matrices(exact), catalog, images, ["flip_lr", "flip_ud"]).orders

    assert (swap.commute, swap.mistaken) == (True, False)
    assert swap.drawn_difference == pytest.approx(0, abs=1e-6)


def test_order_swap_measures_the_difference_of_images(space, exact, catalog, images):
    (swap,) = measure_composition(space, Matrices(exact), catalog, images, ["rotate_cw", "flip_lr"]).orders
    difference = catalog.apply("rotate_cw * flip_lr", images) - catalog.apply("flip_lr * rotate_cw", images)

    assert (swap.first, swap.second) == ("rotate_cw * flip_lr", "flip_lr * rotate_cw")
    assert swap.true_difference == pytest.approx(difference.square().mean().sqrt().item(), rel=1e-5)
    assert swap.drawn_difference == pytest.approx(swap.true_difference, rel=1e-4)
    assert min(crossed - own for own, crossed in zip(swap.own, swap.crossed, strict=True)) > 0.5


def test_kinds_follow_the_order_of_the_generators(space, exact, catalog, images):
    report = measure_composition(space, Matrices(exact), catalog, images, ["flip_ud", "flip_lr"])
    kinds = {(score.view, score.word): score.kind for score in report.words}

    assert kinds["id", "id"] == "reconstruction"
    assert kinds["id", "flip_lr"] == "augmentation"
    assert kinds["id", "flip_ud * flip_lr"] == "composition"
    assert kinds["id", "flip_lr * flip_ud"] == "reverse composition"
    assert kinds["flip_ud", "id"] == "inverse"
    assert kinds["flip_ud * flip_lr", "id"] == "inverse of the composition"
    assert kinds["flip_ud", "flip_lr"] == "route"


def test_what_has_no_inverse_is_listed_and_never_measured(space, catalog, images):
    identity = Matrices(lambda _: torch.eye(SIDE**2))
    report = measure_composition(space, identity, catalog, images, ["flip_lr", "blank"])

    refused = {entry.view: entry for entry in report.no_inverse}
    assert "id" in refused["blank"].words
    assert "blank has no inverse" in refused["blank"].reason
    assert report.get("id", "blank") is None
    # what both words begin with need not be undone
    assert report.get("blank * flip_lr", "blank").route == "flip_lr"


def test_operators_may_refuse_an_inverse_too(space, exact, catalog, images):
    class Refusing(Matrices):
        def operator(self, word: Word) -> Linear:
            if any(inverse for _, inverse in word.letters):
                raise NotInvertibleError("the operator of fade has rank 3 of 16")
            return super().operator(word)

    report = measure_composition(space, Refusing(lambda _: torch.eye(SIDE**2)), catalog, images, ["fade"])

    (refused,) = report.no_inverse
    assert (refused.view, refused.length, refused.words) == ("fade", 1, ("id",))
    assert refused.reason == "the operator of fade has rank 3 of 16"


def test_random_augmentations_are_the_same_on_both_sides(space, catalog, images):
    ids = list(range(100, 100 + len(images)))
    drawn = catalog.resolve("fade").draw(7, ids)["toys.fade.by"]

    class PerImage:
        """Fades each image of one batch by its own factor: right only if ids and seed reach the true images."""

        def __init__(self, word: Word) -> None:
            self.word = word

        def apply(self, latents: Tensor) -> Tensor:
            if not self.word:
                return latents
            if len(latents) != len(images):  # not the batch
                return latents / 2
            return latents * torch.tensor(drawn, dtype=torch.float32)[:, None]

    class Source:
        def operator(self, word: Word) -> PerImage:
            return PerImage(word)

    report = measure_composition(
        space, Source(), catalog, images, ["fade"], views=["id"], max_length=1, seed=7, ids=ids
    )

    assert report.get("fade").excess == pytest.approx(0, abs=1e-5)
    other = measure_composition(space, Source(), catalog, images, ["fade"], views=["id"], max_length=1, seed=8, ids=ids)
    assert other.get("fade").excess > 0.1


def test_batches_make_no_difference(faded, exact, catalog, images):
    def shrunk(name: str) -> Tensor:
        return 0.9 * exact(name)

    labels = torch.arange(len(images)) % 3
    seen: list[tuple[int, int]] = []
    arguments = (faded, Matrices(shrunk), catalog, images, ["rotate_cw", "flip_lr"])
    whole = measure_composition(*arguments, labels=labels)
    parts = measure_composition(*arguments, labels=labels, batch_size=10, on_progress=lambda *done: seen.append(done))

    assert seen == [(10, 37), (20, 37), (30, 37), (37, 37)]
    for one, other in zip(whole.words, parts.words, strict=True):
        assert one.bce == pytest.approx(other.bce, rel=1e-6)
        assert one.residual == pytest.approx(other.residual, rel=1e-6, abs=1e-9)
        assert one.by_label == pytest.approx(other.by_label, rel=1e-6)


def test_breakdown_by_label_is_what_the_label_alone_would_give(faded, exact, catalog, images):
    labels = torch.where(torch.arange(len(images)) < 20, 4, 9)
    operators = Matrices(lambda name: 0.8 * exact(name))
    whole = measure_composition(faded, operators, catalog, images, ["flip_lr"], labels=labels)
    nines = measure_composition(faded, operators, catalog, images[20:], ["flip_lr"])

    assert set(whole.get("flip_lr").by_label) == {4, 9}
    assert whole.get("flip_lr").by_label[9] == pytest.approx(nines.get("flip_lr").gap_ratio, rel=1e-5)
    worst = whole.get("flip_lr").worst_label
    assert whole.get("flip_lr").by_label[worst] == max(whole.get("flip_lr").by_label.values())


def test_residual_is_one_minus_r2_of_the_codes(space, catalog, images):
    report = measure_composition(
        space, Matrices(lambda _: 0.5 * torch.eye(SIDE**2)), catalog, images, ["flip_lr"], max_length=1
    )
    codes = space.encode(catalog.apply("flip_lr", images))
    moved = 0.5 * space.encode(images)
    expected = ((moved - codes).square().sum() / (codes - codes.mean(0)).square().sum()).item()

    assert report.get("flip_lr").residual == pytest.approx(expected, rel=1e-4)
    assert report.get("flip_lr").r2 == pytest.approx(1 - expected, rel=1e-4)


def test_a_new_pair_reuses_the_operators_of_another(space, exact, catalog, images):
    # in a space of the flips' codes, a head that draws the negative; the pair (blank, rotate_180) is drawn by it
    meaning = Relabelling(catalog, {"rotate_180": "flip_lr", "blank": "flip_ud"})
    report = measure_composition(
        space, Matrices(exact), catalog, images, ["rotate_180", "blank"], head="negative", relabelling=meaning
    )
    drawn = 1 - catalog.apply("flip_lr", images)
    expected = image_loss(drawn, catalog.apply("rotate_180", images)).mean().item()

    assert report.head == "negative"
    assert report.get("rotate_180").bce == pytest.approx(expected, rel=1e-5)
    assert report.get("rotate_180").floor == pytest.approx(expected, rel=1e-5)
    assert report.get("rotate_180").identity_bce == pytest.approx(
        image_loss(1 - images, catalog.apply("rotate_180", images)).mean().item(), rel=1e-5
    )
    assert report.get("id", "rotate_180").encoded == "flip_lr"
    assert report.get("id", "rotate_180").route == "flip_lr^-1"
    # the operator of flip_ud could be inverted, what it stands for cannot
    assert report.get("id", "blank") is None
    assert {"blank", "rotate_180 * blank", "blank * rotate_180"} >= {entry.view for entry in report.no_inverse}


def test_a_registry_that_simplifies_words_cannot_hide_its_operators(faded, catalog, images):
    class Simplifying(Matrices):
        """Knows that a mirror undoes itself, and therefore never shows that its operator does not."""

        def operator(self, word: Word, *, reduce: bool = True) -> Linear:
            return super().operator(catalog.normal_form(word) if reduce else word)

    registry = Simplifying(lambda _: torch.eye(SIDE**2) / 2)
    seen = measure_composition(faded, registry, catalog, images, ["flip_lr"])
    behind = measure_composition(faded, UnreducedOperators(registry), catalog, images, ["flip_lr"])

    assert seen.get("flip_lr^2").gap_ratio == pytest.approx(1, abs=1e-5)
    assert behind.get("flip_lr^2").gap_ratio > 1.1


@dataclass
class OnePicture(TurnedPixels):
    """It draws the mean picture, whatever the code: the flattering case, where everything costs the same."""

    picture: Tensor = field(default_factory=lambda: torch.full((1, SIDE, SIDE), 0.5))

    def decode(self, latents: Tensor, head: str = MAIN_HEAD) -> Tensor:
        return self.picture.expand(len(latents), -1, -1, -1)

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return 0.01 * self.encode(images), torch.zeros(len(images), self.dim)


def test_one_picture_for_everything_is_vacuous_and_said_to_be(exact, catalog, images):
    report = measure_composition(OnePicture(), Matrices(exact), catalog, images, ["flip_lr", "flip_ud"])
    moving = [score for score in report.words if not score.trivial]

    # nothing is lost by moving codes, and nothing is shown by that
    assert [score.gap_ratio for score in moving] == pytest.approx([1.0] * len(moving))
    assert {score.verdict for score in moving} == {"vacuous"}
    assert (report.worst, report.worst_gap_ratio) == (None, None)
    assert report.counted.startswith(f"0 of {len(report.words)} words hold")
    assert report.failing(1000.0) != ""
    assert report.information.nothing
    assert report.information.drawn == 0
    assert report.information.divergence < 0.1
    assert "say nothing of the images" in report.information.warning


def test_what_one_view_draws_of_its_images_is_told(space, exact, catalog, images):
    information = measure_composition(space, Matrices(exact), catalog, images, ["flip_lr"]).information

    spread = (images - images.mean(0)).square().mean().sqrt().item()
    assert (information.true, information.drawn) == pytest.approx((spread, spread), rel=1e-5)
    assert (information.divergence, information.nothing, information.warning) == (None, False, "")


def test_a_route_that_the_laws_reduce_to_nothing_is_trivial(faded, exact, catalog, images):
    report = measure_composition(faded, Matrices(exact), catalog, images, ["rotate_cw", "flip_lr"], max_length=4)
    by_words = {(score.view, score.word): score.trivial for score in report.words}

    assert by_words["id", "id"]
    assert by_words["id", "rotate_cw^4"]
    assert by_words["id", "rotate_cw * flip_lr * rotate_cw * flip_lr"]
    assert by_words["rotate_cw * flip_lr", "flip_lr * rotate_cw^3"]
    assert not by_words["id", "rotate_cw^2"]
    assert not by_words["rotate_cw", "id"]
    for score in report.words:
        pixels = [catalog.apply(name, images) for name in (score.word, score.view)]
        assert score.trivial is bool((pixels[0] - pixels[1]).abs().max() < 1e-6)


def test_a_new_pair_on_trained_operators_is_judged_by_its_own_laws(faded, exact, catalog, images):
    # flip_lr^2 is nothing, rotate_cw^2 is not; the operator of both is that of flip_lr, twice
    meaning = Relabelling(catalog, {"rotate_cw": "flip_lr"})
    report = measure_composition(faded, Matrices(exact), catalog, images, ["rotate_cw"], relabelling=meaning)

    assert not report.get("rotate_cw^2").trivial
    assert report.get("rotate_cw^2").gap_ratio == pytest.approx(1)  # the floor is encoded as flip_lr^2 as well


def test_squared_errors_are_all_excess(exact, catalog, images):
    class Pictures(TurnedPixels):
        likelihood = "gaussian"

    pictures = Pictures(faded=0.2)
    report = measure_composition(
        pictures, Matrices(lambda name: 0.9 * exact(name)), catalog, images, ["flip_lr"], views=["id"]
    )
    score = report.get("flip_lr")
    target = catalog.apply("flip_lr", images)
    floor, moved = (pictures.decode(factor * pictures.encode(target)) for factor in (1, 0.9))

    assert (score.entropy, report.likelihood, report.unit) == (0, "gaussian", "mean squared error")
    assert score.excess == pytest.approx((moved - target).square().mean().item(), rel=1e-5)
    assert score.gap_ratio == pytest.approx(
        ((moved - target).square().mean() / (floor - target).square().mean()).item(), rel=1e-4
    )


def test_total_is_the_sum_over_words(space, exact, catalog, images):
    report = measure_composition(space, Matrices(exact), catalog, images, ["flip_lr", "flip_ud"])

    assert report.total(["id", "flip_lr"]) == pytest.approx(report.get("id").bce + report.get("flip_lr").bce)
    with pytest.raises(AugalgebraError, match="rotate_cw was not measured"):
        report.total(["id", "rotate_cw"])


def test_json_is_what_the_design_promises(faded, exact, catalog, images):
    labels = torch.zeros(len(images), dtype=torch.long)
    operators = Matrices(lambda name: 0.9 * exact(name))
    report = measure_composition(faded, operators, catalog, images, ["flip_lr", "flip_ud"], labels=labels)
    answer = json.loads(json.dumps(report.to_dict(), allow_nan=False))

    assert set(answer["floor"]) == {"id", "flip_lr", "flip_ud", "flip_lr * flip_ud"}
    assert answer["entropy"] == pytest.approx(dict.fromkeys(answer["floor"], entropy(images)), rel=1e-5)
    assert answer["measure"] == 2
    ratios = [word["gap_ratio"] for word in answer["words"] if word["verdict"] != "trivial"]
    assert ratios == sorted(ratios, reverse=True)
    assert answer["worst_gap_ratio"] == ratios[0]
    # the trivial ones stand last, whatever was made of them
    trivial = [(word["from"], word["word"]) for word in answer["words"][len(ratios) :]]
    assert {("id", "id"), ("id", "flip_lr^2"), ("id", "flip_ud^2")} < set(trivial)
    assert set(trivial) - {("flip_lr * flip_ud", "flip_ud * flip_lr")} < {("id", word) for _, word in trivial}
    assert [word["verdict"] for word in answer["words"]][len(ratios) :] == ["trivial"] * 4
    counts = {"violated", "holds", "vacuous", "trivial"}
    assert answer["verdicts"] == {name: sum(word["verdict"] == name for word in answer["words"]) for name in counts}
    for word in answer["words"]:
        assert {"word", "from", "kind", "bce", "floor", "gap_ratio", "identity_ratio"} <= set(word)
        assert word["excess"] == pytest.approx(word["bce"] - word["entropy"])
        assert word["floor_excess"] == pytest.approx(word["floor"] - word["entropy"])
        assert word["gap_ratio"] == pytest.approx(word["excess"] / word["floor_excess"])
        assert word["identity_ratio"] == pytest.approx((word["identity_bce"] - word["entropy"]) / word["floor_excess"])
        assert word["loss_ratio"] == pytest.approx(word["bce"] / word["floor"])
    assert all(set(relation) >= {"equation", "residual"} for relation in answer["relations"])


def test_equal_views_are_encoded_once(space, exact, catalog, images):
    measure_composition(space, Matrices(exact), catalog, images, ["flip_lr", "flip_ud"], max_length=4)

    assert space.encoded == 4 * len(images)


def test_views_are_called_by_their_shortest_names(space, exact, catalog, images):
    found = measure_composition(space, Matrices(exact), catalog, images, ["flip_lr"], words=["flip_lr^2", "id"])
    assert found.floor.keys() == {"id"}
    assert found.decibels.startswith("PSNR")


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (torch.rand(3, 1, 5, 5), "made for images of 4×4 pixels"),
        (torch.rand(0, 1, SIDE, SIDE), "no images"),
        (torch.full((2, 1, SIDE, SIDE), math.nan), "NaN"),
        (torch.rand(1, SIDE, SIDE), "does not fit"),
        (2 * torch.rand(3, 1, SIDE, SIDE) - 1, r"must lie in \[0, 1\]; here they reach from -"),
    ],
)
def test_images_that_cannot_be_measured(space, exact, catalog, broken, message):
    with pytest.raises(ImageError, match=message):
        measure_composition(space, Matrices(exact), catalog, broken, ["flip_lr"])


def test_words_that_change_the_size(space, catalog, images):
    with pytest.raises(ImageError, match="cut turns images into 3×4 pixels and 1 channel"):
        measure_composition(space, Matrices(lambda _: torch.eye(SIDE**2)), catalog, images, ["cut"])


def test_unknown_names_and_missing_labels(space, exact, catalog, images):
    with pytest.raises(UnknownNameError, match="flip_rl"):
        measure_composition(space, Matrices(exact), catalog, images, ["flip_rl"])
    with pytest.raises(AugalgebraError, match="37 images"):
        measure_composition(
            space, Matrices(exact), catalog, images, ["flip_lr"], labels=torch.zeros(3, dtype=torch.long)
        )


@settings(max_examples=15)
@given(
    view=st.lists(st.sampled_from(["rotate_cw", "flip_lr"]), max_size=4),
    word=st.lists(st.sampled_from(["rotate_cw", "flip_lr"]), max_size=4),
)
def test_every_route_of_exact_operators_arrives(catalog, turned, view, word):
    space, operators = turned
    images = torch.rand(5, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(1))
    goal, start = " * ".join(word) or "id", " * ".join(view) or "id"
    report = measure_composition(
        space, operators, catalog, images, ["rotate_cw", "flip_lr"], words=[goal], views=[start]
    )

    assert [score.excess for score in report.words] == pytest.approx([0.0] * len(report.words), abs=1e-4)
