"""Relations found by applying augmentations, compared with those that are declared."""

import json
import math
import types
from typing import Any

import pytest
import torch
from torch import Tensor

import augalgebra as aa
from augalgebra.checks.discovery import discover
from augalgebra.checks.results import LawResult
from augalgebra.errors import AugmentationError, ImageError, NotInvertibleError, ParameterError, UnknownNameError


def planted(*, flip_laws: dict[str, Any] | None = None) -> aa.Catalog:
    module = types.ModuleType("planted")

    @aa.hookimpl
    def augalg_register(register: Any) -> None:
        @register("flip_lr", **({"inverse": "self", "commutes_with": ["flip_ud"]} if flip_laws is None else flip_laws))
        def flip_lr(x: Tensor) -> Tensor:
            return x.flip(-1)

        @register("flip_ud", inverse="self")
        def flip_ud(x: Tensor) -> Tensor:
            return x.flip(-2)

        @register("rotate_cw", period=4, laws=["flip_lr * rotate_cw * flip_lr = rotate_cw^3"], shape="transposed")
        def rotate_cw(x: Tensor) -> Tensor:
            return x.rot90(-1, (-2, -1))

        @register("roll", additive=["dx", "dy"], params=[aa.Param("dx", whole=True), aa.Param("dy", whole=True)])
        def roll(x: Tensor, dx: int, dy: int) -> Tensor:
            return x.roll((dy, dx), (-2, -1))

        @register("invert", inverse="self", commutes_with=["flip_lr"])
        def invert(x: Tensor) -> Tensor:
            return 1 - x

        @register("threshold", idempotent=True)
        def threshold(x: Tensor, level: float = 0.5) -> Tensor:
            return (x >= level).to(x.dtype)

        @register("darken")
        def darken(x: Tensor) -> Tensor:
            return x * 0.99

        @register("jitter", params=[aa.Param("by", draw=aa.uniform(0, 1))])
        def jitter(x: Tensor, by: Any) -> Tensor:
            return x * by

        @register("turn", params=[aa.Param("degrees", low=-360, high=360)])
        def turn(x: Tensor, degrees: float) -> Tensor:
            angle = math.radians(degrees)
            rows = [[math.cos(angle), -math.sin(angle), 0.0], [math.sin(angle), math.cos(angle), 0.0]]
            matrix = torch.tensor([rows], dtype=x.dtype).expand(len(x), -1, -1)
            grid = torch.nn.functional.affine_grid(matrix, list(x.shape), align_corners=False)
            return torch.nn.functional.grid_sample(x, grid, align_corners=False)

        @register("crop", shape="changed")
        def crop(x: Tensor) -> Tensor:
            if x.shape[-1] < 20:
                raise ValueError("too narrow")
            return x[..., 4:]

    module.augalg_register = augalg_register  # type: ignore[attr-defined]
    catalog = aa.load_catalog(aa.Settings(), modules=[module], installed=False)
    assert catalog.plugins[0].reason == ""
    return catalog


CATALOG = planted()


@pytest.mark.parametrize(
    ("words", "order", "group", "abelian"),
    [
        ([], 1, "1", True),
        (["id"], 1, "1", True),
        (["flip_lr"], 2, "Z2", True),
        (["rotate_cw"], 4, "Z4", True),
        (["rotate_cw^2"], 2, "Z2", True),
        (["rotate_cw^-1"], 4, "Z4", True),
        (["flip_lr", "flip_ud"], 4, "Z2×Z2", True),
        (["flip_lr", "rotate_cw"], 8, "D4", False),
        (["flip_lr", "flip_lr * rotate_cw"], 8, "D4", False),
        (["roll(1, 0)"], 28, "Z28", True),
        (["roll(2, 0)"], 14, "Z14", True),
        (["roll(1, 0)", "flip_lr"], 56, "D28", False),
        (["roll(1, 0)", "flip_ud"], 56, "Z2×Z28", True),
        (["roll(7, 0)", "roll(0, 14)"], 8, "Z2×Z4", True),
        (["flip_lr", "rotate_cw", "invert"], 16, "Z2×D4", False),
        (["threshold", "flip_lr"], 4, None, True),
        (["threshold", "invert"], 4, None, True),
    ],
)
def test_groups_and_monoids_are_found(words: list[str], order: int, group: str | None, abelian: bool) -> None:
    found = discover(CATALOG, words)
    assert (order, True, group, abelian) == (found.order, found.complete, found.group, found.abelian)
    assert found.exact == (not {"invert", "threshold"} & set(words))


def test_elements_and_table_are_those_of_the_images() -> None:
    found = discover(CATALOG, ["flip_lr", "rotate_cw"], height=9)
    images = torch.rand(1, 1, 9, 9, generator=torch.Generator().manual_seed(0))
    views = [CATALOG.apply(element, images) for element in found.elements]
    for row, x in enumerate(found.elements):
        for column, y in enumerate(found.elements):
            product = CATALOG.apply(x * y, images)
            same = [number for number, view in enumerate(views) if torch.equal(view, product)]
            assert [int(found.closure.table[row, column])] == same


def test_relations_are_equations_in_the_names_given() -> None:
    data = discover(CATALOG, ["flip_lr", "rotate_cw"]).to_dict(CATALOG)
    assert data["relations"] == ["flip_lr^2 = id", "rotate_cw^4 = id", "rotate_cw * flip_lr * rotate_cw = flip_lr"]
    assert data["elements"][:3] == ["id", "flip_lr", "rotate_cw"]
    assert data["generators"] == ["flip_lr", "rotate_cw"]
    assert data == json.loads(json.dumps(data, allow_nan=False))
    assert {"order", "complete", "abelian", "group", "elements", "relations", "table"} <= set(data)


def test_relations_that_are_declared_are_told_from_those_that_are_not() -> None:
    square = discover(CATALOG, ["flip_lr", "flip_ud", "rotate_cw"]).to_dict(CATALOG)
    assert set(square["undeclared"]) == {
        "rotate_cw^2 = flip_lr * flip_ud",
        "rotate_cw * flip_lr = flip_ud * rotate_cw",
    }
    assert "flip_lr^2 = id" in square["relations"]
    assert discover(CATALOG, ["flip_lr", "rotate_cw"]).undeclared == ()
    roll = discover(CATALOG, ["roll(1, 0)", "roll(0, 1)"], height=6).to_dict(CATALOG)
    # true at this size alone, so that nobody should declare it
    assert roll["only_here"] == ["roll(1, 0)^6 = id", "roll(0, 1)^6 = id"]
    assert roll["undeclared"] == []
    assert "roll(1, 0) * roll(0, 1) = roll(0, 1) * roll(1, 0)" in roll["relations"]


def test_declared_laws_that_are_false_are_listed() -> None:
    catalog = planted(flip_laws={"period": 3, "commutes_with": ["rotate_cw", "flip_ud"]})

    def false(*words: str) -> list[str]:
        results: tuple[LawResult, ...] = discover(catalog, words).false
        assert {"violated"} <= {result.verdict for result in results} or not results
        return [result.equation for result in results]

    assert false("flip_lr") == ["flip_lr^3 = id"]
    assert "flip_lr * rotate_cw = rotate_cw * flip_lr" in false("flip_lr", "rotate_cw")
    assert false("flip_ud") == []
    assert discover(CATALOG, ["flip_lr", "rotate_cw", "flip_ud"]).false == ()


def test_what_has_no_end_is_bounded_and_says_so() -> None:
    found = discover(CATALOG, ["darken", "flip_lr"], max_elements=15)
    assert (found.order, found.complete, found.reason) == (15, False, "stopped at 15 elements")
    assert found.group is None
    assert found.abelian is True
    data = found.to_dict(CATALOG)
    assert (data["table"], data["complete"], len(data["elements"])) == (None, False, 15)
    assert "flip_lr^2 = id" in data["relations"]


def test_a_tolerance_finds_groups_up_to_interpolation() -> None:
    assert discover(CATALOG, ["turn(45)"], max_elements=30).complete is False
    found = discover(CATALOG, ["turn(45)", "flip_lr"], tolerance=0.05, max_elements=40)
    assert (found.order, found.group, found.complete) == (16, "D8", True)
    assert found.to_dict(CATALOG)["relations"][0] == "turn(45)^8 ≈ id"
    with pytest.raises(ParameterError, match=r"a tolerance of 0\.3 is too wide: turn\(45\) moves some images by"):
        discover(CATALOG, ["turn(45)"], tolerance=0.3)


def test_more_images_are_taken_when_those_at_hand_confuse_elements() -> None:
    # values are exactly 0.5 only after the first map, and only then threshold and invert do not commute
    module = types.ModuleType("planted")

    @aa.hookimpl
    def augalg_register(register: Any) -> None:
        @register("grey")
        def grey(x: Tensor) -> Tensor:
            return torch.full_like(x, 0.5)

        @register("threshold")
        def threshold(x: Tensor) -> Tensor:
            return (x >= 0.5).to(x.dtype)

        @register("invert")
        def invert(x: Tensor) -> Tensor:
            return 1 - x

    module.augalg_register = augalg_register  # type: ignore[attr-defined]
    catalog = aa.load_catalog(aa.Settings(), modules=[module], installed=False)
    assert discover(catalog, ["threshold", "invert"]).order == 4
    found = discover(catalog, ["threshold", "invert", "grey"])
    assert found.complete
    texts = found.to_dict(catalog)["relations"]
    assert "threshold * invert = invert * threshold" not in texts
    # id, threshold, invert and their products on all images, and the constant images grey, black and white
    assert len([word for word in found.elements if "grey" in str(word)]) == 3


def test_quarter_turns_need_square_images() -> None:
    with pytest.raises(ImageError, match="rotate_cw exchanges height and width, so that 20×28 images cannot"):
        discover(CATALOG, ["rotate_cw"], height=20, width=28)
    assert discover(CATALOG, ["flip_lr", "roll(1, 0)"], height=8, width=12).order == 24


def test_what_cannot_be_applied_is_refused() -> None:
    with pytest.raises(ParameterError, match="jitter draws its by at random for each image; give a value"):
        discover(CATALOG, ["jitter"])
    with pytest.raises(UnknownNameError):
        discover(CATALOG, ["nobody"])
    with pytest.raises(NotInvertibleError):
        discover(CATALOG, ["threshold^-1"])
    with pytest.raises(AugmentationError, match=r"planted\.crop .* failed on images of 28×16 pixels.*too narrow"):
        discover(CATALOG, ["crop"])


def test_data_type_and_channels_are_free() -> None:
    for dtype in (torch.float32, torch.float64):
        for channels in (1, 3):
            found = discover(CATALOG, ["invert", "flip_lr"], height=8, channels=channels, dtype=dtype)
            assert (found.order, found.group) == (4, "Z2×Z2")


def test_relations_say_which_pictures_they_are_for() -> None:
    catalog = aa.load_catalog()
    found = discover(catalog, ["rotate(90)", "flip_lr"]).to_dict(catalog)
    assert (found["order"], found["group"]) == (8, "D4")
    assert found["relations"] == [
        "rotate(90)^4 = id for square pictures",
        "flip_lr^2 = id",
        "rotate(90) * flip_lr * rotate(90) = flip_lr for square pictures",
    ]
    assert found["only_here"] == found["undeclared"] == []
    turns = discover(catalog, ["rotate(120)"], height=56, tolerance=0.05).to_dict(catalog)
    assert turns["relations"] == ["rotate(120)^3 ≈ id for pictures with a dark border"]
