"""Recursion, on latent spaces whose drift is known beforehand."""

import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from augalgebra import Catalog, Word, load_catalog, parse_word
from augalgebra.consistency.recursion import find_undoing_word, measure_recursion, repeat
from augalgebra.data.dataset import Split
from augalgebra.errors import AugalgebraError, DataError, UnknownNameError
from augalgebra.runs.classifier import powers_of, train_classifier


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@dataclass
class Pixels:
    """Codes are the pixels themselves; each encoding fades them a little."""

    fade: float = 1.0
    dim: int = 16
    image_shape: tuple[int, int, int] = (1, 4, 4)
    heads: tuple[str, ...] = ("main",)

    def encode(self, images: Tensor) -> Tensor:
        return images.flatten(1) * self.fade

    def decode(self, latents: Tensor, head: str = "main") -> Tensor:
        return latents.view(-1, 1, 4, 4).clamp(0, 1)

    def fingerprint(self) -> str:
        return "pixels"


class Mirroring(Pixels):
    """It draws everything the wrong way round."""

    def decode(self, latents: Tensor, head: str = "main") -> Tensor:
        return super().decode(latents, head).flip(-1)


@dataclass
class Permuting:
    """The exact operators of the flips, but for one factor."""

    catalog: Catalog
    factor: float = 1.0

    def operator(self, word: Word) -> "Matrix":
        units = torch.eye(16).view(16, 1, 4, 4)
        return Matrix(self.factor * self.catalog.apply(word, units).flatten(1))


@dataclass
class Matrix:
    matrix: Tensor

    def apply(self, latents: Tensor) -> Tensor:
        return latents @ self.matrix


def images(number: int = 12) -> Tensor:
    return 0.1 + 0.8 * torch.rand(number, 1, 4, 4, generator=torch.Generator().manual_seed(0))


def entropy(pixels: Tensor) -> float:
    """Least cross-entropy there is for grey pixels, per image."""
    return float(torch.special.entr(pixels).add(torch.special.entr(1 - pixels)).sum()) / len(pixels)


def test_nothing_drifts_where_nothing_is_lost(catalog: Catalog) -> None:
    report = measure_recursion(Pixels(), Permuting(catalog), catalog, images(), "flip_lr", repeats=5)
    for curve in report.curves.values():
        assert curve.bce == pytest.approx([entropy(images())] * 5, rel=1e-5)
        assert curve.excess == pytest.approx([0.0] * 5, abs=1e-5)
        assert math.isnan(curve.growth)  # nothing is lost, so that there is nothing to grow
    assert report.floor == pytest.approx(report.curves["plain"].bce)
    assert report.entropy == pytest.approx([entropy(images())] * 5)
    assert report.to_dict()["curves"]["plain"]["growth"] is None
    assert report.nothing[1] == pytest.approx(report.floor[1]) != report.nothing[0]
    assert (report.word, report.repeats, report.images) == ("flip_lr", 5, 12)


def test_a_fading_encoder_drifts_by_itself_and_not_when_refined(catalog: Catalog) -> None:
    """Planted fault: what is lost is lost at every repeat, but the decoder's own drawings have exact codes."""
    report = measure_recursion(
        Pixels(fade=0.9), Permuting(catalog), catalog, images(), "flip_lr", repeats=6, ways=("plain", "refined")
    )
    plain, refined = report.curves["plain"].bce, report.curves["refined"].bce
    true, floor = images(), entropy(images())
    faded = true * 0.9**6
    assert plain[5] == pytest.approx(
        float(torch.nn.functional.binary_cross_entropy(faded, true, reduction="sum")) / 12, rel=1e-4
    )
    assert list(plain) == sorted(plain)
    assert max(refined) < floor + 0.02 * (plain[5] - floor)
    assert report.cost is not None
    assert report.cost > 0


def test_a_wrong_operator_is_seen_in_latent_powers(catalog: Catalog) -> None:
    report = measure_recursion(
        Pixels(), Permuting(catalog, factor=0.9), catalog, images(), "flip_lr", repeats=4, ways=("latent",)
    )
    losses = report.curves["latent"].bce
    assert list(losses) == sorted(losses)
    assert losses[-1] > report.floor[-1] + 0.1
    assert report.cost is None


def test_a_word_that_does_not_come_back_is_compared_with_its_own_power(catalog: Catalog) -> None:
    report = measure_recursion(
        Pixels(), Permuting(catalog), catalog, images(), "rotate_cw * flip_ud * flip_lr", repeats=3, ways=("plain",)
    )
    assert report.curves["plain"].bce == pytest.approx([entropy(images())] * 3, rel=1e-5)


def test_classes_and_labels_are_told_apart(catalog: Catalog) -> None:
    pictures, labels = images(), torch.tensor([3, 7] * 6)
    pictures[labels == 7] *= 0.3

    def dark(batch: Tensor) -> Tensor:
        return torch.where(batch.flatten(1).mean(1) < 0.25, 7, 3)

    assert dark(pictures).tolist() == labels.tolist()
    report = measure_recursion(
        Pixels(fade=0.75),
        Permuting(catalog),
        catalog,
        pictures,
        "flip_lr",
        repeats=4,
        ways=("plain",),
        classify=dark,
        labels=labels,
        batch_size=5,
    )
    curve = report.curves["plain"]
    # brightness is about 0.5 at first, and after four repeats at 0.75 of it each below 0.25 for all
    assert curve.kept[0] == 1
    assert curve.kept[-1] == pytest.approx(0.5)
    assert {label: outcome.kept for label, outcome in curve.by_label.items()} == {3: 0.0, 7: 1.0}
    assert sum(outcome.last for outcome in curve.by_label.values()) / 2 == pytest.approx(curve.excess[-1])
    grown = {}
    for label in (3, 7):
        true = pictures[labels == label]
        faded = (true * 0.75**power for power in (4, 1))
        costs = [torch.nn.functional.binary_cross_entropy(image, true, reduction="sum") / 6 for image in faded]
        last, first = (float(cost) - entropy(true) for cost in costs)
        grown[label] = last / first
        assert curve.grown(label) == pytest.approx(grown[label], rel=1e-4)
    assert curve.worst_label == max(grown, key=lambda label: grown[label])
    assert report.accuracy == 1
    answer = report.to_dict()
    assert answer["curves"]["plain"]["by_label"]["7"]["images"] == 6
    assert math.isclose(answer["curves"]["plain"]["growth"], curve.excess[-1] / curve.excess[0])


def test_a_classifier_is_shown_what_is_drawn_the_right_way_round(catalog: Catalog) -> None:
    """A mirrored image of one class looks like the other class; only what the word did not do may count."""
    pictures, labels = images(), torch.tensor([0, 1] * 6)
    for label in (0, 1):
        pictures[labels == label, ..., 2 * label : 2 * label + 2] *= 0.2

    def darker_half(batch: Tensor) -> Tensor:
        return (batch[..., 2:].sum((1, 2, 3)) < batch[..., :2].sum((1, 2, 3))).long()

    assert darker_half(pictures).tolist() == labels.tolist() != darker_half(pictures.flip(-1)).tolist()
    settings = {"repeats": 5, "ways": ("plain",), "classify": darker_half, "labels": labels}
    report = measure_recursion(Pixels(), Permuting(catalog), catalog, pictures, "flip_lr", **settings)
    assert (report.upright, report.accuracy, report.curves["plain"].kept) == (True, 1, (1,) * 5)
    mirrored = measure_recursion(Mirroring(), Permuting(catalog), catalog, pictures, "flip_lr", **settings)
    assert mirrored.curves["plain"].kept == (1, 0, 1, 0, 1)


@pytest.mark.parametrize(
    ("word", "back"),
    [
        ("flip_lr", "flip_lr"),
        ("rotate_cw * flip_lr * flip_ud", "rotate_cw"),
        ("rotate(30)", None),
        ("canny", None),
        ("shear_x", None),
    ],
)
def test_only_what_exact_laws_undo_is_undone(catalog: Catalog, word: str, back: str | None) -> None:
    found = find_undoing_word(catalog, catalog.word(word))
    assert (None if found is None else catalog.normal_form(found)) == (None if back is None else catalog.word(back))


def test_repeats_come_one_by_one(catalog: Catalog) -> None:
    flip = Permuting(catalog).operator(parse_word("flip_lr"))
    drawn = list(repeat(Pixels(), flip, images(), 2))
    torch.testing.assert_close(drawn[0], images().flip(-1))
    torch.testing.assert_close(drawn[1], images())


def test_what_cannot_be_repeated_is_refused(catalog: Catalog) -> None:
    with pytest.raises(AugalgebraError, match="cannot be repeated 0 times"):
        measure_recursion(Pixels(), Permuting(catalog), catalog, images(), "flip_lr", repeats=0)
    with pytest.raises(AugalgebraError, match="12 images need as many ids and labels"):
        measure_recursion(Pixels(), Permuting(catalog), catalog, images(), "flip_lr", labels=torch.zeros(3))
    with pytest.raises(UnknownNameError):
        measure_recursion(Pixels(), Permuting(catalog), catalog, images(), "flop")


def test_powers_end_where_the_word_comes_back(catalog: Catalog) -> None:
    assert [len(powers_of(catalog, catalog.word(word))) for word in ("flip_lr", "rotate_cw", "id", "rotate(30)")] == [
        2,
        4,
        1,
        8,
    ]


def corners(number: int) -> Split:
    """Bright in the upper left corner (label 1) or in the upper right one (label 5), on noise."""
    generator = torch.Generator().manual_seed(0)
    pictures = (torch.rand(number, 1, 8, 8, generator=generator) * 100).byte()
    labels = torch.tensor([1, 5])[torch.arange(number) % 2]
    pictures[labels == 1, :, :3, :3] = 250
    pictures[labels == 5, :, :3, -3:] = 250
    return Split(pictures, labels)


def test_the_classifier_knows_images_under_its_words_only(catalog: Catalog) -> None:
    split, word = corners(200), catalog.word("flip_ud")
    turned = catalog.apply(word, split.batch(slice(None))[0])
    judge = train_classifier(split, catalog, powers_of(catalog, word), steps=80)
    again = train_classifier(split, catalog, powers_of(catalog, word), steps=80)
    unprepared = train_classifier(split, catalog, powers_of(catalog, catalog.word("id")), steps=80)
    assert judge(turned).tolist() == split.labels.tolist() == again(turned).tolist()
    assert unprepared(split.batch(slice(None))[0]).tolist() == split.labels.tolist()
    assert unprepared(turned).tolist() != split.labels.tolist()
    with pytest.raises(DataError, match="at least two labels"):
        train_classifier(Split(split.images, torch.zeros(200, dtype=torch.long)), catalog, [Word()])


def test_training_a_classifier_leaves_the_global_random_state_alone(catalog: Catalog) -> None:
    before = torch.random.get_rng_state()
    train_classifier(corners(20), catalog, [Word()], steps=1)
    assert torch.equal(before, torch.random.get_rng_state())
