"""``augalg fuse``, as a user calls it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np


def test_fuse_says_what_it_did_and_why(program: Callable[..., Any]) -> None:
    done = program("fuse", "flip_lr * brightness(0.2) * flip_lr * contrast(2)", "--size", "16", "--json")
    assert done.code == 0, done.err
    found = done.data
    assert (found["reduced"], found["scope"]) == ("brightness(0.2) * contrast(2)", "exact")
    assert [stage["kind"] for stage in found["stages"]] == ["values"]
    *laws, merge = found["changes"]
    assert all(change["checked"] and change["declared_by"] for change in laws)
    assert (laws[0]["before"], merge["after"]) == (found["word"], "one map of values")
    shown = program("fuse", "flip_lr * brightness(0.2) * flip_lr * contrast(2)", "--size", "16").out
    assert "[flip_lr^2 = id; dihedral, checked]" in shown


def test_fuse_exits_with_1_if_there_is_nothing_to_reduce(program: Callable[..., Any]) -> None:
    assert program("fuse", "flip_lr * posterize(3)", "--size", "16").code == 1
    assert program("fuse", "rotate(20) * scale(0.9)", "--size", "16x20").code == 0
    assert program("fuse", "rotate(20) * scale(0.9)", "--size", "16", "--exact").code == 1


def test_fuse_tells_bad_input_in_one_line(program: Callable[..., Any]) -> None:
    for arguments, message in [
        (["flip_lr", "--size", "big"], "--size is a number of pixels from 8 to 2048"),
        (["albumentations:Compose([D4(p=1)])"], "step 1, D4, draws its parameters at random"),
        (["flip_lr * flip_lr", "--size", "16", "--out", "less.txt"], "no plugin writes a pipeline to 'less.txt'"),
        (["shear_x * rotate(5)", "--size", "16", "--out", "less.json"], "draws its parameters in a way"),
    ]:
        done = program("fuse", *arguments)
        assert done.code == 2
        assert message in " ".join(done.err.split())


def test_a_pipeline_of_albumentations_is_reduced_and_written_back(program: Callable[..., Any], tmp_path: Path) -> None:
    whole = A.Compose(
        [
            A.HorizontalFlip(p=1),
            A.Rotate(limit=(20, 20), p=1),
            A.HorizontalFlip(p=1),
            A.Affine(shear={"x": (10, 10), "y": (0, 0)}, p=1),
            A.RandomBrightnessContrast((0.1, 0.1), (0.2, 0.2), p=1),
        ]
    )
    A.save(whole, tmp_path / "policy.json")
    done = program("fuse", "policy.json", "--size", "48", "--out", "less.json")
    assert done.code == 0, done.err
    assert "Affine (step 4)" in done.out
    assert "__class_fullname__" not in done.out
    less = A.load(tmp_path / "less.json")
    assert [type(part).__name__ for part in less.transforms] == ["Affine", "RandomBrightnessContrast"]
    y, x = np.mgrid[-1:1:48j, -1:1:48j]
    picture = np.exp(-5 * (x**2 + y**2))[..., None].repeat(3, 2).astype(np.float32)
    apart = less(image=picture)["image"] - whole(image=picture)["image"]
    assert np.sqrt((apart**2).mean()) < 0.01
