"""Laws that say that there is no inverse: two images with one result prove them."""

import types
from typing import Any

import pytest
import torch
from torch import Tensor

import augalgebra as aa
from augalgebra.checks.evaluation import Evaluator
from augalgebra.checks.laws import check_laws
from augalgebra.checks.probes import standard_probes
from augalgebra.checks.results import LawResult
from augalgebra.checks.singular import find_collision


def catalog_of(function: Any, params: tuple[aa.Param, ...] = (), **keywords: Any) -> aa.Catalog:
    module = types.ModuleType("planted")

    @aa.hookimpl
    def augalg_register(register: Any) -> None:
        register("f", params=params, inverse="none", **keywords)(function)

    module.augalg_register = augalg_register  # type: ignore[attr-defined]
    catalog = aa.load_catalog(aa.Settings(), modules=[module], installed=False)
    assert catalog.plugins[0].reason == ""
    return catalog


def verdict(function: Any, params: tuple[aa.Param, ...] = (), size: int = 12, **keywords: Any) -> LawResult:
    report = check_laws(catalog_of(function, params, **keywords), size=size, channels=1)
    return next(result for result in report.results if result.law.kind == "singular")


def thumbnail(x: Tensor) -> Tensor:
    """Paste a mean-pooled copy into the corner: what the corner held survives in its means only."""
    small = torch.nn.functional.avg_pool2d(x, 3)
    pasted = x.clone()
    pasted[..., : small.shape[-2], : small.shape[-1]] = small
    return pasted


def laplacian(x: Tensor) -> Tensor:
    padded = torch.nn.functional.pad(x, (1, 1, 1, 1), mode="replicate")
    around = padded[..., :-2, 1:-1] + padded[..., 2:, 1:-1] + padded[..., 1:-1, :-2] + padded[..., 1:-1, 2:]
    return (4 * x - around).abs().clamp(0, 1)


def without_a_row(x: Tensor) -> Tensor:
    return torch.cat([x[..., :5, :], x[..., :1, :], x[..., 6:, :]], dim=-2)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: (x >= 0.5).to(x.dtype),
        lambda x: (x + 0.3).clamp(0, 1),
        lambda x: (x * 4).floor() / 4,
        lambda x: torch.zeros_like(x) + x.mean((-2, -1), keepdim=True),
        laplacian,
        thumbnail,
        without_a_row,
        lambda x: (x + x.flip(-1)) / 2,
        lambda x: x.sort(-1).values,
        lambda x: torch.nn.functional.avg_pool2d(x, 3, stride=1, padding=1),
    ],
    ids=["threshold", "clip", "steps", "mean", "edges", "thumbnail", "lost row", "fold", "sort", "box blur"],
)
def test_what_loses_information_is_found_out(function: Any) -> None:
    found = verdict(function)
    assert found.verdict == "holds", found.reason
    assert found.error is not None
    assert found.moved is not None
    assert found.error < 0.002
    assert found.moved >= 0.1
    assert "differ by" in found.reason


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.flip(-1),
        lambda x: 1 - x,
        lambda x: x**3,
        lambda x: x.roll(3, -1) * 0.8 + 0.1,
        lambda x: 0.75 * x + 0.25 * x.roll(1, -1),
    ],
    ids=["mirror", "invert", "power", "shift", "slight blur"],
)
def test_what_can_be_undone_is_never_said_to_lose_information(function: Any) -> None:
    found = verdict(function)
    assert found.verdict == "not checked"
    assert "no two clearly different ones" in found.reason
    assert found.n > 500


@pytest.mark.parametrize("size", [12, 40])
def test_the_collision_is_real(size: int) -> None:
    catalog = catalog_of(thumbnail)
    evaluator = Evaluator(catalog, standard_probes(1, size, size))
    collision, word, tried = find_collision(evaluator, [catalog.word("f")])
    assert collision is not None
    assert word == catalog.word("f")
    assert tried > 100
    assert collision.error < 1e-6
    assert collision.apart >= 0.1
    assert "direction" in collision.what


def test_declared_laws_that_give_an_inverse_refute_it() -> None:
    def gamma(x: Tensor, gamma: float) -> Tensor:
        return x**gamma

    found = verdict(gamma, (aa.Param("gamma", low=0.5, high=2),), multiplicative="gamma")
    assert found.verdict == "violated"
    assert "follows from other laws and holds on the images" in found.reason
    assert found.alternative is not None
    assert str(found.alternative).endswith("= id")


def test_a_false_law_that_gives_an_inverse_refutes_nothing() -> None:
    found = verdict(lambda x: (x >= 0.5).to(x.dtype), laws=["f^2 = id"])
    assert found.verdict == "holds"


def test_the_neutral_member_of_a_family_refutes_nothing() -> None:
    def brightness(x: Tensor, by: float) -> Tensor:
        return (x + by).clamp(0, 1)

    found = verdict(brightness, (aa.Param("by", low=0, high=0.5),), laws=["f(0) = id"])
    assert found.verdict == "holds"
    assert "under f(0.3" in found.reason


def test_a_family_with_some_members_that_lose_information_has_no_inverse() -> None:
    def scale(x: Tensor, by: float) -> Tensor:
        return x * by

    assert verdict(scale, (aa.Param("by", low=0, high=1),)).verdict == "holds"
    assert verdict(scale, (aa.Param("by", low=0.5, high=1),)).verdict == "not checked"


def test_a_map_that_fails_is_not_checked() -> None:
    def broken(x: Tensor) -> Tensor:
        raise RuntimeError("no such device")

    found = verdict(broken)
    assert found.verdict == "not checked"
    assert found.reason.startswith("planted.f (plugin planted) failed")
    assert found.failed
