"""Comparing two words on images."""

import json
import types
from typing import Any

import pytest
import torch
from torch import Tensor

import augalgebra as aa
from augalgebra.checks.comparison import compare_words
from augalgebra.checks.probes import Probe, make_probes
from augalgebra.errors import ParameterError, UnknownNameError


def planted() -> aa.Catalog:
    module = types.ModuleType("planted")

    @aa.hookimpl
    def augalg_register(register: Any) -> None:
        @register("flip_lr", inverse="self")
        def flip_lr(x: Tensor) -> Tensor:
            return x.flip(-1)

        @register("rotate_cw", period=4, shape="transposed")
        def rotate_cw(x: Tensor) -> Tensor:
            return x.rot90(-1, (-2, -1))

        @register("brightness", params=[aa.Param("by", low=-1, high=1)])
        def brightness(x: Tensor, by: float) -> Tensor:
            return (x + by).clamp(0, 1)

        @register("shift", params=[aa.Param("by", low=-9, high=9, whole=True, draw=aa.integers(1, 5))])
        def shift(x: Tensor, by: int) -> Tensor:
            return x.roll(by, -1)

        @register("smear")
        def smear(x: Tensor) -> Tensor:
            return 0.9 * x + 0.1 * x.roll(1, -1)

    module.augalg_register = augalg_register  # type: ignore[attr-defined]
    return aa.load_catalog(aa.Settings(), modules=[module], installed=False)


CATALOG = planted()


@pytest.mark.parametrize(
    ("first", "second", "equal"),
    [
        ("rotate_cw * flip_lr", "flip_lr * rotate_cw^-1", True),
        ("rotate_cw * flip_lr", "flip_lr * rotate_cw", False),
        ("rotate_cw^4", "id", True),
        ("flip_lr", "id", False),
        ("brightness(0)", "id", True),
        ("flip_lr * brightness(0)", "flip_lr", True),
        ("brightness(0.2) * flip_lr", "flip_lr * brightness(0.2)", True),
        ("brightness(0.2) * brightness(0.1)", "brightness(0.3)", True),
        ("brightness(0.2) * brightness(-0.2)", "id", False),
        ("shift * flip_lr * shift", "flip_lr", True),
        ("shift * shift", "shift", False),
        ("shift(2) * shift(3)", "shift(5)", True),
    ],
)
def test_words_are_compared_pixel_by_pixel(first: str, second: str, equal: bool) -> None:
    found = compare_words(CATALOG, first, second)
    assert equal == found.equal
    assert (found.counterexample is None) == equal
    assert found.error is not None
    assert (found.error <= 1e-5) == equal
    data = found.to_dict()
    assert {"equal": equal, "level": "pixel", "reason": found.reason} == {
        key: data[key] for key in ("equal", "level", "reason")
    }
    assert data == json.loads(json.dumps(data, allow_nan=False))


def test_a_tolerance_compares_smooth_images_by_the_root_mean_square() -> None:
    assert compare_words(CATALOG, "smear", "id").equal is False
    smooth = [probe.images for probe in make_probes() if probe.smooth]
    errors = [CATALOG.apply("smear * flip_lr", images) - images.flip(-1) for images in smooth]
    apart = max(float(error.square().mean((1, 2, 3)).sqrt().max()) for error in errors)
    assert compare_words(CATALOG, "smear * flip_lr", "flip_lr", tolerance=apart * 1.01).equal is True
    found = compare_words(CATALOG, "smear * flip_lr", "flip_lr", tolerance=apart * 0.99)
    assert found.equal is False
    assert found.error == pytest.approx(apart, rel=1e-5)


def test_images_that_tell_nothing_decide_nothing() -> None:
    constant = [Probe("constant", torch.full((1, 1, 9, 9), 0.5))]
    found = compare_words(CATALOG, "flip_lr", "rotate_cw", constant)
    assert found.equal is None
    assert "no image was moved" in found.reason


def test_words_that_cannot_be_read_are_errors() -> None:
    with pytest.raises(UnknownNameError):
        compare_words(CATALOG, "nobody", "id")
    with pytest.raises(ParameterError):
        compare_words(CATALOG, "brightness(3)", "id")


def test_an_inverse_nobody_knows_is_not_decided() -> None:
    found = compare_words(CATALOG, "flip_lr * smear^-1 * flip_lr", "id")
    assert found.equal is None
    assert "smear" in found.reason
