"""One training in two processes: the losses of one process, an interrupt that all hear of, and one process goes on."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from augalgebra import load_catalog
from augalgebra.errors import AugalgebraError
from augalgebra.runs.run import Run
from augalgebra.runs.stages import train
from augalgebra.training.devices import assemble_team, is_first_process
from augalgebra.training.settings import TrainSettings

TOLERANCE = 1e-4
"""In nats, and relative; the processes add up in another order, and 8 steps of the optimizer make more of that."""

SCRIPT = """
import os, signal, sys
from augalgebra import load_catalog
from augalgebra.runs.stages import train
from augalgebra.training.settings import TrainSettings


def stop(report):
    if report.step == 3:
        os.kill(os.getpid(), signal.SIGINT)


signal.signal(signal.SIGINT, signal.default_int_handler)
settings = TrainSettings(**eval(sys.argv[2]))
run = train(sys.argv[1], settings, load_catalog(), progress=stop, devices=2)
print(run.ended, run.steps)
"""


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
def test_two_processes_make_the_losses_of_one_and_are_interrupted_together(
    tmp_path: Path, few_digits: Path, likelihood: str
) -> None:
    pytest.importorskip("lightning_fabric")
    # of 48 images the second batch is one image, so that one of the processes has nothing to do in it
    settings = {"data": str(few_digits), "augmentations": ("flip_lr", "flip_ud"), "batch_size": 47, "width": 4}
    settings |= {"dim": 4, "epochs": 4, "device": "cpu", "likelihood": likelihood}
    (tmp_path / "script.py").write_text(SCRIPT)
    program = [sys.executable, tmp_path / "script.py", tmp_path / "two", repr(settings)]
    done = subprocess.run(program, capture_output=True, text=True, check=False, timeout=280)
    assert done.stdout == "interrupted 3\n", done.stderr
    catalog = load_catalog()
    one = train(tmp_path / "one", TrainSettings(**settings), catalog)
    train(tmp_path / "two", TrainSettings(**settings), catalog, resume=True)
    two = Run.load(tmp_path / "two", catalog)
    assert (8, "limit") == (two.steps, two.ended)
    curves = [[epoch["terms"] for epoch in run.metrics if epoch["stage"] == "stage 1"] for run in (one, two)]
    assert 4 == len(curves[0]) == len(curves[1])
    for ours, theirs in zip(*curves, strict=True):
        assert ours == pytest.approx(theirs, rel=TOLERANCE, abs=TOLERANCE)
    for ours, theirs in zip(one.space.parameters(), two.space.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-2, atol=1e-3)


def test_what_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert assemble_team(1, "auto", torch.device("cpu")) is None
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with pytest.raises(AugalgebraError, match=r"pip install 'augalgebra\[devices\]'"):
        assemble_team(2, "auto", torch.device("cpu"))
    for name, value in {"LOCAL_WORLD_SIZE": "4", "WORLD_SIZE": "8", "TORCHELASTIC_RUN_ID": "1", "RANK": "3"}.items():
        monkeypatch.setenv(name, value)
    assert not is_first_process()
    with pytest.raises(AugalgebraError, match="torchrun started 4 processes here, not 2"):
        assemble_team(2, "auto", torch.device("cpu"))


def test_a_strategy_that_fabric_does_not_know_is_told() -> None:
    pytest.importorskip("lightning_fabric")
    with pytest.raises(AugalgebraError, match="Fabric cannot train on 2 devices"):
        assemble_team(2, "by magic", torch.device("cpu"))
