import pytest
import torch

import augalgebra as aa
from augalgebra.algebra.words import IDENTITY
from augalgebra.errors import AugalgebraError, AugmentationError
from augalgebra.training.views import Views


@pytest.fixture(scope="module")
def catalog() -> aa.Catalog:
    return aa.load_catalog()


def some_images(count: int = 6, height: int = 28, width: int = 28) -> torch.Tensor:
    return torch.rand(count, 1, height, width, generator=torch.Generator().manual_seed(3))


def names(views: Views) -> list[str]:
    return [views.catalog.display(word) for word in views.words]


def test_a_pair_gives_the_published_four_views(catalog: aa.Catalog) -> None:
    assert ["id", "shear_x", "canny", "shear_x * canny"] == names(Views.published(catalog, ["shear_x", "canny"]))


@pytest.mark.parametrize(
    ("augmentations", "longest", "count"),
    [(["canny"], 2, 2), (["flip_lr", "canny", "invert"], 2, 7), (["flip_lr", "canny", "invert"], 3, 8)],
)
def test_any_number_of_augmentations_gives_their_ordered_products(
    catalog: aa.Catalog, augmentations: list[str], longest: int, count: int
) -> None:
    views = Views.published(catalog, augmentations, longest=longest)
    assert count == len(views) == len(set(views.words))
    assert IDENTITY == views.words[0]
    for word in views.words:
        positions = [views.generators.index(aa.Word(((symbol, 1),))) for symbol in word.symbols]
        assert sorted(positions) == positions


@pytest.mark.parametrize(
    ("augmentations", "order"), [(["flip_lr", "flip_ud"], 4), (["flip_lr", "rotate_cw"], 8), (["invert"], 2)]
)
def test_a_finite_group_gives_all_its_elements(catalog: aa.Catalog, augmentations: list[str], order: int) -> None:
    views = Views.closed(catalog, augmentations)
    images = views.make(some_images(1), [0])
    different = {tuple(image.flatten().tolist()) for image in images}
    assert order == len(views) == len(different)
    assert views.group is not None


def test_beside_a_group_each_element_is_seen_under_each_other_augmentation(catalog: aa.Catalog) -> None:
    views = Views.closed(catalog, ["canny", "flip_lr", "invert"])
    assert {"flip_lr", "invert"} == {catalog.display(word) for word in views.group.generators}
    expected = ["id", "flip_lr", "invert", "flip_lr * invert"]
    expected += ["canny", "flip_lr * canny", "invert * canny", "flip_lr * invert * canny"]
    assert {catalog.normal_form(word) for word in expected} == {catalog.normal_form(word) for word in views.words}
    assert len(expected) == len(views)
    assert IDENTITY == views.words[0]


def test_beside_trained_ones_there_are_the_new_ones_on_the_whole_orbit(catalog: aa.Catalog) -> None:
    views = Views.beside(catalog, ["flip_lr"], ["shear_x", "canny"])
    expected = ["id", "flip_lr", "shear_x", "flip_lr * shear_x", "canny", "flip_lr * canny", "shear_x * canny"]
    assert expected == names(views)
    assert ["shear_x", "canny"] == [catalog.display(word) for word in views.generators]
    without = Views.beside(catalog, ["shear_x"], ["canny"])
    assert ["id", "canny"] == names(without)


def test_without_a_finite_group_there_are_the_published_views(catalog: aa.Catalog) -> None:
    views = Views.closed(catalog, ["shear_x", "canny"])
    assert views.group is None
    assert Views.published(catalog, ["shear_x", "canny"]).words == views.words


@pytest.mark.parametrize(
    "augmentations", [["flip_lr", "rotate_cw"], ["shear_x", "canny"], ["flip_ud", "roll(1,0)", "gaussian_blur"]]
)
def test_views_are_what_the_catalog_makes_of_the_words(catalog: aa.Catalog, augmentations: list[str]) -> None:
    views = Views.closed(catalog, augmentations, seed=5)
    images, ids = some_images(), [7, 1, 40, 3, 12, 0]
    made = views.make(images, ids)
    for word, view in zip(views.words, made, strict=True):
        assert torch.equal(catalog.apply(word, images, seed=5, ids=ids), view)


def test_a_view_of_an_image_does_not_depend_on_its_batch(catalog: aa.Catalog) -> None:
    views = Views.published(catalog, ["shear_x", "sap_noise"], seed=2)
    images, ids = some_images(), list(range(6))
    which = torch.tensor([3, 0, 1, 2, 3, 1])
    picked = views.pick(images, ids, which)
    assert torch.equal(views.make(images, ids)[which, torch.arange(6)], picked)


@pytest.mark.parametrize(
    "augmentations", [["flip_lr", "flip_ud"], ["flip_lr", "rotate_cw"], ["flip_lr", "canny"], ["mini_image", "invert"]]
)
def test_moves_lead_from_view_to_view(catalog: aa.Catalog, augmentations: list[str]) -> None:
    """What the table says by the laws is checked on pixels."""
    views = Views.closed(catalog, augmentations)
    made = views.make(some_images(), list(range(6)))
    assert (len(augmentations), len(views)) == tuple(views.moves.shape)
    assert bool((views.moves[:, 0] >= 0).all())
    for generator, row in zip(views.generators, views.moves.tolist(), strict=True):
        for source, target in enumerate(row):
            moved = catalog.apply(generator, made[source])
            hits = [number for number, view in enumerate(made) if torch.allclose(view, moved, rtol=0, atol=1e-6)]
            if target >= 0:
                assert target in hits
            else:
                assert not hits


def test_changed_sizes_are_refused(catalog: aa.Catalog) -> None:
    views = Views.closed(catalog, ["rotate_cw"])
    with pytest.raises(AugmentationError, match=r"rotate_cw turns images of 28×20 into 20×28 pixels.*square"):
        views.make(some_images(2, 28, 20), [0, 1])
    with pytest.raises(AugmentationError, match="28×20 into 20×28"):
        views.pick(some_images(2, 28, 20), [0, 1], torch.tensor([0, 1]))


@pytest.mark.parametrize(
    ("augmentations", "message"),
    [
        ([], "at least one augmentation"),
        (["flip_lr", "dihedral.flip_lr"], "flip_lr is given twice"),
        (["flip_lr * flip_ud"], "not a single augmentation"),
        (["rotate_cw^-1"], "not a single augmentation"),
        (["flip_l"], "did you mean"),
    ],
)
def test_impossible_sets_are_refused(catalog: aa.Catalog, augmentations: list[str], message: str) -> None:
    for make in (Views.published, Views.closed):
        with pytest.raises(AugalgebraError, match=message):
            make(catalog, augmentations)
