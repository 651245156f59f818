"""Laws that hold but were not declared: what is proposed is true, new, and told by no vacuous image."""

import itertools
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

import augalgebra as aa
from augalgebra.checks import check_law
from augalgebra.checks.proposals import propose

FIRST_PARTY = aa.load_catalog(aa.Settings())


def catalog_with(**functions: Callable[..., Tensor]) -> aa.Catalog:
    """The first-party catalog and augmentations of which nothing is declared."""
    more = {
        f"mine.{name}": aa.Augmentation(f"mine.{name}", function, shape="changed")
        for name, function in functions.items()
    }
    return aa.Catalog(FIRST_PARTY.augmentations | more, FIRST_PARTY.laws, (), FIRST_PARTY.managers)


def proposed(**functions: Callable[..., Tensor]) -> list[str]:
    catalog = catalog_with(**functions)
    found = propose(catalog, [f"mine.{name}" for name in functions])
    assert all(item.error <= 1e-5 for item in found)
    return [item.equation for item in found]


TURN = {
    "id": lambda x: x,
    "flip_lr": lambda x: x.flip(-1),
    "flip_ud": lambda x: x.flip(-2),
    "rotate_180": lambda x: x.flip((-2, -1)),
    "rotate_cw": lambda x: x.rot90(-1, (-2, -1)),
    "rotate_ccw": lambda x: x.rot90(1, (-2, -1)),
    "transpose": lambda x: x.transpose(-2, -1).contiguous(),
    "anti_transpose": lambda x: x.transpose(-2, -1).flip((-2, -1)),
}


@pytest.mark.parametrize("name", TURN)
def test_every_symmetry_of_the_square_is_recognised(name: str) -> None:
    found = proposed(again=TURN[name])
    assert found[-1] == f"again = {name}"
    powers = {"id": [], "rotate_cw": ["again^4 = id"], "rotate_ccw": ["again^4 = id"]}
    assert found[:-1] == powers.get(name, ["again^2 = id"])


def test_a_word_of_others_is_found() -> None:
    assert proposed(both=lambda x: 1 - x.rot90(-1, (-2, -1)))[-1] in (
        "both = rotate_cw * invert",
        "both = invert * rotate_cw",
    )


def test_nothing_that_holds_on_one_size_only_is_proposed() -> None:
    # on images of 28×28 pixels this has period 28
    assert not [text for text in proposed(shift=lambda x: x.roll(1, -1)) if text.startswith("shift^")]


def test_nothing_vacuous_is_proposed() -> None:
    # only white images are changed, and no probe is white
    found = proposed(rare=lambda x: torch.where((x > 0.999).all(), 1 - x, x))
    assert found == ["rare = id"]


def test_what_follows_from_declared_laws_is_left_out() -> None:
    found = proposed(halve=lambda x: x.clamp(0, 0.5))
    assert "halve * flip_lr = flip_lr * halve" in found
    assert "halve * rotate_cw = rotate_cw * halve" in found
    assert "halve * rotate_180 = rotate_180 * halve" not in found
    assert not [text for text in found if "HorizontalFlip" in text]


def test_one_sided_inverses_are_told_apart() -> None:
    frame = (2, 2, 2, 2)
    found = proposed(pad=lambda x: torch.nn.functional.pad(x, frame), crop=lambda x: x[..., 2:-2, 2:-2])
    assert "pad * crop = id" in found
    assert "crop * pad = id" not in found


def test_a_power_that_repeats_without_being_the_identity_is_found() -> None:
    def darken(x: Tensor) -> Tensor:
        return (x.mul(8).floor() - 1).clamp(0, 7) / 8

    # white takes eight steps to black
    assert "darken^9 = darken^8" in proposed(darken=darken)


@pytest.mark.parametrize(
    ("function", "law"),
    [
        (lambda x, a: x * a, "f(a_1) * f(a_2) = f(a_1 * a_2)"),
        (lambda x, a: x ** (2.0**a), "f(a_1) * f(a_2) = f(a_1 + a_2)"),
    ],
    ids=["multiplicative", "additive"],
)
def test_how_the_parameters_of_a_family_combine_is_found(function: Callable[..., Tensor], law: str) -> None:
    family = aa.Augmentation("mine.f", function, (aa.Param("a", low=0, high=1),))
    catalog = aa.Catalog(FIRST_PARTY.augmentations | {family.name: family}, FIRST_PARTY.laws, (), FIRST_PARTY.managers)
    found = propose(catalog, ["mine.f"])
    assert next(item.equation for item in found if item.law.kind in ("additive", "multiplicative")) == law


def test_a_family_has_to_commute_at_all_parameters() -> None:
    # enlarging shows nothing of the background, shrinking does
    fade = aa.Augmentation("mine.fade", lambda x, a: x * a, (aa.Param("a", low=0, high=1),))
    catalog = aa.Catalog(FIRST_PARTY.augmentations | {fade.name: fade}, FIRST_PARTY.laws, (), FIRST_PARTY.managers)
    found = [item.equation for item in propose(catalog, ["mine.fade"])]
    assert not [text for text in found if "scale" in text]
    assert [text for text in found if "roll" in text]


def test_everything_proposed_holds_under_another_seed() -> None:
    catalog = catalog_with(
        soft=lambda x: torch.nn.functional.avg_pool2d(x, 3, 1, 1), grey=lambda x: x.clamp(0.25, 0.75)
    )
    found = propose(catalog, ["mine.soft", "mine.grey"])
    assert found
    for item, channels in itertools.product(found, (1, 3)):
        assert check_law(catalog, item.law, channels=channels, size=33, seed=5).verdict in ("holds", "vacuous")


def test_a_family_that_cannot_do_nothing_is_looked_at_all_the_same() -> None:
    def checker(x: Tensor, square: int = 1) -> Tensor:
        places = torch.arange(x.shape[2])[:, None] // square + torch.arange(x.shape[3]) // square
        return torch.where(places % 2 == 1, 1 - x, x)

    family = aa.Augmentation("mine.checker", checker, params=(aa.Param("square", default=1, low=1, high=64),))
    catalog = aa.Catalog(FIRST_PARTY.augmentations | {family.name: family}, FIRST_PARTY.laws, (), FIRST_PARTY.managers)
    found = [item.equation for item in propose(catalog, [family.name])]
    assert "checker(square)^2 = id" in found
    assert "checker(square) * invert = invert * checker(square)" in found
