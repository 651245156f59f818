"""Sweeps and advice from the command line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SWEEP = ["--pairs", "flip_lr,flip_ud; shear_x,canny", "--mode", "relabel", "--data", "few.npz"]
TINY = ["--width", "4", "--dim", "4", "--epochs", "1", "--transfer-epochs", "1", "--threads", "1"]


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """A data set of thirty digits in a file."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.kron(digits.images[:30], np.ones((2, 2))) / 16  # [30, 16, 16]
    file = tmp_path / "few.npz"
    np.savez(file, images=images.astype(np.float32), labels=digits.target[:30])
    return file


def test_a_sweep_is_made_taken_up_again_and_advised_from(program: Callable[..., Any], few: Path) -> None:
    made = program("slides", "sweep", "out", *SWEEP, *TINY)
    assert made.code == 0, made.err
    assert "(native)" in made.out
    assert "excess" in made.out
    assert "The choice of the initial pair" not in made.out  # two pairs leave one start for each target
    assert {"sweep.json", "result.json", "table.md", "totals-relabel.png", "terms-relabel.png", "cells", "runs"} == {
        path.name for path in (few.parent / "out").iterdir()
    }

    lost = next((few.parent / "out" / "cells").iterdir())
    before = lost.read_bytes()
    lost.write_bytes(b"damaged")
    again = program("slides", "sweep", "out", *SWEEP, *TINY, "--json")
    assert again.code == 0, again.err
    assert lost.read_bytes() == before
    answer = again.data
    assert lost.name in answer["notes"][0]
    assert (answer["complete"], len(answer["entries"])) == (True, 6)

    advised = program("slides", "advise", "shear_x,canny", "--from", "out", "--epochs", "1", "--json")
    assert advised.code == 0, advised.err
    advice = advised.data
    assert {"target", "candidates", "predictors", "verdict"} <= advice.keys()
    assert all(item["observed"] is not None for item in advice["candidates"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["slides", "sweep", "out", "--pairs", "flip_lr"], "flip_lr is no pair"),
        (["slides", "sweep", "out", "--pairs", "slids"], "did you mean slides?"),
        (["slides", "sweep", "out", "--seeds", "one"], "'one' are no seeds"),
        (["slides", "sweep", "out", "--transfer-budget", "soon"], "'soon' is no time"),
        (["slides", "sweep", "out", "--kl-weight", "inf"], "kl_weight must be a finite number of at least 0, not inf"),
        (["slides", "sweep", "out", "--transfer-rate", "inf"], "transfer_rate must be a finite number from 0, not inf"),
        (["slides", "sweep", "out", "--decoder", "deep"], "unknown decoder 'deep'; did you mean slides.deep?"),
        (["slides", "sweep", "out", "--scheduler", "tcp://127.0.0.1:1"], "has no scheduler"),
        (["slides", "sweep", ".", "--data", "few.npz"], "holds something that is no sweep"),
        (["slides", "advise", "flip_lr"], "flip_lr is no pair"),
        (["slides", "advise", "slides"], "name one pair to be drawn, not 4"),
        (["slides", "advise", "flip_lr,flip_ud", "--from", "nowhere"], "there is no sweep in nowhere"),
        (["slides", "advise", "flip_lr,flip_ud", "--from", "out", "--pairs", "slides"], "leave out --pairs"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_gets_one_clear_line(
    program: Callable[..., Any], few: Path, arguments: list[str], message: str
) -> None:
    done = program(*arguments, env={"COLUMNS": "200"})
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "Traceback" not in done.err
    assert [few.name] == [path.name for path in few.parent.iterdir()]
