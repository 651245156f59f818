"""Transforms of albumentations, registered by name as a user would."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Program = Callable[..., Any]

TRANSFORMS = {
    "HorizontalFlip": ("horizontal_flip", ["horizontal_flip^2 = id", "horizontal_flip = flip_lr"]),
    "VerticalFlip": ("vertical_flip", ["vertical_flip^2 = id", "vertical_flip = flip_ud"]),
    "InvertImg": ("invert_img", ["invert_img^2 = id", "invert_img = invert"]),
    "ToGray": ("to_gray", ["to_gray^2 = to_gray", "to_gray * flip_lr = flip_lr * to_gray"]),
    "Transpose": ("transpose_2", ["transpose_2^2 = id", "transpose_2 = transpose"]),
    "D4(seed=1)": ("d4", ["d4^4 = id", "d4 = rotate_cw"]),
    "D4(seed=4)": ("d4", ["d4^2 = id", "d4 = anti_transpose"]),
    "Posterize(num_bits=4)": ("posterize_2", ["posterize_2^2 = posterize_2"]),
    "Solarize(threshold_range=(0.5,0.5))": ("solarize_2", ["solarize_2^2 = solarize_2", "solarize_2 = solarize(0.5)"]),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_laws_of_transforms_are_proposed(program: Program, transform: str) -> None:
    name, laws = TRANSFORMS[transform]
    done = program("register", f"albumentations:{transform}", "--json")
    assert done.code == 0, done.err
    assert done.data["name"] == name
    proposed = {item["equation"]: item for item in done.data["proposed"]}
    assert list(proposed)[: len(laws)] == laws
    assert all(item["error"] < 1e-5 < item["moved"] for item in proposed.values())
    assert not any(item["accepted"] for item in proposed.values())


def test_a_blur_has_neither_period_nor_equal(program: Program) -> None:
    done = program("register", "albumentations:GaussianBlur(sigma_limit=(1, 1))", "--json").data
    assert {item["law"] for item in done["proposed"]} == {"commutes"}


def test_accepted_laws_are_reasoned_with(program: Program) -> None:
    target = "albumentations:HorizontalFlip()"
    assert program("register", target, "--name", "mirror").code == 0
    assert program("equal", "mirror * mirror", "id", "--json").data["level"] == "pixel"
    assert program("register", target, "--name", "mirror", "--accept", "mirror * mirror = id").code == 0
    assert program("equal", "mirror * mirror", "id", "--json").data["level"] == "laws"
    assert program("equal", "mirror", "flip_lr", "--json").data["level"] == "pixel"
    done = program("register", target, "--name", "mirror", "--accept", "mirror = flip_ud")
    assert done.code == 2
    assert "is no proposed law (proposed: mirror^2 = id; mirror = flip_lr)" in done.err


def test_a_short_name_that_is_taken_gets_a_number_and_keeps_it(program: Program) -> None:
    for target, name in [("NoOp", "no_op"), ("NoOp(p=1)", "no_op_2"), ("NoOp( p = 1 )", "no_op_2")]:
        assert program("register", f"albumentations:{target}", "--json").data["name"] == name


NO_FUNCTION = "is not one function of the image"
BAD_TRANSFORMS = {
    "albumentations:Solarise": "did you mean Solarize?",
    "albumentation:Solarize": "did you mean albumentations?",
    "dihedral:flip": "the plugin dihedral builds nothing from a text",
    "albumentations:Solarize(treshold_range=(0.5, 0.5))": "did you mean threshold_range?",
    "albumentations:Solarize(threshold_range=open('x'))": "is not a literal",
    "albumentations:Solarize(threshold_range=(0.5, 7))": "threshold_range",
    "albumentations:Solarize(": "cannot be read",
    "albumentations:__import__('os').getcwd()": "is no transform with its settings",
    "albumentations:HorizontalFlip(p=0.5)": f"p below 1 {NO_FUNCTION}",
    "albumentations:GaussianBlur": f"{NO_FUNCTION}; fix its ranges, for example sigma_limit=(3.0, 3.0)",
    "albumentations:GaussNoise": f"{NO_FUNCTION}; give a seed",
    "albumentations:D4(seed='x')": "seed must be a whole number",
}


@pytest.mark.parametrize("target", BAD_TRANSFORMS)
def test_a_bad_transform_gets_one_clear_line(program: Program, tmp_path: Path, target: str) -> None:
    done = program("register", target)
    assert (done.code, done.out) == (2, "")
    assert BAD_TRANSFORMS[target] in done.err
    assert len(done.err.splitlines()) == 1
    assert not (tmp_path / "augalg.toml").exists()


def test_a_random_pipeline_says_how_to_fix_it(program: Program, tmp_path: Path) -> None:
    import albumentations

    albumentations.save(
        albumentations.Compose([albumentations.HorizontalFlip(p=0.5)]), tmp_path / "sometimes.yaml", "yaml"
    )
    done = program("register", "sometimes.yaml")
    assert done.code == 2
    assert 'albumentations:serialized("sometimes.yaml", seed=0)' in done.err
    assert program("register", 'albumentations:serialized("sometimes.yaml", seed=0)').code == 0
