"""For every kind of false law, the law that holds instead."""

import re
import types
from typing import Any

import pytest
import torch
from torch import Tensor

import augalgebra as aa
from augalgebra.checks.alternatives import MAX_POWER
from augalgebra.checks.laws import check_law
from augalgebra.checks.results import Alternative


def planted() -> aa.Catalog:
    """A few maps, each with what is true about it."""
    module = types.ModuleType("planted")

    @aa.hookimpl
    def augalg_register(register: Any) -> None:
        @register("flip_lr", inverse="self")
        def flip_lr(x: Tensor) -> Tensor:
            return x.flip(-1)

        @register("flip_ud", inverse="self")
        def flip_ud(x: Tensor) -> Tensor:
            return x.flip(-2)

        @register("rotate_cw", period=4, shape="transposed")
        def rotate_cw(x: Tensor) -> Tensor:
            return x.rot90(-1, (-2, -1))

        @register("transpose", inverse="self", shape="transposed")
        def transpose(x: Tensor) -> Tensor:
            return x.transpose(-2, -1)

        @register("blur", params=[aa.Param("sigma", low=0.3, high=6)])
        def blur(x: Tensor, sigma: float) -> Tensor:
            offsets = torch.arange(-14, 15, dtype=x.dtype)
            kernel = torch.exp(-(offsets**2) / (2 * sigma**2))
            kernel = (kernel / kernel.sum()).reshape(1, 1, 1, -1)
            padded = torch.nn.functional.pad(x.flatten(0, 1)[:, None], (14, 14, 0, 0), mode="circular")
            return torch.nn.functional.conv2d(padded, kernel).reshape(x.shape)

        @register("gain", params=[aa.Param("by", low=0, high=1)])
        def gain(x: Tensor, by: float) -> Tensor:
            return x * by

        @register("keep", params=[aa.Param("rows", low=0, high=28, whole=True)])
        def keep(x: Tensor, rows: int) -> Tensor:
            kept = torch.zeros_like(x)
            kept[..., :rows, :] = x[..., :rows, :]
            return kept

        @register("fall")
        def fall(x: Tensor) -> Tensor:
            return torch.cat([torch.zeros_like(x[..., :10, :]), x[..., :-10, :]], dim=-2)

        @register("roll", params=[aa.Param("by", whole=True)])
        def roll(x: Tensor, by: int) -> Tensor:
            return x.roll(by, -1)

        @register("smear")
        def smear(x: Tensor) -> Tensor:
            return (x + x.roll(1, -1)) / 2

    module.augalg_register = augalg_register  # type: ignore[attr-defined]
    catalog = aa.load_catalog(aa.Settings(), modules=[module], installed=False)
    assert catalog.plugins[0].reason == ""
    return catalog


CATALOG = planted()


def instead_of(text: str, tolerance: float | None = None) -> Alternative:
    found = check_law(CATALOG, aa.parse_law(text, tolerance=tolerance))
    assert found.verdict == "violated"
    assert found.alternative is not None
    return found.alternative


@pytest.mark.parametrize(
    ("false", "true"),
    [
        ("rotate_cw^2 = id", "rotate_cw^4 = id"),
        ("rotate_cw^2 = rotate_cw", "rotate_cw^4 = id"),
        ("rotate_cw = id", "rotate_cw^4 = id"),
        ("flip_lr^3 = id", "flip_lr^2 = id"),
        ("fall^2 = id", "fall^4 = fall^3"),
        ("fall^2 = fall", "fall^4 = fall^3"),
        ("gain(0)^2 = id", "gain(0)^2 = gain(0)"),
        ("roll(1)^3 = id", None),  # its period is the width
        ("flip_lr * rotate_cw = rotate_cw * flip_lr", "flip_lr * rotate_cw = rotate_cw^-1 * flip_lr"),
        ("rotate_cw * flip_lr = flip_lr * rotate_cw", "rotate_cw * flip_lr = flip_lr * rotate_cw^-1"),
        ("keep(9) * flip_ud = flip_ud * keep(9)", None),
        ("keep(4) * fall = fall * keep(4)", "keep(4) * fall = fall * keep(14)"),
        ("flip_lr * flip_ud = rotate_cw", "flip_lr * flip_ud = rotate_cw^2"),
        ("transpose = rotate_cw * flip_ud", "transpose = rotate_cw * flip_lr"),
        ("rotate_cw * flip_lr = id", "rotate_cw * flip_lr * transpose = id"),
        ("rotate_cw^-1 = rotate_cw", "rotate_cw^-1 = flip_lr * transpose"),
        ("gain(0.5) * gain(0.25) = gain(0.75)", "gain(0.5) * gain(0.25) = gain(0.125)"),
        ("gain(a) * gain(b) = gain(a + b)", "gain(0.667) * gain(0.25) ≈ gain(0.167)"),
        ("gain(0.5) = id", "gain(1) = id"),
        ("keep(12) * keep(7) = keep(19)", "keep(12) * keep(7) = keep(7)"),
        ("smear = flip_ud * smear", None),
    ],
)
def test_what_holds_instead_is_named(false: str, true: str | None) -> None:
    found = instead_of(false)
    if true is None:
        assert found.equation is None
        return
    assert true == found.equation
    assert true in found.text


@pytest.mark.parametrize(
    "false",
    [
        "rotate_cw^2 = id",
        "fall^2 = fall",
        "flip_lr * rotate_cw = rotate_cw * flip_lr",
        "flip_lr * flip_ud = rotate_cw",
        "transpose = rotate_cw * flip_ud",
        "gain(0.5) = id",
        "rotate_cw * flip_lr = id",
    ],
)
def test_what_is_named_passes_the_same_check(false: str) -> None:
    equation = instead_of(false).equation
    assert equation is not None
    assert check_law(CATALOG, aa.parse_law(equation)).verdict == "holds"


def test_a_blur_done_twice_is_a_wider_blur() -> None:
    found = instead_of("blur(1)^2 = blur(1)")
    assert found.equation is not None
    assert found.error is not None
    match = re.fullmatch(r"blur\(1\)\^2 ≈ blur\(([\d.]+)\)", found.equation)
    assert match is not None
    assert float(match[1]) == pytest.approx(2**0.5, abs=0.02)
    assert found.error < 0.002
    assert f"no two of the first {MAX_POWER} powers of blur(1) are equal" in found.text
    # the error is that of the equation which is named
    remeasured = check_law(CATALOG, aa.parse_law(found.equation, tolerance=1.0))
    assert remeasured.error == pytest.approx(found.error, rel=1e-3)


def test_what_nearly_holds_is_said_to() -> None:
    found = instead_of("blur(1) = blur(1.02)")
    assert found.equation == "blur(1) ≈ blur(1.02)"
    assert found.error is not None
    assert 0 < found.error < 0.01


def test_nothing_is_made_up() -> None:
    found = instead_of("smear = flip_ud * smear")
    assert found.equation is None
    assert found.error is None
    assert re.match(r"no other word of up to \d letters in .*flip_ud.* equals smear", found.text)
    none = instead_of("smear^2 = id")
    assert (none.equation, none.text) == (None, f"no two of the first {MAX_POWER} powers of smear are equal")


def test_alternatives_of_approximate_laws_are_approximate() -> None:
    found = instead_of("flip_lr * rotate_cw ≈ rotate_cw * flip_lr", tolerance=0.01)
    assert found.equation == "flip_lr * rotate_cw ≈ rotate_cw^-1 * flip_lr"
    assert found.error == 0


def test_the_search_can_be_left_out() -> None:
    found = check_law(CATALOG, aa.parse_law("rotate_cw^2 = id"), alternatives=False)
    assert (found.verdict, found.alternative) == ("violated", None)
