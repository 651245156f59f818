"""The check of laws on images: each verdict proven by a planted case."""

import json
import types
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import augalgebra as aa
from augalgebra.checks.laws import check_law, check_laws
from augalgebra.checks.probes import Probe, make_probes, standard_probes
from augalgebra.errors import UnknownNameError


def plugin(name: str, register: Callable[[Any], None]) -> types.ModuleType:
    module = types.ModuleType(name)
    module.augalg_register = aa.hookimpl(_named(register))  # type: ignore[attr-defined]
    return module


def _named(register: Callable[[Any], None]) -> Callable[[Any], None]:
    def augalg_register(register_: Any) -> None:
        register(register_)

    # pluggy passes arguments by name
    def hook(register: Any) -> None:
        augalg_register(register)

    hook.__name__ = "augalg_register"
    return hook


def catalog_of(register: Callable[[Any], None], name: str = "planted") -> aa.Catalog:
    catalog = aa.load_catalog(aa.Settings(), modules=[plugin(name, register)], installed=False)
    assert catalog.plugins[-1].reason == ""
    return catalog


def squares(register: Any) -> None:
    @register("flip_lr", inverse="self", commutes_with=["flip_ud"])
    def flip_lr(x: Tensor) -> Tensor:
        return x.flip(-1)

    @register("flip_ud", inverse="self")
    def flip_ud(x: Tensor) -> Tensor:
        return x.flip(-2)

    @register("rotate_cw", period=4, shape="transposed", laws=["flip_lr * rotate_cw = rotate_cw * flip_ud"])
    def rotate_cw(x: Tensor) -> Tensor:
        return x.rot90(-1, (-2, -1))


@pytest.mark.parametrize("size", [12, 28])
@pytest.mark.parametrize("channels", [1, 3])
def test_true_laws_hold_exactly(size: int, channels: int) -> None:
    report = check_laws(catalog_of(squares), size=size, channels=channels)
    assert [result.verdict for result in report.results] == ["holds"] * 5
    assert [result.error for result in report.results] == [0.0] * 5
    assert all(result.moved is not None and result.moved > 0.4 for result in report.results)
    assert all(result.n >= 15 for result in report.results)
    assert report.violated == 0


def test_a_false_law_is_violated_with_the_smallest_counterexample() -> None:
    def register(register: Any) -> None:
        @register("rotate_cw", inverse="self", shape="transposed")
        def rotate_cw(x: Tensor) -> Tensor:
            return x.rot90(-1, (-2, -1))

    report = check_laws(catalog_of(register))
    (result,) = report.results
    assert (
        result.verdict,
        result.equation,
        result.augmentation,
    ) == ("violated", "rotate_cw^2 = id", "planted.rotate_cw")
    assert report.violated == 1
    counterexample = result.counterexample
    assert counterexample is not None
    # the simplest image, and what is really there
    assert (counterexample.probe, counterexample.image) == ("dot", 0)
    assert counterexample.pixel is not None
    dot = standard_probes()[0].images[0]
    assert float(dot.flip((-2, -1))[counterexample.pixel]) == counterexample.lhs
    assert float(dot[counterexample.pixel]) == counterexample.rhs
    assert abs(counterexample.lhs - counterexample.rhs) == counterexample.error == 1.0
    assert "rotate_cw^2 = id fails on dot[0] of 28×28 pixels: at row" in str(counterexample)


def test_values_of_the_counterexample_are_those_at_the_worst_pixel() -> None:
    def register(register: Any) -> None:
        @register("half", laws=["half(0.5) = half(0.4)"])
        def half(x: Tensor, by: float) -> Tensor:
            return x * by

    probe = Probe("ramp", torch.arange(3 * 4 * 5.0).reshape(1, 3, 4, 5) / 59)
    (result,) = check_laws(catalog_of(register), probes=[probe]).results
    counterexample = result.counterexample
    assert counterexample is not None
    assert counterexample.pixel == (2, 3, 4)
    assert (counterexample.lhs, counterexample.rhs) == pytest.approx((0.5, 0.4))
    assert result.error == pytest.approx(0.1)
    assert "row 3, column 4, channel 2" in str(counterexample)


@pytest.mark.parametrize("name", ["flip_lr", "planted"])
def test_a_constant_image_satisfies_everything_and_tells_nothing(name: str) -> None:
    constant = Probe("constant", torch.full((2, 1, 8, 8), 0.3))
    report = check_laws(catalog_of(squares), [name], probes=[constant])
    assert {"vacuous"} == {result.verdict for result in report.results}
    assert all("no image was moved by more than" in result.reason for result in report.results)


def test_each_augmentation_of_a_law_has_to_move_the_image() -> None:
    def register(register: Any) -> None:
        squares(register)

        @register("idle", commutes_with=["flip_lr"])
        def idle(x: Tensor) -> Tensor:
            return x.clone()

    results = {result.equation: result for result in check_laws(catalog_of(register)).results}
    assert results["idle * flip_lr = flip_lr * idle"].verdict == "vacuous"
    assert results["flip_lr * flip_ud = flip_ud * flip_lr"].verdict == "holds"


def test_that_nothing_moves_is_a_law_that_can_hold_and_fail() -> None:
    def register(register: Any) -> None:
        @register("shift", laws=["shift(0) = id", "shift(2) = id", "id = shift(0)"])
        def shift(x: Tensor, columns: int) -> Tensor:
            return x.roll(columns, -1)

    verdicts = {result.equation: result.verdict for result in check_laws(catalog_of(register)).results}
    assert verdicts == {"shift(0) = id": "holds", "shift(2) = id": "violated", "id = shift(0)": "holds"}


def test_tolerance_follows_the_data_type() -> None:
    def register(register: Any) -> None:
        @register("nudge", inverse="self")
        def nudge(x: Tensor) -> Tensor:
            return x.flip(-1) + 1e-7

    catalog = catalog_of(register)
    single, double = (check_laws(catalog, dtype=dtype).results[0] for dtype in (torch.float32, torch.float64))
    assert (single.verdict, single.tolerance) == ("holds", 1e-5)
    assert (double.verdict, double.tolerance) == ("violated", 1e-12)
    assert double.error == pytest.approx(2e-7)


@pytest.mark.parametrize(("tolerance", "verdict"), [(None, "violated"), (0.01, "violated"), (0.03, "holds")])
def test_an_augmentation_may_declare_its_own_tolerance(tolerance: float | None, verdict: str) -> None:
    def register(register: Any) -> None:
        @register("coarse", inverse="self", tolerance=tolerance)
        def coarse(x: Tensor) -> Tensor:
            return (x.flip(-1) + 0.01).clamp(0, 1)

    assert verdict == check_laws(catalog_of(register)).results[0].verdict


def test_approximate_laws_are_judged_by_the_root_mean_square_on_smooth_images() -> None:
    def register(register: Any) -> None:
        def half(x: Tensor, shift: int) -> Tensor:
            return (x + x.roll(shift, -1)) / 2

        @register("right", laws=[aa.parse_law("right * left ≈ id", tolerance=0.1)])
        def right(x: Tensor) -> Tensor:
            return half(x, 1).roll(3, -1)

        @register("left")
        def left(x: Tensor) -> Tensor:
            return half(x, -1).roll(-3, -1)

    catalog = catalog_of(register)
    (result,) = check_laws(catalog).results
    smooth = [probe.images for probe in make_probes() if probe.smooth]
    apart = [(catalog.apply("right * left", images) - images).square().mean((1, 2, 3)).sqrt() for images in smooth]
    errors = torch.cat(apart)
    assert result.error == pytest.approx(float(errors.max()), rel=1e-5)
    assert (len(errors), 0.1, "holds") == (result.n, result.tolerance, result.verdict)
    # noise, which interpolation treats badly, would fail
    noise = standard_probes()[2]
    (on_noise,) = check_laws(catalog, probes=[noise]).results
    assert on_noise.verdict == "violated"
    strict = check_law(catalog, aa.parse_law("right * left ≈ id", tolerance=result.error * 0.99))
    assert strict.verdict == "violated"


def test_an_approximate_law_that_allows_as_much_as_it_moves_is_vacuous() -> None:
    catalog = catalog_of(squares)
    assert check_law(catalog, aa.parse_law("flip_lr^2 = id", tolerance=0.05)).verdict == "holds"
    assert check_law(catalog, aa.parse_law("flip_lr^2 = id", tolerance=0.4)).verdict == "vacuous"


def colours(register: Any) -> None:
    @register("cycle", period=3)
    def cycle(x: Tensor) -> Tensor:
        if x.shape[1] != 3:
            raise ValueError("needs 3 channels")
        return x.roll(1, 1)

    @register("swap", inverse="self")
    def swap(x: Tensor) -> Tensor:
        return x.flip(1)


def test_laws_about_colours_are_checked_on_colours() -> None:
    catalog = catalog_of(colours)
    assert [result.verdict for result in check_laws(catalog).results] == ["holds", "holds"]
    cycle, swap = check_laws(catalog, channels=1).results
    assert (cycle.verdict, swap.verdict) == ("not checked", "vacuous")
    assert "cycle (plugin planted) failed on images of 28×28 pixels, 1 channel: needs 3 channels" in cycle.reason


def test_a_plugin_that_fails_harms_only_its_own_laws() -> None:
    def register(register: Any) -> None:
        squares(register)

        @register("broken", inverse="self")
        def broken(x: Tensor) -> Tensor:
            return x / 0

        @register("shrinks", inverse="self")
        def shrinks(x: Tensor) -> Tensor:
            return x[..., 1:]

    results = {result.equation: result for result in check_laws(catalog_of(register)).results}
    assert results["broken^2 = id"].verdict == results["shrinks^2 = id"].verdict == "not checked"
    assert "returned pixels that are NaN or infinite" in results["broken^2 = id"].reason
    assert "declares its shape kept" in results["shrinks^2 = id"].reason
    assert results["flip_lr^2 = id"].verdict == "holds"


def test_working_in_place_does_not_spoil_the_images() -> None:
    def register(register: Any) -> None:
        squares(register)

        @register("erase", idempotent=True)
        def erase(x: Tensor) -> Tensor:
            return x.mul_(0.5)

    before = standard_probes()
    probes = standard_probes()
    results = {result.equation: result for result in check_laws(catalog_of(register), probes=probes).results}
    assert results["erase^2 = erase"].verdict == "not checked"
    assert "erase (plugin planted) changed the images it was given" in results["erase^2 = erase"].reason
    assert results["rotate_cw^4 = id"].verdict == "holds"
    assert all(torch.equal(a.images, b.images) for a, b in zip(before, probes, strict=True))


def test_laws_that_name_something_unknown_are_reported() -> None:
    def register(register: Any) -> None:
        @register("flip_lr", inverse="self", commutes_with=["nobody"])
        def flip_lr(x: Tensor) -> Tensor:
            return x.flip(-1)

    catalog = catalog_of(register)
    for names in (None, ["flip_lr"], ["planted"]):
        results = {result.verdict: result for result in check_laws(catalog, names).results}
        assert {"holds", "not checked"} == set(results)
        assert "nobody" in results["not checked"].reason


def test_names_choose_laws() -> None:
    catalog = catalog_of(squares)

    def chosen(*names: str) -> set[str]:
        return {result.equation for result in check_laws(catalog, names, size=8).results}

    assert chosen("flip_ud") == {"flip_ud^2 = id"}
    assert chosen("rotate_cw") == {"rotate_cw^4 = id", "flip_lr * rotate_cw = rotate_cw * flip_ud"}
    assert chosen("flip_ud", "rotate_cw") == chosen("flip_ud") | chosen("rotate_cw")
    assert len(chosen("planted")) == 5
    with pytest.raises(UnknownNameError, match=r"did you mean planted\.flip_ud"):
        chosen("flip_du")
    with pytest.raises(UnknownNameError, match="did you mean planted"):
        chosen("planned")


def test_a_law_about_an_inverse_is_not_checked_against_itself() -> None:
    def register(register: Any) -> None:
        squares(register)

        @register("wrong", laws=["wrong^-1 = flip_lr"])
        def wrong(x: Tensor) -> Tensor:
            return x.flip(-2)

    catalog = catalog_of(register)
    results = {result.equation: result.verdict for result in check_laws(catalog).results}
    assert results["wrong^-1 = flip_lr"] == "violated"
    for text in (
        "rotate_cw^-1 = rotate_cw^3",
        "rotate_cw^-2 = rotate_cw^2",
        "flip_lr * rotate_cw^-1 = rotate_cw * flip_lr",
    ):
        assert check_law(catalog, aa.parse_law(text)).verdict == "holds"
    for text in ("rotate_cw^-1 = rotate_cw", "rotate_cw^-1 * flip_lr = flip_lr * rotate_cw^-1"):
        assert check_law(catalog, aa.parse_law(text)).verdict == "violated"


def test_an_inverse_that_nobody_knows_is_not_checked() -> None:
    def register(register: Any) -> None:
        @register("blur", laws=["flip * blur^-1 * flip = blur"])
        def blur(x: Tensor) -> Tensor:
            return (x + x.roll(1, -1)) / 2

        @register("flip", inverse="self")
        def flip(x: Tensor) -> Tensor:
            return x.flip(-1)

    results = {result.equation: result.verdict for result in check_laws(catalog_of(register)).results}
    assert results == {"flip * blur^-1 * flip = blur": "not checked", "flip^2 = id": "holds"}


def test_oblong_images_show_what_exchanges_height_and_width() -> None:
    catalog = catalog_of(squares)
    oblong = standard_probes(1, 10, 14)
    assert check_law(catalog, aa.parse_law("rotate_cw^4 = id"), oblong).verdict == "holds"
    found = check_law(catalog, aa.parse_law("rotate_cw = flip_lr"), oblong, alternatives=False)
    assert found.verdict == "violated"
    assert "the left side has 14×10 pixels and the right side 10×14" in str(found.counterexample)
    assert found.to_dict()["error"] is None


def test_probes_of_several_sizes_are_all_checked() -> None:
    catalog = catalog_of(squares)
    probes = [*standard_probes(1, 8, 8), *standard_probes(1, 12, 9)]
    found = check_law(catalog, aa.parse_law("flip_lr^2 = id"), probes)
    assert ("holds", sum(len(probe.images) for probe in probes)) == (found.verdict, found.n)


def test_contributed_probes_are_used_and_bad_ones_reported() -> None:
    module = plugin("planted", squares)

    @aa.hookimpl
    def augalg_probes() -> object:
        return {"planted.noise": lambda c, h, w: torch.rand(4, c, h, w), "planted.bad": lambda c, h, w: None}

    module.augalg_probes = augalg_probes  # type: ignore[attr-defined]
    catalog = aa.load_catalog(aa.Settings(), modules=[module], installed=False)
    report = check_laws(catalog, ["flip_lr"])
    built_in = sum(len(probe.images) for probe in make_probes())
    assert built_in + 3 * 4 == report.results[0].n
    assert [failure.name for failure in report.probe_failures] == ["planted.bad"]


def test_reports_are_data_and_repeatable() -> None:
    def register(register: Any) -> None:
        squares(register)

        @register("gain", additive="by", inverse="none", params=[aa.Param("by", low=0, high=2)])
        def gain(x: Tensor, by: float) -> Tensor:
            return x * by

    first, second = (check_laws(catalog_of(register), seed=3).to_dict() for _ in range(2))
    assert first == second
    assert first == json.loads(json.dumps(first, allow_nan=False))
    assert {"augmentation", "law", "equation", "level", "verdict", "error", "moved", "n"} <= set(first["results"][0])
    assert first["violated"] == sum(result["verdict"] == "violated" for result in first["results"]) > 0
    assert {result["level"] for result in first["results"]} == {"pixel"}


@pytest.mark.parametrize(
    ("law", "verdict"),
    [
        ("flip_lr * rotate_cw ≠ rotate_cw * flip_lr", "holds"),
        ("flip_lr * flip_lr ≠ id", "violated"),
        ("flip_lr ≠ flip_lr * flip_lr * flip_lr", "violated"),
    ],
)
def test_a_law_with_unequal_holds_where_the_equation_fails(law: str, verdict: str) -> None:
    catalog = aa.load_catalog(aa.Settings())
    found = check_law(catalog, aa.parse_law(law), standard_probes(1, 12, 12))
    assert verdict == found.verdict
    assert "≠" in found.equation
    expected = "fails on dot[0]" if verdict == "holds" else "equal on all"
    assert expected in found.reason
    assert found.counterexample is None
    assert found.alternative is None


def test_what_only_colours_tell_apart_counts_as_unequal() -> None:
    def register(register: Any) -> None:
        @register("swap", laws=["swap ≠ id"], idempotent=False)
        def swap(x: Tensor) -> Tensor:
            return x.flip(1)

    report = check_laws(catalog_of(register), size=12)
    assert [("swap^2 ≠ swap", "holds"), ("swap ≠ id", "holds")] == [(r.equation, r.verdict) for r in report.results]
