"""What can be undone: by laws, on images, and undone for real; refusals name the step."""

import types
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import augalgebra as aa
from augalgebra.catalog import read_pipeline
from augalgebra.checks import blob_images
from augalgebra.checks.inversion.pipelines import invert_pipeline, undo
from augalgebra.errors import NotInvertibleError, PluginError

IMAGES = torch.rand(4, 1, 12, 12, generator=torch.Generator().manual_seed(0))
INSTALLED = aa.load_catalog(aa.Settings())


def planted(*registered: tuple[str, Any, dict[str, Any]], **hooks: Callable[..., Any]) -> aa.Catalog:
    module = types.ModuleType("planted")

    @aa.hookimpl
    def augalg_register(register: Any) -> None:
        for name, function, keywords in registered:
            register(name, **keywords)(function)

    module.augalg_register = augalg_register  # type: ignore[attr-defined]
    for name, hook in hooks.items():
        hook.__name__ = name
        setattr(module, name, aa.hookimpl(hook))
    return aa.load_catalog(aa.Settings(), modules=[module], installed=False)


def pad(x: Tensor) -> Tensor:
    return torch.nn.functional.pad(x, (2, 2, 2, 2))


def slide(x: Tensor, by: Any) -> Tensor:
    """Each image by its own number, or all by one."""
    steps = torch.as_tensor(by).expand(len(x), 1, 1, 1).flatten()
    return torch.stack([image.roll(int(n), -1) for image, n in zip(x, steps, strict=True)]) if len(x) else x.clone()


DRAWN = aa.Param("by", draw=aa.integers(1, 9), whole=True)
CATALOG = planted(
    ("flip", lambda x: x.flip(-1), {}),  # no law says that it undoes itself
    ("turn", lambda x: x.rot90(1, (-2, -1)), {}),
    ("coarse", lambda x: (x * 4).round() / 4, {}),
    ("still", lambda x: x.clone(), {}),
    ("grow", pad, {"shape": "changed", "inverse": "trim", "inverse_kind": "right"}),
    ("trim", lambda x: x[..., 2:-2, 2:-2], {"shape": "changed"}),
    ("enlarge", pad, {"shape": "changed"}),
    ("fade", lambda x, amount=0.5: x * amount, {"params": [aa.Param("amount", draw=aa.uniform(0.5, 1))]}),
    ("shift", lambda x, by: x.roll(int(by), -1), {"params": [aa.Param("by", whole=True)]}),
    ("half", lambda x: x.roll(6, -1), {}),
    ("sink", lambda x, by: slide(x, by), {"params": [DRAWN]}),
    ("rise", lambda x, by: slide(x, -by), {"params": [DRAWN]}),
)


@pytest.mark.parametrize(
    ("pipeline", "verdicts", "basis", "inverse"),
    [
        ("flip * turn", ["exact", "exact", "exact"], "images", "turn^3 * flip"),
        ("shift(3)", ["exact"], "images", "shift(-3)"),
        ("coarse * flip", ["impossible", "exact", "impossible"], "images", None),
        ("still", ["unknown"], "images", None),
        ("grow", ["right"], "laws", "trim"),
        ("grow * flip", ["right", "exact", "right"], "images", "flip * trim"),
        ("trim", ["left"], "laws", "grow"),
        ("enlarge * trim", ["right", "left", "exact"], "images", "id"),
        ("fade", ["unknown"], "images", None),
        # twice is nothing on images of 12 pixels, and of no other size
        ("half", ["unknown"], "images", None),
        # the value that is tried for both cancels; those that are drawn do not
        ("sink * rise", ["unknown", "unknown", "unknown"], "images", None),
    ],
)
def test_every_step_and_the_whole(pipeline: str, verdicts: list[str], basis: str, inverse: str | None) -> None:
    found = invert_pipeline(CATALOG, pipeline, size=12)
    items = [*found.steps, *([found.whole] if len(found.steps) > 1 else [])]
    assert [item.verdict for item in items] == verdicts
    assert found.whole.basis == basis
    assert found.whole.inverse == (None if inverse is None else CATALOG.word(inverse))
    assert found.to_dict()["verdict"] == verdicts[-1]


def test_laws_come_first_and_images_are_not_asked() -> None:
    broken = planted(("f", lambda x: x.flip(-1) / 0, {"inverse": "self"}), ("g", lambda x: 1 - x, {}))
    found = invert_pipeline(broken, "f", size=12)
    assert (found.whole.verdict, found.whole.basis) == ("exact", "laws")


def test_what_cannot_be_applied_is_not_known() -> None:
    broken = planted(("f", lambda x: x / 0 * 0, {}))
    found = invert_pipeline(broken, "f", size=12)
    assert found.whole.verdict == "unknown"
    assert "NaN or infinite" in found.whole.reason


@pytest.mark.parametrize("pipeline", ["flip * turn", "shift(3) * flip", "flip * still"])
def test_undoing_restores_the_images(pipeline: str) -> None:
    moved = CATALOG.apply(pipeline, IMAGES)
    assert not torch.equal(moved, IMAGES)
    torch.testing.assert_close(undo(CATALOG, pipeline, moved), IMAGES)


def test_what_was_drawn_for_an_image_is_undone_for_that_image() -> None:
    catalog = planted(("slide", slide, {"additive": "by", "params": [DRAWN]}), ("negate", lambda x: 1 - x, {}))
    ids, word = [7, 3, 90, 12], "slide * negate"
    moved = catalog.apply(word, IMAGES, seed=5, ids=ids)
    shifts = [int((1 - moved[k] - IMAGES[k].roll(n, -1)).abs().max() < 1e-6) * n for k in range(4) for n in range(1, 9)]
    assert len(set(shifts)) > 2  # each image by its own
    torch.testing.assert_close(undo(catalog, word, moved, seed=5, ids=ids), IMAGES)
    assert not torch.allclose(undo(catalog, word, moved, seed=6, ids=ids), IMAGES)


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        ("flip * coarse", "step 2, coarse, cannot be undone: "),
        ("flip * grow", "step 2, grow, has a one-sided inverse only: .*; accept 'one-sided' by name"),
        ("trim", "trim, cannot be undone"),
        ("still", "still, is not known to have an inverse: it does nothing to the probes"),
    ],
)
def test_what_cannot_be_undone_is_refused_by_name_and_never_skipped(pipeline: str, message: str) -> None:
    with pytest.raises(NotInvertibleError, match=message):
        undo(CATALOG, pipeline, IMAGES)


def test_less_than_exact_is_given_only_when_asked_for() -> None:
    grown = CATALOG.apply("grow", IMAGES)
    assert torch.equal(undo(CATALOG, "grow", grown, accept=["one-sided"]), IMAGES)
    with pytest.raises(NotInvertibleError, match="one-sided"):
        undo(CATALOG, "grow", grown, accept=["approximate"])
    smooth = blob_images(1, 28, 28)
    turned = INSTALLED.apply("rotate(20)", smooth)
    with pytest.raises(NotInvertibleError, match=r"rotate.*approximately only"):
        undo(INSTALLED, "rotate(20)", turned)
    back = undo(INSTALLED, "rotate(20)", turned, accept=["approximate"])
    assert float((back - smooth).square().mean()) < float((turned - smooth).square().mean()) / 10


def test_a_law_that_is_known_to_be_violated_undoes_nothing() -> None:
    lying = planted(("f", lambda x: (x * 2).clamp(0, 1), {"inverse": "self"}))
    honest = aa.Catalog(
        lying.augmentations,
        [aa.Law(law.lhs, law.rhs, law.kind, owner=law.owner, status="violated") for law in lying.laws],
    )
    assert invert_pipeline(lying, "f", size=12).whole.verdict == "exact"
    assert invert_pipeline(honest, "f", size=12).whole.verdict == "impossible"


def test_plugins_read_pipelines_of_their_own() -> None:
    def read(source: str) -> Any:
        if source.startswith("acme:"):
            return [aa.PipelineStep(name, aa.word_of(name)) for name in source[5:].split(",")]
        return None

    catalog = planted(("flip", lambda x: x.flip(-1), {"inverse": "self"}), augalg_pipeline=read)
    found = invert_pipeline(catalog, "acme:flip,flip", size=12)
    assert (found.whole.verdict, len(found.steps)) == ("exact", 2)
    assert invert_pipeline(catalog, "flip", size=12).whole.verdict == "exact"
    assert read_pipeline(catalog, "flip") is None


@pytest.mark.parametrize(
    ("answer", "message"), [(lambda: ["flip"], "it must be PipelineStep"), (lambda: 1 / 0, "ZeroDivisionError")]
)
def test_a_plugin_that_fails_to_read_is_named(answer: Callable[[], Any], message: str) -> None:
    def read(source: str) -> Any:
        return answer()

    catalog = planted(("flip", lambda x: x.flip(-1), {}), augalg_pipeline=read)
    with pytest.raises(PluginError, match=f"plugin planted .*{message}"):
        invert_pipeline(catalog, "flip", size=12)


def test_a_step_that_is_no_function_is_refused() -> None:
    steps = [aa.PipelineStep("Maybe", aa.word_of("flip"), "happens with probability 0.5 only")]
    with pytest.raises(aa.AugalgebraError, match="step 1, Maybe, happens with probability"):
        invert_pipeline(CATALOG, steps, size=12)


SQUARES_ONLY = [
    "rotate(90)",
    "albumentations:Rotate(limit=(90, 90))",
    "albumentations:Affine(rotate=(90, 90))",
    "albumentations:Compose([HorizontalFlip(p=1), ShiftScaleRotate((0, 0), (0, 0), (90, 90), p=1)])",
]


@pytest.mark.parametrize("pipeline", SQUARES_ONLY)
def test_what_holds_for_squares_only_says_so_and_refuses_rectangles(pipeline: str) -> None:
    found = invert_pipeline(INSTALLED, pipeline)
    assert found.whole.verdict == "exact"
    assert found.to_dict()["conditions"] == ["square"]
    assert "for square pictures" in found.whole.reason
    square = torch.rand(2, 3, 20, 20)
    moved = square.rot90(1, (2, 3))
    moved = moved if "Flip" not in pipeline else square.flip(-1).rot90(1, (2, 3))
    torch.testing.assert_close(found.undo(moved), square)
    for values, kind in ((torch.rand(2, 3, 20, 28), "image"), (torch.zeros(2, 28, 20), "mask")):
        with pytest.raises(NotInvertibleError, match="can be undone on square pictures only, not on"):
            found.undo(values, kind=kind)  # type: ignore[arg-type]


@pytest.mark.parametrize("pipeline", ["flip_lr * rotate_cw", "albumentations:Transpose()", "albumentations:D4(seed=1)"])
def test_rectangles_get_their_own_shape_back(pipeline: str) -> None:
    images = torch.rand(2, 3, 20, 28)
    word = pipeline.replace(":", ".").replace("Transpose()", "Transpose")
    moved = INSTALLED.apply(word, images)
    assert moved.shape[2:] == (28, 20)
    torch.testing.assert_close(undo(INSTALLED, pipeline, moved), images)


def test_a_step_that_refuses_rectangles_is_for_squares_only() -> None:
    def turn(x: Tensor) -> Tensor:
        if x.shape[2] != x.shape[3]:
            raise ValueError("square pictures, please")
        return x.rot90(1, (-2, -1))

    found = invert_pipeline(planted(("turn", turn, {}), ("back", lambda x: x.rot90(-1, (-2, -1)), {})), "turn", size=12)
    assert (found.whole.verdict, found.whole.conditions) == ("exact", {"square"})
