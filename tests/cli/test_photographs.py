"""Pictures in colour from the command line: which likelihood is chosen and said, and every use of the run after it."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

SIZE = 12


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Thirty smooth pictures in colour: a shade, a slope to the right, one downwards, and their product."""
    random = np.random.default_rng(0)
    slope = np.linspace(-1, 1, SIZE)
    across, down = np.meshgrid(slope, slope)
    patterns = np.stack([np.ones_like(across), across, down, across * down])
    shades = random.normal(size=(4, 3))
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, weights in enumerate(random.normal(size=(30, 4))):
        pixels = 1 / (1 + np.exp(-np.einsum("k,kc,khw->hwc", weights, shades, patterns)))
        Image.fromarray((255 * pixels).astype(np.uint8)).save(folder / f"{number:02}.png")
    return folder


def test_photographs_are_gaussian_and_every_command_knows(program: Callable[..., Any], pictures: Path) -> None:
    small = ("--dim", "6", "--width", "12", "--batch-size", "8", "--learning-rate", "0.02", "--epochs", "100")
    trained = program("train", "run", "--data", str(pictures), *small, "--json")
    assert trained.code == 0, trained.err
    assert "gaussian likelihood, since pixels of" in trained.err
    assert "'--likelihood bernoulli' takes the other" in trained.err
    assert "gaussian" == trained.data["likelihood"]
    assert 'likelihood = "gaussian"' in Path("run/run.toml").read_text()

    checked = program("check", "run", "--json")
    assert checked.code == 0, checked.err
    images = [np.asarray(Image.open(path), dtype=float) / 255 for path in sorted(pictures.iterdir())]
    held_out = [image for number, image in enumerate(images) if number % 5 == 4]
    mean = np.mean([image for number, image in enumerate(images) if number % 5 != 4], 0)
    grey = float(np.mean([(image - mean) ** 2 for image in held_out]))
    assert 0 < checked.data["floor"]["id"] < 0.7 * grey  # squared errors, and better than one picture for all
    assert checked.data["psnr"]["id"] == pytest.approx(-10 * math.log10(checked.data["floor"]["id"]), abs=1e-4)
    assert checked.data["psnr_mean_picture"] == pytest.approx(-10 * math.log10(grey), abs=1e-4)
    for score in checked.data["words"]:
        assert score["psnr"] == pytest.approx(-10 * math.log10(score["bce"]), abs=1e-4)
        assert score["entropy"] == 0
        assert score["excess"] == score["bce"]
    assert {score["verdict"] for score in checked.data["words"] if score["word"] == "flip_lr"} & {"holds", "violated"}
    shown = program("check", "run")
    assert f"PSNR: direct views {checked.data['psnr']['id']:.2f} dB, moved ones at least" in shown.out
    assert f"the mean picture for all {checked.data['psnr_mean_picture']:.2f}" in shown.out

    assert program("report", "run").code == 0
    added = program("transfer", "run", "invert", "--mode", "extend", "--epochs", "2", "--json")
    assert added.code == 0, added.err
    assert 0 < added.data["floor"]["invert"] < 1
    one = str(next(iter(sorted(pictures.iterdir()))))
    applied = program("apply", "run", "flip_lr", one, "--out", "moved", "--json")
    assert applied.code == 0, applied.err
    assert program("recurse", "run", "flip_lr", "--repeats", "2", "--json").code == 0
    assert program("sample", "run", "--out", "sampled.png").code == 0
    assert program("interpolate", "run", "0", "3", "--out", "between.png").code == 0


def test_digits_are_bernoulli_and_a_name_overrules_the_images(
    program: Callable[..., Any], few_digits: Path, pictures: Path
) -> None:
    small = ("--dim", "4", "--width", "4", "--epochs", "1")
    digits = program("train", "digits", "--data", str(few_digits), *small, "--json")
    assert (digits.code, digits.data["likelihood"]) == (0, "bernoulli")
    assert "bernoulli likelihood, since" in digits.err
    named = program("train", "named", "--data", str(pictures), *small, "--likelihood", "bernoulli", "--json")
    assert (named.code, named.data["likelihood"]) == (0, "bernoulli")
    assert "likelihood" not in named.err


def test_what_is_no_likelihood_is_one_line(program: Callable[..., Any], few_digits: Path) -> None:
    refused = program("train", "run", "--data", str(few_digits), "--likelihood", "gausian")
    assert refused.code == 2
    assert "'gausian'" in refused.err
    assert "bernoulli" in refused.err
    assert "Traceback" not in refused.err
