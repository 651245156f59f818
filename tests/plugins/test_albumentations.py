"""The adapter, against albumentations itself, and its refusals."""

import inspect
import json
import random
import warnings
from pathlib import Path

import albumentations
import numpy as np
import pytest
import torch
from augalg_albumentations import adapter, as_augmentation, building, export
from torch import Tensor

import augalgebra as aa

CATALOG = aa.load_catalog(aa.Settings())
IMAGES = torch.rand(3, 3, 10, 14, generator=torch.Generator().manual_seed(0))
SEEDS = np.array([3, 14, 15])


def directly(transform: object, images: Tensor, seeds: object = (0, 0, 0)) -> Tensor:
    """What albumentations makes of each picture, from a fresh state each."""
    results = []
    for image, seed in zip(images, seeds, strict=True):  # type: ignore[call-overload]
        transform.set_random_seed(int(seed))  # type: ignore[attr-defined]
        picture = np.ascontiguousarray(image.permute(1, 2, 0).numpy())
        results.append(torch.from_numpy(transform(image=picture)["image"].copy()).permute(2, 0, 1))  # type: ignore[operator]
    return torch.stack(results)


@pytest.mark.parametrize(
    ("word", "transform"),
    [
        ("albumentations.HorizontalFlip", albumentations.HorizontalFlip(p=1)),
        ("albumentations.Transpose", albumentations.Transpose(p=1)),
        ("albumentations.Solarize(threshold_range=(0.25, 0.25))", albumentations.Solarize((0.25, 0.25), p=1)),
        ("albumentations.Posterize(num_bits=2)", albumentations.Posterize(2, p=1)),
        ("albumentations.Resize(5, 7)", albumentations.Resize(5, 7, p=1)),
        ("albumentations.ToGray", albumentations.ToGray(p=1)),
        ("albumentations.Affine(rotate=(9, 9), fill=0.5)", albumentations.Affine(rotate=(9, 9), fill=0.5, p=1)),
        ("albumentations.Sharpen(alpha=(0.5, 0.5), lightness=(1, 1))", albumentations.Sharpen((0.5, 0.5), (1, 1), p=1)),
    ],
)  # fmt: skip
def test_a_word_is_the_transform(word: str, transform: object) -> None:
    assert torch.equal(CATALOG.apply(word, IMAGES), directly(transform, IMAGES).clamp(0, 1))


def test_one_channel_is_a_picture_too() -> None:
    grey = IMAGES[:, :1]
    assert torch.equal(CATALOG.apply("albumentations.VerticalFlip", grey), grey.flip(-2))
    assert CATALOG.apply("albumentations.GaussNoise", grey).shape == grey.shape


def test_every_picture_is_drawn_from_its_own_seed() -> None:
    noise = CATALOG.resolve("albumentations.GaussNoise")
    settings = [param.default for param in noise.params[:-1]]
    expected = directly(albumentations.GaussNoise(p=1), IMAGES, SEEDS).clamp(0, 1)
    assert torch.equal(noise.apply(IMAGES, [*settings, SEEDS]), expected)
    assert torch.equal(noise.apply(IMAGES[1:2], [*settings, 14]), expected[1:2])


def test_what_draws_nothing_takes_no_seed() -> None:
    assert [param.name for param in CATALOG.resolve("albumentations.ToSepia").params] == []
    assert CATALOG.resolve("albumentations.Solarize").signature == (
        "Solarize(threshold_range=(0.5, 0.5), seed ~ integers(0, 10000000))"
    )


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("albumentations.Solarise", "has no transform 'Solarise'; did you mean Solarize?"),
        ("albumentations.Canny", "albumentations 2.* has no transform 'Canny'"),
        ("albumentations.Compose", "is made of other transforms; write it to a file and use albumentations.serialized"),
        ("albumentations.Normalize", "leaves the range"),
        ("albumentations.Pad3D", "is for volumes, not pictures"),
        ("albumentations.Lambda", "takes Python functions"),
        ("albumentations.Resize(5)", "Resize needs width"),
        ("albumentations.Solarize(threshold=1)", "Solarize has no parameter 'threshold'"),
        ("albumentations.HorizontalFlip(p=0.5)", "has no parameter 'p'"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(word: str, message: str) -> None:
    with pytest.raises(aa.AugalgebraError, match=message) as caught:
        CATALOG.word(word)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("albumentations.Solarize(threshold_range=(2, 3))", "threshold_range: Value error, All values"),
        ("albumentations.CropAndPad", "Value error, Both px and percent parameters cannot be None"),
        ("albumentations.MaskDropout", "MaskDropout requires .* missing keys"),
        ("albumentations.RandomScale(scale_limit=(-0.5, 0.5))", "pictures of one batch came out in different sizes"),
        ("albumentations.GaussNoise(mean_range=shear_x.degrees)", "mean_range has to be the same for all pictures"),
        ("serialized('policy.txt')", "a path ending in .json, .yaml, .yml, not 'policy.txt'"),
        ("serialized('no_such_file.json')", "cannot read no_such_file.json: No such file"),
        (
            """serialized('{"transform":{"__class_fullname__":"Nope","p":1}}')""",
            "has no transform 'Nope'; did you mean NoOp",
        ),
        ("serialized('{]')", "this is no serialized transform: Expecting property name"),
    ],
)
def test_what_albumentations_will_not_do_is_told_in_one_line(word: str, message: str) -> None:
    with pytest.raises(aa.AugalgebraError, match=message) as caught:
        CATALOG.apply(word, IMAGES)
    assert "\n" not in str(caught.value)


class Broken:
    """A transform that returns what it was made with."""

    def __init__(self, result: object) -> None:
        self.result = result

    def set_random_seed(self, seed: int) -> None:
        pass

    def __call__(self, image: object) -> dict[str, object]:
        return {"image": self.result}


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (np.full((4, 4, 3), np.nan, dtype=np.float32), "values that are not finite"),
        (np.zeros((4, 4, 3), dtype=np.uint8), "no picture of floating-point numbers"),
        (None, "no picture of floating-point numbers"),
    ],
)
def test_what_is_no_picture_is_refused(result: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        adapter.apply(Broken(result), IMAGES)


PIPELINE = albumentations.Compose([albumentations.HorizontalFlip(p=0.5), albumentations.GaussNoise(p=0.5)])


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_a_serialized_pipeline_is_the_pipeline(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"policy{suffix}"
    albumentations.save(PIPELINE, file, data_format=suffix[1:])
    expected = directly(PIPELINE, IMAGES, SEEDS).clamp(0, 1)
    named = CATALOG.resolve("albumentations.serialized")
    assert torch.equal(named.apply(IMAGES, [str(file), SEEDS]), expected)
    assert torch.equal(named.apply(IMAGES, [json.dumps(albumentations.to_dict(PIPELINE)), SEEDS]), expected)
    for source in (file, str(file), albumentations.to_dict(PIPELINE), PIPELINE):
        assert torch.equal(as_augmentation("acme.policy", source).apply(IMAGES, [SEEDS]), expected)


def test_an_object_becomes_an_augmentation_that_happens_as_often_as_it_says() -> None:
    flip = albumentations.HorizontalFlip(p=1)
    augmentation = as_augmentation("acme.flip", flip)
    assert torch.equal(augmentation.apply(IMAGES), IMAGES.flip(-1))
    assert (augmentation.name, augmentation.params, augmentation.random) == ("acme.flip", (), False)
    sometimes = as_augmentation("acme.sometimes", albumentations.Transpose(p=0.5))
    assert (sometimes.random, sometimes.shape) == (True, "changed")
    seeds = np.arange(20)
    square = IMAGES[:1, :, :, :10].expand(20, -1, -1, -1)
    moved = sometimes.apply(square, [seeds])
    assert torch.equal(moved, directly(albumentations.Transpose(p=0.5), square, seeds))
    happened = [torch.equal(one, other.mT) for one, other in zip(moved, square, strict=True)]
    assert 4 < sum(happened) < 16


def test_an_object_can_be_registered_with_laws() -> None:
    class Acme:
        __name__ = "acme"

        @aa.hookimpl
        def augalg_register(self, register: aa.Register) -> None:
            pipeline = as_augmentation("acme.noisy", PIPELINE)
            register("acme.noisy", inverse="none")(pipeline.function)

    catalog = aa.load_catalog(aa.Settings(), modules=[Acme()])
    assert catalog.inverse("acme.noisy(5)").kind == "none"
    assert torch.equal(catalog.apply("acme.noisy(14)", IMAGES), directly(PIPELINE, IMAGES, (14, 14, 14)).clamp(0, 1))


def test_every_class_that_can_be_named_is_a_function() -> None:
    """With default settings: twice the same, a batch is its pictures, and no global random state is touched."""
    states = random.getstate(), np.random.get_state(legacy=False)["state"]["key"].tobytes()  # noqa: NPY002
    tried = 0
    for name, item in inspect.getmembers(albumentations, inspect.isclass):
        if not issubclass(item, albumentations.BasicTransform):
            continue
        try:
            augmentation = adapter.resolve(f"albumentations.{name}")
            arguments = [SEEDS if param.name == "seed" else param.default for param in augmentation.params]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # some announce that they are slow, or special cases of others
                moved = augmentation.apply(IMAGES, arguments)
                again = augmentation.apply(IMAGES, arguments)
                singly = [
                    augmentation.apply(IMAGES[i : i + 1], [a[i : i + 1] if a is SEEDS else a for a in arguments])
                    for i in range(len(IMAGES))
                ]
        except aa.AugalgebraError:  # refused, or without what it needs
            continue
        tried += 1
        assert torch.equal(moved, again), name
        assert torch.equal(moved, torch.cat(singly)), name
    assert tried > 60
    assert (random.getstate(), np.random.get_state(legacy=False)["state"]["key"].tobytes()) == states  # noqa: NPY002


@pytest.mark.parametrize(
    ("steps", "names"),
    [
        (["flip_lr", "rotate(17)", "scale(1.3)"], ["Affine"]),
        (["flip_ud", "shear_x(9)"], ["Affine"]),
        (["rotate(100)", "flip_lr"], ["Affine"]),
        (["transpose", "rotate(70)", "scale(0.8)"], ["Affine"]),
        (["flip_lr", "rotate_180"], ["VerticalFlip"]),
        (["flip_lr", "transpose", "flip_ud"], ["Transpose"]),
        (["rotate_cw"], ["Transpose", "HorizontalFlip"]),
        (["rotate_ccw"], ["Transpose", "VerticalFlip"]),
    ],
)
def test_whole_pixels_are_moved_and_reflections_are_part_of_interpolations(steps: list[str], names: list[str]) -> None:
    side = 48
    fused = aa.Pipeline(steps, CATALOG).fuse(side)
    written = export(fused)
    assert [type(part).__name__ for part in written.transforms] == names
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    picture = np.exp(-8 * ((x - 0.3) ** 2 + 2 * (y + 0.1) ** 2))[..., None].repeat(3, 2).astype(np.float32)
    wanted = fused(torch.from_numpy(picture).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(written(image=picture)["image"], wanted, atol=0.02)


def test_a_quarter_turn_of_a_rectangle_that_keeps_its_frame_is_no_transposition() -> None:
    height, width = 40, 52
    fused = aa.Pipeline(["rotate(90)", "flip_ud", "brightness(0.1)"], CATALOG).fuse((height, width))
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    picture = np.exp(-12 * ((x - 0.1) ** 2 + 2 * (y + 0.1) ** 2))[..., None].repeat(3, 2).astype(np.float32)
    wanted = fused(torch.from_numpy(picture).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
    assert wanted.shape == picture.shape
    np.testing.assert_allclose(export(fused)(image=picture)["image"], wanted, atol=0.02)


@pytest.mark.parametrize(
    ("last", "names"),
    [
        ("Normalize(mean=0.5, std=0.25, p=1), ToTensorV2(p=1)", ["Normalize", "ToTensorV2"]),
        ("Normalize(mean=(0.5, 0.4, 0.3), std=(0.2, 0.1, 0.3), max_pixel_value=1.0, p=1)", ["Normalize"]),
        ("ToFloat(max_value=255, p=1), ToTensorV2(p=1)", ["ToFloat", "ToTensorV2"]),
        ("Normalize(mean=0, std=1, p=1)", ["Normalize"]),
    ],
)
def test_what_turns_pictures_into_tensors_is_written_too(last: str, names: list[str]) -> None:
    text = f"Compose([HorizontalFlip(p=1), VerticalFlip(p=1), Transpose(p=1), VerticalFlip(p=1), {last}])"
    written = export(aa.Pipeline(f"albumentations:{text}", CATALOG).fuse(24))
    assert names == [type(part).__name__ for part in written.transforms][-len(names) :]
    assert len(written.transforms) < 4 + len(names)
    unreduced = building.read_construction(text)[0]
    picture = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)
    one, other = (np.asarray(pipeline(image=picture)["image"]) for pipeline in (written, unreduced))
    assert one.dtype == other.dtype
    np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ("albumentations:Compose([ToFloat(p=1), HorizontalFlip(p=1)])", r"step 1, ToFloat, is followed by steps"),
        ("albumentations:Compose([Normalize(p=1), HorizontalFlip(p=1)])", r"stage 1, .*Normalize.* put it last"),
        ("flip_lr * albumentations.linear((4,), (-2,))", r"stage 2, .*linear.*, leads out of \[0, 1\]"),
        ("rotate(30, 1) * rotate(10, 1)", r"stage 1, .*, fills with 1 of white, by which Affine means other colours"),
    ],
)
def test_what_cannot_be_written_is_refused_by_name(steps: str, message: str) -> None:
    with pytest.raises(aa.AugalgebraError, match=message):
        export(aa.Pipeline(steps, CATALOG).fuse(24))
