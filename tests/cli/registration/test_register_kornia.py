"""Augmentations of kornia on the command line: registered, inverted, compared."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("kornia", reason="the extra kornia is not installed")
Program = Callable[..., Any]

AUGMENTATIONS = {
    "RandomHorizontalFlip(p=1.0)": (
        "random_horizontal_flip",
        ["random_horizontal_flip^2 = id", "random_horizontal_flip = flip_lr"],
    ),
    "RandomInvert": ("random_invert", ["random_invert^2 = id", "random_invert = invert"]),
}


@pytest.mark.parametrize("text", AUGMENTATIONS)
def test_laws_of_augmentations_are_proposed(program: Program, text: str) -> None:
    name, laws = AUGMENTATIONS[text]
    done = program("register", f"kornia:{text}", "--json")
    assert done.code == 0, done.err
    assert done.data["name"] == name
    proposed = {item["equation"]: item for item in done.data["proposed"]}
    assert list(proposed)[:2] == laws
    assert all(item["error"] < 1e-5 < item["moved"] for item in proposed.values())


def test_accepted_laws_are_reasoned_with(program: Program) -> None:
    target = "kornia:RandomHorizontalFlip"
    assert program("register", target, "--name", "mirror", "--accept", "mirror = flip_lr").code == 0
    assert program("equal", "mirror * flip_lr", "id", "--json").data["level"] == "laws"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("kornia:RandomInvertt", "did you mean RandomInvert?"),
        ("kornia:RandomInvert(p=0.5)", "p below 1 is not one function of the image"),
        ("kornia:RandomRotation(degrees=20.0)", "draws random numbers"),
        ("kornia:RandomGaussianNoise", "so that no seed of an image fixes them"),
        ("kornia:Normalize(0.5, 0.5)", "leaves the range [0, 1]"),
        ("kornia:Sequential(RandomInvert(p=1))", "register them one by one"),
        ("kornia:RandomInvert(", "cannot be read"),
        ("kornia:__import__('os').getcwd()", "is no augmentation with its settings"),
    ],
)
def test_what_cannot_be_registered_gets_one_line(program: Program, target: str, message: str) -> None:
    done = program("register", target)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert message in done.err


def test_a_pipeline_is_inverted_or_refused_by_step(program: Program) -> None:
    good = "kornia:AugmentationSequential(RandomHorizontalFlip(p=1), Normalize(mean=0.5, std=0.25))"
    done = program("invert", good, "--size", "12", "--json")
    assert (done.code, done.data["verdict"]) == (0, "exact")
    assert done.data["inverse"].startswith("kornia.Denormalize(0.5, 0.25) * ")
    lost = program("invert", "kornia:Sequential(RandomInvert(p=1), RandomPosterize((3, 3), p=1))", "--size", "12")
    assert lost.code == 1
    done = program("invert", "kornia:Sequential(RandomInvert(p=1), RandomHorizontalFlip)")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "step 2, RandomHorizontalFlip, happens with probability 0.5 only" in done.err


def test_the_matrix_compares_examples_of_several_plugins(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, words in (("one", ["kornia.RandomInvert", "invert"]), ("two", ["albumentations.InvertImg"])):
        (tmp_path / f"acme_{name}.py").write_text(
            f"import augalgebra as aa\n\n\n@aa.hookimpl\ndef augalg_examples():\n    return {words}\n"
        )
    monkeypatch.setenv("AUGALG_PLUGINS", os.pathsep.join(str(tmp_path / f"acme_{n}.py") for n in ("one", "two")))
    chosen = ["--examples", "acme_one", "--examples", "acme_two", "--size", "12", "--out", "page.md"]
    done = program("matrix", *chosen, "--json")
    assert done.code == 0, done.err
    names = [item["name"] for item in done.data["augmentations"]]
    assert names == ["kornia.RandomInvert", "invert", "albumentations.InvertImg"]
