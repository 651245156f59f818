"""Comparisons from the command line."""

import json
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


def test_a_comparison_is_made_kept_and_shown(augalg: Callable[..., Any], few: Path) -> None:
    done = augalg(*COMMAND, "--seeds", "0,1", "--epochs", "1", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert [result["seed"] for result in answer["results"]] == [0, 1]
    assert all(Path(few / file).is_file() for file in answer["files"])
    assert {"slide", "text", "measured", "holds", "values"} == answer["claims"][0].keys()
    assert "2 seeds" in answer["claims"][0]["measured"]

    again = augalg(*COMMAND, "--seeds", "0", "--epochs", "1")
    assert again.returncode == 0, again.stderr
    assert "1 of 1 results were in out already" in again.stderr
    assert "Slide 22" in again.stdout
    assert "![involution](involution-0.png)" in (few / "out" / "compare.md").read_text()


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
    augalg: Callable[..., Any], few: Path, arguments: list[str], message: str
) -> None:
    done = augalg(*COMMAND, *arguments, env={"COLUMNS": "200"})
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
