"""``augalg slides reproduce``: its answers, its exit codes, and an end before the end."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from augalgebra.data.loading import load_data

DATA = load_data().part(60)


def test_from_the_command_line(program: Callable[..., Any], tmp_path: Path) -> None:
    import numpy as np

    images, labels = DATA.train.images[:, 0].numpy(), DATA.train.labels.numpy()
    np.savez(tmp_path / "few.npz", images=images, labels=labels)
    command = ("slides", "reproduce", "--quick", "--data", "few.npz", "--epochs", "1", "--out", "out")
    done = program(*command, "--only", "involution", "--json")
    assert done.code == 0, done.err
    answer = done.data
    assert {row["experiment"] for row in answer["claims"]} == {"involution"}
    assert all((tmp_path / file).is_file() for file in answer["files"].values())
    again = program(*command, "--only", "involution")
    assert again.code == 0, again.err
    assert "1 of 1 results were in out already" in again.err
    assert "report.html" in again.out

    for arguments, message in (
        (["--only", "involutoin"], "did you mean involution"),
        (["--only", ","], "--only names no experiment"),
        (["--seeds", "one"], "'one' is no list of seeds"),
        (["--data", "digit"], "did you mean digits"),
        (["--out", "."], "holds something else"),
    ):
        refused = program(*command, *arguments, env={"COLUMNS": "200"})
        assert (refused.code, refused.out) == (2, ""), refused.err
        assert message in refused.err
        assert "Traceback" not in refused.err


def test_a_failed_experiment_is_exit_code_one(program: Callable[..., Any], tmp_path: Path) -> None:
    import numpy as np

    np.savez(tmp_path / "plain.npz", images=DATA.train.images[:40, 0].numpy())  # without classes
    few = ("--data", "plain.npz", "--epochs", "1", "--only", "cvae")
    command = ("slides", "reproduce", "--quick", *few, "--out", "out")
    done = program(*command)
    assert done.code == 1
    assert "failed: cvae: " in done.out
    assert "Traceback" not in done.err


def test_asked_to_end_it_keeps_what_is_done(tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("augalg")
    command = [program, "slides", "reproduce", "--quick", "--only", "involution", "--epochs", "500", "--out", "out"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        while not (tmp_path / "out" / "reproduce.json").exists():
            assert process.poll() is None
            time.sleep(0.1)
        time.sleep(0.5)
        process.terminate()
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "what is done is kept in out" in told
    assert "Traceback" not in told
