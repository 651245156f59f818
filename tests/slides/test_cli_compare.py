"""Comparisons from the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def few(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).random((40, 8, 8)).astype(np.float32)
    np.savez(tmp_path / "few.npz", images=pixels, labels=np.arange(40) % 2)
    return tmp_path


COMMAND = [
    *("slides", "compare", "out", "--experiment", "involution"),
    *("--data", "few.npz", "--quick", "--dim", "3", "--width", "2"),
]


def test_a_comparison_is_made_kept_and_shown(program: Callable[..., Any], few: Path) -> None:
    done = program(*COMMAND, "--seeds", "0,1", "--epochs", "1", "--json")
    assert done.code == 0, done.err
    answer = done.data
    assert [result["seed"] for result in answer["results"]] == [0, 1]
    assert all(Path(few / file).is_file() for file in answer["files"])
    assert {"slide", "text", "measured", "holds", "values"} == answer["claims"][0].keys()
    assert "2 seeds" in answer["claims"][0]["measured"]

    again = program(*COMMAND, "--seeds", "0", "--epochs", "1")
    assert again.code == 0, again.err
    assert "1 of 1 results were in out already" in again.err
    assert "Slide 22" in again.out
    text = (few / "out" / "compare.md").read_text()
    assert "![involution](involution-0.png)" in text
    assert "### Seed 1" in text

    other = program(*COMMAND, "--seeds", "0", "--epochs", "2")
    assert (other.code, other.out) == (2, "")
    assert "not what is asked for now" in " ".join(other.err.split())
    assert (few / "out" / "compare.md").read_text() == text


def test_a_comparison_that_fails_is_noted(program: Callable[..., Any], few: Path) -> None:
    done = program(*COMMAND, "--augs", "rotate_cw,rotate_ccw", env={"COLUMNS": "200"})
    assert done.code == 1
    assert "involution, seed 0, failed: neither rotate_cw nor rotate_ccw is its own inverse" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seeds", "one"], "'one' is no list of seeds"),
        (["--seeds", "1,1"], "none twice"),
        (["--augs", "flip_lr"], "two augmentations"),
        (["--experiment", "vae"], "vae"),
        (["--budget", "soon"], "'soon' is no time"),
        (["--augs", "flip_lr,flip_du"], "did you mean"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_gets_one_clear_line(
    program: Callable[..., Any], few: Path, arguments: list[str], message: str
) -> None:
    done = program(*COMMAND, *arguments, env={"COLUMNS": "200"})
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "Traceback" not in done.err
