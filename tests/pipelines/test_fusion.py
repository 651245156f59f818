"""Reduced pipelines do what the unreduced ones do."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import augalgebra as aa
from augalgebra.pipelines import FusedPipeline, Pipeline

CATALOG = aa.load_catalog(aa.Settings())
EXACT = ["flip_lr", "flip_ud", "rotate_cw", "transpose", "rotate_180", "invert", "brightness(0.3)", "brightness(-0.6)",
         "contrast(2.5)", "contrast(0.4)", "gamma(2)", "gamma(0.5)", "solarize(0.5)", "roll(2, -1)"]  # fmt: skip
MIXING = ["flip_lr", "rotate_cw", "rotate(20)", "rotate(-35)", "scale(0.9)", "scale(1.1)", "shear_x(15)", "shear_x"]
SIZE = 40


def smooth(size: tuple[int, int] = (SIZE, SIZE), count: int = 3) -> Tensor:
    """Pictures on which interpolating twice costs little: bright in the middle, dark at the border."""
    generator = torch.Generator().manual_seed(0)
    y, x = (torch.linspace(-1, 1, side) for side in size)
    phase = 6 * torch.rand(count, 3, 1, 1, generator=generator)
    disc = torch.exp(-6 * (x**2 + y[:, None] ** 2))
    return disc * (0.5 + 0.5 * torch.sin(2 * x + 3 * y[:, None] + phase))


def kinds(fused: FusedPipeline) -> list[str]:
    return [stage.kind for stage in fused.stages]


@settings(max_examples=20)
@given(st.lists(st.sampled_from(EXACT), max_size=6), st.sampled_from([(16, 16), (16, 22)]))
def test_what_is_said_to_be_exact_is(steps: list[str], size: tuple[int, int]) -> None:
    pipeline = Pipeline(steps, CATALOG)
    fused = pipeline.fuse(size)
    images = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1))
    assert fused.scope == "exact"
    assert len(fused.stages) <= len(steps)
    torch.testing.assert_close(fused(images), pipeline(images), atol=2e-5, rtol=0)
    assert fused.proof.flaw() is None


@settings(max_examples=10)
@given(st.lists(st.sampled_from(MIXING), min_size=2, max_size=5))
def test_interpolating_once_agrees_with_interpolating_at_each_step(steps: list[str]) -> None:
    pipeline = Pipeline(steps, CATALOG)
    fused = pipeline.fuse(SIZE)
    images = smooth()
    apart = (fused(images, seed=5, ids=[4, 9, 2]) - pipeline(images, seed=5, ids=[4, 9, 2])).square().mean().sqrt()
    assert float(apart) < 0.02
    assert kinds(fused).count("interpolation") <= 1


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["flip_lr", "rotate_cw", "flip_lr", "rotate_cw"], []),
        (["gamma(2)", "flip_lr", "gamma(0.5)", "flip_lr"], []),
        (["flip_lr", "rotate_cw"], ["step"]),
        (["brightness(0.7)", "contrast(3)", "brightness(-0.5)"], ["values"]),
        (["brightness(0.7)", "flip_ud", "contrast(3)"], ["step", "values"]),
        (["rotate(30)", "shear_x(20)", "scale(1.2)"], ["interpolation"]),
        (["rotate(30)", "posterize(3)", "scale(1.2)"], ["step", "step", "step"]),
        (["rotate(30, 1)", "scale(0.8)"], ["step", "step"]),
        (["rotate(30)", "equalize", "sap_noise", "canny"], ["step", "step", "step", "step"]),
    ],
)
def test_what_can_be_done_at_once_is(steps: list[str], expected: list[str]) -> None:
    fused = Pipeline(steps, CATALOG).fuse(24)
    assert sorted(kinds(fused)) == sorted(expected)


@pytest.mark.parametrize(
    ("steps", "size"),
    [
        (["scale(0.5)", "flip_ud"], (24, 24)),
        (["rotate_cw", "scale(0.5)"], (24, 24)),
        (["shear_x(45)", "flip_lr"], (24, 24)),
        (["shear_x(45)", "rotate(30)", "shear_x(-20)"], (48, 48)),
        (["rotate(90)", "flip_lr"], (20, 30)),  # it keeps the frame, and loses what does not fit
        (["rotate(90)", "rotate(90)"], (20, 30)),
        (["rotate(90)", "flip_lr"], (20, 31)),
        (["transpose", "rotate(-90, 0.5)"], (21, 31)),
    ],
)
def test_whole_numbers_alone_make_no_permutation(steps: list[str], size: tuple[int, int]) -> None:
    pipeline = Pipeline(steps, CATALOG)
    images = 0.3 + 0.7 * smooth(size)  # whatever is lost or filled shows
    wanted = pipeline(images)
    torch.testing.assert_close(pipeline.fuse(size, exact=True)(images), wanted, atol=2e-5, rtol=0)
    fused = pipeline.fuse(size)
    assert kinds(fused) == ["interpolation"]
    apart = (fused(images) - wanted).abs()  # this fails for another shape, too
    assert float((apart > 0.1).float().mean()) < 0.06


@pytest.mark.parametrize(
    ("steps", "size"),
    [
        (["albumentations.CenterCrop(32, 32)", "flip_lr", "invert"], 64),
        (["albumentations.PadIfNeeded(32, 32)", "flip_lr", "invert"], 24),
        (["kornia.CenterCrop((32, 32))", "invert"], 64),
        (["sap_noise(0.0002, 7)", "brightness(0.1)"], 128),
        (["sap_noise(0.0002)", "invert"], 40),
        (["albumentations.linear((1.1,), (-0.05,))", "invert", "brightness(0.1)"], 2),
    ],
)
def test_what_a_small_picture_does_not_show_is_left_alone(steps: list[str], size: int) -> None:
    pipeline = Pipeline(steps, CATALOG)
    fused = pipeline.fuse(size)
    images = torch.rand(40, 3, size, size, generator=torch.Generator().manual_seed(1))
    assert fused.scope == "exact"
    torch.testing.assert_close(fused(images), pipeline(images), atol=2e-5, rtol=0)


@pytest.mark.parametrize(
    "steps",
    [
        ["albumentations.Affine(rotate=(2, 2), border_mode=1)"] * 2,
        ["albumentations.Affine(rotate=(2, 2), border_mode=2)"] * 2,
        ["albumentations.Affine(rotate=(1, 1), border_mode=4)"] * 2,
        ["kornia.RandomAffine((1, 1), padding_mode='border')"] * 2,
        ["kornia.RandomAffine((1, 1), padding_mode='reflection')"] * 2,
        [
            "albumentations.Affine(rotate=(20, 20), fill=(1, 0, 0))",
            "albumentations.Affine(rotate=(9, 9), fill=(1, 0, 0))",
        ],
    ],
)
def test_what_enters_at_the_rim_is_not_taken_for_black(steps: list[str]) -> None:
    pipeline = Pipeline(steps, CATALOG)
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(pipeline.fuse(32)(images), pipeline(images), atol=2e-5, rtol=0)


@pytest.mark.parametrize("fill", [0, 0.3, 1])
def test_a_sliver_of_the_filling_tells_what_it_is(fill: float) -> None:
    pipeline = Pipeline([f"rotate(1, {fill})", f"rotate(2, {fill})"], CATALOG)
    fused = pipeline.fuse(32)
    assert ["interpolation"] == kinds(fused)
    assert fill == pytest.approx(fused.stages[0].fill)
    images = fill + (1 - 2 * fill) * smooth((32, 32))
    assert float((fused(images) - pipeline(images)).square().mean().sqrt()) < 0.02


def test_what_depends_on_the_size_of_the_images_is_seen_on_their_size() -> None:
    class Wide:
        @aa.hookimpl
        def augalg_register(self, register: aa.Register) -> None:
            @register("acme.aside")
            def aside(x: Tensor) -> Tensor:
                """Roll by a fiftieth of the width."""
                return x.roll(int(0.02 * x.shape[-1]), -1)

    catalog = aa.load_catalog(aa.Settings(), modules=[Wide()])
    pipeline = Pipeline(["acme.aside", "invert"], catalog)
    images = torch.rand(1, 1, 100, 100)
    torch.testing.assert_close(pipeline.fuse(100, channels=1)(images), pipeline(images))


@pytest.mark.parametrize("steps", [None, 3, [None], ["flip_lr", ["flip_ud"]]])
def test_steps_that_are_no_words_are_named(steps: object) -> None:
    with pytest.raises(aa.AugalgebraError, match=r"^step [12] is .*; steps are words, such as"):
        Pipeline(steps, CATALOG)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [0, -1, 1.5, "16", (16,), True, (16, 0), None])
def test_sizes_that_no_image_has_are_refused(size: object) -> None:
    with pytest.raises(aa.AugalgebraError, match=r"^images have a height and a width from 1, such as"):
        Pipeline(["rotate(30)"], CATALOG).fuse(size)  # type: ignore[arg-type]


@pytest.mark.parametrize("channels", [0, -1, 2, 4, None])
def test_channels_that_no_image_has_are_refused(channels: int) -> None:
    with pytest.raises(aa.AugalgebraError, match=r"^images have 1 or 3 channels, not"):
        Pipeline(["rotate(30)"], CATALOG).fuse(16, channels=channels)


def test_interpolations_are_left_alone_when_asked() -> None:
    pipeline = Pipeline(["rotate(30)", "shear_x(20)", "scale(1.2)"], CATALOG)
    fused = pipeline.fuse(24, exact=True)
    images = torch.rand(2, 3, 24, 24)
    assert (kinds(fused), fused.scope) == (["step"] * 3, "exact")
    assert torch.equal(fused(images), pipeline(images))


def test_one_seed_draws_what_the_unreduced_pipeline_draws() -> None:
    pipeline = Pipeline(["shear_x", "rotate(10)", "flip_ud"], CATALOG)
    fused = pipeline.fuse(SIZE)
    images, ids = smooth()[:1].expand(3, -1, -1, -1), [1, 5, 8]
    drawn = fused(images, seed=7, ids=ids)
    assert kinds(fused) == ["interpolation"]
    assert torch.equal(drawn, fused(images, seed=7, ids=ids))
    assert float((drawn - pipeline(images, seed=7, ids=ids)).square().mean().sqrt()) < 0.01
    other = fused(images, seed=7, ids=[1, 5, 9])
    assert torch.equal(drawn[:2], other[:2])
    assert not torch.equal(drawn[2], other[2])


def test_what_is_drawn_is_the_same_to_the_last_digits() -> None:
    pipeline = Pipeline(["shear_x", "transpose"], CATALOG)  # one interpolation either way
    fused = pipeline.fuse(SIZE)
    images, ids = torch.rand(3, 3, SIZE, SIZE), [1, 5, 8]
    assert kinds(fused) == ["interpolation"]
    wanted = pipeline(images, seed=7, ids=ids)
    torch.testing.assert_close(fused(images, seed=7, ids=ids), wanted, atol=1e-4, rtol=0)
    assert float((fused(images, seed=8, ids=ids) - wanted).abs().max()) > 0.01


def test_what_left_the_picture_on_the_way_does_not_come_back() -> None:
    pipeline = Pipeline(["translate(12, 0)", "translate(-12, 0)"], CATALOG)
    fused = pipeline.fuse(24)
    images = torch.rand(1, 3, 24, 24)
    assert kinds(fused) == ["interpolation"]
    torch.testing.assert_close(fused(images), pipeline(images), atol=1e-4, rtol=0)
    assert float(fused(images)[..., 12:].max()) == 0


@pytest.fixture
def liar() -> aa.Catalog:
    """A catalog with a plugin that says of its own augmentation what is not true."""

    class Liar:
        @aa.hookimpl
        def augalg_register(self, register: aa.Register) -> None:
            @register("acme.dim", inverse="self")
            def dim(x: Tensor) -> Tensor:
                """Halve every value."""
                return x / 2

    return aa.load_catalog(aa.Settings(), modules=[Liar()])


def test_a_false_law_is_not_used(liar: aa.Catalog) -> None:
    pipeline = Pipeline(["acme.dim", "acme.dim"], liar)
    assert not liar.normal_form("acme.dim * acme.dim")  # the reasoner alone believes its plugin
    fused = pipeline.fuse(16)
    images = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(fused(images), pipeline(images))
    ((law, reason),) = fused.reduction.refused
    assert (law.kind, bool(reason)) == ("involutory", True)


def test_a_false_proof_is_seen() -> None:
    proof = Pipeline(["flip_lr", "rotate_cw"], CATALOG).fuse(16).proof
    assert proof.flaw() is None
    assert replace(proof, end=CATALOG.word("flip_ud")).flaw() is not None


def test_every_change_has_its_reason() -> None:
    fused = Pipeline(["flip_lr", "flip_lr", "contrast(2)", "brightness(0.1)"], CATALOG).fuse(16)
    law, merge = fused.changes
    assert (law.after, law.declared_by, law.checked) == ("contrast(2) * brightness(0.1)", ("dihedral",), True)
    assert (merge.after, merge.declared_by, merge.scope) == ("one map of values", (), "exact")


def test_images_of_another_size_are_refused() -> None:
    fused = Pipeline(["rotate(30)", "scale(2)"], CATALOG).fuse(16)
    for images in (torch.rand(1, 3, 16, 18), torch.rand(3, 16, 16), None):
        with pytest.raises(aa.AugalgebraError, match="was reduced for images of 3×16×16"):
            fused(images)


def test_what_mixes_channels_is_no_map_of_values_or_places() -> None:
    steps = "albumentations:Compose([ToGray(p=1), InvertImg(p=1), ChannelShuffle(p=1), HorizontalFlip(p=1)], seed=3)"
    pipeline = Pipeline(steps, CATALOG)
    fused = pipeline.fuse(16)
    images = torch.rand(2, 3, 16, 16)
    torch.testing.assert_close(fused(images), pipeline(images))


def test_behind_what_leaves_the_range_nothing_is_clipped() -> None:
    steps = "albumentations:Compose([Normalize(mean=0.5, std=0.1), InvertImg(p=1), HorizontalFlip(p=1)])"
    pipeline = Pipeline(steps, CATALOG)
    fused = pipeline.fuse(16)
    images = torch.rand(2, 3, 16, 16)
    torch.testing.assert_close(fused(images), pipeline(images))
    assert float(fused(images).max()) > 2


@pytest.mark.parametrize(
    "later",
    [
        ["contrast(1)", "flip_lr"],
        ["brightness(0)"],
        ["saturation(1)"],
        ["gamma(2)", "gamma(0.5)"],
        ["flip_lr", "flip_lr"],
    ],
)
def test_behind_what_leaves_the_range_no_law_is_used(later: list[str]) -> None:
    pipeline = Pipeline(["flip_ud", "flip_ud", "albumentations.linear((4,), (-2,))", *later], CATALOG)
    fused = pipeline.fuse(16)
    images = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(fused(images), pipeline(images))
    assert len(fused.stages) == 1 + len(later)  # what comes before is reduced
    assert fused.proof.flaw() is None
    assert fused.proof.start == pipeline.word


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (["gamma(3)", "gamma(2)", "flip_lr", "flip_lr"], "gamma(3) * gamma(2)"),
        (["gamma(2)", "gamma(2)", "flip_lr", "flip_lr"], "gamma(4)"),
        (["gamma(3)", "gamma(2)", "gamma(0.5)", "flip_lr^2"], "gamma(3)"),
    ],
)
def test_a_law_that_leads_out_of_a_range_does_not_keep_others_from_being_used(steps: list[str], expected: str) -> None:
    fused = Pipeline(steps, CATALOG).fuse(16)
    assert expected == " * ".join(map(fused.display, fused.stages))
    assert fused.proof.flaw() is None


@pytest.mark.parametrize(
    "steps", [["shear_x", "rotate(10)"], ["albumentations.RandomBrightnessContrast", "contrast(1.2)"], ["flip_lr"]]
)
def test_no_images_stay_no_images(steps: list[str]) -> None:
    pipeline, none = Pipeline(steps, CATALOG), torch.zeros(0, 3, 16, 16)
    assert pipeline(none).shape == pipeline.fuse(16)(none).shape == none.shape
