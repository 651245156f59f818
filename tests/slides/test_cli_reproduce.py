"""``augalg slides reproduce``: its answers, its exit codes, and an end before the end."""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from augalgebra.data.dataset import load_data

DATA = load_data().part(60)


def test_from_the_command_line(augalg: Callable[..., Any], tmp_path: Path) -> None:
    import numpy as np

    images, labels = DATA.train.images[:, 0].numpy(), DATA.train.labels.numpy()
    np.savez(tmp_path / "few.npz", images=images, labels=labels)
    command = ("slides", "reproduce", "--quick", "--data", "few.npz", "--epochs", "1", "--out", "out")
    done = augalg(*command, "--only", "involution", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert {row["experiment"] for row in answer["claims"]} == {"involution"}
    assert all((tmp_path / file).is_file() for file in answer["files"].values())
    again = augalg(*command, "--only", "involution")
    assert again.returncode == 0, again.stderr
    assert "1 of 1 results were in out already" in again.stderr
    assert "report.html" in again.stdout

    for arguments, message in (
        (["--only", "involutoin"], "did you mean involution"),
        (["--only", ","], "--only names no experiment"),
        (["--seeds", "one"], "'one' is no list of seeds"),
        (["--data", "digit"], "did you mean digits"),
        (["--out", "."], "holds something else"),
    ):
        refused = augalg(*command, *arguments, env={"COLUMNS": "200"})
        assert (refused.returncode, refused.stdout) == (2, ""), refused.stderr
        assert message in refused.stderr
        assert "Traceback" not in refused.stderr


def test_a_failed_experiment_is_exit_code_one(augalg: Callable[..., Any], tmp_path: Path) -> None:
    import numpy as np

    np.savez(tmp_path / "plain.npz", images=DATA.train.images[:40, 0].numpy())  # without classes
    few = ("--data", "plain.npz", "--epochs", "1", "--only", "cvae")
    command = ("slides", "reproduce", "--quick", *few, "--out", "out")
    done = augalg(*command)
    assert done.returncode == 1
    assert "failed: cvae: " in done.stdout
    assert "Traceback" not in done.stderr


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
